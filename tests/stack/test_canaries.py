"""Nothing of a record, a request or a backend's error shows anywhere but at its recipient.

Every field of every record, every literal of a request, every backend error and every token holds a
value that stands nowhere else. Exchanges are granted, refused and broken with all telemetry on;
then everything that the gateway wrote or said is searched, as it is, in base64 and in hex.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import io
import logging
from typing import TYPE_CHECKING, Any

import grpc.aio
import pytest
import structlog
import yaml
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.errors import AccordError, Reason, SourceError
from gateway.loglines import configure_logging
from gateway.telemetry import Telemetry
from gateway.v1 import exchange_pb2, exchange_pb2_grpc
from gateway.values import Condition, DatasetId, Form, Operator
from gateway.wire.convert.exchange import from_request
from gateway.wire.tls import channel_credentials
from tests.stack.auditors import looked
from tests.stack.canaries import Aviary, Canary, files, found
from tests.stack.county import (
    EMS,
    GATEWAY,
    HRO,
    PD,
    PHD,
    Town,
    closed,
    new_id,
    now,
    request,
    town,
)
from tests.stack.sources import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.base import Record, Report
    from gateway.remote.client import Client
    from gateway.values import Request

PEOPLE = 12
CLEAR = ("pass", "truncate", "round")
"""Masks that a value may get through, in the agreement, at least in part."""


class Canaries(Memory):
    """Gives records with a canary in every field, past the scan for misplaced identities."""

    unscanned = True


class Breaking(Canaries):
    """Gives records, then an error whose text is a canary; `how` says which kind."""

    def __init__(self, records: dict[DatasetId, Any], aviary: Aviary) -> None:
        super().__init__(records)
        self.how = ""
        self.aviary = aviary

    def rows(self, dataset: DatasetId, wanted: frozenset[str], report: Report) -> Iterator[Record]:
        """Yield the records, or what `how` says in their place."""
        said = self.aviary.text(f"backend error {self.how}")
        match self.how:
            case "raises at once":
                raise RuntimeError(said)
            case "raises of the tree":
                raise SourceError(Reason.PROVIDER_REFUSED, said, field=said)
            case "has a wrong type":
                yield {**self.records[dataset][0], "naloxone_doses": said, "age": said}
            case "has a reason":
                report.quarantine(said)
                report.notice(f"unknown-{said}", said)
        yield from self.records[dataset]
        if self.how == "raises at the end":
            raise OSError(said)


@dataclasses.dataclass
class Told:
    """Everything that calls were told besides records."""

    said: dict[str, bytes] = dataclasses.field(default_factory=dict)
    bodies: dict[str, bytes] = dataclasses.field(default_factory=dict)
    codes: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Lines:
    """The log lines of a gateway process, and the logger that writes them."""

    stream: io.StringIO
    logger: Any

    @property
    def text(self) -> bytes:
        """All that was written."""
        return self.stream.getvalue().encode()


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Return the log of a gateway process, at its most talkative; all is put back after."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    yield Lines(stream, configure_logging(stream, level=logging.DEBUG))
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_no_canary_is_seen(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    lines: Lines,
) -> None:
    """Of some 2,000 values none is in log, keys, export, traces, metrics, output or status.

    Nor in anything that the log's own payloads say when they are opened.
    """
    aviary, told = Aviary(), Told()
    ems = Breaking(_records(aviary, "ems.overdose_run@1", "referral.post_overdose@1"), aviary)
    adapters = {
        EMS: ems,
        PD: Canaries(_records(aviary, "police.drug_seizure@1", "police.overdose_response@1")),
        HRO: Canaries(_records(
            aviary, "harm_reduction.naloxone_distribution@1", "harm_reduction.outreach_contact@1",
        )),
        PHD: Canaries(_records(aviary, "public_health.ed_overdose_visit@1")),
    }  # fmt: skip
    reader, spans = InMemoryMetricReader(), InMemorySpanExporter()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    telemetry = Telemetry(
        MeterProvider([reader]), tracers, sampled=1.0, draw=lambda: 0.0, log=lines.logger
    )
    folder = tmp_path / "county"
    with town(folder, adapters=adapters, telemetry=telemetry) as made:
        calls = [*_granted(made), *_refused(made, aviary), *_malformed(made, aviary)]
        for name, agency, asked in calls:
            made.loop.run(_call(made, name, agency, asked, told, aviary))
        for how in ("raises at once", "raises at the end", "raises of the tree",
                    "has a wrong type", "has a reason"):  # fmt: skip
            ems.how = how
            again = from_request(_whole(made, "P3-overdose-runs"))
            made.loop.run(_call(made, how, PHD, again, told, aviary))
        assert [] == made.audit(tmp_path / "log")
        running = files(folder)
    out, err = capfd.readouterr()
    written = {f"{name} (running)": data for name, data in running.items()} | files(folder)
    written = {name: data for name, data in written.items() if not name.startswith("agencies/")}
    places = (
        written
        | told.said
        | {f"log/{name}": data for name, data in files(tmp_path / "log").items()}
    )
    opened = looked(folder, tmp_path / "auditor")
    places |= opened
    places |= {
        "standard output": out.encode(),
        "standard error": err.encode(),
        "log lines": lines.text,
        "metrics": _text(reader.get_metrics_data()),
        "traces": b"\n".join(one.to_json().encode() for one in spans.get_finished_spans()),
    }

    assert len(aviary.made) > 2_000
    assert [] == found(aviary.made, places)
    assert any("exchange-log.sqlite-wal" in name for name in places)
    # What an auditor opens is not empty, and still holds nothing of a record.
    assert all(b"PROHIBITED" in opened[f"accord log {form}"] for form in ("csv", "jsonl", "ocsf"))
    assert {"raises at once", "has a wrong type"} <= {
        name for name, code in told.codes.items() if code != "OK"
    }
    assert 7 == sum(code == "OK" for name, code in told.codes.items() if name.startswith("P"))
    assert len(spans.get_finished_spans()) >= len(calls)
    _only_what_may_leave(made, aviary, told)


def _written(running: dict[str, bytes], ended: dict[str, bytes]) -> dict[str, bytes]:
    """Return the gateway's files as they were while it ran, where they differ, and after it."""
    places = dict(ended)
    for name, data in running.items():
        if ended.get(name) != data:
            places[f"{name} (running)"] = data
    return {name: data for name, data in places.items() if not name.startswith("agencies/")}


def _only_what_may_leave(made: Town, aviary: Aviary, told: Told) -> None:
    """Assert that bodies hold canaries of fields that are released in clear, and of no other."""
    provisions = {one["id"]: one for one in yaml.safe_load(made.file().read_text())["provisions"]}
    for name, body in told.bodies.items():
        if name not in provisions:
            continue
        provision = provisions[name]
        dataset = provision["flow"]["dataset"]
        clear = {
            f"{dataset}.{key}"
            for key, mask in provision["release"].items()
            if (mask if isinstance(mask, str) else next(iter(mask))) in CLEAR
        }
        hidden = [one for one in aviary.made if one.where not in clear]
        assert [] == found(hidden, {name: body})
        shown: list[Canary] = [one for one in aviary.made if one.where in clear]
        if provision["delivery"]["shape"] == "record" and dataset != "police.overdose_response@1":
            assert found(shown, {name: body}), f"{name}: the search would find nothing"


# --- what is held ---------------------------------------------------------------------------------


def _records(aviary: Aviary, *datasets: str) -> dict[DatasetId, Any]:
    """Return twelve records of each dataset; what a rule looks at is as the rule wants it."""
    made = {}
    for text in datasets:
        dataset = DatasetId.parse(text)
        assert dataset is not None
        made[dataset] = [aviary.record(dataset, _fixed(text)) for _ in range(PEOPLE)]
    return made


def _fixed(dataset: str) -> dict[str, Any]:
    recent, month = now().date() - dt.timedelta(days=2), closed()
    at = now() - dt.timedelta(hours=20)
    return {
        "ems.overdose_run@1": {"incident_date": recent, "time_precision": "instant"},
        "referral.post_overdose@1": {
            "overdose_date": recent, "overdose_at": at, "time_precision": "instant",
            "status": "requested", "opt_out_at": None,
        },
        "police.drug_seizure@1": {"incident_date": recent, "record_kind": "incident"},
        "police.overdose_response@1": {"incident_date": recent, "time_precision": "day"},
        "harm_reduction.naloxone_distribution@1": {
            "distributed_on": month, "record_kind": "event", "time_precision": "day",
        },
        "harm_reduction.outreach_contact@1": {"contact_date": month, "time_precision": "day"},
        "public_health.ed_overdose_visit@1": {"visit_date": month, "time_precision": "day"},
    }[dataset]  # fmt: skip


# --- what is asked --------------------------------------------------------------------------------

PARTIES = {"ems": EMS, "police": PD, "phd": PHD, "hro": HRO}


def _whole(made: Town, provision: str, **more: Any) -> Request:  # noqa: ANN401
    """Return a request for everything that a provision releases."""
    read = yaml.safe_load(made.file().read_text())["provisions"]
    (one,) = [one for one in read if one["id"] == provision]
    flow = one["flow"]
    return request(
        PARTIES[flow["from"]], PARTIES[flow["to"]], flow["dataset"], flow["purpose"][0],
        list(one["release"]), form=more.pop("form", Form.ARROW), **more,
    )  # fmt: skip


def _granted(made: Town) -> Iterator[tuple[str, str, exchange_pb2.ExchangeRequest]]:
    for one in yaml.safe_load(made.file().read_text())["provisions"]:
        asked = _whole(made, one["id"])
        yield one["id"], asked.terms.recipient, from_request(asked)


def _refused(made: Town, aviary: Aviary) -> Iterator[tuple[str, str, exchange_pb2.ExchangeRequest]]:
    def where(field: str) -> list[Condition]:
        return [Condition(field, Operator.EQ, (aviary.text(f"where {field}"),))]

    runs = "P3-overdose-runs"
    yield "narrowed", PHD, from_request(_whole(made, runs, where=where("sex")))
    yield "rows", PHD, from_request(_whole(made, runs, where=where("avpu"), form=Form.ROWS))
    for field in ("patient_last_name", "age", "narrative", "unit_notified_at", "incident_date"):
        yield f"filter {field}", PHD, from_request(_whole(made, runs, where=where(field)))
    for part in ("provider", "recipient", "purpose", "dataset", "fields"):
        message = from_request(_whole(made, runs))
        said = aviary.text(f"request {part}").lower()
        aviary.made[-1] = Canary(f"request {part}", frozenset({said.encode()}))
        match part:
            case "dataset":
                message.terms.dataset = f"ems.{said}@1"
            case "fields":
                message.terms.fields.append(said)
            case "purpose":
                message.terms.purpose = f"research.{said}"
            case _:
                setattr(message.terms, part, said)
        yield f"unknown {part}", PHD, message
    yield (
        "police",
        PD,
        from_request(
            request(
                EMS, PD, "referral.post_overdose@1", "care.post_overdose_outreach", "referral_id"
            )
        ),
    )


def _malformed(
    made: Town, aviary: Aviary
) -> Iterator[tuple[str, str, exchange_pb2.ExchangeRequest]]:
    for part in ("request_id", "exchange_id", "stream"):
        message = from_request(_whole(made, "P3-overdose-runs"))
        said = aviary.text(f"malformed {part}")
        if part == "stream":
            message.exchange_id, message.stream = new_id(), said.encode()
        else:
            setattr(message, part, said)
        yield f"malformed {part}", PHD, message
    message = from_request(_whole(made, "P3-overdose-runs"))
    # A field of a later version, as raw bytes: number 99, text.
    unknown = aviary.text("unknown field").encode()
    message.MergeFromString(b"\x9a\x06" + bytes([len(unknown)]) + unknown)
    yield "unknown field", PHD, message


async def _call(
    made: Town,
    name: str,
    agency: str,
    message: exchange_pb2.ExchangeRequest,
    told: Told,
    aviary: Aviary,
) -> None:
    """Make one call as raw as it goes, and keep all that was said, records apart."""
    options = [("grpc.ssl_target_name_override", GATEWAY)]
    credentials = channel_credentials(made.tls(agency))
    jti = made.token(agency)
    metadata = [
        ("authorization", f"Bearer {jti}"),
        ("x-synthetic", aviary.text("metadata")),
        ("x-synthetic-bin", aviary.text("metadata").encode()),
        ("traceparent", aviary.text("traceparent")),
    ]
    said: list[bytes] = []
    bodies: list[bytes] = []
    async with grpc.aio.secure_channel(f"127.0.0.1:{made.port}", credentials, options) as channel:
        stub: Any = exchange_pb2_grpc.ExchangeServiceStub(channel)
        call = stub.Exchange(message, timeout=20, metadata=metadata)
        try:
            async for response in call:
                bodies.append(response.batch.SerializeToString())
                response.ClearField("batch")
                said.append(response.SerializeToString())
        except grpc.aio.AioRpcError as error:
            said.append(repr(error).encode())
        for key, value in (*(await call.initial_metadata()), *(await call.trailing_metadata())):
            said.append(
                f"{key}: ".encode() + (value if isinstance(value, bytes) else value.encode())
            )
        told.codes[name] = (await call.code()).name
        said.append(str(await call.details()).encode())
    told.said[f"status of {name}"] = b"\n".join(said)
    told.bodies[name] = b"\n".join(bodies)


def _text(data: Any) -> bytes:  # noqa: ANN401 - what a reader of metrics gives
    return data.to_json().encode() if data is not None else b""


def test_the_search_finds_what_is_there() -> None:
    """A value is found as it is, in hex, and in base64 wherever it begins; a shorter one is not."""
    aviary = Aviary()
    text = aviary.text("a text").encode()
    hides = {
        "plain": b"xx" + text + b"yy",
        "hex": (b"x" + text).hex().encode(),
        "upper": text.hex().upper().encode(),
        **{f"base64 {n}": base64.b64encode(b"z" * n + text + b"tail") for n in range(4)},
    }

    assert [f"a text in {place}" for place in hides] == found(aviary.made, hides)
    assert [] == found(aviary.made, {"part": text[:-1], "other": text[::-1]})


# --- tokens ---------------------------------------------------------------------------------------


def test_a_token_is_seen_nowhere_and_its_person_only_when_opened(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    lines: Lines,
) -> None:
    """A token's text is nowhere; who it names is in the sealed part of the log and nowhere else."""
    aviary = Aviary()
    person, role = aviary.text("token's subject"), aviary.text("token's role")
    folder = tmp_path / "county"
    runs = _records(aviary, "ems.overdose_run@1")
    with town(
        folder, adapters={EMS: Canaries(runs)}, telemetry=Telemetry(log=lines.logger)
    ) as made:
        tokens = [made.token(PHD, person=person, roles=[role]),
                  made.token(PHD, person=person, roles=["epidemiologist", role]),
                  made.token(PHD, kid=aviary.text("token's kid")),
                  made.token(PHD, issuer=aviary.text("token's issuer")),
                  made.token(EMS, person=person)]  # fmt: skip
        said = [made.loop.run(_with(made.client(PHD, lambda one=one: one))) for one in tokens]  # type: ignore[misc]
        entries = [meta for _, _, meta in made.entries()]
        assert [] == made.audit(tmp_path / "log")
        running = files(folder)
    out, err = capfd.readouterr()
    places = _written(running, files(folder))
    places |= {
        "output": out.encode(),
        "error": err.encode(),
        "lines": lines.text,
        "told": "\n".join(said).encode(),
    }
    places |= {f"log/{name}": data for name, data in files(tmp_path / "log").items()}
    for one in tokens:
        aviary.made.append(
            Canary("token", frozenset({part.encode() for part in one.split(".")[1:]}))
        )

    assert [] == found(aviary.made, places)
    assert {person} <= {meta.get("caller_person") for meta in entries}
    assert ["ROLE_NOT_LISTED", "OK", "TOKEN_INVALID", "TOKEN_INVALID", "TOKEN_INVALID"] == [
        line.split(":")[0] for line in said
    ]


async def _with(client: Client) -> str:
    """Return the reason and everything else that an exchange with this client was told."""
    try:
        async for _ in client.exchange(
            request(EMS, PHD, "ems.overdose_run@1", "public_health.surveillance", "age")
        ):
            pass
    except AccordError as error:
        return f"{error.reason}: {error} {error.variables}"
    return "OK:"
