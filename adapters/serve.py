"""AdapterService over any adapter: mutual TLS, one caller, one batch ahead, no word of a record.

No adapter is served but behind `identities.guard`: rows that hold an identity where none should be
stay, and a log line of the provider's own says in which field and by which detector.

Only the gateway may call, by the exact name in its certificate. A scan runs in a thread, since
sources block; it is never more than one batch ahead of what the gateway has taken, and ends when
the gateway stops. The chain is the gateway's own, with this server's few steps.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, cast

import grpc
import grpc.aio
import structlog
from cryptography import x509
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from adapters import canonical
from adapters.base import Report, read_settings
from adapters.identities.guard import NOTICE, Guarded, IdentitySettings
from gateway.errors import IdentityError, Reason, SettingsError
from gateway.v1 import adapter_pb2, adapter_pb2_grpc, common_pb2
from gateway.values import Caller
from gateway.wire.arrow import cut, layout
from gateway.wire.chain import Chain, Rule, Steps
from gateway.wire.convert.scan import to_scan
from gateway.wire.tls import TlsFiles, server_credentials, server_limits, subject_names

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    import pyarrow as pa

    from adapters.base import Adapter
    from gateway.plan.pushdown import Scan
    from gateway.values import DatasetId, FieldType
    from gateway.wire.call import Call
    from gateway.wire.chain import Context, Measure

GATEWAY: Final = "gateway"
SCANS: Final = 16
BATCH_BYTES: Final = 1024 * 1024
_SERVICE: Final = adapter_pb2.DESCRIPTOR.services_by_name["AdapterService"].full_name
_HEALTH: Final = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_LOG: Final = structlog.get_logger()
_DAY_S: Final = 24 * 3600.0
_OPEN: Final = Rule(open=True, foreign=True, default_s=_DAY_S, most_s=_DAY_S)
_ONLY: Final = frozenset({GATEWAY})

RULES: Final[Mapping[str, Rule]] = {
    f"/{_SERVICE}/ListDatasets": Rule(kinds=_ONLY),
    f"/{_SERVICE}/Scan": Rule(kinds=_ONLY, default_s=60, most_s=15 * 60, streams=True),
    f"/{_HEALTH}/Check": _OPEN,
    f"/{_HEALTH}/Watch": _OPEN,
}


class Unmeasured:
    """A measure that keeps nothing: an adapter beside a database need not have telemetry."""

    def closed(self, call: Call, code: str, reason: str, seconds: float) -> None:
        """Forget the call."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where an adapter listens, with which certificate, and who may call.

    Attributes:
        address: `host:port`; port 0 takes a free one.
        gateways: The names of which the gateway's certificate must have exactly one, whole.
    """

    address: str
    tls: TlsFiles
    gateways: frozenset[str]


class Server:
    """One adapter's server.

    Attributes:
        port: Once started.
    """

    def __init__(
        self,
        adapter: Adapter,
        listening: Listening,
        measure: Measure | None = None,
        identities: Mapping[str, object] | None = None,
        *,
        unsafe_unscanned: bool = False,
    ) -> None:
        """Build it; nothing is bound yet.

        Args:
            adapter: What is served, behind the scan for misplaced identities.
            listening: Where, and for whom.
            measure: Hears of every call.
            identities: `[identities]` of `adapter.toml`; its defaults where None.
            unsafe_unscanned: Serves what lies in the fields as it is. For tests of what the gateway
                does with values that an adapter should never have sent; no setting reaches it.

        Raises:
            SettingsError: No gateway may call: emptiness refuses. Or `identities` has a key that is
                unknown or wrong.
        """
        if not listening.gateways:
            raise SettingsError("`gateways` is empty: nobody could call this adapter")
        self.port = 0
        self._listening = listening
        identity = _GatewayOnly(listening.gateways)
        steps = Steps((_deadline, identity), measure or Unmeasured())
        self._server = grpc.aio.server(interceptors=[Chain(RULES, steps)], options=server_limits())
        add: Any = adapter_pb2_grpc.add_AdapterServiceServicer_to_server
        held: Adapter = Guarded(adapter, read_settings(IdentitySettings, identities or {}))
        if unsafe_unscanned:
            _LOG.warning("served without the scan for misplaced identities")
            held = adapter
        add(Servicer(held), self._server)
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    async def start(self) -> None:
        """Bind and serve.

        Raises:
            SettingsError: The address cannot be bound, or a certificate's file cannot be read.
        """
        credentials = server_credentials(self._listening.tls)
        try:
            self.port = self._server.add_secure_port(self._listening.address, credentials)
        except RuntimeError:
            self.port = 0
        if self.port == 0:
            raise SettingsError(f"`{self._listening.address}` cannot be bound")
        await self._health.set(_SERVICE, health_pb2.HealthCheckResponse.SERVING)
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """Say NOT_SERVING, and let open scans end."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)

    async def wait(self) -> None:
        """Return when the server has stopped."""
        await self._server.wait_for_termination()


def _deadline(call: Call, context: Context, rule: Rule) -> None:
    asked_s = cast("float | None", context.time_remaining())
    given_s = rule.default_s if asked_s is None else min(asked_s, rule.most_s)
    call.deadline = call.started + given_s


class _GatewayOnly:
    """The identity step of an adapter: TLS 1.3, and one of the gateway's names."""

    def __init__(self, gateways: frozenset[str]) -> None:
        self._gateways = gateways
        self._seen: dict[bytes, Caller] = {}

    def __call__(self, call: Call, context: Context, rule: Rule) -> None:
        peer = context.auth_context()
        if peer.get("ssl_tls_version") != [b"TLSv1.3"]:
            raise IdentityError(Reason.TLS_TOO_OLD, "the connection is not TLS 1.3")
        if rule.open:
            return
        pem = b"".join(peer.get("x509_pem_cert", ()))
        call.caller = self._seen.get(pem) or self._learn(pem)
        call.kind = GATEWAY

    def _learn(self, pem: bytes) -> Caller:
        try:
            certificate = x509.load_pem_x509_certificate(pem)
            names = subject_names(certificate)
        except ValueError:
            raise IdentityError(
                Reason.CERTIFICATE_UNKNOWN, "the client certificate cannot be read"
            ) from None
        found = [name for name in names if name in self._gateways]
        if len(found) != 1:
            reason = Reason.CERTIFICATE_AMBIGUOUS if found else Reason.CERTIFICATE_UNKNOWN
            raise IdentityError(
                reason, "the certificate has not exactly one of the gateway's names"
            )
        if len(self._seen) > len(self._gateways) + 64:
            self._seen.clear()
        caller = self._seen[pem] = Caller(GATEWAY, sha256(pem).digest())
        return caller


class Servicer(adapter_pb2_grpc.AdapterServiceServicer):
    """Answers scans from one adapter."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._pool = ThreadPoolExecutor(SCANS, thread_name_prefix="accord-scan")

    async def ListDatasets(  # noqa: N802
        self, request: adapter_pb2.ListDatasetsRequest, call: Call
    ) -> adapter_pb2.ListDatasetsResponse:
        """Return the datasets held, with their columns."""
        del request, call
        response = adapter_pb2.ListDatasetsResponse()
        for held in self._adapter.datasets():
            # What a field says about a person is the agreement's dataset file to say, not ours.
            columns = [
                common_pb2.Column(name=name, type=field.type)
                for name, field in canonical.fields(held).items()
            ]
            response.datasets.add(name=str(held), columns=columns)
        return response

    async def Scan(  # noqa: N802
        self, request: adapter_pb2.ScanRequest, call: Call
    ) -> AsyncIterator[adapter_pb2.ScanResponse]:
        """Yield the scan's batches, and what was quarantined last."""
        del call
        scan, report = to_scan(request, self._types), _StoppableReport()
        form, offset = layout(scan.columns), 0
        # A slot of the pool is free when its thread ends, not when the call does.
        ahead = _Ahead(self._pool, self._adapter, scan, report)
        try:
            async for batch in ahead:
                for piece in cut(batch, scan.batch_rows, BATCH_BYTES):
                    yield _response(form.encode(piece), piece.num_rows, offset)
                    offset += piece.num_rows
        finally:
            ahead.stop()
            _tell(scan.dataset, report)
        if report.quarantined:
            last = adapter_pb2.ScanResponse()
            for reason, count in sorted(report.quarantined.items()):
                last.quarantined.add(reason=reason[:63], row_count=count)
            yield last

    def _types(self, dataset: DatasetId) -> Mapping[str, FieldType] | None:
        if dataset not in self._adapter.datasets():
            return None
        return {name: field.type for name, field in canonical.fields(dataset).items()}


def _tell(dataset: DatasetId, report: Report) -> None:
    """Tell the provider, and nobody else, where its records hold what they should not."""
    for (kind, name), count in sorted(dict(report.notices).items()):
        if kind.startswith(NOTICE):
            _LOG.warning(
                "misplaced identities",
                dataset=str(dataset),
                field=name,
                detector=kind.removeprefix(NOTICE),
                rows=count,
            )


def _response(data: bytes, rows: int, offset: int) -> adapter_pb2.ScanResponse:
    response = adapter_pb2.ScanResponse()
    response.batch.offset = offset
    response.batch.row_count = rows
    response.batch.digest = sha256(data).digest()
    response.batch.arrow = data
    return response


class _StoppedError(Exception):
    """Nobody reads the scan any more."""


@dataclass(slots=True)
class _StoppableReport(Report):
    """A report that ends a scan at its next record once nobody reads it."""

    stopped: threading.Event = field(default_factory=threading.Event)

    def row(self) -> None:
        """Close the row being read."""
        if self.stopped.is_set():
            raise _StoppedError
        # Not super(): a slotted dataclass is made twice, and super() would find the first.
        Report.row(self)


class _Ahead:
    """A scan in a thread of the pool, at most one batch ahead of who takes them.

    A thread cannot be cancelled, so `stop` only tells it: it ends at its next record or batch.
    """

    def __init__(
        self, pool: ThreadPoolExecutor, adapter: Adapter, scan: Scan, report: _StoppableReport
    ) -> None:
        self._adapter = adapter
        self._scan = scan
        self._report = report
        self._stopped = report.stopped
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Queue[pa.RecordBatch | BaseException | None] = asyncio.Queue()
        self._room = threading.Semaphore(0)
        pool.submit(self._run)

    def stop(self) -> None:
        """Tell the thread to end."""
        self._stopped.set()
        self._room.release()

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        while (item := await self._ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            # Room for the next one is made as this one leaves: that is the look-ahead of one.
            self._room.release()
            yield item

    def _run(self) -> None:
        batches: Iterator[pa.RecordBatch] | None = None
        try:
            batches = iter(self._adapter.scan(self._scan, self._report))
            for batch in batches:
                self._put(batch)
                self._room.acquire()
                if self._stopped.is_set():
                    return
            self._put(None)
        except BaseException as error:  # noqa: BLE001 - the chain says what may be said of it
            self._put(error)
        finally:
            close = getattr(batches, "close", None)
            if close is not None:
                close()

    def _put(self, item: pa.RecordBatch | BaseException | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._ready.put_nowait, item)
        except RuntimeError:
            # The loop is closed: nobody reads any more.
            self._stopped.set()


PARTS: Final = (Listening, Server)
"""What a composition root outside this package needs, by entry point."""
