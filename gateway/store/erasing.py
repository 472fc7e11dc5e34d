"""Erasing: payloads past their class go, an `erase` entry first, and then the keys they lay under.

A crash between entry and deletion leaves a remainder, which the next run finds past its class like
any other payload. What a hold keeps is read before each entry, and once more in the transaction
that deletes: a hold that began in between is respected, and the entry then says more than went.
Section 6 of the log's specification.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.audit.entry import Draft, format_time
from gateway.audit.subjects import INDEXED_BYTES
from gateway.errors import SettingsError
from gateway.store import statements
from gateway.store.line import Job
from gateway.store.reads import ENTRIES_MAX
from gateway.store.retention import Retention

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection
    from typing import Protocol

    from gateway.store.database import Connection
    from gateway.store.reads import Reads
    from gateway.store.retention import Past
    from gateway.store.sealing import PayloadKeys
    from gateway.store.writer import Writer

    class Desk(Protocol):
        """Takes entries and chores."""

        writer: Writer

        async def append(self, draft: Draft, kind: str) -> int:
            """Make one entry durable; return its index."""

        async def chore(self, job: Job) -> None:
            """Have the writer do something in a transaction of its own making."""


ROWS_AT_ONCE: Final = 1_000
"""Deleted in one transaction: more would make everybody else's entries wait."""
RULE: Final = "past its class"

_HELD_SINCE: Final = "SELECT 1 FROM log_entry WHERE seq >= ? AND k = 'hold' LIMIT 1"


class Eraser:
    """Erases what is past its time, and destroys keys; on the event loop.

    Args:
        desk: Takes entries and chores.
        reads: The store.
        keys: The key store.
        sizes: Entries looked at, and payloads deleted, at once.
    """

    def __init__(
        self,
        desk: Desk,
        reads: Reads,
        keys: PayloadKeys,
        sizes: tuple[int, int] = (ENTRIES_MAX, ROWS_AT_ONCE),
    ) -> None:
        self._desk = desk
        self._keys = keys
        self._rows = sizes[1]
        self._retention = Retention(reads, keys.by_id, sizes[0])

    async def run(self, now: dt.datetime) -> int:
        """Erase what is past its class and under no hold; return how many payloads.

        Raises:
            LogError: The store takes nothing now; the rest is still there, for the next time.
        """
        erased = 0
        slices = self._retention.past(format_time(now))
        while (past := await asyncio.to_thread(next, slices, None)) is not None:
            erased += await self._erase(past)
        if erased:
            self._desk.writer.sweep()
            await self._desk.chore(Job(chore=lambda _connection: None))
        await self._destroy(now)
        return erased

    async def _erase(self, past: Past) -> int:
        meta = {
            "ranges": past.ranges,
            "class": past.retain,
            "rule": RULE,
            "count": len(past.indexes),
        }
        await self._desk.append(Draft("erase", None, 0, None, "p", meta), "erase")
        erased = 0
        rows: dict[int, list[tuple[bytes, int]]] = {}
        for token, index in past.tokens:
            rows.setdefault(index, []).append((token[:INDEXED_BYTES], index))
        for at in range(0, len(past.indexes), self._rows):
            some = past.indexes[at : at + self._rows]
            subjects = [row for index in some for row in rows.get(index, ())]
            deleting = _Deleting(some, subjects, past.read_to, self._desk.writer.forget)
            await self._desk.chore(deleting.job)
            erased += deleting.deleted
        return erased

    async def _destroy(self, now: dt.datetime) -> None:
        """Destroy keys whose time is over and under which nothing is left.

        Twice: a year's subject key waits for the last payload key of its year.
        """
        today = now.date()
        for _ in range(2):
            for key_id in self._keys.over(today):
                if not await asyncio.to_thread(self._retention.under, key_id):
                    await asyncio.to_thread(self._destroy_one, key_id, now)

    def _destroy_one(self, key_id: str, now: dt.datetime) -> None:
        try:
            self._keys.destroy(key_id, now)
        except SettingsError:
            # Another gateway over the same folder may have been first.
            if self._keys.state(key_id) != "destroyed":
                raise


class _Deleting:
    """A chore of the writer: deletes payloads that an `erase` entry names, with their index rows.

    Attributes:
        deleted: How many, once the job is settled: none where a hold began since they were chosen.
    """

    def __init__(
        self,
        indexes: list[int],
        subjects: list[tuple[bytes, int]],
        read_to: int,
        forget: Callable[[Collection[int]], None],
    ) -> None:
        self.deleted = 0
        self._subjects = subjects
        self._read_to = read_to
        self._forget = forget
        self._indexes = indexes
        self.job = Job(chore=self._run)

    def _run(self, connection: Connection) -> None:
        if connection.execute(_HELD_SINCE, (self._read_to,)).fetchone() is not None:
            return
        # Also what is still on its way into the index.
        self._forget(set(self._indexes))
        statements.DELETE_SUBJECT.run(connection, self._subjects)
        statements.DELETE_PAYLOAD.run(connection, [(index,) for index in self._indexes])
        self.deleted = len(self._indexes)
