"""A safe pattern out of one that is not, by hiding more.

For each cell that stays too narrow: the cheapest change of the table that takes it as far as it
lacks, where only what is not hidden yet costs. Whatever changes is hidden. The pattern is then
judged again, until nothing is too narrow. Safe, and dearer than need be.

Source of the rules: the project's specification of disclosure control, section 6.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.disclosure.moves import doubled
from gateway.disclosure.separate import Reasoning
from gateway.disclosure.solver import Program
from gateway.disclosure.table import DisclosureError

if TYPE_CHECKING:
    from gateway.disclosure.merge import Merged
    from gateway.disclosure.separate import Attacker, Findings, Narrow
    from gateway.disclosure.solver import Budget, Floats, Solution

CARRIED: Final = 1e-6
"""A change below this is none."""

PRUNED: Final = 30
"""How many of the added are tried without."""


def repair(
    merged: Merged, chosen: Floats, reasoning: Reasoning, attacker: Attacker, budget: Budget
) -> Floats:
    """Return a safe choice that hides at least what was chosen.

    Raises:
        DisclosureError: `infeasible` where hiding everything would not be enough; `limit`.
    """
    start = np.where(merged.fixed, 1.0, chosen)
    chosen = _wider(merged, start, Reasoning.ROUNDED, attacker, budget)
    chosen = _pruned(merged, start, chosen, attacker)
    return _wider(merged, chosen, reasoning, attacker, budget)


def _wider(
    merged: Merged, chosen: Floats, reasoning: Reasoning, attacker: Attacker, budget: Budget
) -> Floats:
    """Return the choice with more hidden, until nothing is too narrow."""
    flow = _Flow(merged, budget)
    while True:
        findings = attacker.separate(chosen, reasoning)
        if not findings.narrow:
            return chosen
        before = int(chosen.sum())
        for narrow in findings.narrow:
            chosen = np.maximum(chosen, flow.carried(narrow, chosen))
        if int(chosen.sum()) == before:
            chosen = _joined(merged, chosen, findings)


def _pruned(merged: Merged, start: Floats, chosen: Floats, attacker: Attacker) -> Floats:
    """Return the choice without what was added and turns out not to be needed, dearest first."""
    added = np.flatnonzero(chosen > start)
    order = np.argsort(-merged.weights[added], kind="stable")
    for variable in added[order][:PRUNED].tolist():
        without = chosen.copy()
        without[variable] = 0.0
        if attacker.safe(without, Reasoning.ROUNDED):
            chosen = without
    return chosen


def _joined(merged: Merged, chosen: Floats, findings: Findings) -> Floats:
    """Return the choice with the lightest cell that some inequality asks for."""
    for cut in findings.cuts:
        rest = cut.index[chosen[cut.index] == 0]
        if len(rest):
            joined = chosen.copy()
            joined[rest[np.argmin(merged.weights[rest])]] = 1.0
            return joined
    raise DisclosureError("infeasible", "no pattern protects what has to be hidden")


class _Flow:
    """The cheapest change of the whole table that takes one cell somewhere."""

    def __init__(self, merged: Merged, budget: Budget) -> None:
        self._merged, self._budget = merged, budget
        self._limits = np.column_stack((merged.high, -merged.low)).ravel().astype(np.float64)
        none = np.zeros(len(self._limits))
        system = doubled(merged.system)
        self._program = Program(system, none, self._limits, budget, maximize=False)
        self._free = Program(
            merged.system,
            merged.low.astype(np.float64),
            merged.high.astype(np.float64),
            budget,
        )

    def carried(self, narrow: Narrow, chosen: Floats) -> Floats:
        """Return 1 for each variable that changes where one goes as far as it lacks."""
        merged, variable = self._merged, narrow.variable
        width = float(merged.width[variable])
        over, under = self._reach(variable, 1.0), self._reach(variable, -1.0)
        ways = []
        for first in (1, -1):
            up = min(over, max(narrow.most, width + narrow.least)) if first > 0 else narrow.most
            down = min(under, max(-narrow.least, width - up))
            up = min(over, max(up, width - down, float(merged.up[variable])))
            down = max(down, min(under, float(merged.down[variable])))
            ways.append(self._way(narrow, up, down, chosen))
        cost, carried = min(ways, key=lambda way: way[0])
        del cost
        return carried

    def _reach(self, variable: int, sign: float) -> float:
        every = np.arange(self._merged.size)
        self._free.change_costs(every, np.where(every == variable, sign, 0.0))
        return self._free.run().objective

    def _way(self, narrow: Narrow, up: float, down: float, chosen: Floats) -> tuple[float, Floats]:
        """Return what going so far up and down costs, and what changes then."""
        cost, carried = 0.0, np.zeros(self._merged.size)
        for amount, there, had in ((up, 0, narrow.most), (down, 1, -narrow.least)):
            if amount > had + CARRIED:
                hidden = np.maximum(chosen, carried)
                answer = self._least(2 * narrow.variable + there, amount, hidden)
                moved = answer.values[0::2] - answer.values[1::2]
                carried = np.maximum(carried, np.abs(moved) > CARRIED)
        cost = float(self._merged.weights[(carried > 0) & (chosen == 0)].sum())
        return cost, carried

    def _least(self, column: int, amount: float, hidden: Floats) -> Solution:
        free = np.where(hidden > 0, 0.0, self._merged.weights.astype(np.float64))
        most = np.clip(self._limits, 1.0, max(1.0, amount))
        self._program.change_costs(np.arange(len(self._limits)), np.repeat(free, 2) / most + 1e-6)
        pair = np.array([column, column ^ 1])
        demand = np.array([amount, 0.0])
        self._program.change_bounds(pair, demand, demand)
        self._program.forget()
        try:
            return self._program.run()
        finally:
            self._program.change_bounds(pair, np.zeros(2), self._limits[pair])
