"""Tables of one source as one table: what two of them tell together, neither tells alone.

Each table brings its cells. Where two tables count the same people over the same partition, coarse
enough for both, one sum equals the other: that is one more thing everybody knows. Where the sums
differ (a filter, a correction, a late record) the difference is itself a number of people: a cell
that nobody published and everybody can subtract, and it is protected like any other.

Source of the rules: the project's specification of disclosure control, section 8.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.disclosure.rules import upper_bounds, view_of
from gateway.disclosure.table import DisclosureError, Problem, Row, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.disclosure.table import Flags, Integers, Key, View

TOTAL: Final = "*"
_VALUE: Final = "="
_COARSER: Final[Mapping[str, tuple[str, ...]]] = {
    "day": ("day", "week_iso", "week_mmwr", "month", "quarter", "year"),
    "week_iso": ("week_iso",),
    "week_mmwr": ("week_mmwr",),
    "month": ("month", "quarter", "year"),
    "quarter": ("quarter", "year"),
    "year": ("year",),
}
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_WEEKS: Final = {"week_iso": 0, "week_mmwr": 6}


@dataclass(frozen=True, slots=True)
class Part:
    """How a table is cut along one dimension.

    Attributes:
        name: The field.
        cut: Everything that makes its levels: two parts with the same text have the same levels.
        unit: Of the time dimension: `day`, `month` and so on; else empty.
        edges: Of bands: the lower edge of each, and its level; else empty.
    """

    name: str
    cut: str
    unit: str = ""
    edges: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """One table of one measure, as it was published or is about to be.

    Attributes:
        measure: What is counted or summed; only the same is linked.
        parts: One for each place of a key.
        keys: `=value`, `~missing`, `~masked` or `*` for each part.
        values: True numbers.
        hidden: Not published. Of a table that has not left yet: nothing.
        primary: Hidden because small: to be protected.
        additive: Whether a unit is in one cell alone.
        floor: The least that a hidden cell can be: 1 where zeros are published.
    """

    measure: str
    parts: tuple[Part, ...]
    keys: tuple[Key, ...]
    values: Integers
    hidden: Flags
    primary: Flags
    additive: bool
    floor: int


@dataclass(frozen=True, slots=True)
class Asked:
    """How uncertain the attacker has to stay.

    Attributes:
        min_cell: Differences of 1 to `min_cell` - 1 are protected too.
        width: How wide the range of a protected cell stays.
        share: Of a sum: the part of the value, in percent, by which its range stays off it, both
            ways; 0 for a count.
    """

    min_cell: int
    width: int
    share: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """The joint problem, and where the new table's cells stand in it."""

    problem: Problem
    new: Integers

    @property
    def enough(self) -> Integers:
        """How wide a range has to be for nothing more to be asked of it."""
        # Where a range has also to reach off its cell both ways, its width alone says too little.
        far = self.problem.up + self.problem.down
        return np.where(far > 0, self.problem.upper + 1, self.problem.width)

    def view(self, hidden: Flags) -> View:
        """Return what everybody sees of it under a pattern."""
        return view_of(self.problem, hidden)


def joint(new: Counts, earlier: Sequence[Counts], asked: Asked, weights: Integers) -> Joint:
    """Return the problem of a new table beside all that was released before.

    Args:
        new: The new table; its `hidden` are those that are hidden whatever is chosen.
        earlier: Tables of the same source that share something with it.
        asked: The protection.
        weights: What hiding each of the new table's cells costs.

    Raises:
        DisclosureError: `shape`, where all of them together are too many cells.
    """
    return _Joint(new, earlier, asked, weights).made()


class _Joint:
    """Cells side by side: the new table's first, then the earlier ones', then differences."""

    def __init__(
        self, new: Counts, earlier: Sequence[Counts], asked: Asked, weights: Integers
    ) -> None:
        self._tables = [new, *earlier]
        self._asked = asked
        self._weights = weights
        self._first: list[int] = []
        size = 0
        for table in self._tables:
            self._first.append(size)
            size += len(table.keys)
        self._size = size
        self._values = np.concatenate([one.values for one in self._tables])
        self._differences: list[int] = []
        self._rows: list[Row] = []

    def made(self) -> Joint:
        """Return the joint problem."""
        for at, table in enumerate(self._tables):
            self._rows += within(table, self._first[at])
        for left, right in _pairs(_groups(self._tables, self._first)):
            self._link(left, right)
        return self._problem()

    def _link(self, left: _Group, right: _Group) -> None:
        sums, others = _common(left, right)
        for level in sorted(sums.keys() & others.keys()):
            one, other = sums[level], others[level]
            more = int(self._values[one].sum()) - int(self._values[other].sum())
            cells, signs = (*one, *other), [1] * len(one) + [-1] * len(other)
            if more:
                self._differences.append(abs(more))
                cells += (self._size + len(self._differences) - 1,)
                signs.append(-1 if more > 0 else 1)
            self._rows.append(Row(cells, tuple(signs)))

    def _problem(self) -> Joint:
        asked, tables = self._asked, self._tables
        apart = np.array(self._differences, np.int64)
        none, yes = np.zeros(len(apart), np.bool_), np.ones(len(apart), np.bool_)
        values = np.concatenate([self._values, apart])
        old = [np.full(len(one.keys), at > 0) for at, one in enumerate(tables)]
        before = np.concatenate([*old, none])
        hidden = np.concatenate([*[one.hidden for one in tables], yes])
        small = (apart >= 1) & (apart < asked.min_cell)
        primary = np.concatenate([*[one.primary for one in tables], small])
        floor = np.concatenate(
            [
                *[np.full(len(one.keys), one.floor) for one in tables],
                np.zeros(len(apart), np.int64),
            ]
        )
        weights = np.ones(len(values), np.int64)
        weights[: len(self._weights)] = self._weights
        keys = tuple(
            (f"{at:04}", *key) for at, one in enumerate(tables) for key in one.keys
        ) + tuple((f"{len(tables):04}", f"{at:06}") for at in range(len(apart)))
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        rows = tuple(
            Row(tuple(int(place[cell]) for cell in row.cells), row.coefficients, row.low, row.high)
            for row in self._rows
        )
        table = Table(tuple(keys[at] for at in order), values[order], rows)
        shut = hidden & ~primary
        off = np.where(primary & (asked.share > 0), -(-values * asked.share // 100), 0)
        lower = np.minimum(floor, values)
        # A sum of little is hidden as wide as it is large: nobody makes nine out of two.
        wide = np.clip(values, 1, asked.width) if asked.share else np.full(len(values), asked.width)
        problem = Problem(
            table=table,
            lower=lower[order],
            upper=upper_bounds(rows, table.values, ~(hidden | primary)[order], asked.min_cell - 1),
            weights=weights[order],
            primary=primary[order],
            open=((before & ~hidden) | (~before & ~hidden & ~primary & (values == 0)))[order],
            shut=shut[order],
            width=np.where(primary, wide, 0)[order],
            up=off[order],
            down=np.minimum(off, values - lower)[order],
        )
        return Joint(problem, place[: len(tables[0].keys)])


def within(table: Counts, first: int) -> Iterator[Row]:
    """Yield what holds inside a table: each margin against the cells that it is over.

    Of counts that do not add up (people who stand in several cells) a total is between the largest
    of its parts and their sum.
    """
    place = {key: first + at for at, key in enumerate(table.keys)}
    kept = sorted({tuple(level != TOTAL for level in key) for key in table.keys}, reverse=True)
    for coarse in kept:
        finer = [one for one in kept if _covers(one, coarse)]
        for fine in finer:
            # Only the next finer ones: what follows from two steps needs no row of its own.
            if any(_covers(fine, between) for between in finer):
                continue
            groups: dict[Key, list[int]] = defaultdict(list)
            for key, at in place.items():
                if tuple(level != TOTAL for level in key) == fine:
                    over = tuple(
                        level if keep else TOTAL for level, keep in zip(key, coarse, strict=True)
                    )
                    groups[over].append(at)
            for over, parts in sorted(groups.items()):
                total = place[over]
                # Where nobody stands in two of the parts they add up, and whoever reads the numbers
                # beside one another sees it: the attacker is given it.
                adds = int(table.values[total - first]) == int(
                    table.values[np.array(parts) - first].sum()
                )
                yield from _sum(total, parts, additive=table.additive or adds)


def _covers(fine: tuple[bool, ...], coarse: tuple[bool, ...]) -> bool:
    """Return whether `fine` keeps all that `coarse` keeps, and more."""
    return fine != coarse and all(f or not c for f, c in zip(fine, coarse, strict=True))


def _sum(total: int, parts: Sequence[int], *, additive: bool) -> Iterator[Row]:
    if additive or len(parts) == 1:
        yield Row((total, *parts), (1, *[-1] * len(parts)))
        return
    far = 2**53
    yield Row((*parts, total), (*[1] * len(parts), -1), 0, far)
    for part in parts:
        yield Row((total, part), (1, -1), 0, far)


# --- between tables ---


@dataclass(frozen=True, slots=True)
class _Group:
    """Tables of one measure and one partition that have no cell in common, as one table."""

    measure: str
    parts: tuple[Part, ...]
    cells: dict[Key, int]

    def takes(self, table: Counts) -> bool:
        """Return whether a table goes on where this one ends: other periods, cut alike."""
        return (
            self.measure == table.measure
            and self.parts == table.parts
            and not any(key in self.cells for key in table.keys)
        )


def _groups(tables: Sequence[Counts], first: Sequence[int]) -> list[_Group]:
    groups: list[_Group] = []
    for at, table in enumerate(tables):
        group = next((one for one in groups if one.takes(table)), None)
        if group is None:
            group = _Group(table.measure, table.parts, {})
            groups.append(group)
        # A margin follows from the cells inside, and is no cell of a partition.
        group.cells.update(
            (key, first[at] + place) for place, key in enumerate(table.keys) if TOTAL not in key
        )
    return groups


def _pairs(groups: Sequence[_Group]) -> Iterator[tuple[_Group, _Group]]:
    for at, left in enumerate(groups):
        for right in groups[at + 1 :]:
            if left.measure == right.measure:
                yield left, right


def _common(left: _Group, right: _Group) -> tuple[Mapping[Key, list[int]], Mapping[Key, list[int]]]:
    """Return the cells of each that make up each level of their finest common partition.

    A level is there only where a table holds all of it: of a quarter all three months.
    """
    shared = [
        (one, finest)
        for one in left.parts
        for other in right.parts
        if one.name == other.name and (finest := _finest(one, other)) is not None
    ]
    time = next((finest for one, finest in shared if one.unit), "")
    if not time and any(one.unit for one in (*left.parts, *right.parts)):
        # Periods that do not nest cover different days: their sums have nothing in common.
        return {}, {}
    cuts = {one.name: finest for one, finest in shared}
    return _grouped(left, cuts, time), _grouped(right, cuts, time)


def _finest(one: Part, other: Part) -> str | None:
    """Return the name of the finest common cut of a dimension, or None where only totals agree."""
    if one.unit and other.unit:
        return next((unit for unit in _COARSER[one.unit] if unit in _COARSER[other.unit]), None)
    if one.cut == other.cut:
        return ""
    if one.edges and other.edges:
        edges = sorted({low for low, _ in one.edges} & {low for low, _ in other.edges})
        lowest = {min(low for low, _ in part.edges) for part in (one, other)}
        return ",".join(map(str, edges)) if len(lowest) == 1 and edges else None
    return None


def _grouped(table: _Group, cuts: Mapping[str, str], time: str) -> dict[Key, list[int]]:
    """Return the cells of each coarse level that the table holds all of, by that level."""
    groups: dict[Key, list[int]] = defaultdict(list)
    periods: dict[Key, set[str]] = defaultdict(set)
    whole: dict[Key, int] = {}
    for key, cell in table.cells.items():
        levels = dict(zip(table.parts, key, strict=True))
        over = tuple(
            _coarse(part, level, cuts[part.name])
            for part, level in sorted(levels.items(), key=lambda one: one[0].name)
            if part.name in cuts
        )
        groups[over].append(cell)
        for part, level in levels.items():
            if part.unit and level.startswith(_VALUE):
                periods[over].add(level)
                whole[over] = _count(_coarse(part, level, time), part.unit, time)
    if not time:
        return dict(groups)
    return {over: cells for over, cells in groups.items() if len(periods[over]) == whole.get(over)}


def _coarse(part: Part, level: str, cut: str) -> str:
    if not level.startswith(_VALUE) or not cut:
        return level
    if part.unit:
        return _VALUE + _floor(dt.date.fromisoformat(level[1:]), cut).isoformat()
    low = next((low for low, name in part.edges if name == level[1:]), None)
    if low is None:
        return level
    return _VALUE + max(filter(lambda edge: int(edge) <= low, cut.split(",")), key=int)


def _floor(day: dt.date, unit: str) -> dt.date:
    if unit in _WEEKS:
        return day - dt.timedelta((day.weekday() - _WEEKS[unit]) % 7)
    if unit == "day":
        return day
    months = _MONTHS[unit]
    return day.replace(month=(day.month - 1) // months * months + 1, day=1)


def _count(level: str, unit: str, time: str) -> int:
    """Return how many periods of `unit` make the one of `time` that begins on `level`."""
    if unit == time:
        return 1
    first = dt.date.fromisoformat(level[1:])
    if time in _WEEKS:
        return 7
    if unit == "day":
        months = first.year * 12 + first.month - 1 + _MONTHS[time]
        return (dt.date(months // 12, months % 12 + 1, 1) - first).days
    return _MONTHS[time] // _MONTHS[unit]


def check_ranges(joint_: Joint, low: Integers, high: Integers) -> None:
    """Raise where an attacker's ranges are narrower than the joint problem asks.

    Raises:
        DisclosureError: `leak`.
    """
    problem = joint_.problem
    values = problem.table.values
    narrow = (
        (high - low < problem.width) | (high < values + problem.up) | (low > values - problem.down)
    )
    if (narrow & problem.primary).any():
        raise DisclosureError("leak", "the attacker narrows a cell below what is agreed")
