"""Sequences of tables of one source, and whoever holds all of them.

Records are drawn, tables are cut from them one after another, each judged beside those before. The
attacker at the end is written from the records alone: he splits days, counties, sexes and ages as
finely as any of the tables does, gives each smallest class an unknown number of events (or each
kind of person an unknown number of people), and knows of every cell which of them it counts.
"""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from gateway.disclosure.depths import coarser
from gateway.disclosure.linked import Asked, bearable, protected
from gateway.disclosure.parts import Counts, Part
from gateway.disclosure.rules import Cost, weights
from gateway.disclosure.table import DisclosureError, Key, Limits, Row, View
from tests.disclosure import oracle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


FAR = 10_000
"""More events than any of the worlds has: the attacker knows no bound but what was published."""

FIRST = dt.date(2026, 1, 1)
COUNTIES, SEXES = ("c1", "c2", "c3"), ("f", "m")
REGIONS = {"c1": "r1", "c2": "r1", "c3": "r2"}
AGES = (0, 18, 40, 65)
CUTS = ((0, 18, 40, 65), (0, 40), (0, 18, 65), (0, 65))
UNITS = ("day", "week_iso", "week_mmwr", "month", "quarter", "year")


class Event(NamedTuple):
    """One record."""

    person: int
    day: dt.date
    county: str
    sex: str
    age: int


@dataclass(frozen=True, slots=True)
class Cut:
    """How one table is cut.

    Attributes:
        unit: Of time.
        periods: First days of the periods that leave.
        others: The other dimensions, among `county`, `sex`, `age`.
        edges: Of the bands of age.
        margins: The dimensions that each kind of total keeps, besides time.
        people: Whether people are counted, who do not add up.
        zeros: `publish` or `suppress`.
        places: Which places `county` names: `county` or `region` alone, `both` as levels of one
            table, or `upper`: the regions of such a table, of which no county left.
        rounded_to: Nothing is suppressed: counts leave as multiples of this.
        counties: The levels of `county`.
        min_cell: Fewer people, or events, are held back.
        width: How wide the range of what is held back stays.
    """

    unit: str
    periods: tuple[dt.date, ...]
    others: tuple[str, ...]
    edges: tuple[int, ...]
    margins: tuple[tuple[str, ...], ...]
    people: bool
    zeros: str
    places: str = "county"
    rounded_to: int = 0
    counties: tuple[str, ...] = COUNTIES
    min_cell: int = 5
    width: int = 3


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A table that left, and the records it was made from."""

    cut: Cut
    counts: Counts
    records: tuple[Event, ...]


def begins(day: dt.date, unit: str) -> dt.date:
    """Return the first day of the period that a day lies in."""
    match unit:
        case "day":
            return day
        case "week_iso":
            return day - dt.timedelta(day.weekday())
        case "week_mmwr":
            return day - dt.timedelta(day.isoweekday() % 7)
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=1 + (day.month - 1) // 3 * 3, day=1)
        case _:
            return day.replace(month=1, day=1)


def ends(first: dt.date, unit: str) -> dt.date:
    """Return the first day after a period."""
    day = first
    while begins(day, unit) == first:
        day += dt.timedelta(1)
    return day


def level(event: Event, cut: Cut, name: str) -> str:
    """Return the finest level of a record on one dimension of a table."""
    if name == "day":
        return f"={begins(event.day, cut.unit).isoformat()}"
    if name == "age":
        return f"={max(edge for edge in cut.edges if edge <= event.age)}+"
    if name == "county":
        return place(event.county, cut)[0]
    return f"={getattr(event, name)}"


def place(county: str, cut: Cut) -> tuple[str, ...]:
    """Return the levels of a table that a county is or lies in, the finest first."""
    region = REGIONS[county]
    return {
        "county": (f"={county}",),
        "region": (f"={region}",),
        "both": (f"={county}", f"^region={region}"),
        "upper": (f"^region={region}",),
    }[cut.places]


def inside_of(event: Event, cut: Cut, name: str, wanted: str) -> bool:
    """Return whether a record lies in a level of a dimension of a table."""
    if name == "county":
        return wanted in {"*", *place(event.county, cut)}
    return wanted in {"*", level(event, cut, name)}


def table_of(cut: Cut, records: Sequence[Event]) -> Counts:
    """Return the table of some records, nothing hidden yet.

    Few people are protected where events are counted too, and few events where people are.
    """
    names = ("day", *cut.others)
    levels: dict[str, list[str]] = {
        "day": [f"={day.isoformat()}" for day in cut.periods],
        "county": list(dict.fromkeys(one for county in cut.counties for one in place(county, cut))),
        "sex": [f"={one}" for one in SEXES],
        "age": [f"={edge}+" for edge in cut.edges],
    }
    inside = [one for one in records if begins(one.day, cut.unit) in cut.periods]
    keys: list[Key] = []
    values: list[int] = []
    few: list[int] = []
    for kept in (names, *(("day", *margin) for margin in cut.margins)):
        for key in itertools.product(*(levels[n] if n in kept else ["*"] for n in names)):
            members = [
                one
                for at, one in enumerate(inside)
                if all(inside_of(one, cut, n, k) for n, k in zip(names, key, strict=True))
            ]
            keys.append(key)
            few.append(len({one.person for one in members}))
            values.append(few[-1] if cut.people else len(members))
    numbers = np.array(values, np.int64)
    cells = {(one.person, *(level(one, cut, name) for name in names)) for one in inside}
    apart = len(cells) == len({one.person for one in inside})
    small = np.array(few, np.int64) < cut.min_cell
    if cut.zeros == "publish":
        small &= numbers > 0
    return Counts(
        measure="count people" if cut.people else "count record events",
        parts=tuple(_part(cut, name) for name in names),
        keys=tuple(keys),
        values=numbers,
        hidden=np.zeros(len(keys), np.bool_),
        primary=small,
        additive=not cut.people or apart,
        floor=int(cut.zeros == "publish"),
        lasting=tuple(_lasts(inside, cut, name) or not cut.people for name in names),
        width=cut.width,
        rounded_to=cut.rounded_to,
    )


def _lasts(records: Sequence[Event], cut: Cut, name: str) -> bool:
    if name == "county":
        both = {(one.person, place(one.county, cut)[-1]) for one in records}
    else:
        both = {(one.person, level(one, cut, name)) for one in records}
    return len(both) == len({person for person, _ in both})


def _part(cut: Cut, name: str) -> Part:
    match name:
        case "day":
            return Part("day", f"truncate {cut.unit}", cut.unit)
        case "age":
            edges = tuple((edge, f"{edge}+") for edge in cut.edges)
            return Part("age", f"band {cut.edges}", "", edges)
        case "county":
            return _places(cut)
        case _:
            return Part(name, "pass")


def _places(cut: Cut) -> Part:
    counties = tuple((f"={one}", (one,)) for one in COUNTIES)
    if cut.places == "county":
        return Part("county", "geo county", codes=counties)
    if cut.places == "region":
        regions = sorted(set(REGIONS.values()))
        lying = {r: tuple(c for c in COUNTIES if REGIONS[c] == r) for r in regions}
        return Part("county", "geo region", codes=tuple((f"={r}", lying[r]) for r in regions))
    parents = tuple((f"={one}", f"^region={REGIONS[one]}") for one in COUNTIES)
    both = Part("county", "geo county", codes=counties, parents=parents)
    return both if cut.places == "both" else coarser(both, "region")


# --- whoever holds all of them ---

Class: TypeAlias = tuple[str, ...]


class Attacker:
    """What everybody can work out from tables that left, about the cells that are hidden.

    Records only ever come late: those behind a later table are no fewer in any class.

    Args:
        told: The tables, in the order in which they left.
    """

    def __init__(self, told: Sequence[Told]) -> None:
        self._told = told
        stops = {day for one in told for p in one.cut.periods for day in (p, ends(p, one.cut.unit))}
        self._stops = sorted(stops)
        self._rows: list[Row] = []
        self._place: dict[int, int] = {}
        self._free = 0
        for one in told:
            self._place[id(one)] = self._free
            self._free += len(one.counts.keys)
        self._told_apart(told)

    def _told_apart(self, told: Sequence[Told]) -> None:
        """Add what everybody knows of the cells."""
        self._events(told)

    def narrow(self) -> list[str]:
        """Return the small cells of all tables whose range is narrower than agreed."""
        size = self._free
        hidden = np.ones(size, np.bool_)
        published = np.zeros(size, np.int64)
        lower = np.zeros(size, np.int64)
        upper = np.full(size, FAR)
        asked: dict[int, str] = {}
        widths = np.zeros(size, np.int64)
        for number, one in enumerate(self._told):
            first = self._place[id(one)]
            place = slice(first, first + len(one.counts.keys))
            hidden[place] = one.counts.hidden
            published[place] = one.counts.values
            widths[place] = one.cut.width
            lower[place] = np.minimum(one.counts.floor, one.counts.values)
            if one.cut.rounded_to:
                hidden[place] = True
                ends = [_believed(int(value), one.cut.rounded_to) for value in one.counts.values]
                lower[place], upper[place] = [low for low, _ in ends], [high for _, high in ends]
            for at in np.flatnonzero(one.counts.primary).tolist():
                key = one.counts.keys[at]
                asked[first + at] = f"table {number} {key} = {one.counts.values[at]}"
                assert hidden[first + at], "a small cell was published"
        view = View(tuple(self._rows), published, hidden, lower, upper)
        left = list(asked)
        for integer in (False, True):
            found = oracle.ranges(view, integer=integer, cells=left, at_once=16, quick=True)
            low, high = np.ceil(found[:, 0] - 1e-6), np.floor(found[:, 1] + 1e-6)
            bad = [cell for cell in left if high[cell] - low[cell] < widths[cell]]
            if bad:
                return [f"{asked[c]}: [{low[c]:.0f}, {high[c]:.0f}]" for c in bad]
            # Where real numbers leave much room, whole ones leave enough.
            left = [cell for cell in left if high[cell] - low[cell] < 2 * widths[cell] + 4]
        return []

    def _classes(self, told: Sequence[Told]) -> list[Class]:
        """Return every smallest class of events, whether any event is in it or not."""
        names = {name for one in told for name in one.cut.others}
        edges = sorted({edge for one in told for edge in one.cut.edges if "age" in one.cut.others})
        spans = [
            day.isoformat()
            for day in self._stops
            if any(begins(day, one.cut.unit) in one.cut.periods for one in told)
        ]
        return list(
            itertools.product(
                spans,
                self._told[0].cut.counties if "county" in names else ["*"],
                SEXES if "sex" in names else ["*"],
                [str(edge) for edge in edges] if "age" in names else ["*"],
            )
        )

    @staticmethod
    def _counts(cut: Cut, key: Key, one: Class) -> bool:
        day = dt.date.fromisoformat(one[0])
        for name, wanted in zip(("day", *cut.others), key, strict=True):
            if wanted == "*":
                continue
            if name == "day":
                found = f"={begins(day, cut.unit).isoformat()}"
            elif name == "age":
                found = f"={max(edge for edge in cut.edges if edge <= int(one[3]))}+"
            elif name == "county":
                found = wanted if wanted in place(one[1], cut) else ""
            else:
                found = f"={one[2]}"
            if found != wanted:
                return False
        return begins(day, cut.unit) in cut.periods

    def _events(self, told: Sequence[Told]) -> None:
        """Each version of the records has its own numbers, never fewer than the one before."""
        classes = self._classes(told)
        before: list[int] | None = None
        records: tuple[Event, ...] | None = None
        for one in told:
            if before is None or one.records != records:
                now = [self._new() for _ in classes]
                if before is not None:
                    self._rows += [
                        Row((n, b), (1, -1), 0, FAR) for n, b in zip(now, before, strict=True)
                    ]
                before, records = now, one.records
            self._sums(one, [(place, cls) for place, cls in zip(before, classes, strict=True)])

    def _sums(self, one: Told, classes: Sequence[tuple[int, Class]]) -> None:
        first = self._place[id(one)]
        for at, key in enumerate(one.counts.keys):
            parts = [place for place, cls in classes if self._counts(one.cut, key, cls)]
            self._rows.append(Row((first + at, *parts), (1, *[-1] * len(parts))))

    def _new(self) -> int:
        self._free += 1
        return self._free - 1


def _believed(value: int, base: int) -> tuple[int, int]:
    """Return the first and the last count that is rounded as this one is."""
    told = round(Fraction(value, base))
    same = [n for n in range(value + base + 1) if round(Fraction(n, base)) == told]
    return same[0], same[-1]


def released(cuts: Iterable[tuple[Cut, Sequence[Event]]]) -> tuple[list[Told], list[str]]:
    """Return the tables that leave, one judged beside those before, and why others do not."""
    told: list[Told] = []
    refused: list[str] = []
    for cut, records in cuts:
        new = table_of(cut, records)
        before = [one.counts for one in told]
        asked = Asked(cut.min_cell, cut.width)
        try:
            if cut.rounded_to:
                bearable(new, before, asked, Limits())
                hidden = new.hidden
            else:
                costs = weights(new.values, Cost.LOG)
                hidden = protected(new, before, asked, costs, Limits())
        except DisclosureError as error:
            refused.append(error.cause)
            continue
        told.append(Told(cut, replace(new, hidden=hidden), tuple(records)))
    return told, refused
