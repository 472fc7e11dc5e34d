"""A problem made small: chains merged, cells that cannot be hidden left out, values at zero.

Two cells that some row makes equal (a total with one part that is not an empty cell) are one
variable: hidden together or not at all, at the sum of their weights. As each other's companion they
would protect nothing. Everything is a difference from the true values, so that totals of ten
millions stand beside cells of one and no number is large that need not be.

Source of the rules: the project's specification of disclosure control, section 6.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gateway.disclosure.relations import merged, system_of
from gateway.disclosure.table import DisclosureError

if TYPE_CHECKING:
    from gateway.disclosure.relations import System
    from gateway.disclosure.table import Flags, Integers, Problem


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """What is to be decided.

    Attributes:
        label: The variable of each cell; -1 where a cell has to be published.
        size: How many variables there are.
        low: How far below its value each may be believed; 0 or less.
        high: How far above; 0 or more.
        weights: What hiding it costs, primaries and shut cells in it left out.
        fixed: Hidden whatever is chosen.
        width: How wide its range has to be; 0 where it needs no protection.
        up: How far above its value its range has to reach.
        down: How far below.
        system: The rows, in differences: each row's low is 0 or less, and its high 0 or more.
    """

    label: Integers
    size: int
    low: Integers
    high: Integers
    weights: Integers
    fixed: Flags
    width: Integers
    up: Integers
    down: Integers
    system: System

    @property
    def needy(self) -> Flags:
        """Which variables have to be protected."""
        needs: Flags = (self.width > 0) | (self.up > 0) | (self.down > 0)
        return needs

    def hidden(self, chosen: Flags) -> Flags:
        """Return which cells are hidden where these variables are."""
        there: Flags = (self.label >= 0) & np.append(chosen, False)[self.label]
        return there


def merge(problem: Problem) -> Merged:
    """Return the problem over variables.

    Raises:
        DisclosureError: `infeasible` where a cell has to be hidden and published both;
            `not_additive` where what is said of a hidden cell does not hold for it.
    """
    values, lower, upper = problem.table.values, problem.lower, problem.upper
    forced = problem.primary | problem.shut
    if (forced & problem.open).any():
        raise DisclosureError("infeasible", "a cell has to be hidden and published both")
    false = (lower > values) | (values > upper)
    if (forced & false).any():
        raise DisclosureError("not_additive", "a hidden cell outside of its own bounds")
    # A cell whose bounds are wrong could not be hidden without a lie; it is published.
    label = np.where(problem.open | (false & ~forced), -1, np.arange(len(values)))
    system = merged(system_of(problem.table.rows, len(values)).shifted(values), label, len(values))
    while (join := _chains(system, problem.shut)) is not None:
        label = np.where(label >= 0, join[label], -1)
        system = merged(system, join, len(values))
    return _collected(problem, label, system)


def _chains(system: System, shut: Flags) -> Integers | None:
    """Return the first of the cells that rows of two make equal, or that there are none.

    A shut cell is not joined to one that is free: it is hidden for nothing, the other is not.
    """
    pairs = np.flatnonzero((np.diff(system.start) == 2) & (system.low == 0) & (system.high == 0))  # noqa: PLR2004
    at = system.start[pairs]
    left, right = system.index[at], system.index[at + 1]
    equal = system.coefficient[at] == -system.coefficient[at + 1]
    equal &= shut[left] == shut[right]
    if not equal.any():
        return None
    join = np.arange(system.columns, dtype=np.int64)
    for one, other in zip(left[equal].tolist(), right[equal].tolist(), strict=True):
        first, second = sorted((_first(join, one), _first(join, other)))
        join[second] = first
    return np.array([_first(join, cell) for cell in range(system.columns)], np.int64)


def _first(join: Integers, cell: int) -> int:
    while join[cell] != cell:
        cell = int(join[cell])
    return cell


def _collected(problem: Problem, label: Integers, system: System) -> Merged:
    """Return the cells of each variable taken together."""
    cells = np.flatnonzero(label >= 0)
    heads, place = np.unique(label[cells], return_inverse=True)
    size = len(heads)
    dense = np.full(len(label), -1, np.int64)
    dense[cells] = place
    variable = np.full(len(label), -1, np.int64)
    variable[heads] = np.arange(size)

    def least(cell_numbers: Integers) -> Integers:
        found = np.full(size, np.iinfo(np.int64).max, np.int64)
        np.minimum.at(found, place, cell_numbers[cells])
        return found

    def most(cell_numbers: Integers) -> Integers:
        return -least(-cell_numbers)

    values, primary = problem.table.values, problem.primary
    secondary = ~primary & ~problem.shut
    weights = np.zeros(size, np.int64)
    np.add.at(weights, place, np.where(secondary, problem.weights, 0)[cells])
    return Merged(
        label=dense,
        size=size,
        low=most(problem.lower - values),
        high=least(problem.upper - values),
        weights=weights,
        fixed=most((primary | problem.shut).astype(np.int64)) > 0,
        width=most(np.where(primary, problem.width, 0)),
        up=most(np.where(primary, problem.up, 0)),
        down=most(np.where(primary, problem.down, 0)),
        system=merged(system, variable, size),
    )
