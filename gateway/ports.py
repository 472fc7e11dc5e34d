"""What the broker needs from the world: each port is a promise, and has a twin in `tests/fakes.py`.

Only here and in `broker` does the core say `async`. A port returns values or raises from `errors`;
it never returns a half-result, and it never decides: deciding is `decide`'s, and only `decide`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    import pyarrow as pa

    from gateway.agreement.budget import Cap, Draw
    from gateway.agreement.index import Agreements
    from gateway.audit.entry import Draft
    from gateway.decide import Standing
    from gateway.plan.noise import Noise
    from gateway.plan.ops import Crowd, Likeness, Plan, Register
    from gateway.plan.pushdown import Scan
    from gateway.values import Chunk, Form, Header, Receipt, Request, Terms


class Clock(Protocol):
    """The one source of time: aware UTC datetimes."""

    def now(self) -> dt.datetime:
        """Return this instant, in UTC."""


class Entropy(Protocol):
    """The one source of randomness."""

    def random(self, count: int) -> bytes:
        """Return `count` bytes fit for ids, salts and keys."""


class Library(Protocol):
    """The agreements in force, swapped atomically; never half of a change."""

    def current(self) -> Agreements:
        """Return the newest good set of agreements.

        Raises:
            AgreementError: No good set was ever loaded.
        """


class PseudonymKeys(Protocol):
    """Keys that masks and subject tokens need; they never leave the gateway."""

    def pseudonym(self, domain: str, period: str) -> tuple[str, bytes]:
        """Return (key id, 32 bytes) for a pseudonym domain in its rotation period."""

    def subject(self, year: int) -> bytes:
        """Return the 32 bytes that key the subject tokens of a calendar year."""


class Vault(Protocol):
    """Random tokens, one for each value of a scope, for good; no value ever comes in here."""

    async def tokens(self, scope: str, indexes: Collection[str]) -> Mapping[str, str]:
        """Return the token of each index, durable: drawn where there was none, else as it was.

        Args:
            scope: Id of the key that the indexes are made with: other keys, other tokens.
            indexes: HMAC-SHA-256 of each value, 64 lower-case hex digits; each once.

        Raises:
            LogError: The vault cannot be read or written: nothing that hangs on it may leave.
        """


class NoiseSource(Protocol):
    """Where noise is drawn: the randomness is its own, and nothing gives the same draw again."""

    def add(self, counts: Sequence[int], noise: Noise) -> list[int]:
        """Return each count with noise of its own, in their order; it may be negative.

        Raises:
            ReleaseError: The noise of the plan cannot be drawn, or would spend more than its rho.
        """


class Streams(Protocol):
    """Exchanges under way, each asked several times a second whether it still stands."""

    def while_it(self, stands: Callable[[], None]) -> AbstractAsyncContextManager[None]:
        """Ask `stands` again and again while the block runs.

        What it raises ends the block wherever it waits, and is raised in place of what the block
        would have come to. A block that is left is not asked of any more.
        """


class Consent(Protocol):
    """The register of consents: what people said beside and after their records, by keyed token."""

    def mark(self) -> int:
        """Return a number that no later word's place is below; fit for the event loop.

        Raises:
            SourceError: `CONSENT_UNAVAILABLE`: nobody can be asked now.
        """

    async def stay(self, register: Register, batch: pa.RecordBatch) -> list[bool]:
        """Return, row by row, whether whoever it is about lets it leave.

        Args:
            register: What is asked.
            batch: Originals, with the register's fields.

        Raises:
            SourceError: `CONSENT_UNAVAILABLE`.
        """

    def withdrew(self, register: Register, batch: pa.RecordBatch, since: int) -> list[bool]:
        """Return, row by row, whether whoever it is about has withdrawn since a mark.

        Fit for the event loop: most often nobody has. A word that is about to be written counts: a
        release that is put in line after it is in the log after it.

        Raises:
            SourceError: `CONSENT_UNAVAILABLE`.
        """


class Source(Protocol):
    """A provider's adapter."""

    def scan(
        self, scan: Scan, *, exchange_id: str, timeout_s: float
    ) -> AsyncGenerator[pa.RecordBatch]:
        """Yield batches with exactly the columns of `scan`, in order, and only its rows.

        Raises:
            SourceError: The adapter is away, late, refused, or sent something else.
        """


class Owed(NamedTuple):
    """A duty that a recipient has to attest: `attest_deletion`, or `review` of the exchange."""

    duty: str
    due: dt.datetime


@dataclass(frozen=True, slots=True)
class Keep:
    """What the store keeps in a release entry's transaction, so that limits survive a crash.

    Attributes:
        provision: `<agreement id>/<provision id>`, under which rows are counted.
        source: What `source_of` names the request's; later tables of it are judged beside this one.
        spends: What `spent_of` names the request's; periods are spent of it, whatever a provision
            is called in the next version of an agreement.
        attempt: Exchange id of the request's first attempt: what that spent, only its repeats
            may release again.
        day: The UTC day that the rows count for.
        rows_per_day: Rows that may leave to the recipient in a day under the provision.
        periods: Aggregate periods that this release spends, by first day; empty at record level.
        charge: False on a repeat of a request already carried out: it costs nothing again.
        first_row: Rows of the whole release before this chunk, those of earlier attempts included.
        memory: Of a table: what the record of cells keeps of it, to be sealed.
        days: Of a table: the first and the last day that its periods cover; None for every day.
        until: Of a table: the day from which on the record may forget it; None for never.
        draws: Of a table with noise: the draws that it tells of, old ones among them.
        caps: The budgets that they are held against.
        clause: The provision's clause, which a refusal names.
        owes: What the recipient has to attest of the exchange; with the first records that leave.
    """

    recipient: str
    provision: str
    source: str
    attempt: str
    day: dt.date
    rows: int
    rows_per_day: int
    digest: bytes
    periods: tuple[dt.date, ...] = ()
    charge: bool = True
    first_row: int = 0
    memory: bytes = b""
    spends: str = ""
    days: tuple[dt.date, dt.date] | None = None
    until: dt.date | None = None
    draws: tuple[Draw, ...] = ()
    caps: tuple[Cap, ...] = ()
    clause: str = ""
    owes: tuple[Owed, ...] = ()


def source_of(terms: Terms) -> str:
    """Return `<provider>/<dataset>`: what a recipient's tables are of, in whatever version."""
    return f"{terms.provider}/{terms.dataset.name}"


def spent_of(terms: Terms, cut: str) -> str:
    """Return the source and how a table of it is cut: a period of that leaves once."""
    return f"{source_of(terms)}#{cut}"


@dataclass(frozen=True, slots=True)
class Logged:
    """Proof that a release entry is durable: made by an `ExchangeLog`, demanded by the edge."""

    exchange_id: str
    chunk: int
    index: int


class Ticket(Protocol):
    """One exchange that the log has an intent for; it is closed exactly once.

    Attributes:
        chunks: Release entries that are durable.
    """

    exchange_id: str
    chunks: int

    async def release(self, draft: Draft, keep: Keep) -> Logged:
        """Make a `release` entry durable and return the proof that a chunk may leave.

        Its rows and periods are held from before the entry is put in line until its fate is
        settled, so that of requests side by side none gets what another was given.

        Raises:
            LogError: The entry is not, or may not be, durable, or no witness saw it in time, where
                one must: send nothing.
            RefusedError: `ROW_LIMIT`: the day has not so many rows left; `BUDGET_SPENT`: the noise
                is not paid for; nothing was written.
            ReleaseError: `CELL_RELEASED`: another request has spent a period, or is about to;
                nothing was written.
        """

    async def outcome(self, draft: Draft) -> None:
        """Queue the `outcome` entry, for which room was reserved; the caller may be gone."""

    async def receipt(self) -> Receipt:
        """Return the receipt of the last release entry, once a signed checkpoint covers it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is remembered of a request for 24 hours: its first attempt, and the digests that left.

    Attributes:
        exchange_id: Of the first attempt.
        request_digest: SHA-256 of the terms and form; a repeat must be equal.
        now: The instant that windows were measured from.
        digests: (rows, digest) of the chunks that left in any attempt, from the first row on.
    """

    exchange_id: str
    request_digest: bytes
    now: dt.datetime
    digests: tuple[tuple[int, bytes], ...]


ATTEMPTS_MAX: Final = 100
"""Attempts at one request, the first included: each later one costs more to compare."""


class ExchangeLog(Protocol):
    """The tamper-evident exchange log. Whatever returns from here is durable."""

    def claim(
        self, recipient: str, request_id: str, request_digest: bytes
    ) -> AbstractContextManager[None]:
        """Hold a request id while its request is carried out, so that one at a time is.

        Raises:
            ConflictError: `REQUEST_ID_USED`: it is held for other terms.
            BusyError: `BUSY`: it is held for the same ones; come again when they are through.
        """

    async def refusal(self, draft: Draft) -> int:
        """Make a `refusal` entry durable; return its index in the log."""

    async def intent(
        self,
        draft: Draft,
        *,
        recipient: str,
        request_id: str,
        request_digest: bytes,
        now: dt.datetime,
        charged: str = "",
    ) -> Ticket:
        """Reserve room for the whole exchange, make its `intent` durable, remember the request.

        Args:
            draft: The `intent`.
            recipient: Who asked.
            request_id: By which the request is known again.
            request_digest: What a repeat must be equal in.
            now: The instant that windows are measured from.
            charged: The provision against whose rate it counts in every gateway that shares the
                log; empty for a repeat, which costs nothing again.

        Raises:
            BusyError: The queue is full; nothing was written.
            LogError: The entry is not, or may not be, durable.
        """

    async def note(self, draft: Draft) -> int:
        """Make an entry of another kind durable; return its index."""

    async def attempt(self, recipient: str, request_id: str, since: dt.datetime) -> Attempt | None:
        """Return the first attempt at a request not older than `since`, or None.

        Raises:
            BusyError: `RATE_LIMIT`: there were `ATTEMPTS_MAX` of them already.
        """

    async def held(self, exchange_id: str, rows: int) -> Receipt | None:
        """Return the receipt for the chunks that hold an earlier exchange's first `rows` rows."""

    def newest(self) -> str:
        """Return the newest signed checkpoint, a note."""

    def alone(self, source: str) -> AbstractAsyncContextManager[None]:
        """Hold a source while a table of it is judged, until its release is durable.

        Two tables that do not know of each other could be subtracted.
        """

    async def released(
        self, source: str, days: tuple[dt.date, dt.date], attempt: str, *, own: bool = False
    ) -> list[bytes]:
        """Return what the record of cells keeps of a source, in the order of release.

        Args:
            source: As `source_of` names it.
            days: First and last day of the table that is to be judged; tables of their calendar
                years, and of the year before and after, are returned.
            attempt: Exchange id of the first attempt at this request, or of this one: what it
                released itself, and whatever came later, is left out, so that a repeat is judged
                as the first was.
            own: Whether what the attempt released itself comes last: noise is never drawn again.

        Raises:
            ReleaseError: `DISCLOSURE_RISK`: the record does not match the log's own count of
                releases, or cannot be opened, or tables of these days were forgotten.
        """


class Counters(Protocol):
    """Standing: what was asked for and released so far, read before deciding."""

    def of(self, request: Request, now: dt.datetime, attempt: str = "") -> Standing:
        """Return counters for this request's recipient and flow, as of `now`.

        Args:
            request: What is asked.
            now: This instant.
            attempt: Exchange id of the first attempt that this request repeats: its periods are
                not counted. A request id alone exempts nothing, since it may be used again.
        """

    def charge(self, request: Request, provision: str, now: dt.datetime) -> None:
        """Count one granted request against its provision's rate."""


@dataclass(frozen=True, slots=True)
class Ready:
    """One chunk of a checked release, ready for the log and then for the recipient.

    Attributes:
        size: Bytes of the chunk's body.
        tokens: Subject tokens of the people in it.
        suppressed: Cells held back in the release that it is part of.
        crowd: Of records in classes: how well they are hidden in the whole release.
        memory: Of a table: what the record of cells is to keep of it.
        draws: Of a table with noise: the draws that it tells of.
        rung: Of a table: the last rung of its ladder that was taken; empty for none.
        likeness: Of records without classes: how alike the rows of the whole release are; with its
            last chunk alone.
        people: Of records that hang on the register of consents: the originals that name whom each
            row is about, in order.
    """

    chunk: Chunk
    size: int
    tokens: tuple[bytes, ...]
    suppressed: int
    memory: bytes = b""
    crowd: Crowd | None = None
    draws: tuple[Draw, ...] = ()
    rung: str = ""
    likeness: Likeness | None = None
    people: pa.RecordBatch | None = None


class Engine(Protocol):
    """Runs a plan's masks, groups and suppression over batches, bounded in memory."""

    def run(
        self,
        plan: Plan,
        batches: AsyncGenerator[pa.RecordBatch],
        form: Form,
        earlier: Sequence[bytes] = (),
        attempt: str = "",
    ) -> AsyncGenerator[Ready]:
        """Yield the chunks of checked releases, in order; a release without rows is one chunk too.

        Args:
            plan: What may leave.
            batches: Originals, in the columns of the plan's scan.
            form: How chunks are written.
            earlier: Of a table: what the record of cells keeps of its source.
            attempt: Exchange id of the first attempt at the request, which a draw of noise is
                named by.

        Raises:
            SourceError: The provider's adapter failed.
            ReleaseError: A table broke its plan, or would tell too much beside earlier ones.
            RefusedError: `ROW_LIMIT`: more rows than the provision lets leave. `DISCLOSURE_RISK`:
                a class of records is too small, or too much alike.
        """


@dataclass(frozen=True, slots=True)
class Message:
    """One message to the recipient: only the first has the header, only the last the receipt."""

    header: Header | None = None
    chunk: Chunk | None = None
    logged: Logged | None = None
    receipt: Receipt | None = None
    held: Receipt | None = None


class Send(Protocol):
    """Gives a message to the transport; a chunk without `logged` is an error."""

    async def __call__(self, message: Message) -> None:
        """Return when the transport has taken the message."""


class Meter(Protocol):
    """Where the broker reports stages and what left: names and numbers, never a value."""

    def stage(self, name: str, seconds: float) -> None:
        """Record one stage: decide, scan, run, check, log, send."""

    def released(self, agreement: str, provision: str, rows: int, size: int) -> None:
        """Count rows and bytes that left."""

    def refused(self, reason: str, step: int) -> None:
        """Count a refusal."""
