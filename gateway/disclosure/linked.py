"""Tables of one source as one table: what two of them tell together, neither tells alone.

Each table brings its cells. Where two tables count the same people over the same partition, coarse
enough for both, one sum equals the other: that is one more thing everybody knows. Where the sums
differ (a filter, a correction, a late record) the difference is itself a number of people: a cell
that nobody published and everybody can subtract, and it is protected like any other.

Source of the rules: the project's specification of disclosure control, section 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gateway.disclosure.attack import attack
from gateway.disclosure.between import links
from gateway.disclosure.depths import stacked
from gateway.disclosure.near import near
from gateway.disclosure.parts import share_days
from gateway.disclosure.rounding import known
from gateway.disclosure.rules import upper_bounds, view_of
from gateway.disclosure.solver import USUAL
from gateway.disclosure.suppress import protect
from gateway.disclosure.table import DisclosureError, Problem, Row, Table
from gateway.disclosure.within import within
from gateway.disclosure.worlds import Freedom

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.disclosure.parts import Counts
    from gateway.disclosure.table import Flags, Integers, Limits, View


@dataclass(frozen=True, slots=True)
class Asked:
    """How uncertain the attacker has to stay.

    Attributes:
        min_cell: Differences of 1 to `min_cell` - 1 are protected too.
        width: How wide the range of a protected cell stays.
        share: Of a sum: the part of the value, in percent, by which its range stays off it, both
            ways; 0 for a count.
    """

    min_cell: int
    width: int
    share: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """The joint problem, and where the new table's cells stand in it."""

    problem: Problem
    new: Integers

    @property
    def enough(self) -> Integers:
        """How wide a range has to be for nothing more to be asked of it."""
        # Where a range has also to reach off its cell both ways, its width alone says too little.
        far = self.problem.up + self.problem.down
        return np.where(far > 0, self.problem.upper + 1, self.problem.width)

    def view(self, hidden: Flags) -> View:
        """Return what everybody sees of it under a pattern."""
        return view_of(self.problem, hidden)


def joint(
    new: Counts,
    earlier: Sequence[Counts],
    asked: Asked,
    weights: Integers,
    limits: Limits = USUAL,
) -> Joint:
    """Return the problem of a new table beside all that was released before.

    Args:
        new: The new table; its `hidden` are those that are hidden whatever is chosen.
        earlier: Tables of the same source that share something with it.
        asked: The protection.
        weights: What hiding each of the new table's cells costs.
        limits: When the search for numbers between tables stops.

    Raises:
        DisclosureError: `shape`, where all of them together are too many cells.
    """
    return _Joint(new, earlier, asked, weights, limits).made(Freedom.ALL)


def protected(
    new: Counts, earlier: Sequence[Counts], asked: Asked, weights: Integers, limits: Limits
) -> Flags:
    """Return the cells of a new table that are hidden, so that nobody opens it or an earlier one.

    Raises:
        DisclosureError: No pattern protects all of them, or none was found in time.
    """
    several = _Joint(new, earlier, asked, weights, limits)
    *quicker, last = several.freedoms()
    for freedom in quicker:
        try:
            return _protected(several.made(freedom), limits)
        except DisclosureError as error:
            if error.cause != "infeasible":
                raise
    return _protected(several.made(last), limits)


def _protected(whole: Joint, limits: Limits) -> Flags:
    found = Joint(*near(whole.problem, whole.new))
    pattern = protect(found.problem, limits)
    ranges = attack(found.view(pattern.hidden), integer=True, enough=found.enough, limits=limits)
    check_ranges(found, ranges.low, ranges.high)
    return pattern.hidden[found.new]


def bearable(new: Counts, earlier: Sequence[Counts], asked: Asked, limits: Limits) -> None:
    """Raise unless each small cell of a rounded table, and of earlier ones, stays uncertain enough.

    Nothing is chosen: every number of the new table leaves, as a multiple.

    Raises:
        DisclosureError: `infeasible`, where the multiples tell too much beside one another or
            beside what was released before.
    """
    whole = joint(new, earlier, asked, np.ones(len(new.keys), np.int64), limits)
    found = Joint(*near(whole.problem, whole.new))
    view = found.view(found.problem.primary | found.problem.shut)
    ranges = attack(view, integer=True, enough=found.enough, limits=limits)
    try:
        check_ranges(found, ranges.low, ranges.high)
    except DisclosureError:
        message = "the multiples tell too much of what has to be hidden"
        raise DisclosureError("infeasible", message) from None


def related(new: Counts, earlier: Sequence[Counts]) -> list[Counts]:
    """Return the tables that a new one can tell something of, be it through others, in order."""
    known, rest = [new], list(earlier)
    for one in known:
        near = [other for other in rest if share_days(one, other)]
        known += near
        rest = [other for other in rest if not any(other is found for found in near)]
    return [one for one in earlier if any(one is found for found in known)]


class _Joint:
    """Cells side by side: the new table's first, then the earlier ones', then other numbers."""

    def __init__(
        self,
        new: Counts,
        earlier: Sequence[Counts],
        asked: Asked,
        weights: Integers,
        limits: Limits,
    ) -> None:
        self._tables = [new, *related(new, earlier)]
        self._asked = asked
        self._weights = weights
        sizes = [0, *(len(table.keys) for table in self._tables)]
        first = [int(at) for at in np.cumsum(sizes)[:-1]]
        self._pairs, self._worlds = links(self._tables, first, limits)
        for table, at in zip(self._tables, first, strict=True):
            self._pairs.rows += within(table, at)

    def freedoms(self) -> list[Freedom]:
        """Return how free the attacker may be taken to be, the quickest to judge first."""
        return sorted({one for world in self._worlds for one in world.freedoms} | {Freedom.ALL})

    def made(self, freedom: Freedom) -> Joint:
        """Return the joint problem."""
        self._links = self._pairs.copy()
        for world in self._worlds:
            world.add(self._links, freedom)
        return self._problem()

    def _problem(self) -> Joint:
        asked, tables = self._asked, self._tables
        apart = np.array(self._links.numbers, np.int64)
        none, yes = np.zeros(len(apart), np.bool_), np.ones(len(apart), np.bool_)
        values = np.concatenate([*[one.values for one in tables], apart])
        old = [np.full(len(one.keys), at > 0) for at, one in enumerate(tables)]
        before = np.concatenate([*old, none])
        ends = [known(one) for one in tables]
        # What left as a multiple is a hidden cell whose bounds are public.
        rough = np.concatenate([*[one for one, _, _ in ends], none])
        least_known = np.concatenate([*[low for _, low, _ in ends], apart])
        most_known = np.concatenate([*[high for _, _, high in ends], apart])
        hidden = np.concatenate([*[one.hidden for one in tables], yes]) | rough
        opened = np.zeros(len(hidden), np.bool_)
        if (given := tables[0].open) is not None:
            opened[: len(given)] = given
        small = (apart >= 1) & (apart < asked.min_cell) & np.array(self._links.told, np.bool_)
        primary = np.concatenate([*[one.primary for one in tables], small])
        floor = np.concatenate(
            [
                *[np.full(len(one.keys), one.floor) for one in tables],
                np.zeros(len(apart), np.int64),
            ]
        )
        # What left under another agreement stays as uncertain as that one promised; a multiple is
        # no wider than its own base.
        widths = [one.width or asked.width for one in tables]
        width = np.concatenate(
            [
                *[np.full(len(one.keys), w) for one, w in zip(tables, widths, strict=True)],
                np.full(len(apart), asked.width),
            ]
        )
        weights = np.ones(len(values), np.int64)
        weights[: len(self._weights)] = self._weights
        keys = tuple(
            (f"{at:04}", *key) for at, one in enumerate(tables) for key in one.keys
        ) + tuple((f"{len(tables):04}", f"{at:06}") for at in range(len(apart)))
        order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        rows = tuple(
            Row(tuple(int(place[cell]) for cell in row.cells), row.coefficients, row.low, row.high)
            for row in self._links.rows
        )
        table = Table(tuple(keys[at] for at in order), values[order], rows)
        shut = hidden & ~primary
        off = np.where(primary & (asked.share > 0), -(-values * asked.share // 100), 0)
        lower = np.where(rough, least_known, np.minimum(floor, values))
        # No threshold bounds a sum: a hidden one may be as large as any that there is.
        least = max(asked.min_cell - 1, int(values.max(initial=0)) if asked.share else 0)
        # A sum of little is hidden as wide as it is large: nobody makes nine out of two.
        wide = np.clip(values, 1, width) if asked.share else width
        shown = ~(hidden | primary) | rough
        open_ = (before & ~hidden) | (~before & ~hidden & ~primary & (values == 0)) | opened
        most = np.where(rough, most_known, values)
        bounds = upper_bounds(rows, most[order], shown[order], least, (open_ | rough)[order])
        ceilings = np.where(rough, most_known, self._ceilings(len(values)))
        problem = Problem(
            table=table,
            lower=lower[order],
            upper=np.minimum(bounds, ceilings[order]),
            weights=weights[order],
            primary=primary[order],
            open=open_[order],
            shut=shut[order],
            width=np.where(primary, wide, 0)[order],
            up=off[order],
            down=np.minimum(off, values - lower)[order],
        )
        return Joint(problem, place[: len(tables[0].keys)])

    def _ceilings(self, size: int) -> Integers:
        """Return what everybody knows to be above each hidden cell of an earlier table.

        Where nothing but the threshold hid cells, and no total stood beside them, a hidden cell is
        below the threshold, and nobody has to guess it.
        """
        ceilings = np.full(size, np.iinfo(np.int64).max)
        first = len(self._tables[0].keys)
        for table in self._tables[1:]:
            alone = not (table.hidden & ~table.primary).any()
            alone &= not table.rounded_to and not stacked(table.parts, table.keys)
            if alone and not self._asked.share:
                # Its own threshold is at most two above its interval, or it would not have loaded.
                least = max(self._asked.min_cell - 1, table.width + 1)
                small = table.values[table.primary].max(initial=least)
                here = ceilings[first : first + len(table.keys)]
                here[table.primary] = small
            first += len(table.keys)
        return ceilings


def check_ranges(joint_: Joint, low: Integers, high: Integers) -> None:
    """Raise where an attacker's ranges are narrower than the joint problem asks.

    Raises:
        DisclosureError: `leak`.
    """
    problem = joint_.problem
    values = problem.table.values
    # Two witnesses far enough apart settle a range, and need not stand around the true value.
    short = (problem.up > 0) & (high < values + problem.up)
    short |= (problem.down > 0) & (low > values - problem.down)
    narrow = (high - low < problem.width) | short
    if (narrow & problem.primary).any():
        raise DisclosureError("leak", "the attacker narrows a cell below what is agreed")
