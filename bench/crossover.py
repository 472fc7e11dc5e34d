"""From how many rows on columns are faster than rows: what `engine.ROWS_AT_ONCE` rests on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import polars as pl

from bench.county import PROVIDER, RECIPIENT
from bench.records import DATASET, columns
from gateway.cli.clock import SystemClock
from gateway.cli.tables import tables
from gateway.decide import Refusal, Standing, decide
from gateway.library.folder import FolderLibrary
from gateway.plan import lower, rows
from gateway.plan.build import Builder
from gateway.plan.check import BatchCheck, RowCheck
from gateway.plan.distinct import mask_few
from gateway.plan.pushdown import arrow_schema
from gateway.settings import gateway_settings
from gateway.values import Caller, Form, Request, Terms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from bench.county import Flow
    from gateway.plan.ops import Plan

STEPS: Final = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
REPEATS: Final = 15


def crossover_rows(folder: Path, flow: Flow) -> int:
    """Return the fewest rows, of some steps, for which columns take less time than rows."""
    plan = plan_of(folder, flow)
    by_rows, in_columns = ways(plan)
    frame = columns(max(STEPS)).select(plan.scan.names)
    whole = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    batch = whole.cast(arrow_schema(plan.scan.columns)).combine_chunks().to_batches()[0]
    for count in STEPS:
        part = batch.slice(0, count)
        if _least_s(in_columns, part) < _least_s(by_rows, part):
            return count
    return max(STEPS)


def plan_of(folder: Path, flow: Flow) -> Plan:
    """Return the plan of one flow of a deployment, as the gateway builds it."""
    path, now = folder / "gateway.toml", SystemClock().now()
    found = tables(path, gateway_settings(path))
    library = FolderLibrary(folder / "agreements", None, frozenset(found))
    library.swap(library.look(now))
    terms = Terms(PROVIDER, RECIPIENT, DATASET, flow.purpose, flow.fields)
    caller = Caller(RECIPIENT, bytes(32), roles=frozenset({"epidemiologist"}))
    grant = decide(library.current(), Request("", terms, caller, Form.ARROW), Standing(), now)
    if isinstance(grant, Refusal):
        raise TypeError(grant.message)
    builder = Builder(found, lambda _domain, _period: ("bench", bytes(32)))
    return builder.build(library.current(), grant)


def ways(
    plan: Plan,
) -> tuple[Callable[[pa.RecordBatch], object], Callable[[pa.RecordBatch], object]]:
    """Return the two ways that the engine has: row by row, and in columns."""
    program, check, look = rows.Program(plan), RowCheck(plan), BatchCheck(plan)
    steps = {step.name: step for step in program.steps}
    lowered: dict[frozenset[str], lower.Program] = {}

    def by_rows(batch: pa.RecordBatch) -> object:
        read = rows.read_rows(plan.scan.names, [column.to_pylist() for column in batch.columns])
        staying = [row for row in read if rows.stays(row, plan.where)]
        return check.check(plan, program.mask_all(staying), ())

    def in_columns(batch: pa.RecordBatch) -> object:
        few = mask_few(plan, steps, batch)
        rest = [one for one in plan.masks if one.name not in few]
        done = frozenset(few)
        if done not in lowered:
            lowered[done] = lower.Program(plan, rest)
        read = dict.fromkeys(name for one in rest for name in (one.name, one.beside) if name)
        frame = pl.from_arrow(batch.select(list(read)))
        assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a batch is never a series
        return look.check(plan, lowered[done].mask(frame, []), few, batch.num_rows, ())

    return by_rows, in_columns


def _least_s(work: Callable[[pa.RecordBatch], object], batch: pa.RecordBatch) -> float:
    """Return the shortest of some runs: whatever else the machine does only adds."""
    best = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        work(batch)
        best = min(best, time.perf_counter() - started)
    return best
