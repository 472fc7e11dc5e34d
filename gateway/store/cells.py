"""The record of cells: what tables of a source told, sealed beside the log's own entries.

It is opened only in memory, for the joint problem of the next table. A record that does not match
what the log knows to have been released says nothing about anything: no table of that source leaves
until somebody looked. Section 8.1 of the specification of disclosure control.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag

from gateway.errors import Reason, ReleaseError, SettingsError
from gateway.store.horizon import OVER, SOURCES, pieces
from gateway.store.sealing import unseal_cells

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import AsyncIterator

    from gateway.store.reads import Reads
    from gateway.store.sealing import PayloadKeys

_CELLS: Final = """
SELECT attempt, key_id, sealed FROM released_cells
WHERE source = ? AND first <= ? AND last >= ? AND seq < coalesce(
  (SELECT min(seq) + ? FROM released_cells WHERE source = ? AND attempt = ?), seq + 1)
ORDER BY seq
"""
# As _CELLS takes them: what left after the first attempt is not in its answer.
_SPANS: Final = """
SELECT seq, first, last, until FROM released_cells
WHERE source = ? AND seq < coalesce(
  (SELECT min(seq) + ? FROM released_cells WHERE source = ? AND attempt = ?), seq + 1)
ORDER BY first, last, seq
"""
# Both are written with the same release entry, so one without the other was taken away, but for
# what was erased in its time: of that the days are left, and over them nothing leaves again.
_ODD: Final = """
SELECT 1 FROM standing_period AS spent
WHERE source > ?1 || '#' AND source < ?1 || '$' AND period BETWEEN ?2 AND ?3
AND NOT EXISTS (SELECT 1 FROM released_cells AS kept
  WHERE kept.source = ?1 AND kept.attempt = spent.attempt)
AND NOT EXISTS (SELECT 1 FROM erased_cells AS gone
  WHERE gone.source = ?1 AND spent.period BETWEEN gone.first AND gone.last)
LIMIT 1
"""

VERSION: Final = """
SELECT (SELECT coalesce(max(seq), -1) FROM released_cells WHERE source = ? AND attempt <> ?),
  (SELECT count(*) FROM erased_cells WHERE source = ?)
"""
"""What tells the record of a source from what it was: other attempts' last entry, erasures."""


class CellRecord:
    """What was released of each source, and who may release of it just now.

    Args:
        reads: The store.
        keys: The keys of what is sealed.
    """

    def __init__(self, reads: Reads, keys: PayloadKeys) -> None:
        self._reads = reads
        self._keys = keys
        self._locks: dict[str, tuple[asyncio.Lock, list[None]]] = {}
        self._seen: dict[str, tuple[int, int]] = {}

    @asynccontextmanager
    async def alone(self, source: str) -> AsyncIterator[None]:
        """Hold a source; whoever else wants it waits."""
        lock, waiting = self._locks.setdefault(source, (asyncio.Lock(), []))
        waiting.append(None)
        try:
            async with lock:
                yield
        finally:
            waiting.pop()
            if not waiting:
                self._locks.pop(source, None)
                self._seen.pop(source, None)

    def seen(self, source: str) -> tuple[int, int] | None:
        """Return the version of a source's record that was read last, by whoever holds it."""
        return self._seen.get(source)

    async def released(
        self, source: str, days: tuple[dt.date, dt.date], attempt: str, *, own: bool = False
    ) -> list[bytes]:
        """Return what is kept of a source, in the order of release; see `ports.ExchangeLog`.

        Raises:
            ReleaseError: The record does not match the log, cannot be opened, or was erased over
                some of these days.
        """
        return await asyncio.to_thread(self._released, source, days, attempt, int(own))

    def _released(
        self, source: str, days: tuple[dt.date, dt.date], attempt: str, own: int
    ) -> list[bytes]:
        # Before anything else is read: what another gateway adds meanwhile is then not seen.
        self._seen[source] = self._reads.many(VERSION, source, attempt, source)[0]
        # A year more on both sides, and further as long as tables share days: a week holds days of
        # two months, and what is left of the second follows from the first.
        first, last = f"{days[0].year - 1:04}-01-01", f"{days[1].year + 1:04}-12-31"
        for one in pieces(self._reads.many(_SPANS, source, own, source, attempt)):
            if one.first <= days[1].isoformat() and one.last >= days[0].isoformat():
                first, last = min(first, one.first), max(last, one.last)
        if self._reads.many(_ODD, source, first, last):
            raise _unknown("the record of cells does not match the exchange log")
        if self._reads.many(OVER, source, days[1].isoformat(), days[0].isoformat()):
            raise _unknown("what was released of these days is not remembered any more")
        found = self._reads.many(_CELLS, source, last, first, own, source, attempt)
        try:
            return [unseal_cells(self._keys.by_id(key), sealed, by) for by, key, sealed in found]
        except (InvalidTag, SettingsError) as error:
            raise _unknown("the record of cells cannot be opened") from error

    def over(self, today: dt.date) -> list[str]:
        """Return the sources that have a table past its history; not for the event loop."""
        return [source for (source,) in self._reads.many(SOURCES, today.isoformat())]


def _unknown(message: str) -> ReleaseError:
    return ReleaseError(Reason.DISCLOSURE_RISK, message, cause="history")
