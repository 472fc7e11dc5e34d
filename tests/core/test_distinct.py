"""Columns of few different values: masked once each, and the same rows leave as one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest

from gateway.errors import Reason, ReleaseError
from gateway.masks.numbers import Band
from gateway.masks.plain import Pass
from gateway.plan import lower, rows
from gateway.plan.check import BatchCheck, RowCheck
from gateway.plan.distinct import FEW, Few, mask_few
from gateway.plan.pushdown import arrow_schema
from tests.build import a_provision, a_request, an_agreement, the_agreements
from tests.core.house import records
from tests.core.test_oracle import plan_of
from tests.core.worlds import Drawn

if TYPE_CHECKING:
    from gateway.plan.ops import Plan

RELEASE = {"run_id": Pass(), "age": Band(cuts=(18, 40, 65))}


def a_plan() -> Plan:
    """Return the plan of a request for an id of each row, and a band of ages that says why."""
    provision = a_provision(RELEASE)
    agreements = the_agreements(an_agreement(provision))
    dataset = next(iter(agreements.datasets.values()))
    return plan_of(Drawn(agreements, a_request(*RELEASE), [], provision, dataset))


def a_batch(plan: Plan, ages: list[int | None]) -> pa.RecordBatch:
    """Return runs of people of these ages, each run with an id of its own."""
    made = [
        row | {"run_id": f"run-{number}", "age": age}
        for number, (row, age) in enumerate(zip(records(len(ages)), ages, strict=True))
    ]
    picked = [{name: row[name] for name in plan.scan.names} for row in made]
    return pa.RecordBatch.from_pylist(picked, schema=arrow_schema(plan.scan.columns))


def steps_of(plan: Plan) -> dict[str, rows.Step]:
    """Return the plan's masks as functions, by field."""
    return {step.name: step for step in rows.Program(plan).steps}


@pytest.mark.parametrize(("different", "expected"), [(FEW, ["age"]), (FEW + 1, [])])
def test_a_column_of_few_values_is_one_up_to_the_limit(different: int, expected: list[str]) -> None:
    """The limit itself is few, one more is not, wherever in the batch the last one stands."""
    plan = a_plan()
    ages: list[int | None] = [n % different for n in range(2000)]

    found = mask_few(plan, steps_of(plan), a_batch(plan, ages))

    assert expected == list(found)


def test_few_values_leave_as_row_by_row() -> None:
    """Part in columns, part as few values: the same batch as each row alone, nulls among them."""
    plan = a_plan()
    batch = a_batch(plan, [None if n % 7 == 0 else n % 90 for n in range(600)])
    steps = steps_of(plan)
    columns = [column.to_pylist() for column in batch.columns]
    masked = rows.Program(plan).mask_all(rows.read_rows(plan.scan.names, columns))
    alone = RowCheck(plan).check(plan, masked, ())

    few = mask_few(plan, steps, batch)
    frame = lower.Program(plan, plan.masks[:1]).mask(a_frame(batch.select(["run_id"])), [])
    together = BatchCheck(plan).check(plan, frame, few, batch.num_rows, ())

    assert ["age"] == list(few)
    assert alone.batch.equals(together.batch)


def a_frame(batch: pa.RecordBatch) -> pl.DataFrame:
    """Return a batch as a frame."""
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame


@pytest.mark.parametrize(
    ("values", "why", "at"),
    [
        (("40-65",), (None,), [0, 0, 0]),
        ((40,), (None,), [0, 0, 0]),
        ((None,), ("because",), [0, 0, 0]),
        (("40-64",), (None,), [0, 0]),
        (("40-64",), (None,), [0, 0, 0, 0]),
    ],
    ids=["not a band", "another type", "no marker", "too short", "too long"],
)
def test_what_the_plan_cannot_make_does_not_leave_as_a_few(
    values: tuple[Any, ...], why: tuple[Any, ...], at: list[int]
) -> None:
    """A wrong value, a marker that is none, or a column of another length is no release."""
    plan = a_plan()
    spoilt = Few(values, why, pa.array(at, pa.int32()))
    batch = a_batch(plan, [40, 40, 40])
    frame = lower.Program(plan, plan.masks[:1]).mask(a_frame(batch.select(["run_id"])), [])
    good = Few(("40-64",), (None,), pa.array([0, 0, 0], pa.int32()))
    assert 3 == BatchCheck(plan).check(plan, frame, {"age": good}, 3, ()).row_count

    with pytest.raises(ReleaseError) as raised:
        BatchCheck(plan).check(plan, frame, {"age": spoilt}, 3, ())

    assert Reason.RELEASE_CHECK_FAILED is raised.value.reason


def test_a_column_that_is_neither_is_missed() -> None:
    """A masked column that came neither in the frame nor as a few is no release."""
    plan = a_plan()
    batch = a_batch(plan, [40, 40, 40])
    frame = lower.Program(plan, plan.masks[:1]).mask(a_frame(batch.select(["run_id"])), [])

    with pytest.raises(ReleaseError):
        BatchCheck(plan).check(plan, frame, {}, 3, ())
