"""What a simulation tells of sample records is what the engine lets leave of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.aggregate import MeasureRule
from gateway.agreement.conditions import FieldCondition, OptOutCondition, WithinCondition
from gateway.agreement.model import Anonymity
from gateway.cli.trial import Trial
from gateway.decide import Grant, Standing, decide
from gateway.errors import RefusedError, ReleaseError
from gateway.masks.base import Marker
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.numbers import Band
from gateway.masks.plain import Pass, Redact
from gateway.masks.tables import SumOnly
from gateway.review.cells import BESIDE, SHOWS, SMALL, cells_seen
from gateway.review.simulate import (
    behind,
    fields_seen,
    likeness_after,
    likeness_before,
    pairs,
)
from gateway.values import Operator
from tests.build import (
    NOW,
    RUN_FIELDS,
    TABLES,
    a_provision,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    span,
    the_agreements,
)

if TYPE_CHECKING:
    from gateway.agreement.model import Provision
    from gateway.plan.ops import Plan
    from gateway.values import Row

NOBODY = dict.fromkeys(one.name for one in RUN_FIELDS)
TOKEN = Pseudonym(method=Method.TOKEN, scope=Scope.PROVISION, rotate="P1Y")


def granted(provision: Provision, rows: list[Row]) -> tuple[Trial, Grant, Plan]:
    """Return what runs these records, the grant of everything, and its plan."""
    agreements = the_agreements(an_agreement(provision))
    grant = decide(agreements, a_request(*provision.release), Standing(), NOW)
    assert isinstance(grant, Grant), grant
    trial = Trial(TABLES)
    return trial, grant, trial.plan(agreements, grant, len(rows))


def people(*ages: int | None, **more: object) -> list[Row]:
    """Return one record of each of some people of these ages."""
    return [
        NOBODY | {"run_id": f"R-{n}", "patient_id": f"P-{n}", "age": age} | more
        for n, age in enumerate(ages)
    ]


def test_each_field_is_told_before_and_after() -> None:
    """Different values, those masked and missing, and an example that changes."""
    rows = people(93, 41, 44, None, -1)
    trial, _, plan = granted(
        a_provision({"run_id": Redact(), "age": Band(width=5, topcode=90)}), rows
    )

    found = pairs(plan, rows, trial.records(plan, rows).rows)
    run, age = fields_seen(plan, found)

    assert ["90+", "40-44", "40-44", Marker.MISSING, Marker.MASKED] == [
        one.after["age"] for one in found
    ]
    assert ("age", 4, 2, 1, 1, (93, "90+")) == (
        age.name, age.before, age.after, age.masked, age.missing, age.example
    )  # fmt: skip
    assert (5, 0, 5, 0, ("R-0", Marker.MASKED)) == (
        run.before, run.after, run.masked, run.missing, run.example
    )  # fmt: skip


def test_an_example_that_does_not_change_is_better_than_none() -> None:
    """And a field that no record has, has none."""
    rows = people(41, 41)
    trial, _, plan = granted(a_provision({"age": Pass(), "home_zip": Pass()}), rows)

    age, home = fields_seen(plan, pairs(plan, rows, trial.records(plan, rows).rows))

    assert ((41, 41), None) == (age.example, home.example)


def test_what_stays_behind_is_told_by_condition() -> None:
    """The edge of each is the provision's; a record that misses two counts under both."""
    when = (
        FieldCondition("age", Operator.GTE, (18,)),
        WithinCondition("notified_at", span("PT72H")),
        OptOutCondition("care.outreach"),
    )
    edge = NOW - dt.timedelta(hours=72)
    rows = people(18, 17, notified_at=edge)
    rows += people(18, 17, notified_at=edge - dt.timedelta(microseconds=1), opt_out_at=edge)
    trial, grant, plan = granted(a_provision({"age": Pass()}, when), rows)

    found = pairs(plan, rows, trial.records(plan, rows).rows)

    assert [2, 2, 2] == [count for _, count in behind(grant, rows)]
    assert [rows[0]] == [one.before for one in found]


def test_a_table_counts_what_no_closed_period_holds() -> None:
    """A month opens with its lag; what came since stays behind."""
    month = {"county": "north"}
    rows = people(1, 2, incident_date=dt.date(2026, 5, 31), **month)
    rows += people(3, incident_date=dt.date(2026, 7, 1), **month)
    _, grant, _ = granted(a_table_provision(), rows)

    assert [("incident_date in a closed period", 1)] == behind(grant, rows)


@pytest.mark.parametrize(("count", "alone"), [(4, 4), (40, 0)])
def test_figures_are_those_of_the_receipt(count: int, alone: int) -> None:
    """Rows alike are counted as the engine counts them, one by one and in columns."""
    rows = people(*(20 + n % 7 for n in range(count)))
    masks = {"run_id": Pass(), "age": Band(cuts=(0, 22, 26))}
    trial, _, plan = granted(a_provision(masks), rows)

    left = trial.records(plan, rows)
    found = pairs(plan, rows, left.rows)
    before = likeness_before(plan, found)

    assert left.likeness == likeness_after(plan, found)
    assert (alone, count) == (before.alone, before.rows)


def test_classes_keep_their_own_records() -> None:
    """Of alike records those in small classes stay, and each that leaves is beside its original."""
    rows = people(41, 7, 44, 8, 43, 42)
    asked = Anonymity(k=3, l=1, action="suppress_rows")
    provision = a_provision({"run_id": Pass(), "age": Band(width=5, topcode=90)}, anonymity=asked)
    trial, _, plan = granted(provision, rows)

    left = trial.records(plan, rows)
    found = pairs(plan, rows, left.rows)

    assert ["R-0", "R-2", "R-4", "R-5"] == [one.before["run_id"] for one in found]
    assert all(one.before["run_id"] == one.after["run_id"] for one in found)
    assert left.crowd is not None
    assert (4, 4) == (left.crowd.people, left.crowd.rows)


def test_classes_that_refuse_leave_nothing() -> None:
    """Where the provision says `deny`, one small class is enough."""
    rows = people(41, 42, 43, 7)
    asked = Anonymity(k=3, l=1, action="deny")
    provision = a_provision({"age": Band(width=5, topcode=90)}, anonymity=asked)
    trial, _, plan = granted(provision, rows)

    with pytest.raises(RefusedError, match="fewer than `k`"):
        trial.records(plan, rows)


def test_tokens_need_no_vault_here() -> None:
    """A pseudonym leaves in place of one drawn from a vault; the same people are alike."""
    rows = [*people(41), *people(41), *people(42, 42)[1:]]
    trial, _, plan = granted(a_provision({"patient_id": TOKEN}), rows)

    one, again, other = (row[0] for row in trial.records(plan, rows).rows)

    assert one == again != other
    assert "P-0" not in (one, other)


def test_rows_that_no_mask_makes_are_an_error() -> None:
    """What the two spellings of a mask do not agree about is not shown as what leaves."""
    rows = people(41)
    _, _, plan = granted(a_provision({"age": Pass()}), rows)

    with pytest.raises(ReleaseError, match="masks do not make"):
        pairs(plan, rows, [(42, None)])


def test_limits_do_not_cut_a_sample() -> None:
    """All of a sample is shown, however few rows one request may have."""
    limits = dataclasses.replace(a_provision().limits, rows_per_request=1)
    rows = people(41, 42, 43)
    trial, _, plan = granted(a_provision({"age": Pass()}, limits=limits), rows)

    assert 3 == len(trial.records(plan, rows).rows)


def in_county(county: str, count: int, first: int, mg: float | None = None) -> list[Row]:
    """Return one record each of so many people of a county, in May."""
    day = dt.date(2026, 5, 5)
    return [
        NOBODY
        | {"run_id": f"{county}-{n}", "patient_id": f"P-{n}", "county": county,
           "incident_date": day, "naloxone_mg": mg}
        for n in range(first, first + count)
    ]  # fmt: skip


def test_cells_that_are_held_back_say_why() -> None:
    """Ten are small, eleven are not; what would give the ten away goes with them."""
    table = an_aggregate(margins=(("incident_date",),))
    rows = in_county("north", 10, 0) + in_county("south", 11, 10) + in_county("west", 40, 30)
    trial, _, plan = granted(a_table_provision(table), rows)

    judged = trial.table(plan, rows)
    seen = cells_seen(plan, judged.counted, judged.verdict, judged.release.batch)
    may = {one.level[1]: one for one in seen if one.level[0] == "2026-05-01"}

    assert (10, (None,), SMALL) == (may["north"].units, may["north"].numbers, may["north"].held)
    assert (11, (None,), BESIDE) == (may["south"].units, may["south"].numbers, may["south"].held)
    assert (40, (40,), "") == (may["west"].units, may["west"].numbers, may["west"].held)
    assert (61, (61,), "") == (may["total"].units, may["total"].numbers, may["total"].held)


def test_a_sum_of_one_giver_is_not_small_and_says_so() -> None:
    """Twenty people leave as a count; that one of them gave nearly all does not."""
    measures = (
        MeasureRule("people", "count_distinct", "patient_id"),
        MeasureRule("mg", "sum", "naloxone_mg"),
    )
    table = an_aggregate(measures=measures, dominance={"largest": 2, "percent": 85, "p": 10})
    rows = in_county("north", 19, 0, 1.0) + in_county("north", 1, 50, 900.0)
    trial, _, plan = granted(a_table_provision(table, {"naloxone_mg": SumOnly()}), rows)

    judged = trial.table(plan, rows)
    seen = cells_seen(plan, judged.counted, judged.verdict, judged.release.batch)
    [north] = [one for one in seen if one.level == ("2026-05-01", "north")]

    assert (20, None) == north.numbers
    assert SHOWS == north.held
