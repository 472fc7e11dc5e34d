"""One exchange that the log has an intent for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.audit.entry import Draft
from gateway.errors import LogError
from gateway.ports import Logged
from gateway.store.duties import owing
from gateway.values import Receipt

if TYPE_CHECKING:
    from gateway.ports import Keep
    from gateway.store.cells import CellRecord
    from gateway.store.desk import Desk
    from gateway.store.line import Job
    from gateway.store.prover import Prover
    from gateway.store.spending import Spending


class StoredTicket:
    """One exchange that the log has an intent for; it is closed exactly once.

    Attributes:
        exchange_id: The exchange's.
        chunks: Release entries that are durable.
        rows: Rows that they hold.
    """

    __slots__ = (
        "_cells",
        "_closed",
        "_desk",
        "_intent",
        "_last",
        "_opened_at",
        "_prover",
        "_spending",
        "chunks",
        "exchange_id",
        "rows",
    )

    def __init__(
        self,
        desk: Desk,
        prover: Prover,
        spending: Spending,
        cells: CellRecord,
        intent: Draft,
        opened_at: int,
    ) -> None:
        self.exchange_id = intent.exchange_id or ""
        self.chunks = 0
        self.rows = 0
        self._desk = desk
        self._prover = prover
        self._spending = spending
        self._cells = cells
        self._intent = intent
        self._opened_at = opened_at
        self._last: Job | None = None
        self._closed = False

    async def release(self, draft: Draft, keep: Keep) -> Logged:
        """Make a `release` entry durable and return the proof that a chunk may leave.

        Raises:
            LogError: The entry is not, or may not be, durable, or no witness cosigned it in time:
                send nothing.
            ReleaseError: Another request has spent the period meanwhile; nothing was written.
            RefusedError: The day has not so many rows left meanwhile; nothing was written.
            BusyError: Another gateway released a table of the source meanwhile; nothing was
                written.
        """
        self._check(draft)
        if draft.chunk != self.chunks:
            raise LogError(f"`release` of chunk {draft.chunk} where {self.chunks} is next")
        job = self._desk.job(draft, "release", keep=keep)
        job.opened_at = self._opened_at
        if keep.owes:
            job.beside = owing(self.exchange_id, draft.agreement or "", keep)
        if keep.memory and keep.charge:
            job.cells = self._desk.cells(keep.memory, draft.retain, keep.attempt)
            job.size += len(job.cells[1])
            job.seen = self._cells.seen(keep.source)
        spent = self._spending.hold(keep, draft.agreement or "")
        try:
            await self._desk.go_on(job)
        finally:
            # Also where the caller was cancelled meanwhile: what is durable counts as released.
            durable = job.resolved and job.error is None
            if spent is not None:
                spent.settle(durable=durable)
            if durable:
                self.chunks += 1
                self.rows += keep.rows
                self._last = job
        # Counted as released above, whatever comes: without a witness it only does not leave.
        await self._prover.witnessed(job.index)
        return Logged(self.exchange_id, draft.chunk, job.index)

    async def outcome(self, draft: Draft) -> None:
        """Queue the `outcome` entry, which the log will write whatever becomes of the caller.

        Raises:
            LogError: The exchange is closed already, or this is no outcome of it.
        """
        self._check(draft)
        if draft.kind != "outcome":
            raise LogError(f"a draft of kind `{draft.kind}` is no `outcome`")
        self._desk.end(self._desk.ready(draft, must=True))
        self._closed = True

    async def receipt(self) -> Receipt:
        """Return the receipt of the last release entry, once a signed checkpoint covers it.

        Raises:
            LogError: Nothing was released, or no checkpoint will come.
        """
        job = self._last
        if job is None or job.entry is None:
            raise LogError("an exchange that released nothing has no receipt")
        proof = await self._prover.proof(job.index)
        entry = job.entry
        return Receipt(
            self.exchange_id, self.rows, job.index, job.leaf, entry.meta, entry.salt, proof
        )

    def abandon(self) -> None:
        """Close an exchange whose caller is gone before it had this ticket: nothing left."""
        self._closed = True
        meta = {"verdict": "nothing-left", "chunks": 0}
        intent = self._intent
        draft = Draft("recovered", self.exchange_id, 0, intent.agreement, intent.retain, meta)
        self._desk.end(self._desk.ready(draft, must=True))

    def _check(self, draft: Draft) -> None:
        if self._closed:
            raise LogError(f"`{draft.kind}`: the exchange is closed")
        if draft.exchange_id != self.exchange_id:
            raise LogError(f"`{draft.kind}`: the draft is of another exchange")
