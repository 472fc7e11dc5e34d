"""The group `masks`: eight masks, HMAC among them, over a million EMS runs, Arrow to Arrow.

Ours is what the engine does with batches of 8,192 rows: it puts them together up to 65,536, runs
the lowered program and the plain functions, with why each value is absent, and checks what leaves.
The peers, pandas and presidio-structured, get the same records in the same run, in an environment
of their own (`requirements-bench.lock`). What a peer can say too has to be equal. A peer that is
not there has no figure.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pyarrow as pa

from bench.county import EIGHT, PSEUDONYM, Flow, deploy
from bench.crossover import plan_of, ways
from bench.cube import BATCH_ROWS, batches_of
from bench.figures import median
from bench.processes import PEERS, ROOT
from bench.records import columns
from gateway.broker.batches import TOGETHER_ROWS, whole
from gateway.masks.identity import hmac_key_text
from gateway.masks.times import Unit, fine_enough

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.plan.ops import Plan

KEYS: Final = (
    "masks.vs_pandas", "masks.vs_presidio",
    "masks.rows_s", "masks.pandas_rows_s", "masks.presidio_rows_s",
)  # fmt: skip
"""What the group finds; every key is there after every run, without a figure for an absent peer."""

PEERS_TIMEOUT_S: Final = 240.0
TOGETHER: Final = TOGETHER_ROWS // BATCH_ROWS
MASKS: Final = {name: mask for name, mask in (PSEUDONYM | EIGHT).items() if name != "sex"}
"""HMAC, hour, five-year band, band, ZIP3, tract to county, a map, and rounding."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        runs: Of ours and of pandas.
        presidio_rows: How many rows presidio-structured gets; its rate is told, not its total.
    """

    rows: int = 1_000_000
    runs: int = 5
    presidio_rows: int = 20_000
    peers: Path = PEERS


def run(size: Size | None = None, say: Callable[[str], None] = print) -> dict[str, float | None]:
    """Measure ours, then the peers; None for a figure whose peer is not there."""
    size = size or Size()
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as name:
        folder = Path(name) / "county"
        flow = Flow(
            "public_health.surveillance", MASKS, "{exempt: 45 CFR 164.528(a)(1)}", size.rows
        )
        deploy(folder, {"eight": flow})
        plan = plan_of(folder, flow)
        batches = batches_of(_records(size.rows, plan), plan)
        seconds, made = _ours(plan, batches, size.runs)
        found: dict[str, float | None] = dict.fromkeys(KEYS)
        found["masks.rows_s"] = ours = size.rows / median(seconds)
        say(
            f"         ours: {ours:>12,.0f} rows/s (median of {size.runs}), {size.rows:,} rows in"
            f" {len(batches)} batches, checked, with the reasons of what is absent"
        )
        told = _peers(size, plan, batches, Path(name), say)
        if told is None:
            return found
        found["masks.pandas_rows_s"] = rate = size.rows / median(told["pandas_s"])
        found["masks.vs_pandas"] = ours / rate
        _equal(made, _read(Path(name) / "peers.pandas"))
        say(
            f"       pandas: {rate:>12,.0f} rows/s (median of {size.runs}), equal; {told['pandas']}"
        )
        if "presidio_s" not in told:
            say("     presidio: not run")
            return found
        found["masks.presidio_rows_s"] = rate = size.presidio_rows / told["presidio_s"]
        found["masks.vs_presidio"] = ours / rate
        _equal(made.head(size.presidio_rows), _read(Path(name) / "peers.presidio"))
        say(
            f"     presidio: {rate:>12,.0f} rows/s, measured over {size.presidio_rows:,} rows and"
            f" scaled: {size.rows / rate:,.0f} s for all; equal where it can see what is needed"
        )
    return found


def _records(rows: int, plan: Plan) -> pl.DataFrame:
    """Return the bench's runs, in tracts that the county's table lists and in one that it does not.

    Those of the other groups are of no county.
    """
    areas = next(one.inputs.table for one in plan.masks if one.name == "scene_census_tract")
    tracts = pl.Series([*sorted(areas or {}), "99000000000"])
    at = (pl.int_range(rows, dtype=pl.Int64) * 2_654_435_761) % 1_000_003 % len(tracts)
    return columns(rows).with_columns(scene_census_tract=pl.lit(tracts).gather(at))


def _ours(plan: Plan, batches: list[pa.RecordBatch], runs: int) -> tuple[list[float], pl.DataFrame]:
    """Return the seconds of each run, and what leaves."""
    _, in_columns = ways(plan)
    seconds: list[float] = []
    made: list[Any] = []
    several = [batches[at : at + TOGETHER] for at in range(0, len(batches), TOGETHER)]
    in_columns(batches[0])  # warm: the program is lowered once for a plan
    for _ in range(runs):
        started = time.perf_counter()
        made = [in_columns(whole(some)) for some in several]
        seconds.append(time.perf_counter() - started)
    frame = pl.from_arrow(pa.Table.from_batches([one.batch for one in made]))
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table is never a series
    return seconds, frame


def _peers(
    size: Size,
    plan: Plan,
    batches: list[pa.RecordBatch],
    folder: Path,
    say: Callable[[str], None],
) -> dict[str, Any] | None:
    """Return what the peers told; None where they are not installed."""
    if not size.peers.is_file():
        say("peers: not run, since they are not installed (`make bench` does)")
        return None
    schema = batches[0].schema
    with pa.OSFile(str(folder / "records"), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    done = subprocess.run(  # noqa: S603 - our own module, in the environment of the peers
        [size.peers, ROOT / "bench" / "peers.py", folder / "records", folder / "peers.out"],
        input=json.dumps(_told(size, plan)),
        stdout=subprocess.PIPE,
        text=True,
        timeout=PEERS_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        say("peers: not run, since their environment does not work")
        return None
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _told(size: Size, plan: Plan) -> dict[str, object]:
    """Return what the peers need to make the same: the bench's key, tables and numbers."""
    inputs = {one.name: one.inputs for one in plan.masks}
    places = inputs["scene_location_type"]
    return {
        "key": hmac_key_text(inputs["pcr_uuid"].key).decode(),
        "prefix": inputs["pcr_uuid"].domain + "\x1f",
        "fine": sorted(fine_enough(Unit.HOUR)),
        "zips": sorted(inputs["patient_home_zip"].table or {}),
        "areas": dict(inputs["scene_census_tract"].table or {}),
        "places": dict(places.table or {}),
        "unmapped": places.unmapped,
        "runs": size.runs,
        "presidio_rows": size.presidio_rows,
    }


def _read(path: Path) -> pl.DataFrame:
    with pa.OSFile(str(path), "rb") as source:
        frame = pl.from_arrow(pa.ipc.open_file(source).read_all())
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a table is never a series
    return frame


def _equal(ours: pl.DataFrame, theirs: pl.DataFrame) -> None:
    """Raise where a peer made something else of a column: unequal work is not compared.

    presidio-structured gives text, and cannot see that a time is known to the day only: there ours
    is absent, and is not compared.
    """
    as_text = theirs["naloxone_total_mg"].dtype == pl.String
    different = [name for name in MASKS if not _alike(ours[name], theirs[name], as_text=as_text)]
    if different:
        raise RuntimeError(f"not the same results: {', '.join(different)}")


def _alike(ours: pl.Series, theirs: pl.Series, *, as_text: bool) -> bool:
    if ours.dtype.is_temporal():
        ours, theirs = _instants(ours), _instants(theirs)
        if as_text:
            theirs = theirs.zip_with(ours.is_not_null(), ours.clear(len(ours)))
    elif as_text:
        ours = ours.cast(pl.String).fill_null("")
    elif ours.dtype.is_float():
        theirs = theirs.fill_nan(None)
    else:
        ours, theirs = ours.cast(pl.String), theirs.cast(pl.String)
    return ours.rename("").equals(theirs.rename(""), null_equal=True)


def _instants(series: pl.Series) -> pl.Series:
    if series.dtype == pl.String:
        series = series.str.to_datetime(time_zone="UTC", time_unit="us")
    return series.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
