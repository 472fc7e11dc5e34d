"""Whole tables near a whole table: candidates for witnesses in whole numbers.

A vertex of the attacker's program is rarely whole in three dimensions: somewhere far from the cell
that was asked for, something stands at a half. A small move is: the least change of all cells that
takes one cell so far nearly always is a circuit of whole steps. And what can be done can be done
further, or the other way around, as long as the bounds allow.

Nothing here proves anything. Whoever asked checks each candidate in exact whole numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.disclosure.relations import System
from gateway.disclosure.solver import WHOLE, Program, whole_numbers
from gateway.disclosure.table import DisclosureError

if TYPE_CHECKING:
    from gateway.disclosure.solver import Budget, Floats
    from gateway.disclosure.table import Integers


class Moves:
    """Small changes of a table that fits, which stands at zero."""

    def __init__(
        self, system: System, low: Integers, high: Integers, scale: int, budget: Budget
    ) -> None:
        """Take rows and bounds in differences from the table.

        Args:
            system: The rows; zero fits them.
            low: The least of each column, 0 or less.
            high: The most, 0 or more.
            scale: How far a column is usually taken; narrow ones are then avoided.
            budget: What is left of the limits.
        """
        self._system, self._low, self._high, self._budget = system, low, high, budget
        self._limits = np.column_stack((high, -low)).ravel().astype(np.float64)
        self._costs = np.maximum(1.0, scale / np.maximum(self._limits, 0.5))
        none = np.zeros(len(self._limits))
        self._program = Program(
            doubled(system), none, self._limits, budget, maximize=False, costs=self._costs
        )

    def reach(self, column: int, amount: int) -> list[Integers]:
        """Return candidates in which a column stands at an amount; none if there is no whole one.

        The second and third go as far as the bounds allow in the same direction, and back.
        """
        move = self.change(column, amount)
        return [] if move is None else self._line(move)

    def change(self, column: int, amount: int) -> Integers | None:
        """Return a small change in which a column stands at an amount, if there is a whole one."""
        there = 2 * column + int(amount < 0)
        pair = np.array([there, there ^ 1])
        demand = np.array([float(abs(amount)), 0.0])
        self._program.change_bounds(pair, demand, demand)
        # From no basis at all the way is shorter than from that of another cell's move.
        self._program.forget()
        try:
            return self._whole_change(column, amount)
        except DisclosureError as error:
            if error.cause != "not_additive":
                raise
            return None
        finally:
            self._program.change_bounds(pair, np.zeros(2), self._limits[pair])
            self._program.change_costs(np.arange(len(self._costs)), self._costs)

    def close(self, column: int) -> None:
        """Let a column stay where it is from now on, until `open`."""
        self._bound(column, np.zeros(2))

    def open(self, column: int) -> None:
        """Let a column move again."""
        self._bound(column, np.array([self._high[column], -self._low[column]], np.float64))

    def _bound(self, column: int, limits: Floats) -> None:
        pair = np.array([2 * column, 2 * column + 1])
        self._limits[pair] = limits
        self._program.change_bounds(pair, np.zeros(2), limits)

    def _whole_change(self, column: int, amount: int) -> Integers | None:
        """Return the least change, or a dearer one that is whole: what stands at a half costs."""
        costs, values = self._costs.copy(), np.zeros(self._system.columns)
        for _ in range(DEARER):
            answer = self._program.run().values
            values = answer[0::2] - answer[1::2]
            if (move := whole_numbers(values)) is not None:
                return move
            halves = np.flatnonzero(np.abs(answer - np.rint(answer)) > WHOLE)
            costs[halves] *= 1.0 + (halves * 7919 % 97) / 97
            self._program.change_costs(halves, costs[halves])
        low = np.where(self._limits[1::2] > 0, self._low, 0)
        high = np.where(self._limits[0::2] > 0, self._high, 0)
        low[column] = high[column] = amount
        return nearest(values, self._system, low, high, self._budget)

    def _line(self, move: Integers) -> list[Integers]:
        """Return a move, and the ends of the line through it and zero."""
        support = np.flatnonzero(move)
        step = move[support] // np.gcd.reduce(move[support])
        over, under = self._limits[2 * support], self._limits[2 * support + 1]
        size = np.abs(step)
        forth = int((np.where(step > 0, over, under) // size).min())
        back = int((np.where(step > 0, under, over) // size).min())
        found = [move]
        for times in (forth, -back):
            end = np.zeros_like(move)
            end[support] = step * times
            found.append(end)
        return found


def doubled(system: System) -> System:
    """Return the rows over each column's way up and way down, side by side."""
    index = np.column_stack((2 * system.index, 2 * system.index + 1)).ravel()
    count = np.column_stack((system.coefficient, -system.coefficient)).ravel()
    return System(2 * system.columns, 2 * system.start, index, count, system.low, system.high)


def nearest(
    values: Floats, system: System, low: Integers, high: Integers, budget: Budget
) -> Integers | None:
    """Return a whole table near a point that fits, or None where a few steps find none.

    The point is rounded; the least change that mends the rows is often whole, or has fewer parts
    of a whole than before.
    """
    point: Integers = np.clip(np.rint(values).astype(np.int64), low, high)
    for turn in range(ROUNDINGS):
        if system.holds(point):
            return point
        limits = np.column_stack((high - point, point - low)).ravel().astype(np.float64)
        # Another order of preference each time, or the same half would come back.
        costs = 1.0 + (np.arange(len(limits)) * 7919 + turn * 104729) % 97 / 97
        rows, none = doubled(system.shifted(point)), np.zeros(len(limits))
        program = Program(rows, none, limits, budget, maximize=False, costs=costs)
        try:
            change = program.run().values
        except DisclosureError as error:
            if error.cause != "not_additive":
                raise
            return None
        point = np.clip(point + np.rint(change[0::2] - change[1::2]).astype(np.int64), low, high)
    return None


ROUNDINGS: Final = 10
"""How often a point is rounded before it is left to branch and bound."""

DEARER: Final = 6
"""How often a least change is looked for; what stood at a half costs more each time."""
