"""The attacker: what a recipient can still believe of each hidden cell.

Nothing here sees a hidden value. A recipient takes what was published, the rows that everybody
knows and the bounds that come with his knowledge, and asks for each hidden cell: how small, how
large can it be? Every answer is a table that fits, and a witness for all of its cells; a range is
only ever claimed as wide as two witnesses are apart, checked in exact whole numbers.

Source of the rules: the project's specification of disclosure control, section 7.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.disclosure.relations import parts_of, system_of
from gateway.disclosure.solver import USUAL, WHOLE, Budget, Program, Verdict, whole_numbers
from gateway.disclosure.table import DisclosureError, Ranges

if TYPE_CHECKING:
    from gateway.disclosure.relations import Part, System
    from gateway.disclosure.solver import Floats
    from gateway.disclosure.table import Flags, Integers, Limits, View

SWEEPS: Final = 20
"""How often all open cells of a part are asked for at once, before each is asked for alone."""

WORTHWHILE: Final = 3
"""A sweep that settles fewer cells is the last: it costs two programs itself."""


def attack(
    view: View, *, integer: bool, enough: Integers | None = None, limits: Limits = USUAL
) -> Ranges:
    """Return the range of each cell as a recipient can work it out from public facts alone.

    Args:
        view: What the recipient sees and is given.
        integer: Reason in whole numbers: each end of a range is a value of a table that fits.
            Else with linear programs alone; their ends are then rounded inwards, since whoever
            knows that cells are counts rounds too. A range is never wider than what is attainable
            in the reasoning that was asked for.
        enough: For each cell a width that settles it: the search for the cell may end with two
            witnesses so far apart, and the cell is then not `settled`. Without it all are exact.
        limits: When to give up.

    Raises:
        DisclosureError: `not_additive` where no table fits what is published; `limit` where the
            search ended before its answers were proven: there are no guessed ranges.
    """
    low, high = view.published.copy(), view.published.copy()
    settled = np.ones(len(low), np.bool_)
    if (view.lower > view.upper)[view.hidden].any():
        raise DisclosureError("not_additive", "a cell with a least above its most")
    system = system_of(view.rows, len(low))
    budget = Budget(limits)
    for part in parts_of(system, view.hidden, view.published):
        at = part.columns
        goal = None if enough is None else enough[at]
        search = _Search(part, view.lower[at], view.upper[at], goal, budget, integer=integer)
        low[at], high[at], settled[at] = search.ranges()
    return Ranges(low, high, settled)


class _Search:
    """The ranges of one part, in differences from a point that nearly or quite fits its rows.

    `least` and `most` are what witnesses show, `bottom` and `top` what is proven impossible beyond;
    a cell is exact where they meet.
    """

    def __init__(
        self,
        part: Part,
        lower: Integers,
        upper: Integers,
        enough: Integers | None,
        budget: Budget,
        *,
        integer: bool,
    ) -> None:
        self._budget = budget
        self._enough = enough
        self._integer = integer
        # Totals of ten millions stand beside cells of one: near zero, a solver sees both.
        self._origin = _origin(part.system, lower, upper, budget)
        self._system = part.system.shifted(self._origin)
        self._lower, self._upper = lower - self._origin, upper - self._origin
        self._bottom, self._top = self._lower.copy(), self._upper.copy()
        self._least, self._most = self._upper.copy(), self._lower.copy()
        self._real: Program | None = None
        self._whole: Program | None = None
        self._costs = np.zeros(part.system.columns)

    def ranges(self) -> tuple[Integers, Integers, Flags]:
        """Return low, high, and whether both are exact, for each cell of the part."""
        if not self._system.rows:
            self._least, self._most = self._bottom, self._top
        else:
            self._sweep()
            for cell in range(self._system.columns):
                self._end(cell, up=True)
                self._end(cell, up=False)
        if (self._least > self._most).any():
            raise DisclosureError("not_additive", "no table of whole numbers has these totals")
        return self._least + self._origin, self._most + self._origin, self._exact()

    def _exact(self) -> Flags:
        exact: Flags = (self._least == self._bottom) & (self._most == self._top)
        return exact

    def _open(self) -> Flags:
        """Return which cells still need a program."""
        wanting = ~self._exact()
        if self._enough is not None:
            wanting &= self._most - self._least < self._enough
        return wanting

    def _sweep(self) -> None:
        """Ask for all open cells at once, up and down, as long as that settles some."""
        for _ in range(SWEEPS):
            before = self._open()
            self._maximize(before.astype(np.float64))
            self._maximize(-before.astype(np.float64))
            if before.sum() - self._open().sum() < WORTHWHILE:
                return

    def _end(self, cell: int, *, up: bool) -> None:
        """Find how far a cell goes in one direction, if that is still to be found."""
        sign = 1.0 if up else -1.0
        costs = np.zeros(self._system.columns)
        costs[cell] = sign
        if self._closed(cell, up=up):
            return
        self._prove(cell, self._maximize(costs), up=up)
        if not self._closed(cell, up=up):
            self._prove(cell, self._maximize_whole(costs), up=up)

    def _closed(self, cell: int, *, up: bool) -> bool:
        """Tell whether an end is known, or no longer asked for."""
        if self._enough is not None and self._most[cell] - self._least[cell] >= self._enough[cell]:
            return True
        if up:
            return bool(self._most[cell] == self._top[cell])
        return bool(self._least[cell] == self._bottom[cell])

    def _prove(self, cell: int, objective: float, *, up: bool) -> None:
        """Take it that nothing lies beyond an optimum, rounded inwards."""
        most = floor(objective + WHOLE)
        if up:
            self._top[cell] = min(self._top[cell], most)
        else:
            self._bottom[cell] = max(self._bottom[cell], -most)

    def _maximize(self, costs: Floats) -> float:
        """Return the most of a sum of cells, and take the table that has it as a witness."""
        if self._real is None:
            self._real = self._program(whole=False)
        changed = np.flatnonzero(costs != self._costs)
        self._real.change_costs(changed, costs[changed])
        self._costs = costs
        answer = self._real.run()
        if not self._witness(answer.values) and not self._integer:
            inward = np.ceil(answer.values - WHOLE).astype(np.int64)
            np.minimum(self._least, np.maximum(inward, self._lower), out=self._least)
            inward = np.floor(answer.values + WHOLE).astype(np.int64)
            np.maximum(self._most, np.minimum(inward, self._upper), out=self._most)
        return answer.objective

    def _maximize_whole(self, costs: Floats) -> float:
        """Return the most of a sum of cells that are whole numbers, with a witness for it."""
        if self._whole is None:
            self._whole = self._program(whole=True)
        self._whole.change_costs(np.arange(len(costs)), costs)
        answer = self._whole.run()
        if answer.verdict is not Verdict.OPTIMAL:
            raise DisclosureError("limit", "the search reached its limit")
        if not self._witness(answer.values):
            raise DisclosureError("solver", "the solver's whole numbers do not add up")
        return answer.objective

    def _program(self, *, whole: bool) -> Program:
        low, high = self._lower.astype(np.float64), self._upper.astype(np.float64)
        return Program(self._system, low, high, self._budget, whole=whole)

    def _witness(self, values: Floats) -> bool:
        """Take a table as proof that its cells can be what they are, if it fits to the unit."""
        exact = whole_numbers(values)
        if exact is None or not self._system.holds(exact):
            return False
        if ((exact < self._lower) | (exact > self._upper)).any():
            return False
        np.minimum(self._least, exact, out=self._least)
        np.maximum(self._most, exact, out=self._most)
        return True


def _origin(system: System, lower: Integers, upper: Integers, budget: Budget) -> Integers:
    """Return whole numbers near a point that fits the rows; raises where there is none."""
    if not system.rows:
        return lower
    low, high = lower.astype(np.float64), upper.astype(np.float64)
    point = Program(system, low, high, budget).run().values
    near: Integers = np.clip(np.rint(point).astype(np.int64), lower, upper)
    return near
