"""An accounting of disclosures: what left about one person, a line for each exchange.

45 CFR 164.528(b): date, recipient, what was disclosed, and for what purpose or on what basis. Every
release entry with one of the person's tokens counts as a disclosure; where it is not known that the
recipient got it, the line says `presumed`. Only the view leaves lines out: what a suspension
withholds from the person is counted, and shown to an auditor as withheld.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gateway.audit.event import Event
    from gateway.audit.suspensions import Suspension

YEARS: Final = 6
"""How far back a person may ask: six years before the day of the request."""

_ALIKE: Final = ("provider", "recipient", "purpose", "basis", "dataset", "released")


class Audience(StrEnum):
    """For whom an accounting is made."""

    PATIENT = "patient"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One line: an exchange in which something about the person left, or several that are alike.

    Attributes:
        event: The first release entry that tells of them, with what its exchange was.
        presumed: It is not known that the recipient got it.
        withheld: The first day on which the person may be told, or None for now.
        count: Exchanges that the line stands for.
        last: The last one's date.
    """

    event: Event
    presumed: bool
    withheld: dt.date | None
    count: int
    last: dt.date

    @property
    def date(self) -> dt.date:
        """The UTC day of the first."""
        return dt.date.fromisoformat(self.event.leaf.time[:10])


@dataclass(frozen=True, slots=True)
class Accounting:
    """The lines for one audience, oldest first.

    Attributes:
        withheld: Lines that are left out, or marked, because of a suspension.
    """

    lines: tuple[Disclosure, ...]
    withheld: int


def years_before(day: dt.date, years: int = YEARS) -> dt.date:
    """Return the same day so many years before; of 29 February, the day before March."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def disclosure(releases: Sequence[Event], end: Event | None) -> Disclosure:
    """Return the line of one exchange.

    Args:
        releases: Its release entries with a token of the person, in order; one at least.
        end: Its `outcome` or `recovered`; None while it goes on.
    """
    first = releases[0]
    handed = 0
    if end is not None and end.leaf.kind == "outcome" and end.meta is not None:
        handed = int(end.meta["handed"])
    # Chunks are handed to the transport in their order, so the first of them was taken or none.
    presumed = first.leaf.chunk >= handed
    day = dt.date.fromisoformat(first.leaf.time[:10])
    return Disclosure(first, presumed, None, 1, day)


def account(
    lines: Iterable[Disclosure],
    suspended: Mapping[str, Suspension],
    today: dt.date,
    audience: Audience,
) -> Accounting:
    """Return what an audience is shown of a person's disclosures.

    The person gets repeats to one recipient as one line, with the number and the last date (45 CFR
    164.528(b)(3)); only what is alike in every field is a repeat. An auditor gets each.

    Args:
        lines: Of the person, in the log's order.
        suspended: By recipient, as `suspensions` has them.
        today: The UTC day.
        audience: Who is shown it.
    """
    marked = [replace(one, withheld=_withheld(one, suspended, today)) for one in lines]
    withheld = sum(one.withheld is not None for one in marked)
    if audience is Audience.AUDITOR:
        return Accounting(tuple(marked), withheld)
    return Accounting(_repeats([one for one in marked if one.withheld is None]), withheld)


def _withheld(
    line: Disclosure, suspended: Mapping[str, Suspension], today: dt.date
) -> dt.date | None:
    recipient = line.event.facts.get("recipient")
    if recipient is None:
        # What the exchange was is erased: it may be the one that nobody may be told of.
        days = [one.until for one in suspended.values() if one.hides(today)]
        return max(days, default=None)
    one = suspended.get(recipient)
    return one.until if one is not None and one.hides(today) else None


def _repeats(lines: Sequence[Disclosure]) -> tuple[Disclosure, ...]:
    found: dict[object, Disclosure] = {}
    for line in lines:
        facts = line.event.facts
        key: object = tuple(repr(facts[name]) for name in _ALIKE) if facts else line.event.index
        before = found.get(key)
        if before is None:
            found[key] = line
        else:
            found[key] = replace(before, count=before.count + 1, last=line.last)
    return tuple(found.values())
