"""A process that dies loses nothing that it acknowledged.

Recovery tells exactly what may have left.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from gateway.keys.folder import KeyFolder
from tests.data import ROOT
from tests.store.aftermath import check, lines
from tests.store.town import TrueEntropy
from tests.store.victim import UNKNOWN_EXIT

if TYPE_CHECKING:
    from pathlib import Path


def _victim(folder: Path, seed: int, *more: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.store.victim", str(folder), str(seed), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)  # noqa: S603 - our own


def _killed(folder: Path, seed: int) -> list[list[str]]:
    """Run a victim, kill it at a random moment after its first word, return what it said."""
    with _victim(folder, seed) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        time.sleep(random.Random(seed).uniform(0.0, 0.4))  # noqa: S311 - the moment of a test
        os.kill(process.pid, signal.SIGKILL)
        return lines(said + process.stdout.read())


def _rounds(folder: Path, seeds: range) -> None:
    keys = KeyFolder.create(folder / "keys", TrueEntropy())
    for seed in seeds:
        check(folder, keys, _killed(folder, seed))


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


@pytest.mark.parametrize("limit", [200_000, 400_000, 1_500_000])
def test_a_file_that_cannot_grow_ends_the_process(tmp_path: Path, limit: int) -> None:
    """A write that fails in COMMIT is of unknown fate.

    The process ends with 75, and nothing acknowledged is lost.
    """
    keys = KeyFolder.create(tmp_path / "keys", TrueEntropy())
    process = _victim(tmp_path, 1, "--limit", str(limit))

    said, _ = process.communicate(timeout=60)

    assert UNKNOWN_EXIT == process.returncode
    check(tmp_path, keys, lines(said))
