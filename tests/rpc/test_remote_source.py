# ruff: noqa: ARG005, D102, D103, FBT001, FBT002 - twins and helpers of tests
"""A provider's adapter over the wire: what comes is looked at, and what does not fit breaks it."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pyarrow as pa
import pytest
import structlog.testing

from adapters.serve import Listening, Server
from gateway.errors import Reason, SourceError
from gateway.plan.pushdown import Scan, arrow_schema
from gateway.remote.source import RemoteSource
from gateway.v1 import adapter_pb2, adapter_pb2_grpc
from gateway.values import Condition, DatasetId, FieldType, Operator
from gateway.wire.arrow import Layout
from gateway.wire.tls import server_credentials
from tests.rpc.tls import Authority
from tests.rpc.twins import DIGEST, EXCHANGE_ID

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from adapters.base import Report

DATASET = DatasetId("ems.overdose_run", 1)
SCAN = Scan(
    provider="synthetic-ems", recipient="synthetic-phd", purpose="public_health.surveillance",
    dataset=DATASET,
    columns=(("scene_county_fips", FieldType.STRING), ("age", FieldType.INTEGER)),
    where=(Condition("scene_county_fips", Operator.EQ, ("99999",)),), limit_rows=10_000,
    batch_rows=8192, plan_digest=DIGEST,
)  # fmt: skip
SCHEMA = arrow_schema(SCAN.columns)


def a_batch(rows: int, schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    values: Any = {"scene_county_fips": ["99999"] * rows, "age": [30] * rows}
    return pa.RecordBatch.from_pydict(values, schema)


class Scripted:
    """An adapter that yields what it is told, and remembers how it ended."""

    def __init__(self, act: Callable[[Scan, Report], Iterator[pa.RecordBatch]]) -> None:
        self.act = act
        self.scans: list[Scan] = []
        self.closed = threading.Event()

    def datasets(self) -> tuple[DatasetId, ...]:
        return (DATASET,)

    def scan(self, scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        self.scans.append(scan)
        try:
            yield from self.act(scan, report)
        finally:
            self.closed.set()


def over(
    tmp_path: Path,
    adapter: Scripted,
    act: Callable[[RemoteSource], Any],
    *,
    caller: str = "gateway.test",
    san: str = "adapter.test",
) -> None:
    """Serve an adapter, and act on it as the gateway."""
    authority = Authority(tmp_path)

    async def main() -> None:
        cert = authority.issue("adapter.test")
        server = Server(adapter, Listening("localhost:0", cert.files, frozenset({"gateway.test"})))
        await server.start()
        source = RemoteSource(f"localhost:{server.port}", authority.issue(caller).files, san=san)
        try:
            await act(source)
        finally:
            await source.close()
            await server.stop(0)

    asyncio.run(main())


async def everything(source: RemoteSource, scan: Scan = SCAN, timeout_s: float = 10) -> list[int]:
    return [
        batch.num_rows
        async for batch in source.scan(scan, exchange_id=EXCHANGE_ID, timeout_s=timeout_s)
    ]


async def refused(source: RemoteSource, scan: Scan = SCAN, timeout_s: float = 10) -> Reason:
    with pytest.raises(SourceError) as caught:
        await everything(source, scan, timeout_s)
    return caught.value.reason


def test_a_scan_brings_what_the_adapter_yields(tmp_path: Path) -> None:
    """Columns, filter and limits reach the adapter; batches and quarantined counts come back."""

    def act(scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        report.quarantine("xsd-invalid")
        yield a_batch(8192)
        yield a_batch(3)

    async def read(source: RemoteSource) -> None:
        assert [8192, 3] == await everything(source)
        assert {"xsd-invalid": 1} == source.quarantined
        assert ("ems.overdose_run@1",) == await source.datasets()

    adapter = Scripted(act)
    over(tmp_path, adapter, read)

    assert [SCAN] == adapter.scans


def test_large_batches_are_cut(tmp_path: Path) -> None:
    """A batch larger than a scan's batch rows leaves in pieces."""

    async def read(source: RemoteSource) -> None:
        assert [1000, 1000, 500] == await everything(source, replace(SCAN, batch_rows=1000))

    over(tmp_path, Scripted(lambda scan, report: iter([a_batch(2500)])), read)


def test_only_the_gateway_may_call(tmp_path: Path) -> None:
    """A certificate of the same authority with another name reads nothing."""

    async def read(source: RemoteSource) -> None:
        assert Reason.ADAPTER_UNAVAILABLE == await refused(source)

    adapter = Scripted(lambda scan, report: iter([a_batch(1)]))
    over(tmp_path, adapter, read, caller="elsewhere.test")

    assert [] == adapter.scans


def test_an_adapter_of_another_name_is_not_asked(tmp_path: Path) -> None:
    """The adapter's certificate must have the pinned name, whatever authority issued it."""

    async def read(source: RemoteSource) -> None:
        assert Reason.ADAPTER_UNAVAILABLE == await refused(source, timeout_s=3)

    adapter = Scripted(lambda scan, report: iter([a_batch(1)]))
    over(tmp_path, adapter, read, san="other-adapter.test")

    assert [] == adapter.scans


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SourceError(Reason.PROVIDER_REFUSED, "no"), Reason.PROVIDER_REFUSED),
        (SourceError(Reason.ROW_LIMIT, "too many"), Reason.ROW_LIMIT),
        (SourceError(Reason.ADAPTER_UNAVAILABLE, "down"), Reason.ADAPTER_UNAVAILABLE),
        (ValueError("canary-7731"), Reason.ADAPTER_BROKE_PLAN),
    ],
)
def test_what_an_adapter_raises_comes_as_a_reason(
    tmp_path: Path, error: Exception, reason: Reason
) -> None:
    """Its own refusals keep their reason; anything else is a broken plan, and its text stays."""

    def act(scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        yield a_batch(1)
        raise error

    async def read(source: RemoteSource) -> None:
        with pytest.raises(SourceError) as caught:
            await everything(source)
        assert reason == caught.value.reason
        assert "canary" not in str(caught.value) + str(caught.value.variables)

    over(tmp_path, Scripted(act), read)


def test_a_sleeping_adapter_is_too_slow(tmp_path: Path) -> None:
    """The adapter gets what remains less 500 ms: the gateway says itself that it was late (T12)."""

    def act(scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        time.sleep(1.2)
        yield a_batch(1)

    async def read(source: RemoteSource) -> None:
        started = time.monotonic()
        assert Reason.ADAPTER_TOO_SLOW == await refused(source, timeout_s=1.0)
        assert time.monotonic() - started < 0.95
        assert Reason.ADAPTER_TOO_SLOW == await refused(source, timeout_s=0.5)

    over(tmp_path, Scripted(act), read)


def test_who_stops_reading_stops_the_scan(tmp_path: Path) -> None:
    """The adapter's scan ends within 100 ms of the consumer's end, at its next record."""

    def act(scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        yield a_batch(1)
        while True:
            report.row()
            time.sleep(0.001)

    adapter = Scripted(act)

    async def read(source: RemoteSource) -> None:
        batches = source.scan(SCAN, exchange_id=EXCHANGE_ID, timeout_s=10)
        async for _ in batches:
            break
        started = time.monotonic()
        await batches.aclose()
        await asyncio.to_thread(adapter.closed.wait, 2)
        assert time.monotonic() - started < 0.1 * 3  # 100 ms, with room for a shared machine

    over(tmp_path, adapter, read)


def test_a_scan_is_one_batch_ahead(tmp_path: Path) -> None:
    """An adapter makes at most one batch more than the gateway's transport has taken."""
    made = []

    def act(scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        for index in range(400):
            made.append(index)
            yield a_batch(8192)

    async def read(source: RemoteSource) -> None:
        batches = source.scan(
            replace(SCAN, limit_rows=10_000_000), exchange_id=EXCHANGE_ID, timeout_s=20
        )
        async for _ in batches:
            break
        await asyncio.sleep(0.5)
        # 14 MiB is the most that the transport runs ahead, at some 150 KiB a batch.
        assert len(made) < 200
        await batches.aclose()

    over(tmp_path, Scripted(act), read)


# --- Adapters that Accord did not write, and that do not keep their word --------------------------


class Rogue(adapter_pb2_grpc.AdapterServiceServicer):
    """An adapter that sends whatever it is told to send."""

    def __init__(self, messages: Callable[[], Iterator[adapter_pb2.ScanResponse]]) -> None:
        self._messages = messages
        self.sent = 0

    async def Scan(  # noqa: N802
        self, request: adapter_pb2.ScanRequest, context: object
    ) -> AsyncIterator[adapter_pb2.ScanResponse]:
        for message in self._messages():
            self.sent += 1
            yield message


def rogue(
    tmp_path: Path, messages: Callable[[], Iterator[adapter_pb2.ScanResponse]], scan: Scan = SCAN
) -> tuple[Reason, int]:
    """Return what a scan of a rogue ends with, and how many messages it got rid of."""
    authority = Authority(tmp_path)
    servicer = Rogue(messages)

    async def main() -> Reason:
        server = grpc.aio.server()
        add: Any = adapter_pb2_grpc.add_AdapterServiceServicer_to_server
        add(servicer, server)
        cert = authority.issue("adapter.test")
        port = server.add_secure_port("localhost:0", server_credentials(cert.files))
        await server.start()
        tls = authority.issue("gateway.test").files
        source = RemoteSource(f"localhost:{port}", tls, san="adapter.test")
        try:
            return await refused(source, scan)
        finally:
            await source.close()
            await server.stop(0)

    return asyncio.run(main()), servicer.sent


def encode(batch: pa.RecordBatch) -> bytes:
    return Layout(batch.schema).encode(batch)


def message(
    data: bytes, rows: int, offset: int = 0, quarantined: bool = False
) -> adapter_pb2.ScanResponse:
    response = adapter_pb2.ScanResponse()
    response.batch.offset, response.batch.row_count = offset, rows
    response.batch.arrow, response.batch.digest = data, sha256(data).digest()
    if quarantined:
        response.quarantined.add(reason="x", row_count=1)
    return response


def compressed(rows: int) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, SCHEMA, options=options) as writer:
        writer.write_batch(a_batch(rows))
    return bytes(sink.getvalue())


def with_unknown_field() -> adapter_pb2.ScanResponse:
    raw = message(encode(a_batch(1)), 1).SerializeToString()
    return adapter_pb2.ScanResponse.FromString(raw + b"\xfa\x3e\x01x")


EXTRA = pa.schema([*SCHEMA, pa.field("patient_last_name", pa.large_utf8())])


def extended() -> pa.RecordBatch:
    more = pa.array(["x"], pa.large_utf8())
    return pa.record_batch([*a_batch(1).columns, more], schema=EXTRA)


BROKEN: dict[str, list[adapter_pb2.ScanResponse]] = {
    "more rows than the batch limit": [message(encode(a_batch(8193)), 8193)],
    "more rows than the scan's limit": [
        message(encode(a_batch(8000)), 8000),
        message(encode(a_batch(2001)), 2001, 8000),
    ],
    "a column that nobody asked for": [
        message(encode(extended()), 1)
    ],
    "a column less": [message(encode(a_batch(1).select([0])), 1)],
    "columns in another order": [message(encode(a_batch(1).select([1, 0])), 1)],
    "a compressed batch": [message(compressed(1), 1)],
    "another row count": [message(encode(a_batch(2)), 1)],
    "another offset": [message(encode(a_batch(2)), 2, 1)],
    "no Arrow": [message(b"not arrow", 1)],
    "nothing": [message(b"", 0)],
    "a message after its last": [
        message(encode(a_batch(1)), 1, quarantined=True),
        message(encode(a_batch(1)), 1, 1),
    ],
    "an unknown field": [with_unknown_field()],
}  # fmt: skip


@pytest.mark.parametrize("what", sorted(BROKEN))
def test_an_adapter_that_breaks_its_plan_is_cut(tmp_path: Path, what: str) -> None:
    """Whatever a plan did not ask for is `ADAPTER_BROKE_PLAN`, and nothing of it is used."""
    reason, _ = rogue(tmp_path, lambda: iter(BROKEN[what]))

    assert Reason.ADAPTER_BROKE_PLAN == reason


def test_rows_at_the_limit_are_read(tmp_path: Path) -> None:
    """The last row that a scan may bring comes, and the next one breaks it."""

    async def read(source: RemoteSource) -> None:
        assert [8192, 1808] == await everything(source)

    over(tmp_path, Scripted(lambda scan, report: iter([a_batch(10_000)])), read)


def test_endless_empty_batches_end(tmp_path: Path) -> None:
    """An adapter that sends for ever without a row is cut at once, and holds no memory."""

    def endless() -> Iterator[adapter_pb2.ScanResponse]:
        data = encode(a_batch(0))
        while True:
            yield message(data, 0)

    reason, _ = rogue(tmp_path, endless)

    assert Reason.ADAPTER_BROKE_PLAN == reason


def test_ten_gigabytes_are_not_read(tmp_path: Path) -> None:
    """An adapter that never stops is cut at the scan's row limit, a few messages later."""
    data = encode(a_batch(8192))

    def endless() -> Iterator[adapter_pb2.ScanResponse]:
        offset = 0
        while True:
            yield message(data, 8192, offset)
            offset += 8192

    reason, sent = rogue(tmp_path, endless, replace(SCAN, limit_rows=100_000))

    assert Reason.ADAPTER_BROKE_PLAN == reason
    assert sent < 400


FACILITY = replace(SCAN, columns=(("destination_code", FieldType.STRING),), where=())
"""A scan with a field that has no code list: what stands in it is looked through."""


def _facilities(scan: Scan, texts: list[str]) -> pa.RecordBatch:
    """Return a batch of the columns asked for, the identifiers unknown."""
    schema = arrow_schema(scan.columns)
    held: Any = {name: [None] * len(texts) for name in schema.names}
    return pa.RecordBatch.from_pydict({**held, "destination_code": texts}, schema)


def test_a_misplaced_identity_stays_and_comes_as_a_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The row is not sent; the gateway hears how many, the provider in which field."""
    adapter = Scripted(lambda scan, _: iter([_facilities(scan, ["H-1", "c/o Jennifer Morales"])]))
    rows: list[int] = []

    async def act(source: RemoteSource) -> None:
        rows.extend(await everything(source, FACILITY))
        assert {"misplaced-identity": 1} == source.quarantined

    # Whatever another test in this process made of the log lines.
    with structlog.testing.capture_logs() as lines:
        over(tmp_path, adapter, act)

    told = capsys.readouterr()
    assert [1] == rows
    assert ["destination_code"] == [line["field"] for line in lines if "field" in line]
    assert "Morales" not in told.out + told.err + repr(lines)


def test_too_many_misplaced_identities_stop_the_scan_with_their_number(tmp_path: Path) -> None:
    """The gateway is told a number, and not the field."""
    adapter = Scripted(lambda scan, _: iter([_facilities(scan, ["c/o Jennifer Morales"] * 3)]))

    async def act(source: RemoteSource) -> None:
        with pytest.raises(SourceError) as caught:
            await everything(source, FACILITY)
        assert Reason.PROVIDER_REFUSED == caught.value.reason
        assert {"misplaced": "3"} == caught.value.variables
        assert "destination_code" not in caught.value.message

    over(tmp_path, adapter, act)
