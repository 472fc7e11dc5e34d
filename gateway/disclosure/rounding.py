"""Counts that leave as multiples of a base: what is published, and what everybody knows of it.

Every cell is rounded by itself, totals among them, so totals need not add up. A multiple is an
interval, and the attacker has one for each cell beside every sum that the cells obey: together they
may narrow a cell further than its own multiple does.

Source of the rules: the project's specification of disclosure control, section 5.3, `round` mode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gateway.disclosure.parts import Counts
    from gateway.disclosure.table import Flags, Integers


def nearest(values: Integers, base: int) -> Integers:
    """Return the nearest multiple of each count; of two that are as near, the even multiple."""
    multiple, rest = np.divmod(values, base)
    up = (2 * rest > base) | ((2 * rest == base) & (multiple % 2 == 1))
    found: Integers = (multiple + up) * base
    return found


def around(multiples: Integers, base: int) -> tuple[Integers, Integers]:
    """Return the least and the most count that is rounded to each multiple.

    A tie goes to the even multiple: both ends of its interval are in it, and of an odd multiple's
    neither is. An odd base has no ties. No count is below zero.
    """
    half = base // 2
    least = np.full_like(multiples, half)
    if base % 2 == 0:
        least -= multiples // base % 2
    return np.maximum(multiples - least, 0), multiples + least


def known(table: Counts) -> tuple[Flags, Integers, Integers]:
    """Return of each cell whether it is known as an interval alone, and the ends of that."""
    if not table.rounded_to:
        return np.zeros(len(table.keys), np.bool_), table.values, table.values
    return ~table.hidden, *around(nearest(table.values, table.rounded_to), table.rounded_to)
