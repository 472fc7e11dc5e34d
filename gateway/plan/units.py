"""Who stands in which cell, each told from the others by number: what counting people rests on.

A unit is known by two hashes of its name, 128 bits in all. Equal names always meet; that two names
meet by chance is less likely than that a table of ten million people is counted wrong by a fault of
the machine, and then one is counted where there are two, which lets less leave and never more.
A million names become numbers in a fraction of what it costs to compare them as texts. Pure.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gateway.plan.counted import Integers

CELL: Final = ".cell"
FIRST: Final = ".first"
SECOND: Final = ".second"
GAVE: Final = ".gave"
FOLD_ROWS: Final = 1 << 20
"""Rows that may wait to be told from those before; beyond them as many as are held."""
_SEEDS: Final = {FIRST: 1, SECOND: 2}


def hashes(name: str) -> list[pl.Expr]:
    """Return both hashes of a column, as `<name>.first` and `<name>.second`; null is nobody."""
    column = pl.col(name)
    return [
        pl.when(column.is_not_null()).then(column.hash(seed)).alias(name + part)
        for part, seed in _SEEDS.items()
    ]


class Units:
    """Collects who stands in which cell; memory grows with distinct units a cell.

    Args:
        fold_rows: How many rows may wait at least.
    """

    def __init__(self, fold_rows: int = FOLD_ROWS) -> None:
        self._parts: list[pl.DataFrame] = []
        self._waiting = self._distinct = 0
        self._fold_rows = fold_rows

    @property
    def held(self) -> int:
        """How many rows are kept."""
        return self._waiting + self._distinct

    def add(self, part: pl.DataFrame) -> None:
        """Take rows of `CELL`, `FIRST`, `SECOND` and, where something was given, `GAVE`."""
        self._parts.append(part)
        self._waiting += part.height
        # Folding costs what is held; so it waits until as much again has come.
        if self._waiting >= max(self._distinct, self._fold_rows):
            self._parts = [_distinct(pl.concat(self._parts))]
            self._waiting, self._distinct = 0, self._parts[0].height

    def settle(self) -> Standing:
        """Return everybody once in each cell; at least one part was taken."""
        held = pl.concat(self._parts)
        units = numbered(held[FIRST].to_numpy(), held[SECOND].to_numpy())
        gave = held[GAVE].to_numpy() if GAVE in held.columns else None
        return _once(Standing(held[CELL].to_numpy().astype(np.int64), units, gave))


def _distinct(held: pl.DataFrame) -> pl.DataFrame:
    if GAVE not in held.columns:
        return held.unique()
    added = held.group_by(CELL, FIRST, SECOND).agg(pl.col(GAVE).sum())
    return added.select(held.columns)


def numbered(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> Integers:
    """Return a number from 0 for each pair of hashes, the same for the same pair."""
    if _firsts(np.sort(first)).all():
        return np.arange(len(first))  # no two are alike: most tables count records
    order = np.argsort(first)
    one, other = first[order], second[order]
    alike = one[1:] == one[:-1]
    if np.any(alike & (other[1:] != other[:-1])):
        # Two names met in one hash and may stand mixed: only sorted by both are they apart.
        order = np.lexsort((second, first))
        one, other = first[order], second[order]
        alike = one[1:] == one[:-1]
    new = np.ones(len(order), np.int64)
    new[1:] = ~(alike & (other[1:] == other[:-1]))
    found = np.empty(len(order), np.int64)
    found[order] = np.cumsum(new) - 1
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Everybody in each cell.

    Attributes:
        cells: The number of a cell.
        units: The number of a unit that stands in it.
        gave: What that unit gave in that cell; None where nothing is added up.
    """

    cells: Integers
    units: Integers
    gave: NDArray[Any] | None = None

    @property
    def apart(self) -> bool:
        """Whether each unit is here once, and so in one cell alone."""
        return not len(self.units) or len(self.units) == int(self.units.max()) + 1

    def over(self, where: Integers) -> Standing:
        """Return who stands in wider cells, once in each.

        Args:
            where: For each cell the number of the wider one that it lies in.
        """
        # Where each unit stands in one cell alone, no total can count one twice.
        return _once(dataclasses.replace(self, cells=where[self.cells]))

    def counts(self, size: int) -> Integers:
        """Return how many units stand in each of so many cells."""
        return np.bincount(self.cells, minlength=size)


def _once(held: Standing) -> Standing:
    """Return the same with each unit once in a cell, what it gave there added up."""
    if held.apart:
        return held
    span = int(held.units.max()) + 1
    both = held.cells * span + held.units
    if held.gave is None:
        both.sort()
        kept = both[_firsts(both)]
        return Standing(kept // span, kept % span)
    order = np.argsort(both, kind="stable")
    both = both[order]
    begins = np.flatnonzero(_firsts(both))
    kept = both[begins]
    return Standing(kept // span, kept % span, np.add.reduceat(held.gave[order], begins))


def _firsts(ascending: NDArray[Any]) -> NDArray[np.bool_]:
    first = np.ones(len(ascending), np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    return first
