"""Levels of one dimension in one table, through the engine, and the ladder that it climbs."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest

from gateway.agreement.aggregate import Ladder, MeasureRule
from gateway.agreement.dataset import MapTable
from gateway.broker.views import views
from gateway.decide import Grant, Standing, decide
from gateway.engine.run import PlanEngine
from gateway.errors import Reason, RefusedError, ReleaseError
from gateway.masks.places import Area, GeoArea
from gateway.masks.plain import Pass
from gateway.masks.tables import CountOnly, SumOnly
from gateway.plan.build import Builder
from gateway.plan.check import check_table
from gateway.plan.check_cells import ROWS
from gateway.values import Form, Operator
from tests.build import (
    CODES,
    DISCLOSURE,
    NOW,
    TABLES,
    a_condition,
    a_dataset,
    a_floor,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    pseudonym_key,
    the_agreements,
)
from tests.core.counting import counting, judged
from tests.core.house import records
from tests.core.test_oracle import spelled
from tests.fakes import MemorySource, MemoryVault
from tests.reference import held_back_besides, interpret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.aggregate import Aggregate, Disclosure
    from gateway.plan.ops import Plan
    from gateway.plan.reference import Table
    from gateway.values import Row

MAY = dt.date(2026, 5, 1)
RUNS = MeasureRule("runs", "count_distinct", "run_id")
PEOPLE = MeasureRule("people", "count_distinct", "patient_id")
YEARS = MeasureRule("years", "sum", "age")
AREAS = TABLES["areas@2"]
OTHERS = {name: one for name, one in TABLES.items() if not name.startswith("areas@")}
COUNTY = {"county": ("region", "state")}
BY_MONTH = (("incident_date",),)
LISTED = dataclasses.replace(CODES, lists={"county": ("south", "north", "west")})
SIDES = {"north": "south", "west": "south", "south": "far"}
MAPS = {
    "sides": MapTable("sides", SIDES, None),
    "all": MapTable("all", {"south": "land"}, "land"),
    "some": MapTable("some", {"north": "a"}, None),
}


def rows_of(first: int, count: int, county: str | None, **fixed: Any) -> list[Row]:  # noqa: ANN401
    """Return runs of as many people, numbered from `first`, all in May."""
    made = records(first + count)[first:]
    return [row | {"incident_date": MAY, "county": county} | fixed for row in made]


def by_county(**changed: Any) -> Aggregate:  # noqa: ANN401
    """Return a table of runs by county, region and state, with the month's total."""
    made = an_aggregate(("incident_date", "county"), (RUNS,), unit="run_id")
    return dataclasses.replace(made, **{"margins": BY_MONTH, "levels": COUNTY, **changed})


def plan_of(table: Aggregate, *, coded: bool = False, areas: Table = AREAS) -> Plan:
    """Return the plan of a table of May; its counties by areas, or as codes with maps."""
    release: dict[str, Any] = {"county": Pass() if coded else GeoArea(Area.COUNTY)}
    release |= {"run_id": CountOnly()} if table.unit == "run_id" else {}
    release |= {name: Pass() for name in table.dimensions if name == "fatal"}
    release |= {"age": SumOnly()} if YEARS in table.measures else {}
    provision = a_table_provision(table, release)
    if "county" not in table.dimensions:
        kept = {k: v for k, v in provision.release.items() if k != "county"}
        withheld = (*provision.withhold, "county")
        provision = dataclasses.replace(provision, release=kept, withhold=withheld)
    floor = a_floor(at_least=dataclasses.replace(a_floor().at_least, min_cell=5, min_interval=1))
    agreements = the_agreements(
        an_agreement(provision), floor=floor, dataset=a_dataset(maps=MAPS), codes=LISTED
    )
    fields = (*table.dimensions, *(one.field for one in table.measures))
    request = a_request(*fields, where=[a_condition("incident_date", Operator.EQ, MAY)])
    grant = decide(agreements, request, Standing(), NOW)
    assert isinstance(grant, Grant), grant
    return Builder(OTHERS | {areas.ref: areas}, pseudonym_key).build(agreements, grant)


@dataclasses.dataclass(frozen=True)
class Left:
    """What left: each cell's first measure by its county, the cells, and the rest."""

    by: dict[str, Any]
    cells: list[dict[str, Any]]
    memory: bytes
    rung: str
    chunk: bytes


def leaves(plan: Plan, rows: list[Row], earlier: Sequence[bytes] = ()) -> Left:
    """Return what the engine lets leave."""

    async def collect() -> Left:
        engine = PlanEngine(lambda _year: bytes(32), lambda: 2026, 1, MemoryVault())
        batches = MemorySource(rows).scan(plan.scan, exchange_id="", timeout_s=1)
        [ready] = [one async for one in engine.run(plan, batches, Form.ARROW, earlier)]
        engine.close()
        assert ready.chunk.arrow is not None
        cells = pa.ipc.open_stream(ready.chunk.arrow).read_all().to_pylist()
        name = plan.group.measures[0].name if plan.group else ""
        by = {_county(cell): cell[name] for cell in cells}
        assert len(by) == len(cells) or "fatal" in cells[0]
        return Left(by, cells, ready.memory, ready.rung, ready.chunk.arrow)

    return asyncio.run(collect())


def _county(cell: dict[str, Any]) -> str:
    if cell.get("county.why"):
        return f"~{cell['county.why']}"
    level = cell.get("county.level")
    return f"{level}={cell['county']}" if level else str(cell.get("county"))


def agrees(plan: Plan, rows: list[Row]) -> Left:
    """Return what leaves, once the oracle has said the same of it."""
    found = leaves(plan, rows)
    assert held_back_besides(interpret(plan, rows), found.cells)
    return found


MANY = rows_of(0, 20, "north") + rows_of(20, 30, "west") + rows_of(50, 40, "east")


def test_a_table_has_a_cell_for_each_level() -> None:
    """Counties, their regions, the state, the total: each with its level beside it."""
    expected = {
        "county=north": 20,
        "county=west": 30,
        "county=east": 40,
        "region=upper": 50,
        "region=south": 40,
        "state=99": 90,
        "~total": 90,
    }
    plan = plan_of(by_county())

    assert expected == agrees(plan, MANY).by
    assert sorted(spelled(interpret(plan, MANY))) == sorted(spelled(leaves(plan, MANY).cells))


def test_a_missing_county_is_in_no_region() -> None:
    """What is unknown is one cell, with no level, and parents with it make up the total."""
    unknown = rows_of(90, 15, None) + rows_of(105, 12, "atlantis")

    found = agrees(plan_of(by_county()), MANY + unknown)

    assert (15, 12) == (found.by["~missing"], found.by["~masked"])
    assert 90 + 15 + 12 == found.by["~total"]
    assert found.by["state=99"] == 90
    assert {None} == {one["county.level"] for one in found.cells if one["county"] is None}


def test_a_person_of_two_counties_is_one_in_their_region() -> None:
    """Distinct people are counted at each level; the region of both has each of them once."""
    table = by_county(unit="patient_id", measures=(PEOPLE,))
    again = [row | {"county": "west", "run_id": f"again {row['run_id']!s}"} for row in MANY[:15]]

    found = agrees(plan_of(table), MANY + again)

    assert (20, 45) == (found.by["county=north"], found.by["county=west"])
    assert (50, 90) == (found.by["region=upper"], found.by["state=99"])


@pytest.mark.parametrize(("runs", "told"), [(10, False), (11, True), (12, True)])
@pytest.mark.parametrize("level", ["county=east", "region=south"])
def test_each_level_has_the_threshold(runs: int, told: bool, level: str) -> None:  # noqa: FBT001
    """Ten are suppressed and eleven published, in a county and in the region that is all of it."""
    rows = rows_of(0, 40, "north") + rows_of(40, 40, "west") + rows_of(80, runs, "east")

    found = agrees(plan_of(by_county()), rows)

    assert (runs if told else None) == found.by[level]


@pytest.mark.parametrize(("runs", "told"), [(10, False), (11, True), (12, True)])
def test_the_widest_level_has_the_threshold_too(runs: int, told: bool) -> None:  # noqa: FBT001
    """A state of ten is as small as a county of ten, beside others who are unknown."""
    found = agrees(plan_of(by_county()), rows_of(0, runs, "north") + rows_of(50, 60, None))

    assert (runs if told else None) == found.by["state=99"]


def test_a_level_that_would_give_a_county_away_is_held_back() -> None:
    """Of a region of two counties, one of them small, another number is hidden with it."""
    rows = rows_of(0, 3, "north") + rows_of(3, 30, "west") + rows_of(33, 40, "east")

    found = agrees(plan_of(by_county()), rows).by

    assert found["county=north"] is None
    assert found["county=west"] is None or found["region=upper"] is None


def test_levels_without_a_total_are_protected_too() -> None:
    """A region is a total, whether the table has margins or not."""
    rows = rows_of(0, 3, "north") + rows_of(3, 30, "west") + rows_of(33, 40, "east")

    found = leaves(plan_of(by_county(margins=())), rows).by

    assert found["county=north"] is None
    assert found["county=west"] is None or found["region=upper"] is None


def test_sums_stand_at_each_level() -> None:
    """A sum of a region is over its counties; its givers, and the largest of them, are its own."""
    rows = [row | {"age": 40} for row in MANY]
    table = by_county(measures=(RUNS, YEARS), disclosure=dataclasses.replace(
        DISCLOSURE, dominance={"largest": 2, "percent": 85, "p": 10}))  # fmt: skip

    found = agrees(plan_of(table), rows)

    sums = {_county(cell): cell["years"] for cell in found.cells}
    assert (800, 2000, 3600) == (sums["county=north"], sums["region=upper"], sums["state=99"])


def test_one_giver_shows_in_a_county_and_not_in_its_state() -> None:
    """Whether the largest giver shows is asked of each level by itself."""
    rows = [row | {"age": 1} for row in rows_of(0, 20, "north")]
    rows[0]["age"] = 100
    rows += [row | {"age": 40} for row in rows_of(20, 50, "west")]
    rows += [row | {"age": 40} for row in rows_of(70, 50, "east")]
    table = by_county(measures=(RUNS, YEARS), disclosure=dataclasses.replace(
        DISCLOSURE, dominance={"largest": 1, "percent": 50, "p": 1}))  # fmt: skip

    found = agrees_but_for_sums(plan_of(table), rows)

    assert found["county=north"] is None
    assert found["state=99"] == 19 + 100 + 4000


def agrees_but_for_sums(plan: Plan, rows: list[Row]) -> dict[str, Any]:
    """Return the sums of what leaves; the oracle knows nothing of who gave most."""
    return {_county(cell): cell["years"] for cell in leaves(plan, rows).cells}


def test_codes_have_classes_as_levels() -> None:
    """A class of the dataset's map may be called as a code is: the level tells them apart."""
    table = by_county(levels={"county": ("sides", "all")})
    rows = rows_of(0, 20, "north") + rows_of(20, 30, "west") + rows_of(50, 40, "south")

    found = agrees(plan_of(table, coded=True), rows).by

    assert (40, 50) == (found["county=south"], found["sides=south"])
    assert (40, 90) == (found["sides=far"], found["all=land"])


@pytest.mark.parametrize(
    ("areas", "said"),
    [
        ({"north": (Area.COUNTY, "99"), "99": (Area.STATE, "")}, "lies in no `region`"),
        (
            {"r": (Area.REGION, ""), "north": (Area.COUNTY, "r"), "99": (Area.STATE, "")},
            "lies in no `state`",
        ),
    ],
)
def test_a_county_outside_of_every_region_makes_no_level(
    areas: dict[str, tuple[Area, str]], said: str
) -> None:
    """Every county of the table lies in one region and one state, or there is no such plan."""
    table = dataclasses.replace(AREAS, areas=areas)

    with pytest.raises(ReleaseError, match=said):
        plan_of(by_county(), areas=table)


def test_the_schema_is_the_plans_whatever_leaves() -> None:
    """An empty table, a full one, and one behind a rung have the same columns (law L5)."""
    plan = plan_of(by_county())
    expected = ["incident_date", "county", "county.level", "county.why", "runs", "runs.why"]

    schemas = [pa.ipc.open_stream(leaves(plan, rows).chunk).schema for rows in ([], MANY)]

    assert schemas[0] == schemas[1]
    assert {*expected, "incident_date.why"} >= set(schemas[0].names) >= set(expected)
    assert (
        schemas[0]
        == pa.ipc.open_stream(
            leaves(climbing(margins=BY_MONTH), APART, month_of(APART)).chunk
        ).schema
    )


# --- instance A8: a hierarchy with a chain ---

LANDS = {"north": (5, 6), "west": (0, 4), "east": (2, 3)}
"""Of each land the events of the young and of the old: Spain, Portugal, and Iceland alone."""


def test_a_hierarchy_with_a_chain_costs_what_the_literature_says() -> None:
    """Instance A8 of the specification: four more cells of 31 in all, and none of a chain alone.

    The region of the one land is its chain: it protects nothing that its land does not.
    """
    kept = ("incident_date", "county"), ("incident_date", "fatal"), ("incident_date",)
    rule = dataclasses.replace(DISCLOSURE, min_cell=5, min_interval=1, cost="value")
    table = by_county(
        dimensions=("incident_date", "county", "fatal"),
        margins=kept, levels={"county": ("region",)}, disclosure=rule,
    )  # fmt: skip
    rows: list[Row] = []
    for county, several in LANDS.items():
        for old, count in enumerate(several):
            rows += rows_of(len(rows), count, county, fatal=bool(old))

    found = leaves(plan_of(table), rows).cells

    hidden = {
        (_county(cell), {None: "all", True: "old", False: "young"}[cell["fatal"]])
        for cell in found
        if cell["runs"] is None
    }
    small = {
        ("county=west", "all"),
        ("region=south", "young"),
        ("county=east", "young"),
        ("region=south", "old"),
        ("county=west", "old"),
        ("county=east", "old"),
    }
    besides = {
        ("county=north", "all"),
        ("region=upper", "young"),
        ("county=north", "young"),
        ("region=upper", "old"),
    }
    assert small | besides == hidden


# --- another agreement's table ---


def test_a_level_is_judged_beside_another_clauses_regions() -> None:
    """After the counties left, a table of regions does not tell the county that was held back."""
    rows = rows_of(0, 3, "north") + rows_of(3, 30, "west") + rows_of(33, 40, "east")
    counties = leaves(plan_of(by_county(margins=(), levels={})), rows)
    assert counties.by["west"] == 30

    region = by_region()
    beside = leaves(region, rows, [counties.memory])

    assert leaves(region, rows).by["upper"] == 33
    assert beside.by["upper"] is None


def by_region() -> Plan:
    """Return another clause's plan: runs by region and nothing else."""
    plan = plan_of(by_county(margins=(), levels={}))
    [date, county] = plan.masks
    inputs = dataclasses.replace(county.inputs, table=_regions())
    other = dataclasses.replace(county, mask=GeoArea(Area.REGION), inputs=inputs)
    return dataclasses.replace(plan, masks=(date, other))


def _regions() -> dict[str, str]:
    counties = {code: to for code, (kind, to) in AREAS.areas.items() if kind is Area.COUNTY}
    return counties | {one: one for one in counties.values()}


def test_regions_beside_levels_are_judged_alike() -> None:
    """And the other way round: a levelled table after the regions opens none of their counties."""
    rows = rows_of(0, 3, "north") + rows_of(3, 30, "west") + rows_of(33, 40, "east")
    regions = leaves(by_region(), rows)

    found = leaves(plan_of(by_county()), rows, [regions.memory]).by

    assert regions.by["upper"] == 33
    assert found["county=north"] is None
    assert found["county=west"] is None


# --- the ladder ---

RUNGS = (("county", "region"), ("region", "state"))


def ruled(ladder: Ladder) -> Disclosure:
    """Return the rule of a table that has to leave eleven numbers more open than it can."""
    return dataclasses.replace(DISCLOSURE, min_interval=11, ladder=ladder)


def climbing(rungs: tuple[tuple[str, str], ...] = RUNGS, **changed: Any) -> Plan:  # noqa: ANN401
    """Return the plan of a table that climbs its ladder by itself."""
    rule = ruled(Ladder(rungs, automatic=True))
    return plan_of(by_county(**{"margins": (), "disclosure": rule, **changed}))


def month_of(rows: list[Row]) -> list[bytes]:
    """Return what the record of cells keeps of the month's total, which left before."""
    month = by_county(dimensions=("incident_date",), margins=(), levels={})
    left = leaves(plan_of(month), rows)
    assert left.by == {"None": len(rows)}
    return [left.memory]


APART = rows_of(0, 3, "north") + rows_of(3, 9, "east")
"""Of twelve runs in all, three and nine in two regions: each may be one of eleven numbers."""
TOGETHER = rows_of(0, 3, "north") + rows_of(3, 9, "west")
"""The same in two counties of one region."""


def test_a_table_that_can_be_protected_climbs_nothing() -> None:
    """The ladder is for what else would be refused."""
    found = leaves(climbing(), MANY)

    assert ("", 20) == (found.rung, found.by["county=north"])


def test_a_ladder_is_climbed_as_far_as_it_takes() -> None:
    """Behind the first rung are two regions that cannot be hidden; their state is the month."""
    found = leaves(climbing(), APART, month_of(APART))

    assert ("region -> state", {"state=99": 12}) == (found.rung, found.by)


def test_one_rung_is_taken_where_one_is_enough() -> None:
    """Two counties cannot be hidden beside their month; their region leaves."""
    found = leaves(climbing(), TOGETHER, month_of(TOGETHER))

    assert found.rung == "county -> region"
    assert {"region=upper": 12, "state=99": 12} == found.by


def test_a_ladder_that_helps_nothing_is_a_refusal() -> None:
    """Where the last rung cannot be protected either, the table is refused, with no number."""
    with pytest.raises(RefusedError, match="nor is it behind any rung") as caught:
        leaves(climbing((("county", "region"),)), APART, month_of(APART))

    assert (Reason.DISCLOSURE_RISK, "infeasible") == (caught.value.reason, caught.value.cause)


def test_a_ladder_that_people_climb_is_a_refusal() -> None:
    """A list of rungs is climbed by nobody but people: the refusal names the next."""
    table = by_county(margins=(), disclosure=ruled(Ladder(RUNGS, automatic=False)))

    with pytest.raises(RefusedError, match="`county -> region`"):
        leaves(plan_of(table), APART, month_of(APART))


def test_the_same_request_has_the_same_rung_and_bytes() -> None:
    """The rung is a function of the data and of what left before."""
    earlier = month_of(APART)
    first, again = (leaves(climbing(), rows, earlier) for rows in (APART, APART[::-1]))

    assert (first.chunk, first.rung, first.memory) == (again.chunk, again.rung, again.memory)


def test_what_a_rung_took_away_is_not_remembered() -> None:
    """The record of cells holds what left, and no number of what did not."""
    found = leaves(climbing(), TOGETHER, month_of(TOGETHER))

    [kept] = json.loads(found.memory)["tables"]
    assert [["=2026-05-01", "^state=99"], ["=2026-05-01", "^region=upper"]] == kept["keys"]
    assert [12, 12] == kept["values"]


def test_what_is_left_behind_a_rung_is_judged_again() -> None:
    """After a ladder was climbed, a table of counties tells of them no more than before."""
    month = month_of(TOGETHER)
    regions = leaves(climbing(), TOGETHER, month)
    counties = plan_of(
        by_county(margins=(), levels={}, disclosure=ruled(Ladder((), automatic=False)))
    )

    with pytest.raises(RefusedError, match="no pattern"):
        leaves(counties, TOGETHER, [regions.memory])


def test_a_dimension_is_taken_away_as_a_whole() -> None:
    """`county -> total` leaves the margin without counties, in the same columns."""
    plan = climbing((("county", "total"),), margins=BY_MONTH, levels={})

    found = leaves(plan, APART, month_of(APART))

    assert ("county -> total", {"~total": 12}) == (found.rung, found.by)


def test_a_person_of_two_counties_adds_up_behind_a_rung() -> None:
    """Whether anybody stands in two cells is asked of the cells that are left."""
    table = by_county(
        unit="patient_id", measures=(PEOPLE,), margins=(),
        disclosure=ruled(Ladder(RUNGS, automatic=True)),
    )  # fmt: skip
    rows = [*TOGETHER, {**TOGETHER[0], "county": "west", "run_id": "again"}]

    whole, upper, wide = views_of(plan_of(table), rows)

    assert (False, True, True) == (whole, upper, wide)


def views_of(plan: Plan, rows: list[Row]) -> list[bool]:
    """Return whether people add up in the table and behind each of its rungs."""
    cells, table = counting(plan, rows)
    counted = cells.counted(table)
    assert plan.group is not None
    assert plan.suppress is not None
    return [one.counted.apart for one in views(plan, plan.group, plan.suppress, counted)]


# --- the last look ---


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("county", "upper", "none of its level"),
        ("county.level", "region", "none of its level"),
        (ROWS, 21, "not made of the level below"),
    ],
)
def test_a_level_that_is_not_the_plans_does_not_leave(column: str, value: Any, said: str) -> None:  # noqa: ANN401
    """A region among counties, a county among regions, rows that are in no county: errors."""
    plan = plan_of(by_county())
    table, verdict = judged(plan, MANY)
    assert check_table(plan, table, verdict).row_count == table.height

    north = pl.col("county") == "north"
    spoilt = table.with_columns(
        pl.when(north.fill_null(value=False))
        .then(pl.lit(value).cast(table.schema[column]))
        .otherwise(pl.col(column))
        .alias(column)
    )
    with pytest.raises(ReleaseError, match=said):
        check_table(plan, spoilt, verdict)


def test_a_region_without_its_row_does_not_leave() -> None:
    """Each value of a finer level has its parent's cell in the table."""
    plan = plan_of(by_county())
    table, verdict = judged(plan, MANY)

    with pytest.raises(ReleaseError, match="not made of the level below"):
        check_table(plan, table.filter(pl.col("county").ne_missing("upper")), verdict)


def test_a_rung_that_is_none_does_not_leave() -> None:
    """A header can name only a rung of the ladder, and one that the table is behind."""
    plan = climbing()
    table, verdict = judged(plan, MANY)

    for rung in ("county -> region", "sex -> total"):
        with pytest.raises(ReleaseError, match="rung of the ladder"):
            check_table(plan, table, verdict, rung)
