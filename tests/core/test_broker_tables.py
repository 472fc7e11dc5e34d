"""Tables one after the other through the broker: each is judged beside what left before it."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.aggregate import MeasureRule
from gateway.errors import AccordError, Reason
from gateway.masks.tables import CountOnly
from gateway.values import Operator
from tests.build import (
    a_condition,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    the_agreements,
)
from tests.core.house import House, records
from tests.fakes import MemoryCounters, MemoryLog

if TYPE_CHECKING:
    from gateway.values import Request, Row

MAY = dt.date(2026, 5, 1)
RUNS = MeasureRule("runs", "count_distinct", "run_id")
OTHER = "care.outreach"


def a_house() -> House:
    """Return a house where one provision counts runs by county, and another by month alone."""
    counties = a_table_provision(
        an_aggregate(("incident_date", "county"), (RUNS,), unit="run_id"),
        {"run_id": CountOnly()},
    )
    month = a_table_provision(
        an_aggregate(("incident_date",), (RUNS,), unit="run_id"), {"run_id": CountOnly()}
    )
    kept = {name: mask for name, mask in month.release.items() if name != "county"}
    flow = dataclasses.replace(month.flow, purposes=(OTHER,))
    month = dataclasses.replace(
        month, id="month", flow=flow, release=kept, withhold=(*month.withhold, "county")
    )
    rows = [row | {"incident_date": MAY, "county": "south"} for row in records(23)]
    north: list[Row] = [row | {"county": "north"} for row in rows[:3]]
    agreements, log = the_agreements(an_agreement(counties, month)), MemoryLog()
    counters = MemoryCounters(log=log, agreements=agreements)
    return House(agreements=agreements, rows=north + rows[3:], log=log, counters=counters)


def asking(number: int, purpose: str, *fields: str) -> Request:
    """Return the request for May."""
    where = [a_condition("incident_date", Operator.EQ, MAY)]
    return a_request(
        *fields,
        where=where,
        purpose=purpose,
        request_id=f"00000000-0000-4000-8000-00000000000{number}",
    )


COUNTIES = ("incident_date", "county", "run_id")
MONTH = ("incident_date", "run_id")
SURVEILLANCE = "public_health.surveillance"


def cells(house: House, request: Request) -> list[int | None]:
    """Return the counts that leave, in the order of cells."""
    return [row["runs"] for row in house.ask(request).rows()]  # type: ignore[misc]


def test_the_second_table_knows_of_the_first() -> None:
    """Counties, the small one hidden, and then the month: the month would give it back."""
    house, alone = a_house(), a_house()

    counties = cells(house, asking(1, SURVEILLANCE, *COUNTIES))
    month = cells(house, asking(2, OTHER, *MONTH))

    assert [None, 20, 0] == counties
    assert [None] == month
    assert [23] == cells(alone, asking(1, OTHER, *MONTH)), "alone it tells nothing"


def test_the_other_way_round_the_counties_pay() -> None:
    """The month left first: the large county is held back with the small one."""
    house = a_house()

    assert [23] == cells(house, asking(1, OTHER, *MONTH))
    assert [None, None, 0] == cells(house, asking(2, SURVEILLANCE, *COUNTIES))


def test_a_repeat_is_the_same_whatever_left_in_between() -> None:
    """A repeat is judged beside what was there at its first attempt, and has the same bytes."""
    house = a_house()
    first = house.ask(asking(1, OTHER, *MONTH))
    house.ask(asking(2, SURVEILLANCE, *COUNTIES))

    assert first.digests == house.ask(asking(1, OTHER, *MONTH)).digests


def test_the_same_cut_under_another_purpose_leaves_once() -> None:
    """A period is spent of the cut, whatever the provision is called."""
    house = a_house()
    house.ask(asking(1, SURVEILLANCE, *COUNTIES))

    with pytest.raises(AccordError) as raised:
        house.ask(asking(2, SURVEILLANCE, *COUNTIES))

    assert Reason.CELL_RELEASED is raised.value.reason
