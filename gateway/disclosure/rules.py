"""The rule that makes a problem of a table: threshold, zeros, costs, what the attacker knows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Final, assert_never

import numpy as np

from gateway.disclosure.table import Flags, Integers, Problem, Table, View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.disclosure.table import Row


class Zeros(StrEnum):
    """What becomes of empty cells."""

    PUBLISH = "publish"
    SUPPRESS = "suppress"


class Cost(StrEnum):
    """What hiding a cell costs."""

    COUNT = "count"
    VALUE = "value"
    LOG = "log"


class Knowledge(IntEnum):
    """What the attacker is given besides the published numbers.

    K0: relations, and that nothing is negative. K1: that a hidden cell is at least 1 where zeros
    are published. K2: which of the hidden cells are below the threshold and which are not. K3: K1
    and what was released before, which the caller puts into the table as published or shut cells.
    """

    K0 = 0
    K1 = 1
    K2 = 2
    K3 = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """How small is too small, and how uncertain is uncertain enough.

    Attributes:
        min_cell: Values of 1 to `min_cell` - 1 are primary.
        width: How wide the attacker's range of a primary cell has to stay.
        zeros: Whether a zero leaves, or is primary too.
        cost: What hiding a cell costs.
        knowledge: What the attacker knows.
    """

    min_cell: int = 11
    width: int = 9
    zeros: Zeros = Zeros.PUBLISH
    cost: Cost = Cost.LOG
    knowledge: Knowledge = Knowledge.K1


def primaries(values: Integers, rule: Rule) -> Flags:
    """Return the cells that the threshold hides."""
    small = (values >= 1) & (values < rule.min_cell)
    return small | (values == 0) if rule.zeros is Zeros.SUPPRESS else small


KEPT: Final = 10
"""How many times more it costs to hide a cell that users need.

Beside a log cost of 1 to about 200 such a cell is hidden only where nothing else protects, or ten
others would have to go; and the solver's arithmetic bears it.
"""


def kept_weights(values: Integers, cost: Cost, kept: Flags) -> Integers:
    """Return what hiding each cell costs, where users need some of them more than others."""
    return weights(values, cost) * np.where(kept, KEPT, 1)


def weights(values: Integers, cost: Cost) -> Integers:
    """Return what hiding each cell costs; at least 1, so that no cell is hidden for nothing."""
    match cost:
        case Cost.COUNT:
            return np.ones(len(values), np.int64)
        case Cost.VALUE:
            return np.maximum(values, 1)
        case Cost.LOG:
            exact: Integers = np.rint(10 * np.log2(values + 1) + 1).astype(np.int64)
            return exact
        case _:
            assert_never(cost)


def problem_of(table: Table, rule: Rule) -> Problem:
    """Return the problem of a table that stands alone: all of its cells are published or hidden."""
    small = primaries(table.values, rule)
    zero = table.values == 0
    none = np.zeros(len(table.values), np.int64)
    return Problem(
        table=table,
        lower=lower_bounds(table.values, rule),
        upper=upper_bounds(table.rows, table.values, ~small, rule.min_cell - 1),
        weights=weights(table.values, rule.cost),
        primary=small,
        open=zero & ~small,
        shut=np.zeros(len(zero), np.bool_),
        width=np.where(small, rule.width, 0),
        up=none,
        down=none,
    )


def lower_bounds(values: Integers, rule: Rule) -> Integers:
    """Return the least that the attacker gives each cell, were it hidden."""
    informed = rule.knowledge is not Knowledge.K0 and rule.zeros is Zeros.PUBLISH
    return np.full(len(values), int(informed), np.int64)


def upper_bounds(
    rows: Sequence[Row],
    values: Integers,
    published: Flags,
    least: int = 1,
    certain: Flags | None = None,
) -> Integers:
    """Return the most that the attacker gives each cell: its smallest published total.

    Of what may still be hidden only `certain` totals bound their parts: where another leaves, its
    row says as much, and where it does not, it would refuse what its hiding protects. Of a hidden
    total the total's own bound counts. Nothing that was published bounds a cell without
    a total: it gets twice the largest published value, and at least twice `least`, what the
    threshold alone lets a hidden cell be. Too small errs on the safe side: the attacker is then
    stronger than the real one.
    """
    largest = max(1, least, int(values[published].max(initial=0)))
    upper = np.maximum(np.full(len(values), 2 * largest, np.int64), values)
    certain = published if certain is None else certain
    changed = True
    sums = [row for row in rows if _is_sum(row)]
    while changed:
        changed = False
        for row in sums:
            total, *parts = row.cells
            bound = values[total] if certain[total] else upper[total]
            for part in parts:
                if upper[part] > bound:
                    upper[part], changed = bound, True
    return upper


def alone(rows: Sequence[Row], size: int) -> Flags:
    """Return the cells that stand in no relation: only the threshold ever hides one of them."""
    found = np.ones(size, np.bool_)
    for row in rows:
        found[list(row.cells)] = False
    return found


def _is_sum(row: Row) -> bool:
    first, *others = row.coefficients
    return row.low == row.high == 0 and first == 1 and all(one == -1 for one in others)


def view_of(problem: Problem, hidden: Flags) -> View:
    """Return what a recipient sees of a problem's table under a pattern."""
    return View(
        rows=problem.table.rows,
        published=np.where(hidden, 0, problem.table.values),
        hidden=hidden,
        lower=problem.lower,
        upper=problem.upper,
    )
