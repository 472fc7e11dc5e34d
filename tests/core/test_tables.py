"""Tables: people and not rows, both sides of the threshold, zeros, periods, once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import unicodedata
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from gateway.agreement.aggregate import MeasureRule
from gateway.decide import Grant, Standing, decide
from gateway.errors import Reason, RefusedError, ReleaseError
from gateway.masks.plain import Pass
from gateway.plan.check import BatchCheck, check_table
from gateway.plan.check_cells import ROWS, UNITS
from gateway.plan.product import CELLS_MAX
from gateway.values import FieldType, Form, Operator
from tests.build import (
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
from tests.core.counting import judged
from tests.core.house import House, records
from tests.core.test_oracle import plan_of, run, spelled
from tests.core.worlds import Drawn
from tests.fakes import FixedClock, MemoryCounters, MemoryLog
from tests.reference import interpret

if TYPE_CHECKING:
    from gateway.agreement.model import Provision
    from gateway.values import Row

MAY = dt.date(2026, 5, 1)
ASKED = ("incident_date", "county", "patient_id")
IN_MAY = [a_condition("incident_date", Operator.EQ, MAY)]
PEOPLE = MeasureRule("people", "count_distinct", "patient_id")
MG = MeasureRule("mg", "sum", "naloxone_mg")


def rows_of(count: int, **fixed: Any) -> list[Row]:  # noqa: ANN401
    """Return runs of as many people, all in one county in May."""
    return [row | {"county": "north", "incident_date": MAY} | fixed for row in records(count)]


def a_world(rows: list[Row], provision: Provision | None = None, *fields: str) -> Drawn:
    """Return a world of one table."""
    made = provision or a_table_provision()
    dataset = a_dataset()
    agreements = the_agreements(an_agreement(made), dataset=dataset)
    return Drawn(agreements, a_request(*(fields or ASKED), where=IN_MAY), rows, made, dataset)


def cell(rows: list[Row], provision: Provision | None = None, *fields: str) -> dict[str, Any]:
    """Return the cell of the north in May, on which engine and oracle agree."""
    world = a_world(rows, provision, *fields)
    plan = plan_of(world)
    found = run(plan, rows)
    assert sorted(spelled(interpret(plan, rows))) == sorted(spelled(found))
    [north] = [one for one in found if one["county"] == "north"]
    return {k: v for k, v in north.items() if k.startswith(("people", "mg"))}


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        (0, {"people": 0, "people.why": None}),
        (1, {"people": None, "people.why": "suppressed"}),
        (10, {"people": None, "people.why": "suppressed"}),
        (11, {"people": 11, "people.why": None}),
        (12, {"people": 12, "people.why": None}),
    ],
)
def test_ten_people_are_suppressed_and_eleven_published(
    people: int, expected: dict[str, Any]
) -> None:
    """A cell of one to ten is held back; an empty one is an answer."""
    assert expected == cell(rows_of(people))


def test_a_zero_may_be_suppressed_too() -> None:
    """Where zeros are suppressed, an empty cell looks like a small one."""
    provision = a_table_provision(an_aggregate(zeros="suppress"))

    assert {"people": None, "people.why": "suppressed"} == cell([], provision)
    assert {"people": None, "people.why": "suppressed"} == cell(rows_of(1), provision)
    assert {"people": 11, "people.why": None} == cell(rows_of(11), provision)


@pytest.mark.parametrize(("zeros", "listed"), [("suppress", True), ("publish", False)])
def test_that_nobody_lacks_a_value_is_told_where_zeros_are(zeros: str, *, listed: bool) -> None:
    """Else the cells of an absent value stand in the table, be anybody in them or nobody."""
    rows = rows_of(12)
    plan = plan_of(a_world(rows, a_table_provision(an_aggregate(zeros=zeros))))

    found = run(plan, rows)

    assert sorted(spelled(interpret(plan, rows))) == sorted(spelled(found))
    absent = [one for one in found if one["county.why"] == "missing"]
    assert listed == bool(absent)
    assert {"suppressed"} >= {one["people.why"] for one in absent}


def test_one_person_in_twelve_rows_is_one() -> None:
    """People are counted, never rows."""
    assert cell(rows_of(1))["people"] == cell(rows_of(12, patient_id="P-1"))["people"] is None


def test_a_null_person_is_nobody() -> None:
    """Rows without a person add no people, and do not lift a cell over its threshold."""
    ten, nobody = rows_of(10), rows_of(5, patient_id=None)

    assert "suppressed" == cell(ten + nobody)["people.why"]
    assert 11 == cell(rows_of(11) + nobody)["people"]
    assert "suppressed" == cell(rows_of(12, patient_id=None))["people.why"]


NOBODY = ["UNKNOWN", "unk", "", "  ", "N/A", "none", "null", "0", "999", "XXX", "test"]


def test_a_placeholder_is_nobody() -> None:
    """Words for a person who is not known add no people, however many ways they are written."""
    unknown = [row | {"patient_id": word} for row, word in zip(rows_of(11), NOBODY, strict=True)]

    assert "suppressed" == cell(rows_of(10) + unknown)["people.why"]
    assert 11 == cell(rows_of(11) + unknown)["people"]


def test_one_person_spelled_in_many_ways_is_one() -> None:
    """Blanks, and accents composed or not, make no second person of the first."""
    name = "Núñez-Example"
    ways = [name, f" {name}", f"{name}\u00a0", unicodedata.normalize("NFD", name), f"\t{name}\n"]
    spelled_ = [row | {"patient_id": way} for row, way in zip(rows_of(5), ways, strict=True)]

    assert "suppressed" == cell(rows_of(9) + spelled_)["people.why"]
    assert 11 == cell(rows_of(10) + spelled_)["people"]


def with_sums(**changed: Any) -> Provision:  # noqa: ANN401
    """Return a table of people and milligrams."""
    return a_table_provision(an_aggregate(measures=(PEOPLE, MG), **changed))


def test_a_sum_needs_eleven_people_who_gave_a_value() -> None:
    """Eleven people of whom one has a number would publish that number."""
    one = [row | {"naloxone_mg": 4.0 if i == 0 else None} for i, row in enumerate(rows_of(11))]
    ten = [row | {"naloxone_mg": 4.0 if i else None} for i, row in enumerate(rows_of(11))]
    fields = (*ASKED, "naloxone_mg")

    assert (11, None, "suppressed") == sum_of(cell(one, with_sums(), *fields))
    assert (11, None, "suppressed") == sum_of(cell(ten, with_sums(), *fields))
    all_of_them = rows_of(11, naloxone_mg=4.0)
    assert (11, 44.0, None) == sum_of(cell(all_of_them, with_sums(), *fields))


def sum_of(found: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return people, sum, and why there is no sum."""
    return found["people"], found["mg"], found["mg.why"]


def test_a_table_of_many_batches_is_one_table() -> None:
    """Forty batches of one row count as one batch of forty."""
    rows = rows_of(40, naloxone_mg=0.5)
    plan = plan_of(a_world(rows, with_sums(), *ASKED, "naloxone_mg"))

    assert spelled(run(plan, rows)) == spelled(run(plan, rows, 1))


def test_a_number_that_is_none_is_no_summand() -> None:
    """NaN and infinity add nothing, and do not turn a cell into NaN."""
    strange = rows_of(11, naloxone_mg=4.0) + [
        row | {"patient_id": "P-x", "naloxone_mg": value}
        for row in rows_of(1)
        for value in (float("nan"), float("inf"))
    ]

    assert (12, 44.0, None) == sum_of(cell(strange, with_sums(), *ASKED, "naloxone_mg"))


def test_a_sum_alone_is_protected_alike() -> None:
    """Asking for the sum without the count gives no smaller cell."""
    fields = ("incident_date", "county", "naloxone_mg")

    assert None is cell(rows_of(10, naloxone_mg=1.0), with_sums(), *fields)["mg"]
    assert 11.0 == cell(rows_of(11, naloxone_mg=1.0), with_sums(), *fields)["mg"]


def test_only_the_unit_is_counted() -> None:
    """A count of another field is not built, and no number is published under its name."""
    measure = MeasureRule("runs", "count_distinct", "run_id")
    world = a_world([], a_table_provision(an_aggregate(measures=(measure,))))
    request = a_request("incident_date", "county", "run_id", where=IN_MAY)

    with pytest.raises(ReleaseError, match="measure `runs` is not built"):
        plan_of(dataclasses.replace(world, request=request))


def test_every_cell_of_the_product_is_there() -> None:
    """Counties without a row have a cell; `missing` and `masked` are levels of their own."""
    rows = rows_of(11) + rows_of(11, county=None) + rows_of(11, county="atlantis")
    found = run(plan_of(a_world(rows)), rows)

    assert {"north", "south", "west", None} == {one["county"] for one in found}
    assert {"missing", "masked", None} == {one["county.why"] for one in found}
    assert 5 == len(found)


def test_rows_outside_the_periods_count_nowhere() -> None:
    """A row of another month, of no month, or before the grid is in no cell."""
    days = [dt.date(2026, 4, 30), dt.date(2026, 6, 1), dt.date(2025, 5, 1), None]
    rows = [row | {"incident_date": day} for day in days for row in rows_of(11)]

    assert {"people": 0, "people.why": None} == cell(rows)


def test_a_source_that_ignores_the_period_gains_nothing() -> None:
    """The gateway cuts the periods itself."""
    rows = [
        row | {"incident_date": day}
        for day in (dt.date(2026, 4, 30), dt.date(2026, 6, 1))
        for row in rows_of(11)
    ]
    world = a_world(rows)
    house = House(agreements=world.agreements, rows=rows)
    house.source.faults.ignores_filter = True

    box = house.ask(world.request)

    assert {0} == {one["people"] for one in box.rows()}


@pytest.mark.parametrize("form", list(Form))
def test_a_table_is_one_chunk(form: Form) -> None:
    """It is protected as a whole, so it is never cut."""
    world = a_world(rows_of(30))
    house = House(agreements=world.agreements, rows=world.rows)

    box = house.ask(dataclasses.replace(world.request, form=form))

    assert 1 == len(box.chunks)
    assert 1 == len(box.sent)
    assert box.sent[0].receipt is not None
    outcome = house.log.of_kind("outcome")[0]
    assert 0 == outcome.meta["cells_suppressed"]


def test_suppressed_cells_are_counted_in_the_outcome() -> None:
    """The log knows how many were held back; the recipient is not told."""
    world = a_world(rows_of(3))
    house = House(agreements=world.agreements, rows=world.rows)

    house.ask(world.request)

    assert 1 == house.log.of_kind("outcome")[0].meta["cells_suppressed"]


def once() -> House:
    """Return a house whose counters are those of its log, in mid-July."""
    log = MemoryLog()
    return House(
        agreements=the_agreements(an_agreement(a_table_provision())),
        rows=rows_of(12),
        log=log,
        counters=MemoryCounters(log=log),
        clock=FixedClock(dt.datetime(2026, 7, 16, 12, tzinfo=dt.UTC)),
    )


OTHER_ID = "00000000-0000-4000-8000-00000000000b"


def test_a_period_leaves_once() -> None:
    """A second request is refused, a repeat of the first is not; other periods still leave."""
    house = once()
    first = house.ask(a_request(*ASKED, where=IN_MAY))

    with pytest.raises(RefusedError) as raised:
        house.ask(a_request(*ASKED, where=IN_MAY, request_id=OTHER_ID))
    again = house.ask(a_request(*ASKED, where=IN_MAY))
    rest = house.ask(a_request(*ASKED, request_id=OTHER_ID))

    assert (Reason.CELL_RELEASED, 6) == (raised.value.reason, raised.value.step)
    assert first.digests == again.digests
    assert MAY not in {one["incident_date"] for one in rest.rows()}
    assert 5 == len({one["incident_date"] for one in rest.rows()})


def test_a_repeat_of_what_others_left_over_is_the_same_table() -> None:
    """Periods that another request took before are in neither the first attempt nor its repeat."""
    house = once()
    house.ask(a_request(*ASKED, where=IN_MAY, request_id=OTHER_ID))
    rest = house.ask(a_request(*ASKED))

    assert rest.digests == house.ask(a_request(*ASKED)).digests


def test_a_repeat_that_released_nothing_takes_nobodys_period() -> None:
    """An attempt that was cut before its release spends no period and may take none later."""
    house = once()
    house.source.faults.dies_after = 0
    with pytest.raises(Exception, match="went away"):
        house.ask(a_request(*ASKED, where=IN_MAY))
    house.source.faults.dies_after = None
    house.ask(a_request(*ASKED, where=IN_MAY, request_id=OTHER_ID))

    with pytest.raises(RefusedError) as raised:
        house.ask(a_request(*ASKED, where=IN_MAY))

    assert Reason.CELL_RELEASED is raised.value.reason


def test_an_adapter_that_dies_gives_no_part_of_a_table() -> None:
    """Nothing of a table leaves before every row was counted."""
    house = once()
    house.source.batch_rows = 4
    house.source.faults.dies_after = 2
    with pytest.raises(Exception, match="went away"):
        house.ask(a_request(*ASKED, where=IN_MAY))

    assert [] == house.log.of_kind("release")
    assert "cut" == house.log.of_kind("outcome")[0].meta["end"]


def test_a_table_with_more_cells_than_allowed_is_no_table() -> None:
    """An open dimension of too many values is refused as a risk."""
    dataset = a_dataset(
        [a_field("site", FieldType.STRING), *RUN_FIELDS],
    )
    provision = a_table_provision(
        an_aggregate(("incident_date", "county", "site")), {"site": Pass()}
    )
    rows = [row | {"site": f"S-{number}"} for number, row in enumerate(rows_of(CELLS_MAX // 3 + 1))]
    agreements = the_agreements(an_agreement(provision), dataset=dataset)
    request = a_request(*ASKED, "site", where=IN_MAY)
    plan = plan_of(Drawn(agreements, request, rows, provision, dataset))

    with pytest.raises(ReleaseError) as raised:
        run(plan, rows)

    assert Reason.DISCLOSURE_RISK is raised.value.reason


# --- the last check ---


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t.with_columns(pl.lit(5, dtype=pl.Int64).alias("people")),
        lambda t: t.with_columns(pl.lit(None, dtype=pl.Int64).alias("people")),
        lambda t: t.with_columns(pl.col(UNITS) - 1),
        lambda t: t.with_columns(pl.col(ROWS) - 2),
        lambda t: t.with_columns((pl.col("people") + 1).alias("people")),
        lambda t: t.with_columns(pl.col("people").cast(pl.Int32)),
        lambda t: t.with_columns(pl.lit(dt.date(2026, 4, 1)).alias("incident_date")),
        lambda t: pl.concat([t, t]),
        lambda t: t.drop("county.why"),
        lambda t: t.with_columns(pl.lit("x").alias("more")),
        lambda t: t.select(reversed(t.columns)),
        lambda t: t.with_columns(pl.col("county").cast(pl.String)),
    ],
)
def test_a_table_that_is_not_the_plans_does_not_leave(spoil: Any) -> None:  # noqa: ANN401
    """The last look sees a small cell, a wrong number or column, a cell twice, another period."""
    plan = plan_of(a_world([]))
    table, verdict = judged(plan, rows_of(11) + rows_of(3, county="south"))
    assert check_table(plan, table, verdict).row_count == table.height

    with pytest.raises(ReleaseError) as raised:
        check_table(plan, spoil(table), verdict)

    assert Reason.RELEASE_CHECK_FAILED is raised.value.reason


def test_records_do_not_leave_under_a_table() -> None:
    """A plan with Group lets no record out, and one without lets no table out."""
    plan = plan_of(a_world([]))
    table, verdict = judged(plan, rows_of(11))

    with pytest.raises(ReleaseError):
        BatchCheck(plan)
    with pytest.raises(ReleaseError):
        check_table(dataclasses.replace(plan, group=None), table, verdict)


def test_a_table_that_was_not_attacked_does_not_leave() -> None:
    """A verdict on another table, larger by one person, lets this one out no more than none."""
    plan = plan_of(a_world([]))
    table, verdict = judged(plan, rows_of(12))
    _, other = judged(plan, rows_of(13))

    assert check_table(plan, table, verdict).row_count == table.height
    for wrong in (other, b"", bytes(32)):
        with pytest.raises(ReleaseError, match="attacked"):
            check_table(plan, table, wrong)


def test_the_grant_of_a_table_names_its_periods() -> None:
    """What will leave is fixed before a row is read."""
    world = a_world([])
    grant = decide(
        world.agreements, world.request, Standing(), dt.datetime(2026, 7, 16, tzinfo=dt.UTC)
    )

    assert isinstance(grant, Grant)
    assert (MAY,) == grant.periods
