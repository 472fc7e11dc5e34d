"""Two years of real records, month by month with quarters and years: nobody opens a small cell.

The police overdose responses by region, age and sex; the EMS naloxone events by region and half
of the day.
No cell of them is printed: a failure says how many, never which.
"""

from __future__ import annotations

import csv
import datetime as dt
import itertools
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.disclosure.attack import attack
from gateway.disclosure.linked import Asked, joint, protected
from gateway.disclosure.parts import Counts, Part
from gateway.disclosure.rules import Cost, view_of, weights
from gateway.disclosure.table import Limits
from tests.data import DATA, needs_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.disclosure.table import Key

pytestmark = needs_data

MIN_CELL, WIDTH = 11, 9
ASKED = Asked(MIN_CELL, WIDTH)
MONTHS = {"month": 1, "quarter": 3, "year": 12}
COUNTIES_A_REGION = 24  # county codes are odd, so about eleven counties


def region(fips: str) -> str:
    """Return a made-up region of neighbouring county codes."""
    return f"region-{int(fips or 0) // COUNTIES_A_REGION}"


def responses() -> list[tuple[str, ...]]:
    """Return day, region, age and sex of each victim of the police overdose responses."""
    seen: dict[str, tuple[str, ...]] = {}
    with (DATA / "pa_psp_odin" / "odin_2018_2019.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            day = dt.datetime.strptime(row["Incident Date"], "%m/%d/%Y").date()  # noqa: DTZ007
            first = row["Age Range"][:2].strip(" -")
            age = "unknown" if not first.isdigit() else "old" if int(first) >= 50 else (
                "middle" if int(first) >= 30 else "young"
            )  # fmt: skip
            sex = "female" if row["Gender Desc"] == "Female" else "other"
            place = region(row["Incident County FIPS Code"])
            seen.setdefault(row["Victim ID"], (day.isoformat(), place, age, sex))
    return list(seen.values())


def naloxone() -> list[tuple[str, ...]]:
    """Return day, region and part of the day of each EMS naloxone event of 2018 and 2019."""
    found: list[tuple[str, ...]] = []
    with (DATA / "pa_ems_naloxone" / "ems_naloxone_2018_2020.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            day = dt.datetime.strptime(row["Event Date"], "%m/%d/%Y").date()  # noqa: DTZ007
            part = row["Event Time"][-2:].lower()
            if day.year < 2020:
                found.append((day.isoformat(), region(row["Incident County FIPS Code"]), part))
    return found


def begins(day: str, unit: str) -> str:
    """Return the first day of the period that a day lies in."""
    year, month, _ = map(int, day.split("-"))
    return dt.date(year, (month - 1) // MONTHS[unit] * MONTHS[unit] + 1, 1).isoformat()


def periods() -> Iterator[tuple[str, str]]:
    """Yield each month of two years, after three of them their quarter, after twelve the year."""
    for year, month in itertools.product((2018, 2019), range(1, 13)):
        first = dt.date(year, month, 1).isoformat()
        for unit, months in MONTHS.items():
            if month % months == 0:
                yield unit, begins(first, unit)


def _level(one: str | None) -> str:
    return "*" if one is None else f"={one}"


def table_of(
    events: Sequence[tuple[str, ...]], names: Sequence[str], unit: str, period: str
) -> Counts:
    """Return the table of one period: every cell, the total, and the totals of each region."""
    levels = [sorted({event[at] for event in events}) for at in range(1, len(names) + 1)]
    inside = [event[1:] for event in events if begins(event[0], unit) == period]
    kept = [tuple(range(len(names))), (0,), ()]
    count: Counter[Key] = Counter()
    keys: list[Key] = []
    for shown in kept:
        cut = [levels[at] if at in shown else [None] for at in range(len(names))]
        for cell in itertools.product(*cut):
            keys.append((f"={period}", *map(_level, cell)))  # noqa: PERF401 - it grows by shape
        for event in inside:
            spelled = (f"={one}" if at in shown else "*" for at, one in enumerate(event))
            count[f"={period}", *spelled] += 1
    keys.sort()
    values = np.array([count[key] for key in keys], np.int64)
    small = (values > 0) & (values < MIN_CELL)
    return Counts(
        measure="count",
        parts=(Part("day", f"truncate {unit}", unit), *(Part(name, name) for name in names)),
        keys=tuple(keys),
        values=values,
        hidden=np.zeros(len(keys), np.bool_),
        primary=small,
        additive=True,
        floor=1,
        width=WIDTH,
    )


@pytest.mark.parametrize(
    ("events", "names"),
    [(responses, ("region", "age", "sex")), (naloxone, ("region", "part"))],
)
def test_two_years_with_quarters_and_years_open_nothing(
    events: Callable[[], list[tuple[str, ...]]], names: tuple[str, ...]
) -> None:
    """34 tables one after another, then everything that left to one attacker in whole numbers."""
    records = events()
    left: list[Counts] = []
    for unit, period in periods():
        new = table_of(records, names, unit, period)
        before = [one for one in left if one.keys[0][0][:5] == new.keys[0][0][:5]]
        hidden = protected(new, before, ASKED, weights(new.values, Cost.LOG), Limits())
        left.append(replace(new, hidden=hidden))

    assert 24 + 8 + 2 == len(left)
    for year in ("2018", "2019"):
        *before, last = [one for one in left if one.keys[0][0][1:5] == year]
        whole = joint(last, before, ASKED, weights(last.values, Cost.LOG))
        problem = whole.problem
        hidden = (problem.shut | problem.primary) & ~problem.open
        hidden[whole.new] |= last.hidden
        wide = np.where(problem.primary, WIDTH, 0)

        seen = attack(view_of(problem, hidden), integer=True, enough=wide)

        assert problem.primary.sum() > 10, "there is something to open"
        assert 0 == ((seen.high - seen.low < wide) & problem.primary).sum()
        assert (~hidden & (problem.table.values > 0)).sum() > 100, "there is something to read"
