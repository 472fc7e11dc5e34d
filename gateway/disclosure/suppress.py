"""Complementary suppression: the cheapest pattern that an attacker cannot open.

Benders' decomposition. A master program chooses what to hide; the attacker's programs find what
that leaves too narrow, and each of them makes an inequality that the choice violates; until none
is found. At a limit the best choice so far is repaired, and attacked whole like any other: a
pattern that nobody attacked is never returned.

Source of the rules: the project's specification of disclosure control, section 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gateway.disclosure.cuts import lonely_cuts
from gateway.disclosure.master import Master
from gateway.disclosure.merge import merge
from gateway.disclosure.separate import Reasoning, separate
from gateway.disclosure.solver import USUAL, Budget
from gateway.disclosure.table import DisclosureError, Pattern

if TYPE_CHECKING:
    from gateway.disclosure.master import Choice
    from gateway.disclosure.merge import Merged
    from gateway.disclosure.solver import Floats
    from gateway.disclosure.table import Limits, Problem


def protect(problem: Problem, limits: Limits = USUAL, *, integer: bool = True) -> Pattern:
    """Return the cheapest pattern under which each primary cell stays as uncertain as asked.

    Args:
        problem: What has to be hidden, what must not be, and the attacker's bounds.
        limits: When to stop; a pattern is then repaired and may be dearer than `bound`.
        integer: The attacker reasons in whole numbers; else in real ones, rounded inwards.

    Raises:
        DisclosureError: `infeasible` where no pattern protects as asked; `limit` where the search
            ended before any pattern was proven safe; `not_additive`; `solver`.
    """
    merged = merge(problem)
    return _Search(merged, problem, limits, integer=integer).pattern()


class _Search:
    """The state of one search: the bound so far and the cheapest safe pattern so far."""

    def __init__(self, merged: Merged, problem: Problem, limits: Limits, *, integer: bool) -> None:
        self._merged, self._problem = merged, problem
        self._reasoning = Reasoning.WHOLE if integer else Reasoning.ROUNDED
        self._budget = Budget(limits)
        self._master = Master(merged, self._budget)
        self._bound = 0.0
        self._rounds = 0
        self._best: Floats | None = None

    def pattern(self) -> Pattern:
        """Return the cheapest pattern."""
        everything = np.ones(self._merged.size)
        if separate(self._merged, everything, self._reasoning, self._budget).narrow:
            raise DisclosureError("infeasible", "no pattern protects what has to be hidden")
        self._fractions()
        chosen = self._wholes()
        return self._returned(chosen)

    def _fractions(self) -> None:
        """Add inequalities until fractions satisfy the attacker."""
        while True:
            choice = self._counted(self._master.relaxed())
            cuts = lonely_cuts(self._merged, choice.chosen)
            if not cuts:
                findings = separate(self._merged, choice.chosen, Reasoning.FRACTION, self._budget)
                cuts = findings.cuts
            if not self._master.add(cuts):
                return

    def _wholes(self) -> Floats:
        """Return the cheapest choice in whole numbers that the attacker cannot open."""
        while True:
            choice = self._counted(self._master.whole(self._best))
            findings = separate(self._merged, choice.chosen, self._reasoning, self._budget)
            if not findings.narrow:
                return choice.chosen
            if not self._master.add(findings.cuts):
                raise DisclosureError("solver", "the solver returned what had been cut off")

    def _counted(self, choice: Choice) -> Choice:
        self._rounds += 1
        self._bound = max(self._bound, choice.bound)
        return choice

    def _returned(self, chosen: Floats) -> Pattern:
        hidden = self._merged.hidden(chosen > 0)
        secondary = hidden & ~self._problem.primary & ~self._problem.shut
        objective = int(self._problem.weights[secondary].sum())
        return Pattern(hidden, objective, min(self._bound, float(objective)), self._rounds)
