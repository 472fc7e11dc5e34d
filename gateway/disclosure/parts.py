"""How tables are cut: which levels of two tables meet, and which lies inside the other.

A level is a set of records: days from one date to another, ages from one edge to the next, a list
of codes. Two cuts of one dimension that say nothing of each other are two dimensions.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections import defaultdict
from dataclasses import dataclass
from itertools import product
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gateway.agreement.budget import Draw
    from gateway.disclosure.table import Flags, Integers, Key

TOTAL: Final = "*"
VALUE: Final = "="
UNKNOWN: Final = "~"
PARENT: Final = "^"
"""Before a level that others lie in: `^region=R3`, so that it is never read as one of them."""
MASKED: Final = "~masked"
MISSING: Final = "~missing"
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_DAYS: Final = {"day": 1, "week_iso": 7, "week_mmwr": 7}


@dataclass(frozen=True, slots=True)
class Part:
    """How a table is cut along one dimension.

    Attributes:
        name: The field.
        cut: Everything that makes its levels: two parts with the same text have the same levels.
        unit: Of the time dimension: `day`, `month` and so on; else empty.
        edges: Of bands: the lower edge of each, and its level; else empty.
        codes: Of a closed list: each level, and the values of the field that it stands for.
        rest: The level of all values that `codes` does not name; empty where there is none.
        plain: Whether a level is a value of the field itself.
        parents: Where the dimension has coarser levels: each level that lies in another, and the
            next coarser one that it lies in. Such a dimension has `codes`.
        nulls: Whether records without a value are in `rest`, and not in a level of their own.
    """

    name: str
    cut: str
    unit: str = ""
    edges: tuple[tuple[int, str], ...] = ()
    codes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rest: str = ""
    plain: bool = False
    parents: tuple[tuple[str, str], ...] = ()
    nulls: bool = False

    def beside(self, other: Part) -> bool:
        """Return whether levels of both can be held against each other."""
        if self.name != other.name:
            return False
        both = (self.unit and other.unit) or (self.edges and other.edges)
        listed = (self.codes or self.plain) and (other.codes or other.plain)
        return self.cut == other.cut or bool(both or listed)


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """One table of one measure, as it was published or is about to be.

    Attributes:
        measure: What is counted or summed; only the same is linked, and counts with counts.
        parts: One for each place of a key.
        keys: `=value`, `^level=value`, `~missing`, `~masked` or `*` for each part.
        values: True numbers.
        hidden: Not published. Of a table that has not left yet: nothing.
        primary: Hidden because small: to be protected.
        additive: Whether a unit is in one cell alone.
        floor: The least that a hidden cell can be: 1 where zeros are published.
        width: How wide the range of a small cell stays under its own agreement.
        lasting: Of each part, whether no unit has two of its coarsest levels (a sex, a year of
            birth): counts add up over it, also where no total was published.
        rounded_to: What is published are the nearest multiples of this; 0 where it is the numbers.
        draw: Where the numbers have noise: which draw they are. Then they are what left, and no
            true number stands here.
        open: Of a table that has not left yet: what leaves whatever is chosen; None for nothing.
    """

    measure: str
    parts: tuple[Part, ...]
    keys: tuple[Key, ...]
    values: Integers
    hidden: Flags
    primary: Flags
    additive: bool
    floor: int
    width: int = 0
    lasting: tuple[bool, ...] = ()
    rounded_to: int = 0
    draw: Draw | None = None
    open: Flags | None = None


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of one cut, each key once."""

    parts: tuple[Part, ...]
    cells: Mapping[Key, int]


class Span(NamedTuple):
    """From one number to the next, which is not in it: days, or years of age."""

    low: float
    high: float


class Codes(NamedTuple):
    """Codes, or where not `named` all but these."""

    named: bool
    codes: frozenset[str]


Region: TypeAlias = "Span | Codes | str"
"""What a level stands for; a text is like itself alone."""


def regions(part: Part, levels: Iterable[str], beside: Part) -> dict[str, Region]:
    """Return what each level stands for, as far as the other part can tell it apart."""
    if part.cut == beside.cut and not (part.parents or beside.parents):
        return {level: level for level in levels}
    if part.unit:
        return {one: span(part, one) if one.startswith(VALUE) else one for one in levels}
    if part.edges:
        return {level: _band(part, level) for level in levels}
    listed = _listed(part)
    return {level: listed.get(level) or _code(part, level) for level in levels}


def _code(part: Part, level: str) -> Region:
    if level == MISSING:
        return Codes(named=True, codes=frozenset({MISSING}))
    if part.plain and level[0] == VALUE:
        # Of a plain value that is masked nothing else can tell what it is.
        return Codes(named=True, codes=frozenset({level[1:]}))
    return level


@functools.lru_cache(maxsize=64)
def _listed(part: Part) -> dict[str, Codes]:
    """Return the codes of each level of a closed list, and of the levels that those lie in."""
    found = {level: Codes(named=True, codes=frozenset(codes)) for level, codes in part.codes}
    if part.rest:
        elsewhere = [one.codes for level, one in found.items() if level != part.rest]
        # No value is the one more value of a field that has a level of its own, or is in the rest.
        elsewhere += [] if part.nulls else [frozenset({MISSING})]
        found[part.rest] = Codes(named=False, codes=frozenset().union(*elsewhere))
    above = dict(part.parents)
    for level, codes in tuple(found.items()):
        at = above.get(level)
        while at is not None:
            found[at] = _either(found[at], codes) if at in found else codes
            at = above.get(at)
    return found


def _either(one: Codes, other: Codes) -> Codes:
    """Return the codes that are in one of two."""
    if one.named and other.named:
        return Codes(named=True, codes=one.codes | other.codes)
    if one.named or other.named:
        few, rest = (one, other) if one.named else (other, one)
        return Codes(named=False, codes=rest.codes - few.codes)
    return Codes(named=False, codes=one.codes & other.codes)


def _band(part: Part, level: str) -> Region:
    lows = sorted(low for low, _ in part.edges)
    if level == MASKED:
        return Span(-inf, lows[0])
    low = next((low for low, name in part.edges if VALUE + name == level), None)
    if low is None:
        return level
    above = lows[lows.index(low) + 1 :]
    return Span(low, above[0] if above else inf)


def span(part: Part, level: str) -> Span:
    """Return the days of a period, from one and to the next: as numbers."""
    first = dt.date.fromisoformat(level[1:])
    if part.unit in _DAYS:
        return Span(first.toordinal(), first.toordinal() + _DAYS[part.unit])
    months = first.year * 12 + first.month - 1 + _MONTHS[part.unit]
    return Span(first.toordinal(), dt.date(months // 12, months % 12 + 1, 1).toordinal())


def meet(one: Region, other: Region) -> bool:
    """Return whether a record can be in both."""
    match one, other:
        case Span(), Span():
            return one.low < other.high and other.low < one.high
        case Codes(), Codes():
            if one.named and other.named:
                return bool(one.codes & other.codes)
            if one.named or other.named:
                few, rest = (one, other) if one.named else (other, one)
                return bool(few.codes - rest.codes)
            return True
        case _:
            return one == other


def inside(one: Region, other: Region) -> bool:
    """Return whether every record of the first is in the second."""
    match one, other:
        case Span(), Span():
            return other.low <= one.low and one.high <= other.high
        case Codes(), Codes():
            if one.named:
                return one.codes <= other.codes if other.named else not one.codes & other.codes
            return not other.named and other.codes <= one.codes
        case _:
            return one == other


def share_days(one: Counts, other: Counts) -> bool:
    """Return whether two tables have any day in common, as far as they say."""
    here, there = _spans(one), _spans(other)
    if not here or not there:
        return True
    return any(left.low < right.high and right.low < left.high for left in here for right in there)


def _spans(table: Counts) -> list[Span]:
    """Return the periods of a table; none where a cell is of no period."""
    at = next((at for at, part in enumerate(table.parts) if part.unit), None)
    levels = set() if at is None else {key[at] for key in table.keys}
    if at is None or any(level[0] != VALUE for level in levels):
        return []
    return [span(table.parts[at], level) for level in levels]


# --- sums over what two cuts have in common ---


def over(cells: Mapping[Key, int], kept: Sequence[int]) -> dict[Key, list[int]]:
    """Return the cells of each combination of the levels that are kept."""
    sums: dict[Key, list[int]] = defaultdict(list)
    for key, cell in cells.items():
        sums[tuple(key[at] for at in kept)].append(cell)
    return dict(sums)


def neighbours(
    ours: Sequence[Part],
    theirs: Sequence[Part],
    left: Mapping[Key, object],
    right: Mapping[Key, object],
) -> tuple[dict[Key, list[Key]], dict[Key, list[Key]]]:
    """Return which keys of each side have records in common with which of the other."""
    meeting = [
        _meeting(one, {key[at] for key in left}, other, {key[at] for key in right})
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True))
    ]
    near: dict[Key, list[Key]] = {}
    far: dict[Key, list[Key]] = {key: [] for key in right}
    for key in left:
        several = (there[level] for there, level in zip(meeting, key, strict=True))
        near[key] = [other for other in product(*several) if other in right]
        for other in near[key]:
            far[other].append(key)
    return near, far


def _meeting(one: Part, levels: set[str], other: Part, others: set[str]) -> dict[str, list[str]]:
    if one.cut == other.cut and not any(level[0] == PARENT for level in (*levels, *others)):
        return {level: [level] for level in levels}
    there = regions(other, sorted(others), one)
    return {
        level: [name for name, region in there.items() if meet(here, region)]
        for level, here in regions(one, levels, other).items()
    }


def covered(
    ours: Sequence[Part],
    left: Mapping[Key, object],
    theirs: Sequence[Part],
    right: Mapping[Key, object],
) -> dict[Key, bool]:
    """Return of each key on the left whether the right has all the days of it."""
    [at] = [place for place, part in enumerate(ours) if part.unit]
    there = [span(theirs[at], level) for level in {key[at] for key in right} if level[0] == VALUE]
    whole = {
        level: level[0] != VALUE or _days(span(ours[at], level), there)
        for level in {key[at] for key in left}
    }
    return {key: whole[key[at]] for key in left}


def _days(period: Span, there: Sequence[Span]) -> bool:
    days = sum(max(0.0, min(period.high, one.high) - max(period.low, one.low)) for one in there)
    return days == period.high - period.low
