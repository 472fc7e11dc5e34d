"""Two recipients of one source: tables are judged together where they count as one attacker."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from gateway.broker.memory import Memory, memory, remembered
from gateway.disclosure.attackers import Told
from gateway.disclosure.table import DisclosureError
from gateway.masks.tables import CountOnly
from gateway.values import Operator
from tests.build import (
    DISCLOSURE,
    PD,
    PHD,
    a_caller,
    a_condition,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    the_agreements,
)
from tests.core.house import House, records
from tests.core.test_broker_tables import COUNTIES, MAY, MONTH, OTHER, RUNS, SURVEILLANCE
from tests.fakes import MemoryCounters, MemoryLog

if TYPE_CHECKING:
    from gateway.agreement.aggregate import Aggregate, Disclosure
    from gateway.values import Request, Row


def _counting(by: tuple[str, ...], group: str) -> Aggregate:
    rule: Disclosure = dataclasses.replace(
        DISCLOSURE, colluding=None if group == "all" else frozenset(group.split())
    )
    return an_aggregate(by, (RUNS,), unit="run_id", disclosure=rule)


def a_house(phd: str, pd: str) -> House:
    """Return a house where public health gets counties and police the month, under two groups."""
    counties = a_table_provision(
        _counting(("incident_date", "county"), phd), {"run_id": CountOnly()}
    )
    month = a_table_provision(_counting(("incident_date",), pd), {"run_id": CountOnly()})
    kept = {name: mask for name, mask in month.release.items() if name != "county"}
    flow = dataclasses.replace(month.flow, recipient="pd", purposes=(OTHER,))
    month = dataclasses.replace(
        month, id="month", flow=flow, release=kept, withhold=(*month.withhold, "county")
    )
    rows = [row | {"incident_date": MAY, "county": "south"} for row in records(23)]
    north: list[Row] = [row | {"county": "north"} for row in rows[:3]]
    agreements, log = the_agreements(an_agreement(counties, month)), MemoryLog()
    counters = MemoryCounters(log=log, agreements=agreements)
    return House(agreements=agreements, rows=north + rows[3:], log=log, counters=counters)


def _asking(to: str) -> Request:
    number, purpose, fields = {PHD: (1, SURVEILLANCE, COUNTIES), PD: (2, OTHER, MONTH)}[to]
    return a_request(
        *fields,
        where=[a_condition("incident_date", Operator.EQ, MAY)],
        purpose=purpose,
        recipient=to,
        caller=a_caller(to),
        request_id=f"00000000-0000-4000-8000-00000000000{number}",
    )


def told(house: House, to: str) -> list[int | None]:
    """Return the counts that leave to a recipient."""
    return [row["runs"] for row in house.ask(_asking(to)).rows()]  # type: ignore[misc]


ALONE, TOGETHER = [23], [None]


@pytest.mark.parametrize(
    ("phd", "pd", "month"),
    [
        ("all", "all", TOGETHER),
        ("all", "pd", TOGETHER),
        ("phd", "all", TOGETHER),
        ("phd pd", "pd", TOGETHER),
        ("phd", "pd phd", TOGETHER),
        ("phd pd", "pd phd", TOGETHER),
        ("phd", "pd", ALONE),
        ("phd ems", "pd", ALONE),
        ("phd ems", "pd ems", ALONE),
    ],
)
def test_police_hear_of_the_month_what_its_counties_leave(
    phd: str, pd: str, month: list[int | None]
) -> None:
    """Public health holds the counties, with three runs hidden: the month would give them back."""
    house = a_house(phd, pd)

    assert [None, 20, 0] == told(house, PHD)
    assert month == told(house, PD)


def test_whoever_gets_both_is_one_attacker_with_itself() -> None:
    """A repeat and a period that left once are as before, whatever the group."""
    house = a_house("phd", "pd")
    first = house.ask(_asking(PHD))
    told(house, PD)

    assert first.digests == house.ask(_asking(PHD)).digests


def test_the_plan_names_the_agencies_not_their_aliases() -> None:
    """Aliases are one file's words: what is remembered, and what the plan says, are agencies."""
    house = a_house("phd ems", "pd")
    told(house, PHD)
    [kept] = [one.memory for one in house.log.kept if one.memory]

    assert Told(PHD, frozenset({PHD, "synthetic-ems"})) == remembered(kept).told
    plan = house.broker.explain(_asking(PHD)).plan
    assert '"colluding":["synthetic-ems","synthetic-phd"]' in plan
    assert '"colluding":null' in a_house("all", "all").broker.explain(_asking(PHD)).plan


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("all", "before, to whomever"),
        ("phd", "before, to `phd`, and to whomever once one has left that is safe from all"),
    ],
)
def test_explain_says_who_is_one_attacker(group: str, words: str) -> None:
    """A table that is judged beside few is not said to be judged beside all."""
    said = a_house(group, "pd").broker.explain(_asking(PHD)).undecided

    assert [words] == [line[-len(words) :] for line in said if "judged beside" in line]


def test_a_release_of_unknown_readers_is_not_passed_over() -> None:
    """A record that does not say to whom it left cannot be read: nothing of the source leaves."""
    kept = memory(Memory([], "[]", Told(PHD, frozenset({PHD}))))

    assert Told(PHD, frozenset({PHD})) == remembered(kept).told
    for gone in (b'"recipient":"synthetic-phd",', b'"colluding":["synthetic-phd"],'):
        with pytest.raises(DisclosureError, match="cannot be read"):
            remembered(kept.replace(gone, b""))
