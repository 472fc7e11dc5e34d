"""Where an agreement stands: a pure function of its statements, its term and the time.

There is no `status` key anywhere. Doubt stops traffic: a statement that would start it must be
exact in every part, one that would stop it counts with less.

Four eyes: whoever signs first is taken for a text's author, and the signature that completes it is
by another key. A second signature by one key says nothing new, and keys are told apart in the whole
registry; so it is enough that nothing is complete by one key alone, however many it stands for.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from gateway.agreement.canon import digest_text
from gateway.agreement.signing import Action, SignedFile, Verified

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_EYES: Final = 2
"""Keys that a text needs at least: its author's, and another's."""


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
        alone: Whether fewer than two keys signed it: its author's, and another is missing.
        resuming: Of a suspended one, the parties who have not signed `resume` since.
        asking: Of one that is not suspended, members of the floor's quorum who ask for it, too few.
    """

    state: State
    signed: tuple[str, ...]
    missing: tuple[str, ...]
    in_term: bool
    by: tuple[str, ...] = ()
    alone: bool = False
    resuming: tuple[str, ...] = ()
    asking: tuple[str, ...] = ()


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
    started = _of(exact, Action.ACTIVATE)
    signed, missing = _complete(started, parties)
    alone = _one_key(started, signed)
    in_term = term is None or term.starts <= now < term.ends

    def stands(state: State, by: Iterable[str] = (), **more: tuple[str, ...]) -> Status:
        return Status(state, signed, missing, in_term, tuple(by), alone, **more)

    ended, _ = _complete(_of(mine, Action.TERMINATE), parties)
    if ended:
        return stands(State.TERMINATED, ended)
    if term is not None and (term.superseded or now >= term.ends):
        return stands(State.TERMINATED)
    standing = _standing(mine, exact, parties)
    if stopped := _stopped(standing, parties, quorum):
        resuming = sorted({one for name in stopped for one in standing[name]})
        return stands(State.SUSPENDED, stopped, resuming=tuple(resuming))
    if halted is not None and (lacking := _halted(exact, parties, halted)) is not None:
        return stands(State.SUSPENDED, resuming=lacking)
    asking = tuple(sorted(standing.keys() & quorum.agencies))
    if not started:
        return stands(State.DRAFT, asking=asking)
    complete = not missing and not alone and in_term
    return stands(State.ACTIVE if complete else State.IN_REVIEW, asking=asking)


def _halted(
    exact: list[Verified], parties: Mapping[str, int], since: dt.datetime
) -> tuple[str, ...] | None:
    """Return the parties that have not signed `resume` since then; None where all have.

    By the signer's word as well: where the memory is gone, every signature is seen for the first
    time, those of an earlier resumption among them.
    """
    after = [v for v in _of(exact, Action.RESUME) if v.seen > since and v.statement.time > since]
    _, missing = _complete(after, parties)
    return missing if missing or not parties else None


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
    started = _of(exact, Action.ACTIVATE)
    signed, _ = _complete(started, members)
    # A quorum of one agency with one key would be the author's own word.
    return max(max(1, quorum.signatures) - len(signed), int(_one_key(started, signed)))


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


def _one_key(statements: Iterable[Verified], agencies: Collection[str]) -> bool:
    """Return whether what these agencies said was said by one key, or by none."""
    words = [one.statement for one in statements]
    return len({(one.agency, one.key) for one in words if one.agency in agencies}) < _EYES


def _answers(resumption: Verified, stop: Verified) -> bool:
    """Return whether a resumption is later than a stop, by its signer's word as well.

    One that was signed before and held back until after would lift a stop that nobody knew of. A
    stop that is dated ahead counts from when it was seen, or nobody could ever answer it.
    """
    since = min(stop.statement.time, stop.seen)
    return _moment(resumption) > _moment(stop) and resumption.statement.time >= since


def _standing(
    mine: list[Verified], exact: list[Verified], parties: Mapping[str, int]
) -> dict[str, tuple[str, ...]]:
    """Return whose stop not all parties have answered by `resume`, with those who have not."""
    standing: dict[str, tuple[str, ...]] = {}
    for stop in sorted(_of(mine, Action.SUSPEND, Action.TERMINATE), key=_moment):
        after = [v for v in _of(exact, Action.RESUME) if _answers(v, stop)]
        _, missing = _complete(after, parties)
        if missing or not parties:
            standing[stop.statement.agency] = missing
    return standing


def _stopped(
    standing: Collection[str], parties: Mapping[str, int], quorum: Quorum
) -> tuple[str, ...]:
    """Return who suspends the agreement by these stops: any party, or the floor's quorum."""
    by_party = {agency for agency in standing if agency in parties}
    by_quorum = {agency for agency in standing if agency in quorum.agencies}
    if len(by_quorum) >= max(1, quorum.signatures):
        by_party |= by_quorum
    return tuple(sorted(by_party))
