"""Tables to be attacked: written down, put together from sums, or drawn from a seed.

Totals, bounds and weights are worked out here a second time, so that a slip in `rules` or in
`cube` is a difference and not a common error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import log2
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gateway.disclosure.table import Key, Problem, Row, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from gateway.disclosure.table import Flags, Integers

Sums: TypeAlias = "Mapping[str, Sequence[str]]"
"""A level that is a sum, and the levels that it is the sum of, of one dimension."""
Rng: TypeAlias = np.random.Generator


def leaves_of(sums: Sums) -> list[str]:
    """Return the levels that are no sums, in their order."""
    parts = dict.fromkeys(part for parts in sums.values() for part in parts)
    return [part for part in parts if part not in sums]


def filled(dimensions: Sequence[Sums], leaves: Mapping[Key, int]) -> dict[Key, int]:
    """Return all cells of the product of the levels; a leaf that is not named is empty."""
    under = [{leaf: {leaf} for leaf in leaves_of(sums)} for sums in dimensions]
    for known, sums in zip(under, dimensions, strict=True):
        for level in sums:
            known[level] = _leaves_under(level, sums)
    return {
        key: sum(
            leaves.get(leaf, 0)
            for leaf in product(*(known[level] for known, level in zip(under, key, strict=True)))
        )
        for key in product(*under)
    }


def _leaves_under(level: str, sums: Sums) -> set[str]:
    parts = sums.get(level)
    return {level} if parts is None else set().union(*(_leaves_under(p, sums) for p in parts))


def crossed(dimensions: Sequence[Sums], leaves: Mapping[Key, int]) -> Table:
    """Return the table of all totals over all dimensions, with every sum there is as a row."""
    cells = filled(dimensions, leaves)
    keys = sorted(cells)
    sums = [
        (key, [(*key[:axis], part, *key[axis + 1 :]) for part in levels[key[axis]]])
        for key in keys
        for axis, levels in enumerate(dimensions)
        if key[axis] in levels
    ]
    return summed(cells, sums)


def summed(cells: Mapping[Key, int], sums: Iterable[tuple[Key, Sequence[Key]]]) -> Table:
    """Return a table of cells with a row for each (total, parts); parts sum up to their total."""
    keys = tuple(sorted(cells))
    at = {key: place for place, key in enumerate(keys)}
    rows = tuple(
        Row((at[total], *(at[part] for part in parts)), (1, *[-1] * len(parts)))
        for total, parts in sums
    )
    return Table(keys, np.array([cells[key] for key in keys], np.int64), rows)


def with_people(table: Table, groups: Iterable[tuple[Key, Sequence[Key]]]) -> Table:
    """Add `max(parts) <= total <= sum(parts)` for each (total, parts): distinct people."""
    at = {key: place for place, key in enumerate(table.keys)}
    most = int(table.values.max(initial=0)) * 100 + 100
    rows = list(table.rows)
    for total, parts in groups:
        rows += [Row((at[total], at[part]), (1, -1), 0, most) for part in parts]
        rows.append(
            Row((*(at[part] for part in parts), at[total]), (*[1] * len(parts), -1), 0, most)
        )
    return replace(table, rows=tuple(rows))


def at_most(table: Table, pairs: Iterable[tuple[Key, Key]]) -> Table:
    """Add `less <= more` for each (less, more): people and their events."""
    at = {key: place for place, key in enumerate(table.keys)}
    most = int(table.values.max(initial=0)) * 100 + 100
    rows = tuple(Row((at[more], at[less]), (1, -1), 0, most) for less, more in pairs)
    return replace(table, rows=(*table.rows, *rows))


def where(table: Table, keys: Iterable[Key | str]) -> Flags:
    """Return which cells have one of the keys; each has to be there."""
    wanted = {(key,) if isinstance(key, str) else tuple(key) for key in keys}
    if missing := wanted - set(table.keys):
        raise KeyError(missing)
    return np.array([key in wanted for key in table.keys], np.bool_)


def small(table: Table, min_cell: int, *, zeros: bool = False) -> Flags:
    """Return the cells below the threshold; empty ones too where `zeros` are hidden."""
    least = 0 if zeros else 1
    return (table.values >= least) & (table.values < min_cell)


def ask(
    table: Table,
    primary: Flags,
    *,
    width: int = 1,
    informed: bool = False,
    opened: Flags | None = None,
    shut: Flags | None = None,
    cost: str = "value",
    upper: Integers | None = None,
) -> Problem:
    """Return the problem of a table: published zeros are open, the rest may be hidden.

    Args:
        table: The table, with its true values.
        primary: What has to be hidden and protected.
        width: How wide the range of each primary cell stays.
        informed: The attacker gives a hidden cell at least 1: zeros are published.
        opened: Published whatever happens, besides zeros that are not primary.
        shut: Hidden and not protected.
        cost: `count`, `value` or `log`.
        upper: The attacker's upper bounds; the largest cell of the table for all, if not given.
    """
    none = np.zeros(len(table.keys), np.bool_)
    shut = none if shut is None else shut
    empty = (table.values == 0) & ~primary & ~shut
    largest = np.full(len(none), max(1, int(table.values.max(initial=0))), np.int64)
    return Problem(
        table=table,
        lower=np.minimum(int(informed), np.where(shut, table.values, 1)),
        upper=largest if upper is None else upper,
        weights=costs(table.values, cost),
        primary=primary,
        open=empty | (none if opened is None else opened),
        shut=shut,
        width=np.where(primary, width, 0),
        up=np.zeros(len(none), np.int64),
        down=np.zeros(len(none), np.int64),
    )


def costs(values: Integers, cost: str) -> Integers:
    """Return the weights of section 6.3 of the specification."""
    of: dict[str, Callable[[int], int]] = {
        "count": lambda _: 1,
        "value": lambda v: max(1, v),
        "log": lambda v: round(10 * log2(v + 1) + 1),
    }
    return np.array([of[cost](int(v)) for v in values], np.int64)


def ceilings(table: Table, published: Flags, least: int = 1) -> Integers:
    """Return the smallest published ancestor of each cell.

    A cell without one gets twice the largest published cell, and no less than twice `least` (what
    the threshold alone lets a hidden cell be) nor, so that no bound is a lie, than its own value.
    """
    above: dict[int, set[int]] = {}
    for row in table.rows:
        if row.low == row.high == 0 and row.coefficients[0] == 1:
            for part in row.cells[1:]:
                above.setdefault(part, set()).add(row.cells[0])
    largest = max(1, least, int(table.values[published].max(initial=0)))

    def ceiling(cell: int) -> int:
        return min(
            (int(table.values[up]) if published[up] else ceiling(up) for up in above.get(cell, ())),
            default=max(2 * largest, int(table.values[cell])),
        )

    return np.array([ceiling(cell) for cell in range(len(table.keys))], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A problem that was drawn, and from what: enough to draw it again."""

    name: str
    problem: Problem
