"""A table that was counted and in which nothing is held back yet: numbers, and no frame."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gateway.plan.levels import COARSER, TOTAL
from gateway.values import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Integers: TypeAlias = NDArray[np.int64]
    Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Summed:
    """A sum in each cell.

    Attributes:
        values: The sum.
        givers: Distinct units that gave a value to it.
        dominated: Whether its largest givers show through.
        exact: False for a sum of numbers with decimals, which no reasoning in whole numbers covers.
        given: How many rows gave a value: what a mean is divided by.
    """

    values: NDArray[np.float64]
    givers: Integers
    dominated: Flags
    exact: bool
    given: Integers

    def only(self, cells: Flags) -> Summed:
        """Return some of the cells alone."""
        return Summed(
            self.values[cells], self.givers[cells], self.dominated[cells], self.exact,
            self.given[cells],
        )  # fmt: skip

    @property
    def means(self) -> NDArray[np.float64]:
        """The mean of the values in each cell; 0 where there are none."""
        found: NDArray[np.float64] = self.values / np.maximum(self.given, 1)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Met:
    """What meets a condition, in each cell.

    Attributes:
        units: Distinct units with a row that meets it.
        people: Distinct people with such a row; the units themselves where they are people.
        rows: Rows that meet it.
    """

    units: Integers
    people: Integers
    rows: Integers

    def only(self, cells: Flags) -> Met:
        """Return some of the cells alone."""
        return Met(self.units[cells], self.people[cells], self.rows[cells])


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Each cell, totals among them, in the order of the table that it was made from.

    Attributes:
        keys: One level of each dimension: `=value`, `^level=value`, `~missing`, `~masked` or `*`.
        units: Distinct units in each cell.
        people: Distinct people in each cell; the units themselves where they are people.
        rows: Rows in each cell.
        sums: Each sum by the name of its measure.
        apart: Whether no unit stands in two finest cells, so that counts add up to their totals.
        lasting: Of each dimension, whether no unit has two of its coarsest levels.
        met: What meets the condition of each count that has one, by the name of its measure.
        apart_at: The same as `apart` of what is left behind each rung of the plan's ladder.
    """

    keys: tuple[tuple[str, ...], ...]
    units: Integers
    people: Integers
    rows: Integers
    sums: Mapping[str, Summed]
    apart: bool = True
    lasting: tuple[bool, ...] = ()
    met: Mapping[str, Met] = field(default_factory=dict)
    apart_at: tuple[bool, ...] = ()

    def only(self, cells: Flags, *, apart: bool) -> Counted:
        """Return some of the cells alone, and whether those add up."""
        return replace(
            self,
            keys=tuple(key for key, keep in zip(self.keys, cells.tolist(), strict=True) if keep),
            units=self.units[cells],
            people=self.people[cells],
            rows=self.rows[cells],
            sums={name: one.only(cells) for name, one in self.sums.items()},
            met={name: one.only(cells) for name, one in self.met.items()},
            apart=apart,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """Which cells of a table leave, after the attacker had his turn.

    Attributes:
        published: For each measure, the cells whose number leaves.
        digest: SHA-256 over keys, published numbers and markers of the attacked table: what is
            checked against the table that is about to leave.
        memory: What the record of cells keeps of it, to be sealed: the joint problem of a later
            table needs it.
        rung: The last rung of the ladder that was taken; empty where the whole table leaves.
        cells: The cells of the counted table that are left behind it; None for all of them.
    """

    published: Mapping[str, Flags]
    digest: bytes
    memory: bytes
    rung: str = ""
    cells: Flags | None = None


def kept_of(dimensions: Sequence[str], key: Sequence[str]) -> frozenset[str]:
    """Return the dimensions that a cell is not over all values of."""
    return frozenset(n for n, level in zip(dimensions, key, strict=True) if level != TOTAL)


def exempt_cells(
    kinds: Sequence[Sequence[str]], dimensions: Sequence[str], keys: Sequence[Sequence[str]]
) -> list[bool]:
    """Return which cells are of a kind that is published whatever it holds.

    Args:
        kinds: Of each the dimensions that it keeps, at the levels that the table is cut at: a cell
            at a coarser level is of none.
        dimensions: The table's.
        keys: Of its cells.
    """
    exempt = {frozenset(kept) for kept in kinds}
    return [
        kept_of(dimensions, key) in exempt and not any(level.startswith(COARSER) for level in key)
        for key in keys
    ]


def table_digest(
    keys: Sequence[tuple[str, ...]], measures: Mapping[str, Sequence[int | float | None]]
) -> bytes:
    """Return the digest of what leaves: each cell's key, and its numbers or none, in key order.

    Args:
        keys: As in `Counted`.
        measures: For each measure its number in each cell, None where it is held back.
    """
    names = sorted(measures)
    cells = sorted(zip(keys, *(measures[name] for name in names), strict=True), key=_by_key)
    text = canonical_json([names, [[list(key), *values] for key, *values in cells]])
    return hashlib.sha256(text).digest()


def _by_key(cell: tuple[tuple[str, ...], object]) -> tuple[str, ...]:
    return cell[0]
