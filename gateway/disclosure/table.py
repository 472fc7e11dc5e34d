"""A table of counts: cells, what sums to what, which are hidden, and what has to stay unknown.

Everything here is integers. A sum with decimals is scaled by its caller; a rate is no cell. Cells
stand in the canonical order of their keys, so that the same table in another order is the same
problem and gets the same answer.

Source of the rules: the project's specification of disclosure control, sections 5 to 8.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gateway.errors import Reason, ReleaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Integers: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]
Key: TypeAlias = tuple[str, ...]
"""One level of each dimension; tables that are linked may have keys of different lengths."""
Clock: TypeAlias = "Callable[[], float]"
"""Seconds since any moment; the core reads no clock of its own."""

CELLS_MAX: Final = 20_000
DIMENSIONS_MAX: Final = 5
COUNT_MAX: Final = 2**53
"""The largest value of a cell: beyond it a solver's numbers would no longer be the table's."""


class DisclosureError(ReleaseError):
    """A table that cannot leave; `variables["cause"]` says why in one word.

    Causes: `not_additive`, `infeasible`, `limit`, `history`, `k`, `leak` (the attacker found a cell
    narrower than agreed), `shape` (too many cells, a key twice), `solver` (an answer of the solver
    that is none). The message names rules and dimensions, never a cell's value.

    Attributes:
        axes: Of `infeasible`, the places of a key, from 0, along which cells that have to be hidden
            stand beside none that may be; empty where that is not known. It is for the provider's
            officer: whoever knows the dimension knows more of the table.
    """

    def __init__(
        self, cause: str, message: str, *, axes: tuple[int, ...] = (), **variables: str
    ) -> None:
        super().__init__(Reason.DISCLOSURE_RISK, message, cause=cause, **variables)
        self.axes = axes

    @property
    def cause(self) -> str:
        """The cause in one word."""
        return self.variables["cause"]


@dataclass(frozen=True, slots=True)
class Dimension:
    """A fixed partition with its levels.

    Attributes:
        name: As in the agreement or in the file's header.
        sums: A level that is a sum, and the levels that it is the sum of. A level may be a part of
            several sums (weeks and months of the same days). Whatever is no key is a leaf.
    """

    name: str
    sums: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that everybody knows of a table: low <= sum of coefficient * cell <= high.

    A total is (+1 total, -1 each part) with low = high = 0. Where a person may be in several parts,
    distinct people obey `max(parts) <= total <= sum(parts)`, which is a row per part and one more.
    """

    cells: tuple[int, ...]
    coefficients: tuple[int, ...]
    low: int = 0
    high: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Cells in the order of their keys, their true values, and what is known to hold among them.

    Raises (`DisclosureError`): `shape` where keys are out of order, twice or too many, or a value
    is negative or above `COUNT_MAX`; `not_additive` where the values break a row: such a table is
    refused, never repaired, since totals from another source make it two tables.
    """

    keys: tuple[Key, ...]
    values: Integers
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        if len(self.keys) > CELLS_MAX:
            raise DisclosureError("shape", f"a table of more than {CELLS_MAX} cells")
        if any(left >= right for left, right in zip(self.keys, self.keys[1:], strict=False)):
            raise DisclosureError("shape", "cells are twice there, or not in the order of keys")
        if len(self.values) != len(self.keys):
            raise DisclosureError("shape", "as many values as cells are needed")
        if ((self.values < 0) | (self.values > COUNT_MAX)).any():
            raise DisclosureError("shape", "a value is negative, or too large to reason about")
        for row in self.rows:
            total = sum(
                c * int(self.values[i]) for i, c in zip(row.cells, row.coefficients, strict=True)
            )
            if not row.low <= total <= row.high:
                raise DisclosureError("not_additive", "a total is not the sum of its parts")


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """What has to be hidden, what must not be, and how uncertain the attacker has to stay.

    Arrays have a place for each cell of the table.

    Attributes:
        lower: The least the attacker gives a hidden cell; 0, or 1 where zeros are published.
        upper: The most the attacker gives a hidden cell; too small errs on the safe side.
        weights: What hiding a cell costs; at least 1.
        primary: Hidden by the threshold rule, and to be protected: its range is at least `width`
            wide, reaches `up` above its value and `down` below it.
        open: Has to be published: zeros, exempt cells, cells that were released before.
        shut: Hidden whatever is chosen, at no cost, and not protected by itself: what was hidden
            before, and what this table does not publish at all.
    """

    table: Table
    lower: Integers
    upper: Integers
    weights: Integers
    primary: Flags
    open: Flags
    shut: Flags
    width: Integers
    up: Integers
    down: Integers


@dataclass(frozen=True, slots=True)
class Limits:
    """When the search stops. Work limits are the same on every machine; time is the outer guard.

    Attributes:
        nodes: Branch-and-bound nodes of one master problem.
        programs: Linear programs, over the whole search.
        work: Steps of the simplex over the whole search, each counted by the rows and columns that
            it goes over, in millions; branch and bound is counted by its nodes. Hard tables end
            here: a machine of today needs about a minute and a half for as much.
        seconds: Time over the whole search, by `clock`; without one by the solver's own, which does
            not run between two programs.
        gap: A pattern that is proven to be this close to the best one, as a part of its weight, is
            good enough; 0 asks for the best. None asks for the best of fewer than a thousand cells,
            and of more where it is soon found; else for 1 %.
        clock: What `seconds` are measured by.
    """

    nodes: int = 200_000
    programs: int = 2_000_000
    work: int = 3_500
    seconds: float = 120.0
    gap: float | None = None
    clock: Clock | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Pattern:
    """Which cells are hidden, and how good that is.

    Attributes:
        hidden: Primary, secondary and shut cells.
        objective: Weight of the secondary cells.
        bound: No pattern that protects as asked costs less than this.
        rounds: Master problems that were solved.
    """

    hidden: Flags
    objective: int
    bound: float
    rounds: int

    @property
    def gap(self) -> float:
        """How far above the proven bound the objective may be, as a part of it; 0 is optimal."""
        return max(0.0, (self.objective - self.bound) / max(1.0, self.bound))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What a recipient sees, and knows besides: there is no hidden value in it.

    Attributes:
        rows: As in `Table`.
        published: The value of each published cell; anything where `hidden`.
        hidden: Whose value is not there.
        lower: The least that the attacker gives a hidden cell.
        upper: The most that the attacker gives a hidden cell.
    """

    rows: tuple[Row, ...]
    published: Integers
    hidden: Flags
    lower: Integers
    upper: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Ranges:
    """What an attacker can still believe of each cell; a published cell's range is its value.

    Attributes:
        low: The least.
        high: The most.
        settled: False where the search stopped with a witness `enough` wide: the true range is at
            least as wide as this one.
    """

    low: Integers
    high: Integers
    settled: Flags


def cube(dimensions: Sequence[Dimension], values: Mapping[Key, int]) -> Table:
    """Return a table with a row for each total of which all parts are there.

    Args:
        dimensions: One for each part of a key, at most `DIMENSIONS_MAX`.
        values: Each cell and its true value. A total without all of its parts gives no row: what
            is not in the table tells nothing.
    """
    if len(dimensions) > DIMENSIONS_MAX:
        raise DisclosureError("shape", f"a table of more than {DIMENSIONS_MAX} dimensions")
    keys = tuple(sorted(values))
    if any(len(key) != len(dimensions) for key in keys):
        raise DisclosureError("shape", "each cell needs one level of each dimension")
    place = {key: at for at, key in enumerate(keys)}
    rows: list[Row] = []
    for key, at in place.items():
        for axis, dimension in enumerate(dimensions):
            parts = dimension.sums.get(key[axis], ())
            found = [place.get((*key[:axis], part, *key[axis + 1 :])) for part in parts]
            there = [one for one in found if one is not None]
            if there and len(there) == len(found):
                rows.append(Row((at, *there), (1, *[-1] * len(there))))
    numbers = np.fromiter((values[key] for key in keys), np.int64, len(keys))
    return Table(keys, numbers, tuple(rows))
