"""A process that dies loses nothing that it acknowledged.

Recovery tells exactly what may have left.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import Signer
from gateway.keys.folder import KeyFolder
from gateway.store.start import open_log
from tests.data import ROOT
from tests.store.town import ORIGIN, Fatal, StandingClock, Town, TrueEntropy, findings
from tests.store.victim import UNKNOWN_EXIT

if TYPE_CHECKING:
    from pathlib import Path


def _victim(folder: Path, seed: int, *limit: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.store.victim", str(folder), str(seed), *limit]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)  # noqa: S603 - our own


def _killed(folder: Path, seed: int) -> list[list[str]]:
    """Run a victim, kill it at a random moment after its first word, return what it said."""
    with _victim(folder, seed) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        time.sleep(random.Random(seed).uniform(0.0, 0.4))  # noqa: S311 - the moment of a test
        os.kill(process.pid, signal.SIGKILL)
        return _lines(said + process.stdout.read())


def _lines(said: bytes) -> list[list[str]]:
    """Return whole lines: the last may be cut off."""
    return [line.split() for line in said.decode().split("\n")[:-1]]


def _restart(folder: Path, keys: KeyFolder) -> None:
    """Start on what the dead process left, and stop."""
    fatal = Fatal()

    async def run() -> None:
        log = open_log(
            Town(folder).place,
            signer=Signer.from_seed(ORIGIN, keys.signing_seed()),
            keys=keys,
            clock=StandingClock(),
            entropy=TrueEntropy(),
            fatal=fatal,
        )
        await log.close()

    asyncio.run(run())
    assert [] == fatal.errors


def _findings(folder: Path, keys: KeyFolder) -> list[str]:
    place = Town(folder).place
    verifier = Signer.from_seed(ORIGIN, keys.signing_seed()).verifier
    return findings(place.database, verifier, place.held.read_text(), keys.by_id)


def _check(folder: Path, keys: KeyFolder, said: list[list[str]]) -> None:
    """Hold what is in the log against what was acknowledged."""
    town = Town(folder)
    before = {
        x.hex(): chunks
        for x, chunks in town.rows(
            "SELECT o.x, count(e.seq) FROM log_open o LEFT JOIN log_entry e "
            "ON e.x = o.x AND e.k = 'release' GROUP BY o.x"
        )
    }
    _restart(folder, keys)
    rows = town.rows("SELECT seq, k, hex(x), n FROM log_entry")
    there = {(kind, x.lower(), n): seq for seq, kind, x, n in rows}

    for word, exchange, *rest in said:
        x = exchange.replace("-", "")
        chunk = int(rest[0]) if word == "release" else 0
        index = there.get((word, x, chunk))
        assert index is not None, "an acknowledged entry is lost"
        if rest:
            assert int(rest[-1]) == index
    recovered = {x for kind, x, _ in there if kind == "recovered"}
    assert set(before) <= recovered
    assert [] == _findings(folder, keys)

    size = len(rows)
    _restart(folder, keys)
    assert ["config", "config"] == town.kinds()[size:]


def _rounds(folder: Path, seeds: range) -> None:
    keys = KeyFolder.create(folder / "keys", TrueEntropy())
    for seed in seeds:
        _check(folder, keys, _killed(folder, seed))


def test_a_killed_process_loses_nothing(tmp_path: Path) -> None:
    """Killed at ten random moments, on one log that goes on.

    Acknowledged is present, and recovery is exact.
    """
    _rounds(tmp_path, range(10))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_killed_process_loses_nothing_fifty_times(tmp_path: Path) -> None:
    """The same, fifty times."""
    _rounds(tmp_path, range(100, 150))


@pytest.mark.parametrize("limit", [150_000, 400_000, 1_500_000])
def test_a_file_that_cannot_grow_ends_the_process(tmp_path: Path, limit: int) -> None:
    """A write that fails in COMMIT is of unknown fate.

    The process ends with 75, and nothing acknowledged is lost.
    """
    keys = KeyFolder.create(tmp_path / "keys", TrueEntropy())
    process = _victim(tmp_path, 1, str(limit))

    said, _ = process.communicate(timeout=60)

    assert UNKNOWN_EXIT == process.returncode
    _check(tmp_path, keys, _lines(said))
