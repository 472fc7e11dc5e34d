"""Rounded tables the whole way: every number leaves as a multiple, or none does."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from gateway.agreement.aggregate import MeasureRule
from gateway.errors import RefusedError, ReleaseError
from gateway.masks.tables import CountOnly
from gateway.plan.check import check_table
from gateway.values import Operator
from tests.build import (
    a_condition,
    a_dataset,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    the_agreements,
)
from tests.core.counting import judged
from tests.core.house import House, records
from tests.core.test_oracle import plan_of, run, spelled
from tests.core.worlds import Drawn
from tests.fakes import MemoryCounters, MemoryLog
from tests.reference import interpret

if TYPE_CHECKING:
    from gateway.agreement.model import Provision
    from gateway.values import Request, Row

MAY = dt.date(2026, 5, 1)
RUNS = MeasureRule("runs", "count_distinct", "run_id")
OTHER = "care.outreach"
SURVEILLANCE = "public_health.surveillance"
COUNTIES = ("incident_date", "county", "run_id")
MONTH = ("incident_date", "run_id")


def counties(*, margins: bool = True, **disclosure: Any) -> Provision:  # noqa: ANN401
    """Return a provision that counts runs by county, in multiples of 20, with the month's total."""
    over = (("incident_date",),) if margins else ()
    rules = {"rounded_to": 20, "min_interval": 9} | disclosure
    table = an_aggregate(("incident_date", "county"), (RUNS,), unit="run_id", margins=over, **rules)
    return a_table_provision(table, {"run_id": CountOnly()})


def month(**disclosure: Any) -> Provision:  # noqa: ANN401
    """Return a provision that counts runs by month alone, exactly."""
    table = an_aggregate(("incident_date",), (RUNS,), unit="run_id", **disclosure)
    made = a_table_provision(table, {"run_id": CountOnly()})
    kept = {name: mask for name, mask in made.release.items() if name != "county"}
    flow = dataclasses.replace(made.flow, purposes=(OTHER,))
    withheld = (*made.withhold, "county")
    return dataclasses.replace(made, id="month", flow=flow, release=kept, withhold=withheld)


def a_house(*provisions: Provision, **towns: int) -> House:
    """Return a house with so many runs in each county in May."""
    rows: list[Row] = []
    for name, count in towns.items():
        more = records(count, county=name, incident_date=MAY)
        rows += [row | {"run_id": f"{name}-{at}", "patient_id": f"{name}-{at}"}
                 for at, row in enumerate(more)]  # fmt: skip
    agreements, log = the_agreements(an_agreement(*provisions)), MemoryLog()
    counters = MemoryCounters(log=log, agreements=agreements)
    return House(agreements=agreements, rows=rows, log=log, counters=counters)


def asking(number: int, purpose: str, *fields: str) -> Request:
    """Return the request for May."""
    return a_request(
        *fields,
        where=[a_condition("incident_date", Operator.EQ, MAY)],
        purpose=purpose,
        request_id=f"00000000-0000-4000-8000-00000000000{number}",
    )


def test_every_number_is_rounded_by_itself_and_the_header_says_so() -> None:
    """3 and 31 and 0 leave as 0, 40 and 0, and their total of 34 as 40."""
    house = a_house(counties(), north=3, south=31)

    box = house.ask(asking(1, SURVEILLANCE, *COUNTIES))

    left = {row["county"]: row["runs"] for row in box.rows()}
    assert {"north": 0, "south": 40, "west": 0, None: 40} == left
    assert 20 == box.sent[0].header.rounded_to  # type: ignore[union-attr]


def test_what_multiples_would_open_is_refused_and_says_why() -> None:
    """Three tens and their total of 30: nothing but three tens is 0, 0, 0 and 40."""
    house = a_house(counties(), north=10, south=10, west=10)

    with pytest.raises(RefusedError) as raised:
        house.ask(asking(1, SURVEILLANCE, *COUNTIES))

    refused = raised.value
    assert "multiples of 20 do not protect this table by `incident_date`" == str(refused)
    assert ("infeasible", 10, "4.1") == (refused.cause, refused.step, refused.clause)


def test_the_same_without_a_total_leaves() -> None:
    """No number is then related to another, and each is 0 to 10."""
    house = a_house(counties(margins=False), north=10, south=10, west=10)

    left = house.ask(asking(1, SURVEILLANCE, *COUNTIES)).rows()

    assert [0, 0, 0] == [row["runs"] for row in left]


def test_an_exact_month_after_rounded_counties_is_no_constant_of_theirs() -> None:
    """The counties left as 0, 0 and 20, so the month may say 21; where it told too much it waits.

    3 + 18: north is 0 to 10 and south 11 to 29, so 21 leaves north all of its numbers. Of three
    counties of 0 to 10 a month of 29 says that none is below 9.
    """
    wide, narrow = (
        a_house(counties(margins=False), month(), north=3, south=18),
        a_house(counties(margins=False), month(), north=9, south=10, west=10),
    )
    for house in (wide, narrow):
        house.ask(asking(1, SURVEILLANCE, *COUNTIES))

    assert [21] == [row["runs"] for row in wide.ask(asking(2, OTHER, *MONTH)).rows()]
    assert [None] == [row["runs"] for row in narrow.ask(asking(2, OTHER, *MONTH)).rows()]


def test_rounded_counties_after_an_exact_month_are_refused() -> None:
    """The other way round nothing can be held back, so nothing leaves."""
    house = a_house(counties(margins=False), month(), north=9, south=10, west=10)
    assert [29] == [row["runs"] for row in house.ask(asking(1, OTHER, *MONTH)).rows()]

    with pytest.raises(RefusedError, match="multiples of 20 do not protect"):
        house.ask(asking(2, SURVEILLANCE, *COUNTIES))


def a_world(provision: Provision, rows: list[Row]) -> Drawn:
    """Return a world of one table."""
    agreements = the_agreements(an_agreement(provision))
    request = asking(1, SURVEILLANCE, *COUNTIES)
    return Drawn(agreements, request, rows, provision, a_dataset())


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 29, 30, 31, 50, 51])
@pytest.mark.parametrize("zeros", ["publish", "suppress"])
def test_engine_and_oracle_round_alike(count: int, zeros: str) -> None:
    """At both sides of each tie the frame, the numbers and exact arithmetic agree."""
    rows = records(count, county="north", incident_date=MAY)
    world = a_world(counties(margins=False, zeros=zeros), rows)
    plan = plan_of(world)

    assert sorted(spelled(interpret(plan, rows))) == sorted(spelled(run(plan, rows)))


@pytest.mark.parametrize(("told", "holds"), [(20, True), (40, False), (30, False), (24, False)])
def test_the_last_look_takes_the_nearest_multiple_alone(told: int, *, holds: bool) -> None:
    """24 runs are 20: another multiple, no multiple and the count itself are stopped."""
    rows = records(24, county="north", incident_date=MAY)
    plan = plan_of(a_world(counties(margins=False), rows))
    published, digest = judged(plan, rows)
    changed = published.with_columns(
        pl.when(pl.col("county") == "north").then(told).otherwise("runs").alias("runs")
    )

    if holds:
        assert 3 == check_table(plan, changed, digest).row_count
    else:
        with pytest.raises(ReleaseError, match="is not rounded to 20"):
            check_table(plan, changed, digest)


def test_the_base_is_in_the_plan() -> None:
    """Another base is another plan, and no base is another again."""
    digests = {plan_of(a_world(counties(rounded_to=base), [])).digest for base in (0, 10, 20)}

    assert 3 == len(digests)
