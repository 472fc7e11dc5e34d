"""Rows that a store keeps beside the entries, held against the entries that they follow from.

Whoever has the database can change a column or the list of open exchanges without touching an
entry, and what the gateway looks up there would then be another story than the log tells. Nothing
here is believed; what differs is a finding. Section 8, step 5, of the log's specification.
"""

from __future__ import annotations

import datetime as dt
from binascii import a2b_hex
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeAlias
from uuid import UUID

from gateway.audit.checkpoint import Checkpoint, Verifier, checkpoint_text, open_checkpoint
from gateway.audit.fault import AuditError, Finding
from gateway.audit.merkle import EMPTY_ROOT
from gateway.audit.subjects import Index

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.audit.merkle import Frontier

Columns: TypeAlias = "tuple[int, int, str, bytes | None, int, bytes]"
"""Of one entry: its place, milliseconds since 1970, kind, exchange, chunk and hash."""

Groups: TypeAlias = (
    "tuple[bytes | None, bytes, bytes, bytes, bytes, bytes | None, bytes, bytes | None]"
)
"""What `entry.LEAF` finds in a leaf: a, k, m, n, r, s, t, x; null is None."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A signed checkpoint as a store keeps it: what its columns say, and the note."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True, slots=True)
class End:
    """What a store says of its end, all of one moment.

    Attributes:
        origin: The log's, as all else of the first five, by the head's row.
        size: Entries.
        frontier: The roots of the complete subtrees, largest first.
        t_ms: Of the last entry, milliseconds since 1970.
        stored: Entries that are there, by the place of the last one.
        signed: The last checkpoint that was signed.
        kept: The newest checkpoints that were kept beside it.
        open: Exchange -> (its intent's place, releases so far), of those that have no end yet.
        indexed: The first entry whose rows are not all in the index of subjects.
    """

    origin: str
    size: int
    frontier: bytes
    t_ms: int
    stored: int
    signed: Kept
    kept: Sequence[Kept]
    open: Mapping[bytes, tuple[int, int]]
    indexed: int


class Derived(Index, Protocol):
    """A store's own rows beside the entries, the index of subjects among them."""

    def bodies(self, first: int, count: int) -> Sequence[bytes]:
        """Return the entries of a range, in order, up to the first that is missing."""

    def columns(self, first: int, count: int) -> Sequence[Columns]:
        """Return the columns beside the same entries."""

    def kept(self, first: int, count: int) -> Sequence[Kept]:
        """Return the checkpoints kept whose size is above `first` and at most `first + count`."""

    def end(self) -> End:
        """Return what the store says of its end; the same however often it is asked."""


def check_columns(
    first: int,
    rows: Sequence[Columns],
    read: Sequence[Groups | None],
    hashes: Sequence[bytes],
) -> Iterator[Finding]:
    """Yield an entry's columns that do not follow from what it says.

    Args:
        first: Index of the first entry.
        rows: As the store has them.
        read: What each entry says; None for one that is no leaf, and has its own finding.
        hashes: Of the entries, recomputed.
    """
    for at, (groups, digest) in enumerate(zip(read, hashes, strict=False)):
        row = rows[at] if at < len(rows) else None
        if groups is None or row == _columns(first + at, groups, digest):
            continue
        yield Finding(
            "column-mismatch", first + at, "the columns beside the entry are not what it says"
        )


def _columns(index: int, groups: Groups, digest: bytes) -> Columns:
    _, kind, _, chunk, _, _, time, exchange = groups
    x = None if exchange is None else a2b_hex(exchange.replace(b"-", b""))
    return index, _millis(time), kind.decode(), x, int(chunk), digest


@lru_cache(maxsize=16)
def _millis(time: bytes) -> int:
    """Return milliseconds since 1970 of a leaf's time: a batch of entries has one."""
    try:
        return (dt.datetime.fromisoformat(time.decode()) - _EPOCH) // _MILLISECOND
    except ValueError:  # the thirtieth of February has the form of a time
        return -1


def check_kept(
    kept: Kept, root: bytes, origin: str, verifiers: Sequence[Verifier]
) -> Finding | None:
    """Return what is wrong with a kept checkpoint, given the root that the tree has at its size.

    One that is signed by the log's key and contradicts the tree is a fork; one that nobody signed
    is a row that was changed.
    """
    said = checkpoint_text(Checkpoint(origin, kept.size, root))
    if kept.root == root and kept.note.startswith(said + "\n"):
        return None
    index = max(kept.size - 1, 0)
    try:
        signed = open_checkpoint(kept.note, *verifiers)
    except AuditError as error:
        return Finding("head-mismatch", index, f"a kept checkpoint: {error.message}")
    if (signed.size, signed.root) != (kept.size, kept.root) or signed.root == root:
        return Finding("head-mismatch", index, "a kept checkpoint is not what its columns say")
    message = f"the log is not the one whose checkpoint of size {kept.size} the store kept"
    return Finding("fork", index, message)


def check_behind(end: End, served: Checkpoint, verifiers: Sequence[Verifier]) -> Iterator[Finding]:
    """Yield what the store's own checkpoints say of entries that it does not have."""
    signed, stored = end.signed, end.stored
    above = {one.size: one for one in (*end.kept, signed) if one.size > stored}
    for one in above.values():
        fault = check_kept(one, EMPTY_ROOT, served.origin, verifiers)
        if fault is not None and fault.code == "fork":
            message = f"the store has {stored} entries, and kept a checkpoint of {one.size}"
            fault = Finding("rollback", stored, message)
        if fault is not None:
            yield fault
    if signed.size < served.size:
        yield Finding("head-mismatch", -1, "the last signed checkpoint is not what its columns say")
    elif signed.size == served.size:
        fault = check_kept(signed, served.root, served.origin, verifiers)
        if fault is not None:
            yield fault


def check_end(
    end: End,
    checkpoint: Checkpoint,
    reached: Frontier,
    lives: Mapping[bytes, int],
    time: bytes,
    columns: Callable[[int, int], Sequence[Columns]],
) -> Iterator[Finding]:
    """Yield what the store says of its end and the entries do not.

    Args:
        end: The store's word.
        checkpoint: The one that is verified.
        reached: The frontier over every entry, the unsigned ones included.
        lives: Releases so far of each exchange that is open after the last entry.
        time: Of the last entry.
        columns: Looks up the columns of a range, which were compared before.
    """
    if end.origin != checkpoint.origin:
        yield Finding("head-mismatch", -1, "the head is of another origin")
    if not end.size == end.stored == reached.size:
        message = f"the head has {end.size} entries, the store {end.stored}"
        yield Finding("head-mismatch", -1, message)
    elif end.frontier != reached.to_bytes():
        yield Finding("head-mismatch", -1, "the entries do not lead to the head")
    elif end.t_ms != _millis(time):
        yield Finding("head-mismatch", -1, "the head's time is not that of the last entry")
    for x in sorted(lives.keys() - end.open.keys()):
        yield Finding(
            "head-mismatch", -1, f"an open exchange is not in the list of them: {UUID(bytes=x)}"
        )
    for x, (seq, chunks) in sorted(end.open.items()):
        if x not in lives:
            wrong = "an exchange that is not open is in the list of them"
        elif chunks != lives[x]:
            wrong = "an open exchange is listed with another number of releases"
        elif [(row[2], row[3]) for row in columns(seq, 1)] != [("intent", x)]:
            wrong = "an open exchange is listed with another intent"
        else:
            continue
        yield Finding("head-mismatch", seq, f"{wrong}: {UUID(bytes=x)}")
