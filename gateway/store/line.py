"""The line before the writer: jobs in order, taken by one thread, withdrawn when too late.

Room in it is reserved at admission, on the event loop, so that an admitted exchange can always
finish. Nothing is dropped, sampled or written later: a job is taken, or its caller hears that it
is not logged.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.errors import BusyError, Reason

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from gateway.audit.entry import Enclosed
    from gateway.ports import Keep
    from gateway.store.database import Connection
    from gateway.store.sealing import Sealable

    Beside: TypeAlias = Callable[[Connection, int], None]

BATCH_ENTRIES: Final = 256
BATCH_BYTES: Final = 8 << 20
ROOM_ENTRIES: Final = 4_096
ROOM_BYTES: Final = 64 << 20
RETRY_AFTER_S: Final = 0.25


class Asked:
    """What the store remembers of a request with its intent."""

    __slots__ = ("at_ms", "charged", "digest", "recipient", "request_id")

    def __init__(
        self, recipient: str, request_id: str, digest: bytes, at_ms: int, charged: str = ""
    ) -> None:
        self.recipient = recipient
        self.request_id = request_id
        self.digest = digest
        self.at_ms = at_ms
        self.charged = charged


class Job:
    """One entry on its way into the log, or one thing to do in the writer's transaction.

    Attributes:
        entry: What is to be sealed and written; None for a chore.
        enclosed: The same, sealed, once the writer has it in hand.
        x: The 16 bytes of its exchange id, or None.
        opened_at: For a release, the index of its exchange's intent.
        beside: What is written in the entry's transaction, given a connection and its place.
        cells: Of a table's release: key id and what the record of cells keeps of it, sealed.
        seen: Of a table's release: which version of its source's record it was judged beside.
        must: Never withdrawn: the log owes it, whatever becomes of the caller.
        done: Its fate is settled; set by the writer.
        settled: Called by the writer then, on its own thread; for jobs that no loop waits for.
        future: Resolved on its loop after that, together with `resolved`; the result is read
            from the job.
        room: Entries and bytes that it gives back then.
        index: Its place in the log, once durable; then `leaf` has its bytes, `t_ms` its time.
        error: Why it is not, or may not be, durable.
    """

    __slots__ = (
        "asked", "beside", "cells", "chore", "done", "enclosed", "entry", "error", "future",
        "index", "keep", "key", "leaf", "must", "opened_at", "resolved", "room", "seen", "settled",
        "since", "size", "t_ms", "x",
    )  # fmt: skip

    def __init__(
        self,
        entry: Sealable | None = None,
        *,
        asked: Asked | None = None,
        keep: Keep | None = None,
        chore: Callable[[Connection], None] | None = None,
        key: tuple[str, str] | None = None,
        must: bool = False,
    ) -> None:
        self.entry = entry
        self.enclosed: Enclosed | None = None
        self.x = entry.x if entry else None
        self.asked = asked
        self.keep = keep
        self.beside: Beside | None = None
        self.cells: tuple[str, bytes] | None = None
        self.seen: tuple[int, int] | None = None
        self.chore = chore
        self.key = key
        self.must = must
        self.size = 512 + entry.size if entry else 512
        self.since = 0.0
        self.opened_at = -1
        self.done = False
        self.resolved = False
        self.room = (0, 0)
        self.settled: Callable[[], None] | None = None
        self.index = -1
        self.t_ms = 0
        self.leaf = b""
        self.error: Exception | None = None
        self.future: asyncio.Future[None] | None = None


class Room:
    """How much is admitted: entries and bytes, of what waits and of what was promised a place.

    Belongs to the event loop; not for several threads.
    """

    __slots__ = ("byte_count", "entries")

    def __init__(self) -> None:
        self.entries = 0
        self.byte_count = 0

    def reserve(self, entries: int, size: int) -> None:
        """Take room.

        Raises:
            BusyError: There is not so much; nothing was taken.
        """
        if self.entries + entries > ROOM_ENTRIES or self.byte_count + size > ROOM_BYTES:
            raise BusyError(
                Reason.BUSY, "the exchange log's queue is full", retry_after_s=RETRY_AFTER_S
            )
        self.take(entries, size)

    def take(self, entries: int, size: int) -> None:
        """Take room that was promised."""
        self.entries += entries
        self.byte_count += size

    def free(self, entries: int, size: int) -> None:
        """Give room back."""
        self.entries -= entries
        self.byte_count -= size


class Line:
    """Jobs in order: any thread puts, one takes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._wake = threading.Lock()
        self._wake.acquire()
        self._asleep = False
        self.closed = False

    def put(self, job: Job) -> None:
        """Append a job and wake the taker."""
        with self._lock:
            self._jobs.append(job)
            self._rouse()

    def give_back(self, jobs: list[Job]) -> None:
        """Put jobs that were taken first in line again, in their order."""
        with self._lock:
            self._jobs.extendleft(reversed(jobs))

    def take(self, timeout_s: float) -> list[Job]:
        """Return what waits, at most 256 entries or 8 MiB; wait for something, at most so long."""
        with self._lock:
            if self._jobs or self.closed:
                return self._some()
            self._asleep = True
        self._wake.acquire(timeout=timeout_s)
        with self._lock:
            if not self._asleep:
                # Roused in the moment that the wait gave up: the token is still there.
                self._wake.acquire(blocking=False)
            self._asleep = False
            return self._some()

    def withdraw(self, before: float) -> list[Job]:
        """Take out what was put before that instant and may be withdrawn; return it."""
        with self._lock:
            late = [job for job in self._jobs if job.since < before and not job.must]
            if late:
                gone = set(map(id, late))
                self._jobs = deque(job for job in self._jobs if id(job) not in gone)
            return late

    def close(self) -> None:
        """Wake the taker for good; what waits can still be taken."""
        with self._lock:
            self.closed = True
            self._rouse()

    def _rouse(self) -> None:
        if self._asleep:
            self._asleep = False
            self._wake.release()

    def _some(self) -> list[Job]:
        batch: list[Job] = []
        size = 0
        while self._jobs and len(batch) < BATCH_ENTRIES:
            size += self._jobs[0].size
            if batch and size > BATCH_BYTES:
                break
            batch.append(self._jobs.popleft())
        return batch
