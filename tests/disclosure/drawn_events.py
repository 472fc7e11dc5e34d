"""Events, and how tables of them are cut, drawn from a seed."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING

from tests.disclosure.sequences import COUNTIES, CUTS, FIRST, SEXES, Cut, Event, begins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.disclosure.tables import Rng


def drawn_people(rng: Rng) -> list[Event]:
    """Return events of two months; some people have several, in other counties and months."""
    found = []
    for person in range(int(rng.integers(10, 50))):
        sex = SEXES[int(rng.random() < 0.3)]
        for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
            day = FIRST + dt.timedelta(int(rng.integers(59)))
            found.append(Event(person, day, COUNTIES[int(rng.random() < 0.7)], sex, 20))
    return found


def drawn_events(rng: Rng, count: int, first: int = 0, days: int = 90) -> list[Event]:
    """Return events of the first days of the year, few in some classes."""
    odds = rng.dirichlet([0.8] * 3)
    return [
        Event(
            first + at,
            FIRST + dt.timedelta(int(rng.integers(days))),
            COUNTIES[rng.choice(3, p=odds)],
            SEXES[int(rng.random() < 0.3)],
            int(rng.choice([5, 20, 45, 70], p=[0.1, 0.4, 0.35, 0.15])),
        )
        for at in range(count)
    ]


def drawn_cut(rng: Rng, units: Sequence[str], *, people: bool = False) -> Cut:
    """Return a table's cut: some periods, some dimensions, some totals."""
    unit = str(rng.choice(list(units)))
    every = sorted({begins(FIRST + dt.timedelta(at), unit) for at in range(90)})
    every = [day for day in every if day >= FIRST]
    if rng.random() < 0.4 and len(every) > 1:
        start = int(rng.integers(len(every)))
        every = every[start : start + int(rng.integers(1, 4))]
    every = every[:4]
    others = tuple(n for n in ("county", "sex", "age") if rng.random() < 0.45)
    choices = [m for size in range(len(others)) for m in itertools.combinations(others, size)]
    margins = tuple(m for m in choices if rng.random() < 0.5)
    return Cut(
        unit,
        tuple(every),
        others,
        CUTS[int(rng.integers(len(CUTS)))],
        margins,
        people,
        "publish" if rng.random() < 0.7 else "suppress",
    )
