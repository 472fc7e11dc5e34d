"""A ladder that was climbed, in the header, in the log, and in what is explained beforehand."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

from gateway.agreement.aggregate import Ladder, MeasureRule
from gateway.masks.places import Area, GeoArea
from gateway.masks.tables import CountOnly
from gateway.values import Operator
from tests.build import (
    DISCLOSURE,
    TABLES,
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
    from gateway.values import Request

MAY = dt.date(2026, 5, 1)
RUNS = MeasureRule("runs", "count_distinct", "run_id")
AREAS = {name: one for name, one in TABLES.items() if name != "areas@1"}
RUNG = "region -> state"


def a_house() -> House:
    """Return a house of twelve runs in two regions; of their month the total leaves first."""
    ladder = Ladder((("county", "region"), ("region", "state")), automatic=True)
    table = an_aggregate(
        ("incident_date", "county"), (RUNS,), unit="run_id",
        levels={"county": ("region", "state")},
    )  # fmt: skip
    table = dataclasses.replace(
        table, disclosure=dataclasses.replace(DISCLOSURE, min_interval=11, ladder=ladder)
    )
    counties = a_table_provision(table, {"run_id": CountOnly(), "county": GeoArea(Area.COUNTY)})
    month = a_table_provision(
        an_aggregate(("incident_date",), (RUNS,), unit="run_id"), {"run_id": CountOnly()}
    )
    kept = {name: mask for name, mask in month.release.items() if name != "county"}
    flow = dataclasses.replace(month.flow, purposes=("care.outreach",))
    month = dataclasses.replace(
        month, id="month", flow=flow, release=kept, withhold=(*month.withhold, "county")
    )
    rows = [row | {"incident_date": MAY, "county": "east"} for row in records(12)]
    north = [row | {"county": "north"} for row in rows[:3]]
    agreements, log = the_agreements(an_agreement(counties, month)), MemoryLog()
    counters = MemoryCounters(log=log, agreements=agreements)
    return House(
        agreements=agreements, rows=north + rows[3:], log=log, counters=counters, tables=AREAS
    )


def asking(number: int, purpose: str, *fields: str) -> Request:
    """Return the request for May."""
    return a_request(
        *fields,
        where=[a_condition("incident_date", Operator.EQ, MAY)],
        purpose=purpose,
        request_id=f"00000000-0000-4000-8000-00000000000{number}",
    )


MONTH = asking(1, "care.outreach", "incident_date", "run_id")
COUNTIES = asking(2, "public_health.surveillance", "incident_date", "county", "run_id")


def test_the_header_names_the_rung() -> None:
    """A recipient learns that only states leave, before the first number; and so does a repeat."""
    house = a_house()
    month, box, again = (house.ask(one) for one in (MONTH, COUNTIES, COUNTIES))

    headers = [one.sent[0].header for one in (month, box, again)]

    assert ["", RUNG, RUNG] == [one.rung for one in headers if one is not None]
    assert [("99", "state", 12)] == [
        (row["county"], row["county.level"], row["runs"]) for row in box.rows()
    ]
    assert box.digests == again.digests


def test_the_log_says_which_rung_was_taken() -> None:
    """The release entry holds the rung, and that of a whole table says nothing of rungs."""
    house = a_house()
    house.ask(MONTH)
    house.ask(COUNTIES)

    said = [one.meta.get("rung") for one in house.log.of_kind("release")]

    assert [None, RUNG] == said


def test_levels_and_ladder_are_told_beforehand() -> None:
    """Whoever asks what would be decided hears of both."""
    told = a_house().broker.explain(COUNTIES).undecided

    assert "table: `county` also by `region`, `state`, with its level beside" in told
    assert any("`county -> region`, then `region -> state`; the header" in line for line in told)
