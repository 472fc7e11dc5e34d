"""What tables of one source are made of: the smallest classes that any of them tells apart.

Every dimension is split as finely as any two cuts of it do, every stretch of days by those tables
alone that have it. A record that came late, or was taken back, is in some of the tables and not in
those before or after: a class once more, for as long as it was there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from gateway.disclosure.depths import Tree, patterns
from gateway.disclosure.parts import VALUE, meet, regions, span
from gateway.disclosure.table import DisclosureError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.disclosure.parts import Counts, Part
    from gateway.disclosure.table import Flags, Key

ELEMENTS_MAX: Final = 6_000
"""More classes are not judged, and so refused."""

_Levels: TypeAlias = "dict[Part, str | None]"


@dataclass(frozen=True, slots=True)
class Element:
    """A class of records that no table tells apart.

    Attributes:
        levels: Of each part of each table that has the class.
        cells: Of each table, the cells that count it: its own, and the totals over that.
    """

    levels: _Levels
    cells: tuple[tuple[int, ...], ...]

    def lasting(self, tables: Sequence[int]) -> Element:
        """Return the part of the class that only some of the tables ever counted."""
        kept = (one if at in tables else () for at, one in enumerate(self.cells))
        return replace(self, cells=tuple(kept))

    def all_cells(self) -> list[int]:
        """Return the cells of all tables that count it."""
        return [cell for one in self.cells for cell in one]


def elements_of(tables: Sequence[Counts], first: Sequence[int]) -> list[Element]:
    """Return the classes, where the cells of each table begin at its place in `first`.

    Raises:
        DisclosureError: `history`, where there are more than `ELEMENTS_MAX`.
    """
    cuts = [_Cut(table, at) for table, at in zip(tables, first, strict=True)]
    made: list[Element] = []
    for levels in _combinations(cuts):
        cells = [cut.cells(levels) for cut in cuts]
        # A level that a table with all of its period does not have is empty in it.
        if None not in cells:
            made.append(Element(levels, tuple(one for one in cells if one is not None)))
        if len(made) > ELEMENTS_MAX:
            raise DisclosureError("history", "what left is cut in too many ways to be judged")
    return made


class _Cut:
    """A table, and the cells of it that a class is counted in."""

    def __init__(self, table: Counts, first: int) -> None:
        self.parts = table.parts
        self._place = {key: first + at for at, key in enumerate(table.keys)}
        self._trees = [Tree(part) for part in table.parts]
        grouped = patterns(table.parts, table.keys)
        self._patterns = list(grouped)
        self.inner = grouped[self._patterns[0]]
        at = next((at for at, part in enumerate(self.parts) if part.unit), None)
        self.time = None if at is None else self.parts[at]
        self.periods = set() if at is None else {key[at] for key in self.inner}

    def has(self, levels: _Levels) -> bool:
        """Return whether the table has the days of a class."""
        return self.time is None or levels.get(self.time) in self.periods

    def cells(self, levels: _Levels) -> tuple[int, ...] | None:
        """Return the cells that count a class; None where it can hold nothing.

        A class of days that the table does not have is in none of its cells.
        """
        if not self.has(levels):
            return ()
        key: Key = tuple(str(levels[part]) for part in self.parts)
        if key not in self._place:
            return None
        over = dict.fromkeys(self._at(key, depths) for depths in self._patterns)
        return tuple(self._place[one] for one in over if one in self._place)

    def _at(self, key: Key, depths: Sequence[int]) -> Key:
        """Return the cell over a cell at some depth."""
        several = zip(self._trees, key, depths, strict=True)
        return tuple(tree.at(level, depth) for tree, level, depth in several)


def _combinations(cuts: Sequence[_Cut]) -> Iterator[_Levels]:
    """Yield the levels of every class: for each stretch of days, of the tables that have it."""
    for stretch in _stretches(cuts):
        there = [one for one in cuts if one.has(stretch)]
        dimensions = [_elementary(several) for several in _dimensions(there)]
        for combination in product(*dimensions):
            levels = dict(stretch)
            for one in combination:
                levels |= one
            yield levels


def _stretches(cuts: Sequence[_Cut]) -> list[_Levels]:
    """Return stretches of days, and the days that no record says, by the period of each part."""
    levels: dict[Part, set[str]] = {}
    for cut in cuts:
        if cut.time is not None:
            levels.setdefault(cut.time, set()).update(cut.periods)
    spans = {
        part: {one: span(part, one) for one in sorted(several) if one[0] == VALUE}
        for part, several in levels.items()
    }
    stops = {stop for there in spans.values() for one in there.values() for stop in one}
    made: list[_Levels] = [
        {
            part: next((k for k, one in there.items() if one.low <= low and high <= one.high), None)
            for part, there in spans.items()
        }
        for low, high in pairwise(sorted(stops))
    ]
    unknown = {one for several in levels.values() for one in several if one[0] != VALUE}
    made += [
        {part: one if one in several else None for part, several in levels.items()}
        for one in sorted(unknown)
    ]
    return [one for one in made if any(one.values())] or [{}]


def _dimensions(cuts: Sequence[_Cut]) -> list[list[tuple[Part, set[str]]]]:
    """Return the cuts of each dimension but time, with the levels that any table has."""
    found: list[list[tuple[Part, set[str]]]] = []
    for cut in cuts:
        for at, part in enumerate(cut.parts):
            if part.unit:
                continue
            levels = {key[at] for key in cut.inner}
            several = next((s for s in found if all(p.beside(part) for p, _ in s)), None)
            if several is None:
                found.append(several := [])
            same = next((known for p, known in several if p == part), None)
            if same is None:
                several.append((part, levels))
            else:
                same |= levels
    return found


def _elementary(several: Sequence[tuple[Part, set[str]]]) -> list[_Levels]:
    """Return the classes of one dimension that its cuts tell apart."""
    made: list[_Levels] = [{}]
    for part, levels in several:
        made = [
            {**one, part: level}
            for one, level in product(made, sorted(levels))
            if all(_meets(part, level, other, str(name)) for other, name in one.items())
        ]
    return made


def _meets(part: Part, level: str, other: Part, name: str) -> bool:
    return meet(regions(part, [level], other)[level], regions(other, [name], part)[name])


def alike(elements: Sequence[Element], lasting: Sequence[Part]) -> Flags:
    """Return of each two classes whether one person can be in both.

    Args:
        elements: The classes.
        lasting: The parts of which nobody has two levels.
    """
    fits = np.ones((len(elements), len(elements)), np.bool_)
    for part in lasting:
        known: dict[str | None, int] = {None: -1}
        numbers = [known.setdefault(one.levels.get(part), len(known)) for one in elements]
        code = np.array(numbers)
        fits &= (code[:, None] == code[None, :]) | (code[:, None] < 0) | (code[None, :] < 0)
    return fits
