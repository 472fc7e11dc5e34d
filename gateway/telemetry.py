"""Numbers and spans: names from a closed list, never a value of a record.

OpenTelemetry through a lean step of our own: attribute sets are made once and kept, a span exists
only where it is sampled, and a caller's trace is a link and never a parent. Exporting is off unless
an endpoint is set.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.metrics import Counter as Counts
    from opentelemetry.metrics import Histogram, MeterProvider
    from opentelemetry.trace import TracerProvider

    from gateway.wire.call import Call

ATTRIBUTES: Final = frozenset(
    {
        "rpc.system.name",
        "rpc.method",
        "rpc.response.status_code",
        "error.type",
        "accord.stage",
        "accord.agreement",
        "accord.provision",
        "accord.reason",
        "accord.step",
        "accord.recipient",
    }
)
"""What metrics may be told apart by."""

SPAN_ATTRIBUTES: Final = ATTRIBUTES | {"accord.exchange.id"}
"""Exchange ids stand on spans and log lines, not on metrics."""

STAGES: Final = frozenset({"decide", "scan", "run", "check", "log", "send"})

_EXCHANGE: Final = "/gateway.v1.ExchangeService/Exchange"
_TOLD: Final[ContextVar[Mapping[str, str | int]]] = ContextVar("told")
"""What the broker reported of the call of this task, until the call's one log line is written."""

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_KEPT: Final = 4096
_SERVER_ERRORS: Final = frozenset({"UNKNOWN", "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED"})


class Telemetry:
    """Takes what the chain, the broker and the log report; does nothing where nothing is exported.

    It is the chain's `Measure` and the broker's `Meter`.

    Attributes:
        dropped: Attribute and log keys that were not on a list, with how often.
    """

    def __init__(
        self,
        meters: MeterProvider | None = None,
        tracers: TracerProvider | None = None,
        *,
        sampled: float = 0.01,
        draw: Callable[[], float] = random.random,
        log: Any = None,  # noqa: ANN401 - a structlog logger
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self._sampled = sampled if tracers is not None else 0.0
        self._draw = draw
        self._log = log
        self._kept: dict[tuple[str, ...], Mapping[str, str]] = {}
        self._meter = meters.get_meter("accord") if meters is not None else None
        self._tracer = tracers.get_tracer("accord") if tracers is not None else None
        self._calls = self._histogram("rpc.server.call.duration", "s")
        self._asked = self._histogram("rpc.client.call.duration", "s")
        self._stages = self._histogram("accord.exchange.stage.duration", "s")
        self._commits = self._histogram("accord.log.commit.duration", "s")
        self._rows = self._counter("accord.exchange.rows", "{row}")
        self._bytes = self._counter("accord.exchange.bytes", "By")
        self._refusals = self._counter("accord.refusals", "{refusal}")

    def _histogram(self, name: str, unit: str) -> Histogram | None:
        return self._meter.create_histogram(name, unit) if self._meter is not None else None

    def _counter(self, name: str, unit: str) -> Counts | None:
        return self._meter.create_counter(name, unit) if self._meter is not None else None

    def _set(self, *pairs: str) -> Mapping[str, str]:
        """Return the attributes of (key, value, key, …), made once; the one place they pass."""
        kept = self._kept.get(pairs)
        if kept is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            found = dict(zip(pairs[::2], pairs[1::2], strict=True))
            kept = self._kept[pairs] = self._allowed(found, ATTRIBUTES)
        return kept

    def _allowed(self, found: Mapping[str, str], allowed: frozenset[str]) -> dict[str, str]:
        self.dropped.update(key for key in found if key not in allowed)
        return {key: value for key, value in found.items() if key in allowed and value}

    # --- From the chain ---

    def closed(self, call: Call, code: str, reason: str, seconds: float) -> None:
        """Record a call that has ended, refused and cancelled ones included.

        An exchange is one log line at level `info`, whatever became of it.
        """
        if self._calls is not None:
            self._calls.record(seconds, self._call(call.method, code, reason))
        if self._tracer is not None and self._draw() < self._sampled:
            self._span(call, code, reason, seconds)
        if self._log is not None and call.method == _EXCHANGE:
            self._log.info(
                "exchange",
                exchange_id=call.exchange_id,
                agency=call.caller.agency,
                code=code,
                reason=reason,
                seconds=round(seconds, 4),
                **_TOLD.get({}),
            )
            _TOLD.set({})
        if call.fault and self._log is not None:
            # What nobody foresaw: its class, for whoever mends it; its text may hold anything.
            self._log.error(
                "a call failed",
                method=call.method,
                error=call.fault,
                exchange_id=call.exchange_id,
                agency=call.caller.agency,
            )

    def _call(self, method: str, code: str, reason: str) -> Mapping[str, str]:
        return self._set(
            "rpc.system.name", "grpc", "rpc.method", method.removeprefix("/"),
            "rpc.response.status_code", code, "error.type", reason,
        )  # fmt: skip

    def _span(self, call: Call, code: str, reason: str, seconds: float) -> None:
        from opentelemetry.context import Context  # noqa: PLC0415 - only where spans are made
        from opentelemetry.trace import SpanKind, Status, StatusCode  # noqa: PLC0415

        assert self._tracer is not None  # noqa: S101 - the caller has looked
        end = time.time_ns()
        attributes = dict(self._call(call.method, code, reason))
        attributes |= self._allowed({"accord.exchange.id": call.exchange_id}, SPAN_ATTRIBUTES)
        span = self._tracer.start_span(
            call.method.removeprefix("/"),
            Context(),
            SpanKind.SERVER,
            attributes,
            links_of(call.traceparent),
            start_time=end - int(seconds * 1e9),
        )
        if code in _SERVER_ERRORS:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end)

    def asked(self, method: str, code: str, reason: str, seconds: float) -> None:
        """Record a call that the gateway made."""
        if self._asked is not None:
            self._asked.record(seconds, self._call(method, code, reason))

    # --- From the broker ---

    def stage(self, name: str, seconds: float) -> None:
        """Record one stage: decide, scan, run, check, log, send."""
        if self._stages is not None:
            known = name if name in STAGES else ""
            self._stages.record(seconds, self._set("accord.stage", known))

    def released(self, agreement: str, provision: str, rows: int, size: int) -> None:
        """Count rows and bytes that left."""
        _TOLD.set({"agreement": agreement, "provision": provision, "rows": rows, "bytes": size})
        if self._rows is not None and self._bytes is not None:
            who = self._set("accord.agreement", agreement, "accord.provision", provision)
            self._rows.add(rows, who)
            self._bytes.add(size, who)

    def refused(self, reason: str, step: int) -> None:
        """Count a refusal."""
        _TOLD.set({"step": step})
        if self._refusals is not None:
            self._refusals.add(1, self._set("accord.reason", reason, "accord.step", str(step)))

    # --- From the log and the process ---

    def committed(self, seconds: float) -> None:
        """Record how long a commit of the exchange log took."""
        if self._commits is not None:
            self._commits.record(seconds)

    def watch(self, name: str, unit: str, read: Callable[[], float]) -> None:
        """Export a number that is read when it is asked for, such as `accord.streams.open`."""
        if self._meter is None:
            return
        from opentelemetry.metrics import Observation  # noqa: PLC0415

        def observe(_: object) -> Iterable[Observation]:
            return (Observation(read()),)

        self._meter.create_observable_gauge(name, [observe], unit)


def links_of(traceparent: str) -> list[Any]:
    """Return the link to a caller's trace, or none where the header is not of its form."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or not int(match[1], 16) or not int(match[2], 16):
        return []
    from opentelemetry.trace import Link, SpanContext, TraceFlags  # noqa: PLC0415

    flags = TraceFlags(int(match[3], 16))
    trace, span = int(match[1], 16), int(match[2], 16)
    return [Link(SpanContext(trace, span, is_remote=True, trace_flags=flags))]


def exporting(
    endpoint: str,
    *,
    instance: str,
    sampled: float,
    log: Any = None,  # noqa: ANN401
) -> tuple[Telemetry, Callable[[], None]]:
    """Return telemetry, and what flushes and ends it; without an endpoint nothing is exported.

    Args:
        endpoint: An OTLP collector's `https://host:port`, or empty.
        instance: What this process is called.
        sampled: The share of calls that become spans.
        log: Where failures nobody foresaw are written down.
    """
    if not endpoint:
        return Telemetry(log=log), lambda: None
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (  # noqa: PLC0415
        OTLPMetricExporter,
    )
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.metrics import MeterProvider as Meters  # noqa: PLC0415
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider as Tracers  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource({"service.name": "accord-gateway", "service.instance.id": instance})
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=endpoint))
    meters = Meters([reader], resource)
    tracers = Tracers(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))

    def end() -> None:
        tracers.shutdown()
        meters.shutdown()

    return Telemetry(meters, tracers, sampled=sampled, log=log), end
