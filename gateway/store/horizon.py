"""The horizon of the record of cells: what is past its history is erased, and stays past for good.

Tables that share days, be it through others, are one piece: the attacker's problem of one needs all
of them. A piece goes as a whole, once the longest `history` of its tables is over. Of it stay the
days that it covered and how many tables it had: no table over any of those days leaves again, or
whoever waits long enough could ask for the cut that opens what is forgotten. Section 8.1 of the
specification of disclosure control.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.store.line import Job

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from gateway.store.database import Connection

SOURCES: Final = "SELECT DISTINCT source FROM released_cells WHERE until <= ? ORDER BY source"
"""The sources that have a table past its history, as of a day."""
_TABLES: Final = (
    "SELECT seq, first, last, until FROM released_cells WHERE source = ? ORDER BY first, last, seq"
)
_DELETE: Final = "DELETE FROM released_cells WHERE seq = ?"
_REMAINS: Final = (
    "INSERT INTO erased_cells (source, first, last, table_count, day) VALUES (?, ?, ?, ?, ?)"
)
EVERY_SOURCE: Final = "*"
"""Stands in `erased_cells` for every source there is: after an incident that lost entries."""
OVER: Final = (
    f"SELECT 1 FROM erased_cells WHERE source IN (?, '{EVERY_SOURCE}') "  # noqa: S608 - our own
    "AND first <= ? AND last >= ? LIMIT 1"
)
"""Whether a source has erased days between two days: last day asked for first, then the first."""

Row = tuple[int, str, str, str]


@dataclass(slots=True)
class Piece:
    """Tables that hang together by their days.

    Attributes:
        until: The day from which on none of them is remembered.
    """

    tables: list[int]
    first: str
    last: str
    until: str


def pieces(rows: Iterable[Row]) -> list[Piece]:
    """Return tables in pieces that have no day in common.

    Args:
        rows: Of each table its number, first and last day, and until when it is remembered, as ISO
            dates, in the order of the first days.
    """
    found: list[Piece] = []
    for seq, first, last, until in rows:
        if found and first <= found[-1].last:
            piece = found[-1]
            piece.tables.append(seq)
            piece.last, piece.until = max(piece.last, last), max(piece.until, until)
        else:
            found.append(Piece([seq], first, last, until))
    return found


class Erasing:
    """A chore of the writer: erases what is past its history of one source.

    Whoever puts it in line holds the source: a table that is judged meanwhile would be judged
    beside what is going.

    Attributes:
        erased: How many tables are gone, once the job is settled.
    """

    def __init__(self, source: str, today: dt.date) -> None:
        self._source = source
        self._today = today.isoformat()
        self.erased = 0
        self.job = Job(chore=self._run)

    def _run(self, connection: Connection) -> None:
        rows = connection.execute(_TABLES, (self._source,)).fetchall()
        over = [one for one in pieces(rows) if one.until <= self._today]
        for one in over:
            connection.executemany(_DELETE, [(seq,) for seq in one.tables])
            count = len(one.tables)
            connection.execute(_REMAINS, (self._source, one.first, one.last, count, self._today))
        self.erased = sum(len(one.tables) for one in over)
