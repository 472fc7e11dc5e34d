"""Verifiers that others wrote read the gateway's own export: they accept it, and no change to it.

The Go checker is ours by its hundred lines, and Go's by all that it does to notes and trees.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import Verifier, open_checkpoint
from gateway.audit.merkle import TILE_WIDTH, inclusion_proof, split_bundle, tile_width
from gateway.audit.proof import write_proof
from gateway.audit.verify import NOTES, verify
from gateway.auditor.folder import FolderReader
from gateway.errors import LogError
from tests.cli import exported
from tests.interop import go_checker
from tests.interop.others import sigstore, tlog_scales
from tests.interop.tampered import ATTACKS, TLOG_SCALES, attacked

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.exported import Exported
    from tests.interop.tampered import Attack

SMALL = tuple(attack for attack in ATTACKS if "level 2" not in attack.name)
"""What can be done to a log whose tree has two levels of tiles."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Return what a deployment hands to an auditor."""
    return exported.write(tmp_path_factory.mktemp("foreign"))


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Go checker's binary."""
    binary = go_checker.build(tmp_path_factory.mktemp("go"))
    if binary is None:
        pytest.skip(go_checker.MISSING)
    return binary


def _found(log: Path, vkey: Path, held: Path) -> set[str]:
    """Return the codes of our own findings, notes left out."""
    verifier = Verifier.from_vkey(vkey.read_text().strip())
    try:
        found = list(verify(FolderReader(log), [verifier], held=[held.read_text()]))
    except LogError:
        return {"unreadable"}
    return {one.code for one in found} - NOTES


# --- Go -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", ["early", "late"])
def test_go_accepts_the_export(made: Exported, checker: Path, held: str) -> None:
    """With a checkpoint that was held before, with the newest, and without any."""
    size = open_checkpoint(made.late.read_text(), Verifier.from_vkey(_vkey(made))).size

    assert (0, f"{size} entries\n") == go_checker.run(
        checker, made.log, made.vkey, getattr(made, held)
    )
    assert (0, f"{size} entries\n") == go_checker.run(checker, made.log, made.vkey)


@pytest.mark.parametrize("attack", SMALL, ids=lambda one: one.name)
def test_go_rejects(attack: Attack, made: Exported, checker: Path, tmp_path: Path) -> None:
    """Each change is refused, and by its own reason."""
    code, said = go_checker.run(checker, *attacked(attack, made, tmp_path))

    assert 1 == code
    assert re.search(attack.says, said), said


@pytest.mark.parametrize("attack", SMALL, ids=lambda one: one.name)
def test_our_own_verifier_rejects(attack: Attack, made: Exported, tmp_path: Path) -> None:
    """What the others refuse has a finding of ours, by its name."""
    assert attack.code in _found(*attacked(attack, made, tmp_path))


# --- tlog-scales ----------------------------------------------------------------------------------


def test_tlog_scales_accepts_the_export(made: Exported) -> None:
    """Signature, root, inclusion and growth, by its own code."""
    tlog_scales(made.log, made.vkey, made.early)
    tlog_scales(made.log, made.vkey, made.late)


@pytest.mark.parametrize("attack", SMALL, ids=lambda one: one.name)
def test_tlog_scales_rejects(attack: Attack, made: Exported, tmp_path: Path) -> None:
    """Each change but those that it does not read: these are named, and still accepted."""
    log, vkey, held = attacked(attack, made, tmp_path)

    if TLOG_SCALES in attack.unseen:
        tlog_scales(log, vkey, held)
        return
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it raises for what it finds
        tlog_scales(log, vkey, held)


@pytest.mark.parametrize("index", [42, -1])
def test_tlog_tiles_writes_the_proof_that_we_write(made: Exported, index: int) -> None:
    """Its command line proves an entry from our tiles, byte for byte as we do, and reads it."""
    at, leaf, proof = _proof(made.log, index)

    assert proof.encode() == _tlog_tiles("gen-proof", str(made.log), str(at))
    assert leaf == _tlog_tiles("get-leaf", "-c", str(made.log), str(at))


def _tlog_tiles(*arguments: str) -> bytes:
    tool = Path(sys.executable).with_name("tlog-tiles")
    done = subprocess.run(  # noqa: S603 - the tool under test, without a shell
        [tool, *arguments], capture_output=True, check=True, timeout=60
    )
    return done.stdout


# --- sigstore -------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 1, 42, 255, 256, -1])
def test_sigstore_accepts_our_proofs(made: Exported, index: int) -> None:
    """Inclusion and signature, by the code that checks its own transparency log."""
    _, leaf, proof = _proof(made.log, index)

    sigstore(proof, leaf, _vkey(made))


PROOFS: dict[str, Callable[[str, bytes], tuple[str, bytes]]] = {
    "the entry": lambda proof, leaf: (proof, leaf[:-1] + b" "),
    "the index": lambda proof, leaf: (proof.replace("index 42\n", "index 43\n"), leaf),
    "a hash": lambda proof, leaf: (_with_line(proof, 2, lambda line: "A" * 8 + line[8:]), leaf),
    "a hash left out": lambda proof, leaf: (proof.replace(proof.split("\n")[3] + "\n", ""), leaf),
    "the size": lambda proof, leaf: (_with_line(proof, -5, lambda line: line[:-1] + "1"), leaf),
    "the root": lambda proof, leaf: (_with_line(proof, -4, lambda line: "A" * 8 + line[8:]), leaf),
    "the signature": lambda proof, leaf: (
        _with_line(proof, -2, lambda line: line[:-9] + "A" * 7 + line[-2:]), leaf
    ),
    "the key id": lambda proof, leaf: (
        _with_line(proof, -2, _shifted), leaf
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", PROOFS)
def test_sigstore_rejects(made: Exported, what: str) -> None:
    """Each part of a proof that is not what was signed."""
    _, leaf, proof = _proof(made.log, 42)
    changed = PROOFS[what](proof, leaf)
    assert (proof, leaf) != changed

    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it raises for what it finds
        sigstore(*changed, _vkey(made))


def test_sigstore_rejects_another_key(made: Exported) -> None:
    """A proof under a key that nobody pinned convinces nobody."""
    _, leaf, proof = _proof(made.log, 42)

    with pytest.raises(Exception, match="Signature not found"):
        sigstore(proof, leaf, exported.other_vkey())


# --- a tree of three levels -----------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_log_of_seventy_thousand_entries(checker: Path, tmp_path: Path) -> None:
    """With tiles at three levels: accepted, and each change rejected, by Go and by ourselves."""
    made = exported.write(tmp_path, 70_000)

    assert 0 == go_checker.run(checker, made.log, made.vkey, made.early)[0]
    tlog_scales(made.log, made.vkey, made.early)
    for attack in ATTACKS:
        folder = tmp_path / attack.name
        log, vkey, held = attacked(attack, made, folder)
        code, said = go_checker.run(checker, log, vkey, held)
        assert (1, True) == (code, bool(re.search(attack.says, said))), (attack.name, said)
        assert attack.code in _found(log, vkey, held), attack.name
        shutil.rmtree(log)


# --- proofs ---------------------------------------------------------------------------------------


def _vkey(made: Exported) -> str:
    return made.vkey.read_text().strip()


def _proof(log: Path, index: int) -> tuple[int, bytes, str]:
    """Return an entry's place, its bytes, and its proof as we write it, from the exported files."""
    reader = FolderReader(log)
    note = reader.checkpoint()
    size = int(note.split("\n")[1])
    at = index % size

    def tile(level: int, number: int) -> bytes:
        data = reader.tile(level, number, tile_width(level, number, size))
        assert data is not None
        return data

    bundle = reader.bundle(at // TILE_WIDTH, tile_width(0, at // TILE_WIDTH, size))
    assert bundle is not None
    leaf = split_bundle(bundle)[0][at % TILE_WIDTH]
    return at, leaf, write_proof(at, inclusion_proof(at, size, tile), note)


def _with_line(text: str, number: int, change: Callable[[str], str]) -> str:
    lines = text.split("\n")
    lines[number] = change(lines[number])
    return "\n".join(lines)


def _shifted(line: str) -> str:
    """Return a signature line under another key id."""
    head, _, blob = line.rpartition(" ")
    return f"{head} {'B' if blob[0] == 'A' else 'A'}{blob[1:]}"
