"""A table of cells from its batches: masked and counted, judged, and looked at by `plan/check`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.broker.protect import verdict_of
from gateway.engine.jobs import frame_of
from gateway.plan.check import check_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    import pyarrow as pa

    from gateway.plan.cells import Cells
    from gateway.plan.check import Release
    from gateway.plan.counted import Counted, Verdict
    from gateway.plan.lower import Program
    from gateway.plan.noised import NoisedCells
    from gateway.plan.ops import Plan


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A table that may leave.

    Attributes:
        counted: Every cell with what is in it, nothing held back: it never leaves the gateway.
        verdict: Which of them leave.
        release: What leaves.
    """

    counted: Counted
    verdict: Verdict
    release: Release


def count(
    batch: pa.RecordBatch, keep: pl.Expr | None, program: Program, cells: Cells | NoisedCells
) -> None:
    """Mask the rows of a batch that stay, and count them."""
    frame = frame_of(batch)
    if keep is not None:
        frame = frame.filter(keep)
    cells.add(program.mask(frame, cells.keep))


def judge(plan: Plan, cells: Cells, earlier: Sequence[bytes]) -> Judged:
    """Return the table of what was counted, once the attacker could not open it.

    Args:
        plan: A plan with Group and Suppress, without noise.
        cells: All of its rows, counted.
        earlier: What the record of cells holds of the same source.

    Raises:
        RefusedError, ReleaseError, DisclosureError: As `verdict_of` and `check_table`.
    """
    table = cells.table()
    counted = cells.counted(table)
    verdict = verdict_of(plan, counted, earlier, time.monotonic)
    left = table if verdict.cells is None else table.filter(verdict.cells)
    published = cells.published(left, verdict.published)
    release = check_table(plan, published, verdict.digest, verdict.rung)
    return Judged(counted, verdict, release)
