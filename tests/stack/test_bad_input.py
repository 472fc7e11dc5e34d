"""What comes in crooked: each a typed error that names rule and field and never a value."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pyarrow as pa
import pytest
import trustme
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from gateway.audit.checkpoint import Signer
from gateway.cli.token import bearer
from gateway.errors import (
    AccordError,
    IdentityError,
    LogError,
    Reason,
    RefusedError,
    ReleaseError,
    SourceError,
)
from gateway.plan.pushdown import arrow_schema
from gateway.remote.client import Client
from gateway.settings import beside
from gateway.v1 import adapter_pb2, adapter_pb2_grpc, exchange_pb2, exchange_pb2_grpc
from gateway.values import FieldType, Form, Request
from gateway.wire.convert.exchange import from_request
from gateway.wire.tls import TlsFiles, channel_credentials
from tests.stack.county import EMS, GATEWAY, ORIGIN, PD, PHD, Town, now, request, town
from tests.stack.sources import Memory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

VALUE = "qanary-value-9931"
"""A value of a record, or a literal; no error repeats it."""


def runs(fields: str = "sex race", **more: Any) -> Request:  # noqa: ANN401
    """Return the epidemiologists' request."""
    return request(EMS, PHD, "ems.overdose_run@1", "public_health.surveillance", fields, **more)


# --- who calls ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Return a county without a single record."""
    with town(tmp_path_factory.mktemp("quiet") / "county", adapters={EMS: Memory({})}) as made:
        yield made
        assert [] == made.audit(tmp_path_factory.mktemp("quiet-log") / "log")


def _reason(made: Town, client: Client) -> tuple[type[AccordError], Reason]:
    with pytest.raises(AccordError) as caught:
        made.ask(runs(), client=client)
    assert VALUE not in str(caught.value)
    return type(caught.value), caught.value.reason


def _client(made: Town, files: TlsFiles, token: str = "") -> Client:
    get = (lambda: token) if token else None
    client = Client(f"127.0.0.1:{made.port}", files, made.vkey, server_name=GATEWAY, token=get)
    made.clients.append(client)
    return client


def test_a_certificate_of_another_authority_gets_no_connection(quiet: Town, tmp_path: Path) -> None:
    """A certificate with an agency's own name, but from elsewhere, ends in the handshake."""
    other = trustme.CA()
    issued = other.issue_cert("gateway.phd.example")
    issued.private_key_pem.write_to_path(str(tmp_path / "key"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "crt"))
    files = TlsFiles(tmp_path / "crt", tmp_path / "key", quiet.tls(PHD).authority)

    async def ask() -> grpc.StatusCode:
        options = [("grpc.ssl_target_name_override", GATEWAY)]
        channel = grpc.aio.secure_channel(
            f"127.0.0.1:{quiet.port}", channel_credentials(files), options
        )
        async with channel:
            stub: Any = exchange_pb2_grpc.ExchangeServiceStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Explain(exchange_pb2.ExplainRequest(), timeout=5)
        return caught.value.code()

    assert grpc.StatusCode.UNAVAILABLE is quiet.loop.run(ask())


def test_a_certificate_of_no_agency_is_nobody(quiet: Town) -> None:
    """The county's own authority vouches for an adapter's name, which is no agency's."""
    home = quiet.folder / "agencies" / PHD
    adapter = TlsFiles(home / "adapter.crt", home / "adapter.key", home / "ca.crt")

    assert (IdentityError, Reason.CERTIFICATE_UNKNOWN) == _reason(quiet, _client(quiet, adapter))


def test_a_token_is_worth_nothing_over_another_certificate(quiet: Town) -> None:
    """A token bound to one certificate, of this agency's issuer, is refused over another."""
    path, settings = quiet.settings_of(PHD)
    others = settings.tls.model_copy(
        update={"certificate": str(beside(path, "../rivertown-pd/client.crt"))}
    )
    stolen = bearer(path, settings.model_copy(update={"tls": others}), now())
    client = _client(quiet, quiet.tls(PHD), stolen)

    assert (IdentityError, Reason.TOKEN_BOUND_ELSEWHERE) == _reason(quiet, client)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"issuer": VALUE}, Reason.TOKEN_INVALID),
        ({"audience": VALUE}, Reason.TOKEN_INVALID),
        ({"kid": VALUE}, Reason.TOKEN_INVALID),
        ({"key": "../rivertown-pd/token.key"}, Reason.TOKEN_INVALID),
    ],
)
def test_a_token_of_another_making_is_none(
    quiet: Town, changed: dict[str, str], reason: Reason
) -> None:
    """Issuer, audience, key id and signature are each looked at."""
    client = _client(quiet, quiet.tls(PHD), quiet.token(PHD, **changed))

    assert (IdentityError, reason) == _reason(quiet, client)


def test_a_client_that_the_gateways_name_does_not_fit_does_not_call(quiet: Town) -> None:
    """A server with another name than the one in the settings gets no request."""
    client = Client(
        f"127.0.0.1:{quiet.port}", quiet.tls(PHD), quiet.vkey, server_name="elsewhere.example"
    )
    quiet.clients.append(client)

    with pytest.raises(AccordError) as caught:
        quiet.ask(runs(), client=client)
    assert not isinstance(caught.value, RefusedError)


# --- what is asked --------------------------------------------------------------------------------


def _sent(
    made: Town, message: bytes, metadata: tuple[tuple[str, str], ...] = (), agency: str = PHD
) -> tuple[str, str, str, list[str]]:
    """Send bytes as a request; return code, reason, all the text told, and the fields named."""

    async def send() -> tuple[str, str, str, list[str]]:
        options = [("grpc.ssl_target_name_override", GATEWAY),
                   ("grpc.max_metadata_size", 1 << 20)]  # fmt: skip
        channel = grpc.aio.secure_channel(
            f"127.0.0.1:{made.port}", channel_credentials(made.tls(agency)), options
        )
        every = (("authorization", f"Bearer {made.token(agency)}"), *metadata)
        async with channel:
            method: Any = channel.unary_stream("/gateway.v1.ExchangeService/Exchange")
            call = method(message, timeout=10, metadata=every)
            try:
                async for _ in call:
                    pass
            except grpc.aio.AioRpcError as error:
                return _told(error)
        return "OK", "", "", []

    return made.loop.run(send())


def _told(error: grpc.aio.AioRpcError) -> tuple[str, str, str, list[str]]:
    status = rpc_status.from_call(error)
    reason, fields = "", []
    for detail in status.details if status is not None else ():
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
        if detail.Unpack(bad):
            fields = [one.field for one in bad.field_violations]
    return error.code().name, reason, f"{error.details()} {status}", fields


def _message(change: Callable[[exchange_pb2.ExchangeRequest], object]) -> bytes:
    message = from_request(runs())
    change(message)
    return message.SerializeToString()


def _with(**parts: object) -> bytes:
    """Return a request with other parts; `exchange_id` is made up where an offset needs one."""
    message = from_request(runs())
    for name, value in parts.items():
        setattr(message, name, message.request_id if value is ... else value)
    return message.SerializeToString()


UNKNOWN = b"\x9a\x06" + bytes([len(VALUE)]) + VALUE.encode()
"""Field 99 of a later version, a text."""

CROOKED: dict[str, tuple[bytes, str, list[str]]] = {
    "no protobuf": (b"\xff\xff\xff" + VALUE.encode(), "MALFORMED", []),
    "nothing": (b"", "INVALID_REQUEST", ["request_id", "format"]),
    "a field of a later version": (_message(lambda _: None) + UNKNOWN, "UNKNOWN_FIELD", []),
    "an id that is none": (_with(request_id=VALUE), "INVALID_REQUEST", ["request_id"]),
    "an id in capitals": (
        _with(request_id="0197B2C4-0000-7000-8000-0000000000AA"), "INVALID_REQUEST", ["request_id"],
    ),
    "no format": (_with(format=0), "INVALID_REQUEST", ["format"]),
    "a format of a later version": (_with(format=77), "INVALID_REQUEST", ["format"]),
    "a negative offset": (
        _with(exchange_id=..., offset=-1, stream=bytes(32)), "INVALID_REQUEST", ["offset"],
    ),
    "an offset without an exchange": (_with(offset=7), "INVALID_REQUEST", ["exchange_id"]),
    "a stream value of another length": (
        _with(exchange_id=..., stream=VALUE.encode()), "INVALID_REQUEST", ["stream"],
    ),
    "a dataset without a version": (
        _message(lambda m: setattr(m.terms, "dataset", "ems.overdose_run")),
        "INVALID_REQUEST", ["terms.dataset"],
    ),
    "a field twice": (
        _message(lambda m: m.terms.fields.append("sex")), "INVALID_REQUEST", ["terms.fields"],
    ),
    "a field that is no name": (
        _message(lambda m: m.terms.fields.append(f"{VALUE}; drop table")),
        "INVALID_REQUEST", ["terms.fields"],
    ),
    "no terms": (_message(lambda m: m.ClearField("terms")), "INVALID_REQUEST", ["terms"]),
    "a condition without an operator": (
        _message(lambda m: m.terms.where.add(field="sex").values.add(text=VALUE)),
        "INVALID_REQUEST", ["terms.where"],
    ),
    "a condition without values": (
        _message(lambda m: m.terms.where.add(field="sex", operator=1)),
        "INVALID_REQUEST", ["terms.where"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CROOKED)
def test_a_crooked_request_is_named_field_by_field(quiet: Town, case: str) -> None:
    """INVALID_ARGUMENT with a stable reason and the paths of the fields; what it said stays out."""
    message, reason, fields = CROOKED[case]

    code, told, text, named = _sent(quiet, message)

    assert ("INVALID_ARGUMENT", reason) == (code, told), text
    assert VALUE not in text
    for field in fields:
        assert any(one.startswith(field) for one in named), (field, named)


@pytest.mark.parametrize(("size", "code"), [(4_000, "OK"), (20_000, "no"), (200_000, "no")])
def test_metadata_has_a_size(quiet: Town, size: int, code: str) -> None:
    """Headers of a few kilobytes are carried; larger ones are refused without an answer's worth."""
    found, reason, text, _ = _sent(
        quiet, from_request(runs()).SerializeToString(), (("x-synthetic", VALUE + "x" * size),)
    )

    assert VALUE not in text
    # The empty county's adapter holds no dataset, so a request that gets through ends there.
    through = reason == Reason.ADAPTER_BROKE_PLAN.value
    assert (code == "OK") == through, (found, reason)


# --- what an adapter sends ------------------------------------------------------------------------

SCHEMA = [("sex", FieldType.CODE), ("race", FieldType.LIST)]


class Liar(adapter_pb2_grpc.AdapterServiceServicer):
    """An adapter that does as it likes; `how` is what it sends for a scan."""

    def __init__(self) -> None:
        self.how: Callable[[adapter_pb2.ScanRequest], AsyncIterator[adapter_pb2.ScanResponse]]
        self.sent = 0
        self.town: Town | None = None

    async def Scan(  # noqa: N802
        self, request: adapter_pb2.ScanRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[adapter_pb2.ScanResponse]:
        """Send."""
        async for one in self.how(request):
            self.sent += len(one.batch.arrow)
            yield one


def batch(columns: dict[str, Any], schema: pa.Schema, offset: int = 0) -> adapter_pb2.ScanResponse:
    """Return one response with a batch of any schema."""
    made = pa.RecordBatch.from_pydict(columns, schema)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(made)
    data = sink.getvalue().to_pybytes()
    response = adapter_pb2.ScanResponse()
    response.batch.offset, response.batch.row_count = offset, made.num_rows
    response.batch.digest, response.batch.arrow = hashlib.sha256(data).digest(), data
    return response


def _asked(scan: adapter_pb2.ScanRequest, rows: int = 3) -> tuple[dict[str, Any], Any]:
    """Return values for just the columns that a scan asks for."""
    kinds = {
        "sex": FieldType.CODE, "race": FieldType.LIST, "incident_date": FieldType.DATE,
        "narrative": FieldType.STRING,
    }  # fmt: skip
    made = {
        "sex": "female",
        "race": "[]",
        "incident_date": now().date() - dt.timedelta(days=2),
        "narrative": VALUE,
    }
    names = list(scan.terms.fields)
    schema = arrow_schema([(name, kinds[name]) for name in names])
    return {name: [made[name]] * rows for name in names}, schema


async def _good(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    yield batch(*_asked(scan))


async def _more_columns(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    columns, schema = _asked(scan)
    yield batch(
        columns | {"narrative": [VALUE] * 3}, schema.append(pa.field("narrative", pa.string()))
    )


async def _fewer_columns(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    columns, schema = _asked(scan)
    del columns["sex"]
    yield batch(columns, schema.remove(schema.get_field_index("sex")))


async def _other_names(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    columns, schema = _asked(scan)
    schema = pa.schema([
        pa.field("narrative" if one.name == "sex" else one.name, one.type) for one in schema
    ])  # fmt: skip
    columns["narrative"] = columns.pop("sex")
    yield batch(columns, schema)


async def _other_types(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    columns, schema = _asked(scan)
    place = schema.get_field_index("sex")
    columns["sex"] = [991] * 3
    yield batch(columns, schema.set(place, pa.field("sex", pa.int64())))


async def _other_order(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    columns, schema = _asked(scan)
    yield batch(columns, pa.schema(list(reversed(list(schema)))))


async def _then_another(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    yield batch(*_asked(scan))
    columns, schema = _asked(scan)
    yield batch(columns | {"narrative": [VALUE] * 3},
                schema.append(pa.field("narrative", pa.string())), 3)  # fmt: skip


async def _noise(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    response = batch(*_asked(scan))
    response.batch.arrow = VALUE.encode() * 100
    yield response


async def _false_count(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    response = batch(*_asked(scan))
    response.batch.row_count = 4
    yield response


async def _empty_for_ever(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    while True:
        yield batch(*_asked(scan, 0))


async def _large_message(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    columns, schema = _asked(scan, 1)
    columns["sex"] = ["x" * (5 << 20)]
    yield batch(columns, schema)


async def _large_batch(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    yield batch(*_asked(scan, scan.batch_rows + 1))


async def _endless(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    response, offset = batch(*_asked(scan, 8192)), 0
    while True:
        response.batch.offset = offset
        yield response
        offset += 8192


async def _raises(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    yield batch(*_asked(scan))
    raise RuntimeError(VALUE)


async def _raises_at_once(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    if scan.exchange_id:
        raise RuntimeError(VALUE)
    yield batch(*_asked(scan))


async def _later_version(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    response = batch(*_asked(scan))
    response.MergeFromString(UNKNOWN)
    yield response


async def _out_of_filter(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
    columns, schema = _asked(scan)
    columns["incident_date"] = [dt.date(1999, 1, 1)] * 3
    yield batch(columns, schema)


BROKE = (SourceError, Reason.ADAPTER_BROKE_PLAN)

LIES: dict[str, tuple[Callable[..., Any], tuple[type[AccordError], Reason]]] = {
    "columns that nobody asked for": (_more_columns, BROKE),
    "fewer columns": (_fewer_columns, BROKE),
    "columns of another name": (_other_names, BROKE),
    "columns of another type": (_other_types, BROKE),
    "columns in another order": (_other_order, BROKE),
    "another schema later": (_then_another, BROKE),
    "no Arrow": (_noise, BROKE),
    "another count of rows": (_false_count, BROKE),
    "empty batches for ever": (_empty_for_ever, BROKE),
    "a message of 5 MB": (_large_message, BROKE),
    "a batch of more rows than asked": (_large_batch, BROKE),
    "an error": (_raises, BROKE),
    "an error at once": (_raises_at_once, BROKE),
    "fields of a later version": (_later_version, BROKE),
}


@pytest.fixture(scope="module")
def liar() -> Liar:
    """Return the adapter that lies."""
    return Liar()


@pytest.fixture(scope="module")
def lied(tmp_path_factory: pytest.TempPathFactory, liar: Liar) -> Iterator[Town]:
    """Return a county whose EMS adapter lies; its log is clean after all of that."""
    with town(tmp_path_factory.mktemp("lied") / "county", adapters={EMS: liar}) as made:
        yield made
        assert [] == made.audit(tmp_path_factory.mktemp("lied-log") / "log")


@pytest.mark.parametrize("form", [Form.ROWS, Form.ARROW])
@pytest.mark.parametrize("case", LIES)
def test_an_adapter_that_breaks_its_plan_is_cut(
    lied: Town, liar: Liar, case: str, form: Form
) -> None:
    """A typed error that quotes nothing of it; nothing of the batch leaves; the log says why."""
    liar.how, expected = LIES[case]

    with pytest.raises(AccordError) as caught:
        lied.ask(runs(form=form))

    error = caught.value
    assert expected == (type(error), error.reason)
    assert VALUE not in f"{error} {error.variables}"
    outcome = lied.outcome(error.exchange_id)
    assert ("cut", expected[1].value) == (outcome["end"], outcome["code"])
    assert 0 == outcome["handed"]
    assert VALUE not in json.dumps(lied.entries_of(error.exchange_id))


def test_the_same_adapter_telling_the_truth_is_believed(lied: Town, liar: Liar) -> None:
    """The adapter of these tests is refused for its lies, not for what it is."""
    liar.how = _good

    assert ["female"] * 3 == [row["sex"] for row in lied.ask(runs()).rows]


def test_rows_outside_the_filter_never_leave(lied: Town, liar: Liar) -> None:
    """An adapter that ignores the row filter is not believed: its rows are dropped or it is cut."""
    liar.how = _out_of_filter

    try:
        rows = lied.ask(runs()).rows
    except (SourceError, ReleaseError):
        rows = []

    assert [] == rows


def test_endless_data_ends(lied: Town, liar: Liar) -> None:
    """Of an adapter without end no more is read than the provision lets leave, and it is told."""
    liar.how, liar.sent = _endless, 0

    with pytest.raises(AccordError) as caught:
        lied.ask(runs(form=Form.ARROW))

    assert caught.value.reason in {Reason.ROW_LIMIT, Reason.ADAPTER_BROKE_PLAN}
    assert liar.sent < 64 << 20


def test_an_adapter_that_is_too_slow_is_not_waited_for(lied: Town, liar: Liar) -> None:
    """The caller's deadline ends the wait, with a reason, before it passes."""

    async def slow(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
        await asyncio.sleep(30)
        yield batch(*_asked(scan))

    liar.how = slow

    with pytest.raises(SourceError) as caught:
        lied.ask(runs(), timeout_s=1.5)

    assert Reason.ADAPTER_TOO_SLOW is caught.value.reason
    assert "ADAPTER_TOO_SLOW" == lied.outcome(caught.value.exchange_id)["code"]


def test_an_adapter_that_dies_is_away(tmp_path: Path) -> None:
    """A connection that ends mid-scan is ADAPTER_UNAVAILABLE; no chunk is left half."""
    liar = Liar()
    with town(tmp_path / "county", adapters={EMS: liar}) as made:

        async def dies(scan: adapter_pb2.ScanRequest) -> AsyncIterator[adapter_pb2.ScanResponse]:
            yield batch(*_asked(scan))
            _kept.append(asyncio.ensure_future(made.servers[EMS].stop(0)))
            await asyncio.sleep(30)

        liar.how = dies
        with pytest.raises(AccordError) as caught:
            made.ask(runs(form=Form.ARROW))

        assert (SourceError, Reason.ADAPTER_UNAVAILABLE) == (
            type(caught.value), caught.value.reason,
        )  # fmt: skip
        assert [] == made.audit(tmp_path / "log")


_kept: list[asyncio.Future[None]] = []


def test_an_agency_without_an_adapter_has_no_records(lied: Town) -> None:
    """A provider without an adapter is an error of the source, not an empty table."""
    with pytest.raises(SourceError) as caught:
        lied.ask(request(PD, EMS, "police.drug_seizure@1", "safety.responder_alert", "county_fips"))

    assert Reason.ADAPTER_UNAVAILABLE is caught.value.reason


# --- what a gateway might send --------------------------------------------------------------------


def test_a_receipt_of_another_log_proves_nothing(lied: Town, liar: Liar) -> None:
    """A client that pins another key takes no record for received."""
    liar.how = _good
    signer = Signer.from_seed(ORIGIN, bytes(32))
    client = Client(
        f"127.0.0.1:{lied.port}", lied.tls(PHD), signer.vkey, server_name=GATEWAY,
        token=lambda: lied.token(PHD),
    )  # fmt: skip
    lied.clients.append(client)

    with pytest.raises(LogError):
        lied.ask(runs(), client=client)
