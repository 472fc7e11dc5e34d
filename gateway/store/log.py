"""The exchange log as stored: the port, on the event loop, before two threads that write and sign.

Whatever returns from here is durable. How a draft gets there is the desk's and the writer's, how it
is signed the signer's; this module says which entry is whose, and what may be read back.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.audit.entry import Draft, exchange_bytes
from gateway.audit.fault import AuditError
from gateway.audit.merkle import consistency_proof
from gateway.errors import LogError, NotFoundError, Reason
from gateway.store.batch import millis
from gateway.store.cells import CellRecord
from gateway.store.erasing import Eraser
from gateway.store.horizon import Erasing
from gateway.store.line import Asked
from gateway.store.lookup import Lookup
from gateway.store.reads import tile_at, unseal
from gateway.store.spending import Claims, Spending
from gateway.store.ticket import StoredTicket
from gateway.store.used import Using
from gateway.values import Receipt

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from gateway.audit.signers import Signers
    from gateway.ports import Attempt
    from gateway.store.desk import Desk
    from gateway.store.incident import Remembering
    from gateway.store.line import Beside, Job
    from gateway.store.prover import Prover
    from gateway.store.reads import Opened, Reads, Stored
    from gateway.store.sealing import PayloadKeys
    from gateway.store.signer import Published

_STEPS: Final = frozenset({"genesis", "intent", "refusal", "release", "outcome", "recovered"})


class StoredLog:
    """The exchange log of one process, on one event loop. `start.open_log` makes it.

    Attributes:
        lookup: Looks people up.
        warnings: What an operator should mend although the log runs; for standard error.
        shared: Whether other gateways write it too.
    """

    def __init__(
        self,
        desk: Desk,
        prover: Prover,
        reads: Reads,
        keys: PayloadKeys,
        fatal: Callable[[LogError], None],
    ) -> None:
        self.reads = reads
        self.warnings: tuple[str, ...] = ()
        self.shared = False
        self._desk = desk
        self._prover = prover
        self._keys = keys
        self._fatal = fatal
        self._spending = Spending(reads)
        self._claims = Claims()
        self._cells = CellRecord(reads, keys)
        self.lookup = Lookup(desk, reads, keys.by_id)
        self._eraser = Eraser(desk, reads, keys)
        self._closers: tuple[Callable[[], None], ...] = ()

    def on_close(self, *calls: Callable[[], None]) -> None:
        """Call these last of all when the log is closed, in this order."""
        self._closers = calls

    # --- The port ---------------------------------------------------------------------------------

    def claim(
        self, recipient: str, request_id: str, request_digest: bytes
    ) -> AbstractContextManager[None]:
        """Hold a request id while its request is carried out, so that one at a time is.

        Raises:
            ConflictError: It is held for other terms.
            BusyError: It is held for the same ones; come again when they are through.
        """
        return self._claims.hold(recipient, request_id, request_digest)

    async def refusal(self, draft: Draft) -> int:
        """Make a `refusal` entry durable; return its index in the log."""
        return await self._desk.append(draft, "refusal")

    async def note(self, draft: Draft, beside: Beside | None = None) -> int:
        """Make an entry of another kind durable; return its index.

        Args:
            draft: What it says.
            beside: What is written in its transaction, given a connection and its index.
        """
        if draft.kind in _STEPS:
            raise LogError(f"`{draft.kind}` is written by the exchange that it belongs to")
        return await self._desk.append(draft, draft.kind, beside)

    async def intent(
        self,
        draft: Draft,
        *,
        recipient: str,
        request_id: str,
        request_digest: bytes,
        now: dt.datetime,
        charged: str = "",
    ) -> StoredTicket:
        """Reserve room for the whole exchange, make its `intent` durable, remember the request.

        Raises:
            BusyError: The queue is full; nothing was written.
            LogError: The entry is not, or may not be, durable.
        """
        # A gateway alone counts in memory: the table is for those that share a log.
        rate = charged if self.shared else ""
        asked = Asked(recipient, request_id, request_digest, millis(now), rate)
        job = self._desk.job(draft, "intent", asked=asked)
        try:
            await self._desk.begin(job)
        except asyncio.CancelledError:
            # Durable, and nobody is left to close it.
            if job.error is None:
                self._ticket(draft, job).abandon()
            raise
        return self._ticket(draft, job)

    async def attempt(self, recipient: str, request_id: str, since: dt.datetime) -> Attempt | None:
        """Return the first attempt at a request not older than `since`, or None.

        Raises:
            BusyError: There were `ATTEMPTS_MAX` of them already.
        """
        asked = self.reads.asked(recipient, request_id, since)
        # A repeat reads the chunks of every attempt, which may be many: not on the event loop.
        return await asyncio.to_thread(self.reads.attempt, asked) if asked else None

    async def held(self, exchange_id: str, rows: int) -> Receipt | None:
        """Return the receipt for the chunks of an earlier exchange that hold its first `rows` rows.

        None where they end within a chunk, or the exchange is not one of the last 24 hours. The
        opening is of what this recipient was given before, for its own resumption, which has its
        own `intent`.
        """
        try:
            x = exchange_bytes(exchange_id)
        except AuditError:
            return None
        index = self.reads.release_to(x, rows)
        if index < 0:
            return None
        leaf, key_id, sealed = self.reads.payload(index)
        payload = unseal(self._keys.by_id(key_id), leaf, sealed)
        proof = await self.proof(index)
        return Receipt(exchange_id, rows, index, leaf, payload.meta, payload.salt_m, proof)

    def alone(self, source: str) -> AbstractAsyncContextManager[None]:
        """Hold a source while a table of it is judged, until its release is durable."""
        return self._cells.alone(source)

    async def released(
        self, source: str, days: tuple[dt.date, dt.date], attempt: str, *, own: bool = False
    ) -> list[bytes]:
        """Return what the record of cells keeps of a source, in the order of release.

        Raises:
            ReleaseError: The record does not match the log, cannot be opened, or was erased over
                some of these days.
        """
        return await self._cells.released(source, days, attempt, own=own)

    async def forget(self, today: dt.date) -> int:
        """Erase from the record of cells what is past its history; return how many tables.

        Raises:
            LogError: The store takes nothing now; the rest is still there, for the next time.
        """
        erased = 0
        for source in await asyncio.to_thread(self._cells.over, today):
            async with self.alone(source):
                gone = Erasing(source, today)
                await self._desk.chore(gone.job)
                erased += gone.erased
        return erased

    async def expire(self, now: dt.datetime) -> int:
        """Erase payloads past their class and under no hold, then keys that nothing needs.

        Return how many payloads.

        Raises:
            LogError: The store takes nothing now; the rest is still there, for the next time.
        """
        return await self._eraser.run(now)

    async def remember(self, old: Remembering) -> None:
        """Take over what the log that this one follows must not forget; once, in a new log.

        Raises:
            LogError: It is not, or may not be, durable.
        """
        await self._desk.chore(old.job)

    async def first_use(self, token: bytes, until: int, now: int) -> bool:
        """Use a token up, durably; return whether it was not used before, here or elsewhere.

        Args:
            token: What names it.
            until: When it is forgotten, seconds since 1970.
            now: This instant, the same.

        Raises:
            LogError: It is not, or may not be, durable.
        """
        using = Using(token, until, now)
        await self._desk.chore(using.job)
        return using.first

    def newest(self) -> str:
        """Return the newest signed checkpoint, a note."""
        return self._prover.published.note

    def _ticket(self, draft: Draft, job: Job) -> StoredTicket:
        return StoredTicket(self._desk, self._prover, self._spending, self._cells, draft, job.index)

    # --- What a process asks of it ----------------------------------------------------------------

    @property
    def published(self) -> Published:
        """The newest checkpoint that is signed, held and stored."""
        return self._prover.published

    @property
    def size(self) -> int:
        """Entries that are durable, as far as this process knows."""
        return max(self._desk.writer.head.size, self.published.size)

    @property
    def waiting(self) -> int:
        """Entries admitted and not yet written, or promised room."""
        return self._desk.waiting

    @property
    def trouble(self) -> str:
        """Why the log takes or signs nothing just now; empty when it does."""
        return self._desk.writer.trouble or self._prover.signer.trouble

    @property
    def healthy(self) -> bool:
        """Whether entries become durable, and checkpoints are signed, and cosigned if they must."""
        return not self.trouble and not self._prover.short

    @property
    def unwitnessed(self) -> str:
        """Which witnesses the last round got no cosignature from; empty where it got all."""
        witnessing = self._prover.witnessing
        return "" if witnessing is None else witnessing.trouble

    async def compare(self, note: str) -> None:
        """Hold a checkpoint that an agency sends against the log: every agency is a monitor.

        One under our own key that is larger than the store, or has another root, ends the process:
        the store was put back, or another log has our key.
        """
        proved = await self._prover.compare(note)
        if proved is not None:
            self.dies(proved)

    async def close(self) -> None:
        """Write what waits, say `stop`, sign, and end both threads. Further calls raise."""
        if self._desk.closed:
            return
        self._desk.closed = True
        if not self.trouble:
            # It is the last in line: what was promised is durable when this is.
            with suppress(LogError):
                await self._desk.settled(self._desk.config("stop"))
        self._prover.give_up()
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._prover.signer.close()
        if self._prover.witnessing is not None:
            self._prover.witnessing.close()
        self.reads.close()
        # Last: the last connection to close folds the WAL into the database, and a reader cannot.
        self._desk.writer.close()
        for call in self._closers:
            call()

    # --- For audit --------------------------------------------------------------------------------

    async def entries(self, start: int, count: int) -> list[Stored]:
        """Return at most `count` entries from `start` on that the newest checkpoint covers."""
        covered = min(start + count, self.published.size)
        return await asyncio.to_thread(self.reads.entries, start, covered - start)

    async def tile(self, path: str) -> bytes:
        """Return the bytes of a tlog-tiles path, as the static files would have them.

        Raises:
            NotFoundError: No such path, or one beyond the newest checkpoint.
        """
        published = self.published
        tiles = self._prover.tiles(published)
        return await asyncio.to_thread(tile_at, self.reads, tiles, published.size, path)

    async def proof(self, index: int) -> str:
        """Return the tlog-proof of an entry, once a signed checkpoint covers it."""
        return await self._prover.proof(index)

    async def inclusion(self, index: int, size: int = 0) -> str:
        """Return a tlog-proof of an entry under the newest checkpoint, once that covers it.

        A proof ends in a signed checkpoint, so of other sizes only those that are still the newest
        can be had.

        Raises:
            NotFoundError: The entry is beyond the log, or the size is not the newest checkpoint's.
        """
        if not 0 <= index < self.size or size not in {0, self.published.size}:
            raise NotFoundError(Reason.INDEX_BEYOND_LOG, "no checkpoint at hand covers this index")
        return await self.proof(index)

    async def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the log of `old` entries is a prefix of that of `new`.

        Raises:
            NotFoundError: The sizes are not in order, or beyond the newest checkpoint.
        """
        if not 0 <= old <= new <= self.published.size:
            raise NotFoundError(Reason.INDEX_BEYOND_LOG, "no such sizes of the exchange log")
        tiles = self._prover.tiles(self.published)
        return await asyncio.to_thread(consistency_proof, old, new, tiles)

    async def opened(self, start: int, count: int, access: Draft) -> list[Opened]:
        """Return entries with what they say, once an `access` entry tells who looks.

        Raises:
            LogError: The `access` entry is not, or may not be, durable; nothing was opened.
        """
        await self._desk.append(access, "access")
        return await asyncio.to_thread(self.reads.opened, start, count, self._keys.by_id)

    # --- Called by the threads --------------------------------------------------------------------

    def turn(self, signers: Signers) -> None:
        """Sign with these keys from the next checkpoint on, and know them all; from any thread."""
        self._prover.verifiers = signers.verifiers
        self._prover.signer.signers = signers

    def chore(self, job: Job) -> None:
        """Put a chore in line, or settle it where nobody will take it."""
        self._desk.put(job)
        if self._desk.writer.stopped:
            job.error = LogError("the exchange log has stopped")
            if job.settled is not None:
                job.settled()

    def publish(self, published: Published) -> None:
        """Make a checkpoint the newest, and have it cosigned."""
        self._desk.soon(self._prover.publish, published)
        if self._prover.witnessing is not None:
            self._prover.witnessing.offer(published)

    def publish_cosigned(self, published: Published) -> None:
        """Make a checkpoint the newest that has its quorum of witnesses."""
        self._desk.soon(self._prover.publish_cosigned, published)

    def dies(self, error: LogError) -> None:
        """Take and sign nothing any more, turn everybody away, and end the process."""
        self._desk.writer.halt(str(error))
        self._desk.soon(self._prover.give_up)
        self._fatal(error)
