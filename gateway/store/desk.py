"""The desk on the event loop: drafts are checked here, put in line, and awaited.

A caller that is cancelled while its entry is being written hears of it only when the entry's fate
is settled, so nobody ever closes an exchange without knowing what it released.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from gateway.audit.entry import Draft
from gateway.audit.fault import AuditError
from gateway.errors import AccordError, LogError
from gateway.store.line import Job, Room

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.ports import Keep
    from gateway.store.line import Asked, Beside
    from gateway.store.sealing import Sealer
    from gateway.store.writer import Writer

LATE_S: Final = 5.0
SLOTS: Final = 3  # an intent, a release, an outcome: what admission reserves
SLOT_BYTES: Final = 4_096
_REST_BYTES: Final = (SLOTS - 1) * SLOT_BYTES


class Desk:
    """Between the event loop and the writer's thread.

    Args:
        sealer: Readies drafts for sealing.
        config: What every `config` entry says beside its event.

    Attributes:
        late_s: How long a job may wait to be taken.
    """

    def __init__(self, sealer: Sealer, config: dict[str, str]) -> None:
        self.closed = False
        self.late_s = LATE_S
        self.writer: Writer
        self._sealer = sealer
        self._config = config
        self._room = Room()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeping = False

    @property
    def waiting(self) -> int:
        """Entries admitted and not yet written, or promised room."""
        return self._room.entries

    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the one event loop that this desk serves: the first that called."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    # --- Jobs -------------------------------------------------------------------------------------

    def job(
        self, draft: Draft, kind: str, *, asked: Asked | None = None, keep: Keep | None = None
    ) -> Job:
        """Return a draft as a job, ready to be sealed.

        Raises:
            LogError: The log takes nothing now, or this is no entry of its kind.
        """
        writer = self.writer
        if writer.trouble or self.closed:
            raise LogError(writer.trouble or "the exchange log is closed", unknown=writer.dead)
        if draft.kind != kind:
            raise LogError(f"a draft of kind `{draft.kind}` is no `{kind}`")
        job = self.ready(draft)
        job.asked, job.keep = asked, keep
        return job

    def ready(self, draft: Draft, *, must: bool = False) -> Job:
        """Return a draft as a job, whether or not the log takes entries just now.

        Raises:
            LogError: This is no entry of its kind.
        """
        try:
            entry = self._sealer.ready(draft)
        except AuditError as error:
            raise LogError(f"`{draft.kind}` cannot be an entry: {error.message}") from error
        return Job(entry, must=must)

    def cells(self, memory: bytes, retain: str, attempt: str) -> tuple[str, bytes]:
        """Return what the record of cells keeps of a release, sealed, and the id of its key."""
        return self._sealer.seal_cells(memory, retain, attempt)

    def config(self, event: str) -> Job:
        """Return the job of a `config` entry."""
        meta = {"event": event, **self._config}
        return self.ready(Draft("config", None, 0, None, "p", meta))

    # --- Awaiting ---------------------------------------------------------------------------------

    async def append(self, draft: Draft, kind: str, beside: Beside | None = None) -> int:
        """Make one entry durable; return its index.

        Raises:
            BusyError: The queue is full; nothing was written.
            LogError: The entry is not, or may not be, durable.
        """
        job = self.job(draft, kind)
        job.beside = beside
        self._room.reserve(1, job.size)
        job.room = (1, job.size)
        await self.settled(job)
        return job.index

    async def begin(self, job: Job) -> None:
        """Make an intent durable, with room reserved for what must follow it.

        Raises:
            BusyError: The queue is full; nothing was written.
            LogError: The entry is not, or may not be, durable.
            CancelledError: The caller is gone; the job tells what became of it.
        """
        self._room.reserve(SLOTS, job.size + _REST_BYTES)
        job.room = (1, job.size)
        try:
            await self.settled(job)
        finally:
            if job.error is not None:
                self._room.free(SLOTS - 1, _REST_BYTES)

    async def chore(self, job: Job) -> None:
        """Have the writer do something in a transaction of its own making.

        Raises:
            LogError: It is not, or may not be, done.
        """
        if self.writer.trouble or self.closed:
            why = self.writer.trouble or "the exchange log is closed"
            raise LogError(why, unknown=self.writer.dead)
        await self.settled(job)

    async def go_on(self, job: Job) -> None:
        """Make a release durable, in the room that its exchange holds."""
        self._room.take(0, job.size)
        job.room = (0, job.size)
        await self.settled(job)

    def end(self, job: Job) -> None:
        """Put an exchange's last entry in line; its room is given back once that is written."""
        self._room.take(0, job.size)
        job.room = (SLOTS - 1, job.size + _REST_BYTES)
        if self.writer.stopped:
            # Recovery will tell how it ended.
            self._resolve([job])
        else:
            self.put(job)

    def put(self, job: Job) -> None:
        """Put a job in line; from any thread."""
        job.since = time.monotonic()
        self.writer.line.put(job)

    async def settled(self, job: Job) -> None:
        """Put a job in line and wait for its fate, through any cancellation.

        Raises:
            CancelledError: The caller was cancelled; the job's fate is settled all the same.
            LogError: The entry is not, or may not be, durable.
        """
        loop = self._loop or self.loop()
        job.future = loop.create_future()
        self.put(job)
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(self.late_s, self._sweep)
        try:
            await job.future
        except asyncio.CancelledError:
            while not job.resolved:
                job.future = loop.create_future()
                try:
                    await job.future
                except asyncio.CancelledError:
                    continue
            raise
        if isinstance(job.error, AccordError) and not isinstance(job.error, LogError):
            # Another replica was first: what it says is the answer.
            raise job.error
        if job.error is not None:
            unknown = getattr(job.error, "unknown", True)
            raise LogError(str(job.error), unknown=unknown) from job.error.__cause__

    # --- From the threads -------------------------------------------------------------------------

    def done(self, jobs: list[Job]) -> None:
        """Pass on jobs whose fate is settled: one wake-up of the loop for all of them."""
        for job in jobs:
            if job.settled is not None:
                job.settled()
        self.soon(self._resolve, jobs)

    def soon(self, call: Callable[..., None], *arguments: object) -> None:
        """Call something on the loop, from any thread; at once where there is no loop yet."""
        if self._loop is None:
            call(*arguments)
            return
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            return

    def _resolve(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.resolved = True
            self._room.free(*job.room)
            future = job.future
            if future is not None and not future.done():
                future.set_result(None)

    def _sweep(self) -> None:
        """Withdraw what was not taken within 5 s; look again while anything waits."""
        self._sweeping = False
        late = self.writer.line.withdraw(time.monotonic() - self.late_s)
        for job in late:
            job.error = LogError("the exchange log did not take an entry in time; it is not there")
            job.done = True
        self._resolve(late)
        if self._room.entries and self._loop is not None:
            self._sweeping = True
            self._loop.call_later(self.late_s / 10, self._sweep)
