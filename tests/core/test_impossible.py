"""Zeros by definition: published and known; all other zeros are hidden like small numbers."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agreement.aggregate import MeasureRule
from gateway.errors import Reason, RefusedError, ReleaseError
from gateway.masks.plain import Pass
from gateway.masks.tables import CountOnly
from gateway.plan.check import check_table
from gateway.plan.impossible import impossible
from gateway.plan.ops import Group, Suppress
from gateway.values import FieldType, Operator
from tests.build import (
    CODES,
    RUN_FIELDS,
    a_condition,
    a_dataset,
    a_field,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    the_agreements,
)
from tests.core.counting import judging
from tests.core.house import House, records
from tests.core.test_oracle import MODEST, plan_of, run, spelled
from tests.core.worlds import Drawn
from tests.reference import Denied, held_back_besides, interpret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.aggregate import Products
    from gateway.values import Row

MAY = dt.date(2026, 5, 1)
RUNS = MeasureRule("runs", "count_distinct", "run_id")
KITS = MeasureRule("kits", "sum", "age")
NO_MAN: Products = ((("sex", ("male",)), ("state", ("pregnant",))),)
LISTED = dataclasses.replace(
    CODES, lists={"sex": ("female", "male"), "state": ("pregnant", "other")}
)
BY = ("incident_date", "sex", "state")
MARGINS = (("incident_date",), ("incident_date", "sex"), ("incident_date", "state"))


Counts = dict[tuple[str | None, str | None], int]
MEN_AND_WOMEN: Counts = {("female", "other"): 40, ("male", "other"): 60}


def a_world(
    counts: Counts,
    never: Products = NO_MAN,
    margins: tuple[tuple[str, ...], ...] = MARGINS,
) -> Drawn:
    """Return a table of runs by sex and state, with so many runs in each cell."""
    kinds = [key for key, count in counts.items() for _ in range(count)]
    rows: list[Row] = [
        row | {"incident_date": MAY, "sex": sex, "state": state}
        for row, (sex, state) in zip(records(len(kinds)), kinds, strict=True)
    ]
    zeros = "structural" if never else "suppress"
    table = an_aggregate(BY, (RUNS, KITS), unit="run_id", zeros=zeros)
    given = dataclasses.replace(table.disclosure, impossible=never)
    table = dataclasses.replace(table, margins=margins, disclosure=given)
    masks = {"run_id": CountOnly(), "sex": Pass(), "state": Pass()}
    provision = a_table_provision(table, masks)
    left = {name: mask for name, mask in provision.release.items() if name != "county"}
    provision = dataclasses.replace(provision, release=left)
    fields = [a_field(name, FieldType.CODE, codes=name) for name in ("sex", "state")]
    dataset = a_dataset((*RUN_FIELDS, *fields))
    agreements = the_agreements(an_agreement(provision), dataset=dataset, codes=LISTED)
    where = [a_condition("incident_date", Operator.EQ, MAY)]
    return Drawn(agreements, a_request(*BY, "run_id", "age", where=where), rows, provision, dataset)


def cells(world: Drawn) -> dict[tuple[str, str], int | None]:
    """Return the counts that leave; the oracle agrees."""
    plan = plan_of(world)
    found = run(plan, world.rows)
    assert held_back_besides(interpret(plan, world.rows), found)
    return {(_level(one, "sex"), _level(one, "state")): one["runs"] for one in found}


def _level(cell: Mapping[str, Any], name: str) -> str:
    return {"total": "*", "missing": "?"}.get(cell.get(f"{name}.why") or "", str(cell[name]))


def test_a_zero_by_definition_is_published_and_another_is_not() -> None:
    """No man is pregnant: 0. That nobody else was, this month, is a finding and stays hidden."""
    found = cells(a_world(MEN_AND_WOMEN, margins=()))

    assert {
        ("male", "pregnant"): 0,
        ("female", "pregnant"): None,
        ("female", "other"): 40,
        ("male", "other"): 60,
    } == found


def test_without_the_clause_it_is_hidden() -> None:
    """`zeros: suppress` alone hides every zero."""
    found = cells(a_world(MEN_AND_WOMEN, (), ()))

    assert found["male", "pregnant"] is None


def test_who_knows_a_zero_is_given_no_neighbour_of_it() -> None:
    """Pregnant in all would be pregnant women: the known zero protects neither of them."""
    counts: Counts = {("female", "pregnant"): 3, ("female", "other"): 40, ("male", "other"): 60}
    found = cells(a_world(counts))

    assert 0 == found["male", "pregnant"]
    assert found["female", "pregnant"] is found["*", "pregnant"] is None
    assert None in {found["female", "other"], found["female", "*"]}


def test_the_total_after_its_cells_knows_of_the_zero() -> None:
    """Men and women left, three of her hidden: all that are pregnant are hers, and stay hidden."""
    counts: Counts = {("female", "pregnant"): 3, ("female", "other"): 40, ("male", "other"): 60}
    first, second = a_world(counts, margins=()), a_world(counts, margins=MARGINS[-1:])
    _, memory = released(first, ())

    alone, _ = released(second, ())
    after, _ = released(second, (memory,))

    assert {0, 40, 60, None} == set(released(first, ())[0].values())
    assert after["*", "pregnant"] is None
    assert alone["male", "pregnant"] == after["male", "pregnant"] == 0


def released(
    world: Drawn, earlier: tuple[bytes, ...]
) -> tuple[dict[tuple[str, str], int | None], bytes]:
    """Return the counts that leave beside what left before, and what is remembered of them."""
    plan = plan_of(world)
    made, table, verdict = judging(plan, world.rows, earlier)
    told = made.published(table, verdict.published)
    check_table(plan, told, verdict.digest)
    found = {(_level(one, "sex"), _level(one, "state")): one["runs"] for one in told.to_dicts()}
    return found, verdict.memory


def test_a_total_of_impossible_cells_is_impossible() -> None:
    """Where all that a total is over is empty by definition, so is the total."""
    never: Products = ((("sex", ("male",)), ("state", ("pregnant", "other"))),)
    found = cells(a_world({("female", "pregnant"): 20, ("female", "other"): 40}, never))

    assert {0} == {found["male", state] for state in ("pregnant", "other", "*")}
    assert (20, 20, 60) == (found["female", "pregnant"], found["*", "pregnant"], found["*", "*"])


@pytest.mark.parametrize("run_id", ["R-x", None])
def test_a_count_in_an_impossible_cell_refuses_the_table(run_id: str | None) -> None:
    """A record where none can be is an error of the source or of the clause, and no number."""
    world = a_world(MEN_AND_WOMEN)
    [strange] = a_world({("male", "pregnant"): 1}).rows
    rows = [*world.rows, strange | {"run_id": run_id}]
    plan = plan_of(world)

    with pytest.raises(RefusedError) as raised:
        House(agreements=world.agreements, rows=rows).ask(world.request)
    with pytest.raises(Denied, match="impossible"):
        interpret(plan, rows)

    refused = raised.value
    assert ("impossible", 10, "4.1") == (refused.cause, refused.step, refused.clause)
    assert Reason.DISCLOSURE_RISK is refused.reason
    assert "4.1" in refused.message
    assert not any(word in refused.message for word in ("male", "pregnant", "sex", "40"))


def test_sums_follow() -> None:
    """Of nobody, by definition, the sum is nothing; of nobody, as it happened, it is hidden."""
    world = a_world(MEN_AND_WOMEN, margins=())
    found = run(plan_of(world), world.rows)
    kits = {(one["sex"], one["state"]): one["kits"] for one in found}

    assert 0 == kits["male", "pregnant"]
    assert kits["female", "pregnant"] is None


def test_the_clause_is_in_the_plan() -> None:
    """Another list of impossible cells is another plan."""
    both: Products = (*NO_MAN, (("state", ("pregnant",)),))

    assert 3 == len({plan_of(a_world({}, never)).digest for never in ((), NO_MAN, both)})


LEVELS = st.lists(st.sampled_from("ab"), min_size=1, max_size=2, unique=True).map(tuple)
ITEMS = st.lists(
    st.dictionaries(st.sampled_from(["x", "y"]), LEVELS, min_size=1).map(
        lambda item: tuple(sorted(item.items()))
    ),
    min_size=1,
    max_size=3,
).map(tuple)


@given(ITEMS, st.booleans())
def test_a_total_is_impossible_where_all_its_cells_are(
    items: Products,
    unknown: bool,  # noqa: FBT001
) -> None:
    """By the definition, cell by cell; a record without a level may be anywhere."""
    group = Group("u", ("x", "y"), (), (None, None), "", (), ())
    levels = ["=a", "=b", *(["~missing"] if unknown else [])]
    keys = [(x, y) for x in (*levels, "*") for y in (*levels, "*")]

    found = dict(zip(keys, impossible(_rule(items), group, keys).tolist(), strict=True))

    for x, y in keys:
        inside = [
            (one, other)
            for one in (levels if x == "*" else [x])
            for other in (levels if y == "*" else [y])
        ]
        named = [{"x": a.removeprefix("="), "y": b.removeprefix("=")} for a, b in inside]
        listed = [
            any(all(cell[name] in several for name, several in item) for item in items)
            for cell in named
        ]
        assert all(listed) == found[x, y]


def _rule(items: Products) -> Suppress:
    return Suppress(11, 9, "structural", "suppressed", impossible=items)


@given(
    st.fixed_dictionaries(
        {
            ("female", "pregnant"): st.integers(0, 25),
            ("female", "other"): st.integers(0, 60),
            ("male", "other"): st.integers(0, 60),
            (None, "other"): st.integers(0, 14),
        }
    )
)
@MODEST
def test_engine_and_oracle_agree_on_impossible_cells(
    counts: Counts,
) -> None:
    """What is empty by definition is 0 in every table, and nothing else is told of zeros."""
    alone = a_world(counts, margins=())
    plan = plan_of(alone)
    assert sorted(spelled(interpret(plan, alone.rows))) == sorted(spelled(run(plan, alone.rows)))
    found = cells(a_world(counts))

    assert 0 == found["male", "pregnant"]
    assert 1 == list(found.values()).count(0)


def test_a_table_that_hides_or_fills_an_impossible_cell_does_not_leave() -> None:
    """The last look knows which cells are empty by definition."""
    world = a_world(MEN_AND_WOMEN, margins=())
    plan = plan_of(world)
    made, table, verdict = judging(plan, world.rows)
    told = made.published(table, verdict.published)
    assert check_table(plan, told, verdict.digest).row_count == told.height

    hidden = {name: flags & False for name, flags in verdict.published.items()}
    filled = table.with_columns(pl.col(".rows") + (pl.col(".rows") == 0).cast(pl.Int64))
    for spoiled in (made.published(table, hidden), made.published(filled, verdict.published)):
        with pytest.raises(ReleaseError) as raised:
            check_table(plan, spoiled, verdict.digest)
        assert Reason.RELEASE_CHECK_FAILED is raised.value.reason
