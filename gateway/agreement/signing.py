"""Statements by which parties sign, suspend, resume, terminate; and the state that follows.

A statement is eight lines of text and an Ed25519 signature over them: `openssl pkeyutl -verify
-rawin` checks it without Accord. There is no `status` key anywhere: whether an agreement is in
force is a pure function of the statements, the registry's keys, the term and the time. Doubt stops
traffic: a statement that would start it must be exact in every part, one that would stop it counts
with less.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NoReturn
from zoneinfo import ZoneInfo

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.agreement.canon import digest_text
from gateway.agreement.finding import Finding, FindingsError, Level, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from gateway.agreement.registry import Agency

MAX_BYTES: Final = 256 * 1024
MAX_STATEMENTS: Final = 1000
SIGNATURE_BYTES: Final = 64
CLOCK_SKEW: Final = dt.timedelta(minutes=5)

_SUBJECT = re.compile(r"_?[a-z0-9-]{3,64}@(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){2}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ROLE_MAX: Final = 100


class SignedFile(StrEnum):
    """The kinds of file that are signed; the kind stands in a statement's first line."""

    AGREEMENT = "agreement"
    FLOOR = "floor"
    AGENCIES = "agencies"
    PURPOSES = "purposes"


class Action(StrEnum):
    """What a statement does."""

    ACTIVATE = "activate"
    SUSPEND = "suspend"
    RESUME = "resume"
    TERMINATE = "terminate"


STARTS: Final = frozenset({Action.ACTIVATE, Action.RESUME})
"""Actions that let traffic flow."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One party's word about one version, as it stands in `<id>.sig.json`.

    Attributes:
        subject: `<id>@<version>`; `_floor@…`, `agencies@…`, `purposes@…` for the other files.
        digest: `sha256:` and 64 hex characters.
        role: The signer's role in the agency, not a name.
        time: The signer's time, UTC, to the second: their word, never relied on alone.
        sig: 64 bytes.
    """

    kind: SignedFile
    subject: str
    digest: str
    action: Action
    agency: str
    key: str
    role: str
    time: dt.datetime
    sig: bytes = b""

    def message(self) -> bytes:
        """Return the eight lines that are signed, each ended by LF."""
        lines = (
            f"accord/v1 {self.kind}",
            self.subject,
            self.digest,
            self.action.value,
            self.agency,
            self.key,
            self.role,
            _time_text(self.time),
        )
        return "".join(f"{line}\n" for line in lines).encode()


def statement(
    kind: SignedFile,
    subject: str,
    digest: bytes,
    action: Action,
    *,
    agency: str,
    key: str,
    role: str,
    time: dt.datetime,
) -> Statement:
    """Return the statement to sign.

    Raises:
        ValueError: A part is not of its form; a line end in one would move the others.
    """
    draft = Statement(kind, subject, digest_text(digest), action, agency, key, role, time)
    if (fault := _fault(draft)) is not None:
        raise ValueError(fault)
    return draft


def sign(draft: Statement, private: Ed25519PrivateKey) -> Statement:
    """Return `draft` with its signature."""
    return Statement(
        draft.kind,
        draft.subject,
        draft.digest,
        draft.action,
        draft.agency,
        draft.key,
        draft.role,
        draft.time,
        private.sign(draft.message()),
    )


@dataclass(frozen=True, slots=True)
class Verified:
    """Proof that a statement's signature holds; made by `verify`, and for a past stop `recalled`.

    Attributes:
        seen: When the gateway first saw the signature: an entry in the log, not the signer's word.
    """

    statement: Statement
    seen: dt.datetime


def verify(
    given: Statement, *, agencies: Mapping[str, Agency], seen: dt.datetime
) -> Verified | str:
    """Return proof that `given` is its agency's word, or why it is not.

    The key must stand in the registry under that agency and be within its dates (UTC, both
    included) when the signature was first seen. Whether the digest is that of the file in force is
    `status`'s question.
    """
    if (fault := _fault(given)) is not None:
        return fault
    agency = agencies.get(given.agency)
    if agency is None:
        return f"agency {quoted(given.agency)} is not in the registry"
    key = next((key for key in agency.signing_keys if key.id == given.key), None)
    if key is None:
        return f"key {quoted(given.key)} is not a signing key of {quoted(given.agency)}"
    day = seen.astimezone(dt.UTC).date()
    if not key.since <= day <= key.until:
        return f"key {quoted(given.key)} is outside its dates"
    # A start that is dated ahead could outlive a later suspension; a stop may be dated as it likes.
    if given.action in STARTS and given.time > seen + CLOCK_SKEW:
        return "the signer's time lies ahead"
    try:
        Ed25519PublicKey.from_public_bytes(key.ed25519).verify(given.sig, given.message())
    except (InvalidSignature, ValueError):
        return f"the signature by key {quoted(given.key)} does not hold"
    return Verified(given, seen)


def recalled(given: Statement, *, seen: dt.datetime) -> Verified:
    """Return proof of a stop that `verify` proved before, out of the gateway's own memory.

    A key that has since left the registry does not take its suspension along.

    Raises:
        ValueError: It is no stop: what lets traffic flow is proved each time.
    """
    if given.action in STARTS:
        raise ValueError("only a stop is remembered")
    return Verified(given, seen)


# --- the file beside the agreement ---


class SignaturesError(FindingsError):
    """A signature file that cannot be read."""


_KEYS: Final = ("kind", "subject", "digest", "action", "agency", "key", "role", "time", "sig")


def read_signatures(data: bytes, *, file: str) -> tuple[Statement, ...]:
    """Return the statements of a `<id>.sig.json`: a JSON list of objects with nine texts each.

    Raises:
        SignaturesError: The file is not of this form. No statement of it counts, as none can be
            trusted to be all there.
    """
    if len(data) > MAX_BYTES:
        _bad(file, f"{len(data)} bytes, more than {MAX_BYTES}")
    try:
        items = json.loads(data.decode("utf-8"), object_pairs_hook=_object)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        _bad(file, "not JSON in UTF-8")
    except ValueError as error:
        _bad(file, str(error))
    if not isinstance(items, list) or not items or len(items) > MAX_STATEMENTS:
        _bad(file, f"not a list of 1 to {MAX_STATEMENTS} statements")
    return tuple(_statement(item, place, file) for place, item in enumerate(items, 1))


def write_signatures(statements: Iterable[Statement]) -> bytes:
    """Return the bytes of a signature file; `read_signatures` gives the same statements back."""
    items = [
        {
            "kind": s.kind.value,
            "subject": s.subject,
            "digest": s.digest,
            "action": s.action.value,
            "agency": s.agency,
            "key": s.key,
            "role": s.role,
            "time": _time_text(s.time),
            "sig": base64.b64encode(s.sig).decode("ascii"),
        }
        for s in statements
    ]
    return (json.dumps(items, indent=2, ensure_ascii=False) + "\n").encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one statement")
    return result


def _statement(item: Any, place: int, file: str) -> Statement:  # noqa: ANN401 - JSON
    if not isinstance(item, dict) or set(item) != set(_KEYS):
        _bad(file, f"statement {place}: its keys are not {', '.join(_KEYS)}")
    if not all(isinstance(value, str) for value in item.values()):
        _bad(file, f"statement {place}: a value is not text")
    try:
        given = Statement(
            SignedFile(item["kind"]),
            item["subject"],
            item["digest"],
            Action(item["action"]),
            item["agency"],
            item["key"],
            item["role"],
            _time(item["time"]),
            base64.b64decode(item["sig"], validate=True),
        )
    except (ValueError, binascii.Error):
        _bad(file, f"statement {place}: kind, action, time or sig is not of its form")
    fault = _fault(given)
    if fault is None and len(given.sig) != SIGNATURE_BYTES:
        fault = "`sig` is not 64 bytes"
    if fault is not None:
        _bad(file, f"statement {place}: {fault}")
    return given


def _bad(file: str, message: str) -> NoReturn:
    raise SignaturesError((Finding("signature-invalid", Level.ERROR, file, 1, 1, message),))


def _fault(given: Statement) -> str | None:
    """Return which part of a statement is not of its form, so that its eight lines are eight."""
    if not _SUBJECT.fullmatch(given.subject):
        return "`subject` is not <id>@<version>"
    if not _DIGEST.fullmatch(given.digest):
        return "`digest` is not sha256: and 64 hex characters"
    if not (_NAME.fullmatch(given.agency) and _NAME.fullmatch(given.key)):
        return "`agency` or `key` is not an id"
    if not (0 < len(given.role) <= _ROLE_MAX and given.role.isprintable()):
        return "`role` is not printable text of 1 to 100 characters"
    if given.time.utcoffset() != dt.timedelta(0) or given.time.microsecond:
        return "`time` is not UTC to the second"
    return None


def _time_text(time: dt.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(text: str) -> dt.datetime:
    time = dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.UTC)
    if _time_text(time) != text:
        raise ValueError("a second spelling of a time")
    return time


# --- what follows from the statements ---


class State(StrEnum):
    """Where an agreement stands (section 4.6)."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Status:
    """A state and what led to it.

    Attributes:
        signed: Agencies whose signatures are complete.
        missing: Parties whose signatures are not.
        in_term: Whether `now` lies in the term, so that a refusal can say which it is.
        by: Who suspended or terminated it, or an empty tuple.
    """

    state: State
    signed: tuple[str, ...]
    missing: tuple[str, ...]
    in_term: bool
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quorum:
    """Who signs the floor, and who together may suspend any agreement."""

    signatures: int
    agencies: frozenset[str]


@dataclass(frozen=True, slots=True)
class Force:
    """When an agreement can be in force: `[starts, ends)`, unless a newer version is active."""

    starts: dt.datetime
    ends: dt.datetime
    superseded: bool = False


def force(
    effective: dt.date, expires: dt.date, timezone: str, *, superseded: bool = False
) -> Force:
    """Return the instants of a term whose first and last day are both in force, in `timezone`."""
    zone = ZoneInfo(timezone)
    starts = dt.datetime.combine(effective, dt.time(), zone).astimezone(dt.UTC)
    after = expires + dt.timedelta(days=1)
    return Force(starts, dt.datetime.combine(after, dt.time(), zone).astimezone(dt.UTC), superseded)


def status(
    statements: Iterable[Verified],
    *,
    subject: str,
    digest: bytes,
    parties: Mapping[str, int],
    quorum: Quorum,
    term: Force | None,
    now: dt.datetime,
    halted: dt.datetime | None = None,
) -> Status:
    """Return where the agreement `subject` stands at `now`.

    Starts count for this digest alone. Stops count for the version whatever its text, so that an
    edit does not lift a suspension; one key is enough to suspend, and a termination short of an
    agency's keys suspends.

    Args:
        statements: Those that `verify` proved, of any subject.
        subject: `<id>@<version>`.
        digest: What is to be signed: the digest of `{agreement, bound}`.
        parties: Keys needed of each party's agency: 1 or 2.
        quorum: The floor's.
        term: When it can be in force; None asks what the signatures alone amount to.
        now: This instant, UTC.
        halted: Since when it is suspended by a statement that is gone, as the exchange log says.
    """
    mine = [v for v in statements if v.statement.subject == subject]
    mine = [v for v in mine if v.statement.kind is SignedFile.AGREEMENT]
    exact = [v for v in mine if v.statement.digest == digest_text(digest)]
    signed, missing = _complete(_of(exact, Action.ACTIVATE), parties)
    in_term = term is None or term.starts <= now < term.ends

    def stands(state: State, by: Sequence[str] = ()) -> Status:
        return Status(state, signed, missing, in_term, tuple(by))

    ended, _ = _complete(_of(mine, Action.TERMINATE), parties)
    if ended:
        return stands(State.TERMINATED, ended)
    if term is not None and (term.superseded or now >= term.ends):
        return stands(State.TERMINATED)
    if stopped := _suspended(mine, exact, parties, quorum):
        return stands(State.SUSPENDED, stopped)
    if halted is not None and _halted(exact, parties, halted):
        return stands(State.SUSPENDED)
    if not signed and not _of(exact, Action.ACTIVATE):
        return stands(State.DRAFT)
    return stands(State.ACTIVE if not missing and in_term else State.IN_REVIEW)


def _halted(exact: list[Verified], parties: Mapping[str, int], since: dt.datetime) -> bool:
    """Return whether not every party has signed `resume` since then.

    By the signer's word as well: where the memory is gone, every signature is seen for the first
    time, those of an earlier resumption among them.
    """
    after = [v for v in _of(exact, Action.RESUME) if v.seen > since and v.statement.time > since]
    _, missing = _complete(after, parties)
    return bool(missing) or not parties


def quorum_missing(
    statements: Iterable[Verified],
    *,
    kind: SignedFile,
    subject: str,
    digest: bytes,
    quorum: Quorum,
    needed: Mapping[str, int],
) -> int:
    """Return how many agencies are missing from the quorum for the floor, registry or purposes.

    Args:
        statements: Those that `verify` proved.
        kind: Which of the three files.
        subject: `_floor@…`, `agencies@…` or `purposes@…`.
        digest: The file's own digest.
        quorum: As the floor says.
        needed: Keys needed of each agency; one that is not listed does not count.
    """
    exact = [
        v
        for v in statements
        if v.statement.kind is kind
        and v.statement.subject == subject
        and v.statement.digest == digest_text(digest)
    ]
    members = {agency: needed[agency] for agency in quorum.agencies if agency in needed}
    signed, _ = _complete(_of(exact, Action.ACTIVATE), members)
    return max(0, max(1, quorum.signatures) - len(signed))


def _of(statements: Iterable[Verified], *actions: Action) -> list[Verified]:
    return [v for v in statements if v.statement.action in actions]


def _complete(
    statements: Iterable[Verified], needed: Mapping[str, int]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which agencies spoke with as many different keys as they must, and which not."""
    keys: dict[str, set[str]] = {}
    for one in statements:
        keys.setdefault(one.statement.agency, set()).add(one.statement.key)
    done = {a for a, count in needed.items() if len(keys.get(a, ())) >= max(1, count)}
    return tuple(sorted(done)), tuple(sorted(set(needed) - done))


def _moment(one: Verified) -> tuple[dt.datetime, dt.datetime]:
    """Return the order of statements: first seen, then, among those seen at once, signed."""
    return one.seen, one.statement.time


def _suspended(
    mine: list[Verified], exact: list[Verified], parties: Mapping[str, int], quorum: Quorum
) -> tuple[str, ...]:
    """Return who suspended the agreement since all parties last signed `resume`."""
    stops = _of(mine, Action.SUSPEND, Action.TERMINATE)
    standing = []
    for stop in stops:
        after = [v for v in _of(exact, Action.RESUME) if _moment(v) > _moment(stop)]
        _, missing = _complete(after, parties)
        if missing or not parties:
            standing.append(stop.statement.agency)
    by_party = {agency for agency in standing if agency in parties}
    by_quorum = {agency for agency in standing if agency in quorum.agencies}
    if len(by_quorum) >= max(1, quorum.signatures):
        by_party |= by_quorum
    return tuple(sorted(by_party))
