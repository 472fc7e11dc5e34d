"""What holds between tables of one source: sums over the same records, however they were cut.

Where a cell of one table is made up of cells of another, one equals the sum of the others. Where a
week lies across two months, or a band of ages across two others, what they have in common is a
number that nobody published and that sums may give away: it becomes a variable of its own. Where
sums over the same records differ (a correction, a late record, another filter), the difference is a
number of records, known to everybody who subtracts.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.disclosure.depths import Tree
from gateway.disclosure.fitting import fitting
from gateway.disclosure.numbers import Links
from gateway.disclosure.parts import Cells, covered, neighbours, over
from gateway.disclosure.people import COUNT
from gateway.disclosure.table import Row
from gateway.disclosure.worlds import World, nested, of_people

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.disclosure.parts import Counts, Part
    from gateway.disclosure.table import Integers, Key, Limits

PAIR: Final = 2


def links(
    tables: Sequence[Counts], first: Sequence[int], limits: Limits
) -> tuple[Links, list[World]]:
    """Return what holds between each two tables, and the worlds that more of them are of.

    Args:
        tables: The newest first, the others in the order in which they left.
        first: Where the cells of each begin.
        limits: When the search for numbers stops.
    """
    size = first[-1] + len(tables[-1].keys)
    values = np.concatenate([one.values for one in tables])
    made = Links(size)
    corrected: set[str] = set()
    groups = _groups(tables, first)
    for measure in sorted({group.measure for group in groups}):
        made.corrected = False
        _alike([one for one in groups if one.measure == measure], values, tables[0], made, limits)
        corrected |= {measure} if made.corrected else set()
    worlds: list[World] = []
    for measures in _together(tables):
        mine = [at for at, one in enumerate(tables) if one.measure in measures]
        several, begins = [tables[at] for at in mine], [first[at] for at in mine]
        if _worldly(several, begins, corrected=bool(corrected & measures)):
            worlds.append(World(several, begins, limits))
    return made, worlds


def _alike(
    groups: Sequence[_Group], values: Integers, new: Counts, made: Links, limits: Limits
) -> None:
    """Add what holds between each two cuts of one measure."""
    for group in groups:
        for several in group.cells.values():
            for one, other in itertools.combinations(several, 2):
                made.differ([one], [other], int(values[one] - values[other]))
    for left, right in itertools.combinations(groups, 2):
        # Of a cell that was corrected, sums may be over the old number or over the new one.
        for at in dict.fromkeys((-1, 0)) if left.twice or right.twice else (0,):
            _Pair(left.at(at), right.at(at), values, len(new.keys), made).link(limits)


def _together(tables: Sequence[Counts]) -> list[set[str]]:
    """Return the measures that tell something of each other: counts do, each sum by itself."""
    measures = {one.measure for one in tables}
    counts = {one for one in measures if one.startswith(COUNT)}
    return [*([counts] if counts else []), *({one} for one in sorted(measures - counts))]


def _worldly(tables: Sequence[Counts], first: Sequence[int], *, corrected: bool) -> bool:
    """Return whether more holds between some tables than between each two of them."""
    people = [one for one in tables if of_people(one, tables)]
    if any(not one.additive for one in people) or (people and corrected):
        return True
    if len({one.measure for one in tables}) > 1:
        return bool(people)
    cuts = len({one.parts for one in tables})
    return (corrected and cuts > 1) or (cuts > PAIR and not nested(tables, first))


@dataclass(frozen=True, slots=True)
class _Group:
    """Tables of one measure that are cut alike; a key that left twice has its cells in order."""

    measure: str
    parts: tuple[Part, ...]
    cells: dict[Key, list[int]]

    @property
    def twice(self) -> bool:
        """Whether a cell left more than once."""
        return any(len(several) > 1 for several in self.cells.values())

    def at(self, which: int) -> Cells:
        """Return the first or the last cell of each key."""
        return Cells(self.parts, {key: several[which] for key, several in self.cells.items()})


def _groups(tables: Sequence[Counts], first: Sequence[int]) -> list[_Group]:
    groups: dict[tuple[str, tuple[Part, ...]], _Group] = {}
    # The new table stands first and is the latest.
    for at in (*range(1, len(tables)), 0):
        table = tables[at]
        if not table.additive:
            continue
        key = (table.measure, table.parts)
        group = groups.setdefault(key, _Group(table.measure, table.parts, {}))
        trees = [Tree(part) for part in table.parts]
        for place, levels in enumerate(table.keys):
            # What is over others follows from the cells inside, and is no cell of a partition.
            pairs = zip(trees, levels, strict=True)
            if all(tree.deepest in tree.depths(level) for tree, level in pairs):
                group.cells.setdefault(levels, []).append(first[at] + place)
    return list(groups.values())


class _Pair:
    """Two cuts, held against each other over the dimensions that both have."""

    def __init__(self, left: Cells, right: Cells, values: Integers, new: int, made: Links) -> None:
        self._values = values
        self._new = new
        self._made = made
        shared = [
            (i, j)
            for i, one in enumerate(left.parts)
            for j, other in enumerate(right.parts)
            if one.beside(other)
        ]
        self._ours = [left.parts[i] for i, _ in shared]
        self._theirs = [right.parts[j] for _, j in shared]
        self._left = over(left.cells, [i for i, _ in shared])
        self._right = over(right.cells, [j for _, j in shared])
        self._unsure: list[tuple[list[int], list[int], list[_Common], bool]] = []

    def link(self, limits: Limits) -> None:
        """Add what holds."""
        if not any(part.unit for part in self._ours):
            return
        near, far = neighbours(self._ours, self._theirs, self._left, self._right)
        covered_ = covered(self._ours, self._left, self._theirs, self._right)
        covering = covered(self._theirs, self._right, self._ours, self._left)
        common: dict[tuple[Key, Key], list[int] | _Common] = {}
        for one, others in near.items():
            for other in others:
                if len(others) == 1 and covered_[one]:
                    common[one, other] = self._left[one]
                elif len(far[other]) == 1 and covering[other]:
                    common[one, other] = self._right[other]
                else:
                    common[one, other] = _Common()
        for one, others in near.items():
            parts = [common[one, other] for other in others]
            if not any(part is self._left[one] for part in parts):
                self._row(self._left[one], parts, whole=covered_[one])
        for other, ones in far.items():
            parts = [common[one, other] for one in ones]
            if not any(part is self._right[other] for part in parts):
                self._row(self._right[other], parts, whole=covering[other])
        self._settle(limits)

    def _row(self, total: list[int], parts: Sequence[list[int] | _Common], *, whole: bool) -> None:
        cells = [cell for part in parts if isinstance(part, list) for cell in part]
        unknown = [part for part in parts if isinstance(part, _Common)]
        if not parts and not whole:
            return
        if unknown:
            self._unsure.append((total, cells, unknown, whole))
            return
        more = int(self._values[total].sum() - self._values[cells].sum())
        if whole:
            self._made.differ(total, cells, more)
        elif more >= 0:
            rest = self._made.number(more, told=True)
            row = Row((*total, *cells, rest), (*[1] * len(total), *[-1] * (len(cells) + 1)))
            self._made.rows.append(row)

    def _settle(self, limits: Limits) -> None:
        """Find numbers that fit for what cells have in common, and write the rows down."""
        if not self._unsure:
            return
        at: dict[int, int] = {}
        for _, _, unknown, _ in self._unsure:
            for one in unknown:
                at.setdefault(id(one), len(at))
        rest = {row: len(at) + k for k, row in enumerate(
            row for row, (*_, whole) in enumerate(self._unsure) if not whole)}  # fmt: skip
        off = len(at) + len(rest)
        columns = off + 2 * len(self._unsure)
        rows = []
        for row, (total, cells, unknown, _) in enumerate(self._unsure):
            need = int(self._values[total].sum() - self._values[cells].sum())
            parts = [at[id(one)] for one in unknown] + ([rest[row]] if row in rest else [])
            plus, minus = off + 2 * row, off + 2 * row + 1
            rows.append(Row((*parts, plus, minus), (*[1] * (len(parts) + 1), -1), need, need))
        found = fitting(rows, columns, off, limits)
        new = self._new
        fresh = {
            id(one)
            for total, cells, unknown, _ in self._unsure
            if any(cell < new for cell in (*total, *cells))
            for one in unknown
        }
        places = {one: self._made.number(int(found[k]), told=one in fresh) for one, k in at.items()}
        for row, (total, cells, unknown, whole) in enumerate(self._unsure):
            told = any(cell < new for cell in (*total, *cells))
            parts = [*cells, *(places[id(one)] for one in unknown)]
            if not whole:
                parts.append(self._made.number(int(found[rest[row]]), told=told))
            more = int(found[off + 2 * row] - found[off + 2 * row + 1])
            self._made.differ(total, parts, more)


class _Common:
    """What two cells have in common and no cell is."""
