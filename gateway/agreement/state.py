"""Where an agreement stands: a pure function of its statements, its term and the time.

There is no `status` key anywhere. Doubt stops traffic: a statement that would start it must be
exact in every part, one that would stop it counts with less.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.agreement.canon import digest_text
from gateway.agreement.signing import Action, SignedFile, Verified

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


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
