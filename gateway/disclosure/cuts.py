"""Inequalities that each safe pattern satisfies.

A pattern that leaves a cell too narrow is cut off, and no safe one is: by the duals of the
attacker's own programs, by a relation in which a cell would stand alone, or, where linear programs
see no leak and whole numbers do, by asking that something joins.

Source of the rules: the project's specification of disclosure control, section 6.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from gateway.disclosure.merge import Merged
    from gateway.disclosure.solver import Floats
    from gateway.disclosure.table import Flags, Integers

GRAIN: Final = 2.0**-20
"""Duals are rounded to this: a cut holds for any duals, so that noise of the solver may go."""


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Sum of count * variable >= low, over variables that are not fixed."""

    index: Integers
    count: Floats
    low: float

    def key(self) -> tuple[bytes, bytes, float]:
        """Return what makes two cuts the same."""
        return self.index.tobytes(), self.count.tobytes(), self.low

    def lacks(self, chosen: Floats) -> float:
        """Return by how much a point violates the cut."""
        return self.low - float(self.count @ chosen[self.index])


def gains(merged: Merged, variable: int, sign: float, duals: Floats) -> tuple[Floats, float]:
    """Return how far each hidden variable lets one go in a direction, and how far it goes anyway.

    Weak duality: with reduced costs d of the attacker's program, whatever the duals, the variable
    goes no further than the sum of max(d, 0) high + max(-d, 0) (-low) over what is hidden, and the
    same over the rows' own slack.
    """
    system = merged.system
    duals = np.rint(duals / GRAIN) * GRAIN
    owners = system.owners()
    reduced = -np.bincount(
        system.index, weights=duals[owners] * system.coefficient, minlength=merged.size
    )
    reduced[variable] += sign
    slack = np.maximum(duals, 0) @ system.high - np.maximum(-duals, 0) @ system.low
    return np.maximum(reduced, 0) * merged.high - np.maximum(-reduced, 0) * merged.low, float(slack)


def dual_cut(merged: Merged, gain: Floats, slack: float, need: int) -> Cut | None:
    """Return the cut that the gains of one or two directions make, or None where there is none.

    A variable counts at most for all that is needed.
    """
    low = need - slack - float(gain[merged.fixed].sum())
    gain = np.where(merged.fixed, 0.0, np.minimum(gain, low))
    if low <= GRAIN:
        return None
    index = np.flatnonzero(gain > 0)
    return Cut(index, gain[index], low)


def lonely_cuts(merged: Merged, chosen: Floats) -> list[Cut]:
    """Return the violated of: in an equation, none is hidden alone.

    The only unknown of an equation is known. What is fixed without need of protection may stand
    alone; any other variable that did would be hidden for nothing.
    """
    system = merged.system
    amount = chosen[system.index]
    whole = np.add.reduceat(amount, system.start[:-1]) if system.rows else np.zeros(0)
    owners = system.owners()
    equation = (system.low == 0) & (system.high == 0)
    pardoned = merged.fixed & ~merged.needy
    alone = 2 * amount - whole[owners] > LONELY
    found = np.flatnonzero(alone & equation[owners] & ~pardoned[system.index])
    return [_lonely(merged, int(owners[at]), int(system.index[at])) for at in found]


LONELY: Final = 1e-4


def _lonely(merged: Merged, row: int, variable: int) -> Cut:
    span = slice(merged.system.start[row], merged.system.start[row + 1])
    index = merged.system.index[span]
    count = np.where(index == variable, -1.0, 1.0)
    free = ~merged.fixed[index]
    return Cut(index[free], count[free], -float(count[~free].sum()))


def joining_cut(merged: Merged, component: Integers, hidden: Flags) -> Cut:
    """Return: more than this has to be hidden where it touches a component.

    Enlarging a pattern never narrows a range, and only what stands in a row with the component
    enlarges it. An empty cut cannot be satisfied: then nothing is left that could join.
    """
    system = merged.system
    inside = np.zeros(merged.size, np.bool_)
    inside[component] = True
    owners = system.owners()
    touched = np.zeros(system.rows, np.bool_)
    touched[owners[inside[system.index]]] = True
    beside = np.zeros(merged.size, np.bool_)
    beside[system.index[touched[owners]]] = True
    index = np.flatnonzero(beside & ~hidden & ~merged.fixed)
    return Cut(index, np.ones(len(index)), 1.0)
