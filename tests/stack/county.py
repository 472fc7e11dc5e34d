"""A whole county in one process: a gateway, its adapters and its clients, over mTLS on loopback.

Everything that `accord init` writes and `accord serve` starts is the real thing; only ports are
asked of the system, and everything runs on one event loop in a thread, so that a test is plain
calls. All people are synthetic.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import json
import sqlite3
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo

import grpc.aio
import pyarrow as pa
import pyarrow.ipc

from adapters.serve import Listening, Server
from gateway.audit.checkpoint import Verifier
from gateway.audit.entry import parse_leaf
from gateway.audit.verify import NOTES, Tally, verify
from gateway.auditor.folder import FolderReader, read_openings
from gateway.cli.adapter import load
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.compose import Running, start
from gateway.cli.county.write import County as Records
from gateway.cli.county.write import write_county
from gateway.cli.deploy.county import COUNTY
from gateway.cli.deploy.sign import sign_all
from gateway.cli.deploy.write import Ports, write_deployment
from gateway.cli.keyring import open_keys
from gateway.cli.token import bearer
from gateway.remote.client import Client
from gateway.settings import adapter_settings, beside, client_settings, gateway_settings
from gateway.store.export import export
from gateway.store.reads import Reads
from gateway.telemetry import Telemetry
from gateway.v1 import adapter_pb2_grpc
from gateway.values import Caller, DatasetId, Form, Request, Terms
from gateway.wire.tls import TlsFiles, server_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
    from pathlib import Path

    from adapters.base import Adapter
    from gateway.audit.fault import Finding
    from gateway.keys.folder import KeyFolder
    from gateway.ports import Clock
    from gateway.remote.arriving import Progress
    from gateway.settings import ClientSettings, ClientToken
    from gateway.values import Chunk, Condition, Header, Receipt

T = TypeVar("T")

EMS: Final = "rivertown-ems"
PD: Final = "rivertown-pd"
PHD: Final = "rivertown-health"
HRO: Final = "safe-steps"
ORIGIN: Final = "demo.invalid/stack"
GATEWAY: Final = "gateway.county.example"
AGREEMENT: Final = "county-overdose-response"
WAIT_S: Final = 60.0


class Loop:
    """An event loop in a thread; `run` carries a coroutine out there and returns its result."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout_s: float = WAIT_S) -> T:
        """Return what the coroutine returns, or raise what it raises."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_s)

    def close(self) -> None:
        """End the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()


@dataclass(frozen=True)
class Got:
    """What one exchange brought, verified by the client."""

    header: Header
    chunks: tuple[Chunk, ...]
    receipt: Receipt

    @property
    def bodies(self) -> tuple[object, ...]:
        """What every chunk carried: its bytes, or its rows."""
        return tuple(chunk.arrow if chunk.rows is None else chunk.rows for chunk in self.chunks)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every row by column name, whatever the form."""
        names = [column.name for column in self.header.columns]
        found: list[dict[str, Any]] = []
        for chunk in self.chunks:
            if chunk.rows is not None:
                found += [dict(zip(names, row, strict=True)) for row in chunk.rows]
            else:
                assert chunk.arrow is not None
                found += pa.ipc.open_stream(chunk.arrow).read_all().to_pylist()
        return found


@dataclass
class Town:
    """A county on its feet.

    Attributes:
        folder: All that `accord init` writes, `county/` with the systems of record included.
        records: What was written there.
        loop: Where everything runs.
    """

    folder: Path
    records: Records | None
    loop: Loop
    running: Running
    servers: Mapping[str, Server | Endpoint]
    ports: Mapping[str, int]
    telemetry: Telemetry
    clients: list[Client] = field(default_factory=list)

    # --- asking ---

    @property
    def vkey(self) -> str:
        """The exchange log's key."""
        return (self.folder / "log.vkey").read_text().strip()

    @property
    def port(self) -> int:
        """The gateway's main port."""
        return self.running.gateway.port

    def settings_of(self, agency: str) -> tuple[Path, ClientSettings]:
        """Return an agency's `client.toml`, and what it says."""
        path = self.folder / "agencies" / agency / "client.toml"
        return path, client_settings(path)

    def tls(self, agency: str) -> TlsFiles:
        """Return an agency's client certificate."""
        path, settings = self.settings_of(agency)
        tls = settings.tls
        return TlsFiles(beside(path, tls.certificate), beside(path, tls.key), beside(path, tls.ca))

    def token(self, agency: str, **changed: Any) -> str:  # noqa: ANN401 - parts of the settings
        """Return a token for an agency's person; `changed` replaces parts of its `[token]`."""
        path, settings = self.settings_of(agency)
        token: ClientToken | None = settings.token
        assert token is not None
        settings = settings.model_copy(update={"token": token.model_copy(update=changed)})
        return bearer(path, settings, now())

    def client(self, agency: str, token: Callable[[], str] | None = None) -> Client:
        """Return a new client of an agency; the county closes it."""
        made = Client(
            f"127.0.0.1:{self.port}",
            self.tls(agency),
            self.vkey,
            server_name=GATEWAY,
            token=token if token is not None else lambda: self.token(agency),
            # No gateway here is starting again while it is asked.
            pause_s=0.01,
        )
        self.clients.append(made)
        return made

    def ask(self, request: Request, *, client: Client | None = None, **more: Any) -> Got:  # noqa: ANN401
        """Carry a request out for its recipient, and return what came."""
        one = client or self.client(request.terms.recipient)
        return self.loop.run(collect(one, request, **more))

    def explain(self, request: Request, agency: str = "") -> Any:  # noqa: ANN401
        """Return what would be decided."""
        return self.loop.run(self.client(agency or request.terms.recipient).explain(request))

    # --- looking ---

    @property
    def database(self) -> Path:
        """The exchange log's database."""
        return self.folder / "data" / "exchange-log.sqlite"

    def entries(self) -> list[tuple[int, str, dict[str, Any]]]:
        """Return every entry of the log, opened with the gateway's own keys: index, kind, meta."""
        return [(index, kind, meta) for index, kind, meta, _ in self.entries_of()]

    def entries_of(self, exchange: str = "") -> list[tuple[int, str, dict[str, Any], str]]:
        """Return the entries of one exchange, or of all, with the exchange's id last."""
        reads = self.running.log.reads
        ((size,),) = reads.rows("SELECT count(*) FROM log_entry")
        found = []
        for one in reads.opened(0, int(size), self.keys().by_id):
            leaf = parse_leaf(one.leaf)
            meta = json.loads(one.meta) if one.meta else {}
            found.append((one.index, leaf.kind, meta, leaf.exchange_id or ""))
        return [one for one in found if exchange in {"", one[3]}]

    def entry(self, index: int) -> tuple[str, dict[str, Any]]:
        """Return kind and meta of one entry."""
        kind, meta = next((kind, meta) for at, kind, meta in self.entries() if at == index)
        return kind, meta

    def outcome(self, exchange: str) -> dict[str, Any]:
        """Return the outcome of an exchange, once it is there: it is queued when a call ends."""
        for _ in range(200):
            found = [meta for _, kind, meta, _ in self.entries_of(exchange) if kind == "outcome"]
            if found:
                return found[0]
            time.sleep(0.05)
        raise AssertionError("the exchange has no outcome")

    def keys(self) -> KeyFolder:
        """Return the gateway's own keys."""
        path = self.folder / "gateway.toml"
        settings = gateway_settings(path)
        return open_keys(path, settings, SystemEntropy())

    def audit(self, folder: Path) -> list[Finding]:
        """Export the log into a folder, and return what its verification finds, notes left out."""
        return audit(self.database, folder, self.vkey)

    # --- changing ---

    def file(self, name: str = f"{AGREEMENT}.yaml") -> Path:
        """Return a file of the officers' folder."""
        return self.folder / "agreements" / name

    def stop(self) -> None:
        """End clients, gateway and adapters."""
        self.loop.run(self._stop())

    async def _stop(self) -> None:
        for client in self.clients:
            await client.close()
        await self.running.stop(0.1)
        for server in self.servers.values():
            await server.stop(0.1)


def audit(database: Path, folder: Path, vkey: str) -> list[Finding]:
    """Export a log as it lies in its database, and return what its verification finds."""
    reads = Reads(database)
    try:
        (found,) = reads.rows("SELECT note, size FROM log_signed")
        export(reads, str(found[0]), int(found[1]), folder)
    finally:
        reads.close()
    openings = folder / "openings.jsonl"
    tally = Tally()
    findings = verify(
        FolderReader(folder),
        [Verifier.from_vkey(vkey)],
        openings=read_openings(openings) if openings.exists() else None,
        tally=tally,
    )
    return [one for one in findings if one.code not in NOTES]


def now() -> dt.datetime:
    """Return this instant: a gateway in force cannot be given another."""
    return SystemClock().now()


def closed(back: int = 0) -> dt.date:
    """Return the first day of the newest month that has ended 15 days ago, or of one before it."""
    local = now().astimezone(ZoneInfo("America/New_York")).date()
    start = local.replace(day=1)
    for _ in range(back + (1 if local.day >= 16 else 2)):
        start = (start - dt.timedelta(days=1)).replace(day=1)
    return start


async def collect(
    client: Client, request: Request, progress: Progress | None = None, timeout_s: float = 30.0
) -> Got:
    """Return all that one exchange brings."""
    header, receipt, chunks = None, None, []
    async for message in client.exchange(request, progress, timeout_s=timeout_s):
        header = message.header or header
        receipt = message.receipt or receipt
        if message.chunk is not None:
            chunks.append(message.chunk)
    assert header is not None
    assert receipt is not None
    return Got(header, tuple(chunks), receipt)


def request(
    provider: str,
    recipient: str,
    dataset: str,
    purpose: str,
    fields: Sequence[str] | str,
    *,
    where: Sequence[Condition] = (),
    form: Form = Form.ROWS,
    request_id: str = "",
) -> Request:
    """Return a request; `fields` may be names with blanks between them."""
    named = DatasetId.parse(dataset)
    assert named is not None
    names = tuple(fields.split()) if isinstance(fields, str) else tuple(fields)
    terms = Terms(provider, recipient, named, purpose, names, tuple(where))
    return Request(request_id or new_id(), terms, Caller(recipient, bytes(32)), form)


def new_id() -> str:
    """Return a new request id."""
    return str(uuid.uuid4())  # noqa: TID251 - every request its own


# --- bringing it up -------------------------------------------------------------------------------


def write(folder: Path, edit: Callable[[str], str] | None = None) -> Path:
    """Write a deployment on free ports; `edit` changes the agreement before it is signed."""
    clock = SystemClock()
    ports = Ports(0, 0, {member.id: 0 for member in COUNTY})
    write_deployment(folder, clock=clock, entropy=SystemEntropy(), origin=ORIGIN, ports=ports)
    if edit is not None:
        file = folder / "agreements" / f"{AGREEMENT}.yaml"
        before = file.read_text()
        after = edit(before)
        assert before != after, "the edit changed nothing"
        file.write_text(after)
        sign_all(folder, clock.now())
    return folder


def generous(text: str) -> str:
    """Return the agreement with room for a test's many requests; nothing else of it changes."""
    return text.replace("requests_per_minute: 6,", "requests_per_minute: 600,").replace(
        "requests_per_minute: 30,", "requests_per_minute: 600,"
    )


@contextmanager
def town(
    folder: Path,
    *,
    edit: Callable[[str], str] | None = generous,
    adapters: Mapping[str, Adapter | adapter_pb2_grpc.AdapterServiceServicer] | None = None,
    telemetry: Telemetry | None = None,
    clock: Clock | None = None,
) -> Iterator[Town]:
    """Bring a county up in a new folder, and down again.

    Args:
        folder: Absent or empty.
        edit: Changes the agreement before it is signed.
        adapters: In place of the agencies' own: without files of theirs, and of any behaviour.
        telemetry: In place of none.
        clock: The gateway's, in place of the system's; tokens live by the system's all the same.
    """
    write(folder, edit)
    own = adapters or {}
    records = None
    if not own:
        records = write_county(folder / "county", seed=20, now=now())
    loop = Loop()
    made: list[Town] = []
    try:
        made.append(bring_up(folder, records, loop, own, telemetry or Telemetry(), clock))
        yield made[0]
    finally:
        for one in made:
            one.stop()
        loop.close()


def bring_up(
    folder: Path,
    records: Records | None,
    loop: Loop,
    own: Mapping[str, Adapter | adapter_pb2_grpc.AdapterServiceServicer],
    telemetry: Telemetry,
    clock: Clock | None = None,
) -> Town:
    """Return a county on its feet, of what was written in a folder; see `town`."""
    agencies = [member.id for member in COUNTY if not own or member.id in own]
    servers = {agency: loop.run(_adapter(folder, agency, own.get(agency))) for agency in agencies}
    ports = {agency: server.port for agency, server in servers.items()}
    try:
        running = loop.run(gateway(folder, ports, telemetry, create=True, clock=clock))
    except BaseException:
        for server in servers.values():
            loop.run(server.stop(0))
        raise
    return Town(folder, records, loop, running, servers, ports, telemetry)


async def gateway(
    folder: Path,
    ports: Mapping[str, int],
    telemetry: Telemetry,
    *,
    create: bool,
    clock: Clock | None = None,
) -> Running:
    """Return a gateway over the adapters that listen on these ports."""
    path = folder / "gateway.toml"
    settings = gateway_settings(path)
    adapters = {
        agency: one.model_copy(update={"address": f"127.0.0.1:{ports[agency]}"})
        for agency, one in settings.adapters.items()
        if agency in ports
    }
    settings = settings.model_copy(update={"adapters": adapters})
    return await start(path, settings, telemetry, create=create, clock=clock)


class Endpoint:
    """An adapter that is no adapter of ours: any servicer behind the agency's own certificate."""

    def __init__(self, servicer: object, files: TlsFiles) -> None:
        self.port = 0
        self._server = grpc.aio.server()
        adapter_pb2_grpc.add_AdapterServiceServicer_to_server(servicer, self._server)
        self.port = self._server.add_secure_port("127.0.0.1:0", server_credentials(files))

    async def start(self) -> None:
        """Serve."""
        await self._server.start()

    async def stop(self, grace_s: float | None) -> None:
        """Stop, at once where there is no grace."""
        await self._server.stop(grace_s)


async def _adapter(folder: Path, agency: str, own: Any) -> Server | Endpoint:  # noqa: ANN401
    path = folder / "agencies" / agency / "adapter.toml"
    settings = adapter_settings(path)
    tls = settings.tls
    files = TlsFiles(beside(path, tls.certificate), beside(path, tls.key), beside(path, tls.ca))
    if isinstance(own, adapter_pb2_grpc.AdapterServiceServicer):
        endpoint = Endpoint(own, files)
        await endpoint.start()
        return endpoint
    made = own if own is not None else load(settings.adapter.kind)(settings.source, path.parent)
    gateways = frozenset(settings.listen.gateway_san)
    server = Server(
        made,
        Listening(settings.listen.address, files, gateways),
        # Canaries stand in every field: with the scan not one record would reach the gateway.
        unsafe_unscanned=getattr(made, "unscanned", False),
    )
    await server.start()
    return server


def integrity(database: Path) -> str:
    """Return what SQLite says of a database file: `ok`."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return str(connection.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        connection.close()


def with_terms(asked: Request, **changed: Any) -> Request:  # noqa: ANN401 - parts of Terms
    """Return a request of its own id with other terms."""
    terms = dataclasses.replace(asked.terms, **changed)
    return dataclasses.replace(asked, request_id=new_id(), terms=terms)
