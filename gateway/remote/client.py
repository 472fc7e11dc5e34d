"""What an agency calls a gateway with: exchanges that resume, explanations, the audit's reads."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import grpc
import grpc.aio

from gateway.audit.checkpoint import open_checkpoint
from gateway.audit.fault import AuditError
from gateway.audit.merkle import verify_consistency
from gateway.audit.signers import pinned
from gateway.errors import AccordError, LogError, Reason, RefusedError
from gateway.remote.arriving import Arriving, Progress, settle
from gateway.remote.channel import Channel, ended, stub
from gateway.remote.disclosures import Line, Listing, proved, request_of
from gateway.v1 import audit_pb2, audit_pb2_grpc, exchange_pb2, exchange_pb2_grpc
from gateway.wire.chain import CHECKPOINT_KEY
from gateway.wire.convert.exchange import Explanation, from_request
from gateway.wire.convert.faults import Faults
from gateway.wire.convert.header import to_header
from gateway.wire.status import HANDSHAKE, error_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import AsyncIterator, Callable, Sequence

    from gateway.broker.subjects import Person
    from gateway.ports import Message
    from gateway.values import Request
    from gateway.wire.tls import TlsFiles

READ_TIMEOUT_S: Final = 30.0
ATTEMPTS: Final = 5
"""Attempts in a row that may bring nothing."""

PAUSE_S: Final = 0.2
_FORK: Final = (
    "the gateway's log is not the one whose checkpoint was kept: two checkpoints contradict"
)


class Client:
    """What an agency calls a gateway with: exchanges, explanations and the audit's reads.

    Attributes:
        checkpoint: The largest checkpoint whose signature is good, a note; it is sent along with
            each call.
        proved: The one that was given, or a later one that `prove` showed to go on from it: keep
            it, and give it back next time.
        contradicting: The first one that no log can have signed that signed `checkpoint` too, or
            nothing.
    """

    def __init__(
        self,
        target: str,
        tls: TlsFiles,
        vkey: str,
        *,
        checkpoint: str = "",
        server_name: str = "",
        token: Callable[[], str] | None = None,
        pause_s: float = PAUSE_S,
    ) -> None:
        """Pin the log's key.

        Args:
            target: The gateway's `host:port`.
            tls: The agency's certificate.
            vkey: The log's key, from `agencies.yaml`, never from the gateway; two with a blank
                between while it is being rotated.
            checkpoint: The largest one verified before.
            server_name: The gateway's name in its certificate, where it is not the host.
            token: Returns a bearer token bound to that certificate, for methods and roles.
            pause_s: After the first attempt that brought nothing; after each further one in a row,
                twice as long as before.

        Raises:
            AuditError: The vkey or the checkpoint is none.
        """
        self._channel = Channel(target, tls, server_name=server_name)
        self._verifiers = pinned(vkey)
        self._token = token
        self._pause_s = pause_s
        self.checkpoint = self.proved = checkpoint
        self.contradicting = ""
        self._newest = open_checkpoint(checkpoint, *self._verifiers) if checkpoint else None

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()

    async def exchange(
        self, request: Request, progress: Progress | None = None, *, timeout_s: float | None = None
    ) -> AsyncIterator[Message]:
        """Yield the messages of one exchange, verified, over as many connections as it takes.

        Each chunk's digest is computed before it is yielded. The last message has a receipt that
        the pinned key proves to cover exactly what arrived. Whoever stops before has an incomplete
        exchange, and may give `progress` back to resume it.

        Args:
            request: What to ask for; its caller is ignored, for the certificate says it.
            progress: What is held of an exchange that was cut; filled in as messages come.
            timeout_s: For each connection.

        Raises:
            AccordError: As the gateway refused or failed.
            ReleaseError: What came is not what it says it is.
            LogError: The receipt does not prove it.
        """
        held = Progress() if progress is None else progress
        fruitless = 0
        while True:
            rows = held.rows
            try:
                async for message in self._attempt(request, held, timeout_s):
                    yield message
            except _CutError as cut:
                # An attempt that brought rows was worth it; one that did not waits longer for the
                # next, since the gateway may be starting again.
                fruitless = fruitless + 1 if held.rows == rows else 0
                if fruitless == ATTEMPTS:
                    raise cut.error from None
                if fruitless:
                    await asyncio.sleep(self._pause_s * 2 ** (fruitless - 1))
            else:
                return

    async def _attempt(
        self, request: Request, held: Progress, timeout_s: float | None
    ) -> AsyncIterator[Message]:
        gateway = stub(exchange_pb2_grpc.ExchangeServiceStub, self._channel)
        call = gateway.Exchange(
            from_request(replace(request, resume=held.resume())),
            timeout=timeout_s,
            metadata=self._metadata(),
        )
        reading = Arriving(held, self._verifiers)
        try:
            while (response := await call.read()) is not grpc.aio.EOF:
                yield reading.take(response)
            self._keep(await call.trailing_metadata())
            await ended(call)
        except grpc.aio.AioRpcError as failure:
            error = error_of(failure)
            again = failure.code() is grpc.StatusCode.UNAVAILABLE
            if HANDSHAKE in error.variables and not held.rows:
                # A certificate is as wrong the next time; after rows it was right, so it is a cut.
                raise error from None
            # BUSY in the middle is a stream that found no room among the bulk streams.
            if again or (error.reason is Reason.BUSY and held.rows):
                raise _CutError(error) from None
            raise error from None
        finally:
            call.cancel()
        reading.finish()

    async def explain(self, request: Request) -> Explanation:
        """Return what would be decided.

        Raises:
            AccordError: As the gateway refused to say.
        """
        gateway = stub(exchange_pb2_grpc.ExchangeServiceStub, self._channel)
        message = exchange_pb2.ExplainRequest(terms=from_request(request).terms)
        return _explanation(await self.ask(gateway.Explain, message))

    async def get_checkpoint(self) -> str:
        """Return the newest checkpoint, verified, and keep it."""
        response = await self.ask(self._audit().GetCheckpoint, audit_pb2.GetCheckpointRequest())
        self._learn(response.checkpoint)
        return str(response.checkpoint)

    async def get_tile(self, path: str) -> bytes:
        """Return a tile or bundle by its tlog-tiles path, as an export has it."""
        response = await self.ask(self._audit().GetTile, audit_pb2.GetTileRequest(path=path))
        return bytes(response.data)

    async def get_entries(
        self, start: int, count: int = 100, *, opened: bool = False
    ) -> Sequence[audit_pb2.Entry]:
        """Return entries in a row, possibly fewer than asked for."""
        message = audit_pb2.GetEntriesRequest(start=start, count=count, open=opened)
        return tuple((await self.ask(self._audit().GetEntries, message)).entries)

    async def get_inclusion_proof(self, index: int, size: int = 0) -> str:
        """Return an entry's tlog-proof."""
        message = audit_pb2.GetInclusionProofRequest(index=index, size=size)
        return str((await self.ask(self._audit().GetInclusionProof, message)).proof)

    async def get_consistency_proof(
        self, old_size: int, new_size: int = 0
    ) -> tuple[tuple[bytes, ...], str]:
        """Return the proof between two sizes, and the checkpoint of the newer."""
        message = audit_pb2.GetConsistencyProofRequest(old_size=old_size, new_size=new_size)
        response = await self.ask(self._audit().GetConsistencyProof, message)
        return tuple(response.hashes), str(response.checkpoint)

    async def list_disclosures(
        self, people: Sequence[Person], first: dt.date, last: dt.date
    ) -> Listing:
        """Return what left about one person of this agency; each page of it is a look.

        Args:
            people: Identifiers of the person.
            first: A UTC day.
            last: Another; both are included.

        Raises:
            AccordError: As the gateway refused.
            LogError: A line's entry is not proved by the pinned key.
        """
        lines: list[Line] = []
        token = ""
        while True:
            message = request_of(people, first, last, token)
            page = await self.ask(self._audit().ListDisclosures, message)
            lines += proved(page.disclosures, self._verifiers)
            token = page.next_page_token
            if not token:
                return Listing(tuple(lines), page.withheld)

    def _audit(self) -> Any:  # noqa: ANN401 - the generated stub has no types
        return stub(audit_pb2_grpc.AuditServiceStub, self._channel)

    def stub(self, make: Any) -> Any:  # noqa: ANN401 - the generated stubs have no types
        """Return a service's stub on this client's channel."""
        return stub(make, self._channel)

    async def ask(self, method: Any, message: object) -> Any:  # noqa: ANN401 - any unary method
        """Return the answer of a unary method, once its checkpoint was looked at.

        Raises:
            AccordError: As the gateway refused or failed.
            LogError: Its checkpoint contradicts one that was seen.
        """
        call = method(message, timeout=READ_TIMEOUT_S, metadata=self._metadata())
        try:
            response = await call
        except grpc.aio.AioRpcError as failure:
            raise error_of(failure) from None
        self._keep(await call.trailing_metadata())
        return response

    def _metadata(self) -> list[tuple[str, str | bytes]]:
        metadata: list[tuple[str, str | bytes]] = []
        if self.checkpoint:
            metadata.append((CHECKPOINT_KEY, self.checkpoint.encode()))
        if self._token is not None:
            metadata.append(("authorization", f"Bearer {self._token()}"))
        return metadata

    def _keep(self, trailing: Any) -> None:  # noqa: ANN401 - gRPC's metadata
        for key, value in trailing or ():
            if key == CHECKPOINT_KEY:
                self._learn(bytes(value).decode("utf-8", "replace"))

    def _learn(self, note: str) -> None:
        """Take a checkpoint that is larger than the newest so far, once its signature is good.

        Raises:
            LogError: It is not the pinned log's, or contradicts one of the same size.
        """
        if note == self.checkpoint:
            return
        try:
            found = open_checkpoint(note, *self._verifiers)
        except AuditError as error:
            raise LogError(f"the gateway's checkpoint does not verify: {error}") from None
        newest = self._newest
        if newest is None or found.size > newest.size:
            self.checkpoint, self._newest = note, found
            self.proved = self.proved or note
        elif found.size == newest.size and found.root != newest.root:
            self.contradicting = self.contradicting or note
            raise LogError(_FORK)

    async def prove(self) -> None:
        """Have the gateway prove that its newest checkpoint goes on from the one that was given.

        This is what makes an agency a monitor: without it a rewritten log that has grown would
        take the place of the checkpoint that gives it away.

        Raises:
            LogError: It does not: `proved` and `contradicting` are the evidence.
            AccordError: As the gateway refused or failed; nothing is proved, nor disproved.
        """
        note = self.checkpoint
        if note == self.proved:
            return
        old, new = (open_checkpoint(one, *self._verifiers) for one in (self.proved, note))
        hashes, _ = await self.get_consistency_proof(old.size, new.size)
        try:
            verify_consistency(old.size, new.size, old.root, new.root, hashes)
        except AuditError:
            self.contradicting = self.contradicting or note
            raise LogError(_FORK) from None
        self.proved = note


class _CutError(Exception):
    """A connection that ended under an exchange, which may go on over another."""

    def __init__(self, error: AccordError) -> None:
        super().__init__()
        self.error = error


def _explanation(response: exchange_pb2.ExplainResponse) -> Explanation:
    faults = Faults()
    header, refusal = None, None
    if response.HasField("permit"):
        header = to_header(response.permit, faults, "permit")
    elif response.HasField("refusal"):
        said = response.refusal
        reason = Reason(said.reason) if said.reason in Reason.__members__ else Reason.INTERNAL
        refusal = RefusedError(
            reason, said.message, step=said.step, agreement=said.agreement,
            provision=said.provision, clause=said.clause,
        )  # fmt: skip
    settle(faults)
    return Explanation(
        header,
        refusal,
        tuple(response.reads),
        tuple(response.withheld),
        tuple(response.undecided),
        response.plan,
    )
