"""aics-tlog reads our export, and aics-witness cosigns our log: programs of a single other author.

They want Python 3.12, so they are not among our own tools: the tests run where they are on PATH, or
in the folder that ACCORD_AICS names.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pytest

from gateway.audit.checkpoint import Verifier, cosignatures
from gateway.store.faults import RollbackError
from gateway.store.witness import Witness
from tests.cli import exported
from tests.interop.tampered import ATTACKS, attacked
from tests.store.test_log_witness import WitnessedTown, grown, release, until
from tests.store.town import ORIGIN, a_signer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.store.start import Place
    from tests.cli.exported import Exported

_PATH: Final = os.environ.get("ACCORD_AICS", "") + os.pathsep + os.environ.get("PATH", "")
TLOG: Final = shutil.which("aics-tlog", path=_PATH)
WITNESS: Final = shutil.which("aics-witness", path=_PATH)
WHERE: Final = "(PyPI, Python 3.12) on PATH, or in the folder that ACCORD_AICS names"
needs_tlog = pytest.mark.skipif(TLOG is None, reason=f"needs aics-tlog {WHERE}")
needs_witness = pytest.mark.skipif(WITNESS is None, reason=f"needs aics-witness {WHERE}")

UNREAD: Final = {
    "a bundle cut after an entry",
    "a bundle cut within an entry",
    "a bundle missing",
    "a bundle that goes on",
    "a byte of the last entry",
    "an entry left out",
    "an entry put in",
    "a fourth line, signed anew",
}
"""What it does not reject: it reads hashes and the leaves that are given, here the first entry; and
a checkpoint may have lines of extension to it, which ours never has."""


def _run(tool: str | None, *arguments: str, folder: Path | None = None) -> tuple[int, str]:
    assert tool is not None
    done = subprocess.run(  # noqa: S603 - the tool under test, without a shell
        [tool, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


# --- aics-tlog ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Return what a deployment hands to an auditor."""
    return exported.write(tmp_path_factory.mktemp("aics"))


def _reads(log: Path, vkey: Path, held: Path, leaf: Path) -> tuple[int, str]:
    """Return the first exit code above 0 of what it has to say of a log, and what it said."""
    key = ("--tiles", str(log), "--vkey-file", str(vkey))
    said = ""
    for verb in (
        ("verify-checkpoint",),
        ("verify-inclusion", "--leaf", str(leaf), "--index", "0"),
        ("verify-consistency", "--old-checkpoint", str(held)),
    ):
        code, told = _run(TLOG, verb[0], *key, *verb[1:])
        said += told
        if code:
            return code, said
    return 0, said


def _leaf(log: Path, folder: Path) -> Path:
    """Write the first entry to a file of its own."""
    data = (log / "tile" / "entries" / "000").read_bytes()
    path = folder / "leaf"
    path.write_bytes(data[2 : 2 + int.from_bytes(data[:2], "big")])
    return path


@needs_tlog
def test_aics_tlog_accepts_the_export(made: Exported, tmp_path: Path) -> None:
    """Checkpoint, inclusion and consistency."""
    code, said = _reads(made.log, made.vkey, made.early, _leaf(made.log, tmp_path))

    assert 0 == code, said


@needs_tlog
@pytest.mark.long
@pytest.mark.timeout(600)
def test_aics_tlog_rejects(made: Exported, tmp_path: Path) -> None:
    """Each change of what it reads, and of nothing else."""
    accepted = set()
    for attack in ATTACKS:
        if "level 2" not in attack.name:
            log, vkey, held = attacked(attack, made, tmp_path / attack.name)
            code, _ = _reads(log, vkey, held, _leaf(log, tmp_path))
            if code == 0:
                accepted.add(attack.name)

    assert UNREAD == accepted


# --- aics-witness ---------------------------------------------------------------------------------


@contextmanager
def _serving(folder: Path) -> Iterator[Witness]:
    """Run a witness that knows the town's log; yield how the log knows it."""
    assert WITNESS is not None
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    listen = ("--listen", f"127.0.0.1:{port}")
    code, said = _run(
        WITNESS, "init", "-c", "w.json", "--name", "witness.example/aics", *listen, folder=folder
    )
    assert 0 == code, said
    vkey = next(line for line in said.splitlines() if line.startswith("witness.example/aics+"))
    added = ("add-log", "-c", "w.json", "--origin", ORIGIN, "--vkey", a_signer().vkey)
    code, said = _run(WITNESS, *added, folder=folder)
    assert 0 == code, said
    with subprocess.Popen(  # noqa: S603 - the tool under test
        [WITNESS, "serve", "-c", "w.json"], cwd=folder, stderr=subprocess.DEVNULL
    ) as process:
        try:
            _listening(port)
            yield Witness(f"http://127.0.0.1:{port}", Verifier.from_vkey(vkey))
        finally:
            process.terminate()


def _listening(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < until, "the witness does not listen"
            time.sleep(0.05)
        else:
            return


@dataclass
class Watched(WitnessedTown):
    """A town whose log has one witness, of another make."""

    by: Witness | None = None

    @property
    def place(self) -> Place:
        """Where the log lies, and who cosigns it."""
        known = () if self.by is None else (self.by,)
        return replace(super().place, witnesses=known)


@needs_witness
def test_aics_witness_cosigns_the_log(tmp_path: Path) -> None:
    """What our own gateway shows it goes on from what it saw, and its signature is one to us."""
    with _serving(tmp_path) as witness:
        town = Watched(tmp_path / "town", by=witness, sync=True)

        async def run() -> str:
            async with town.log() as log:
                return await release(log, 1)

        note = asyncio.run(run())
        grown(town, 5, start=10)

    assert [witness.name] == list(cosignatures(note, [witness.verifier]))
    assert [] == town.findings()
    assert [] == town.fatal.errors


@needs_witness
def test_aics_witness_keeps_the_evidence_of_a_fork(tmp_path: Path) -> None:
    """Two copies that both went on: it cosigns the first, and both notes lie in its database."""
    with _serving(tmp_path) as witness:
        town = Watched(tmp_path / "town", by=witness)
        grown(town, 3)
        shutil.copytree(town.root, tmp_path / "copy")
        grown(town, 5, start=10)
        copy = Watched(tmp_path / "copy", keys=town.keys)
        grown(copy, 9, start=40)
        copy.by = witness

        async def run() -> None:
            try:
                log = copy.open()
            except RollbackError as error:
                copy.fatal(error)
                return
            await until(lambda: copy.fatal.errors, log)
            await log.close()

        asyncio.run(run())
        code, said = _run(WITNESS, "evidence", "-c", "w.json", folder=tmp_path)

    assert [RollbackError] == [type(error) for error in copy.fatal.errors]
    assert 0 == code, said
    assert town.place.held.read_text().split("\n")[2] in said
