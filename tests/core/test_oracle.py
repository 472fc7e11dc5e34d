"""Engine and oracle agree on whatever a small world holds, row by row and in columns."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings

from gateway.decide import Grant, Standing, decide
from gateway.engine.jobs import ROWS_AT_ONCE
from gateway.engine.run import PlanEngine
from gateway.plan.build import Builder
from gateway.plan.distinct import FEW
from gateway.plan.vaulted import by_token, covered
from gateway.values import Form
from tests.build import NOW, TABLES, pseudonym_key
from tests.core.worlds import many_values, record_worlds, table_worlds
from tests.fakes import MemorySource, MemoryVault
from tests.reference import interpret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.plan.ops import Plan
    from gateway.values import Row
    from tests.core.worlds import Drawn

MODEST = settings(max_examples=60, derandomize=True, deadline=None)
LONG = settings(max_examples=3000, deadline=None)


def plan_of(world: Drawn) -> Plan:
    """Return the plan of a world's request, which is granted."""
    grant = decide(world.agreements, world.request, Standing(), NOW)
    assert isinstance(grant, Grant), grant
    return Builder(TABLES, pseudonym_key).build(world.agreements, grant)


def run(
    plan: Plan, rows: Sequence[Row], batch_rows: int = 8192, vault: MemoryVault | None = None
) -> list[dict[str, Any]]:
    """Return what the engine lets leave, by column name."""

    async def collect() -> list[dict[str, Any]]:
        engine = PlanEngine(lambda _year: bytes(32), lambda: 2026, 1, vault or MemoryVault())
        source = MemorySource(rows, batch_rows=batch_rows)
        found: list[dict[str, Any]] = []
        batches = source.scan(plan.scan, exchange_id="", timeout_s=1)
        async for ready in engine.run(plan, batches, Form.ARROW):
            assert ready.chunk.arrow is not None
            found += pa.ipc.open_stream(ready.chunk.arrow).read_all().to_pylist()
        engine.close()
        return found

    return asyncio.run(collect())


def with_tokens(plan: Plan, vault: MemoryVault) -> Plan:
    """Return the plan with every token that a vault ever drew, as the oracle reads them."""
    drawn: dict[str, dict[str, str]] = {one.key_id: {} for one in by_token(plan)}
    for (scope, index), token in vault.drawn.items():
        drawn.setdefault(scope, {})[index] = token
    return covered(plan, {}, drawn)


def spelled(cells: Sequence[dict[str, Any]]) -> list[str]:
    """Return rows so that 1 and 1.0 and True, and 0.0 and -0.0, differ."""
    return [
        repr([(name, type(value).__name__, str(value)) for name, value in cell.items()])
        for cell in cells
    ]


def check_records(world: Drawn) -> None:
    """Compare each path with the oracle: single rows, few different values, many."""
    plan = plan_of(world)
    few = [row for _ in range(ROWS_AT_ONCE + 1) for row in world.rows]
    many = world.rows + many_values(world.dataset, FEW + 20)
    vault = MemoryVault()

    for rows in (world.rows, few, many):
        left = run(plan, rows, vault=vault)
        assert spelled(interpret(with_tokens(plan, vault), rows)) == spelled(left)


@given(record_worlds())
@MODEST
def test_engine_and_oracle_agree_on_records(world: Drawn) -> None:
    """Values, markers and types are those of the specification, on either path."""
    check_records(world)


@pytest.mark.long
@given(record_worlds())
@LONG
def test_engine_and_oracle_agree_on_many_records(world: Drawn) -> None:
    """The same, over a sweep."""
    check_records(world)


def check_tables(world: Drawn) -> None:
    """Compare a table, from one batch and from many, with the oracle."""
    plan = plan_of(world)

    vault = MemoryVault()

    whole = run(plan, world.rows, vault=vault)
    cut = run(plan, list(reversed(world.rows)), 2, vault)

    expected = interpret(with_tokens(plan, vault), world.rows)
    assert sorted(spelled(expected)) == sorted(spelled(whole))
    assert spelled(whole) == spelled(cut)


@given(table_worlds())
@MODEST
def test_engine_and_oracle_agree_on_tables(world: Drawn) -> None:
    """Cells, counts, sums and markers are those of the specification, in one order."""
    check_tables(world)


@pytest.mark.long
@given(table_worlds())
@LONG
def test_engine_and_oracle_agree_on_many_tables(world: Drawn) -> None:
    """The same, over a sweep."""
    check_tables(world)
