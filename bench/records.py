"""Synthetic EMS runs in columns, made once, and the adapter that serves them from memory.

Nobody in them exists: every value is arithmetic over the row's number. They are kept as ready
batches, so that what is measured is the exchange and not the making of records.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import polars as pl

from adapters.base import Report, check_scan
from gateway.plan.pushdown import arrow_schema
from gateway.values import DatasetId

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from gateway.plan.pushdown import Scan

DATASET: Final = DatasetId("ems.overdose_run", 1)
BATCH_ROWS: Final = 8192
PLACES: Final = ("Y92.009", "Y92.410", "Y92.511", "Y92.830", "Y92.239", "Y92.10", "Y92.9")
ZIPS: Final = ("00101", "00102", "00113", "00201", "00202", "00301")
"""Made-up places: some prefixes are listed in the county's table and some become `000`."""


def columns(rows: int) -> pl.DataFrame:
    """Return so many made-up runs: the fields that the measured provisions read."""
    number = pl.int_range(rows, dtype=pl.Int64)
    day = pl.lit(dt.date(2026, 1, 1)) + pl.duration(days=number % 300)
    texts = number.cast(pl.String).str.zfill(12)
    # A multiplication by a large odd number spreads neighbours, as real records are spread.
    spread = (number * 2_654_435_761) % 1_000_003
    return pl.select(
        pcr_uuid=pl.lit("00000000-0000-7000-8000-") + texts,
        patient_id=pl.lit("synthetic-") + (number % 400_000).cast(pl.String),
        patient_last_name=pl.lit("Synthetic") + (spread % 9_973).cast(pl.String),
        patient_first_name=pl.lit("Nobody") + (spread % 977).cast(pl.String),
        patient_dob=pl.lit(dt.date(1950, 1, 1)) + pl.duration(days=spread % 20_000),
        unit_notified_at=day.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        + pl.duration(seconds=spread % 86_400),
        time_precision=_one_of(spread, ("minute", "minute", "instant", "minute", "day")),
        age=pl.when(spread % 50 > 0).then(spread % 97),
        age_unit=pl.lit("years"),
        respiratory_rate=pl.when(spread % 7 > 0).then(spread % 40),
        patient_home_zip=_one_of(spread, ZIPS),
        scene_census_tract=pl.lit("99") + (spread % 900_000_000).cast(pl.String).str.zfill(9),
        scene_location_type=_one_of(spread, PLACES),
        naloxone_total_mg=pl.when(spread % 3 > 0).then((spread % 160) / 10),
        sex=_one_of(spread, ("female", "male", "male", "other", "unknown")),
    )


def _one_of(number: pl.Expr, texts: tuple[str, ...]) -> pl.Expr:
    return (number % len(texts)).replace_strict(
        list(range(len(texts))), list(texts), return_dtype=pl.String
    )


class MemoryAdapter:
    """An adapter whose system of record is its memory.

    Args:
        frame: The rows it holds.
        served: How many rows a scan brings, by purpose: more than it holds come again and again.
    """

    def __init__(self, frame: pl.DataFrame, served: Mapping[str, int]) -> None:
        self._frame = frame
        self._served = served
        self._ready: dict[pa.Schema, list[pa.RecordBatch]] = {}

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset held."""
        return (DATASET,)

    def scan(self, scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        """Return the scan's batches; see `Adapter.scan`."""
        del report
        check_scan(scan, self.datasets())
        return self._run(scan)

    def _run(self, scan: Scan) -> Iterator[pa.RecordBatch]:
        left = self._served[scan.purpose]
        batches = self._batches(scan)
        while left > 0:
            for batch in batches:
                if left <= 0:
                    return
                yield batch if batch.num_rows <= left else batch.slice(0, left)
                left -= batch.num_rows

    def _batches(self, scan: Scan) -> list[pa.RecordBatch]:
        schema = arrow_schema(scan.columns)
        kept = self._ready.get(schema)
        if kept is None:
            table = self._frame.select(scan.names).to_arrow(compat_level=pl.CompatLevel.oldest())
            whole = table.cast(schema).combine_chunks()
            kept = self._ready[schema] = whole.to_batches(max_chunksize=BATCH_ROWS)
        return kept
