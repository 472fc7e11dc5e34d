"""What a search may cost is the agreement's: which cells go with small ones, how long it takes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from gateway.agreement.aggregate import MeasureRule
from gateway.broker.protect import verdict_of
from gateway.disclosure.rules import KEPT, Cost, kept_weights, weights
from gateway.errors import RefusedError
from gateway.masks.tables import CountOnly
from gateway.plan import lower
from gateway.plan.cells import Cells
from gateway.values import Operator
from tests.build import (
    DISCLOSURE,
    a_condition,
    a_dataset,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    span,
    the_agreements,
)
from tests.core.test_margins import MAY, asked, rows_of
from tests.core.test_oracle import plan_of
from tests.core.worlds import Drawn

if TYPE_CHECKING:
    from gateway.agreement.aggregate import Aggregate
    from gateway.plan.ops import Plan

RUNS = MeasureRule("runs", "count_distinct", "run_id")
# North is small; south and west could each go with it, and south is the smaller one.
TOWN = (
    rows_of(0, 3, county="north") + rows_of(3, 20, county="south") + rows_of(23, 60, county="west")
)
BOTH = {"north", "south", "west"}


def ruled(**changed: Any) -> Aggregate:  # noqa: ANN401 - keys of a disclosure rule
    """Return runs by month and county with the month's total, under a rule."""
    rule = dataclasses.replace(DISCLOSURE, **changed)
    return an_aggregate(
        ("incident_date", "county"),
        (RUNS,),
        unit="run_id",
        margins=(("incident_date",),),
        disclosure=rule,
    )


def hidden(**changed: Any) -> set[str]:  # noqa: ANN401
    """Return the levels of counties that are held back, `*` for the total."""
    found, _ = asked(ruled(**changed), TOWN)
    return {key[1] for key, value in found.items() if value is None}


def kept(*items: dict[str, tuple[str, ...]]) -> tuple[Any, ...]:
    """Return what the form makes of `keep`."""
    return tuple(tuple(item.items()) for item in items)


def test_the_smaller_cell_goes_where_cells_are_alike() -> None:
    """Without a word the cost is the logarithm, as `log` says it."""
    assert {"north", "south"} == hidden() == hidden(cost="log") == hidden(cost="value")


def test_a_cell_that_users_need_stays() -> None:
    """South is kept, so west goes; where all are kept, the smallest goes again."""
    assert {"north", "west"} == hidden(keep=kept({"county": ("south",)}))
    both = kept({"county": ("south", "west")}, {"county": ("total",)})
    assert {"north", "south"} == hidden(keep=both)


def test_an_item_names_a_cell_by_all_of_its_dimensions() -> None:
    """South in another month is another cell: it keeps nothing here."""
    here, else_ = "2026-05-01", "2026-04-01"
    assert {"north", "west"} == hidden(keep=kept({"county": ("south",), "incident_date": (here,)}))
    assert {"north", "south"} == hidden(
        keep=kept({"county": ("south",), "incident_date": (else_,)})
    )


def test_what_has_to_be_hidden_is_hidden_whatever_users_need() -> None:
    """A small cell is small: to keep it is a wish that protection does not grant."""
    assert "north" in hidden(keep=kept({"county": ("north",)}))


def test_a_kept_cell_weighs_ten_times_as_much() -> None:
    """At every cost, and no other cell weighs more."""
    values = np.array([0, 1, 12, 5_000])
    flags = np.array([True, False, True, False])
    for cost in Cost:
        plain = weights(values, cost)
        assert [KEPT * plain[0], plain[1], KEPT * plain[2], plain[3]] == kept_weights(
            values, cost, flags
        ).tolist()
    assert 10 == KEPT


def test_cost_count_hides_few_cells_and_value_little() -> None:
    """Each word is the solver's own."""
    assert {"count", "value", "log"} == {one.value for one in Cost}
    assert 2 == len(hidden(cost="count"))


def planned(**changed: Any) -> Plan:  # noqa: ANN401
    """Return the plan of such a table for May."""
    table = ruled(**changed)
    provision = a_table_provision(table, {"run_id": CountOnly()})
    agreements = the_agreements(an_agreement(provision), dataset=a_dataset())
    where = [a_condition("incident_date", Operator.EQ, MAY)]
    request = a_request("incident_date", "county", "run_id", where=where)
    return plan_of(Drawn(agreements, request, TOWN, provision, a_dataset()))


@pytest.mark.parametrize(("given", "seconds"), [(None, 120), ("PT1S", 1), ("PT2M", 120)])
def test_time_is_the_agreement_s(given: str | None, seconds: int) -> None:
    """The plan hands it to the search, and says it; without a word, the usual limit holds."""
    plan = planned(time_limit=span(given) if given else None)

    assert plan.suppress is not None
    assert seconds == plan.suppress.seconds
    said = f'"{given}"' if given else "null"
    assert f'"time_limit":{said}' in plan.text.decode()


def test_out_of_time_nothing_leaves() -> None:
    """A search that may take no time is given up: the table is refused, with its cause."""
    plan = planned()
    assert plan.suppress is not None
    none = dataclasses.replace(plan, suppress=dataclasses.replace(plan.suppress, seconds=0))
    cells = Cells(plan)
    frame = lower.Program(plan).mask(pl.DataFrame(TOWN).select(plan.scan.names), cells.keep)
    cells.add(frame)
    counted = cells.counted(cells.table())

    assert 2 == sum((~one).sum() for one in verdict_of(plan, counted, []).published.values())
    with pytest.raises(RefusedError) as raised:
        verdict_of(none, counted, [])
    assert "limit" == raised.value.cause


def test_the_plan_says_what_was_asked_of_the_search() -> None:
    """Another cost, or another cell to keep, is another plan."""
    keep = kept({"county": ("south",)})
    several = [planned(), planned(cost="count"), planned(keep=keep)]

    assert 3 == len({one.digest for one in several})
    assert '"cost":"count"' in several[1].text.decode()
    assert '"keep":[[["county",["south"]]]]' in several[2].text.decode()
