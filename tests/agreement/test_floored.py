"""Strictest wins: a floor that rose tightens what was signed, and forbids what it cannot."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest

from gateway.agreement.floor import FloorMask
from gateway.agreement.model import Selectors
from gateway.decide import Grant, Refusal, Standing, decide
from gateway.errors import Reason
from gateway.masks.numbers import Band, Round
from gateway.masks.plain import Pass, Redact
from gateway.masks.times import Truncate, Unit
from gateway.values import FieldClass, Means
from tests.build import (
    NOW,
    a_floor,
    a_provision,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    span,
    the_agreements,
)

if TYPE_CHECKING:
    from gateway.agreement.floor import Floor
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.agreement.model import Provision
    from gateway.masks.base import Mask

TEN = Band(width=10, topcode=90)
FIVE = Band(width=5, topcode=90)


def under(floor: Floor, provision: Provision | None = None) -> Agreements:
    """Return an agreement that was signed, under a floor."""
    return the_agreements(an_agreement(provision or a_provision()), floor=floor)


def rule_of(agreements: Agreements) -> FlowRule:
    """Return its one flow."""
    [[rule]] = agreements.flows.values()
    return rule


def asking(at_least: Mask | None, **selectors: Any) -> Floor:  # noqa: ANN401 - any selector
    """Return a floor with one mask; of ages where nothing is selected."""
    when = Selectors(**(selectors or {"means": frozenset({Means.AGE})}))
    return dataclasses.replace(a_floor(), masks=(FloorMask("F9-age", "9.1", when, at_least),))


@pytest.mark.parametrize(
    ("own", "least", "expected"),
    [
        (Pass(), TEN, TEN),
        (FIVE, TEN, TEN),
        (TEN, FIVE, TEN),
        (Redact(), TEN, Redact()),
        (TEN, Pass(), TEN),
    ],
)
def test_the_stronger_mask_holds(own: Mask, least: Mask, expected: Mask) -> None:
    """The floor's where the provision's is weaker, the provision's where it is as strong."""
    rule = rule_of(under(asking(least), a_provision({"run_id": Pass(), "age": own})))

    assert expected == rule.provision.release["age"]
    assert "age" not in rule.barred


@pytest.mark.parametrize(
    ("own", "least"),
    [(Round("5"), TEN), (Pass(), None), (FIVE, None), (Pass(), Truncate(Unit.DAY))],
)
def test_what_cannot_be_compared_is_prohibited(own: Mask, least: Mask | None) -> None:
    """Another family, a field to be withheld, a mask of another type: refused by its rule."""
    agreements = under(asking(least), a_provision({"run_id": Pass(), "age": own}))

    refused = decide(agreements, a_request(), Standing(), NOW)
    granted = decide(agreements, a_request("run_id"), Standing(), NOW)

    assert isinstance(refused, Refusal)
    assert (3, Reason.PROHIBITED, "floor", "F9-age", "9.1") == (
        refused.step,
        refused.reason,
        refused.agreement,
        refused.provision,
        refused.clause,
    )
    assert isinstance(granted, Grant)


def test_a_rule_of_the_floor_speaks_of_its_fields_alone() -> None:
    """Of a flow to others, and of other fields, nothing is asked."""
    sensitive = frozenset({FieldClass.SENSITIVE})
    rule = rule_of(under(asking(TEN, field_class=sensitive)))

    assert Pass() == rule.provision.release["age"]


@pytest.mark.parametrize(
    ("most", "expected"), [("P30D", "P30D"), ("P6Y", None), ("P7D", "P7D"), ("P99Y", None)]
)
def test_durations_tighten(most: str, expected: str | None) -> None:
    """The shorter of both; the provision's own where that is it."""
    floor = a_floor()
    ceilings = dataclasses.replace(floor.at_most, delete_after=span(most))
    own = a_provision().duties.delete_after.text

    rule = rule_of(under(dataclasses.replace(floor, at_most=ceilings)))

    assert (expected or own) == rule.provision.duties.delete_after.text


@pytest.mark.parametrize(("most", "rows"), [(10, 10), (10**9, 500_000)])
def test_rows_tighten(most: int, rows: int) -> None:
    """No more in a day than the floor, nor in a request than in a day."""
    floor = a_floor()
    ceilings = dataclasses.replace(floor.at_most, rows_per_day=most)

    limits = rule_of(under(dataclasses.replace(floor, at_most=ceilings))).provision.limits

    assert (rows, min(rows, 100_000)) == (limits.rows_per_day, limits.rows_per_request)


@pytest.mark.parametrize(("least", "cell", "width"), [(20, 20, 18), (11, 11, 9), (5, 11, 9)])
def test_cells_tighten(least: int, cell: int, width: int) -> None:
    """The larger threshold, and an interval as much below it as the file's own."""
    floor = a_floor()
    floors = dataclasses.replace(floor.at_least, min_cell=least, min_interval=least - 2)

    table = rule_of(
        under(dataclasses.replace(floor, at_least=floors), a_table_provision())
    ).provision.aggregate

    assert table is not None
    assert (cell, width) == (table.disclosure.min_cell, table.disclosure.min_interval)


@pytest.mark.parametrize(("least", "granted"), [(20, False), (11, True)])
def test_a_table_with_an_option_is_prohibited_where_it_falls_below(
    least: int, *, granted: bool
) -> None:
    """Beside an option a threshold is more than a number: the table leaves in no form."""
    floor = a_floor()
    floors = dataclasses.replace(floor.at_least, min_cell=least)
    floor = dataclasses.replace(floor, at_least=floors, permits=frozenset({"exempt"}))
    table = a_table_provision(an_aggregate(written=frozenset({"exempt"})))

    asked = a_request("incident_date", "county", "patient_id")
    answer = decide(under(floor, table), asked, Standing(), NOW)

    assert granted == isinstance(answer, Grant)
    assert granted or (isinstance(answer, Refusal) and answer.reason is Reason.PROHIBITED)


def test_a_table_whose_option_lost_its_leave_is_prohibited() -> None:
    """What the floor permitted when it was signed, and permits no more."""
    table = a_table_provision(an_aggregate(written=frozenset({"unless"})))

    asked = a_request("incident_date", "county", "patient_id")
    answer = decide(under(a_floor(), table), asked, Standing(), NOW)

    assert isinstance(answer, Refusal)
    assert Reason.PROHIBITED is answer.reason


@pytest.mark.parametrize(("longest", "granted"), [("P1Y", True), ("P6M", False)])
def test_a_term_ends_where_the_floor_s_longest_does(longest: str, *, granted: bool) -> None:
    """From its first day on: in July half a year is over, and a year is not."""
    floor = a_floor()
    ceilings = dataclasses.replace(floor.at_most, term=span(longest))

    answer = decide(
        under(dataclasses.replace(floor, at_most=ceilings)), a_request(), Standing(), NOW
    )

    assert granted == isinstance(answer, Grant)
    assert granted or (
        isinstance(answer, Refusal) and answer.reason is Reason.AGREEMENT_OUT_OF_TERM
    )
