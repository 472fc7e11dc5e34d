"""What the independent judge holds against an answer of the gateway; nothing, if it is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gateway.disclosure.attack import attack
from gateway.disclosure.suppress import protect
from gateway.disclosure.table import DisclosureError
from tests.disclosure import oracle

if TYPE_CHECKING:
    from gateway.disclosure.table import Flags, Pattern, Problem, View

TOLERANCE = 1e-6
DEARER = 1.01
"""A pattern may weigh so much more than the optimum."""


def faults_of_attack(view: View, *, integer: bool) -> list[str]:
    """Return how the attacker's ranges differ from the oracle's.

    In whole numbers they are equal. In real ones they are the oracle's, rounded inwards after a
    tolerance of 1e-6: a count that lies in [0.5, 3.2] lies in [1, 3].
    """
    faults = _differences(view, integer=integer, quick=True)
    return _differences(view, integer=integer, quick=False) if faults and integer else faults


def _differences(view: View, *, integer: bool, quick: bool) -> list[str]:
    true = oracle.ranges(view, integer=integer, at_once=64, quick=quick)
    low, high = np.ceil(true[:, 0] - TOLERANCE), np.floor(true[:, 1] + TOLERANCE)
    if (low > high).any():
        return []  # no whole number in a range: what the table's owner published is no table
    try:
        found = attack(view, integer=integer)
    except DisclosureError as refusal:
        return [f"no ranges, for {refusal.cause}"]
    faults = [
        f"{'whole' if integer else 'real'} {end} of cell {cell}: {theirs[cell]}, not {ours[cell]}"
        for end, theirs, ours in (("low", found.low, low), ("high", found.high, high))
        for cell in np.flatnonzero(theirs != ours)
    ]
    return faults if found.settled.all() else [*faults, "not settled, though all was asked"]


def faults_of_protect(problem: Problem, *, integer: bool = True, optimum: bool) -> list[str]:
    """Return what is wrong with the pattern of a problem, or with there being none.

    Args:
        problem: What is asked.
        integer: How the attacker reasons.
        optimum: Whether to find the cheapest pattern too, which takes longest.
    """
    try:
        pattern = protect(problem, integer=integer)
    except DisclosureError as refusal:
        if refusal.cause != "infeasible":
            return [f"refused for {refusal.cause}"]
        return ["refused, but feasible"] if oracle.feasible(problem, integer=integer) else []
    faults = [
        f"cell {cell} is narrower than asked"
        for cell in oracle.narrow(problem, pattern.hidden, integer=integer)
    ]
    faults += _misstated(problem, pattern)
    return faults + _too_dear(problem, pattern, integer=integer) if optimum else faults


def _misstated(problem: Problem, pattern: Pattern) -> list[str]:
    must: Flags = problem.primary | problem.shut
    faults = ["hides what has to be published"] if (pattern.hidden & problem.open).any() else []
    if (must & ~pattern.hidden).any():
        faults.append("publishes what has to be hidden")
    if pattern.objective != oracle.weight(problem, pattern.hidden):
        faults.append("states another weight than it has")
    return faults


def _too_dear(problem: Problem, pattern: Pattern, *, integer: bool) -> list[str]:
    best = oracle.optimum(problem, integer=integer)
    if best is None:
        return ["a pattern where the oracle has none"]
    faults = []
    if pattern.objective > DEARER * best.weight:
        faults.append(f"weighs {pattern.objective}, the optimum {best.weight}")
    if pattern.objective < best.weight:
        faults.append(f"weighs {pattern.objective}, less than the oracle's {best.weight}")
    if pattern.bound > best.weight + TOLERANCE:
        faults.append(f"claims a bound of {pattern.bound}, above the optimum {best.weight}")
    return faults
