# ruff: noqa: ANN401, D103 - twins and helpers of tests
"""Twins of what stands behind the wire: a registry, a broker, a log and a book, all in memory."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from gateway.agreement.registry import Agency, TokenIssuer
from gateway.agreement.spans import duration
from gateway.audit.merkle import consistency_proof
from gateway.errors import LogError, NotFoundError, Reason, RefusedError
from gateway.ports import Logged, Message
from gateway.rpc.audit import Opened
from gateway.rpc.auth import Identity
from gateway.rpc.disclosures import Listed
from gateway.rpc.server import Gateway, Listeners, Parts
from gateway.values import (
    AgencyKind,
    Chunk,
    Column,
    DatasetId,
    FieldClass,
    FieldType,
    Form,
    Header,
    Receipt,
    Request,
    Terms,
)
from gateway.wire.arrow import Layout
from gateway.wire.convert.exchange import Explanation
from gateway.wire.standing import Owing, Said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from gateway.broker.subjects import Person
    from gateway.ports import Send
    from gateway.rpc.disclosures import Asked
    from gateway.values import Caller
    from gateway.wire.call import Call
    from tests.rpc.tls import Cert

EXCHANGE_ID = "0197b2c4-0000-7000-8000-000000000001"
REQUEST_ID = "0197b2c4-0000-7000-8000-0000000000aa"
DIGEST = b"\x01" * 32
TERMS = Terms(
    "synthetic-ems", "synthetic-phd", DatasetId("ems.overdose_run", 1),
    "public_health.surveillance", ("county", "age"),
)  # fmt: skip


def agency(
    name: str, *, san: Sequence[str] = (), tokens: TokenIssuer | None = None,
    denied: Sequence[bytes] = (), kind: AgencyKind = AgencyKind.PUBLIC_HEALTH,
) -> Agency:  # fmt: skip
    year = duration("P1Y")
    assert year is not None
    return Agency(
        id=name, name=name, kind=kind, hipaa="none", part2="none",
        san=tuple(san) or (f"{name}.test",),
        adapter_san=(), address="1 Synthetic Street", signatures=1, attested_at=dt.date(2026, 1, 1),
        attested_for=year, tokens=tokens, signing_keys=(), denied=frozenset(denied),
    )  # fmt: skip


@dataclass
class Registry:
    """The agreements in force, as far as identity sees them."""

    agencies: dict[str, Agency] = field(default_factory=dict)
    generation: int = 1

    @property
    def registry(self) -> Registry:
        """Itself: it has the agencies."""
        return self

    def swap(self, *agencies: Agency) -> None:
        """Put other agencies in force."""
        self.agencies = {one.id: one for one in agencies}
        self.generation += 1


class MemoryLog:
    """A log that keeps a note and what it was asked."""

    def __init__(self) -> None:
        self.note = "synthetic.test/log\n1\nAAAA\n\n— synthetic.test/log AAAA\n"
        self.compared: list[str] = []
        self.asked: list[Asked] = []
        self.contradicts = ""
        self.used: dict[bytes, int] = {}
        self.leaves: list[bytes] = []

    def newest(self) -> str:
        """Return the note."""
        return self.note

    def compare(self, note: str) -> None:
        """Remember the note; raise where it is the one that contradicts."""
        self.compared.append(note)
        if note == self.contradicts:
            raise LogError("a caller holds a checkpoint that this log contradicts")

    async def tile(self, path: str) -> bytes:
        """Return one tile."""
        if path != "tile/0/000":
            raise NotFoundError(Reason.NOT_FOUND, "no such tile")
        return b"\x02" * 8192

    async def entries(self, start: int, count: int) -> Sequence[Opened]:
        """Return entries of 400 KiB, so that a page is full after two."""
        return [Opened(start + i, b"l" * 400 * 1024) for i in range(min(count, 5))]

    async def opened(self, start: int, count: int, caller: Caller) -> Sequence[Opened]:
        """Return an opened entry."""
        return [Opened(start, b"leaf", caller.agency.encode(), b"s" * 32)]

    async def inclusion(self, index: int, size: int) -> str:
        """Return a proof."""
        if index > 10:
            raise NotFoundError(Reason.INDEX_BEYOND_LOG, "the log has no such entry")
        return f"proof {index} {size}"

    async def first_use(self, token: bytes, until: int) -> bool:
        """Remember what was used."""
        before, self.used = dict(self.used), self.used | {token: until}
        return token not in before

    async def disclosures(self, asked: Asked, caller: Caller) -> Listed:
        """Return nothing, and remember what was asked for."""
        self.asked.append(asked)
        return Listed((), more=False, withheld=2)

    async def consistency(self, old: int, new: int) -> tuple[Sequence[bytes], str]:
        """Return two hashes, or the proof over the leaves that it was given; and the note."""
        proof = [b"\x03" * 32, b"\x04" * 32]
        if self.leaves:
            tile = b"".join(self.leaves)
            proof = consistency_proof(old, new, lambda _level, _index: tile)
        return proof, f"{old} {new} {self.note}"


class NoBook:
    """A book without agreements."""

    def current(self) -> Any:
        """Return nothing in force."""
        return type("None", (), {"pacts": (), "datasets": {}})()

    def files(self, pact: object) -> tuple[bytes, bytes]:
        """Return nothing."""
        return b"", b""


class MemoryStandings:
    """Words and duties, as the service is given them."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.owed: list[Owing] = []
        self.heard: list[tuple[object, ...]] = []

    async def record(
        self, people: tuple[Person, ...], word: tuple[str, bool], document: str, caller: Caller
    ) -> int:
        """Keep a word."""
        self.heard.append((people, word, document, caller.agency))
        self.said.append(Said(len(self.said), *word))
        return len(self.said) - 1

    async def words(self, people: tuple[Person, ...], caller: Caller) -> Sequence[Said]:
        """Return every word."""
        self.heard.append((people, caller.agency))
        return self.said

    async def duties(self, caller: Caller) -> Sequence[Owing]:
        """Return every duty."""
        return self.owed

    async def attest(self, exchange_id: str, duty: str, caller: Caller) -> int:
        """Take that a duty was done."""
        self.heard.append((exchange_id, duty, caller.agency))
        return 0


@dataclass
class Broker:
    """A broker whose exchanges are scripted: `script` gets (request, send) and may do anything."""

    script: Callable[[Request, Send], Any] | None = None
    ended: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    explain_error: BaseException | None = None

    async def exchange(self, request: Request, send: Send, *, deadline_s: float) -> None:
        """Run the script, and write down how it ended."""
        self.requests.append(request)
        assert 0 < deadline_s <= 15 * 60
        try:
            await (self.script or small)(request, send)
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        except BaseException as error:
            self.ended.append(type(error).__name__)
            raise
        else:
            self.ended.append("complete")

    def explain(self, request: Request) -> Explanation:
        """Return a permit."""
        if self.explain_error is not None:
            raise self.explain_error
        return Explanation(header=a_header(), reads=("county",), withheld=("name",), plan="{}")


def a_header() -> Header:
    """Return a header of two columns."""
    columns = (
        Column("county", FieldType.STRING, FieldClass.QUASI_IDENTIFIER),
        Column("age", FieldType.INTEGER, FieldClass.QUASI_IDENTIFIER),
    )
    return Header(EXCHANGE_ID, "synthetic@1.0.0", DIGEST, "p1", "§ 1", DIGEST, columns, ())


def a_chunk(offset: int = 0, rows: int = 1, size: int = 0) -> Chunk:
    """Return a chunk of Arrow bytes, padded to `size`."""
    import pyarrow as pa  # noqa: PLC0415 - heavy

    batch = pa.record_batch(
        {"county": pa.array(["x" * size] * rows, pa.large_utf8()), "age": pa.array([1] * rows)}
    )
    data = Layout(batch.schema).encode(batch)
    return Chunk(offset, rows, sha256(data).digest(), arrow=data)


def a_receipt(rows: int = 1) -> Receipt:
    """Return a receipt that proves nothing."""
    return Receipt(EXCHANGE_ID, rows, 7, b"leaf", b"meta", b"s" * 32, "proof")


async def small(request: Request, send: Send) -> None:
    """Send a small exchange: one message with header, chunk and receipt."""
    del request
    logged = Logged(EXCHANGE_ID, 0, 7)
    await send(Message(a_header(), a_chunk(), logged, a_receipt()))


async def refuse(request: Request, send: Send) -> None:
    """Refuse, as the broker does once the refusal is in the log."""
    del request, send
    raise RefusedError(
        Reason.NO_PROVISION, "no provision covers the flow", step=4, clause="§ 4", index=9,
        agreement="synthetic@1.0.0", provision="p1", exchange_id=EXCHANGE_ID, retry_after_s=1.5,
    )  # fmt: skip


@dataclass
class Measured:
    """Keeps what the chain reports."""

    calls: list[tuple[str, str, str, str]] = field(default_factory=list)

    def closed(self, call: Call, code: str, reason: str, seconds: float) -> None:
        """Keep method, code, reason and caller."""
        assert seconds >= 0
        self.calls.append((call.method.rsplit("/", 1)[1], code, reason, call.caller.agency))


@dataclass
class House:
    """A running gateway over twins."""

    gateway: Gateway
    broker: Broker
    log: MemoryLog
    registry: Registry
    measured: Measured
    parts: Parts

    @property
    def target(self) -> str:
        """Where it listens."""
        return f"localhost:{self.gateway.port}"


@contextlib.asynccontextmanager
async def a_house(
    server: Cert,
    *agencies: Agency,
    admin: bool = False,
    clock: Mapping[str, Callable[[], float]] | None = None,
    **listening: Any,
) -> AsyncIterator[House]:
    """Run a gateway on a free port."""
    registry = Registry()
    registry.swap(*agencies)
    broker, log, measured = Broker(), MemoryLog(), Measured()
    identity = Identity(lambda: registry, "synthetic-gateway", **(clock or {}))
    parts = Parts(
        broker,
        NoBook(),
        log,
        identity,
        measured,
        lambda: dt.datetime(2026, 6, 1, tzinfo=dt.UTC),
        MemoryStandings(),
    )
    listeners = Listeners(
        "localhost:0", server.files, admin="localhost:0" if admin else "", **listening
    )
    gateway = Gateway(parts, listeners)
    await gateway.start()
    await gateway.serving(exchange=True)
    try:
        yield House(gateway, broker, log, registry, measured, parts)
    finally:
        await gateway.stop(0)


def a_request(form: Form = Form.ARROW) -> Request:
    """Return the request that most tests send."""
    return Request(REQUEST_ID, TERMS, None, form)  # type: ignore[arg-type]
