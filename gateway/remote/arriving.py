"""What arrives at a recipient, held against what it says of itself; and what is held of a request.

The digest of every chunk is computed here, and an exchange is complete only with a receipt that the
pinned key proves to cover just what came.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.audit.fault import AuditError
from gateway.audit.proof import verify_receipt
from gateway.audit.stream import stream_next, stream_start
from gateway.errors import AccordError, LogError, Reason, ReleaseError
from gateway.ports import Message
from gateway.values import Resume
from gateway.wire.convert.chunk import to_chunk
from gateway.wire.convert.faults import Faults
from gateway.wire.convert.header import to_header, to_receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.checkpoint import Verifier
    from gateway.v1 import exchange_pb2
    from gateway.values import Chunk, Header, Receipt


@dataclass(slots=True)
class Attempt:
    """What one attempt brought: each is an exchange of its own in the log, with its own receipt."""

    exchange_id: str
    digests: list[bytes] = field(default_factory=list)
    receipt: Receipt | None = None


@dataclass(slots=True)
class Progress:
    """What a recipient holds of one request; enough to resume it, and to check its receipts.

    Attributes:
        header: The first one that came.
        rows: Rows held, over all attempts.
        attempts: In order; verified receipts stand beside the digests that they cover.
    """

    header: Header | None = None
    rows: int = 0
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether the last attempt ended with its receipt."""
        return bool(self.attempts) and self.attempts[-1].receipt is not None

    def resume(self) -> Resume | None:
        """Return where to go on: the first attempt that brought something, and all that is held."""
        digests = [digest for attempt in self.attempts for digest in attempt.digests]
        if not digests:
            return None
        exchange_id = next(one.exchange_id for one in self.attempts if one.digests)
        stream = stream_start(exchange_id)
        for digest in digests:
            stream = stream_next(stream, digest)
        return Resume(exchange_id, self.rows, stream)


class Arriving:
    """One attempt's messages, held against what they say of themselves."""

    def __init__(self, held: Progress, verifiers: Sequence[Verifier]) -> None:
        self._held = held
        self._verifiers = verifiers
        self._attempt: Attempt | None = None
        self._all_was_held = False

    def take(self, response: exchange_pb2.ExchangeResponse) -> Message:
        """Return one message as a value.

        Raises:
            ReleaseError: It breaks an order, a size or a digest.
            LogError: A receipt does not prove what arrived.
        """
        faults = Faults()
        if self._attempt is not None and self._attempt.receipt is not None:
            faults.add("receipt", "is followed by more")
        if response.HasField("header") is not (self._attempt is None):
            faults.add("header", "is not in the first message alone")
        settle(faults)
        header = self._header(response, faults) if response.HasField("header") else None
        chunk = self._chunk(response, faults) if response.HasField("batch") else None
        receipt = to_receipt(response.receipt, faults) if response.HasField("receipt") else None
        held = to_receipt(response.held, faults, "held") if response.HasField("held") else None
        settle(faults)
        self._keep(header, chunk)
        if held is not None:
            self._verify_held(held)
        if receipt is not None and self._attempt is not None:
            self._verify(receipt, self._attempt.exchange_id, self._attempt.digests)
            self._attempt.receipt = receipt
        return Message(header=header, chunk=chunk, receipt=receipt, held=held)

    def _header(self, response: exchange_pb2.ExchangeResponse, faults: Faults) -> Header:
        header = to_header(response.header, faults)
        first = self._held.header
        if first is not None and (first.columns, first.plan_digest) != (
            header.columns,
            header.plan_digest,
        ):
            faults.add("header", "is of another plan than the one that was cut")
        return header

    def _chunk(self, response: exchange_pb2.ExchangeResponse, faults: Faults) -> Chunk:
        chunk = to_chunk(response.batch, faults)
        if chunk.offset != self._held.rows:
            faults.add("batch.offset", "is not where the rows held end")
        return chunk

    def _keep(self, header: Header | None, chunk: Chunk | None) -> None:
        if header is not None:
            self._held.header = self._held.header or header
            self._attempt = Attempt(header.exchange_id)
            self._held.attempts.append(self._attempt)
        if chunk is not None and self._attempt is not None:
            self._attempt.digests.append(chunk.digest)
            self._held.rows += chunk.row_count

    def _verify_held(self, receipt: Receipt) -> None:
        """Take the receipt for what an earlier attempt brought, if it proves just that."""
        for attempt in self._held.attempts:
            if attempt.exchange_id == receipt.exchange_id:
                self._verify(receipt, attempt.exchange_id, attempt.digests)
                attempt.receipt = receipt
                self._all_was_held = receipt.row_count == self._held.rows
                return
        raise LogError("the receipt for what is held is of no attempt made here")

    def _verify(self, receipt: Receipt, exchange_id: str, digests: list[bytes]) -> None:
        try:
            verify_receipt(receipt, self._verifiers, exchange_id, digests)
        except AuditError as error:
            raise LogError(f"the receipt does not prove the exchange: {error}") from None

    def finish(self) -> None:
        """Return if the attempt ended with its receipt.

        Raises:
            LogError: It did not: the exchange is incomplete, whatever its status.
        """
        attempt = self._attempt
        if attempt is not None and attempt.receipt is None and self._all_was_held:
            # Nothing was left to send, and an earlier attempt's receipt covers it all.
            self._held.attempts.remove(attempt)
        elif attempt is None or attempt.receipt is None:
            raise LogError("the exchange ended without a receipt and is incomplete")


def settle(faults: Faults) -> None:
    """Return if there is no fault.

    Raises:
        ReleaseError: The gateway sent what breaks a rule; paths, no values.
    """
    try:
        faults.settle()
    except AccordError as error:
        raise ReleaseError(
            Reason.RELEASE_CHECK_FAILED, f"the gateway sent: {error.message}"
        ) from None
