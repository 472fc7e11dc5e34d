"""The choice of what to hide, at the least weight that the known inequalities allow.

First as a linear program that keeps its basis while inequalities are added, then in whole numbers.
What it returns is no pattern until `separate` finds nothing against it.

Source of the rules: the project's specification of disclosure control, sections 6.2 and 6.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.disclosure.relations import System
from gateway.disclosure.solver import Program, Verdict
from gateway.disclosure.table import DisclosureError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.disclosure.cuts import Cut
    from gateway.disclosure.merge import Merged
    from gateway.disclosure.solver import Budget, Floats, Solution

BELOW_ONE: Final = 0.999
"""Weights are whole, so that a bound less than one below the objective proves it."""


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """How much of each variable to hide, what that weighs, and what no choice can better.

    It is `limited` where a limit ended the search for it.
    """

    chosen: Floats
    objective: float
    bound: float
    limited: bool


class Master:
    """The inequalities so far, and the programs over them."""

    def __init__(self, merged: Merged, budget: Budget) -> None:
        self._merged, self._budget = merged, budget
        # Variables that the relaxation takes, or nearly does; cuts are made with an eye to them.
        self.near = np.ones(merged.size, np.bool_)
        self.close = merged.fixed.copy()
        self._free = np.flatnonzero(~merged.fixed)
        self._place = np.full(merged.size, -1, np.int64)
        self._place[self._free] = np.arange(len(self._free))
        self._known: set[tuple[bytes, bytes, float]] = set()
        self._cuts: list[Cut] = []
        self._program = self._programmed(whole=False)
        self._constant = float(merged.weights[merged.fixed].sum())

    def add(self, cuts: Iterable[Cut]) -> int:
        """Take inequalities that were not there yet; return how many.

        Raises:
            DisclosureError: `infeasible` where one cannot be satisfied by any choice.
        """
        fresh: dict[tuple[bytes, bytes, float], Cut] = {}
        for cut in cuts:
            if cut.count.clip(min=0).sum() < cut.low - 1e-6:
                raise DisclosureError("infeasible", "no pattern protects what has to be hidden")
            if cut.key() not in self._known:
                fresh[cut.key()] = cut
        self._known |= fresh.keys()
        new = list(fresh.values())
        self._cuts += new
        self._insert(self._program, new)
        return len(new)

    def relaxed(self) -> Choice:
        """Return the best choice in fractions, and note which variables are near to it."""
        if not len(self._free):
            return self._settled()
        answer = self._run(self._program)
        self.near[self._free] = answer.reduced <= NEAR
        self.close[self._free] = answer.reduced <= CLOSE
        return self._choice(answer)

    def whole(
        self,
        start: Floats | None,
        gap: float,
        least: Floats | None = None,
        most: Floats | None = None,
    ) -> Choice:
        """Return a choice in whole numbers, at most a gap above what no choice can better.

        Args:
            start: A safe pattern, if one is known.
            gap: As a part of the objective; 0 for the best choice there is.
            least: What has to be chosen; the bound is then one for such choices only.
            most: What may be chosen; likewise.

        Raises:
            DisclosureError: `infeasible` where no such choice satisfies the inequalities.
        """
        if not len(self._free):
            return self._settled()
        program = self._programmed(whole=True)
        self._insert(program, self._cuts if least is None else self._open(least))
        program.option("mip_abs_gap", BELOW_ONE)
        program.option("mip_rel_gap", gap)
        if least is not None or most is not None:
            free, size = self._free, self._merged.size
            low = np.zeros(size) if least is None else least
            high = np.ones(size) if most is None else most
            program.change_bounds(np.arange(len(free)), low[free], high[free])
        if start is not None:
            program.begin_at(start[self._free])
        answer = self._choice(self._run(program))
        return Choice(np.rint(answer.chosen), answer.objective, answer.bound, answer.limited)

    def _open(self, least: Floats) -> list[Cut]:
        """Return the inequalities that more than this may violate: few, so that it costs little."""
        return [cut for cut in self._cuts if cut.lacks(least) > 0 or cut.count.min(initial=0.0) < 0]

    def _settled(self) -> Choice:
        """Return the one choice there is, where nothing is left to choose."""
        return Choice(np.ones(self._merged.size), self._constant, self._constant, limited=False)

    def _run(self, program: Program) -> Solution:
        try:
            return program.run()
        except DisclosureError as error:
            if error.cause != "not_additive":
                raise
            message = "no pattern protects what has to be hidden"
            raise DisclosureError("infeasible", message) from error

    def _choice(self, answer: Solution) -> Choice:
        chosen = np.ones(self._merged.size)
        chosen[self._free] = np.where(answer.values > TINY, np.minimum(answer.values, 1.0), 0.0)
        bound = ceil(answer.bound - 1e-6) if np.isfinite(answer.bound) else 0
        return Choice(
            chosen=chosen,
            objective=answer.objective + self._constant,
            bound=bound + self._constant,
            limited=answer.verdict is Verdict.LIMIT,
        )

    def _programmed(self, *, whole: bool) -> Program:
        size = len(self._free)
        none = np.zeros(0, np.int64)
        return Program(
            System(size, np.zeros(1, np.int64), none, none, none, none),
            np.zeros(size),
            np.ones(size),
            self._budget,
            whole=whole,
            maximize=False,
            costs=self._merged.weights[self._free].astype(np.float64),
        )

    def _insert(self, program: Program, cuts: list[Cut]) -> None:
        if not cuts:
            return
        lengths = np.array([len(cut.index) for cut in cuts])
        program.add_rows(
            np.array([cut.low for cut in cuts]),
            np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)[:-1])),
            self._place[np.concatenate([cut.index for cut in cuts])],
            np.concatenate([cut.count for cut in cuts]),
        )


NEAR: Final = 30.0
"""A variable that costs so much too much is hardly in any good pattern."""

CLOSE: Final = 5.0
"""A variable that costs no more than this too much may well be in the best one."""

TINY: Final = 1e-7
"""A fraction below this is none."""
