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

from gateway.disclosure.conflict import conflicts
from gateway.disclosure.cuts import lonely_cuts
from gateway.disclosure.master import Master
from gateway.disclosure.merge import merge
from gateway.disclosure.separate import Attacker, Reasoning
from gateway.disclosure.solver import USUAL, Budget
from gateway.disclosure.table import DisclosureError, Pattern

if TYPE_CHECKING:
    from gateway.disclosure.master import Choice
    from gateway.disclosure.merge import Merged
    from gateway.disclosure.separate import Findings
    from gateway.disclosure.solver import Floats
    from gateway.disclosure.table import Limits, Problem


SEARCH: Final = 0.55
"""The part of the limits that the search may use; the rest is kept for a repair."""

LOOSE: Final = 0.02
"""How far above its bound a first choice may stand."""

TIGHT: Final = 1e-4
"""A gap below this is none."""

TRIES: Final = 3
"""How often the promising variables are searched between two searches of all."""

HALF: Final = 0.5

ROUNDINGS: Final = 20
"""How often fractions are rounded to find what is too narrow then."""

WORTHWHILE: Final = 3
"""A rounding that shows less is the last."""

TAIL: Final = 4
"""Of the gap that is allowed: a round of inequalities that gains less is the last."""

WORTH: Final = 1e-3
"""A rounding that lifts the bound by less, as a part of it, is the last."""

PRUNED: Final = 40
"""How many of what a repair added are tried without, dearest first."""

FEW: Final = 5
"""A choice that leaves more too narrow is not worth a repair: the next is nearer to a safe one."""

MANY: Final = 1000
"""Of fewer cells the best pattern is found, where no gap is given."""

NEARLY: Final = 0.01
"""The gap that is allowed to more."""

SOON: Final = 1500
"""Programs within which the best pattern of a large table is looked for all the same."""


def protect(
    problem: Problem,
    limits: Limits = USUAL,
    *,
    integer: bool = True,
) -> Pattern:
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
    budget = Budget(limits, SEARCH)
    return _Search(merged, problem, budget, integer=integer).pattern()


def _gap(limits: Limits, cells: int) -> float:
    """Return how far above the bound a pattern may stay."""
    if limits.gap is not None:
        return limits.gap
    return 0.0 if cells < MANY else NEARLY


class _Search:
    """The state of one search: the bound so far and the cheapest safe pattern so far."""

    def __init__(self, merged: Merged, problem: Problem, budget: Budget, *, integer: bool) -> None:
        self._merged, self._problem = merged, problem
        self._reasoning = Reasoning.WHOLE if integer else Reasoning.ROUNDED
        self._budget = budget
        self._gap = _gap(budget.limits, len(problem.table.keys))
        self._attacker = Attacker(merged, self._budget)
        self._master = Master(merged, self._budget)
        self._bound = 0.0
        self._rounds = 0
        self._narrow = 0
        self._last = merged.fixed.astype(np.float64)
        self._best: Floats | None = None
        self._promising = merged.fixed.copy()

    def pattern(self) -> Pattern:
        """Return the cheapest pattern, or the cheapest that was found within the limits."""
        try:
            self._possible()
            self._fractions()
            if not self._gap:
                self._roundings()
            self._wholes()
        except DisclosureError as error:
            if error.cause != "limit":
                raise
        if not self._good_enough():
            self._end()
        return self._returned()

    def _end(self) -> None:
        """Take what was kept back to repair the choice that the search ended with."""
        self._budget.release()
        try:
            self._mend(np.where(self._last >= HALF, 1.0, 0.0))
        except DisclosureError as error:
            if error.cause != "limit" or self._best is None:
                raise
        self._bound = max(self._bound, self._master.relaxed().bound)

    def _possible(self) -> None:
        """Refuse where hiding everything is not enough."""
        everything = np.ones(self._merged.size)
        narrow = self._attacker.separate(everything, Reasoning.ROUNDED, every=True).narrow
        if narrow:
            cells = np.isin(self._merged.label, [one.variable for one in narrow])
            raise DisclosureError(
                "infeasible",
                "no pattern protects what has to be hidden",
                axes=conflicts(self._problem, cells),
            )

    def _fractions(self) -> None:
        """Add inequalities until fractions satisfy the attacker, or hardly anything is gained."""
        before, narrow = 0.0, 0
        while True:
            choice = self._counted(self._master.relaxed())
            cuts = lonely_cuts(self._merged, choice.chosen)
            if not cuts:
                gained = choice.bound > before * (1 + self._gap / TAIL)
                if self._gap and before and not gained and narrow <= FEW:
                    return
                findings = self._separated(choice.chosen, Reasoning.FRACTION)
                before, narrow, cuts = choice.bound, len(findings.narrow), findings.cuts
            if not self._master.add(cuts):
                return

    def _roundings(self) -> None:
        """Add what is too narrow where the fractions are rounded.

        That is cheap, and much of what a choice in whole numbers would show at the price of a
        branch and bound.
        """
        for _ in range(ROUNDINGS):
            self._promising |= self._last > 0
            point = np.where(self._last >= HALF, 1.0, 0.0)
            cuts = self._separated(point, Reasoning.ROUNDED).cuts
            before = self._bound
            if self._master.add(cuts) < WORTHWHILE:
                return
            if self._counted(self._master.relaxed()).bound <= before * (1 + WORTH):
                return

    def _wholes(self) -> None:
        """Find the cheapest choice in whole numbers that the attacker cannot open.

        Early choices need not be the best: they are there to be cut off. Whatever is safe becomes
        the next one's beginning, until none can be lighter by one.
        """
        gap = self._gap / 2 or LOOSE
        if self._gap:
            self._promising |= self._master.close
        while not self._good_enough():
            choice = self._counted(self._master.whole(self._best, gap))
            if choice.limited or self._good_enough():
                return
            if self._judged(choice):
                gap = gap / 4 if gap > TIGHT else 0.0
            else:
                self._promising |= choice.chosen > 0
                chosen = self._among_promising(choice.chosen)
                if self._narrow <= FEW:
                    self._mend(chosen)

    def _among_promising(self, chosen: Floats) -> Floats:
        """Return a better choice of what was taken before, or nearly: few, and soon done."""
        for _ in range(TRIES):
            most = self._promising.astype(np.float64)
            try:
                choice = self._master.whole(self._best, max(TIGHT, self._gap / 4), most=most)
            except DisclosureError as error:
                if error.cause != "infeasible":
                    raise
                return chosen
            if choice.limited:
                return chosen
            chosen = choice.chosen
            if self._judged(choice):
                return chosen
        return chosen

    def _judged(self, choice: Choice) -> bool:
        """Keep a choice that is safe, or take what speaks against it."""
        findings = self._separated(choice.chosen, self._reasoning)
        self._narrow, self._last = len(findings.narrow), choice.chosen
        if not findings.narrow:
            self._keep(choice.chosen)
            return True
        if not self._master.add(findings.cuts):
            raise DisclosureError("solver", "the solver returned what had been cut off")
        return False

    def _good_enough(self) -> bool:
        """Tell whether nothing can be lighter by one, or by the gap that is allowed."""
        over = self._weight() - self._bound
        easy = self._budget.limits.gap is None and self._budget.programs < SOON
        return over < 1 or (not easy and over <= self._gap * self._bound)

    def _separated(self, chosen: Floats, reasoning: Reasoning) -> Findings:
        return self._attacker.separate(chosen, reasoning, self._master.near)

    def _mend(self, chosen: Floats) -> None:
        """Let a choice grow until nothing is too narrow, and keep it if it is the cheapest.

        Whole numbers are looked at last: they take longest, and seldom see more. One safe choice
        is kept before any work goes into a lighter one.
        """
        if self._merged.weights @ chosen >= self._weight():
            return
        grown = self._grown(chosen, Reasoning.ROUNDED)
        if self._merged.weights @ grown >= self._weight():
            return
        self._keep(self._grown(grown, self._reasoning))
        pruned = self._pruned(chosen, grown)
        if self._merged.weights @ pruned < self._weight():
            self._keep(self._grown(pruned, self._reasoning))

    def _grown(self, chosen: Floats, reasoning: Reasoning) -> Floats:
        """Return a safe choice that hides at least what was chosen.

        What is too narrow shows inequalities, and the least that satisfies them is added.
        """
        while (findings := self._separated(chosen, reasoning)).narrow:
            self._master.add(findings.cuts)
            more = self._master.whole(None, 0.0, least=chosen).chosen
            if np.array_equal(more, chosen):
                raise DisclosureError("solver", "the solver returned what had been cut off")
            chosen = more
        return chosen

    def _pruned(self, chosen: Floats, grown: Floats) -> Floats:
        """Return a grown choice without what was added and turns out not to be needed."""
        added = np.flatnonzero(grown > chosen)
        order = np.argsort(-self._merged.weights[added], kind="stable")
        for variable in added[order][:PRUNED].tolist():
            without = grown.copy()
            without[variable] = 0.0
            if self._attacker.safe(without, Reasoning.ROUNDED):
                grown = without
        return grown

    def _keep(self, safe: Floats) -> None:
        if self._best is None or self._merged.weights @ safe < self._weight():
            self._best = safe
            self._promising |= safe > 0

    def _weight(self) -> float:
        return np.inf if self._best is None else float(self._merged.weights @ self._best)

    def _counted(self, choice: Choice) -> Choice:
        self._rounds += 1
        if not choice.limited or choice.objective <= choice.bound * (1 + LOOSE):
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
