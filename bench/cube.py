"""A million records become a protected cube: as a recipient asks for it, and in the engine alone.

Over gRPC everything is inside that an exchange has: decision, scan of an adapter over mutual TLS,
masks, group, suppression, attack, check, log, delivery, and the client's own check of digests and
receipt. Each run has a new gateway, since a table leaves once; programs and threads are cold.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from bench.county import Flow, Grid, deploy
from bench.crossover import plan_of
from bench.figures import median
from bench.load import Recipient
from bench.processes import ACCORD, Process
from gateway.agreement.spans import add, duration
from gateway.engine.run import PlanEngine
from gateway.plan.pushdown import arrow_schema
from gateway.values import Form

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    import pyarrow as pa

    from gateway.plan.ops import Plan

KEYS: Final = (
    "disclosure.cube_1m_s", "disclosure.cube_1m_engine_s",
    "disclosure.cube_cells", "disclosure.cube_suppressed",
)  # fmt: skip

PURPOSE: Final = "public_health.surveillance"
PERIODS: Final = 4
COUNTIES: Final = 20
SEED: Final = 11
BATCH_ROWS: Final = 8192


TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        rows: Records of one table.
        runs: Over gRPC, each with a gateway of its own; and as many in the engine.
    """

    rows: int = 1_000_000
    runs: int = 3


def run(size: Size, say: Callable[[str], None]) -> dict[str, float | None]:
    """Return the median times, and how many cells the cube has."""
    timed = [_over_grpc(size.rows) for _ in range(size.runs)]
    seconds = [one for one, _ in timed]
    cells = timed[0][1]
    say(
        f"       cube_1m: {median(seconds):.2f} s over gRPC (median of {size.runs}, new gateways),"
        f" {size.rows:,} records, seed {SEED}, {cells} cells"
    )
    inside, suppressed = _in_engine(size)
    say(
        f"               {inside:.2f} s in the engine alone (median of {size.runs}): masks, group,"
        f" suppression, attack, check; {suppressed} suppressed"
    )
    return {
        "disclosure.cube_1m_s": median(seconds),
        "disclosure.cube_1m_engine_s": inside,
        "disclosure.cube_cells": float(cells),
        "disclosure.cube_suppressed": float(suppressed),
    }


def flow(rows: int) -> Flow:
    """Return the provision of the cube: runs by month, county and ten-year band, with totals."""
    return Flow(
        PURPOSE,
        {
            "incident_date": "{truncate: month}",
            "scene_county_fips": "pass",
            "age": "{band: {width: 10, topcode: 90}}",
            "pcr_uuid": "count_only",
        },
        "none",
        rows,
        Grid(first_period(), ("incident_date", "scene_county_fips", "age")),
    )


def first_period(today: dt.date | None = None) -> dt.date:
    """Return the first of the months that are to leave: the last of them has been closed a week."""
    back = duration(f"P{PERIODS}M")
    assert back is not None  # noqa: S101 - written here
    today = today or dt.datetime.now(dt.UTC).date()  # noqa: TID251 - records of this very month
    return add((today - dt.timedelta(days=8)).replace(day=1), back, -1)


def columns(rows: int) -> pl.DataFrame:
    """Return so many made-up runs of the closed months; some counties and ages are rare."""
    rng = np.random.default_rng(SEED)
    number = pl.int_range(rows, dtype=pl.Int64)
    months = [_later(first_period(), at) for at in range(PERIODS)]
    county = rng.lognormal(0.0, 2.0, COUNTIES)
    band = rng.dirichlet(np.ones(10))
    place = rng.choice(COUNTIES, rows, p=county / county.sum())
    years = 10 * rng.choice(10, rows, p=band) + rng.integers(0, 10, rows)
    day = pl.Series("day", rng.integers(0, 28, rows))
    begins = pl.Series("begins", months, pl.Date).gather(rng.integers(0, PERIODS, rows))
    return pl.select(
        pcr_uuid=pl.lit("00000000-0000-7000-8000-") + number.cast(pl.String).str.zfill(12),
        incident_date=pl.lit(begins) + pl.duration(days=pl.lit(day)),
        patient_id=pl.lit("synthetic-") + number.cast(pl.String),
        time_precision=pl.lit("minute"),
        scene_county_fips=pl.lit("99") + pl.lit(pl.Series(place).cast(pl.String)).str.zfill(3),
        age=pl.lit(pl.Series(years)),
        age_unit=pl.lit("years"),
    )


def _later(first: dt.date, months: int) -> dt.date:
    span = duration(f"P{months}M") if months else None
    return add(first, span) if span is not None else first


def _over_grpc(rows: int) -> tuple[float, int]:
    """Return the seconds of one exchange over a gateway of its own, and the cells it brought.

    A port that was free when it was chosen may be another's by the time that it is bound: then a
    deployment with other ports is made.
    """
    for _ in range(TRIES - 1):
        try:
            return _deployed(rows)
        except RuntimeError as error:
            if "cannot be bound" not in str(error):
                raise
    return _deployed(rows)


def _deployed(rows: int) -> tuple[float, int]:
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as name, ExitStack() as stack:
        folder, one = Path(name) / "county", flow(rows)
        deployment, main, adapter_port = deploy(folder, {"cube": one})
        told = (str(folder), str(adapter_port), str(rows))

        def start(role: str, *arguments: str) -> None:
            stack.enter_context(Process(role, [*arguments], Path(name) / f"{role}.log"))

        start("adapter", "-m", "bench.adapter", *told, "cube")
        start("gateway", ACCORD, "serve", str(deployment.gateway), "--create")
        return asyncio.run(_asked(folder, main, one))


async def _asked(folder: Path, main: int, one: Flow) -> tuple[float, int]:
    recipient = Recipient(folder, f"127.0.0.1:{main}", receipts=True)
    try:
        started = time.perf_counter()
        cells = await recipient.first(one)
        return time.perf_counter() - started, cells
    finally:
        await recipient.close()


def _in_engine(size: Size) -> tuple[float, int]:
    """Return the median seconds of the engine over batches in memory, and the cells held back."""
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as name:
        folder, one = Path(name) / "county", flow(size.rows)
        deploy(folder, {"cube": one})
        plan = plan_of(folder, one)
    batches = batches_of(columns(size.rows), plan)
    timed = [asyncio.run(_through(plan, batches)) for _ in range(size.runs)]
    return median([seconds for seconds, _ in timed]), timed[0][1]


async def _through(plan: Plan, batches: list[pa.RecordBatch]) -> tuple[float, int]:
    async def scan() -> AsyncGenerator[pa.RecordBatch]:
        for batch in batches:
            yield batch

    engine = PlanEngine(lambda _year: bytes(32), lambda: 2026, 2)
    suppressed = 0
    started = time.perf_counter()
    async for ready in engine.run(plan, scan(), Form.ARROW):
        suppressed += ready.suppressed
    seconds = time.perf_counter() - started
    engine.close()
    return seconds, suppressed


def batches_of(frame: pl.DataFrame, plan: Plan) -> list[pa.RecordBatch]:
    """Return a frame as an adapter delivers it to a plan's scan."""
    table = frame.select(plan.scan.names).to_arrow(compat_level=pl.CompatLevel.oldest())
    whole = table.cast(arrow_schema(plan.scan.columns)).combine_chunks()
    return list(whole.to_batches(max_chunksize=BATCH_ROWS))
