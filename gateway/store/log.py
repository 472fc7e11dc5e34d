"""The exchange log on SQLite: the port, on the event loop, before two threads that write and sign.

Drafts are sealed here, put in line, and awaited. Whatever returns is durable. A caller that is
cancelled while its entry is being written hears of it only when the entry's fate is settled, so
nobody ever closes an exchange without knowing what it released.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import open_checkpoint
from gateway.audit.entry import Draft, exchange_bytes
from gateway.audit.fault import AuditError
from gateway.audit.merkle import consistency_proof, inclusion_proof
from gateway.audit.proof import write_proof
from gateway.errors import LogError, NotFoundError, Reason, ReleaseError
from gateway.ports import Logged
from gateway.store.batch import millis
from gateway.store.faults import RollbackError
from gateway.store.line import Asked, Job, Room
from gateway.store.reads import tile_at, unseal
from gateway.values import Receipt

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from gateway.audit.checkpoint import Verifier
    from gateway.ports import Attempt, Keep
    from gateway.store.reads import Opened, Reads, Stored
    from gateway.store.sealing import PayloadKeys, Sealer
    from gateway.store.signer import CheckpointSigner, Published
    from gateway.store.writer import Writer

LATE_S: Final = 5.0
SLOTS: Final = 3  # an intent, a release, an outcome: what admission reserves
SLOT_BYTES: Final = 4_096
NOTES_KEPT: Final = 1_024
_STEPS: Final = frozenset({"genesis", "intent", "refusal", "release", "outcome", "recovered"})


class SqliteLog:
    """The exchange log of one process, on one event loop. `start.open_log` makes it."""

    def __init__(
        self,
        reads: Reads,
        keys: PayloadKeys,
        sealer: Sealer,
        config: dict[str, str],
        fatal: Callable[[LogError], None],
    ) -> None:
        self.reads = reads
        self._keys = keys
        self._sealer = sealer
        self._config = config
        self._fatal = fatal
        self._room = Room()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sweeping = False
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._spending: dict[tuple[str, str, str], str] = {}
        self._closed = False
        self._recent: dict[str, None] = {}
        self._writer: Writer
        self._signer: CheckpointSigner
        self._published: Published
        self._verifier: Verifier
        self._closers: tuple[Callable[[], None], ...] = ()

    def attach(
        self, writer: Writer, signer: CheckpointSigner, published: Published, verifier: Verifier
    ) -> None:
        """Take over what `open_log` started; once, before the first call of the port."""
        self._writer = writer
        self._signer = signer
        self._published = published
        self._verifier = verifier

    def on_close(self, *calls: Callable[[], None]) -> None:
        """Call these last of all when the log is closed, in this order."""
        self._closers = calls

    # --- The port ---------------------------------------------------------------------------------

    async def refusal(self, draft: Draft) -> int:
        """Make a `refusal` entry durable; return its index in the log."""
        return await self._append(draft, "refusal")

    async def note(self, draft: Draft) -> int:
        """Make an entry of another kind durable; return its index."""
        if draft.kind in _STEPS:
            raise LogError(f"`{draft.kind}` is written by the exchange that it belongs to")
        return await self._append(draft, draft.kind)

    async def intent(
        self,
        draft: Draft,
        *,
        recipient: str,
        request_id: str,
        request_digest: bytes,
        now: dt.datetime,
    ) -> SqliteTicket:
        """Reserve room for the whole exchange, make its `intent` durable, remember the request.

        Raises:
            BusyError: The queue is full; nothing was written.
            LogError: The entry is not, or may not be, durable.
        """
        asked = Asked(recipient, request_id, request_digest, millis(now))
        job = self._job(draft, "intent", asked=asked)
        self._room.reserve(SLOTS, job.size + (SLOTS - 1) * SLOT_BYTES)
        job.room = (1, job.size)
        ticket = SqliteTicket(self, draft, job.x or b"")
        try:
            await self._settled(job)
        except asyncio.CancelledError:
            # Durable, and nobody is left to close it: nothing can have left.
            if job.error is None:
                ticket.abandon()
            else:
                self._free_rest()
            raise
        except LogError:
            self._free_rest()
            raise
        ticket.opened(job.index)
        return ticket

    async def attempt(self, recipient: str, request_id: str, since: dt.datetime) -> Attempt | None:
        """Return the first attempt at a request not older than `since`, or None."""
        return self.reads.attempt(recipient, request_id, since)

    async def held(self, exchange_id: str, rows: int) -> Receipt | None:
        """Return the receipt for the chunks of an earlier exchange that hold its first `rows` rows.

        None where they end within a chunk, or the exchange is not one of the last 24 hours. The
        opening is of what this recipient was given before, for its own resumption, which has its
        own `intent`.
        """
        x = _exchange(exchange_id)
        total, chunk = 0, -1
        for count, _ in self.reads.chunks(x):
            if total >= rows:
                break
            total, chunk = total + count, chunk + 1
        index = self.reads.release_of(x, chunk) if total == rows and chunk >= 0 else -1
        if index < 0:
            return None
        leaf, key_id, sealed = self.reads.payload(index)
        payload = unseal(self._keys.by_id(key_id), leaf, sealed)
        proof = await self.proof(index)
        return Receipt(exchange_id, rows, index, leaf, payload.meta, payload.salt_m, proof)

    def newest(self) -> str:
        """Return the newest signed checkpoint, a note."""
        return self._published.note

    # --- What a process asks of it ----------------------------------------------------------------

    @property
    def published(self) -> Published:
        """The newest checkpoint that is signed, held and stored."""
        return self._published

    @property
    def size(self) -> int:
        """Entries that are durable."""
        return self._writer.head.size

    @property
    def waiting(self) -> int:
        """Entries admitted and not yet written, or promised room."""
        return self._room.entries

    @property
    def trouble(self) -> str:
        """Why the log takes or signs nothing just now; empty when it does."""
        return self._writer.trouble or self._signer.trouble

    @property
    def healthy(self) -> bool:
        """Whether entries become durable and checkpoints are signed."""
        return not self.trouble

    async def proof(self, index: int) -> str:
        """Return the tlog-proof of an entry, once a signed checkpoint covers it."""
        published = await self._covering(index)
        path = self._signer.tree.nodes.path(index, published.size, published.edges)
        if path is None:
            path = inclusion_proof(index, published.size, self.reads.tile)
        return write_proof(index, path, published.note)

    async def entries(self, start: int, count: int) -> list[Stored]:
        """Return at most `count` entries from `start` on that the newest checkpoint covers."""
        covered = min(start + count, self._published.size)
        return await asyncio.to_thread(self.reads.entries, start, covered - start)

    async def tile(self, path: str) -> bytes:
        """Return the bytes of a tlog-tiles path, as the static files would have them.

        Raises:
            NotFoundError: No such path, or one beyond the newest checkpoint.
        """
        return await asyncio.to_thread(tile_at, self.reads, self._published.size, path)

    async def inclusion(self, index: int, size: int = 0) -> str:
        """Return a tlog-proof of an entry under the newest checkpoint, once that covers it.

        A proof ends in a signed checkpoint, so of other sizes only those that are still the newest
        can be had.

        Raises:
            NotFoundError: The entry is beyond the log, or the size is not the newest checkpoint's.
        """
        if not 0 <= index < self.size or size not in {0, self._published.size}:
            raise NotFoundError(Reason.INDEX_BEYOND_LOG, "no checkpoint at hand covers this index")
        return await self.proof(index)

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the log of `old` entries is a prefix of that of `new`.

        Raises:
            NotFoundError: The sizes are not in order, or beyond the newest checkpoint.
        """
        if not 0 <= old <= new <= self._published.size:
            raise NotFoundError(Reason.INDEX_BEYOND_LOG, "no such sizes of the exchange log")
        return await asyncio.to_thread(consistency_proof, old, new, self.reads.tile)

    async def opened(self, start: int, count: int, access: Draft) -> list[Opened]:
        """Return entries with what they say, once an `access` entry tells who looks.

        Raises:
            LogError: The `access` entry is not, or may not be, durable; nothing was opened.
        """
        await self._append(access, "access")
        return await asyncio.to_thread(self.reads.opened, start, count, self._keys.by_id)

    async def compare(self, note: str) -> None:
        """Hold a checkpoint that an agency sends against the log: every agency is a monitor.

        One under our own key that is larger than the store, or has another root, ends the process:
        the store was put back, or another log has our key. What is not under our key says nothing
        about us.
        """
        if note in self._recent:
            return
        try:
            checkpoint = open_checkpoint(note, self._verifier)
        except AuditError:
            return
        size = self._writer.head.size
        # Nobody can have one that is not published; a moment's race would be with our own signer.
        if checkpoint.size <= size:
            root = await asyncio.to_thread(self.reads.root_at, checkpoint.size)
            if root == checkpoint.root:
                self._remember(note)
                return
        why = "an agency holds a checkpoint of another exchange log under this key"
        self.dies(RollbackError(why, store_size=size, held_size=checkpoint.size))

    def _remember(self, note: str) -> None:
        """Keep the last notes that were found good: agencies send the same one many times."""
        self._recent[note] = None
        if len(self._recent) > NOTES_KEPT:
            del self._recent[next(iter(self._recent))]

    async def close(self) -> None:
        """Write what waits, say `stop`, sign, and end both threads. Further calls raise."""
        if self._closed:
            return
        self._closed = True
        if not self.trouble:
            # Behind it in line is nothing: what was promised is durable when this is.
            with suppress(LogError):
                await self._settled(self.config_job("stop"))
        self._give_up()
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._signer.close()
        self.reads.close()
        # Last: the last connection to close folds the WAL into the database, and a reader cannot.
        self._writer.close()
        for call in self._closers:
            call()

    # --- Called by the threads --------------------------------------------------------------------

    def sealed_job(self, draft: Draft) -> Job:
        """Return a draft as a job of the writer's."""
        x = None if draft.exchange_id is None else exchange_bytes(draft.exchange_id)
        return Job(self._sealer.seal(draft), x=x)

    def config_job(self, event: str) -> Job:
        """Return the job of a `config` entry."""
        meta = {"event": event, **self._config}
        return self.sealed_job(Draft("config", None, 0, None, "p", meta))

    def key_made(self, key_id: str) -> None:
        """Put a `key` entry in line; nobody waits for it."""
        draft = Draft("key", None, 0, None, "p", {"key": key_id, "event": "made"})
        self._put(Job(self._sealer.seal(draft), key_made=key_id, must=True))

    def chore(self, job: Job) -> None:
        """Put a chore in line, or settle it where nobody will take it."""
        self._put(job)
        if self._writer.dead:
            job.error = LogError("the exchange log has stopped", unknown=True)
            if job.settled is not None:
                job.settled()

    def done(self, jobs: list[Job]) -> None:
        """Pass jobs whose fate is settled on to the event loop: one wake-up for all of them."""
        for job in jobs:
            if job.settled is not None:
                job.settled()
        self._soon(self._resolve, jobs)

    def publish(self, published: Published) -> None:
        """Make a checkpoint the newest, and wake whom it covers."""
        self._soon(self._cover, published)

    def dies(self, error: LogError) -> None:
        """Turn everybody away, and end the process."""
        self._writer.trouble = self._writer.trouble or str(error)
        self._soon(self._give_up)
        self._fatal(error)

    def _soon(self, call: Callable[..., None], *arguments: object) -> None:
        if self._loop is None:
            call(*arguments)
            return
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            return

    # --- On the loop ------------------------------------------------------------------------------

    async def _append(self, draft: Draft, kind: str) -> int:
        job = self._job(draft, kind)
        self._room.reserve(1, job.size)
        job.room = (1, job.size)
        await self._settled(job)
        return job.index

    def _job(
        self, draft: Draft, kind: str, *, asked: Asked | None = None, keep: Keep | None = None
    ) -> Job:
        """Seal a draft.

        Raises:
            LogError: The log takes nothing now, or this is no entry of its kind.
        """
        if self._writer.trouble or self._closed:
            raise LogError(
                self._writer.trouble or "the exchange log is closed", unknown=self._writer.dead
            )
        if draft.kind != kind:
            raise LogError(f"a draft of kind `{draft.kind}` is no `{kind}`")
        try:
            x = None if draft.exchange_id is None else exchange_bytes(draft.exchange_id)
            return Job(self._sealer.seal(draft), x=x, asked=asked, keep=keep)
        except AuditError as error:
            raise LogError(f"`{kind}` cannot be an entry: {error.message}") from error

    def _put(self, job: Job) -> None:
        job.since = time.monotonic()
        self._writer.line.put(job)

    async def _settled(self, job: Job) -> None:
        """Put a job in line and wait for its fate, through any cancellation.

        Raises:
            CancelledError: The caller was cancelled; the job's fate is settled all the same.
            LogError: The entry is not, or may not be, durable.
        """
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        job.future = loop.create_future()
        self._put(job)
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(LATE_S, self._sweep)
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
        if job.error is not None:
            unknown = getattr(job.error, "unknown", True)
            raise LogError(str(job.error), unknown=unknown) from job.error.__cause__

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
        late = self._writer.line.withdraw(time.monotonic() - LATE_S)
        for job in late:
            job.error = LogError("the exchange log did not take an entry in time; it is not there")
            job.done = True
        self._resolve(late)
        if self._room.entries and self._loop is not None:
            self._sweeping = True
            self._loop.call_later(LATE_S / 10, self._sweep)

    def _free_rest(self) -> None:
        self._room.free(SLOTS - 1, (SLOTS - 1) * SLOT_BYTES)

    async def _covering(self, index: int) -> Published:
        """Return the newest checkpoint, once it covers an entry."""
        while self._published.size <= index:
            if self._writer.dead or self._closed:
                raise LogError("no signed checkpoint covers the entry")
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append((index, waiter))
            self._signer.ask()
            await waiter
        return self._published

    def _cover(self, published: Published) -> None:
        self._published = published
        self._remember(published.note)
        rest = []
        for index, waiter in self._waiting:
            if index >= published.size:
                rest.append((index, waiter))
            elif not waiter.done():
                waiter.set_result(None)
        self._waiting = rest
        if rest:
            self._signer.ask()

    def _give_up(self) -> None:
        for _, waiter in self._waiting:
            if not waiter.done():
                waiter.set_exception(LogError("no signed checkpoint covers the entry"))
        self._waiting = []

    # --- For tickets ------------------------------------------------------------------------------

    def release_job(self, draft: Draft, keep: Keep, opened_at: int) -> Job:
        """Seal a release of the exchange whose intent has this index."""
        job = self._job(draft, "release", keep=keep)
        job.opened_at = opened_at
        return job

    async def settle_release(self, job: Job, keep: Keep) -> None:
        """Make a release durable, in the room that its ticket holds."""
        spent = self._spend(keep)
        self._room.take(0, job.size)
        job.room = (0, job.size)
        try:
            await self._settled(job)
        finally:
            for period in spent:
                del self._spending[period]

    def _spend(self, keep: Keep) -> list[tuple[str, str, str]]:
        """Hold the periods that this release spends until it is durable or not.

        Standing was read before deciding; another request may have released a period since.

        Raises:
            ReleaseError: Another request has released it; nothing was written.
        """
        if not keep.charge or not keep.periods:
            return []
        spent = [(keep.recipient, keep.provision, period.isoformat()) for period in keep.periods]
        for key in spent:
            if self._spending.get(key, keep.request_id) != keep.request_id or self.reads.rows(
                "SELECT 1 FROM standing_period "
                "WHERE recipient = ? AND provision = ? AND period = ? AND request_id <> ? LIMIT 1",
                *key,
                keep.request_id,
            ):
                raise ReleaseError(
                    Reason.CELL_RELEASED, "another request released the period in the meantime"
                )
        fresh = [key for key in spent if key not in self._spending]
        self._spending.update(dict.fromkeys(fresh, keep.request_id))
        return fresh

    def ended(self, draft: Draft, x: bytes) -> None:
        """Put an exchange's last entry in line, and give its room back once it is written."""
        try:
            job = Job(self._sealer.seal(draft), x=x, must=True)
        except AuditError as error:
            raise LogError(f"`{draft.kind}` cannot be an entry: {error.message}") from error
        self._room.take(0, job.size)
        job.room = (SLOTS - 1, job.size + (SLOTS - 1) * SLOT_BYTES)
        if self._writer.dead:
            # Recovery will tell how it ended.
            self._resolve([job])
            return
        self._put(job)


class SqliteTicket:
    """One exchange that the log has an intent for; it is closed exactly once.

    Attributes:
        exchange_id: The exchange's.
        chunks: Release entries that are durable.
        rows: Rows that they hold.
    """

    __slots__ = (
        "_agreement",
        "_closed",
        "_last",
        "_log",
        "_opened_at",
        "_retain",
        "_x",
        "chunks",
        "exchange_id",
        "rows",
    )

    def __init__(self, log: SqliteLog, intent: Draft, x: bytes) -> None:
        self.exchange_id = intent.exchange_id or ""
        self.chunks = 0
        self.rows = 0
        self._log = log
        self._agreement = intent.agreement
        self._retain = intent.retain
        self._x = x
        self._opened_at = -1
        self._last: Job | None = None
        self._closed = False

    async def release(self, draft: Draft, keep: Keep) -> Logged:
        """Make a `release` entry durable and return the proof that a chunk may leave.

        Raises:
            LogError: The entry is not, or may not be, durable: send nothing.
            ReleaseError: Another request has spent the period meanwhile; nothing was written.
        """
        self._check(draft)
        if draft.chunk != self.chunks:
            raise LogError(f"`release` of chunk {draft.chunk} where {self.chunks} is next")
        job = self._log.release_job(draft, keep, self._opened_at)
        try:
            await self._log.settle_release(job, keep)
        finally:
            # Also where the caller was cancelled meanwhile: what is durable counts as released.
            if job.resolved and job.error is None:
                self.chunks += 1
                self.rows += keep.rows
                self._last = job
        return Logged(self.exchange_id, draft.chunk, job.index)

    async def outcome(self, draft: Draft) -> None:
        """Queue the `outcome` entry, which the log will write whatever becomes of the caller.

        Raises:
            LogError: The exchange is closed already, or this is no outcome of it.
        """
        self._check(draft)
        if draft.kind != "outcome":
            raise LogError(f"a draft of kind `{draft.kind}` is no `outcome`")
        self._log.ended(draft, self._x)
        self._closed = True

    async def receipt(self) -> Receipt:
        """Return the receipt of the last release entry, once a signed checkpoint covers it.

        Raises:
            LogError: Nothing was released, or no checkpoint will come.
        """
        job = self._last
        if job is None or job.sealed is None:
            raise LogError("an exchange that released nothing has no receipt")
        proof = await self._log.proof(job.index)
        sealed = job.sealed
        return Receipt(
            self.exchange_id, self.rows, job.index, job.leaf, sealed.meta, sealed.salt, proof
        )

    def opened(self, index: int) -> None:
        """Take the place of the intent, which is durable."""
        self._opened_at = index

    def abandon(self) -> None:
        """Close an exchange whose caller is gone before it had this ticket.

        Nothing can have left.
        """
        self._closed = True
        meta = {"verdict": "nothing-left", "chunks": 0}
        draft = Draft("recovered", self.exchange_id, 0, self._agreement, self._retain, meta)
        self._log.ended(draft, self._x)

    def _check(self, draft: Draft) -> None:
        if self._closed:
            raise LogError(f"`{draft.kind}`: the exchange is closed")
        if draft.exchange_id != self.exchange_id:
            raise LogError(f"`{draft.kind}`: the draft is of another exchange")


def _exchange(exchange_id: str) -> bytes:
    try:
        return exchange_bytes(exchange_id)
    except AuditError as error:
        raise NotFoundError(Reason.NOT_FOUND, "no exchange has this id") from error
