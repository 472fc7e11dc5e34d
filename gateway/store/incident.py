"""After an incident: what the store still proves, and what the next log must not forget.

A store that is behind or beside a signed checkpoint never signs again under its origin: whatever it
signed there would be a fork. So its log ends at the last checkpoint that it continues, and another
begins, whose `genesis` names that one. What was released must be remembered across it, or the
incident would hand out anew what agreements allow once: rows of a day, periods, cells of tables,
noise. Where the end was lost, nobody knows what left in it, and no table over any day up to then
leaves again. Section 4.5 of the specification.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import Checkpoint, open_checkpoint
from gateway.audit.fault import AuditError
from gateway.errors import LogError
from gateway.store.horizon import EVERY_SOURCE
from gateway.store.line import Job

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence
    from typing import Any, TypeAlias

    from gateway.audit.checkpoint import Verifier
    from gateway.store.database import Connection
    from gateway.store.reads import Reads

    Rows: TypeAlias = list[tuple[Any, ...]]

_NUMBERED: Final = re.compile(r"(.+)/([2-9]|[1-9][0-9]{1,2})")
_FIRST_DAY: Final = "0001-01-01"

_COPIED: Final = {
    "standing_rows": "recipient, provision, day, row_count",
    "standing_period": "recipient, source, period, attempt",
    "erased_cells": "source, first, last, table_count, day",
}
"""What is remembered of releases and belongs to no entry: table -> columns."""
_SHIFTED: Final = {
    "released_cells": "source, first, last, attempt, until, key_id, sealed",
    "noise_ledger": ("drawn_by, source, recipient, question, mechanism, rho, bound, unit, periods"),
    "consent_word": "token, purpose, granted, key_id",
    "duty_owed": "x, duty, recipient, agreement, provision, due",
    "duty_said": "x, duty, event",
}
"""What is remembered by the entry that released it: table -> columns beside `seq`."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a store is held against the checkpoints that anybody kept.

    Attributes:
        size: Entries in the store.
        root: Of the tree over them; None where the store does not lead to one.
        good: The newest checkpoint that the store continues, and its note.
        against: Checkpoints that it does not continue.
        behind: Whether a witness saw more of the log, or something else; it names no root.
    """

    size: int
    root: bytes | None
    good: tuple[Checkpoint, str] | None
    against: tuple[Checkpoint, ...]
    behind: bool = False

    def last_good(self) -> tuple[Checkpoint, str]:
        """Return the newest checkpoint that the store continues, and its note.

        Raises:
            LogError: There is none to go on from.
        """
        if self.good is None:
            raise LogError("the store continues no checkpoint that was signed: none is good")
        return self.good

    @property
    def broken(self) -> bool:
        """Whether nothing may be signed under the old origin any more."""
        return bool(self.against) or self.behind or self.root is None

    @property
    def heads(self) -> list[tuple[int, bytes]]:
        """The (size, root) that contradict each other, the store's first; none for a good store.

        One that leads to no root states nothing, and is left out.
        """
        if not self.against:
            return []
        own = [] if self.root is None else [(self.size, self.root)]
        return own + [(one.size, one.root) for one in self.against]


def examine(reads: Reads, notes: Iterable[str], verifiers: Sequence[Verifier]) -> Examined:
    """Return what a store proves, held against signed checkpoints.

    Args:
        reads: The store.
        notes: Whatever anybody kept: the store's own, the held file's, an agency's.
        verifiers: The log's keys, under the origin's name.

    Raises:
        LogError: A note is none of this log's, so it proves nothing about it.
    """
    size = int(reads.rows("SELECT coalesce(max(seq), -1) + 1 FROM log_entry")[0][0])
    good: tuple[Checkpoint, str] | None = None
    against: dict[tuple[int, bytes], Checkpoint] = {}
    for note in notes:
        checkpoint = _opened(note, verifiers)
        if checkpoint.size > size or _root(reads, checkpoint.size) != checkpoint.root:
            against[checkpoint.size, checkpoint.root] = checkpoint
        elif good is None or checkpoint.size > good[0].size:
            good = checkpoint, note
    found = tuple(one for _, one in sorted(against.items()))
    return Examined(size, _root(reads, size), good, found)


def missing(notes: Iterable[str], verifiers: Sequence[Verifier]) -> Examined:
    """Return what is left where the store is gone: the largest checkpoint that was signed.

    Raises:
        LogError: There is none, or one is not this log's.
    """
    found = [(_opened(note, verifiers), note) for note in notes]
    if not found:
        raise LogError("neither the store nor a signed checkpoint of it is left")
    good = max(found, key=lambda one: one[0].size)
    return Examined(0, None, good, ())


def stored_notes(reads: Reads) -> list[str]:
    """Return every signed checkpoint that a store kept."""
    rows = reads.many("SELECT note FROM log_signed UNION SELECT note FROM log_checkpoint")
    return [str(note) for (note,) in rows]


def next_origin(origin: str) -> str:
    """Return the origin of the log that follows: `/2` after the first, then one more each time."""
    match = _NUMBERED.fullmatch(origin)
    return f"{match[1]}/{int(match[2]) + 1}" if match else f"{origin}/2"


def _opened(note: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    try:
        return open_checkpoint(note, *verifiers)
    except AuditError as error:
        raise LogError(f"a checkpoint is not this log's: {error.message}") from error


def _root(reads: Reads, size: int) -> bytes | None:
    """Return the root that a store leads to at a size; None where it leads to none."""
    try:
        return reads.root_at(size)
    except AuditError:
        return None


class Remembering:
    """A chore of the next log's writer: takes over what the old log's releases spent.

    Rows that hang on an entry get places before the next log's first, in their old order. All of
    them are read at once, so that an old store that cannot be read stops this before anything is
    made.

    Args:
        old: The old store; None where there is none, and then all of it is lost.
        today: The day up to which no table leaves again where anything may be lost.
        lost: Whether entries of the old log may be missing from the old store.

    Attributes:
        job: To be settled by the writer.

    Raises:
        LogError: The old store cannot be read.
    """

    def __init__(self, old: Reads | None, today: dt.date, *, lost: bool) -> None:
        self._rows: list[tuple[str, str, Rows]] = []
        if old is not None:
            for table, columns in _COPIED.items():
                self._rows.append((table, columns, _select(old, table, columns)))
            for table, columns in _SHIFTED.items():
                placed = f"seq, {columns}"
                self._rows.append((table, placed, _before(_select(old, table, placed))))
        if lost or old is None:
            day = today.isoformat()
            row = (EVERY_SOURCE, _FIRST_DAY, day, 0, day)
            self._rows.append(("erased_cells", _COPIED["erased_cells"], [row]))
        self.job = Job(chore=self._run)

    def _run(self, connection: Connection) -> None:
        for table, columns, rows in self._rows:
            marks = ", ".join("?" for _ in columns.split(","))
            statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - ours
            connection.executemany(statement, rows)


def _select(old: Reads, table: str, columns: str) -> Rows:
    return old.many(f"SELECT {columns} FROM {table}")  # noqa: S608 - names of ours


def _before(rows: Rows) -> Rows:
    """Return rows with their places, the first column, moved below 0, in their order."""
    last = max((row[0] for row in rows), default=0)
    return [(row[0] - last - 1, *row[1:]) for row in rows]
