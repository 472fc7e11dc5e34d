"""One exchange: decide, plan, log, read, mask, check, log, send; in this order, and never another.

Whatever fails, fails closed. A refusal is in the log before the caller hears of it; a chunk's entry
is durable before its first byte leaves; an exchange that was begun is closed exactly once, however
it ends.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.agreement.budget import caps
from gateway.audit.stream import stream_next, stream_start
from gateway.broker import drafts
from gateway.broker.batches import consented
from gateway.broker.days import days_of, until_of
from gateway.broker.explain import Explanation, explain
from gateway.broker.headers import header_of, noise_of, owed_of
from gateway.broker.remade import Remade
from gateway.broker.stands import Stands, refused
from gateway.broker.withdrawn import Withdrawn
from gateway.decide import Refusal, Standing, decide
from gateway.errors import (
    AccordError,
    ConflictError,
    NotFoundError,
    Reason,
    ReleaseError,
)
from gateway.ports import Keep, Message, source_of, spent_of
from gateway.values import uuid7

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    import pyarrow as pa

    from gateway.agreement.index import Agreements
    from gateway.audit.entry import Draft
    from gateway.plan.build import Builder
    from gateway.plan.ops import Crowd, Plan
    from gateway.ports import (
        Attempt,
        Clock,
        Consent,
        Counters,
        Engine,
        Entropy,
        ExchangeLog,
        Library,
        Logged,
        Meter,
        Ready,
        Send,
        Source,
        Streams,
        Ticket,
    )
    from gateway.values import Chunk, Header, Receipt, Request, Resume

_REPEAT = dt.timedelta(hours=24)
"""How long a request id stands for the same request."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What a broker works with; each is a promise of `gateway.ports`."""

    library: Library
    counters: Counters
    log: ExchangeLog
    sources: Source
    engine: Engine
    clock: Clock
    entropy: Entropy
    meter: Meter
    streams: Streams
    consent: Consent


class Broker:
    """Carries out exchanges; holds no state of its own but what is kept for speed.

    Args:
        ports: The world.
        builder: Builds plans.
        writer: Writes the drafts of entries.
    """

    def __init__(self, ports: Ports, builder: Builder, writer: drafts.Drafts) -> None:
        self._ports = ports
        self._builder = builder
        self._drafts = writer

    async def exchange(self, request: Request, send: Send, *, deadline_s: float) -> None:
        """Carry out one request; `send` is given only what the exchange log already holds.

        Raises:
            RefusedError: No agreement permits it; the refusal is in the log.
            ConflictError: A repeat that is not the same request; nothing was decided.
            BusyError: The same request is under way, or was repeated too often.
            SourceError: The provider stopped delivering; nothing more was sent.
            ReleaseError: The table broke its plan; nothing more was sent.
            LogError: An entry may not be durable; nothing more was sent.
        """
        digest = drafts.request_digest(request)
        # Before the first wait: two at once would both find that there was no attempt before.
        with self._ports.log.claim(request.terms.recipient, request.request_id, digest):
            await self._exchange(request, digest, send, deadline_s)

    async def _exchange(
        self, request: Request, digest: bytes, send: Send, deadline_s: float
    ) -> None:
        ports = self._ports
        now = ports.clock.now()
        exchange_id = uuid7(now, ports.entropy.random(10))
        before = await self._before(request, digest, now)

        agreements = ports.library.current()
        standing = ports.counters.of(request, now, before.exchange_id if before else "")
        if before is not None:
            standing = _again(standing, before)
        decision = decide(agreements, request, standing, now)
        if isinstance(decision, Refusal):
            await self._refuse(agreements, request, decision, exchange_id, digest)
            return
        grant = decision if before is None else decision._replace(now=before.now)

        plan = self._builder.build(agreements, grant)
        if before is None:
            # Before the first wait: requests side by side would all find room for one.
            ports.counters.charge(request, plan.rule.ref, now)
        intent = self._drafts.intent(agreements, request, plan, exchange_id, digest)
        ticket = await ports.log.intent(
            intent,
            recipient=request.terms.recipient,
            request_id=request.request_id,
            request_digest=digest,
            now=grant.now,
            charged=plan.rule.ref if before is None else "",
        )
        run = _Run(self, agreements, request, plan, intent, ticket, before, send)
        await run.carry_out(deadline_s)

    def explain(self, request: Request) -> Explanation:
        """Return what would be decided, from the agreements alone: no adapter, no entry."""
        ports = self._ports
        return explain(ports.library.current(), self._builder, request, ports.clock.now())

    async def _before(self, request: Request, digest: bytes, now: dt.datetime) -> Attempt | None:
        attempt = await self._ports.log.attempt(
            request.terms.recipient, request.request_id, now - _REPEAT
        )
        if attempt is None:
            if request.resume is not None:
                raise NotFoundError(
                    Reason.RESUME_TOO_LATE, "nothing is known of the exchange to resume"
                )
            return None
        if attempt.request_digest != digest:
            raise ConflictError(Reason.REQUEST_ID_USED, "this request id was used for other terms")
        return attempt

    async def _refuse(
        self,
        agreements: Agreements,
        request: Request,
        refusal: Refusal,
        exchange_id: str,
        digest: bytes,
    ) -> None:
        draft = self._drafts.refusal(agreements, request, refusal, exchange_id, digest)
        # Durable first: whoever hears of a refusal can find it in the log.
        index = await self._ports.log.refusal(draft)
        self._ports.meter.refused(refusal.reason.value, refusal.step)
        raise refused(refusal, index, exchange_id)


def _again(standing: Standing, before: Attempt) -> Standing:
    """Return the standing of a repeat: what its first attempt released is not counted again."""
    released = sum(rows for rows, _ in before.digests)
    rows = max(standing.rows_today - released, 0)
    return dataclasses.replace(standing, rows_today=rows, repeat=True)


class _Run:
    """One granted exchange on its way: what has left, and what is held back until the next."""

    def __init__(  # noqa: PLR0917 - the parts of one exchange, made in one place
        self,
        broker: Broker,
        agreements: Agreements,
        request: Request,
        plan: Plan,
        intent: Draft,
        ticket: Ticket,
        before: Attempt | None,
        send: Send,
    ) -> None:
        self._ports = broker._ports  # noqa: SLF001 - the broker's own helper
        self._agreements = agreements
        self._stands = Stands(
            self._ports.library, self._ports.clock, agreements, request, plan.rule,
            ticket.exchange_id,
        )  # fmt: skip
        self._request = request
        self._plan = plan
        self._intent = intent
        self._ticket = ticket
        self._before = before
        self._send = send
        self._stream = stream_start(ticket.exchange_id)
        self._held_back: Message | None = None
        self._chunks = self._handed = self._rows = self._bytes = self._suppressed = 0
        self._crowd: Crowd | None = None
        self._remade = Remade(before, request.resume)
        self._held: Receipt | None = None
        self._header: Header | None = header_of(plan, ticket.exchange_id)
        self._withdrawn = Withdrawn(plan, self._ports.consent, request.form)

    async def carry_out(self, deadline_s: float) -> None:
        """Read, release and send everything, then close the exchange, however it ends."""
        try:
            # Also while it waits, for a provider or for a recipient who reads slowly.
            async with self._ports.streams.while_it(self._stands.check):
                await self._carry_out(deadline_s)
        except BaseException as error:
            # Also a cancelled call: whatever was begun is closed, and says how far it came.
            await self._close("cut", _code(error))
            if isinstance(error, AccordError) and not error.exchange_id:
                error.exchange_id = self._ticket.exchange_id
            raise
        await self._close("complete", "OK")

    async def _carry_out(self, deadline_s: float) -> None:
        ports = self._ports
        if self._request.resume is not None and self._request.resume.offset:
            self._held = await self._receipt_of(self._request.resume)
        self._withdrawn.begin()
        read = ports.sources.scan(
            self._plan.scan, exchange_id=self._ticket.exchange_id, timeout_s=deadline_s
        )
        batches = consented(self._plan, read, ports.consent)
        if self._plan.group is None:
            await self._all_of(batches, ())
        else:
            source = source_of(self._request.terms)
            # Until its release is durable: the next table of the source is judged beside it.
            async with ports.log.alone(source), aclosing(batches):
                await self._all_of(batches, await self._earlier(source))
        await self._finish()

    async def _all_of(
        self, batches: AsyncGenerator[pa.RecordBatch], earlier: Sequence[bytes]
    ) -> None:
        form = self._request.form
        made = self._ports.engine.run(self._plan, batches, form, earlier, self._attempt)
        async with aclosing(made) as ready:
            async for one in ready:
                await self._release(one)

    async def _earlier(self, source: str) -> list[bytes]:
        noised = noise_of(self._plan) is not None
        days = days_of(self._plan)
        return await self._ports.log.released(source, days, self._attempt, own=noised)

    @property
    def _attempt(self) -> str:
        return self._before.exchange_id if self._before else self._ticket.exchange_id

    async def _receipt_of(self, resume: Resume) -> Receipt | None:
        """Return the receipt for what is held, or None where there is none for just that.

        An exchange id is no secret: whoever cannot tell the entry's stream value did not get it.
        """
        held = await self._ports.log.held(resume.exchange_id, resume.offset)
        if held is None or json.loads(held.meta)["stream"] != drafts.b64(resume.stream):
            return None
        return held

    async def _release(self, ready: Ready) -> None:
        ready = self._withdrawn.without(ready)
        chunk = ready.chunk
        if self._plan.classes is not None and ready.crowd is None:
            message = "records of no class under a plan that asks for classes"
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
        if self._header is not None:
            self._header = dataclasses.replace(self._header, rung=ready.rung)
        if self._remade.held(chunk.row_count, chunk.digest):
            return
        self._stands.check()
        stream = stream_next(self._stream, chunk.digest)
        draft = drafts.release(self._intent, self._chunks, ready, self._request.form, stream)
        drawn_by = self._attempt if self._remade.new else ""
        draft = drafts.noised(draft, self._plan, ready.draws, drawn_by)
        try:
            # Logged before sent: a crash in between over-reports; the other order hides.
            logged = await self._ticket.release(draft, self._keep(ready))
        finally:
            # What is durable counts as released, also where the call was cancelled meanwhile.
            if self._ticket.chunks > self._chunks:
                self._count(ready, stream)
        await self._pass_on()
        self._held_back = self._message(chunk, logged)
        if self._plan.register is not None:
            # Nobody can withdraw from what is logged: it leaves now, and the receipt by itself.
            await self._pass_on()

    def _count(self, ready: Ready, stream: bytes) -> None:
        self._stream = stream
        self._chunks += 1
        self._rows += ready.chunk.row_count
        self._bytes += ready.size
        self._suppressed += ready.suppressed
        self._crowd = ready.crowd

    def _message(self, chunk: Chunk | None, logged: Logged | None) -> Message:
        """Return a message; the first one, and only it, has the header and what is held."""
        message = Message(header=self._header, chunk=chunk, logged=logged, held=self._held)
        self._header = self._held = None
        return message

    async def _pass_on(self) -> None:
        """Send the chunk held back: one stays behind, so that the last can carry the receipt."""
        if self._held_back is not None:
            # Again: what was waited for since its entry was written may have been long.
            self._stands.check()
            message, self._held_back = self._held_back, None
            await self._send(message)
            self._handed += 1

    async def _finish(self) -> None:
        self._remade.end()
        if self._held_back is None and not self._chunks:
            # A resumption of an exchange that was held in full: there is only its receipt to send.
            await self._send(self._message(None, None))
            return
        receipt = await self._ticket.receipt()
        if self._held_back is None:
            await self._send(dataclasses.replace(self._message(None, None), receipt=receipt))
        else:
            self._held_back = dataclasses.replace(self._held_back, receipt=receipt)
            await self._pass_on()
        agreement = self._plan.rule.pact.agreement.ref
        provision = self._plan.rule.provision.id
        self._ports.meter.released(agreement, provision, self._rows, self._bytes)

    def _keep(self, ready: Ready) -> Keep:
        group, rows, now = self._plan.group, ready.chunk.row_count, self._ports.clock.now()
        today = now.date()
        kept = Keep(
            recipient=self._request.terms.recipient,
            provision=self._plan.rule.ref,
            source=source_of(self._request.terms),
            attempt=self._attempt,
            day=today,
            rows=rows,
            rows_per_day=self._plan.rule.provision.limits.rows_per_day,
            digest=ready.chunk.digest,
            periods=group.periods if group else (),
            charge=self._remade.new,
            first_row=self._remade.rows - rows,
            memory=ready.memory,
            spends=spent_of(self._request.terms, self._plan.rule.cut) if group else "",
            clause=self._plan.rule.provision.clause,
            draws=ready.draws,
            caps=caps(self._agreements, self._plan.rule, now) if ready.draws else (),
            # With what leaves first, and of nothing where nothing leaves.
            owes=owed_of(self._plan) if rows and not self._rows else (),
        )
        if group is None:
            return kept
        days, until = days_of(self._plan), until_of(self._plan, today)
        return dataclasses.replace(kept, days=days, until=until)

    async def _close(self, end: str, code: str) -> None:
        meta = {
            "bytes": self._bytes,
            "cells_suppressed": self._suppressed,
            "chunks": self._chunks,
            "code": code,
            "end": end,
            "handed": self._handed,
            "rows": self._rows,
            "rows_suppressed": self._rows_suppressed(),
            "stream": drafts.b64(self._stream) if self._chunks else None,
        }
        intent = self._intent
        draft = dataclasses.replace(intent, kind="outcome", meta=meta)
        await self._ticket.outcome(draft)

    def _rows_suppressed(self) -> int | None:
        """Return how many rows stayed behind; None where their number may not be told."""
        if self._plan.classes is None or not self._plan.classes.suppress:
            return 0
        return self._crowd.held if self._crowd is not None else None


def _code(error: BaseException) -> str:
    # An error that is not of the tree is a bug, or a cancelled call: its text goes nowhere.
    if isinstance(error, AccordError):
        return error.reason.value
    return "INTERNAL" if isinstance(error, Exception) else "CANCELLED"
