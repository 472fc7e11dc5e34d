"""Counts under a condition the whole way: the part, the whole, and the rest that nobody prints."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from gateway.agreement.aggregate import MeasureRule, Unless
from gateway.agreement.conditions import FieldCondition
from gateway.disclosure import table
from gateway.errors import RefusedError, ReleaseError
from gateway.masks.plain import Pass
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
from tests.disclosure import oracle
from tests.fakes import MemoryCounters, MemoryLog
from tests.reference import held_back_besides, interpret

if TYPE_CHECKING:
    from gateway.agreement.model import Provision
    from gateway.values import Request, Row

MAY = dt.date(2026, 5, 1)
RUNS = MeasureRule("runs", "count_distinct", "run_id")
FATAL = MeasureRule(
    "fatal_runs", "count_distinct", "run_id", where=FieldCondition("fatal", Operator.IN, (True,))
)
OTHER, SURVEILLANCE = "care.outreach", "public_health.surveillance"
ASKED = ("incident_date", "county", "run_id")
TOWNS = ("north", "south", "west")


def a_provision_of(*over: tuple[str, ...], **disclosure: Any) -> Provision:  # noqa: ANN401
    """Return a provision that counts runs, and fatal ones, by county."""
    table = an_aggregate(
        ("incident_date", "county"), (RUNS, FATAL), unit="run_id", margins=over, **disclosure
    )
    return a_table_provision(table, {"run_id": CountOnly(), "fatal": Pass()})


def rows_of(**towns: tuple[int, int]) -> list[Row]:
    """Return so many runs in each county in May, the first number of them fatal."""
    made: list[Row] = []
    for town, (fatal, count) in towns.items():
        for at, row in enumerate(records(count, county=town, incident_date=MAY)):
            name = f"{town}-{at}"
            made.append(row | {"run_id": name, "patient_id": name, "fatal": at < fatal})
    return made


def asking(number: int, purpose: str = SURVEILLANCE, fields: tuple[str, ...] = ASKED) -> Request:
    """Return the request for May."""
    return a_request(
        *fields,
        where=[a_condition("incident_date", Operator.EQ, MAY)],
        purpose=purpose,
        request_id=f"00000000-0000-4000-8000-00000000000{number}",
    )


def a_house(rows: list[Row], *provisions: Provision) -> House:
    """Return a house of these runs."""
    agreements, log = the_agreements(an_agreement(*provisions)), MemoryLog()
    counters = MemoryCounters(log=log, agreements=agreements)
    return House(agreements=agreements, rows=rows, log=log, counters=counters)


def left(rows: list[Row], provision: Provision) -> dict[str | None, tuple[Any, Any]]:
    """Return what leaves of a table: fatal runs and runs, by county; the oracle was asked too."""
    plan = plan_of(Drawn(the_agreements(an_agreement(provision)), asking(1), rows, provision,
                         a_dataset()))  # fmt: skip
    if not provision.aggregate.disclosure.exempt:  # type: ignore[union-attr]
        assert held_back_besides(interpret(plan, rows), run(plan, rows))
    found = a_house(rows, provision).ask(asking(1)).rows()
    assert sorted(spelled(found)) == sorted(spelled(run(plan, rows)))
    return {row["county"]: (row["fatal_runs"], row["runs"]) for row in found}  # type: ignore[misc]


@pytest.mark.parametrize(
    ("fatal", "count", "expected"),
    [
        (0, 40, (0, 40)),
        (10, 40, (None, 40)),
        (11, 40, (11, 40)),
        (0, 10, (0, None)),
        (20, 20, (20, 20)),
        (20, 31, (20, 31)),
    ],
)
def test_a_part_is_held_back_as_any_count_is(
    fatal: int, count: int, expected: tuple[int | None, int | None]
) -> None:
    """Ten fatal runs of forty do not leave and eleven do; none, or all, are an answer."""
    assert expected == left(rows_of(north=(fatal, count)), a_provision_of())["north"]


@pytest.mark.parametrize(("rest", "opened"), [(0, True), (1, False), (10, False), (11, True)])
def test_what_everybody_subtracts_is_a_count_too(rest: int, *, opened: bool) -> None:
    """Ten runs that were not fatal are given away by thirty less twenty: one of both stays."""
    fatal, count = left(rows_of(north=(20, 20 + rest)), a_provision_of())["north"]

    assert opened == (fatal is not None and count is not None)
    assert (fatal, count) != (None, None), "one is enough"


def test_where_zeros_are_held_back_so_is_an_empty_rest() -> None:
    """All fatal: whoever knows runs and fatal runs knows that nobody lived."""
    provision = a_provision_of(zeros="suppress")

    assert None in left(rows_of(north=(20, 20)), provision)["north"]


def test_people_without_a_value_meet_no_condition() -> None:
    """A run of which nobody noted whether it was fatal is one of the rest."""
    rows = rows_of(north=(20, 31))
    unknown = [row | {"fatal": None} if row["fatal"] is False else row for row in rows]

    assert (20, 31) == left(unknown, a_provision_of())["north"]


def test_one_person_with_many_fatal_runs_is_one() -> None:
    """The threshold is of people behind the part, and behind the rest, too."""
    rows = rows_of(north=(15, 60))
    same = [row | {"patient_id": "P"} if row["fatal"] else row for row in rows]
    dead = [row | {"patient_id": "P"} if not row["fatal"] else row for row in rows]

    assert (None, 60) == left(same, a_provision_of())["north"]
    assert None in left(dead, a_provision_of())["north"]


def test_totals_do_not_give_the_part_back() -> None:
    """Of three fatal runs in the north, the month's total and the other counties tell nothing."""
    rows = rows_of(north=(3, 40), south=(20, 60), west=(15, 50))
    found = left(rows, a_provision_of(("incident_date",)))

    held = [town for town in (*TOWNS, None) if found[town][0] is None]
    assert "north" in held
    assert len(held) > 1


# --- the denominator rule, and exempt cells ---

NC = {"unless": Unless("runs", 500)}


@pytest.mark.parametrize(("count", "fatal"), [(499, None), (500, 3), (501, 3)])
def test_a_large_whole_publishes_a_small_part(count: int, fatal: int | None) -> None:
    """Three fatal runs of 499 are held back, and of 500 they leave."""
    assert (fatal, count) == left(rows_of(north=(3, count)), a_provision_of(**NC))["north"]


def test_the_rule_is_of_the_part_alone() -> None:
    """A small rest is protected beside a large whole too, and a small whole follows the rule."""
    rest = left(rows_of(north=(495, 500)), a_provision_of(**NC))["north"]
    few = left(rows_of(north=(3, 10)), a_provision_of(unless=Unless("runs", 11)))["north"]

    assert None in rest
    assert (None, None) == few


def test_few_people_behind_a_large_whole_are_few() -> None:
    """Five hundred runs of ten people exempt nothing."""
    rows = [row | {"patient_id": f"P-{at % 10}"} for at, row in enumerate(rows_of(north=(3, 500)))]

    assert (None, None) == left(rows, a_provision_of(**NC))["north"]


def test_what_is_published_is_a_fact_to_the_attacker() -> None:
    """Three of 500 in the north and three of 40 in the south: the north's three protect nobody.

    With the month's total the south's would follow by subtraction, so more is held back.
    """
    rows = rows_of(north=(3, 500), south=(3, 40), west=(30, 60))
    found = left(rows, a_provision_of(("incident_date",), **NC))

    assert (3, 500) == found["north"]
    assert None is found["south"][0]
    assert None in (found["west"][0], found[None][0])


@pytest.mark.parametrize("small", [1, 10])
def test_exempt_cells_are_published_and_others_are_not(small: int) -> None:
    """Counties by month leave whatever they hold where the agreement exempts just them."""
    rows = rows_of(north=(small, small), south=(20, 60))
    exempt = ({"period": "month", "county": "each"},)

    assert (None, None) == left(rows, a_provision_of())["north"]
    assert (small, small) == left(rows, a_provision_of(exempt=exempt))["north"]


def test_an_exempt_total_leaves_its_parts_as_they_were() -> None:
    """The month's ten are told, and of which county they were is not: zeros are held back too."""
    provision = a_provision_of(
        ("incident_date",), exempt=({"period": "month", "county": "total"},), zeros="suppress"
    )
    found = left(rows_of(north=(10, 20)), provision)

    assert (10, 20) == found[None]
    assert {(None, None)} == {found[town] for town in TOWNS}


def test_a_total_that_only_zeros_share_with_an_exempt_one_is_refused() -> None:
    """Where a fact gives a small cell away and nothing can be hidden beside it, nothing leaves."""
    exempt = ({"period": "month", "county": "total"},)
    provision = a_provision_of(("incident_date",), exempt=exempt)
    house = a_house(rows_of(north=(0, 3)), provision)

    with pytest.raises(RefusedError, match="no pattern of suppressed cells protects") as raised:
        house.ask(asking(1))

    assert ("infeasible", "4.1") == (raised.value.cause, raised.value.clause)


# --- whoever subtracts all that he can ---


def opened(rows: dict[str, tuple[int, int]], told: dict[str | None, tuple[Any, Any]]) -> list[str]:
    """Return the small numbers that are narrower than agreed, by an attacker of this test's own.

    Of each county and of all together he knows that fatal runs and others make the runs, and that
    counties make the month; and that what was held back of both is no zero.
    """
    places: list[str | None] = [*rows, None]
    month = (sum(dead for dead, _ in rows.values()), sum(count for _, count in rows.values()))
    both: list[tuple[str | None, tuple[int, int]]] = [*rows.items(), (None, month)]
    true = {place: (dead, count - dead, count) for place, (dead, count) in both}
    at = {(place, kind): 3 * k + kind for k, place in enumerate(places) for kind in range(3)}
    sums = [table.Row((at[p, 2], at[p, 0], at[p, 1]), (1, -1, -1)) for p in places]
    sums += [
        table.Row((at[None, kind], *(at[town, kind] for town in rows)), (1, *[-1] * len(rows)))
        for kind in range(3)
    ]
    seen = [(told[p][0], None, told[p][1]) for p in places]
    shown = np.array([-1 if n is None else n for three in seen for n in three])
    least = np.array([kind != 1 for _ in places for kind in range(3)], np.int64)
    view = table.View(tuple(sums), shown, shown < 0, least, np.full(len(shown), 10_000))
    found = oracle.ranges(view, integer=True, at_once=16)
    return [
        f"{place} {kind}: {true[place][kind]}"
        for (place, kind), cell in at.items()
        if 0 < true[place][kind] < 11 and shown[cell] < 0
        if found[cell, 1] - found[cell, 0] < 9
    ]


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("rule", [{}, {"unless": Unless("runs", 40)}])
def test_no_small_part_or_rest_is_narrower_than_agreed(seed: int, rule: dict[str, Any]) -> None:
    """Of drawn counties, with totals; what the rule of the large whole publishes is published."""
    rng = np.random.default_rng(seed)
    towns: dict[str, tuple[int, int]] = {}
    for town in TOWNS:
        count = int(rng.choice([rng.integers(0, 30), rng.integers(30, 60)]))
        towns[town] = (int(rng.binomial(count, rng.choice([0.1, 0.5, 0.95]))), count)
    try:
        told = left(rows_of(**towns), a_provision_of(("incident_date",), **rule))
    except RefusedError:
        return

    assert [] == opened(towns, told)


# --- beside other tables, rounded, and the last look ---


def the_other(*dimensions: str) -> Provision:
    """Return a provision that counts runs by other dimensions for another purpose."""
    table = an_aggregate(("incident_date", *dimensions), (RUNS,), unit="run_id")
    masks = {"run_id": CountOnly()} | {name: Pass() for name in dimensions}
    made = a_table_provision(table, masks)
    kept = {name: mask for name, mask in made.release.items() if name in {*masks, "incident_date"}}
    flow = dataclasses.replace(made.flow, purposes=(OTHER,))
    withheld = tuple(name for name in ("county", "fatal") if name not in kept)
    return dataclasses.replace(made, id="other", flow=flow, release=kept, withhold=withheld)


def test_a_table_by_the_field_itself_is_judged_beside_the_part() -> None:
    """Fatal runs of the month are 23; counties had 20, hidden and 0, so that the month waits."""
    rows = rows_of(north=(20, 60), south=(3, 70))
    house, alone = (
        a_house(rows, a_provision_of(), the_other("fatal")),
        a_house(rows, the_other("fatal")),
    )
    fields = ("incident_date", "fatal", "run_id")

    first = {row["county"]: row["fatal_runs"] for row in house.ask(asking(1)).rows()}
    after = {row["fatal"]: row["runs"] for row in house.ask(asking(2, OTHER, fields)).rows()}
    other = {row["fatal"]: row["runs"] for row in alone.ask(asking(1, OTHER, fields)).rows()}

    assert {"north": 20, "south": None, "west": 0} == first
    assert None is after[True]
    assert (23, 107) == (other[True], other[False])


def test_the_other_way_round_more_counties_pay() -> None:
    """The month by itself left first: of the counties one large part stays behind as well."""
    rows = rows_of(north=(20, 60), south=(3, 70))
    house = a_house(rows, a_provision_of(), the_other("fatal"))
    house.ask(asking(1, OTHER, ("incident_date", "fatal", "run_id")))

    found = {row["county"]: row["fatal_runs"] for row in house.ask(asking(2)).rows()}

    assert (None, None) == (found["north"], found["south"])


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("parts_first", [True, False])
def test_parts_and_a_table_by_the_field_open_nothing_together(
    seed: int, *, parts_first: bool
) -> None:
    """Drawn counties, their fatal runs, and the month's by the field itself, in either order."""
    rng = np.random.default_rng(1000 + seed)
    counts = [int(rng.choice([rng.integers(0, 25), rng.integers(25, 60)])) for _ in TOWNS]
    dead = [int(rng.binomial(count, rng.choice([0.1, 0.5, 0.95]))) for count in counts]
    rows = rows_of(**{t: (d, c) for t, d, c in zip(TOWNS, dead, counts, strict=True)})
    house = a_house(rows, a_provision_of(), the_other("fatal"))
    asked = [asking(1), asking(2, OTHER, ("incident_date", "fatal", "run_id"))]
    found: list[list[Any]] = [[], []]
    for which in (0, 1) if parts_first else (1, 0):
        try:
            found[which] = house.ask(asked[which]).rows()
        except RefusedError:
            continue
    parts = {row["county"]: (row["fatal_runs"], row["runs"]) for row in found[0]}
    by_field = {row["fatal"]: row["runs"] for row in found[1]}

    # Of each county: fatal runs, others, and all; then the month's fatal runs, and its others.
    true = [n for d, c in zip(dead, counts, strict=True) for n in (d, c - d, c)]
    true += [sum(dead), sum(counts) - sum(dead)]
    told = [n for t in TOWNS for d, c in [parts.get(t, (None, None))] for n in (d, None, c)]
    told += [by_field.get(True), by_field.get(False)]
    sums = [table.Row((3 * k + 2, 3 * k, 3 * k + 1), (1, -1, -1)) for k in range(3)]
    sums += [table.Row((9 + k, k, 3 + k, 6 + k), (1, -1, -1, -1)) for k in range(2)]
    hidden = np.array([n is None for n in told])
    # A table that was refused told nobody which of its cells are none.
    said = [bool(found[at > 8]) and (at % 3 != 1 or at > 8) for at in range(11)]
    least = np.array([min(1, n) if one else 0 for n, one in zip(true, said, strict=True)])
    shown = np.array([-1 if n is None else n for n in told])
    view = table.View(tuple(sums), shown, hidden, least, np.full(11, 10_000))
    ends = oracle.ranges(view, integer=True, at_once=16)

    narrow = [
        at
        for at, n in enumerate(true)
        if found[at > 8] and 0 < n < 11 and hidden[at] and ends[at, 1] - ends[at, 0] < 9
    ]
    assert [] == narrow, (true, told)


def test_rounded_parts_and_wholes_leave_together() -> None:
    """Each is rounded by itself; the rest is judged between the two, and leaves nowhere."""
    rows = rows_of(north=(3, 40), south=(29, 30))

    found = left(rows, a_provision_of(rounded_to=20))

    assert {"north": (0, 40), "south": (20, 40), "west": (0, 0)} == found


def a_checked(provision: Provision, rows: list[Row], **changed: pl.Expr) -> int:
    """Return how many cells pass the last look when these columns were changed."""
    agreements = the_agreements(an_agreement(provision))
    plan = plan_of(Drawn(agreements, asking(1), rows, provision, a_dataset()))
    published, digest = judged(plan, rows)
    return check_table(plan, published.with_columns(**changed), digest).row_count


NORTH = pl.col("county") == "north"


@pytest.mark.parametrize("count", [499, 500])
def test_the_last_look_knows_both_numbers(count: int) -> None:
    """A small part passes beside 500 and not beside 499, whatever was decided before it."""
    rows = rows_of(north=(3, count))
    told = pl.when(NORTH).then(3).otherwise("fatal_runs")
    why = pl.when(NORTH).then(None).otherwise("fatal_runs.why")
    changed = {"fatal_runs": told, "fatal_runs.why": why}

    if count == 500:
        assert 3 == a_checked(a_provision_of(**NC), rows, **changed)
    else:
        with pytest.raises(ReleaseError, match="holds a cell below `min_cell`"):
            a_checked(a_provision_of(**NC), rows, **changed)


def test_the_last_look_counts_the_part() -> None:
    """The whole, told as the part, is stopped."""
    with pytest.raises(ReleaseError, match="`fatal_runs` holds a cell below"):
        a_checked(a_provision_of(), rows_of(north=(20, 60)), fatal_runs=pl.col("runs"))


@pytest.mark.parametrize(("rest", "holds"), [(0, True), (1, False), (10, False), (11, True)])
def test_the_last_look_counts_the_rest(rest: int, *, holds: bool) -> None:
    """Part and whole that tell a small rest are stopped together, whatever was decided before."""
    rows = rows_of(north=(20, 20 + rest))
    changed = {
        "runs": pl.when(NORTH).then(20 + rest).otherwise("runs"),
        "runs.why": pl.when(NORTH).then(None).otherwise("runs.why"),
        "fatal_runs": pl.when(NORTH).then(20).otherwise("fatal_runs"),
        "fatal_runs.why": pl.when(NORTH).then(None).otherwise("fatal_runs.why"),
    }

    if holds:
        assert 3 == a_checked(a_provision_of(), rows, **changed)
    else:
        with pytest.raises(ReleaseError, match="`fatal_runs` holds a cell below"):
            a_checked(a_provision_of(), rows, **changed)


def test_the_condition_is_in_the_plan_and_in_the_header() -> None:
    """Another value is another plan; the recipient reads what was counted."""
    alive = dataclasses.replace(FATAL, where=FieldCondition("fatal", Operator.IN, (False,)))
    table = an_aggregate(("incident_date", "county"), (RUNS, alive), unit="run_id")
    other = a_table_provision(table, {"run_id": CountOnly(), "fatal": Pass()})
    plans = [
        plan_of(Drawn(the_agreements(an_agreement(one)), asking(1), [], one, a_dataset()))
        for one in (a_provision_of(), other, a_provision_of(**NC))
    ]

    assert 3 == len({plan.digest for plan in plans})
    notes = [column.mask.arguments for column in plans[0].columns if column.name == "fatal_runs"]
    assert [("where=fatal:True",)] == notes
