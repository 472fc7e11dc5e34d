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

from gateway.disclosure.moves import Moves, nearest
from gateway.disclosure.relations import parts_of, system_of, whole_pieces
from gateway.disclosure.solver import USUAL, WHOLE, Budget, Program, Verdict, whole_numbers
from gateway.disclosure.table import DisclosureError, Ranges

if TYPE_CHECKING:
    from gateway.disclosure.relations import System
    from gateway.disclosure.solver import Floats, Solution
    from gateway.disclosure.table import Flags, Integers, Limits, View

SWEEPS: Final = 20
"""How often all open cells of a part are asked for at once, before each is asked for alone."""

WORTHWHILE: Final = 12
"""A sweep that settles fewer cells is the last: it costs two programs itself."""


def attack(
    view: View,
    *,
    integer: bool,
    enough: Integers | None = None,
    limits: Limits = USUAL,
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
        wide = None if enough is None else enough[at]
        search = _Search(part.system, view.lower[at], view.upper[at], wide, budget)
        low[at], high[at], settled[at] = search.ranges(integer=integer)
    return Ranges(low, high, settled)


class _Ends:
    """What is known of the ends of each cell's range.

    `least` and `most` are what witnesses show, `bottom` and `top` what nothing lies beyond; a cell
    is exact where they meet.
    """

    def __init__(self, bottom: Integers, top: Integers, enough: Integers | None) -> None:
        self.bottom, self.top = bottom.copy(), top.copy()
        self.least, self.most = top.copy(), bottom.copy()
        self._enough = enough

    def seen(self, least: Integers, most: Integers) -> None:
        """Take a witness: cells reach down to `least`, and up to `most`."""
        np.minimum(self.least, np.maximum(least, self.bottom), out=self.least)
        np.maximum(self.most, np.minimum(most, self.top), out=self.most)

    def shift(self, origin: Integers) -> None:
        """Count from another point."""
        self.least, self.most = self.least - origin, self.most - origin
        self.bottom, self.top = self.bottom - origin, self.top - origin

    def proven(self, cell: int, end: int, *, up: bool) -> None:
        """Take it that a cell does not go beyond an end."""
        if up:
            self.top[cell] = min(self.top[cell], end)
        else:
            self.bottom[cell] = max(self.bottom[cell], end)

    def exact(self) -> Flags:
        """Return which ranges are exact."""
        exact: Flags = (self.least == self.bottom) & (self.most == self.top)
        return exact

    def open(self) -> Flags:
        """Return which ranges are neither exact nor wide enough."""
        if self._enough is None:
            return ~self.exact()
        wanting: Flags = ~self.exact() & (self.most - self.least < self._enough)
        return wanting

    def closed(self, cell: int, *, up: bool) -> bool:
        """Tell whether an end is known, or need not be."""
        least, most = self.least[cell], self.most[cell]
        if self._enough is not None and most - least >= self._enough[cell]:
            return True
        return bool(most == self.top[cell] if up else least == self.bottom[cell])

    def asked(self, cell: int, *, up: bool) -> tuple[int, int]:
        """Return within what to look for an end: no further than what is enough."""
        low, high = int(self.bottom[cell]), int(self.top[cell])
        if self._enough is None:
            return low, high
        enough = int(self._enough[cell])
        if up:
            return low, min(high, int(self.least[cell]) + enough)
        return max(low, int(self.most[cell]) - enough), high

    def goals(self, cell: int, real: _Ends) -> tuple[int, int]:
        """Return how far down and up to look for whole numbers: what real ones reach.

        Where a width is enough, no further than that from zero.
        """
        least, most = int(real.least[cell]), int(real.most[cell])
        if self._enough is None:
            return least, most
        up = max(0, min(most, int(self._enough[cell])))
        return min(0, max(least, up - int(self._enough[cell]))), up


class _Search:
    """The ranges of one part."""

    def __init__(
        self,
        system: System,
        lower: Integers,
        upper: Integers,
        enough: Integers | None,
        budget: Budget,
    ) -> None:
        self._budget = budget
        self._enough = enough
        self._system, self._lower, self._upper = system, lower, upper
        self._origin = np.zeros_like(lower)
        if system.rows:
            # Totals of ten millions stand beside cells of one: near zero, a solver sees both.
            point = self._program(whole=False).run().values
            self._shift(np.clip(np.rint(point).astype(np.int64), lower, upper))
        self._real = _Ends(self._lower, self._upper, enough)
        self._costs = np.zeros(system.columns)

    def ranges(self, *, integer: bool) -> tuple[Integers, Integers, Flags]:
        """Return low, high, and whether both are exact, for each cell of the part."""
        if not self._system.rows:
            return self._lower, self._upper, np.ones(len(self._lower), np.bool_)
        if integer:
            self._stand()
        self._whole = _Ends(self._real.bottom, self._real.top, self._enough)
        self._search_real(integer=integer)
        found = self._search_whole() if integer else self._real
        if (found.least > found.most).any():
            raise DisclosureError("not_additive", "no table of whole numbers has these totals")
        return found.least + self._origin, found.most + self._origin, found.exact()

    def _shift(self, origin: Integers) -> None:
        """Count everything from another point."""
        self._system = self._system.shifted(origin)
        self._lower, self._upper = self._lower - origin, self._upper - origin
        self._origin = self._origin + origin

    def _program(self, *, whole: bool) -> Program:
        low, high = self._lower.astype(np.float64), self._upper.astype(np.float64)
        return Program(self._system, low, high, self._budget, whole=whole)

    def _search_real(self, *, integer: bool) -> None:
        """Find the ends in real numbers, rounded inwards; all open cells together at first.

        Zero fits where whole numbers are asked for: what is whole of an answer fits by itself.
        """
        program, ends = self._program(whole=False), self._real
        swept = self._whole if integer else ends
        for _ in range(SWEEPS):
            before = swept.open()
            for sign in (1.0, -1.0):
                values = self._maximize(program, np.where(before, sign, 0.0)).values
                if integer:
                    self._take_near(values)
            if before.sum() - swept.open().sum() < WORTHWHILE:
                break
        for cell in np.flatnonzero(ends.open()).tolist():
            for up in (True, False):
                if not ends.closed(cell, up=up):
                    sign = 1.0 if up else -1.0
                    costs = _alone(self._costs, cell, sign)
                    most = self._maximize(program, costs).objective
                    ends.proven(cell, _inward(most) if up else -_inward(most), up=up)

    def _take_near(self, values: Floats) -> None:
        """Take what is whole of an answer as a witness, and a whole table near to it."""
        if (whole := whole_numbers(values)) is None:
            self._witness(self._whole, whole_pieces(self._system, values, WHOLE))
            whole = nearest(values, self._system, self._lower, self._upper, self._budget)
        if whole is not None and self._witness(self._whole, whole):
            self._real.seen(whole, whole)

    def _maximize(self, program: Program, costs: Floats) -> Solution:
        """Return the table with the most of a sum of cells, and take it as a witness."""
        changed = np.flatnonzero(costs != self._costs)
        program.change_costs(changed, costs[changed])
        self._costs = costs
        answer = program.run()
        least, most = np.ceil(answer.values - WHOLE), np.floor(answer.values + WHOLE)
        self._real.seen(least.astype(np.int64), most.astype(np.int64))
        return answer

    def _search_whole(self) -> _Ends:
        """Find the ends in whole numbers, within what real ones reach."""
        program, zero = self._program(whole=True), np.zeros_like(self._lower)
        ends = _Ends(self._real.bottom, self._real.top, self._enough)
        ends.seen(zero, zero)
        ends.seen(self._whole.least, self._whole.most)
        scale = 1 if self._enough is None else int(self._enough.max())
        moves = Moves(self._system, self._lower, self._upper, scale, self._budget)
        for cell in np.flatnonzero(ends.open()).tolist():
            for up in (True, False):
                goal = ends.goals(cell, self._real)[up]
                if goal and not ends.closed(cell, up=up):
                    for candidate in moves.reach(cell, goal):
                        self._witness(ends, candidate)
            for up in (True, False):
                if not ends.closed(cell, up=up):
                    self._exhaust(program, ends, cell, up=up)
        return ends

    def _stand(self) -> None:
        """Take a whole table that fits as the origin: best one at an end, with room beside it."""
        zero = np.zeros(len(self._lower))
        point = nearest(zero, self._system, self._lower, self._upper, self._budget)
        if point is None:
            point = whole_numbers(self._program(whole=True).run().values)
            if point is None or not self._fits(point):
                raise DisclosureError("solver", "the solver's whole numbers do not add up")
        self._shift(point)
        self._real.shift(point)

    def _exhaust(self, program: Program, ends: _Ends, cell: int, *, up: bool) -> None:
        """Find the end of a cell by branch and bound, or that it lies far enough."""
        every, one = np.arange(len(self._lower)), np.array([cell])
        low, high = ends.asked(cell, up=up)
        program.change_costs(every, _alone(self._costs, cell, 1.0 if up else -1.0))
        program.change_bounds(one, np.array([float(low)]), np.array([float(high)]))
        answer = program.run()
        program.change_bounds(one, self._lower[one] * 1.0, self._upper[one] * 1.0)
        if answer.verdict is not Verdict.OPTIMAL:
            raise DisclosureError("limit", "the search reached its limit")
        point = whole_numbers(answer.values)
        if point is None or not self._witness(ends, point):
            raise DisclosureError("solver", "the solver's whole numbers do not add up")
        if not ends.closed(cell, up=up):
            ends.proven(cell, int(point[cell]), up=up)

    def _fits(self, values: Integers) -> bool:
        within = ((self._lower <= values) & (values <= self._upper)).all()
        return bool(within) and self._system.holds(values)

    def _witness(self, ends: _Ends, values: Integers) -> bool:
        """Take a table as proof that its cells can be what they are, if it fits to the unit."""
        fits = self._fits(values)
        if fits:
            ends.seen(values, values)
        return fits


def _alone(costs: Floats, cell: int, sign: float) -> Floats:
    """Return costs that ask for one cell."""
    alone = np.zeros_like(costs)
    alone[cell] = sign
    return alone


def _inward(most: float) -> int:
    return floor(most + WHOLE)
