"""Complementary suppression: the cheapest pattern that an attacker cannot open.

Benders' decomposition. A master program chooses what to hide; the attacker's programs find what
that leaves too narrow, and each of them makes an inequality that the choice violates; until none
is found. At a limit the best choice so far is repaired, and attacked whole like any other: a
pattern that nobody attacked is never returned.

Source of the rules: the project's specification of disclosure control, section 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.disclosure.cuts import lonely_cuts
from gateway.disclosure.master import Master
from gateway.disclosure.merge import merge
from gateway.disclosure.repair import repair
from gateway.disclosure.separate import Reasoning, separate
from gateway.disclosure.solver import USUAL, Budget
from gateway.disclosure.table import DisclosureError, Pattern

if TYPE_CHECKING:
    from gateway.disclosure.master import Choice
    from gateway.disclosure.merge import Merged
    from gateway.disclosure.solver import Floats
    from gateway.disclosure.table import Limits, Problem


SEARCH: Final = 0.8
"""The part of the limits that the search may use; the rest is kept for a repair."""

LOOSE: Final = 0.02
"""How far above its bound a first choice may stand."""

TIGHT: Final = 1e-4
"""A gap below this is none."""

HALF: Final = 0.5


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
        self._budget = Budget(limits, SEARCH)
        self._master = Master(merged, self._budget)
        self._bound = 0.0
        self._rounds = 0
        self._last = merged.fixed.astype(np.float64)
        self._best: Floats | None = None

    def pattern(self) -> Pattern:
        """Return the cheapest pattern, or the cheapest that was found within the limits."""
        try:
            self._possible()
            self._fractions()
            self._improve(np.where(self._last >= HALF, 1.0, 0.0))
            self._wholes()
        except DisclosureError as error:
            if error.cause != "limit":
                raise
            self._budget.release()
            if self._best is None:
                self._improve(np.where(self._last >= HALF, 1.0, 0.0))
        return self._returned()

    def _possible(self) -> None:
        """Refuse where hiding everything is not enough."""
        everything = np.ones(self._merged.size)
        if separate(self._merged, everything, self._reasoning, self._budget).narrow:
            raise DisclosureError("infeasible", "no pattern protects what has to be hidden")

    def _fractions(self) -> None:
        """Add inequalities until fractions satisfy the attacker."""
        while True:
            choice = self._counted(self._master.relaxed())
            cuts = lonely_cuts(self._merged, choice.chosen)
            if not cuts:
                fraction = Reasoning.FRACTION
                cuts = separate(self._merged, choice.chosen, fraction, self._budget).cuts
            if not self._master.add(cuts):
                return

    def _wholes(self) -> None:
        """Find the cheapest choice in whole numbers that the attacker cannot open.

        Early choices need not be the best: they are there to be cut off. Whatever is safe becomes
        the next one's beginning, until none can be lighter by one.
        """
        gap = LOOSE
        while self._weight() - self._bound >= 1:
            choice = self._counted(self._master.whole(self._best, gap))
            findings = separate(self._merged, choice.chosen, self._reasoning, self._budget)
            if not findings.narrow:
                self._keep(choice.chosen)
                if choice.limited:
                    return
                gap = gap / 4 if gap > TIGHT else 0.0
            elif not self._master.add(findings.cuts):
                raise DisclosureError("solver", "the solver returned what had been cut off")
            elif choice.limited:
                self._improve(choice.chosen)
                return

    def _improve(self, chosen: Floats) -> None:
        """Repair a choice, and keep it if it is the cheapest."""
        self._keep(repair(self._merged, chosen, self._reasoning, self._budget))

    def _keep(self, safe: Floats) -> None:
        if self._best is None or self._merged.weights @ safe < self._weight():
            self._best = safe

    def _weight(self) -> float:
        return np.inf if self._best is None else float(self._merged.weights @ self._best)

    def _counted(self, choice: Choice) -> Choice:
        self._rounds += 1
        self._last = choice.chosen
        self._bound = max(self._bound, choice.bound)
        return choice

    def _returned(self) -> Pattern:
        """Return the cheapest safe choice; each was judged whole before it was kept."""
        if self._best is None:
            raise DisclosureError("limit", "the search reached its limit")
        hidden = self._merged.hidden(self._best > 0)
        secondary = hidden & ~self._problem.primary & ~self._problem.shut
        objective = int(self._problem.weights[secondary].sum())
        return Pattern(hidden, objective, min(self._bound, float(objective)), self._rounds)
