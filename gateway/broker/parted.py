"""A count under a condition: the whole, what meets it, and the rest, in every cell. Pure.

A table with such a count is the table with one more dimension, of which three levels stand in each
cell: everything, what meets the condition, and what does not. The last leaves nowhere, and whoever
can subtract has it: so it is hidden like any cell that is not published, and protected where it is
small.

Source of the rules: the project's specification of disclosure control, section 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.disclosure.parts import TOTAL, VALUE, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.disclosure.table import Flags, Integers, Key
    from gateway.plan.counted import Counted, Met
    from gateway.plan.ops import Suppress
    from gateway.values import Condition, Scalar

MET: Final = f"{VALUE}met"
REST: Final = f"{VALUE}rest"


def part_under(where: Condition) -> Part:
    """Return how a condition cuts a table: rows without a value do not meet it."""
    codes = tuple(sorted(code_of(value) for value in where.values))
    cut = f"where {' '.join(codes)}"
    return Part(where.field, cut, codes=((MET, codes),), rest=REST, nulls=True)


def code_of(value: Scalar) -> str:
    """Return a value of a closed list, or a boolean, as levels are spelled."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def parted_keys(keys: Sequence[Key]) -> tuple[Key, ...]:
    """Return the keys of all wholes, then of what meets the condition, then of the rests."""
    return tuple((*key, level) for level in (TOTAL, MET, REST) for key in keys)


@dataclass(frozen=True, slots=True, eq=False)
class Parted:
    """Three numbers of each cell, in the order of `parted_keys`.

    Attributes:
        values: How many.
        small: Which are to be protected.
        never: Which leave nowhere.
        open: Which leave whatever is chosen.
    """

    values: Integers
    small: Flags
    never: Flags
    open: Flags


def parted(counted: Counted, met: Met, suppress: Suppress, exempt: Flags, zeros: Flags) -> Parted:
    """Return the whole, the part and the rest of each cell.

    Where the whole is at least `suppress.at_least`, and neither it nor the rest is small, a small
    part leaves, and the whole with it: both are then facts to the attacker. Of an exempt cell all
    three are.

    Args:
        counted: The table.
        met: What meets the condition in it.
        suppress: The thresholds.
        exempt: Which cells are of an exempt kind.
        zeros: Where a zero leaves.
    """
    rest = counted.units - met.units
    least = suppress.min_cell
    everything = (counted.units, counted.people, counted.rows)
    whole = too_few(least, everything, zeros & (counted.rows == 0))
    part = too_few(least, (met.units, met.people, met.rows), zeros & (met.rows == 0))
    # People with and without it count for neither: fewer stand behind the rest, never more.
    behind = (rest, counted.people - met.people, counted.rows - met.rows)
    left = too_few(least, behind, zeros & (rest == 0))
    large = counted.units >= suppress.at_least if suppress.at_least else np.zeros_like(exempt)
    open_ = exempt | (large & part & ~whole & ~left)
    none = np.zeros_like(exempt)
    return Parted(
        values=np.concatenate([counted.units, met.units, rest]),
        small=np.concatenate([whole & ~open_, part & ~open_, left & ~exempt]),
        never=np.concatenate([none, none, ~none]),
        open=np.concatenate([open_, open_, none]),
    )


def too_few(least: int, behind: Sequence[Integers], nothing: Flags) -> Flags:
    """Return which numbers are below the threshold.

    Args:
        least: The threshold.
        behind: Units, people and rows of each: all of them are to be enough.
        nothing: Which are zeros that leave.
    """
    few: Flags = (np.minimum.reduce(list(behind)) < least) & ~nothing
    return few
