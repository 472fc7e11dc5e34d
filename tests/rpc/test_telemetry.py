# ruff: noqa: ANN401, D102, D103, TRY301 - twins and helpers of tests
"""Numbers, spans and log lines hold names of a list, and never a value."""

from __future__ import annotations

import io
import json
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.loglines import LOG_KEYS, configure_logging, quiet
from gateway.telemetry import ATTRIBUTES, SPAN_ATTRIBUTES, Telemetry, exporting, links_of
from gateway.values import Caller
from gateway.wire.call import Call

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "canary-8820-synthetic"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Bench:
    """Telemetry with readers in memory."""

    def __init__(self, sampled: float = 1.0) -> None:
        self.reader = InMemoryMetricReader()
        self.spans = InMemorySpanExporter()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.telemetry = Telemetry(
            MeterProvider([self.reader]), tracers, sampled=sampled, draw=lambda: 0.5
        )

    def points(self) -> dict[str, list[dict[str, Any]]]:
        data = self.reader.get_metrics_data()
        found: dict[str, list[dict[str, Any]]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        found.setdefault(metric.name, []).append(dict(point.attributes or {}))
        return found


def a_call(**changes: Any) -> Call:
    call = Call("/gateway.v1.ExchangeService/Exchange", 0.0, caller=Caller("a", b"", CANARY))
    call.exchange_id, call.traceparent, call.authorization = "x-1", TRACE, CANARY
    call.checkpoint = CANARY.encode()
    for name, content in changes.items():
        setattr(call, name, content)
    return call


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Put the root logger's handlers back."""
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def test_a_call_is_a_duration_and_a_span() -> None:
    """Method, code and reason stand on both, the exchange id on the span; the trace is a link."""
    bench = Bench()

    bench.telemetry.closed(a_call(), "PERMISSION_DENIED", "NO_PROVISION", 0.25)

    names = {
        "rpc.system.name": "grpc", "rpc.method": "gateway.v1.ExchangeService/Exchange",
        "rpc.response.status_code": "PERMISSION_DENIED", "error.type": "NO_PROVISION",
    }  # fmt: skip
    assert [names] == bench.points()["rpc.server.call.duration"]
    (span,) = bench.spans.get_finished_spans()
    assert {**names, "accord.exchange.id": "x-1"} == dict(span.attributes or {})
    assert (None, 0xB7AD6B7169203331) == (span.parent, span.links[0].context.span_id)
    assert 250_000_000 == (span.end_time or 0) - (span.start_time or 0)
    assert span.context.trace_id != span.links[0].context.trace_id


def test_an_unsampled_call_has_no_span() -> None:
    """Half of the calls sampled, and a draw of one half: none."""
    bench = Bench(sampled=0.5)

    bench.telemetry.closed(a_call(), "OK", "", 0.25)

    assert () == bench.spans.get_finished_spans()
    assert 1 == len(bench.points()["rpc.server.call.duration"])


def test_the_broker_reports_names_and_numbers() -> None:
    """Stages, rows, bytes and refusals are counted by agreement, provision, reason and step."""
    bench = Bench()
    meter = bench.telemetry

    meter.stage("scan", 0.1)
    meter.stage(CANARY, 0.1)
    meter.released("synthetic", "p1", 8, 4096)
    meter.refused("ROW_LIMIT", 6)
    meter.committed(0.004)
    meter.asked("/gateway.v1.AdapterService/Scan", "OK", "", 0.1)
    meter.watch("accord.streams.open", "{stream}", lambda: 3)

    points = bench.points()
    assert [{"accord.stage": "scan"}, {}] == points["accord.exchange.stage.duration"]
    who = {"accord.agreement": "synthetic", "accord.provision": "p1"}
    assert ([who], [who]) == (points["accord.exchange.rows"], points["accord.exchange.bytes"])
    assert [{"accord.reason": "ROW_LIMIT", "accord.step": "6"}] == points["accord.refusals"]
    assert {"accord.log.commit.duration", "accord.streams.open"} <= set(points)


def test_attributes_are_of_the_list() -> None:
    """Whatever is reported, every key is on the list, and no value is a canary."""
    bench = Bench()
    bench.telemetry.closed(a_call(), "INTERNAL", "INTERNAL", 1.0)
    bench.telemetry.stage(CANARY, 1.0)
    attributes = bench.telemetry._set("accord.subject", CANARY, "accord.stage", "run")  # noqa: SLF001

    assert {"accord.stage": "run"} == attributes
    assert {"accord.subject": 1} == dict(bench.telemetry.dropped)
    said = str(bench.points()) + "".join(
        span.to_json() for span in bench.spans.get_finished_spans()
    )
    assert CANARY not in said
    for points in bench.points().values():
        assert all(set(point) <= ATTRIBUTES for point in points)
    for span in bench.spans.get_finished_spans():
        assert set(span.attributes or {}) <= SPAN_ATTRIBUTES


@pytest.mark.parametrize(
    "header",
    ["", "x", TRACE.upper(), TRACE + "x", TRACE.replace("0af", "000")[:3] + "0" * 32 + TRACE[35:]],
)
def test_a_false_traceparent_is_no_link(header: str) -> None:
    """Only the W3C form makes a link."""
    assert [] == links_of(header)


def test_nothing_is_exported_without_an_endpoint() -> None:
    """The default costs nothing and reaches nobody."""
    telemetry, end = exporting("", instance="synthetic", sampled=1.0)

    telemetry.closed(a_call(), "OK", "", 0.1)
    telemetry.stage("run", 0.1)
    telemetry.released("a", "b", 1, 1)
    telemetry.refused("X", 1)
    telemetry.committed(0.1)
    telemetry.asked("/x", "OK", "", 0.1)
    telemetry.watch("x", "1", lambda: 1)
    end()

    assert not telemetry.dropped


def test_log_lines_are_json_with_keys_of_the_list() -> None:
    """An unknown key is dropped and counted; so are tracebacks; the rest is one JSON line."""
    out, dropped = io.StringIO(), Counter[str]()
    log = configure_logging(out, dropped=dropped)

    log.info("started", port=8443, patient_name=CANARY)
    try:
        raise ValueError(CANARY)
    except ValueError:
        log.exception("failed", error="ValueError")

    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert ["started", "failed"] == [line["event"] for line in lines]
    assert 8443 == lines[0]["port"]
    assert all(set(line) <= LOG_KEYS for line in lines)
    assert ({"patient_name": 1, "exc_info": 1}, False) == (dict(dropped), CANARY in out.getvalue())


def test_other_libraries_words_stay_out() -> None:
    """A library's record becomes who and how bad; its message and traceback go nowhere."""
    out = io.StringIO()
    configure_logging(out)

    try:
        raise ValueError(CANARY)
    except ValueError:
        for name in ("sqlalchemy.engine", "grpc._cython.cygrpc", "asyncio", "anything"):
            logging.getLogger(name).exception("it was %s", CANARY)

    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [("sqlalchemy.engine", "error"), ("grpc._cython.cygrpc", "error")] == [
        (line["logger"], line["level"]) for line in lines[:2]
    ]
    assert (4, False) == (len(lines), CANARY in out.getvalue())


def test_grpc_is_quiet_without_logging_set_up(caplog: pytest.LogCaptureFixture) -> None:
    """The filter stands on gRPC's own logger, whatever handlers there are."""
    quiet()
    quiet()

    try:
        raise ValueError(CANARY)
    except ValueError:
        logging.getLogger("grpc._cython.cygrpc").exception("Unexpected %s", CANARY)

    assert CANARY not in caplog.text
    assert 1 == len(caplog.records)


def test_an_unforeseen_error_is_named_by_class() -> None:
    """The operator's log names class, method, agency and exchange of what nobody foresaw."""
    out = io.StringIO()
    telemetry = Telemetry(log=configure_logging(out))

    telemetry.closed(a_call(fault="ValueError"), "INTERNAL", "INTERNAL", 0.1)

    line = json.loads(out.getvalue().splitlines()[-1])
    assert ("ValueError", "x-1", "a") == (line["error"], line["exchange_id"], line["agency"])
    assert CANARY not in out.getvalue()


def test_an_exchange_is_one_line() -> None:
    """Who, by which rule, how many rows; a refusal by reason and step; nothing of one on the next.

    Other calls are no exchanges, and nothing is written above level `info`.
    """
    out = io.StringIO()
    telemetry = Telemetry(log=configure_logging(out))

    telemetry.released("county@1.0.0", "P3", 89, 4864)
    telemetry.closed(a_call(), "OK", "", 0.25)
    telemetry.refused("NO_PROVISION", 4)
    telemetry.closed(a_call(exchange_id="x-2"), "PERMISSION_DENIED", "NO_PROVISION", 0.25)
    telemetry.closed(a_call(exchange_id="x-3"), "CANCELLED", "", 0.25)
    telemetry.closed(a_call(method="/gateway.v1.AuditService/GetTile"), "OK", "", 0.25)

    first, second, third = [json.loads(line) for line in out.getvalue().splitlines()]
    assert ("exchange", "x-1", "a", "OK") == (
        first["event"], first["exchange_id"], first["agency"], first["code"],
    )  # fmt: skip
    assert ("county@1.0.0", "P3", 89) == (first["agreement"], first["provision"], first["rows"])
    assert ("x-2", "NO_PROVISION", 4) == (second["exchange_id"], second["reason"], second["step"])
    assert "rows" not in second
    assert ("x-3", False) == (third["exchange_id"], "step" in third)
    assert all(set(line) <= LOG_KEYS for line in (first, second, third))
    assert CANARY not in out.getvalue()


def test_exchanges_are_not_told_above_info() -> None:
    """An operator who asks for warnings gets no line for what went well."""
    out = io.StringIO()
    telemetry = Telemetry(log=configure_logging(out, level=logging.WARNING))

    telemetry.closed(a_call(), "OK", "", 0.25)

    assert not out.getvalue()
