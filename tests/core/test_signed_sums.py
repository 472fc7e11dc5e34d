"""Sums of which some are below zero, beside sums of the same numbers that are not."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from gateway.disclosure.table import DisclosureError
from tests.build import DISCLOSURE
from tests.core.test_levels import RUNS, YEARS, by_county, leaves, plan_of, rows_of

if TYPE_CHECKING:
    from gateway.values import Row

RULE = dataclasses.replace(DISCLOSURE, dominance={"largest": 2, "percent": 85, "p": 10})
COUNTIES = plan_of(by_county(margins=(), levels={}, measures=(RUNS, YEARS), disclosure=RULE))
MONTH = plan_of(
    by_county(
        dimensions=("incident_date",),
        margins=(),
        levels={},
        measures=(RUNS, YEARS),
        disclosure=RULE,
    )
)
EAST = rows_of(30, 40, "east", age=30)


def rows_with(givers: int, north: int) -> list[Row]:
    """Return runs of two counties; in the north so many of twenty give a number, this one."""
    few = rows_of(0, givers, "north", age=north) + rows_of(givers, 20 - givers, "north", age=None)
    return [*few, *EAST]


def test_a_total_above_zero_does_not_give_back_a_part_below_it() -> None:
    """Three gave -90 in the north, held back alone; the month of 1,110 would give that back."""
    rows = rows_with(3, -30)
    counties = leaves(COUNTIES, rows)
    assert [1200, None] == [cell["years"] for cell in counties.cells]
    assert [1110] == [cell["years"] for cell in leaves(MONTH, rows).cells]

    with pytest.raises(DisclosureError, match="not of whole numbers"):
        leaves(MONTH, rows, [counties.memory])


def test_the_other_way_round_the_part_does_not_leave_alone() -> None:
    """Where the month left first, what the north gave is not hidden by hiding the north."""
    rows = rows_with(3, -30)
    month = leaves(MONTH, rows)

    with pytest.raises(DisclosureError, match="not of whole numbers"):
        leaves(COUNTIES, rows, [month.memory])


@pytest.mark.parametrize(("givers", "refused"), [(10, True), (11, False)])
def test_sums_that_hide_nothing_leave_beside_each_other(givers: int, *, refused: bool) -> None:
    """With eleven givers in the north nothing is held back, and nothing can be given back."""
    rows = rows_with(givers, -30)
    month = leaves(MONTH, rows)

    if refused:
        with pytest.raises(DisclosureError, match="not of whole numbers"):
            leaves(COUNTIES, rows, [month.memory])
    else:
        found = leaves(COUNTIES, rows, [month.memory]).cells
        assert [1200, -330] == [cell["years"] for cell in found]


def test_what_was_held_back_of_other_days_refuses_nothing() -> None:
    """What left of April says nothing of the days of May."""
    rows = rows_with(3, -30)
    may = leaves(COUNTIES, rows)
    april = may.memory.replace(b"2026-05-01", b"2026-04-01")
    assert april != may.memory

    found = leaves(COUNTIES, rows, [april]).cells

    assert [1200, None] == [cell["years"] for cell in found]
