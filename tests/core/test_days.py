"""What a table's release tells the record of cells: its days, and until when it is remembered."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from gateway.agreement.aggregate import Grid
from gateway.masks.times import Truncate, Unit
from gateway.values import Operator
from tests.build import (
    DISCLOSURE,
    NOW,
    a_condition,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    span,
    the_agreements,
)
from tests.core.house import House, records
from tests.fakes import FixedClock

if TYPE_CHECKING:
    from gateway.ports import Keep

WEEK = Grid(span("P7D"), dt.date(2025, 12, 29), span("P15D"), "once")


def left(
    *periods: dt.date,
    unit: Unit = Unit.MONTH,
    history: str = "P5Y",
    **more: Any,  # noqa: ANN401 - the rest of an aggregate
) -> Keep:
    """Return what a table over some periods leaves in the record."""
    rule = dataclasses.replace(DISCLOSURE, history=span(history))
    provision = a_table_provision(
        an_aggregate(disclosure=rule, **more), {"incident_date": Truncate(unit)}
    )
    house = House(
        agreements=the_agreements(an_agreement(provision)), rows=records(60), clock=FixedClock()
    )
    where = [a_condition("incident_date", Operator.IN, *periods)]
    house.ask(a_request("incident_date", "county", "patient_id", where=where))
    [kept] = house.log.kept
    return kept


def test_a_table_covers_its_periods_to_their_last_day() -> None:
    """A month ends with its last day, a week where the next begins, several with the last."""
    months = left(dt.date(2026, 2, 1)), left(dt.date(2026, 5, 1), dt.date(2026, 2, 1))
    week = left(dt.date(2025, 12, 29), unit=Unit.WEEK_ISO, grid=WEEK)

    assert [
        (dt.date(2026, 2, 1), dt.date(2026, 2, 28)),
        (dt.date(2026, 2, 1), dt.date(2026, 5, 31)),
        (dt.date(2025, 12, 29), dt.date(2026, 1, 4)),
    ] == [one.days for one in (*months, week)]


@pytest.mark.parametrize(
    ("history", "until"),
    [("P5Y", dt.date(2031, 7, 15)), ("P30D", dt.date(2026, 8, 14)), ("P9999Y", None)],
)
def test_it_is_remembered_from_the_day_it_left(history: str, until: dt.date | None) -> None:
    """The provision's history runs from the release, not from the period; one without end is so."""
    assert dt.date(2026, 7, 15) == NOW.date()
    assert until == left(dt.date(2026, 5, 1), history=history).until
