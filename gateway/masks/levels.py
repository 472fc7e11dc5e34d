"""Levels of a field above its masked value: county, region, state; a drug, and its class.

A level is a hierarchy only if every value lies in exactly one of the next: numbers of a coarser
level are then sums over a finer one, and can be judged with it. Nothing else is called a level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.masks.places import AREAS_BY_WIDTH, GeoArea
from gateway.masks.plain import Pass
from gateway.masks.tables import Map, RareToOther
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gateway.masks.base import Mask


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of a masked field, the finest first, each value lying in one of the next level.

    Attributes:
        names: Of each level.
        above: For each level but the last: its values, and the value of the next that each lies in.
    """

    names: tuple[str, ...]
    above: tuple[Mapping[str, str], ...]

    def of(self, index: int) -> dict[str, str]:
        """Return for each finest value the value of a level that it is or lies in."""
        found = {value: value for value in self.above[0]}
        for step in self.above[:index]:
            found = {value: step[at] for value, at in found.items()}
        return found

    def values(self, index: int) -> frozenset[str]:
        """Return every value of a level."""
        if index < len(self.above):
            return frozenset(self.above[index])
        return frozenset(self.above[-1].values())


def finest(name: str, mask: Mask, type_: FieldType) -> str | None:
    """Return what the level of a masked field's own values is called; None where it has none.

    An area is called by its kind, a mapped code by its table, a code that passes by its field.
    """
    match mask:
        case GeoArea():
            return mask.to.value
        case Map() | RareToOther() if type_ is not FieldType.LIST:
            return mask.table
        case Pass() if type_ is FieldType.CODE:
            return name
        case _:
            return None


def wider(mask: GeoArea, names: Sequence[str]) -> bool:
    """Return whether these are areas, each wider than the one before, the first than the mask's."""
    widths = [area.value for area in AREAS_BY_WIDTH]
    if not set(names) <= set(widths):
        return False
    order = [widths.index(name) for name in (mask.to.value, *names)]
    return order == sorted(set(order))


def nested(
    name: str, values: Iterable[str], coarser: Sequence[tuple[str, Mapping[str, str], str | None]]
) -> Levels | str:
    """Return the levels of a field, or what is wrong with them.

    Args:
        name: What its own values are called together.
        values: Every value that its mask gives.
        coarser: Of each coarser level its name, what each value lies in, and what all others do;
            None where others lie in nothing.
    """
    at = {value: value for value in sorted(values)}
    above: list[Mapping[str, str]] = []
    for level, parents, rest in coarser:
        step: dict[str, str] = {}
        for value, below in at.items():
            parent = parents.get(value, rest)
            if parent is None:
                return f"a value of `{name}` lies in no `{level}`"
            if step.setdefault(below, parent) != parent:
                return f"values that are one before are several in `{level}`"
        above.append(step)
        at = {value: step[below] for value, below in at.items()}
    names = (name, *(level for level, _, _ in coarser))
    if len(set(names)) < len(names):
        return "two levels are called alike"
    return Levels(names, tuple(above))
