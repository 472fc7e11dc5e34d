"""A table of rows as the engine counts and judges it, stopped before the last look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from gateway.broker.protect import verdict_of
from gateway.plan.cells import Cells
from gateway.plan.lower import Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.plan.counted import Verdict
    from gateway.plan.ops import Plan
    from gateway.values import Row


def counting(plan: Plan, rows: Sequence[Row]) -> tuple[Cells, pl.DataFrame]:
    """Return the cells of a plan, and the table of some rows, nothing held back."""
    cells = Cells(plan)
    frame = pl.DataFrame(
        [[row[name] for name in plan.scan.names] for row in rows],
        schema=list(plan.scan.names),
        orient="row",
        infer_schema_length=None,
    )
    cells.add(Program(plan).mask(frame, cells.keep))
    return cells, cells.table()


def judging(
    plan: Plan, rows: Sequence[Row], earlier: Sequence[bytes] = ()
) -> tuple[Cells, pl.DataFrame, Verdict]:
    """Return the cells, their table, and which of it may leave beside what left before."""
    cells, table = counting(plan, rows)
    return cells, table, verdict_of(plan, cells.counted(table), earlier)


def judged(plan: Plan, rows: Sequence[Row]) -> tuple[pl.DataFrame, bytes]:
    """Return a table that may leave, and the digest of its verdict."""
    cells, table, verdict = judging(plan, rows)
    return cells.published(table, verdict.published), verdict.digest
