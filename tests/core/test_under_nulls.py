"""What is held back is not in the bytes: nothing lies under a null."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from gateway.engine.run import PlanEngine
from gateway.masks.numbers import Round
from gateway.masks.times import Truncate, Unit
from gateway.plan.arrays import bare
from gateway.values import Form
from tests.build import a_dataset, a_provision, a_request, an_agreement, the_agreements
from tests.core.house import records
from tests.core.test_oracle import plan_of
from tests.core.test_tables import a_world, rows_of, with_sums
from tests.core.worlds import Drawn
from tests.fakes import MemorySource, MemoryVault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.plan.ops import Plan
    from gateway.values import Row

CANARY = 731_000_001_411


def raw(array: Any) -> bytes:  # noqa: ANN401 - of any type of eight bytes
    """Return the bytes of an array's first value."""
    made: bytes = array.buffers()[1].to_pybytes()[:8]
    return made


def bytes_of(plan: Plan, rows: Sequence[Row]) -> bytes:
    """Return all bytes of the chunks that leave."""

    async def collect() -> bytes:
        engine = PlanEngine(lambda _year: bytes(32), lambda: 2026, 1, MemoryVault())
        batches = MemorySource(rows).scan(plan.scan, exchange_id="", timeout_s=1)
        made = [ready.chunk.arrow or b"" async for ready in engine.run(plan, batches, Form.ARROW)]
        engine.close()
        return b"".join(made)

    return asyncio.run(collect())


def test_a_suppressed_sum_is_in_no_byte() -> None:
    """One person of a hidden cell gave a number like no other: it does not leave under a null."""
    rows = rows_of(3, naloxone_mg=float(CANARY)) + rows_of(12, county="south", naloxone_mg=1.0)
    world = a_world(rows, with_sums(), "incident_date", "county", "patient_id", "naloxone_mg")

    data = bytes_of(plan_of(world), rows)

    assert raw(pa.array([12.0])) in data, "the search would find nothing"
    for hidden in (float(CANARY), 3.0 * CANARY):
        assert raw(pa.array([hidden])) not in data


@pytest.mark.parametrize(
    "array",
    [
        pa.array([CANARY, 5], pa.int64()),
        pa.array([float(CANARY), 5.0], pa.float64()),
        pa.array([True, True]),
        pa.array([dt.date(2026, 5, 1), dt.date(2026, 5, 2)]),
        pa.array([dt.datetime(2026, 5, 1, tzinfo=dt.UTC)] * 2, pa.timestamp("us", "UTC")),
        pa.array(["Qanary", "b"], pa.large_utf8()),
    ],
)
def test_a_null_is_bare(array: Any) -> None:  # noqa: ANN401
    """Whatever lay under a null, its bytes are gone; a value beside it stays."""
    validity = pa.py_buffer(b"\x02")
    _, *buffers = array.buffers()
    hidden = pa.Array.from_buffers(array.type, 2, [validity, *buffers])
    assert [None, array[1].as_py()] == hidden.to_pylist()

    left = bare(hidden)

    assert hidden.equals(left)
    lying = pa.Array.from_buffers(left.type, 2, [None, *left.buffers()[1:]])
    zero = {pa.large_utf8(): "", pa.bool_(): False}.get(array.type)
    found = lying[0].as_py() if zero is not None else lying[0].cast(pa.string()).as_py()
    assert found in {zero, "0", "0.0", "1970-01-01", "1970-01-01 00:00:00.000000Z"}


def test_masked_numbers_and_times_are_in_no_byte() -> None:
    """Records in columns: what a mask turned away does not leave under its null."""
    instant = dt.datetime(2031, 3, 17, 13, 37, 11, tzinfo=dt.UTC)
    masks = {
        "naloxone_mg": Round("0.5"),
        "notified_at": Truncate(Unit.HOUR),
    }
    rows = [row | {"notified_at": instant} for row in records(100)]
    provision = a_provision(masks)
    agreements = the_agreements(an_agreement(provision))
    request = a_request(*masks)
    plan = plan_of(Drawn(agreements, request, rows, provision, a_dataset()))

    data = bytes_of(plan, rows)

    lies = raw(pa.array([instant], pa.timestamp("us", "UTC")))
    assert lies not in data
