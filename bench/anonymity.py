"""k and l over 1,000,000 records: how long it takes to count the classes that they stand in.

The records are synthetic, in batches as the engine puts them together, and masked before the clock
starts; what is timed is what `anonymity` adds to an exchange: whom each row is about, hashes,
classes, people and values in each, and which rows leave. Polars' own `group_by` over the same
columns, whose people need no canon, runs beside it.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl
import pyarrow as pa

from bench.county import Flow, deploy
from bench.crossover import plan_of, ways
from bench.figures import median
from bench.records import columns
from gateway.broker.batches import TOGETHER_ROWS
from gateway.plan.classes import Gathering
from gateway.plan.ops import Classes
from gateway.plan.pushdown import arrow_schema
from gateway.values import FieldType

if TYPE_CHECKING:
    from gateway.plan.check import Release
    from gateway.plan.ops import Plan

KEYS: Final = (
    "anonymity.k_l_1m_s",
    "anonymity.k_l_1m_settle_s",
    "anonymity.k_l_1m_polars_s",
)
ROWS: Final = 1_000_000
TIMES: Final = 5
K: Final = 11
RELEASE: Final = {
    "patient_home_zip": "{zip3: zip3@1}",
    "age": "{band: {width: 5, topcode: 90}}",
    "sex": "{map: sex_joined}",
    "naloxone_total_mg": '{round: "0.5"}',
}
PERSON: Final = "patient_id"
ALIKE: Final = ("patient_home_zip", "age", "sex")
SENSITIVE: Final = "naloxone_total_mg"
FLOW: Final = Flow(
    "public_health.surveillance",
    RELEASE | {"age_unit": "pass"},
    "{exempt: 45 CFR 164.528(a)(1)}",
    ROWS,
)


def run(rows: int = ROWS) -> dict[str, float]:
    """Return the figures of `KEYS`: medians of some runs, in seconds."""
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as name:
        folder = Path(name) / "county"
        deploy(folder, {"classes": FLOW})
        plan = _in_classes(plan_of(folder, FLOW))
    batches = _batches(plan, rows)
    _, in_columns = ways(plan)
    releases: list[Release] = [in_columns(batch) for batch in batches]  # type: ignore[misc]
    whole, settle, plain = [], [], []
    frame = _frame(releases, batches)
    for _ in range(TIMES):
        added, settled = _ours(plan, releases, batches)
        whole.append(added + settled)
        settle.append(settled)
        plain.append(_polars(frame))
    return dict(zip(KEYS, map(median, (whole, settle, plain)), strict=True))


def _in_classes(plan: Plan) -> Plan:
    """Return the plan as it would be with `anonymity` in its provision."""
    kinds = dict(plan.scan.columns) | {PERSON: FieldType.STRING}
    scan = dataclasses.replace(plan.scan, columns=tuple(kinds.items()))
    classes = Classes(
        k=K,
        l=2,
        suppress=True,
        person=PERSON,
        alike=ALIKE,
        sensitive=(SENSITIVE,),
        hidden=(),
        least_told=K,
    )
    return dataclasses.replace(plan, scan=scan, classes=classes)


def _batches(plan: Plan, rows: int) -> list[pa.RecordBatch]:
    table = columns(rows).select(plan.scan.names).to_arrow(compat_level=pl.CompatLevel.oldest())
    whole = table.cast(arrow_schema(plan.scan.columns)).combine_chunks()
    return list(whole.to_batches(max_chunksize=TOGETHER_ROWS))


def _ours(
    plan: Plan, releases: list[Release], batches: list[pa.RecordBatch]
) -> tuple[float, float]:
    """Return the seconds of gathering, and of settling which rows leave."""
    gathering, started = Gathering(plan), time.perf_counter()
    for release, batch in zip(releases, batches, strict=True):
        gathering.add(release, batch)
    gathered = time.perf_counter()
    gathering.settle()
    return gathered - started, time.perf_counter() - gathered


def _frame(releases: list[Release], batches: list[pa.RecordBatch]) -> pl.DataFrame:
    table = pa.Table.from_batches([release.batch for release in releases])
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table is never a series
    people = pl.concat([pl.Series(PERSON, batch.column(PERSON)) for batch in batches])
    return frame.with_columns(people).rechunk()


def _polars(frame: pl.DataFrame) -> float:
    started = time.perf_counter()
    keys = [name for name in frame.columns if name.removesuffix(".why") in ALIKE]
    frame.group_by(keys).agg(pl.col(PERSON).n_unique(), pl.col(SENSITIVE).drop_nulls().n_unique())
    return time.perf_counter() - started


if __name__ == "__main__":
    for key, seconds in run().items():
        print(f"{key} {seconds:.3f}")
