"""Totals, second suppressions, and tables that are judged beside earlier ones."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from gateway.agreement.aggregate import Ladder, MeasureRule
from gateway.engine.run import PlanEngine
from gateway.errors import Reason, RefusedError, ReleaseError
from gateway.masks.tables import CountOnly
from gateway.values import Form, Operator
from tests.build import (
    DISCLOSURE,
    a_condition,
    a_dataset,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    the_agreements,
)
from tests.core.house import records
from tests.core.test_oracle import plan_of
from tests.core.worlds import Drawn
from tests.fakes import MemorySource, MemoryVault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.aggregate import Aggregate, Disclosure
    from gateway.values import Row

MAY, APRIL = dt.date(2026, 5, 1), dt.date(2026, 4, 1)
RUNS = MeasureRule("runs", "count_distinct", "run_id")
PEOPLE = MeasureRule("people", "count_distinct", "patient_id")
MG = MeasureRule("kits", "sum", "age")
BY_MONTH = (("incident_date",),)


def rows_of(first: int, count: int, **fixed: Any) -> list[Row]:  # noqa: ANN401
    """Return runs of as many people, numbered from `first`, all in May."""
    made = records(first + count)[first:]
    return [row | {"incident_date": MAY} | fixed for row in made]


def by_runs(dimensions: Sequence[str] = ("incident_date", "county"), **changed: Any) -> Aggregate:  # noqa: ANN401
    """Return a table of runs, which add up, with the month's total."""
    made = an_aggregate(dimensions, (RUNS,), unit="run_id")
    return dataclasses.replace(made, **{"margins": BY_MONTH, **changed})


def asked(
    table: Aggregate,
    rows: list[Row],
    earlier: Sequence[bytes] = (),
    periods: Sequence[dt.date] = (MAY,),
) -> tuple[dict[tuple[str, ...], Any], bytes]:
    """Return what leaves by key (`*` for a total), and what the record of cells keeps of it."""
    release = {"run_id": CountOnly()} if table.unit == "run_id" else {}
    if "county" not in table.dimensions:
        provision = a_table_provision(table, release)
        masks = {k: v for k, v in provision.release.items() if k != "county"}
        provision = dataclasses.replace(
            provision, release=masks, withhold=(*provision.withhold, "county")
        )
    else:
        provision = a_table_provision(table, release)
    dataset = a_dataset()
    agreements = the_agreements(an_agreement(provision), dataset=dataset)
    where = [a_condition("incident_date", Operator.IN, *periods)]
    fields = (*table.dimensions, *(one.field for one in table.measures))
    world = Drawn(agreements, a_request(*fields, where=where), rows, provision, dataset)
    plan = plan_of(world)

    async def collect() -> tuple[list[dict[str, Any]], bytes]:
        engine = PlanEngine(lambda _year: bytes(32), lambda: 2026, 1, MemoryVault())
        batches = MemorySource(rows).scan(plan.scan, exchange_id="", timeout_s=1)
        found: list[dict[str, Any]] = []
        memory = b""
        async for ready in engine.run(plan, batches, Form.ARROW, earlier):
            assert ready.chunk.arrow is not None
            found += pa.ipc.open_stream(ready.chunk.arrow).read_all().to_pylist()
            memory = ready.memory
        engine.close()
        return found, memory

    found, memory = asyncio.run(collect())
    name = table.measures[0].name
    assert all((cell[name] is None) == (cell[f"{name}.why"] == "suppressed") for cell in found)
    return {_key(cell, table.dimensions): cell[name] for cell in found}, memory


def _key(cell: dict[str, Any], dimensions: Sequence[str]) -> tuple[str, ...]:
    return tuple(
        {"total": "*", "missing": "?"}.get(cell.get(f"{name}.why") or "", str(cell[name]))
        for name in dimensions
    )


M, A = "2026-05-01", "2026-04-01"


def test_a_total_stands_beside_its_cells() -> None:
    """Where no cell is small, everything leaves, and the total says that it is one."""
    rows = rows_of(0, 12, county="north") + rows_of(12, 20, county="south")

    west = {(M, "west"): 0}
    expected = west | {(M, "north"): 12, (M, "south"): 20, (M, "*"): 32}
    assert expected == asked(by_runs(), rows)[0]


def test_a_small_cell_takes_another_with_it() -> None:
    """A total minus the published cells is a number too: a second cell is held back."""
    rows = rows_of(0, 3, county="north") + rows_of(3, 20, county="south")
    rows += rows_of(23, 40, county="west")

    found, _ = asked(by_runs(), rows)

    assert found[M, "north"] is None
    assert 1 == sum(found[M, county] is None for county in ("south", "west", "*"))


def test_a_total_is_not_the_unknown() -> None:
    """Rows without a county are a level of their own, and the total includes them."""
    rows = rows_of(0, 12, county="north") + rows_of(12, 15, county=None)

    found, _ = asked(by_runs(), rows)

    assert (12, 15, 27) == (found[M, "north"], found[M, "?"], found[M, "*"])


def test_one_person_in_two_cells_is_one_in_the_total() -> None:
    """Distinct people do not add up: the total counts each of them once."""
    north = rows_of(0, 12, county="north")
    south = [row | {"county": "south", "run_id": "S" + str(row["run_id"])} for row in north]
    table = an_aggregate(measures=(PEOPLE,), margins=BY_MONTH)

    found, _ = asked(table, north + south)

    assert (12, 12, 12) == (found[M, "north"], found[M, "south"], found[M, "*"])


def test_a_run_that_stands_in_two_cells_is_one_in_the_total() -> None:
    """Whatever is counted: rows of one run in two counties are one run of the month."""
    north = rows_of(0, 12, county="north")
    south = [row | {"county": "south"} for row in north]

    found, _ = asked(by_runs(), north + south)

    assert (12, 12, 12) == (found[M, "north"], found[M, "south"], found[M, "*"])


# --- dominance ---


@pytest.mark.parametrize(
    ("largest", "leaves"),
    [((50, 30), True), ((60, 26), False), ((86, 1), False), ((40, 45), True)],
)
def test_a_sum_with_a_few_large_givers_is_held_back(
    largest: tuple[int, int],
    leaves: bool,  # noqa: FBT001
) -> None:
    """Of 100 two may have 85, no more."""
    assert (100 if leaves else None) == given_by(largest, percent=85)


@pytest.mark.parametrize(
    ("largest", "leaves"), [((80, 12), True), ((81, 11), False), ((50, 45), True)]
)
def test_a_sum_that_tells_the_second_giver_of_the_first_is_held_back(
    largest: tuple[int, int],
    leaves: bool,  # noqa: FBT001
) -> None:
    """The second giver subtracts his own part: what is left stands at least a tenth off."""
    assert (100 if leaves else None) == given_by(largest, percent=99)


def given_by(largest: tuple[int, int], percent: int) -> Any:  # noqa: ANN401
    """Return the sum of 100 that two large givers and ten others make; None where held back."""
    rest = 100 - sum(largest)
    parts = [*largest, *(rest // 10 + (at < rest % 10) for at in range(10))]
    rows = [
        row | {"age": part} for row, part in zip(rows_of(0, 12, county="north"), parts, strict=True)
    ]
    rule = dataclasses.replace(DISCLOSURE, dominance={"largest": 2, "percent": percent, "p": 10})
    table = an_aggregate(measures=(MG, RUNS), unit="run_id", disclosure=rule)

    return asked(table, rows)[0][M, "north"]


# --- means ---

MEAN = MeasureRule("age_mean", "mean", "age")


def by_mean(rows: list[Row], **changed: Any) -> dict[tuple[str, ...], Any]:  # noqa: ANN401
    """Return the means that leave, beside the count of runs."""
    table = by_runs(measures=(MEAN, RUNS), **changed)
    return asked(table, rows)[0]


@pytest.mark.parametrize(
    ("given", "lacking", "expected"),
    [(10, 0, None), (11, 0, 30.0), (11, 1, None), (20, 10, None), (20, 11, 30.0), (3, 20, None)],
)
def test_a_mean_is_of_enough_values_and_lacks_none_or_enough(
    given: int, lacking: int, expected: float | None
) -> None:
    """A sum divided by its mean is a number of values, and the rest of the cell a complement."""
    rows = rows_of(0, given, county="north", age=30)
    rows += rows_of(given, lacking, county="north", age=None)

    assert expected == by_mean(rows, margins=())[M, "north"]
    assert by_mean(rows, margins=())[M, "west"] is None, "of nobody there is no mean"


def test_a_mean_is_held_back_where_its_sum_would_be() -> None:
    """A small county takes a second with it, and neither mean times count gives back a sum."""
    rows = rows_of(0, 3, county="north", age=20) + rows_of(3, 20, county="south", age=40)
    rows += rows_of(23, 40, county="west", age=50)

    found = by_mean(rows)

    assert found[M, "north"] is None
    assert 1 <= sum(found[M, county] is None for county in ("south", "west", "*"))


# --- across releases ---


COUNTIES = by_runs(margins=())
MONTH = by_runs(("incident_date",), margins=())
TOWN = rows_of(0, 3, county="north") + rows_of(3, 20, county="south")


def test_a_total_after_its_cells_is_held_back() -> None:
    """Counties left, the small one hidden: the month alone would give it back by subtraction."""
    counties, memory = asked(COUNTIES, TOWN)
    month, _ = asked(MONTH, TOWN, [memory])

    assert (None, 20) == (counties[M, "north"], counties[M, "south"])
    assert {(M,): 23} == asked(MONTH, TOWN)[0], "alone it tells nothing"
    assert {(M,): None} == month


def test_cells_after_their_total_are_held_back() -> None:
    """The month left: of the counties the large one is held back too."""
    _, memory = asked(MONTH, TOWN)
    counties, _ = asked(COUNTIES, TOWN, [memory])

    assert (None, None) == (counties[M, "north"], counties[M, "south"])


RUNGS = Ladder((("county", "region"), ("month", "quarter")), automatic=False)
LADDER = dataclasses.replace(DISCLOSURE, ladder=RUNGS)


@pytest.mark.parametrize(("disclosure", "told"), [(DISCLOSURE, False), (LADDER, True)])
def test_what_cannot_be_protected_is_refused_with_the_next_rung(
    disclosure: Disclosure,
    told: bool,  # noqa: FBT001
) -> None:
    """Eleven in the month left, and three counties have them: each is at most nine, and no ten."""
    rows = rows_of(0, 4, county="north") + rows_of(4, 4, county="south")
    rows += rows_of(8, 3, county="west")
    _, memory = asked(MONTH, rows)

    with pytest.raises(RefusedError) as raised:
        asked(by_runs(margins=(), disclosure=disclosure), rows, [memory])

    refused = raised.value
    assert ("infeasible", 10, "4.1") == (refused.cause, refused.step, refused.clause)
    assert Reason.DISCLOSURE_RISK is refused.reason
    assert told is ("`county -> region`" in refused.message)
    assert not any(letter.isdigit() for letter in refused.message)


def test_another_month_has_nothing_to_do_with_it() -> None:
    """Periods that do not meet are not related."""
    april: list[Row] = [
        row | {"incident_date": APRIL, "run_id": "A" + str(row["run_id"])} for row in TOWN
    ]
    _, memory = asked(COUNTIES, TOWN)

    assert {(A,): 23} == asked(MONTH, TOWN + april, [memory], periods=(APRIL,))[0]


def test_the_same_table_again_is_the_same_bytes() -> None:
    """A second recipient of the same table gets the same cells, and no fewer."""
    table = by_runs()
    rows = TOWN + rows_of(23, 40, county="west")
    first, memory = asked(table, rows)
    again, _ = asked(table, rows, [memory])

    assert first == again


def test_three_people_more_than_last_time_are_three_people() -> None:
    """A corrected cell tells its change: a small change is held back, a large one leaves."""
    before = rows_of(0, 20, county="south")
    _, memory = asked(COUNTIES, before)

    later, _ = asked(COUNTIES, rows_of(0, 23, county="south"), [memory])
    much_later, _ = asked(COUNTIES, rows_of(0, 40, county="south"), [memory])

    assert later[M, "south"] is None
    assert 40 == much_later[M, "south"]


def test_two_tables_safe_alone_and_open_together_do_not_both_leave() -> None:
    """Men are all minus women: the second of the two tables is held back."""
    everyone = rows_of(0, 25, county="south")
    _, memory = asked(MONTH, everyone)
    women, _ = asked(COUNTIES, rows_of(0, 22, county="south"), [memory])

    assert women[M, "south"] is None


def test_a_record_of_cells_that_cannot_be_read_stops_the_table() -> None:
    """What was released cannot be judged, so nothing more is."""
    for broken in (b"", b"{}", b'{"version":99,"tables":[]}', b'{"version":1,"tables":[{}]}'):
        with pytest.raises(ReleaseError) as raised:
            asked(MONTH, TOWN, [broken])
        assert "history" == raised.value.variables["cause"]
