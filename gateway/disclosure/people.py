"""People between tables: nobody is counted twice in one cell, and many are in several.

What people of one table are to people, or to records, of another: whoever is in a part is in the
whole, a whole has nobody who is in no part, and there are no more people than records of them.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from gateway.disclosure.depths import Tree, next_finer, patterns
from gateway.disclosure.parts import TOTAL, covered, inside, neighbours, over, regions, share_days
from gateway.disclosure.table import Row
from gateway.disclosure.within import FAR, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.disclosure.numbers import Links
    from gateway.disclosure.parts import Counts, Part
    from gateway.disclosure.table import Key

COUNT: Final = "count "
"""How measures begin that count people or records: a person is at least one record."""
RECORD: Final = "record "
"""What follows where records are counted, of which a person may have many."""


def link_people(tables: Sequence[Counts], first: Sequence[int], made: Links) -> None:
    """Add what holds between each two tables of people, and of people and their records."""
    if len(tables) == 1:
        return
    measures = {table.measure for table in tables if table.measure.startswith(COUNT)}
    crossing = len(measures) > 1 or any(not table.additive for table in tables)
    wide = [_Wide(table, at, made, crossing) for table, at in zip(tables, first, strict=True)]
    for one, other in itertools.permutations(range(len(tables)), 2):
        if not share_days(tables[one], tables[other]):
            continue
        alike = tables[one].measure == tables[other].measure
        counted = all(tables[at].measure.startswith(COUNT) for at in (one, other))
        if counted and alike:
            _people(wide[one], wide[other], made)
        elif counted and _of_people(tables[one], tables[other]):
            _people(wide[one], wide[other], made)
            _records(wide[other], wide[one], made)


def _of_people(one: Counts, other: Counts) -> bool:
    """Return whether the first counts the people of the second's records."""
    if one.measure.startswith(COUNT + RECORD):
        return False
    return other.measure.startswith(COUNT + RECORD) or (not one.additive and other.additive)


class _Wide:
    """A table, and the totals that it has without publishing them."""

    def __init__(self, table: Counts, first: int, made: Links, crossing: bool) -> None:  # noqa: FBT001
        self.parts, self.measure, self.additive = table.parts, table.measure, table.additive
        self.keys = {key: first + at for at, key in enumerate(table.keys)}
        self.values = {first + at: int(value) for at, value in enumerate(table.values)}
        if crossing and table.measure.startswith(COUNT):
            for at, part in enumerate(table.parts):
                if not part.unit and (table.additive or table.lasting[at : at + 1] == (True,)):
                    self._over(at, made)

    def _over(self, at: int, made: Links) -> None:
        sums: dict[Key, list[int]] = defaultdict(list)
        tree = Tree(self.parts[at])
        for key, place in self.keys.items():
            if 1 in tree.depths(key[at]):
                sums[*key[:at], TOTAL, *key[at + 1 :]].append(place)
        for key, parts in sums.items():
            if key not in self.keys:
                value = sum(self.values[part] for part in parts)
                place = self.keys[key] = made.number(value, told=False)
                self.values[place] = value
                made.rows.append(Row((place, *parts), (1, *[-1] * len(parts))))


def _people(one: _Wide, other: _Wide, made: Links) -> None:
    """Add what people in cells of the first table are to cells of the second around them."""
    fine, coarse = patterns(one.parts, one.keys), patterns(other.parts, other.keys)
    for kept in coarse:
        cells = _Kept(other, kept, coarse[kept])
        for more in _least_finer(one, fine, cells):
            _nested(_Kept(one, more, fine[more]), cells, made)


def _records(one: _Wide, other: _Wide, made: Links) -> None:
    """Say that records inside are no fewer than people around."""
    fine, coarse = patterns(one.parts, one.keys), patterns(other.parts, other.keys)
    for kept in coarse:
        people = _Kept(other, kept, coarse[kept])
        for more in _least_finer(one, fine, people):
            records = _Kept(one, more, fine[more])
            for total, lie, meeting, whole, _ in _inside(records, people):
                if whole and records.sum(meeting) >= people.values[total]:
                    made.rows.append(at_most(total, lie))


class _Kept:
    """The cells of a table that lie equally deep, by the dimensions that they keep."""

    def __init__(self, table: _Wide, depths: tuple[int, ...], keys: Sequence[Key]) -> None:
        self.parts = [part for part, depth in zip(table.parts, depths, strict=True) if depth]
        self.cells = {
            tuple(level for level, depth in zip(key, depths, strict=True) if depth): table.keys[key]
            for key in keys
        }
        self.values = table.values
        self.measure, self.additive = table.measure, table.additive

    def sum(self, cells: Sequence[int]) -> int:
        """Return the sum of some cells."""
        return sum(self.values[cell] for cell in cells)


def _least_finer(
    table: _Wide, several: Mapping[tuple[int, ...], object], cells: _Kept
) -> Iterator[tuple[int, ...]]:
    """Yield the patterns of a table that keep the dimensions of some cells, and the least more.

    Of a dimension with coarser levels any depth may lie inside the cells, so all are yielded.
    """
    wanted = tuple(any(part.beside(one) for one in cells.parts) for part in table.parts)
    if sum(wanted) != len(cells.parts):
        return
    kept: dict[tuple[int, ...], None] = dict.fromkeys(tuple(map(bool, one)) for one in several)
    least = [wanted] if wanted in kept else list(next_finer(kept, wanted))
    yield from (pattern for pattern in several if tuple(map(bool, pattern)) in least)


def _inside(fine: _Kept, coarse: _Kept) -> Iterator[tuple[int, list[int], list[int], bool, bool]]:
    """Yield (cell, cells inside it, all that meet it, whether they are all of it, one alone)."""
    pairs = [
        (at, next(k for k, part in enumerate(fine.parts) if part.beside(one)))
        for at, one in enumerate(coarse.parts)
    ]
    if not any(part.unit for part in coarse.parts):
        return
    ours = [fine.parts[k] for _, k in pairs]
    sums = over(fine.cells, [k for _, k in pairs])
    _, far = neighbours(ours, coarse.parts, sums, coarse.cells)
    covering = covered(coarse.parts, coarse.cells, ours, sums)
    for key, ones in far.items():
        within = [one for one in ones if _lies(ours, one, coarse.parts, key)]
        lie = [cell for one in within for cell in sums[one]]
        whole = covering[key] and len(within) == len(ones)
        same = whole and len(lie) == 1 and len(fine.parts) == len(coarse.parts)
        yield coarse.cells[key], lie, [c for one in ones for c in sums[one]], whole, same


def _lies(ours: Sequence[Part], one: Key, theirs: Sequence[Part], key: Key) -> bool:
    return all(
        inside(regions(part, [level], other)[level], regions(other, [name], part)[name])
        for part, level, other, name in zip(ours, one, theirs, key, strict=True)
    )


def _nested(fine: _Kept, coarse: _Kept, made: Links) -> None:
    """Whoever is in a part is in the whole; and the whole has nobody who is in no part."""
    alike = fine.measure == coarse.measure
    # Where a record is in one cell alone, all this follows from sums, unless they do not add up.
    sums = alike and fine.additive and coarse.additive
    for total, lie, _, whole, same in _inside(fine, coarse):
        known, parts = coarse.values[total], fine.sum(lie)
        if sums and whole and parts == known:
            continue
        if alike and same:
            if lie[0] < total and not sums:
                made.differ(lie, [total], parts - known)
        elif alike and whole and parts == known:
            made.rows.append(Row((total, *lie), (1, *[-1] * len(lie))))
        else:
            ordered = [cell for cell in lie if fine.values[cell] <= known]
            if not sums or whole:
                made.rows += [Row((total, cell), (1, -1), 0, FAR) for cell in ordered]
            if alike and whole and parts > known:
                made.rows.append(at_most(total, lie))
