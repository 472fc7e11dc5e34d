"""How a counted table is cut, as a whole and behind each rung of its ladder. Pure.

Behind a rung only coarser cells leave. What is judged, and what the record of cells keeps, is then
a table that never had the finer ones: nobody is told of them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.disclosure.depths import coarser
from gateway.disclosure.parts import MASKED, PARENT, VALUE, Part
from gateway.masks.numbers import Band
from gateway.masks.places import GeoArea
from gateway.masks.plain import Pass
from gateway.masks.tables import Map, OldestJoined, RareToOther
from gateway.masks.times import Truncate
from gateway.plan.hierarchy import leaving
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sized

    from gateway.disclosure.table import Flags, Key
    from gateway.masks.levels import Levels
    from gateway.plan.counted import Counted
    from gateway.plan.ops import Group, MaskField, Plan, Suppress


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A table as it may leave: whole, or behind a rung.

    Attributes:
        rung: The rung; empty for the whole table.
        cells: The cells of the counted table that are left of it; None for all.
        counted: Those cells.
        parts: How they are cut, without the dimensions that only totals are left of.
        keys: Their keys, without those dimensions.
        lasting: As in `Counts`, without those dimensions.
    """

    rung: str
    cells: Flags | None
    counted: Counted
    parts: tuple[Part, ...]
    keys: tuple[Key, ...]
    lasting: tuple[bool, ...]


def views(plan: Plan, group: Group, suppress: Suppress, counted: Counted) -> Iterator[View]:
    """Yield the table, and then what is left of it behind each rung of its ladder, in order."""
    parts = tuple(part_of(one, group) for one in plan.masks)
    yield View("", None, counted, parts, counted.keys, counted.lasting)
    for rung, apart in zip(suppress.ladder, counted.apart_at, strict=True):
        cells = leaving(plan.masks, rung.finest, counted.keys)
        left = counted.only(cells, apart=apart)
        kept = [at for at, level in enumerate(rung.finest) if level is not None]
        yield View(
            rung.text,
            cells,
            left,
            tuple(_behind(plan.masks[at], parts[at], rung.finest[at]) for at in kept),
            tuple(tuple(key[at] for at in kept) for key in left.keys),
            tuple(counted.lasting[at] for at in kept),
        )


def _behind(one: MaskField, part: Part, level: int | None) -> Part:
    """Return how a dimension is cut of which nothing finer than a level is left."""
    if one.levels is None or not level:
        return part
    return coarser(part, one.levels.names[level])


def part_of(one: MaskField, group: Group) -> Part:
    """Return how a dimension is cut."""
    found = _cut(one, group)
    return found if one.levels is None else replace(found, parents=_parents(one.levels))


def _parents(levels: Levels) -> tuple[tuple[str, str], ...]:
    """Return each level's values with the value of the next coarser level that it lies in."""
    made: list[tuple[str, str]] = []
    for at, step in enumerate(levels.above):
        own = VALUE if at == 0 else f"{PARENT}{levels.names[at]}="
        above = f"{PARENT}{levels.names[at + 1]}="
        made += [(own + value, above + parent) for value, parent in sorted(step.items())]
    return tuple(made)


def _cut(one: MaskField, group: Group) -> Part:
    mask = one.mask
    arguments = " ".join((mask.name, *mask.note().arguments, one.table))
    in_lists = one.inputs.type is FieldType.LIST
    match mask:
        case Truncate() if one.name == group.time:
            return Part(one.name, arguments, mask.to.value)
        case Band():
            labels = mask.labels(one.inputs.type)
            return Part(one.name, arguments, "", tuple(zip(mask.edges(), labels, strict=True)))
        case Pass() if one.inputs.type in {FieldType.CODE, FieldType.STRING}:
            listed = [(VALUE + code, (code,)) for code in one.inputs.codes or ()]
            codes: tuple[tuple[str, tuple[str, ...]], ...] = tuple(listed)
            return Part(one.name, arguments, codes=codes, rest=_rest(codes, ""), plain=True)
        case Pass() if one.inputs.type is FieldType.BOOLEAN:
            both = tuple((VALUE + word, (word,)) for word in ("false", "true"))
            return Part(one.name, arguments, codes=both)
        case Map() | RareToOther() | OldestJoined() | GeoArea() if not in_lists:
            levels: dict[str, list[str]] = defaultdict(list)
            for code, word in sorted((one.inputs.table or {}).items()):
                levels[VALUE + str(code if isinstance(mask, RareToOther) else word)].append(code)
            codes = tuple((level, tuple(several)) for level, several in sorted(levels.items()))
            return Part(one.name, arguments, codes=codes, rest=_rest(codes, one.inputs.unmapped))
        case _:
            return Part(one.name, arguments)


def _rest(codes: Sized, word: str | None) -> str:
    return (VALUE + word if word else MASKED) if len(codes) else ""
