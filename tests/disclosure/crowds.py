"""People and their events in tables of one source, and whoever holds all of them.

The attacker is written from the records alone. A place is a stretch of days, a county and an age; a
person was seen in some places, in each of them from some version of the records on, and never
changes his sex. He gives every such history an unknown number of people, every place an unknown
number of events in every version, and knows that who was seen has an event and that no event is
nobody's.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, TypeAlias

from gateway.disclosure.table import Row
from tests.disclosure.sequences import (
    AGES,
    FAR,
    FIRST,
    SEXES,
    Attacker,
    Class,
    Cut,
    Event,
    begins,
    ends,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.disclosure.sequences import Told
    from tests.disclosure.tables import Rng

HISTORIES_MAX = 1_200
Rule: TypeAlias = tuple[int, int]
"""The least cell of a provision, and its interval."""
USUAL: Rule = (5, 3)
RULES: tuple[Rule, ...] = (USUAL, (6, 4), (11, 9))
NEW_YEAR = dt.date(2025, 12, 8)
MANY = 200
"""More events than one person has in any of the worlds."""


class CrowdAttacker(Attacker):
    """Whoever holds tables of people and of their events."""

    def _told_apart(self, told: Sequence[Told]) -> None:
        classes = self._classes(told)
        sexes = sorted({one[2] for one in classes})
        places = sorted({(one[0], one[1], one[3]) for one in classes})
        versions: list[tuple[Event, ...]] = []
        for one in told:
            if not versions or versions[-1] != one.records:
                versions.append(one.records)
        assert len(sexes) * (len(versions) + 1) ** len(places) <= HISTORIES_MAX, "too many"
        events = {
            (sex, place, version): self._new()
            for sex in sexes
            for place in places
            for version in range(len(versions))
        }
        histories = {
            (sex, since): self._new()
            for sex in sexes
            for since in itertools.product(range(len(versions) + 1), repeat=len(places))
            if min(since) < len(versions)
        }
        self._cells(told, versions, places, events, histories)
        self._somebody(places, len(versions), events, histories)

    def _cells(
        self,
        told: Sequence[Told],
        versions: Sequence[tuple[Event, ...]],
        places: Sequence[tuple[str, str, str]],
        events: dict[tuple[str, tuple[str, str, str], int], int],
        histories: dict[tuple[str, tuple[int, ...]], int],
    ) -> None:
        for one in told:
            first, now = self._place[id(one)], versions.index(one.records)
            for at, key in enumerate(one.counts.keys):
                if one.cut.people:
                    parts = [
                        number
                        for (sex, since), number in histories.items()
                        if any(
                            version <= now and self._counts(one.cut, key, _class(place, sex))
                            for place, version in zip(places, since, strict=True)
                        )
                    ]
                else:
                    parts = [
                        number
                        for (sex, place, version), number in events.items()
                        if version <= now and self._counts(one.cut, key, _class(place, sex))
                    ]
                self._rows.append(Row((first + at, *parts), (1, *[-1] * len(parts))))

    def _somebody(
        self,
        places: Sequence[tuple[str, str, str]],
        versions: int,
        events: dict[tuple[str, tuple[str, str, str], int], int],
        histories: dict[tuple[str, tuple[int, ...]], int],
    ) -> None:
        for (sex, place, version), number in events.items():
            at = places.index(place)
            new = [n for (s, since), n in histories.items() if s == sex and since[at] == version]
            seen = [n for (s, since), n in histories.items() if s == sex and since[at] <= version]
            self._rows.append(Row((number, *new), (1, *[-1] * len(new)), 0, FAR * MANY))
            self._rows.append(Row((number, *seen), (-1, *[MANY] * len(seen)), 0, FAR * MANY))


def _class(place: tuple[str, str, str], sex: str) -> Class:
    day, county, age = place
    return (day, county, sex, age)


# --- drawing ---


def drawn_crowd(
    rng: Rng, people: int, first: int = 0, begin: dt.date = FIRST, days: int = 59
) -> list[Event]:
    """Return events of some people: how many are seen again, and where, is drawn for all of them.

    Where nearly everybody is seen everywhere, few numbers tell nearly everything.
    """
    again, women, near = rng.choice([0.1, 0.5, 0.95]), rng.choice([0.05, 0.3]), rng.random()
    found = []
    for person in range(first, first + people):
        sex = SEXES[int(rng.random() < 1 - women)]
        age = int(rng.choice([20, 70], p=[0.7, 0.3]))
        county, month = str(rng.choice(["c1", "c2"], p=[near, 1 - near])), int(rng.integers(2))
        while True:
            day = begin + dt.timedelta(int(rng.integers(days // 2)) + month * (days // 2))
            found.append(Event(person, day, county, sex, age))
            if rng.random() > again or rng.random() < 0.2:
                break
            if rng.random() < 0.6:
                county = "c2" if county == "c1" else "c1"
            if rng.random() < 0.4:
                month = 1 - month
            age = age if rng.random() < 0.9 else 20
    return found


def drawn_crowd_cuts(
    rng: Rng, tables: int, versions: int, begin: dt.date = FIRST, rules: Sequence[Rule] = (USUAL,)
) -> list[Cut]:
    """Return cuts of few places together: what an attacker can write down every history of."""
    dimensions = [("county",), ("sex",), ("age",), ("county", "sex"), ("county", "age")]
    while True:
        names = dimensions[int(rng.integers(len(dimensions)))] if rng.random() < 0.9 else ()
        cuts = [_drawn(rng, names, begin, rules) for _ in range(tables)]
        stretches = len({day for one in cuts for day in _stops(one)}) - 1
        used = {name for one in cuts for name in one.others}
        ages = {edge for one in cuts for edge in one.edges if "age" in one.others}
        places = stretches * max(1, len(ages)) * (2 if "county" in used else 1)
        if 2 * (versions + 1) ** places <= HISTORIES_MAX:
            return cuts


def _stops(cut: Cut) -> list[dt.date]:
    return [day for period in cut.periods for day in (period, ends(period, cut.unit))]


def _drawn(rng: Rng, names: Sequence[str], begin: dt.date, rules: Sequence[Rule]) -> Cut:
    unit = str(rng.choice(["month", "month", "quarter", "week_iso"]))
    every = sorted({begins(begin + dt.timedelta(at), unit) for at in range(59)})
    least, width = rules[int(rng.integers(len(rules)))]
    start = int(rng.integers(len(every)))
    others = tuple(one for one in names if rng.random() < 0.75)
    choices = [m for size in range(len(others)) for m in itertools.combinations(others, size)]
    return Cut(
        unit,
        tuple(every[start : start + int(rng.integers(1, 3))]),
        others,
        (AGES[0], AGES[-1]) if rng.random() < 0.5 else (0, 40),
        tuple(m for m in choices if rng.random() < 0.6),
        bool(rng.random() < 0.5),
        "publish" if rng.random() < 0.7 else "suppress",
        counties=("c1", "c2"),
        min_cell=least,
        width=width,
    )
