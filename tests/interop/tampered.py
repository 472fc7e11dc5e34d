"""What somebody may do to an exported log, one thing at a time, and who must notice.

A change is made in a copy of the folder. What is signed anew is signed with the log's own key, as
whoever stole it would.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import sign_note
from gateway.audit.merkle import (
    TILE_HEIGHT,
    TILE_WIDTH,
    join_bundle,
    leaf_hash,
    split_bundle,
    tile_path,
    tile_width,
)
from gateway.auditor.folder import FolderReader
from gateway.store.tiles import extend, frontier_of
from tests.cli import exported
from tests.store.town import a_signer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.store.tiles import Tails
    from tests.cli.exported import Exported

TLOG_SCALES: Final = "tlog-scales"


@dataclass(frozen=True)
class Attack:
    """One change, and how it is noticed.

    Attributes:
        name: What is done.
        change: Does it to a folder.
        code: A finding of ours.
        held: Which of the kept checkpoints the log is held against: a name of `Exported`.
        vkey: Whose key the log is read with: the log's own, or another's.
        unseen: Who cannot notice it, since it reads less.
    """

    name: str
    change: Callable[[Path], None]
    says: str
    code: str
    held: str = "early"
    vkey: str = "own"
    unseen: frozenset[str] = frozenset()


# --- Ways to change a file ------------------------------------------------------------------------


def _flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def _cut(path: Path, count: int) -> None:
    path.write_bytes(path.read_bytes()[:-count])


def _add(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


def _last(folder: Path, kind: str) -> Path:
    """Return the partial tile of a level, or bundle: each log here has one."""
    (found,) = (folder / "tile" / kind).rglob("*.p/*")
    return found


def _first(folder: Path, kind: str) -> Path:
    """Return the first tile of a level, or bundle: the full one, where it is full."""
    full = folder / "tile" / kind / "000"
    return full if full.is_file() else _last(folder, kind)


def _entries(folder: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path = _first(folder, "entries")
    entries, rest = split_bundle(path.read_bytes())
    assert not rest
    path.write_bytes(join_bundle(change(entries)))


def _line(folder: Path, number: int, change: Callable[[str], str], *, sign: bool) -> None:
    """Change one of the checkpoint's three lines; sign it anew, or leave the old signature."""
    path = folder / "checkpoint"
    text, _, signatures = path.read_text().partition("\n\n")
    lines = text.split("\n")
    lines[number] = change(lines[number])
    text = "\n".join(lines) + "\n"
    path.write_text(sign_note(text, a_signer()) if sign else f"{text}\n{signatures}")


def _signature(folder: Path, change: Callable[[bytes], bytes]) -> None:
    path = folder / "checkpoint"
    head, _, blob = path.read_text().rstrip("\n").rpartition(" ")
    path.write_text(f"{head} {b64encode(change(b64decode(blob))).decode()}\n")


def _turned(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _root(line: str) -> str:
    return b64encode(_turned(b64decode(line), 31)).decode()


def _nothing(_folder: Path) -> None:
    """Change nothing: what the log is held against is at odds with it."""


def _rebuild(folder: Path, *, sign: bool) -> None:
    """Edit the first entry and make the tiles what a log with it would have."""
    _flip(_first(folder, "entries"), 40)
    size = int((folder / "checkpoint").read_text().split("\n")[1])
    reader = FolderReader(folder)
    tails: Tails = ()
    for index in range(-(-size // TILE_WIDTH)):
        width = tile_width(0, index, size)
        entries, _ = split_bundle(reader.bundle(index, width) or b"")
        tails, full = extend(tails, index * TILE_WIDTH, [leaf_hash(one) for one in entries])
        for level, number, data in full:
            (folder / tile_path(level, number)).write_bytes(data)
    for level, data in enumerate(tails):
        if data:
            number = (size >> TILE_HEIGHT * level) // TILE_WIDTH
            (folder / tile_path(level, number, len(data) // 32)).write_bytes(data)
    root = b64encode(frontier_of(size, tails).root()).decode()
    _line(folder, 2, lambda old: root if sign else old, sign=sign)


# --- What may be done -----------------------------------------------------------------------------

# It asks for the tiles that a proof needs, takes more than it needs, and reads numbers kindly.
_NOT_READ: Final = frozenset({TLOG_SCALES})

_UNTRUE: Final = "inconsistent tile|entry 0 is not the one|does not hold|do not come to the signed"
"""What a tile is found out by; golang.org/x/mod before 0.40 leaves the first to the others
(CVE-2026-56865), and the checker recomputes every tile from the entries."""

_OF_TILES: Final = tuple(
    attack
    for level in (0, 1, 2)
    for attack in (
        Attack(
            f"a byte of the first tile of level {level}",
            lambda folder, level=level: _flip(_first(folder, str(level)), 5),  # type: ignore[misc]
            _UNTRUE,
            "tile-mismatch",
        ),
        Attack(
            f"a byte of the last tile of level {level}",
            lambda folder, level=level: _flip(_last(folder, str(level)), -1),  # type: ignore[misc]
            _UNTRUE,
            "tile-mismatch",
        ),
        Attack(
            f"a tile of level {level} cut within a hash",
            lambda folder, level=level: _cut(_last(folder, str(level)), 1),  # type: ignore[misc]
            "bad result slice",
            "tile-mismatch",
        ),
        Attack(
            f"a tile of level {level} with a hash too many",
            lambda folder, level=level: _add(_last(folder, str(level)), bytes(32)),  # type: ignore[misc]
            "bad result slice",
            "tile-mismatch",
            unseen=_NOT_READ,
        ),
        Attack(
            f"a tile of level {level} missing",
            lambda folder, level=level: _first(folder, str(level)).unlink(),  # type: ignore[misc]
            "no such file",
            "tile-missing",
        ),
    )
)

_OF_ENTRIES: Final = (
    Attack(
        "a byte of the first entry",
        lambda folder: _flip(_first(folder, "entries"), 40),
        "entry 0 is not the one that was signed",
        "leaf-mismatch",
    ),
    Attack(
        "a byte of the last entry",
        lambda folder: _flip(_last(folder, "entries"), -40),
        "is not the one that was signed",
        "leaf-mismatch",
    ),
    Attack(
        "two entries swapped",
        lambda folder: _entries(folder, lambda all_: [*all_[1::-1], *all_[2:]]),
        "entry 0 is not the one that was signed",
        "leaf-mismatch",
    ),
    Attack(
        "an entry put in",
        lambda folder: _entries(folder, lambda all_: [*all_[:9], all_[8], *all_[9:]]),
        "goes on after its last entry",
        "leaf-mismatch",
    ),
    Attack(
        "an entry left out",
        lambda folder: _entries(folder, lambda all_: all_[:7] + all_[8:]),
        "truncated",
        "leaf-mismatch",
    ),
    Attack(
        "a bundle cut within an entry",
        lambda folder: _cut(_last(folder, "entries"), 1),
        "truncated",
        "gap",
    ),
    Attack(
        "a bundle cut after an entry",
        lambda folder: _entries(folder, lambda all_: all_[:-1]),
        "truncated",
        "gap",
    ),
    Attack(
        "a bundle that goes on",
        lambda folder: _add(_last(folder, "entries"), b"\0\1x"),
        "goes on after its last entry",
        "leaf-malformed",
        unseen=_NOT_READ,
    ),
    Attack(
        "a bundle missing",
        lambda folder: _last(folder, "entries").unlink(),
        "no such file",
        "tile-missing",
    ),
)

_OF_THE_CHECKPOINT: Final = (
    Attack(
        "the size",
        lambda folder: _line(folder, 1, lambda line: str(int(line) - 1), sign=False),
        "invalid signature",
        "note-invalid",
    ),
    Attack(
        "the root",
        lambda folder: _line(folder, 2, _root, sign=False),
        "invalid signature",
        "note-invalid",
    ),
    Attack(
        "the origin",
        lambda folder: _line(folder, 0, lambda line: line + "/2", sign=False),
        "invalid signature",
        "note-invalid",
    ),
    Attack(
        "the signature",
        lambda folder: _signature(folder, lambda data: _turned(data, 40)),
        "invalid signature",
        "note-invalid",
    ),
    Attack(
        "the key id",
        lambda folder: _signature(folder, lambda data: _turned(data, 0)),
        "no verifiable signatures",
        "key-unknown",
    ),
    Attack("another key", _nothing, "no verifiable signatures", "key-unknown", vkey="other"),
    Attack(
        "the checkpoint missing",
        lambda folder: (folder / "checkpoint").unlink(),
        "no such file",
        "unreadable",
    ),
    Attack(
        "another origin, signed anew",
        lambda folder: _line(folder, 0, lambda line: line + "/2", sign=True),
        "not the three lines of this origin",
        "origin-wrong",
        unseen=_NOT_READ,
    ),
    Attack(
        "a larger size, signed anew",
        lambda folder: _line(folder, 1, lambda line: str(int(line) + 1), sign=True),
        "no such file",
        "tile-missing",
    ),
    Attack(
        "a size in another spelling, signed anew",
        lambda folder: _line(folder, 1, lambda line: "0" + line, sign=True),
        "size is not canonical",
        "note-invalid",
    ),
    Attack(
        "no entries, signed anew",
        lambda folder: _line(folder, 1, lambda _line: "0", sign=True),
        "size is not canonical",
        "rollback",
    ),
    Attack(
        "another root, signed anew",
        lambda folder: _line(folder, 2, _root, sign=True),
        "inconsistent tile",
        "root-mismatch",
    ),
    Attack(
        "a root of 31 bytes, signed anew",
        lambda folder: _line(
            folder, 2, lambda line: b64encode(b64decode(line)[:31]).decode(), sign=True
        ),
        "root is not 32 bytes",
        "note-invalid",
    ),
    Attack(
        "a fourth line, signed anew",
        lambda folder: _line(folder, 2, lambda line: line + "\nnote", sign=True),
        "not the three lines of this origin",
        "note-invalid",
    ),
)

_OF_HISTORY: Final = (
    Attack(
        "an edited entry, and every hash over it",
        lambda folder: _rebuild(folder, sign=False),
        _UNTRUE,
        "root-mismatch",
    ),
    Attack(
        "an edited entry, and every hash over it, signed anew",
        lambda folder: _rebuild(folder, sign=True),
        "fork: ",
        "fork",
    ),
    Attack("a rollback", _nothing, "rollback: the held", "rollback", held="longer"),
    Attack("a fork", _nothing, "fork: ", "fork", held="forked"),
)

ATTACKS: Final = (*_OF_ENTRIES, *_OF_TILES, *_OF_THE_CHECKPOINT, *_OF_HISTORY)


def attacked(attack: Attack, made: Exported, folder: Path) -> tuple[Path, Path, Path]:
    """Return the changed folder, the key that it is read with, and what it is held against."""
    log = made.copy(folder / "log")
    attack.change(log)
    vkey = made.vkey
    if attack.vkey == "other":
        vkey = folder / "other.vkey"
        vkey.write_text(exported.other_vkey() + "\n")
    held: Path = getattr(made, attack.held)
    return log, vkey, held
