"""Tables with noise through the broker: bounded, whole, drawn once, paid for, never beside exact."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.model import NoiseRule
from gateway.errors import AccordError, Reason
from gateway.values import Form, Operator
from tests.build import (
    EMS,
    RUN,
    SURVEILLANCE,
    a_condition,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    the_agreements,
)
from tests.core.house import House, records
from tests.fakes import MemoryCounters, MemoryLog, Outbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.model import Provision
    from gateway.values import Request, Row

APRIL, MAY, JUNE = (dt.date(2026, month, 1) for month in (4, 5, 6))
ASKED = ("incident_date", "county", "patient_id")
OTHER = "care.outreach"
LEVELS = 3 + 2
"""Counties of the list, and where there is none: missing and masked."""


def noised(
    purpose: str = SURVEILLANCE,
    *,
    rho: int = 50_000,
    bound: int = 3,
    budget: int = 100_000,
    colluding: frozenset[str] | None = None,
) -> Provision:
    """Return a provision that counts people by month and county, with noise."""
    made = an_aggregate()
    rules = dataclasses.replace(
        made.disclosure,
        noise=NoiseRule("discrete_gaussian", rho, bound, budget),
        colluding=colluding,
    )
    return a_flow(purpose, dataclasses.replace(made, disclosure=rules))


def exact(purpose: str) -> Provision:
    """Return the same provision with exact numbers."""
    return a_flow(purpose, an_aggregate())


def a_flow(purpose: str, aggregate: object) -> Provision:
    """Return a provision for a purpose."""
    made = a_table_provision(aggregate)  # type: ignore[arg-type]
    flow = dataclasses.replace(made.flow, purposes=(purpose,))
    return dataclasses.replace(made, id=f"p-{purpose[:4]}", flow=flow)


def people(count: int, **fixed: object) -> list[Row]:
    """Return runs of as many people in the north in May."""
    return records(count, **{"county": "north", "incident_date": MAY, **fixed})


def a_house(rows: Sequence[Row], *provisions: Provision, log: MemoryLog | None = None) -> House:
    """Return a house under one agreement with these provisions."""
    agreements = the_agreements(an_agreement(*(provisions or (noised(),))))
    log = log or MemoryLog()
    counters = MemoryCounters(log=log, agreements=agreements)
    return House(agreements=agreements, rows=rows, log=log, counters=counters)


def asking(
    number: int, *periods: dt.date, purpose: str = SURVEILLANCE, form: Form = Form.ARROW
) -> Request:
    """Return a request for some months."""
    where = [a_condition("incident_date", Operator.IN, *(periods or (MAY,)))]
    made = a_request(
        *ASKED,
        where=where,
        purpose=purpose,
        request_id=f"00000000-0000-4000-8000-{number:012}",
    )
    return dataclasses.replace(made, form=form)


def numbers(box: Outbox) -> dict[tuple[str, str], int]:
    """Return each number by month and county, or why there is none."""
    return {
        (str(row["incident_date"]), str(row["county"] or row["county.why"])): row["people"]  # type: ignore[misc]
        for row in box.rows()
    }


def reason_of(house: House, request: Request) -> tuple[Reason, int, str, str]:
    """Return why a request fails: reason, step, clause and cause."""
    with pytest.raises(AccordError) as raised:
        house.ask(request)
    error = raised.value
    return (
        error.reason,
        getattr(error, "step", 0),
        getattr(error, "clause", ""),
        error.variables.get("cause", ""),
    )


# --- what leaves ---


def test_every_cell_leaves_with_noise_and_without_a_threshold() -> None:
    """Five people, and nobody at all: each cell of the declared levels has a number."""
    found = numbers(a_house(people(5)).ask(asking(1)))

    may = str(MAY)
    assert {
        (may, "north"): 1_005,
        (may, "south"): 1_000,
        (may, "west"): 1_000,
        (may, "missing"): 1_000,
        (may, "masked"): 1_000,
    } == found


def test_the_cells_hang_on_the_plan_alone() -> None:
    """No rows, one row or many: the same cells, also where a value is absent or unlisted."""
    odd = people(1, county=None) + people(1, county="nowhere", patient_id="P-9")

    found = [numbers(a_house(rows).ask(asking(1))) for rows in ([], people(40), odd)]

    assert found[0].keys() == found[1].keys() == found[2].keys()
    assert (1_001, 1_001) == (found[2][str(MAY), "missing"], found[2][str(MAY), "masked"])


@pytest.mark.parametrize("bound", [1, 2, 3, 4])
def test_a_person_touches_at_most_bound_cells(bound: int) -> None:
    """Somebody with fifty runs in every county and month is counted in `bound` cells, once each."""
    days = [dt.date(2026, month, day) for month in (4, 5) for day in range(1, 9)]
    everywhere = [
        row
        | {"incident_date": day, "county": county, "patient_id": " P-1 " if day.day % 2 else "P-1"}
        for day in days
        for county in ("north", "south", "west")
        for row in records(1)
    ]
    house = a_house(everywhere, noised(bound=bound))

    house.ask(asking(1, APRIL, MAY))

    [counts] = house.noise.drawn  # type: ignore[union-attr]
    assert bound == sum(counts)
    assert {0, 1} >= set(counts)


def test_the_choice_of_cells_hangs_on_the_person_s_rows_alone() -> None:
    """Whoever else is there, and in whatever order: one person more changes `bound` counts by 1."""
    rows = [
        row | {"incident_date": MAY, "county": county, "patient_id": f"P-{person}"}
        for person in range(40)
        for county in ("north", "south", "west")
        for row in records(1)
    ]

    def counts(some: Sequence[Row]) -> list[int]:
        house = a_house(some, noised(bound=2))
        house.ask(asking(1))
        [drawn] = house.noise.drawn  # type: ignore[union-attr]
        return list(drawn)

    whole = counts(rows)
    assert whole == counts(rows[::-1])
    assert 80 == sum(whole)
    assert min(one for one in whole if one) > 15, "by chance, and not the first of the list"
    for person in range(0, 40, 7):
        less = counts([row for row in rows if row["patient_id"] != f"P-{person}"])
        apart = [a - b for a, b in zip(whole, less, strict=True)]
        assert (2, {0, 1}) == (sum(apart), set(apart))


def test_nobody_is_counted_for_a_placeholder() -> None:
    """Rows without a person are of nobody, whose noise would cover nothing."""
    rows = people(3, patient_id=None) + people(3, patient_id="unknown") + people(1)

    assert 1_001 == numbers(a_house(rows).ask(asking(1)))[str(MAY), "north"]


# --- once ---


def test_a_repeat_replays_the_draw_and_reads_nothing() -> None:
    """The same bytes, the data changed or the source away: nothing new is drawn or spent."""
    house = a_house(people(5))
    first = house.ask(asking(1))
    house.source.rows[:] = people(30)
    house.source.faults = dataclasses.replace(house.source.faults, dies_after=0)

    again = house.ask(asking(1))

    assert first.digests == again.digests
    assert 1 == len(house.noise.drawn)  # type: ignore[union-attr]
    assert [50_000] == sorted({one.draw.rho for one in house.log.told(a_source())})


def test_a_second_request_of_the_cut_is_refused() -> None:
    """A period leaves once to a recipient, with noise as without."""
    house = a_house(people(5))
    house.ask(asking(1))

    assert Reason.CELL_RELEASED is reason_of(house, asking(2))[0]


def a_source() -> str:
    """Return the source of all these tables."""
    return f"{EMS}/{RUN.name}"
