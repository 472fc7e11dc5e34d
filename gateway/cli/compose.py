"""The composition root: every part of a gateway, made once and wired together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.broker.drafts import Drafts
from gateway.broker.exchange import Broker, Ports
from gateway.cli import noise
from gateway.cli.accounting.accounts import Accounts
from gateway.cli.audit_view import AuditView
from gateway.cli.certificate import identity
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.daily import daily, forget, overdue
from gateway.cli.keyring import open_keys, register_key, signers
from gateway.cli.place import database, place, state
from gateway.cli.standings.register import Register
from gateway.cli.standings.view import Standings
from gateway.cli.streams import OpenStreams
from gateway.cli.tables import known, tables
from gateway.cli.turning import follow
from gateway.cli.unwitnessed import tell_witnesses
from gateway.cli.version import BUILD
from gateway.cli.watch import put_in_force, watch
from gateway.engine.run import PlanEngine
from gateway.errors import AgreementError, Reason, SourceError
from gateway.library.folder import FolderLibrary
from gateway.library.memory import must_exist
from gateway.plan.build import Builder
from gateway.remote.source import RemoteSource
from gateway.rpc.auth import Identity
from gateway.rpc.limits import Admission
from gateway.rpc.server import Gateway, Listeners, Parts
from gateway.settings import beside
from gateway.store import connect
from gateway.store.consents import StoredConsent
from gateway.store.counters import StoredCounters
from gateway.store.duties import StoredDuties
from gateway.store.start import open_log
from gateway.store.stood import stood
from gateway.store.vault import StoredVault

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    import pyarrow as pa

    from gateway.audit.stood import Stood
    from gateway.errors import LogError
    from gateway.keys.folder import KeyFolder
    from gateway.library.folder import Loaded
    from gateway.plan.pushdown import Scan
    from gateway.plan.reference import Table
    from gateway.ports import Clock
    from gateway.settings import GatewaySettings
    from gateway.store.log import StoredLog
    from gateway.telemetry import Telemetry
    from gateway.values import Request
    from gateway.wire.tls import TlsFiles

HEALTH_S = 1.0
MEMORY = "library.json"
"""What the library must not forget, beside the exchange log's database."""
VAULT = "vault.sqlite"
"""The tokens of pseudonyms, beside it too."""


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


@dataclass(slots=True)
class Running:
    """A gateway on its feet.

    Attributes:
        fatal: Set when the process must end, with the error that says why.
    """

    gateway: Gateway
    log: StoredLog
    vault: StoredVault
    library: FolderLibrary
    sources: Sources
    engine: PlanEngine
    clock: Clock
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
        self.vault.close()
        await self.log.close()


async def start(
    path: Path,
    settings: GatewaySettings,
    telemetry: Telemetry,
    *,
    create: bool,
    clock: Clock | None = None,
) -> Running:
    """Return a gateway that serves; see the README for what it needs.

    Args:
        path: Of its settings; what they name lies beside it.
        settings: What it says.
        telemetry: Where stages and counts go.
        create: Make a new exchange log where there is none.
        clock: The system's, but in tests of what ends at a midnight.

    Raises:
        SettingsError, AgreementError, LogError: It cannot; nothing is left open.
    """
    loop = asyncio.get_running_loop()
    fatal: asyncio.Future[LogError] = loop.create_future()

    def dies(error: LogError) -> None:
        loop.call_soon_threadsafe(_set_once, fatal, error)

    clock = clock or SystemClock()
    own = identity(path, settings.tls, clock.now())
    found = tables(path, settings)
    named = known(found) | noise.able()
    library, loaded = _library(path, settings, named, clock.now(), create=create)
    entropy = SystemEntropy()
    keys = open_keys(path, settings, entropy)
    log = _log(path, settings, keys, clock, dies, create=create)
    vault = None
    try:
        # Without a key of it nothing was ever drawn: then, and only then, one may be made.
        where = database(path, settings)
        held = where if isinstance(where, str) else state(path, settings) / VAULT
        vault = StoredVault(held, entropy, create=not keys.vaulted())
        # What the memory has lost is in the log: an old file put back revives nothing.
        if library.anchor(await asyncio.to_thread(_stood, log, keys)):
            loaded = library.look(clock.now())
        await put_in_force(library, log, loaded)
        await forget(log, clock)
        consent = StoredConsent(log, register_key(keys))
        inner = Inner(clock, library, log, vault, consent, keys, found, telemetry, fatal, own)
        return await _serve(settings, inner)
    except BaseException:
        if vault is not None:
            vault.close()
        await log.close()
        raise


def _library(
    path: Path,
    settings: GatewaySettings,
    tables: frozenset[str],
    now: dt.datetime,
    *,
    create: bool,
) -> tuple[FolderLibrary, Loaded]:
    """Return the library and its first look, which is not in force yet.

    Raises:
        SettingsError: What must not be forgotten is gone or cannot be read.
        AgreementError: There is no good set.
    """
    memory = state(path, settings) / MEMORY
    must_exist(memory, made=connect.exists(database(path, settings)), create=create)
    library = FolderLibrary(beside(path, settings.agreements.folder), memory, tables)
    loaded = library.look(now)
    if loaded.agreements is None:
        lines = [one.text() for one in loaded.findings]
        raise AgreementError("no good set of agreements", findings=lines)
    return library, loaded


def _stood(log: StoredLog, keys: KeyFolder) -> list[Stood]:
    return list(stood(log.reads, keys.by_id))


def _log(
    path: Path,
    settings: GatewaySettings,
    keys: KeyFolder,
    clock: Clock,
    fatal: Callable[[LogError], None],
    *,
    create: bool,
) -> StoredLog:
    return open_log(
        place(path, settings),
        signer=signers(settings.log.origin, keys, clock.now()),
        keys=keys,
        clock=clock,
        entropy=SystemEntropy(),
        fatal=fatal,
        create=create,
    )


@dataclass(frozen=True, slots=True)
class Inner:
    """What a gateway is built over, agreements in force and log open."""

    clock: Clock
    library: FolderLibrary
    log: StoredLog
    vault: StoredVault
    consent: StoredConsent
    keys: KeyFolder
    tables: Mapping[str, Table]
    telemetry: Telemetry
    fatal: asyncio.Future[LogError]
    own: TlsFiles


async def _serve(settings: GatewaySettings, inner: Inner) -> Running:
    clock, library, log, keys = inner.clock, inner.library, inner.log, inner.keys
    own = inner.own
    sources = Sources(
        {
            agency: RemoteSource(one.address, own, san=one.san)
            for agency, one in settings.adapters.items()
        }
    )
    threads = settings.limits.engine_threads
    engine = PlanEngine(
        keys.subject, lambda: clock.now().year, threads, inner.vault, noise.source()
    )
    duties = StoredDuties(log)
    others = settings.gateway.replica if log.shared else ""
    counters = StoredCounters(log.reads, _locate(library), duties.late, others)
    entropy, telemetry, streams = SystemEntropy(), inner.telemetry, OpenStreams()
    ports = Ports(
        library,
        counters,
        log,
        sources,
        engine,
        clock,
        entropy,
        telemetry,
        streams,
        inner.consent,
    )
    drafts = Drafts(BUILD, settings.gateway.replica)
    parts = Parts(
        Broker(ports, Builder(inner.tables, keys.pseudonym), drafts),
        library,
        AuditView(log, keys.by_id, Accounts(log, keys, clock), library.current, clock),
        Identity(library.current, settings.gateway.id),
        telemetry,
        clock.now,
        Standings(Register(log, inner.consent, keys, clock), duties, clock, library.current),
    )
    limits = settings.limits
    admission = Admission(calls=limits.calls, calls_an_agency=limits.calls_per_agency)
    gateway = Gateway(parts, Listeners(settings.listen.main, own, settings.listen.admin), admission)
    running = Running(gateway, log, inner.vault, library, sources, engine, clock, inner.fatal, [])
    try:
        await gateway.start()
        await gateway.serving(exchange=True)
    except BaseException:
        await sources.close()
        engine.close()
        raise

    def dies(error: LogError) -> None:
        _set_once(inner.fatal, error)

    running.tasks = [
        asyncio.create_task(watch(library, log, clock, settings.agreements.poll_s, dies)),
        asyncio.create_task(streams.watch(settings.agreements.poll_s)),
        asyncio.create_task(daily(log, clock)),
        asyncio.create_task(overdue(duties, clock)),
        asyncio.create_task(follow(keys, log, settings.log.origin, clock)),
        asyncio.create_task(tell_witnesses(log, HEALTH_S)),
        asyncio.create_task(_health(running)),
    ]
    return running


def _set_once(fatal: asyncio.Future[LogError], error: LogError) -> None:
    if not fatal.done():
        fatal.set_result(error)


def _locate(library: FolderLibrary) -> Callable[[Request], tuple[str, str] | None]:
    def locate(request: Request) -> tuple[str, str] | None:
        rules = library.current().rules_of(request.terms)
        return (rules[0].ref, rules[0].cut) if rules else None

    return locate


async def _health(running: Running) -> None:
    while True:
        await running.gateway.serving(
            exchange=running.log.healthy, agreements=running.library.healthy
        )
        await asyncio.sleep(HEALTH_S)
