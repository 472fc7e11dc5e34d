"""The composition root: every part of a gateway, made once and wired together."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.agreement.index import FlowKey
from gateway.audit.checkpoint import Signer
from gateway.audit.entry import Draft
from gateway.broker.drafts import Drafts, b64
from gateway.broker.exchange import Broker, Ports
from gateway.cli.audit_view import AuditView
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.version import BUILD
from gateway.engine import PlanEngine
from gateway.errors import AgreementError, LogError, Reason, SettingsError, SourceError
from gateway.keys import KeyFolder
from gateway.library import FolderLibrary
from gateway.plan.build import Builder, Table
from gateway.remote.source import RemoteSource
from gateway.rpc.auth import Identity
from gateway.rpc.server import Gateway, Listeners, Parts
from gateway.settings import beside
from gateway.store.counters import StoredCounters
from gateway.store.start import Place, open_log
from gateway.wire.tls import TlsFiles

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    import pyarrow as pa

    from gateway.library import Loaded
    from gateway.plan.pushdown import Scan
    from gateway.settings import GatewaySettings
    from gateway.store.log import SqliteLog
    from gateway.telemetry import Telemetry
    from gateway.values import Request

HEALTH_S = 1.0


class Sources:
    """Every provider's adapter, found by the provider of a scan."""

    def __init__(self, sources: Mapping[str, RemoteSource]) -> None:
        self._sources = sources

    def scan(
        self, scan: Scan, *, exchange_id: str, timeout_s: float
    ) -> AsyncGenerator[pa.RecordBatch]:
        """Return the batches of the provider's adapter; see `ports.Source`."""
        source = self._sources.get(scan.provider)
        if source is None:
            message = "no adapter is set for this provider"
            raise SourceError(Reason.ADAPTER_UNAVAILABLE, message, exchange_id=exchange_id)
        return source.scan(scan, exchange_id=exchange_id, timeout_s=timeout_s)

    async def close(self) -> None:
        """Close every channel."""
        await asyncio.gather(*(source.close() for source in self._sources.values()))


def tables(path: Path, settings: GatewaySettings) -> dict[str, Table]:
    """Return the reference tables that the settings name.

    Raises:
        SettingsError: A file is absent, or its content is not what the digest says.
    """
    found: dict[str, Table] = {}
    for ref, one in settings.tables.items():
        file = beside(path, one.file)
        try:
            data = file.read_bytes()
        except OSError:
            raise SettingsError(f"{path}: `tables.{ref}.file` cannot be read") from None
        if hashlib.sha256(data).hexdigest() != one.sha256:
            raise SettingsError(f"{path}: `tables.{ref}.sha256` is not the digest of the file")
        value = json.loads(data)
        if f"{value.get('name')}@{value.get('version')}" != ref:
            raise SettingsError(f"{path}: `tables.{ref}`: the file names another table")
        found[ref] = Table(ref, one.sha256, value["rows"], value.get("step", ""))
    return found


@dataclass(slots=True)
class Running:
    """A gateway on its feet.

    Attributes:
        fatal: Set when the process must end, with the error that says why.
    """

    gateway: Gateway
    log: SqliteLog
    library: FolderLibrary
    sources: Sources
    engine: PlanEngine
    clock: SystemClock
    fatal: asyncio.Future[LogError]
    tasks: list[asyncio.Task[None]]

    async def stop(self, grace_s: float = 5.0) -> None:
        """Say NOT_SERVING, let what is open end, close the log."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.gateway.stop(grace_s)
        await self.sources.close()
        self.engine.close()
        await self.log.close()


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def tls_files(path: Path, certificate: str, key: str, ca: str) -> TlsFiles:
    """Return the files of one end, relative to the settings file that names them."""
    return TlsFiles(beside(path, certificate), beside(path, key), beside(path, ca))


async def start(
    path: Path, settings: GatewaySettings, telemetry: Telemetry, *, create: bool
) -> Running:
    """Return a gateway that serves; see the README for what it needs.

    Raises:
        SettingsError, AgreementError, LogError: It cannot.
    """
    clock, entropy = SystemClock(), SystemEntropy()
    loop = asyncio.get_running_loop()
    fatal: asyncio.Future[LogError] = loop.create_future()

    def dies(error: LogError) -> None:
        loop.call_soon_threadsafe(_set_once, fatal, error)

    found = tables(path, settings)
    keys = KeyFolder(beside(path, settings.keys.folder), entropy, beside(path, settings.keys.kek))
    database = beside(path, settings.log.database)
    library = FolderLibrary(
        beside(path, settings.agreements.folder),
        database.parent / "library.json",
        frozenset(found),
    )
    loaded = library.look(clock.now())
    if loaded.agreements is None:
        lines = [one.text() for one in loaded.findings]
        raise AgreementError("no good set of agreements", findings=lines)
    log = open_log(
        Place(
            database,
            beside(path, settings.log.held),
            BUILD,
            _digest(path),
            settings.gateway.replica,
        ),
        signer=Signer.from_seed(settings.log.origin, keys.signing_seed()),
        keys=keys,
        clock=clock,
        entropy=entropy,
        fatal=dies,
        create=create,
    )
    await _swap(library, log, loaded)
    sources = Sources(
        {
            agency: RemoteSource(
                one.address,
                tls_files(path, settings.tls.certificate, settings.tls.key, settings.tls.ca),
                san=one.san,
            )
            for agency, one in settings.adapters.items()
        }
    )
    engine = PlanEngine(keys.subject, lambda: clock.now().year, settings.limits.engine_threads)
    ports = Ports(
        library,
        StoredCounters(log.reads, _locate(library)),
        log,
        sources,
        engine,
        clock,
        entropy,
        telemetry,
    )
    broker = Broker(ports, Builder(found, keys.pseudonym), Drafts(BUILD, settings.gateway.replica))
    own = tls_files(path, settings.tls.certificate, settings.tls.key, settings.tls.ca)
    gateway = Gateway(
        Parts(
            broker,
            library,
            AuditView(log, keys.by_id),
            Identity(library.current, settings.gateway.id),
            telemetry,
            clock.now,
        ),
        Listeners(settings.listen.main, own, settings.listen.admin),
    )
    await gateway.start()
    await gateway.serving(exchange=True)
    running = Running(gateway, log, library, sources, engine, clock, fatal, [])
    running.tasks = [
        asyncio.create_task(_watch(running, settings.agreements.poll_s)),
        asyncio.create_task(_health(running)),
    ]
    return running


def _set_once(fatal: asyncio.Future[LogError], error: LogError) -> None:
    if not fatal.done():
        fatal.set_result(error)


def _locate(library: FolderLibrary) -> Callable[[Request], str | None]:
    def locate(request: Request) -> str | None:
        terms = request.terms
        key = FlowKey(terms.provider, terms.recipient, str(terms.dataset), terms.purpose)
        rules = library.current().flows.get(key, ())
        return rules[0].ref if rules else None

    return locate


async def _swap(library: FolderLibrary, log: SqliteLog, loaded: Loaded) -> None:
    """Write the change of agreements to the log, then put it in force."""
    if loaded.agreements is not None:
        meta = {
            "agreements": [
                [i, version, b64(digest), state] for i, version, digest, state in loaded.states
            ],
            "floor_sha256": b64(loaded.agreements.floor.digest),
        }
        await log.note(Draft("agreement", None, 0, None, "p", meta))
    library.swap(loaded)


async def _watch(running: Running, poll_s: float) -> None:
    """Look at the officers' folder, and put what changed in force within one look."""
    while True:
        await asyncio.sleep(poll_s)
        if running.library.changed():
            loaded = await asyncio.to_thread(running.library.look, running.clock.now())
            await _swap(running.library, running.log, loaded)


async def _health(running: Running) -> None:
    while True:
        await running.gateway.serving(exchange=running.log.healthy)
        await asyncio.sleep(HEALTH_S)
