"""In-memory twins of every port of `gateway.ports`, which break on demand and tell what they heard.

All twins of one test share a `World`: its journal has what happened in order, and each place where
a real port would wait is a *turn*, at which a test may cancel the caller, change the world, or make
the port fail.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from gateway.agreement.budget import SPENT, Holding, overspends
from gateway.audit.entry import check_draft, meta_bytes
from gateway.audit.fault import AuditError
from gateway.decide import Standing
from gateway.errors import (
    AgreementError,
    BusyError,
    ConflictError,
    LogError,
    Reason,
    RefusedError,
    ReleaseError,
    SourceError,
)
from gateway.plan.pushdown import admits, arrow_schema
from gateway.ports import ATTEMPTS_MAX, Attempt, Logged, source_of, spent_of
from gateway.values import Receipt

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from gateway.agreement.index import Agreements
    from gateway.audit.entry import Draft
    from gateway.plan.noise import Noise
    from gateway.plan.pushdown import Scan
    from gateway.ports import Keep, Message
    from gateway.values import Chunk, Request, Row

NOW = dt.datetime(2026, 7, 15, 12, tzinfo=dt.UTC)


class World:
    """What twins share: a journal, and the turn at which the call is cancelled.

    Args:
        cancel_at: The number of the turn at which `task` is cancelled; -1 for never.

    Attributes:
        journal: Names of turns and events, in order.
        task: The call under test; `watch` sets it.
        on_turn: Called with the name of each turn, to change the world in between.
    """

    def __init__(self, cancel_at: int = -1) -> None:
        self.journal: list[str] = []
        self.turns = 0
        self.cancel_at = cancel_at
        self.task: asyncio.Task[None] | None = None
        self.on_turn: Callable[[str], None] = lambda _name: None

    def watch(self) -> None:
        """Take the running task as the one to cancel."""
        self.task = asyncio.current_task()

    def say(self, name: str) -> None:
        """Write an event down."""
        self.journal.append(name)

    async def turn(self, name: str) -> None:
        """Let other tasks run, as a port that waits does; the call may be cancelled here."""
        self.on_turn(name)
        number, self.turns = self.turns, self.turns + 1
        if number == self.cancel_at and self.task is not None:
            self.say(f"cancelled at {name}")
            self.task.cancel()
        await asyncio.sleep(0)


class FixedClock:
    """Says the time that a test gave it; a test may move it, also back."""

    def __init__(self, now: dt.datetime = NOW) -> None:
        self.moment = now

    def now(self) -> dt.datetime:
        """Return that time."""
        return self.moment

    def move(self, **by: float) -> None:
        """Move by days, hours, seconds."""
        self.moment += dt.timedelta(**by)


class SeededEntropy:
    """Bytes that look random and are the same in each run."""

    def __init__(self, seed: str = "entropy") -> None:
        self._seed = seed
        self._count = 0

    def random(self, count: int) -> bytes:
        """Return the next bytes of the sequence."""
        self._count += 1
        return hashlib.shake_128(f"{self._seed}/{self._count}".encode()).digest(count)


class StaticLibrary:
    """One set of agreements until a test swaps it; None for none ever loaded."""

    def __init__(self, agreements: Agreements | None) -> None:
        self.agreements = agreements

    def current(self) -> Agreements:
        """Return the set."""
        if self.agreements is None:
            raise AgreementError("no agreements are loaded")
        return self.agreements


class StaticKeys:
    """Keys that are the same for the same domain and period, or year."""

    def pseudonym(self, domain: str, period: str) -> tuple[str, bytes]:
        """Return a key id and a key."""
        key = hashlib.sha256(f"{domain}|{period}".encode()).digest()
        return f"pseudonym/{key[:4].hex()}", key

    def subject(self, year: int) -> bytes:
        """Return a year's key."""
        return hashlib.sha256(f"subject|{year}".encode()).digest()


class CountedNoise:
    """Noise that a test foresees: each draw adds its own number to every count.

    Attributes:
        drawn: The counts that each draw was given, in order.
    """

    def __init__(self) -> None:
        self.drawn: list[list[int]] = []

    def add(self, counts: Sequence[int], noise: Noise) -> list[int]:
        """Return each count and 1,000 for each draw so far; see `ports.NoiseSource`."""
        self.drawn.append(list(counts))
        return [count + 1_000 * len(self.drawn) for count in counts]


class MemoryVault:
    """Tokens by scope and index, in memory.

    Attributes:
        drawn: What was drawn, by (scope, index).
        asked: What it was asked for, in order: scope and number of indexes.
        loses: Indexes that it gives no token for, as a broken vault would.
        error: What it fails with, or None.
    """

    def __init__(self, seed: str = "vault") -> None:
        self._entropy = SeededEntropy(seed)
        self.drawn: dict[tuple[str, str], str] = {}
        self.asked: list[tuple[str, int]] = []
        self.loses: Callable[[str], bool] = lambda _index: False
        self.error: Exception | None = None

    async def tokens(self, scope: str, indexes: Collection[str]) -> Mapping[str, str]:
        """Return the tokens; see `ports.Vault`."""
        self.asked.append((scope, len(indexes)))
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        for index in sorted(indexes):
            if (scope, index) not in self.drawn:
                self.drawn[scope, index] = self._entropy.random(16).hex()
        return {one: self.drawn[scope, one] for one in indexes if not self.loses(one)}


@dataclass
class Faults:
    """How a source breaks.

    Attributes:
        dies_after: Batches after which it fails with `error`; None for never.
        error: What it fails with.
        reshape: Changes each batch before it is sent: other columns, another order, another type.
        ignores_filter: Sends rows that the scan's filter removes.
    """

    dies_after: int | None = None
    error: BaseException = field(
        default_factory=lambda: SourceError(Reason.ADAPTER_UNAVAILABLE, "the adapter went away")
    )
    reshape: Callable[[pa.RecordBatch], pa.RecordBatch] = lambda batch: batch
    ignores_filter: bool = False


class MemorySource:
    """A provider's adapter over rows in memory, which honours the scan it is given.

    Args:
        rows: Records with at least the columns that are scanned.
        batch_rows: Rows in each batch, below what the scan allows.
    """

    def __init__(
        self,
        rows: Iterable[Row] = (),
        *,
        world: World | None = None,
        batch_rows: int = 8192,
        faults: Faults | None = None,
    ) -> None:
        self.rows = list(rows)
        self.world = world or World()
        self.batch_rows = batch_rows
        self.faults = faults or Faults()
        self.scans: list[Scan] = []
        self.open = 0

    async def scan(
        self, scan: Scan, *, exchange_id: str, timeout_s: float
    ) -> AsyncGenerator[pa.RecordBatch]:
        """Yield the rows that the scan asks for, in its columns, in batches."""
        self.scans.append(scan)
        self.open += 1
        try:
            for number, batch in enumerate(self._batches(scan)):
                await self.world.turn("scan")
                if self.faults.dies_after is not None and number >= self.faults.dies_after:
                    raise self.faults.error
                yield self.faults.reshape(batch)
            if self.faults.dies_after is not None:
                raise self.faults.error
            await self.world.turn("scan")
        finally:
            self.open -= 1

    def _batches(self, scan: Scan) -> Iterable[pa.RecordBatch]:
        held = self.faults.ignores_filter
        rows = [row for row in self.rows if held or admits(row, scan.where)]
        if len(rows) > scan.limit_rows:
            raise SourceError(Reason.ADAPTER_BROKE_PLAN, "more rows than `limit_rows`")
        schema = arrow_schema(scan.columns)
        step = min(self.batch_rows, scan.batch_rows)
        for start in range(0, len(rows), step):
            part = [{name: row[name] for name in scan.names} for row in rows[start : start + step]]
            yield pa.RecordBatch.from_pylist(part, schema=schema)


class MemoryCounters:
    """Standing that a test sets, or, with a log, what that log has released."""

    def __init__(
        self,
        standing: Standing | None = None,
        log: MemoryLog | None = None,
        agreements: Agreements | None = None,
    ) -> None:
        self.standing = standing or Standing()
        self._agreements = agreements
        self.charged: list[str] = []
        self._log = log

    def of(self, request: Request, now: dt.datetime, attempt: str = "") -> Standing:
        """Return the standing."""
        if self._log is None:
            return self.standing
        kept = [one for one in self._log.kept if one.recipient == request.terms.recipient]
        spends = self._spends(request)
        return Standing(
            requests_last_minute=len(self.charged),
            rows_today=sum(one.rows for one in kept if one.charge and one.day == now.date()),
            periods_released=frozenset(
                period
                for one in kept
                if one.spends.startswith(spends) and one.attempt != attempt
                for period in one.periods
            ),
            told=self._log.told(source_of(request.terms)),
        )

    def _spends(self, request: Request) -> str:
        """Return how what is asked for is cut, or its source where no agreement was given."""
        terms = request.terms
        if self._agreements is None:
            return spent_of(terms, "")
        return spent_of(terms, self._agreements.rules_of(terms)[0].cut)

    def charge(self, request: Request, provision: str, now: dt.datetime) -> None:
        """Write a charge down."""
        self.charged.append(provision)


class LooseStreams:
    """Asks no stream that waits: what is left are the questions before each chunk."""

    @contextlib.asynccontextmanager
    async def while_it(self, stands: Callable[[], None]) -> AsyncIterator[None]:
        """Run the block."""
        yield


class NullMeter:
    """Counts refusals and releases by name; nothing leaves it."""

    def __init__(self) -> None:
        self.refusals: list[tuple[str, int]] = []
        self.releases: list[tuple[str, str, int]] = []

    def stage(self, name: str, seconds: float) -> None:
        """Forget how long a stage took."""

    def released(self, agreement: str, provision: str, rows: int, size: int) -> None:
        """Write a release down."""
        self.releases.append((agreement, provision, rows))

    def refused(self, reason: str, step: int) -> None:
        """Write a refusal down."""
        self.refusals.append((reason, step))


class Outbox:
    """The transport: keeps what it is given.

    Args:
        fails_at: The number of the message at which it raises `error`; -1 for never.
    """

    def __init__(
        self, world: World | None = None, *, fails_at: int = -1, error: BaseException | None = None
    ) -> None:
        self.world = world or World()
        self.sent: list[Message] = []
        self._fails_at = fails_at
        self._error = error or ConnectionError("the client left")

    async def send(self, message: Message) -> None:
        """Take a message, or break."""
        await self.world.turn("send")
        if len(self.sent) == self._fails_at:
            raise self._error
        self.world.say("send")
        self.sent.append(message)

    @property
    def chunks(self) -> list[Chunk]:
        """The chunks, in order."""
        return [one.chunk for one in self.sent if one.chunk is not None]

    @property
    def digests(self) -> list[bytes]:
        """Their digests, in order."""
        return [chunk.digest for chunk in self.chunks]

    def rows(self) -> list[dict[str, object]]:
        """The rows of all Arrow chunks, by column name."""
        found: list[dict[str, object]] = []
        for chunk in self.chunks:
            assert chunk.arrow is not None
            found += pa.ipc.open_stream(chunk.arrow).read_all().to_pylist()
        return found


@dataclass
class _Held:
    """One exchange in a `MemoryLog`."""

    recipient: str
    request_id: str
    request_digest: bytes
    now: dt.datetime
    chunks: list[tuple[int, int, bytes]] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    closed: int = 0


class MemoryLog:
    """An exchange log in memory, under the contract of the real one; it fails where it is told to.

    Args:
        full_at: The step that fails: a kind of entry, or `receipt`, `held`, `attempt`.
        after: How many of these still succeed.
        unknown: Whether the failing entry may be there after all; it then is.

    Attributes:
        drafts: Every durable draft, in order; index 0 is the genesis entry's.
        kept: What came with the release entries.
    """

    def __init__(
        self,
        *,
        world: World | None = None,
        full_at: str = "",
        after: int = 0,
        unknown: bool = False,
    ) -> None:
        self.world = world or World()
        self.drafts: list[Draft | None] = [None]
        self.kept: list[Keep] = []
        self._full_at = full_at
        self._after = after
        self._unknown = unknown
        self._exchanges: dict[str, _Held] = {}
        self._claims: dict[tuple[str, str], bytes] = {}
        self._sources: dict[str, asyncio.Lock] = {}

    def of_kind(self, kind: str) -> list[Draft]:
        """Return the durable drafts of one kind."""
        return [one for one in self.drafts if one is not None and one.kind == kind]

    def mend(self) -> None:
        """Fail no more."""
        self._full_at = ""

    def closings(self) -> dict[str, int]:
        """Return how often each exchange was closed."""
        return {name: one.closed for name, one in self._exchanges.items()}

    # --- the port ---

    @contextlib.contextmanager
    def claim(self, recipient: str, request_id: str, request_digest: bytes) -> Iterator[None]:
        """Hold a request id."""
        held = self._claims.get((recipient, request_id))
        if held == request_digest:
            raise BusyError(Reason.BUSY, "this request is being carried out", retry_after_s=0.25)
        if held is not None:
            raise ConflictError(Reason.REQUEST_ID_USED, "this request id was used for other terms")
        self._claims[recipient, request_id] = request_digest
        try:
            yield
        finally:
            del self._claims[recipient, request_id]

    async def refusal(self, draft: Draft) -> int:
        """Keep a refusal."""
        return await self._keep(draft, "refusal")

    async def note(self, draft: Draft) -> int:
        """Keep an entry that is no step of an exchange."""
        if draft.kind in {"genesis", "intent", "refusal", "release", "outcome", "recovered"}:
            raise LogError(f"`{draft.kind}` is written by the exchange that it belongs to")
        return await self._keep(draft, draft.kind)

    async def intent(
        self,
        draft: Draft,
        *,
        recipient: str,
        request_id: str,
        request_digest: bytes,
        now: dt.datetime,
        charged: str = "",
    ) -> MemoryTicket:
        """Keep an intent and remember the request; closed where the caller is cancelled."""
        exchange = draft.exchange_id or ""
        held = _Held(recipient, request_id, request_digest, now)
        self._write(draft, "intent")
        self._exchanges[exchange] = held
        try:
            await self.world.turn("intent")
        except asyncio.CancelledError:
            # As the real one does: durable, and nobody is left to close it.
            self.world.say("abandoned")
            held.closed += 1
            raise
        return MemoryTicket(self, exchange, held)

    async def attempt(self, recipient: str, request_id: str, since: dt.datetime) -> Attempt | None:
        """Return the first attempt, with the digests of all that left in any."""
        self._fail("attempt")
        await self.world.turn("attempt")
        found = [
            (name, one)
            for name, one in self._exchanges.items()
            if (one.recipient, one.request_id) == (recipient, request_id) and one.now >= since
        ]
        if not found:
            return None
        if len(found) >= ATTEMPTS_MAX:
            raise BusyError(Reason.RATE_LIMIT, "this request id was used often", retry_after_s=1.0)
        name, first = found[0]
        left: dict[int, tuple[int, bytes]] = {}
        for _, one in found:
            for first_row, rows, digest in one.chunks:
                left.setdefault(first_row, (rows, digest))
        digests: list[tuple[int, bytes]] = []
        row = 0
        while row in left and (not digests or digests[-1][0]):
            digests.append(left[row])
            row += left[row][0]
        return Attempt(name, first.request_digest, first.now, tuple(digests))

    async def held(self, exchange_id: str, rows: int) -> Receipt | None:
        """Return the receipt of whole chunks."""
        self._fail("held")
        await self.world.turn("held")
        one = self._exchanges.get(exchange_id)
        chunks = zip(one.chunks, one.receipts, strict=True) if one and rows else ()
        for (first_row, count, _), receipt in chunks:
            if count and first_row + count == rows:
                return dataclasses.replace(receipt, row_count=rows)
        return None

    @contextlib.asynccontextmanager
    async def alone(self, source: str) -> AsyncIterator[None]:
        """Hold a source."""
        async with self._sources.setdefault(source, asyncio.Lock()):
            yield

    async def released(
        self, source: str, days: tuple[dt.date, dt.date], attempt: str, *, own: bool = False
    ) -> list[bytes]:
        """Return what was kept of a source before the first attempt, and by it where asked for."""
        years = range(days[0].year - 1, days[1].year + 2)
        found: list[bytes] = []
        for one in self.kept:
            ends = one.source == source and one.attempt == attempt
            if ends and not own:
                break
            spanned = {period.year for period in one.periods}
            if one.source == source and one.memory and spanned & set(years):
                found.append(one.memory)
            if ends:
                break
        return found

    def told(self, source: str) -> tuple[Holding, ...]:
        """Return who was told of which draw of noise."""
        return tuple(
            Holding(one.recipient, draw)
            for one in self.kept
            if one.source == source and one.charge
            for draw in one.draws
        )

    def newest(self) -> str:
        """Return a note that proves nothing."""
        return "synthetic.test/log\n1\nAAAA\n\n— synthetic.test/log AAAA\n"

    # --- inside ---

    def _fail(self, step: str) -> None:
        if step == self._full_at:
            self._after -= 1
            if self._after < 0:
                self.world.say(f"{step} failed")
                raise LogError(f"`{step}` is not durable", unknown=self._unknown)

    def _write(self, draft: Draft, kind: str) -> int:
        if draft.kind != kind:
            raise LogError(f"a draft of kind `{draft.kind}` is no `{kind}`")
        try:
            check_draft(draft)
            meta_bytes(draft.meta)
        except AuditError as error:
            raise LogError(f"`{kind}` cannot be an entry: {error.message}") from error
        try:
            self._fail(kind)
        except LogError:
            if self._unknown:
                self.drafts.append(draft)
            raise
        self.world.say(kind)
        self.drafts.append(draft)
        return len(self.drafts) - 1

    async def _keep(self, draft: Draft, kind: str) -> int:
        index = self._write(draft, kind)
        await self.world.turn(kind)
        return index

    def spend(self, keep: Keep) -> None:
        """Turn a release away whose period another request spent, or whose day is full."""
        if not keep.charge:
            return
        if any(
            (one.recipient, one.spends) == (keep.recipient, keep.spends)
            and one.attempt != keep.attempt
            and set(one.periods) & set(keep.periods)
            for one in self.kept
        ):
            raise ReleaseError(Reason.CELL_RELEASED, "another request released the period")
        left = sum(
            one.rows
            for one in self.kept
            if one.charge
            and (one.recipient, one.provision, one.day)
            == (keep.recipient, keep.provision, keep.day)
        )
        if left + keep.rows > keep.rows_per_day:
            raise RefusedError(Reason.ROW_LIMIT, "`rows_per_day` is reached", step=6)
        costs = {draw.by: draw.rho for draw in keep.draws}
        if overspends(costs, self.told(keep.source), keep.caps):
            raise RefusedError(Reason.BUDGET_SPENT, SPENT, step=6, clause=keep.clause)


class MemoryTicket:
    """One exchange of a `MemoryLog`."""

    def __init__(self, log: MemoryLog, exchange_id: str, held: _Held) -> None:
        self.exchange_id = exchange_id
        self.chunks = 0
        self._log = log
        self._held = held

    async def release(self, draft: Draft, keep: Keep) -> Logged:
        """Keep a release; a caller cancelled meanwhile hears of it once it is durable."""
        log, held = self._log, self._held
        self._check(draft)
        if draft.chunk != self.chunks:
            raise LogError(f"`release` of chunk {draft.chunk} where {self.chunks} is next")
        log.spend(keep)
        index = log._write(draft, "release")  # noqa: SLF001 - its own log
        log.kept.append(keep)
        self.chunks += 1
        held.chunks.append((keep.first_row, keep.rows, keep.digest))
        rows = sum(count for _, count, _ in held.chunks)
        meta = meta_bytes(draft.meta)
        receipt = Receipt(self.exchange_id, rows, index, b"leaf", meta, bytes(32), "proof")
        held.receipts.append(receipt)
        await log.world.turn("release")
        return Logged(self.exchange_id, draft.chunk, index)

    async def outcome(self, draft: Draft) -> None:
        """Queue the outcome."""
        self._check(draft)
        self._held.closed += 1
        self._log._write(draft, "outcome")  # noqa: SLF001
        await self._log.world.turn("outcome")

    async def receipt(self) -> Receipt:
        """Return the receipt of the last release."""
        await self._log.world.turn("receipt")
        self._log._fail("receipt")  # noqa: SLF001
        if not self._held.receipts:
            raise LogError("an exchange that released nothing has no receipt")
        return self._held.receipts[-1]

    def _check(self, draft: Draft) -> None:
        if self._held.closed:
            raise LogError(f"`{draft.kind}`: the exchange is closed")
        if draft.exchange_id != self.exchange_id:
            raise LogError(f"`{draft.kind}`: the draft is of another exchange")


def batches_of(
    rows: Sequence[Row], scan: Scan, batch_rows: int
) -> Callable[[], AsyncGenerator[pa.RecordBatch]]:
    """Return a maker of the batches of some rows, as a source sends them."""
    schema = arrow_schema(scan.columns)

    async def make() -> AsyncGenerator[pa.RecordBatch]:
        for start in range(0, len(rows), batch_rows):
            part = [
                {name: row[name] for name in scan.names} for row in rows[start : start + batch_rows]
            ]
            yield pa.RecordBatch.from_pylist(part, schema=schema)

    return make
