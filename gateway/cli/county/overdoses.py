"""What happened in the county: overdoses, which several agencies then see each in its own way.

One event may become an EMS report, a police row, an emergency department visit and a referral, so
that a demo can show one day from four sides, and a test can try to join them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.cli.county.files import chance
from gateway.cli.county.people import Person, a_person
from gateway.cli.county.places import ZONE, Spot, a_spot

if TYPE_CHECKING:
    from random import Random

RECENT: Final = 30
"""So many events lie in the 70 hours before `now`; the others in the nine weeks before those."""
WEEKS: Final = 9
SUBSTANCES: Final = (
    ("fentanyl",),
    ("heroin",),
    ("heroin", "fentanyl"),
    ("fentanyl", "methamphetamine"),
    ("unknown",),
)


@dataclass(frozen=True, slots=True)
class Overdose:
    """One overdose. `at` is aware, in the county's zone, to the second; `doses` counts naloxone."""

    number: int
    person: Person
    spot: Spot
    at: dt.datetime
    substances: tuple[str, ...]
    doses: int
    improved: bool
    survived: bool
    transported: bool


def overdoses(random: Random, now: dt.datetime, count: int) -> tuple[Overdose, ...]:
    """Return `count` overdoses before `now`, oldest first, numbered from 1."""
    moments = sorted(_moment(random, now, index) for index in range(count))
    today = now.astimezone(ZONE).date()
    return tuple(_overdose(random, number, at, today) for number, at in enumerate(moments, 1))


def _moment(random: Random, now: dt.datetime, index: int) -> dt.datetime:
    hours = random.uniform(3, 70) if index < RECENT else random.uniform(80, WEEKS * 7 * 24)
    return (now - dt.timedelta(hours=hours)).replace(microsecond=0).astimezone(ZONE)


def _overdose(random: Random, number: int, at: dt.datetime, today: dt.date) -> Overdose:
    person = a_person(random, number, today)
    survived = chance(random, 0.9)
    doses = random.choices((0, 1, 2, 3, 4), (12, 42, 28, 12, 6))[0]
    return Overdose(
        number=number,
        person=person,
        spot=person.home if chance(random, 0.45) else a_spot(random),
        at=at,
        substances=random.choice(SUBSTANCES),
        doses=doses,
        improved=survived and doses > 0 and chance(random, 0.9),
        survived=survived,
        transported=survived and chance(random, 0.6),
    )
