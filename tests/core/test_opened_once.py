"""Tables that opened a small cell in an earlier version, and do not any more.

Each was found by somebody who attacked the gateway, not by its authors; the test is named after it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.aggregate import MeasureRule
from gateway.agreement.conditions import FieldCondition
from gateway.broker.memory import Memory, memory
from gateway.disclosure.attackers import Told
from gateway.errors import ReleaseError
from gateway.values import Operator
from tests.build import (
    DISCLOSURE,
    a_dataset,
    a_table_provision,
    an_aggregate,
    an_agreement,
    the_agreements,
)
from tests.core.test_margins import M, asked, by_runs, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.aggregate import Aggregate
    from gateway.agreement.model import Provision
    from gateway.values import Row

PEOPLE = MeasureRule("people", "count_distinct", "patient_id")
AGE_MEAN = MeasureRule("age_mean", "mean", "age")
AGE_SUM = MeasureRule("age_sum", "sum", "age")
MG = MeasureRule("mg", "sum", "naloxone_mg")
TOWN = (
    rows_of(0, 3, county="north", age=40)
    + rows_of(3, 23, county="south", age=20)
    + rows_of(26, 40, county="west", age=50)
)


def ruled(*measures: MeasureRule, margins: Sequence[tuple[str, ...]] = ()) -> Aggregate:
    """Return a table of runs' measures by county."""
    rule = dataclasses.replace(DISCLOSURE, dominance={"largest": 2, "percent": 85, "p": 10})
    return by_runs(measures=measures, margins=tuple(margins), disclosure=rule)


@pytest.mark.parametrize("told", [AGE_MEAN, AGE_SUM])
def test_what_a_number_is_of_is_told_with_it(told: MeasureRule) -> None:
    """A mean is a multiple of one over its number; so is a sum of ones. Both follow the counts."""
    counts, left = asked(by_runs(), TOWN)
    hidden = {key for key, value in counts.items() if value is None}
    assert {(M, "north"), (M, "south")} == hidden

    later, _ = asked(ruled(told), TOWN, [left])

    assert hidden <= {key for key, value in later.items() if value is None}


def test_counts_follow_the_mean_that_left_first() -> None:
    """The other way round: south's mean left, so the month's total does not."""
    first, left = asked(ruled(AGE_MEAN), TOWN)
    counts, _ = asked(by_runs(), TOWN, [left])

    assert first[M, "south"] is not None
    assert counts[M, "*"] is None


def test_a_decimal_sum_is_not_subtracted_either() -> None:
    """Milligrams by county, one person's held back; then milligrams of the month alone."""
    rows = rows_of(0, 1, county="north", naloxone_mg=1.5)
    rows += rows_of(1, 30, county="south", naloxone_mg=2.25)
    counties, left = asked(ruled(MG), rows)
    month = by_runs(("incident_date",), measures=(MG,), margins=())

    later, _ = asked(dataclasses.replace(month, disclosure=ruled().disclosure), rows, [left])

    assert (None, 67.5) == (counties[M, "north"], counties[M, "south"])
    assert {(M,): None} == later


def test_one_person_with_twelve_runs_is_one() -> None:
    """Also where runs are counted: the threshold is of people too."""
    rows = rows_of(0, 12, county="north", patient_id="P-1")

    found, _ = asked(by_runs(), rows)

    assert (None, None) == (found[M, "north"], found[M, "*"])


def test_people_are_no_more_than_their_runs() -> None:
    """Runs with a total, two counties hidden; then people: they would bound the hidden runs."""
    rows = rows_of(0, 3, county="north") + rows_of(3, 20, county="south")
    rows += rows_of(23, 40, county="west")
    runs, left = asked(by_runs(), rows)
    assert runs[M, "south"] is None

    people, _ = asked(an_aggregate(measures=(PEOPLE,)), rows, [left])

    assert people[M, "south"] is None


def test_a_threshold_alone_is_a_bound() -> None:
    """Two cells of ten, hidden by nothing else, are at most ten: their sum does not leave."""
    rows = rows_of(0, 10, county="north") + rows_of(10, 10, county="south")
    rows += rows_of(20, 50, county="west")
    counties, left = asked(by_runs(margins=()), rows)

    later, _ = asked(by_runs(("incident_date",), margins=()), rows, [left])

    assert (None, None, 50) == tuple(counties[M, one] for one in ("north", "south", "west"))
    assert {(M,): None} == later


def test_a_table_under_another_condition_is_refused() -> None:
    """What a filter takes away is no difference of versions: nobody can judge the two together."""
    _, left = asked(by_runs(), TOWN)
    text = left.decode()
    rows: list[Row] = TOWN

    assert '"rows":"[]"' in text
    with pytest.raises(ReleaseError) as raised:
        asked(by_runs(("incident_date",), margins=()), rows, [_under(text)])

    assert "history" == raised.value.variables["cause"]


def _under(text: str) -> bytes:
    return text.replace('"rows":"[]"', '"rows":"[[\\"age\\",\\"lt\\",\\"20\\"]]"').encode()


def test_which_rows_are_counted_is_the_provisions() -> None:
    """Conditions on fields make other rows; roles do not."""
    condition = FieldCondition("age", Operator.LT, (20,))
    plain, fewer = a_table_provision(), a_table_provision(when=(condition,))

    texts = [_rows(one) for one in (plain, fewer)]

    assert ["[]", '[["age","lt","20"]]'] == texts
    assert b'"rows":"[]"' in memory(Memory([], texts[0], Told("anybody", None)))


def _rows(provision: Provision) -> str:
    agreements = the_agreements(an_agreement(provision), dataset=a_dataset())
    [[rule]] = agreements.flows.values()
    return rule.rows


@pytest.mark.parametrize("large", [90, 300])
def test_a_sum_leaves_without_a_total_that_one_cell_nearly_is(large: int) -> None:
    """Three give up to 94 % of the month's sum: the total is held back where it leaves no room."""
    rows = rows_of(0, 3, county="north", age=large)
    rows += rows_of(3, 20, county="south", age=1) + rows_of(23, 40, county="west", age=1)

    found, _ = asked(ruled(AGE_SUM, margins=[("incident_date",)]), rows)

    assert found[M, "north"] is None
    assert (large == 300) == (found[M, "*"] is None)
