"""Whole numbers that satisfy rows, where any that do are as good as the true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gateway.disclosure.relations import system_of
from gateway.disclosure.solver import Budget, Program, whole_numbers
from gateway.disclosure.table import DisclosureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.disclosure.table import Integers, Limits, Row


def fitting(rows: Sequence[Row], columns: int, off: int, limits: Limits) -> Integers:
    """Return whole numbers that satisfy the rows, the columns from `off` as small as can be."""
    system = system_of(rows, columns)
    costs = np.zeros(columns)
    costs[off:] = -1.0
    low, high = np.zeros(columns), np.full(columns, float(2**40))
    for whole in (False, True):
        program = Program(system, low, high, Budget(limits), whole=whole, costs=costs)
        found = whole_numbers(program.run().values)
        if found is not None and system.holds(found):
            return found
    raise DisclosureError("solver", "the solver's whole numbers do not add up")
