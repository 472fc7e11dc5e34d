"""Percentages and rates: worked out of published counts, on both sides of each limit."""

from __future__ import annotations

import dataclasses
import datetime as dt
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.agreement.aggregate import MeasureRule, Percent, Rate
from gateway.agreement.conditions import FieldCondition
from gateway.errors import Reason, ReleaseError
from gateway.masks.tables import CountOnly
from gateway.plan.check import check_table
from gateway.plan.figures import PercentNode, RateNode, figures, half_even
from gateway.plan.ops import Group, Suppress
from gateway.values import FieldClass, Form, Operator
from tests.build import (
    CODES,
    RUN_FIELDS,
    TABLES,
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
from tests.core.test_oracle import MODEST, plan_of, run, spelled
from tests.core.worlds import Drawn
from tests.reference import held_back_besides, interpret
from tests.reference_derived import worked_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.dataset import CodeLists
    from gateway.plan.ops import Plan
    from gateway.values import Row

MAY = dt.date(2026, 5, 1)
RUNS = MeasureRule("runs", "count_distinct", "run_id")
SHARE = MeasureRule("share", "percent", "", Percent("runs", "county"))
PER = MeasureRule("per", "rate", "", Rate("runs", 100_000, "population@2020", "county"))
SOUND = MeasureRule("per", "rate", "", Rate("runs", 100_000, "population@2020", "county", 30))

SUPPRESS = Suppress(11, 9, "publish", "suppressed")


def percent(
    count: int | None, total: int | None, *, sensitive: bool = False
) -> tuple[int | float | None, str | None]:
    """Return the percentage of one county's count in a total, and why there is none."""
    one = PercentNode("share", "runs", "county", sensitive)
    group = Group("run_id", ("county",), (), (None,), "day", (), ((),), None, (one,))
    found = figures(group, SUPPRESS, one, {("=north",): count, ("*",): total})
    return found[0][:2]


HELD, MISSING = (None, "suppressed"), (None, "missing")


@pytest.mark.parametrize(
    ("count", "total", "expected"),
    [
        (90, 100, HELD),
        (89, 100, (90, None)),
        (100, 100, (100, None)),
        (0, 100, (0, None)),
        (0, 0, MISSING),
        (None, 100, HELD),
        (50, None, HELD),
        (None, None, HELD),
        (None, 0, MISSING),
        (250, 260, HELD),
        (250, 261, (96, None)),
        (12, 11, HELD),
    ],
)
def test_a_complement_of_ten_is_suppressed_and_one_of_eleven_is_not(
    count: int | None, total: int | None, expected: tuple[int | None, str | None]
) -> None:
    """Whoever is in the total and not in the cell is nobody, or eleven and more."""
    assert expected == percent(count, total)


@pytest.mark.parametrize(
    ("count", "total", "expected"),
    [
        (66, 199, 35),
        (67, 200, 34),
        (65, 199, 35),
        (64, 199, 30),
        (65, 200, 32),
        (67, 201, 33),
        (25, 200, 12),
        (27, 200, 14),
        (45, 120, 40),
        (27, 120, 20),
    ],
)
def test_a_percentage_is_whole_from_two_hundred_on(count: int, total: int, expected: int) -> None:
    """Below it is a multiple of five; of two that are as near the even one is taken."""
    assert (expected, None) == percent(count, total)


@pytest.mark.parametrize(("count", "total"), [(0, 300), (1, 300), (300, 300), (11, 2_300)])
def test_none_and_all_of_a_sensitive_category_are_suppressed(count: int, total: int) -> None:
    """0 % and 100 %, as they would be printed, tell of everybody in the cell."""
    assert HELD == percent(count, total, sensitive=True)
    assert percent(count, total)[0] in {0, 100}
    assert (50, None) == percent(150, 300, sensitive=True)


def rate(
    count: int | None, people: int, reliable: int | None = None, per: int = 1_000
) -> tuple[int | float | None, str | None, bool]:
    """Return the rate of one county, why there is none, and whether it is flagged."""
    one = RateNode("per", "runs", per, "county", "t s", {"=north": people}, None, (), reliable)
    group = Group("run_id", ("county",), (), (None,), "day", (), (), None, (one,))
    return figures(group, SUPPRESS, one, {("=north",): count})[0]


@pytest.mark.parametrize(
    ("count", "reliable", "expected"),
    [
        (19, None, (1.9, None, True)),
        (20, None, (2.0, None, False)),
        (0, None, (0.0, None, True)),
        (11, 30, (None, "suppressed", False)),
        (12, 30, (1.2, None, True)),
        (0, 30, (None, "suppressed", False)),
        (25, 20, (None, "suppressed", False)),
        (26, 20, (2.6, None, False)),
        (None, None, (None, "suppressed", False)),
    ],
)
def test_a_rate_of_nineteen_is_flagged_and_of_twenty_is_not(
    count: int | None, reliable: int | None, expected: tuple[float | None, str | None, bool]
) -> None:
    """With `reliable: 30` one of eleven is suppressed (30.2 %), and of twelve not (28.9 %)."""
    assert expected == rate(count, 10_000, reliable)


def test_a_rate_has_one_decimal_half_to_even() -> None:
    """12.25 is 12.2 and 12.35 is 12.4; in an area of nobody there is no rate."""
    assert [12.2, 12.4] == [rate(count, 20_000)[0] for count in (245, 247)]
    assert (None, "missing", False) == rate(20, 0) == rate(None, 0)


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_half_to_even_is_that_of_fractions(numerator: int, denominator: int) -> None:
    """The standard library rounds exact fractions the same way."""
    assert round(Fraction(numerator, denominator)) == half_even(numerator, denominator)


# --- the whole way through the engine ---


def rows_of(**counties: int) -> list[Row]:
    """Return so many runs in each county, all in May; `unknown` is no county."""
    places = [name for name, count in counties.items() for _ in range(count)]
    made = records(len(places))
    return [
        row | {"incident_date": MAY, "county": None if place == "unknown" else place}
        for row, place in zip(made, places, strict=True)
    ]


def a_world(
    rows: list[Row],
    *measures: MeasureRule,
    dimensions: Sequence[str] = ("incident_date", "county"),
    margins: tuple[tuple[str, ...], ...] = (("incident_date",),),
    county: FieldClass = FieldClass.QUASI_IDENTIFIER,
    zeros: str = "publish",
    codes: CodeLists = CODES,
) -> Drawn:
    """Return a table of runs with these measures, and the month's total."""
    table = an_aggregate(dimensions, measures or (RUNS, SHARE, PER), unit="run_id", zeros=zeros)
    table = dataclasses.replace(table, margins=margins)
    provision = a_table_provision(table, {"run_id": CountOnly()})
    fields = [
        dataclasses.replace(one, field_class=county) if one.name == "county" else one
        for one in RUN_FIELDS
    ]
    dataset = a_dataset(fields)
    agreements = the_agreements(an_agreement(provision), dataset=dataset, codes=codes)
    where = [a_condition("incident_date", Operator.EQ, MAY)]
    request = a_request(*dimensions, "run_id", where=where)
    return Drawn(agreements, request, rows, provision, dataset)


def cells(world: Drawn) -> dict[str, dict[str, Any]]:
    """Return what leaves by county (`*` for the total), worked out as the oracle does."""
    plan = plan_of(world)
    found = run(plan, world.rows)
    assert spelled(worked_out(plan, found)) == spelled(found)
    assert held_back_besides(interpret(plan, world.rows), found)
    return {
        {"total": "*", "missing": "?"}.get(one["county.why"] or "", one["county"]): {
            name: value
            for name, value in one.items()
            if not name.startswith(("incident", "county"))
        }
        for one in found
    }


def test_percentages_and_rates_stand_beside_their_counts() -> None:
    """Of 600 runs 240 are in the north, 60 for each 10,000 of its people."""
    found = cells(a_world(rows_of(north=240, south=345, unknown=15)))

    north = {"runs": 240, "runs.why": None, "share": 40, "share.why": None}
    assert north | {"per": 600.0, "per.why": None, "per.flag": None} == found["north"]
    assert (58, 460.0) == (found["south"]["share"], found["south"]["per"])
    # One in fifty has no county: a share of the whole, and of no population.
    assert (2, None, "missing") == (found["?"]["share"], found["?"]["per"], found["?"]["per.why"])
    assert (0, "missing") == (found["west"]["share"], found["west"]["per.why"])
    assert (None, "missing") == (found["*"]["share"], found["*"]["share.why"])
    # 600 runs of 115,000 people: the areas are a closed list, and each of them has a number.
    assert 521.7 == found["*"]["per"]


def test_all_areas_together_have_a_rate_where_each_has_its_people() -> None:
    """One county of a closed list without a number, and nobody knows how many live in all."""
    rows = rows_of(north=240, south=345)
    lists = {**CODES.lists, "county": ("north", "south", "west", "east")}
    codes = dataclasses.replace(CODES, lists=lists)

    found = cells(a_world(rows, RUNS, PER, codes=codes))

    assert (600.0, None) == (found["north"]["per"], found["north"]["per.why"])
    assert ["missing", "missing"] == [found[name]["per.why"] for name in ("east", "*")]


def test_a_count_under_a_condition_has_figures_of_its_own() -> None:
    """Of all deaths a share by county, and so many for each of its people: not of all runs."""
    dead = FieldCondition("fatal", Operator.IN, (True,))
    deaths = MeasureRule("deaths", "count_distinct", "run_id", where=dead)
    share = MeasureRule("share", "percent", "", Percent("deaths", "county"))
    per = MeasureRule("per", "rate", "", Rate("deaths", 100_000, "population@2020", "county"))

    found = cells(a_world(rows_of(north=280, south=140, unknown=140), deaths, RUNS, share, per))

    # Every seventh of the made-up runs is fatal.
    assert [40, 20, 20, 80] == [found[name]["deaths"] for name in ("north", "south", "?", "*")]
    assert [50, 25, 25, None] == [found[name]["share"] for name in ("north", "south", "?", "*")]
    assert [100.0, 26.7] == [found[name]["per"] for name in ("north", "south")]


@pytest.mark.parametrize("form", list(Form))
def test_figures_travel_in_either_form(form: Form) -> None:
    """Rows and batches bring the same numbers, reasons and flags to the recipient."""
    world = a_world(rows_of(north=19, south=381))
    house = House(agreements=world.agreements, rows=world.rows)

    box = house.ask(dataclasses.replace(world.request, form=form))

    header = [one.name for one in plan_of(world).columns]
    [chunk] = box.chunks
    found: list[dict[str, Any]] = [
        dict(zip(header, row, strict=True)) for row in chunk.rows or ()
    ] or box.rows()
    names = ("share", "share.why", "per", "per.why", "per.flag")
    told = {str(one["county"]): [one[name] for name in names] for one in found}
    assert [5, None, 47.5, None, "unreliable"] == told["north"]
    assert [95, None, 508.0, None, None] == told["south"]


def test_a_hidden_count_has_neither_percentage_nor_rate() -> None:
    """Second suppressions count: what the pattern takes, its figures lose too."""
    found = cells(a_world(rows_of(north=3, south=40, west=60)))

    hidden = [name for name, cell in found.items() if cell["runs"] is None]
    assert "north" in hidden
    assert 2 == len(hidden)
    for name in hidden:
        assert "suppressed" == found[name]["share.why"] or name == "*"
        assert found[name]["per.why"] in {"suppressed", "missing"}
    if "*" in hidden:
        assert all(cell["share"] is None for cell in found.values())


def test_an_empty_month_has_no_percentages() -> None:
    """Nobody of nobody is no share, and is not suppressed."""
    found = cells(a_world([]))

    assert {"missing"} == {cell["share.why"] for cell in found.values()}
    assert (0.0, "unreliable") == (found["north"]["per"], found["north"]["per.flag"])


def test_none_of_a_sensitive_category_is_not_told() -> None:
    """Where the county were sensitive, 0 % and 100 % stay behind as the zeros do."""
    world = a_world(rows_of(north=300, south=300), county=FieldClass.SENSITIVE, zeros="suppress")

    found = cells(world)

    assert found["west"]["runs"] is None
    assert {"suppressed", "missing", None} >= {cell["share.why"] for cell in found.values()}
    assert not {0, 100} & {cell["share"] for cell in found.values()}


def a_node(*cuts: str) -> tuple[Group, RateNode]:
    """Return a table by county and sex, with a rate that these dimensions cut."""
    one = RateNode("per", "runs", 1_000, "county", "t s", {"=north": 1_000}, 2_000, cuts, None)
    return Group("run_id", ("county", "sex"), (), (None, None), "", (), (), None, (one,)), one


def test_all_of_a_sensitive_category_are_not_told_by_their_counts_either() -> None:
    """Where everybody is in the north, its count and the total would say so: one stays behind."""
    world = a_world(rows_of(north=300), county=FieldClass.SENSITIVE, zeros="suppress")

    found = cells(world)

    assert None in {found["north"]["runs"], found["*"]["runs"]}
    assert {None} == {cell["share"] for cell in found.values()}


@pytest.mark.parametrize(("cuts", "expected"), [(("sex",), None), ((), 20.0)])
def test_what_cuts_the_population_has_no_rate(
    cuts: tuple[str, ...], expected: float | None
) -> None:
    """Women of all the people of a county are no rate; women and men together are one."""
    group, one = a_node(*cuts)
    counts: dict[tuple[str, ...], int | None] = {
        ("=north", "=female"): 20, ("=north", "*"): 40, ("*", "*"): 60, ("~missing", "*"): 20,
    }  # fmt: skip

    found = figures(group, SUPPRESS, one, counts)

    assert [expected, 40.0, 30.0, None] == [figure.value for figure in found]
    assert "missing" == found[3].why


@given(
    st.dictionaries(st.sampled_from("abcd"), st.none() | st.integers(0, 400), min_size=1),
    st.none() | st.integers(0, 900),
    st.booleans(),
)
def test_a_percentage_is_null_wherever_its_numbers_are(
    parts: dict[str, int | None],
    total: int | None,
    sensitive: bool,  # noqa: FBT001
) -> None:
    """No percentage stands beside a hidden count, or under a hidden total."""
    one = PercentNode("share", "runs", "county", sensitive)
    group = Group("run_id", ("county",), (), (None,), "", (), ((),), None, (one,))
    counts: dict[tuple[str, ...], int | None] = {("=" + n,): c for n, c in parts.items()}
    counts[("*",)] = total

    found = figures(group, SUPPRESS, one, counts)

    for (value, why, _), count in zip(found, counts.values(), strict=True):
        assert (value is None) == (why is not None)
        if count is None or total is None:
            assert value is None


@given(
    st.lists(st.integers(0, 60), min_size=4, max_size=4), st.sampled_from(["publish", "suppress"])
)
@MODEST
def test_who_has_the_counts_has_the_percentages(several: list[int], zeros: str) -> None:
    """From what is published alone every figure and every absence of one follows."""
    counties = dict(zip(("north", "south", "west", "unknown"), several, strict=True))
    world = a_world(rows_of(**counties), RUNS, SHARE, SOUND, zeros=zeros)
    plan = plan_of(world)
    found = run(plan, world.rows)
    bare = [
        {name: value for name, value in cell.items() if not name.startswith(("share", "per"))}
        for cell in found
    ]

    assert spelled(worked_out(plan, bare)) == spelled(found)


@given(
    st.dictionaries(st.sampled_from("abcd"), st.none() | st.integers(0, 400), min_size=1),
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 90_000)),
    st.none() | st.integers(1, 100),
)
def test_a_rate_is_null_wherever_its_count_is(
    parts: dict[str, int | None], people: dict[str, int], reliable: int | None
) -> None:
    """No rate stands beside a hidden count or without people, and any other is the nearest."""
    living = {"=" + name: number for name, number in people.items()}
    one = RateNode("per", "runs", 1_000, "county", "t s", living, None, (), reliable)
    group = Group("run_id", ("county",), (), (None,), "", (), (), None, (one,))
    counts: dict[tuple[str, ...], int | None] = {("=" + n,): c for n, c in parts.items()}

    found = figures(group, SUPPRESS, one, counts)

    for (value, why, flag), (key, count) in zip(found, counts.items(), strict=True):
        assert (value is None) == (why is not None)
        assert value is None or (count is not None and living.get(key[0]))
        if value is not None and count is not None:
            exact = Fraction(1_000 * count, living[key[0]])
            assert abs(Fraction(str(value)) - exact) <= Fraction(1, 20)
            assert flag == (count < 20)


# --- the last look ---


def changed(plan: Plan, **more: Any) -> Plan:  # noqa: ANN401
    """Return a plan whose first derived measure is another one."""
    assert plan.group is not None
    first, *rest = plan.group.derived
    made = dataclasses.replace(first, **more)
    return dataclasses.replace(plan, group=dataclasses.replace(plan.group, derived=(made, *rest)))


def test_the_population_is_in_the_plan_by_digest() -> None:
    """Another table of populations, or another measure, is another plan."""
    world = a_world([], RUNS, SHARE, PER)
    plain, sound = plan_of(a_world([], RUNS, SHARE)), plan_of(a_world([], RUNS, SHARE, SOUND))
    plan = plan_of(world)

    assert f"population@2020 {TABLES['population@2020'].sha256}" in plan.text.decode()
    assert 3 == len({plan.digest, plain.digest, sound.digest})
    names = ["share", "share.why", "per", "per.why", "per.flag"]
    assert names == [one.name for one in plan.columns][-5:]


def test_a_figure_leaves_with_its_count_alone() -> None:
    """Who does not ask for the count gets no percentage of it."""
    world = a_world([], RUNS, MeasureRule("kits", "sum", "age"), SHARE)
    terms = dataclasses.replace(world.request.terms, fields=("incident_date", "county", "age"))
    request = dataclasses.replace(world.request, terms=terms)
    plan = plan_of(dataclasses.replace(world, request=request))

    assert plan.group is not None
    assert () == plan.group.derived


def test_an_absent_population_stops_the_plan() -> None:
    """A rate by a table that the gateway does not have is an error, and no rate."""
    other = MeasureRule("per", "rate", "", Rate("runs", 1_000, "population@1999", "county"))

    with pytest.raises(ReleaseError, match="population@1999"):
        plan_of(a_world([], RUNS, other))


SPOILS: list[Any] = [
    lambda t: t.with_columns(pl.col("share") + 1),
    lambda t: t.with_columns(pl.col("share") + 5),
    lambda t: t.with_columns(pl.lit(5, pl.Int64).alias("share")),
    lambda t: t.with_columns(pl.lit(None, pl.Int64).alias("share")),
    lambda t: t.with_columns(pl.lit("missing", t["share.why"].dtype).alias("share.why")),
    lambda t: t.with_columns(pl.lit("suppressed", t["share.why"].dtype).alias("share.why")),
    lambda t: t.with_columns(pl.col("per") + 0.1),
    lambda t: t.with_columns(pl.col("per") + 0.01),
    lambda t: t.with_columns(pl.lit(float("nan")).alias("per")),
    lambda t: t.with_columns(pl.lit(None, pl.Float64).alias("per")),
    lambda t: t.with_columns(pl.lit(None, t["per.flag"].dtype).alias("per.flag")),
    lambda t: t.with_columns(pl.lit("unreliable", t["per.flag"].dtype).alias("per.flag")),
    lambda t: t.drop("per.flag"),
    lambda t: t.with_columns(pl.col("share").cast(pl.Float64)),
]


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_figure_that_the_counts_do_not_make_does_not_leave(spoil: Any) -> None:  # noqa: ANN401
    """The last look works each figure out again, from what is published in this very table."""
    world = a_world(rows_of(north=19, south=345, unknown=36))
    plan = plan_of(world)
    told, digest = judged(plan, world.rows)
    assert check_table(plan, told, digest).row_count == told.height

    with pytest.raises(ReleaseError) as raised:
        check_table(plan, spoil(told), digest)

    assert Reason.RELEASE_CHECK_FAILED is raised.value.reason


def test_a_percentage_over_another_dimension_is_not_this_one() -> None:
    """A plan that hides 0 % of a sensitive county lets no table with a 0 % through."""
    world = a_world(rows_of(north=300, south=300), RUNS, SHARE)
    plan = plan_of(world)
    told, digest = judged(plan, world.rows)

    with pytest.raises(ReleaseError, match="`share` is not what its published counts make it"):
        check_table(changed(plan, sensitive=True), told, digest)


# --- the attacks, through the broker ---


def released(rows: list[Row], *measures: MeasureRule) -> dict[str, dict[str, Any]]:
    """Return what the recipient gets by county, `*` for the total."""
    world = a_world(rows, *measures)
    house = House(agreements=world.agreements, rows=rows)
    found = house.ask(world.request).rows()
    return {"*" if one["county.why"] == "total" else str(one["county"]): dict(one) for one in found}


def test_percentage_times_total() -> None:
    """Three of sixty would be 5 %: where three are hidden, so is their share."""
    found = released(rows_of(north=3, south=20, west=37), RUNS, SHARE)

    assert found["north"]["runs"] is found["north"]["share"] is None
    total = found["*"]["runs"]
    for cell in found.values():
        if cell["share"] is not None:
            assert total is not None
            assert cell["runs"] is not None
            assert abs(cell["share"] * total - 100 * cell["runs"]) <= 5 * total / 2


def test_rate_times_population() -> None:
    """7.5 in 100,000 of 40,000 people are three: a hidden count has no rate, nor does its total."""
    found = released(rows_of(north=3, south=20, west=37), RUNS, PER)

    assert found["north"]["runs"] is found["north"]["per"] is None
    assert "suppressed" == found["north"]["per.why"]
    for cell in found.values():
        assert cell["per"] is None or cell["runs"] is not None
