"""Percentages and rates: numbers that are worked out of published ones, and so tell nothing new.

Nothing here sees a count that was held back. A cell's figure is a function of its key, of counts
that leave in this very table, and of a public table of populations; whoever holds the table can
work it out himself. The attacker therefore needs no row for it: what he could conclude from a
percentage, he concludes from the counts beside it.

Source of the rules: the project's specification of disclosure control, section 5.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, assert_never

from gateway.masks.base import Marker
from gateway.plan.levels import TOTAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.plan.ops import Group, Suppress

    Key: TypeAlias = tuple[str, ...]

WHOLE_FROM: Final = 200
"""From this denominator on a percentage is whole; below it is a multiple of `COARSE`.

A percentage times its denominator must not give a count where the count itself would not be
published. Here it is published, so nothing hangs on it; the rule is one for all percentages, and a
figure that looks more exact than it is helps nobody.
"""
COARSE: Final = 5
RELIABLE_FROM: Final = 20
"""A rate of fewer events is flagged."""
UNRELIABLE: Final = "unreliable"


@dataclass(frozen=True, slots=True)
class PercentNode:
    """A percentage of the total over a dimension; see `gateway.agreement.aggregate.Percent`.

    Attributes:
        sensitive: Whether 0 % and 100 % are suppressed: they tell of everybody in the cell.
    """

    name: str
    of: str
    over: str
    sensitive: bool


@dataclass(frozen=True, slots=True)
class RateNode:
    """Events for so many people of an area; see `gateway.agreement.aggregate.Rate`.

    Attributes:
        table: `name@version sha256` of the table of populations.
        people: Those who live in each area, by the level of a key.
        everybody: Those who live in all areas; None where the areas are no closed list, or one of
            them has no population.
        cuts: Dimensions that cut the population itself: only over all of their levels is there a
            number of people.
    """

    name: str
    of: str
    per: int
    by: str
    table: str
    people: Mapping[str, int] = field(repr=False)
    everybody: int | None
    cuts: tuple[str, ...]
    reliable: int | None


DerivedNode: TypeAlias = PercentNode | RateNode


class Figure(NamedTuple):
    """A number, or why there is none; and whether it is flagged as unreliable."""

    value: int | float | None
    why: str | None = None
    unreliable: bool = False


MISSING: Final = Figure(None, Marker.MISSING.value)
"""There is no such number: of nobody there is no share, and no rate without a population."""


def figures(
    group: Group,
    suppress: Suppress,
    one: DerivedNode,
    counts: Mapping[Key, int | None],
) -> list[Figure]:
    """Return the figure of each cell, in the order of the cells.

    Args:
        group: The table's dimensions.
        suppress: The threshold for complements, and the marker.
        one: What is worked out.
        counts: By the cell's key the count that leaves, None where it is held back.
    """
    hidden = Figure(None, suppress.marker)
    if isinstance(one, PercentNode):
        at = group.dimensions.index(one.over)
        return [
            MISSING if key[at] == TOTAL else _percent(
                one, count, counts.get((*key[:at], TOTAL, *key[at + 1 :])), suppress.min_cell
            ) or hidden
            for key, count in counts.items()
        ]  # fmt: skip
    if isinstance(one, RateNode):
        return [_rate(one, count, _living(group, one, key)) or hidden
                for key, count in counts.items()]  # fmt: skip
    assert_never(one)


def _percent(one: PercentNode, count: int | None, total: int | None, least: int) -> Figure | None:
    """Return a cell's percentage; None where it is held back.

    It leaves where its count and the total both do, and where whoever is in the total and not in
    the cell are nobody, or at least `least`. A cell that is itself a total over the dimension has
    no percentage: it would be 100, of every table.
    """
    if total == 0:
        return MISSING
    if count is None or total is None or 0 < total - count < least or count > total:
        return None
    step = 1 if total >= WHOLE_FROM else COARSE
    value = step * half_even(100 * count, step * total)
    return None if one.sensitive and value in (0, 100) else Figure(value)


def _living(group: Group, one: RateNode, key: Key) -> int | None:
    """Return who lives where a cell counts; None where nothing says it."""
    levels = dict(zip(group.dimensions, key, strict=True))
    if any(levels[name] != TOTAL for name in one.cuts):
        return None
    area = levels[one.by]
    return one.everybody if area == TOTAL else one.people.get(area)


def _rate(one: RateNode, count: int | None, people: int | None) -> Figure | None:
    """Return a cell's rate to one decimal; None where it is held back.

    The relative standard error of a count of n is 1 in the root of n: of no event it has no end.
    """
    if not people:
        return MISSING
    if count is None:
        return None
    if one.reliable is not None and one.reliable**2 * count <= 100**2:
        return None
    tenths = half_even(10 * count * one.per, people)
    return Figure(tenths / 10, unreliable=count < RELIABLE_FROM)


def half_even(numerator: int, denominator: int) -> int:
    """Return the nearest whole number of a fraction; of two the even one."""
    whole, rest = divmod(numerator, denominator)
    more = 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1)
    return whole + more
