"""A provider's adapter, as the broker's port `Source`.

An adapter's batches are looked at before they are believed: one that sends what the plan did not
ask for breaks it, and what is read of it is bounded whatever it does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

import grpc
import grpc.aio

from gateway.errors import AccordError, Reason, SourceError
from gateway.remote.channel import Channel, ended, stub
from gateway.v1 import adapter_pb2, adapter_pb2_grpc
from gateway.wire.arrow import broke, layout
from gateway.wire.convert.chunk import BATCH_BYTES
from gateway.wire.convert.faults import known
from gateway.wire.convert.scan import from_scan
from gateway.wire.status import STATUS, error_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    import pyarrow as pa

    from gateway.plan.pushdown import Scan
    from gateway.wire.tls import TlsFiles

RESERVE_S: Final = 0.5
"""What a gateway keeps of its caller's deadline, to say itself that the adapter was late."""

LIST_TIMEOUT_S: Final = 30.0
SCAN: Final = "/gateway.v1.AdapterService/Scan"


class Asked(Protocol):
    """Where calls to adapters are reported; names and numbers only."""

    def asked(self, method: str, code: str, reason: str, seconds: float) -> None:
        """Record a call that the gateway made."""


class RemoteSource:
    """One provider's adapter, as the broker's port `Source`.

    Attributes:
        quarantined: Records that the adapter left out in the last scan that ended, by reason.
    """

    def __init__(
        self, target: str, tls: TlsFiles, *, san: str, measure: Asked | None = None
    ) -> None:
        """Pin the adapter's name.

        Args:
            target: `host:port`.
            tls: The gateway's certificate towards adapters.
            san: The one name of `adapter_san` that its certificate must have.
            measure: Hears of every call, where anybody wants to.
        """
        self._channel = Channel(target, tls, server_name=san)
        self._measure = measure
        self.quarantined: Mapping[str, int] = {}

    async def scan(
        self, scan: Scan, *, exchange_id: str, timeout_s: float
    ) -> AsyncGenerator[pa.RecordBatch]:
        """Yield batches with exactly the columns of `scan`, in order; see `ports.Source`.

        Args:
            scan: What to read.
            exchange_id: For the adapter's own records.
            timeout_s: What remains of the exchange; the adapter gets 500 ms less.

        Raises:
            SourceError: The adapter is away, late, refused, or sent something else.
        """
        if timeout_s <= RESERVE_S:
            raise _late()
        adapter = stub(adapter_pb2_grpc.AdapterServiceStub, self._channel)
        call = adapter.Scan(from_scan(scan, exchange_id), timeout=timeout_s - RESERVE_S)
        reading, started, reason = _Reading(scan), time.monotonic(), ""
        try:
            while (response := await call.read()) is not grpc.aio.EOF:
                batch = reading.take(response)
                if batch is not None:
                    yield batch
            # The status: a stream cut by an error ends its messages like any other.
            await ended(call)
        except grpc.aio.AioRpcError as failure:
            error = _source_error(failure)
            reason = error.reason
            raise error from None
        except SourceError as error:
            reason = error.reason
            raise
        finally:
            # Whoever stops reading stops the scan: nothing is read at the source for nobody.
            call.cancel()
            self._report(reason, time.monotonic() - started)
        self.quarantined = reading.quarantined

    def _report(self, reason: str, seconds: float) -> None:
        if self._measure is not None:
            code = STATUS[Reason(reason)].name if reason else "OK"
            self._measure.asked(SCAN, code, reason, seconds)

    async def datasets(self, timeout_s: float = LIST_TIMEOUT_S) -> tuple[str, ...]:
        """Return the datasets that the adapter says it can read.

        Raises:
            SourceError: The adapter is away, late or refused.
        """
        adapter = stub(adapter_pb2_grpc.AdapterServiceStub, self._channel)
        try:
            response = await adapter.ListDatasets(
                adapter_pb2.ListDatasetsRequest(), timeout=timeout_s
            )
        except grpc.aio.AioRpcError as failure:
            raise _source_error(failure) from None
        return tuple(dataset.name for dataset in response.datasets)

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


class _Reading:
    """What a scan has brought so far, held against its plan."""

    def __init__(self, scan: Scan) -> None:
        self._layout = layout(scan.columns)
        self._batch_rows = scan.batch_rows
        self._left = scan.limit_rows
        self._offset = 0
        self._ended = False
        self._empty = False
        self.quarantined: dict[str, int] = {}

    def take(self, response: adapter_pb2.ScanResponse) -> pa.RecordBatch | None:
        """Return the batch of one message, once it is what the plan allows.

        Raises:
            SourceError: `ADAPTER_BROKE_PLAN`.
        """
        if self._ended:
            raise broke("more after its last message")
        body = response.batch.WhichOneof("body")
        data = response.batch.arrow
        # Taken out first: what is looked for is beside it, and sizes are counted by writing.
        had_batch = response.HasField("batch")
        if body == "arrow":
            response.batch.ClearField("arrow")
        try:
            known(response)
        except AccordError:
            raise broke("fields that this version does not know") from None
        self._ended = bool(response.quarantined) or not had_batch
        for one in response.quarantined:
            self.quarantined[one.reason[:63]] = one.row_count
        if not had_batch:
            return None
        if body != "arrow" or len(data) > BATCH_BYTES:
            raise broke("a batch that is not Arrow, or larger than 3 MiB")
        most = min(self._batch_rows, self._left)
        batch = self._layout.decode(data, most)
        if (response.batch.offset, response.batch.row_count) != (self._offset, batch.num_rows):
            raise broke("a batch with another offset or row count than it has")
        # Without this, empty batches would come for ever without reaching the row limit.
        if batch.num_rows == 0 and (self._offset or self._empty):
            raise broke("an empty batch beside others")
        self._empty = batch.num_rows == 0
        self._offset += batch.num_rows
        self._left -= batch.num_rows
        return batch


def _late() -> SourceError:
    return SourceError(Reason.ADAPTER_TOO_SLOW, "the provider's adapter did not answer in time")


def _source_error(failure: grpc.aio.AioRpcError) -> SourceError:
    """Return the error of a failed scan; no text of the adapter's goes on but its own reason."""
    code = failure.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return _late()
    told = error_of(failure)
    if told.reason is Reason.ROW_LIMIT:
        return SourceError(
            Reason.ROW_LIMIT, "the provider has more rows than the request may bring"
        )
    if told.reason is Reason.PROVIDER_REFUSED or code is grpc.StatusCode.PERMISSION_DENIED:
        misplaced = told.variables.get("misplaced", "")
        # Of what an adapter says only this number goes on: how many rows hold an identity where
        # none should be. In which field is the provider's to know.
        numbers = {"misplaced": misplaced} if misplaced.isascii() and misplaced.isdigit() else {}
        message = "the provider refused on grounds of its own"
        return SourceError(Reason.PROVIDER_REFUSED, message, **numbers)
    if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED}:
        return SourceError(
            Reason.ADAPTER_UNAVAILABLE, "the provider's adapter cannot be reached", status=code.name
        )
    return SourceError(
        Reason.ADAPTER_BROKE_PLAN,
        "the provider's adapter failed",
        status=code.name,
        adapter_reason=told.reason,
    )
