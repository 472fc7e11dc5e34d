"""Three tables and more: the smallest classes that all of them are made of.

Two tables tell together what their sums have in common. A third one closes a ring: counties by
quarter, counties by month, and the month over all counties give away a county in a month that none
of them has. So every class that any of the cuts tells apart becomes a number, each cell is the sum
of its classes, and what the attacker can say of them is judged with the rest.
"""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from gateway.disclosure.parts import VALUE, meet, regions, span
from gateway.disclosure.relations import system_of
from gateway.disclosure.solver import Budget, Program, whole_numbers
from gateway.disclosure.table import DisclosureError, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.disclosure.numbers import Links
    from gateway.disclosure.parts import Cells, Part
    from gateway.disclosure.table import Integers, Limits

CLASSES_MAX: Final = 6_000
"""More classes are not judged, and so refused."""

PAIR: Final = 2
_Class: TypeAlias = "dict[Part, str | None]"
"""The level of each cut that a class lies in; None where a cut has no such period."""


def link_classes(cuts: Sequence[Cells], values: Integers, made: Links, limits: Limits) -> None:
    """Add the classes of several cuts of one measure, where pairs of them are not all there is.

    Raises:
        DisclosureError: `shape` where there are more than `CLASSES_MAX` of them.
    """
    if len(cuts) <= PAIR:
        return
    dimensions = [_elementary(several) for several in _dimensions(cuts)]
    size = int(np.prod([len(one) for one in dimensions]))
    if size > CLASSES_MAX:
        raise DisclosureError("shape", "tables of one source are cut in too many ways to be judged")
    periods = [_periods(one) for one in cuts]
    members: list[dict[int, list[int]]] = [{} for _ in cuts]
    count = 0
    for combination in product(*dimensions):
        levels = {part: level for one in combination for part, level in one.items()}
        found = [_cell(*one, levels) for one in zip(cuts, periods, strict=True)]
        # A level that a table with all of its period does not have is empty in it.
        if -1 in found or all(cell is None for cell in found):
            continue
        for there, cell in zip(members, found, strict=True):
            if cell is not None:
                there.setdefault(cell, []).append(count)
        count += 1
    if any(len(there) == count == sum(map(len, there.values())) for there in members):
        return  # one cut is the finest: its cells are the classes
    _add([(cell, parts) for there in members for cell, parts in there.items()], count, values,
         made, limits)  # fmt: skip


def _dimensions(cuts: Sequence[Cells]) -> list[list[tuple[Part, set[str]]]]:
    """Return the cuts of each dimension, with the levels that any table has."""
    found: list[list[tuple[Part, set[str]]]] = []
    for one in cuts:
        for at, part in enumerate(one.parts):
            levels = {key[at] for key in one.cells}
            several = next((s for s in found if all(p.beside(part) for p, _ in s)), None)
            if several is None:
                found.append(several := [])
            same = next((known for p, known in several if p == part), None)
            if same is None:
                several.append((part, levels))
            else:
                same |= levels
    return found


def _elementary(several: Sequence[tuple[Part, set[str]]]) -> list[_Class]:
    """Return the classes of one dimension that its cuts tell apart."""
    if several[0][0].unit:
        return _stretches(several)
    made: list[_Class] = [{}]
    for part, levels in several:
        grown: list[_Class] = []
        for one, level in product(made, sorted(levels)):
            if all(_meets(part, level, other, name) for other, name in one.items()):
                grown.append({**one, part: level})
        made = grown
    return made


def _meets(part: Part, level: str, other: Part, name: str | None) -> bool:
    if name is None:
        return False
    return meet(regions(part, [level], other)[level], regions(other, [name], part)[name])


def _stretches(several: Sequence[tuple[Part, set[str]]]) -> list[_Class]:
    spans = {
        part: {level: span(part, level) for level in sorted(levels) if level[0] == VALUE}
        for part, levels in several
    }
    stops = {stop for there in spans.values() for one in there.values() for stop in one}
    return [
        {
            part: next((k for k, one in there.items() if one.low <= low and high <= one.high), None)
            for part, there in spans.items()
        }
        for low, high in pairwise(sorted(stops))
    ]


def _periods(cut: Cells) -> set[str]:
    at = next(at for at, part in enumerate(cut.parts) if part.unit)
    return {key[at] for key in cut.cells}


def _cell(cut: Cells, periods: set[str], levels: _Class) -> int | None:
    """Return the cell that a class lies in; None for one outside of its periods, -1 for no cell."""
    key = tuple(str(levels[part]) for part in cut.parts)
    if not periods & set(key):
        return None
    return cut.cells.get(key, -1)


def _add(
    cells: Sequence[tuple[int, list[int]]],
    count: int,
    values: Integers,
    made: Links,
    limits: Limits,
) -> None:
    rows = []
    for at, (cell, parts) in enumerate(cells):
        more, less = count + 2 * at, count + 2 * at + 1
        known = int(values[cell])
        rows.append(Row((*parts, more, less), (*[1] * (len(parts) + 1), -1), known, known))
    found = fitting(rows, count + 2 * len(cells), count, limits)
    places = [made.number(int(value), told=False) for value in found[:count]]
    for at, (cell, parts) in enumerate(cells):
        off = int(found[count + 2 * at] - found[count + 2 * at + 1])
        several, signs = (cell, *(places[one] for one in parts)), (1, *[-1] * len(parts))
        if off:
            several += (made.number(abs(off), told=False),)
            signs += (-1 if off > 0 else 1,)
        made.rows.append(Row(several, signs))


def fitting(rows: Sequence[Row], columns: int, off: int, limits: Limits) -> Integers:
    """Return whole numbers that satisfy the rows, the columns from `off` as small as can be."""
    system = system_of(rows, columns)
    costs = np.zeros(columns)
    costs[off:] = -1.0
    low, high = np.zeros(columns), np.full(columns, float(2**40))
    for whole in (False, True):
        program = Program(system, low, high, Budget(limits), whole=whole, costs=costs)
        found = whole_numbers(program.run().values)
        if found is not None and system.holds(found):
            return found
    raise DisclosureError("solver", "the solver's whole numbers do not add up")
