"""`python bench/peers.py INPUT OUTPUT`: the peers' side, in an interpreter that has them.

Reads records in an Arrow file and what the masks need as JSON on standard input; masks them with
pandas, then some of them with presidio-structured; writes what came of it as Arrow beside OUTPUT,
and prints one JSON line. It imports nothing of Accord: the environment has the peers only.

pandas works in columns wherever it can; only the HMAC goes value by value, by `hmac.digest`.
presidio-structured is told which column is what, so that it needs no model, and gets each mask as a
`custom` operator. It sees a value and nothing beside it, and gives text.
"""

from __future__ import annotations

import hmac
import itertools
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

import pandas as pd
import pyarrow as pa

AGES = [*range(0, 90, 5), 90]
BREATHS = [0, 8, 12, 20]


def labels(edges: list[int]) -> list[str]:
    """Return the labels of bands of whole numbers."""
    pairs = itertools.pairwise(edges)
    return [*(f"{low}-{high - 1}" for low, high in pairs), f"{edges[-1]}+"]


def with_pandas(table: pa.Table, told: dict[str, Any]) -> pa.Table:
    """Return masked columns, Arrow to Arrow."""
    frame = table.to_pandas()
    key, prefix = told["key"].encode(), told["prefix"].encode()
    digest = hmac.digest
    made = pd.DataFrame(
        {
            "pcr_uuid": [
                digest(key, prefix + one.encode(), "sha256").hex() for one in frame["pcr_uuid"]
            ],
            "unit_notified_at": frame["unit_notified_at"]
            .dt.floor("h")
            .where(frame["time_precision"].isin(told["fine"])),
            "age": _band(frame["age"].where(frame["age_unit"] == "years"), AGES),
            "respiratory_rate": _band(frame["respiratory_rate"], BREATHS),
            "scene_census_tract": frame["scene_census_tract"].map(told["areas"]),
            "scene_location_type": frame["scene_location_type"].map(told["places"]),
            "naloxone_total_mg": (frame["naloxone_total_mg"] / 0.5).round() * 0.5,
        }
    )
    prefixes = frame["patient_home_zip"].str[:3]
    made["patient_home_zip"] = prefixes.where(prefixes.isin(told["zips"]), "000")
    if told["unmapped"] is not None:
        made["scene_location_type"] = made["scene_location_type"].fillna(told["unmapped"])
    return pa.Table.from_pandas(made, preserve_index=False)


def _band(column: Any, edges: list[int]) -> Any:  # noqa: ANN401 - pandas has no types here
    return pd.cut(column, [*edges, math.inf], right=False, labels=labels(edges)).astype("str")


def with_presidio(table: pa.Table, told: dict[str, Any]) -> pa.Table:
    """Return masked columns as text, Arrow to Arrow; empty where there is nothing."""
    from presidio_anonymizer.entities import OperatorConfig  # noqa: PLC0415 - may be absent
    from presidio_structured import PandasDataProcessor, StructuredAnalysis, StructuredEngine  # noqa: PLC0415

    masks = _masks(told)
    frame = table.select(list(masks)).to_pandas().astype("object")
    engine = StructuredEngine(PandasDataProcessor())
    made = engine.anonymize(
        frame,
        StructuredAnalysis({name: name.upper() for name in masks}),
        {name.upper(): OperatorConfig("custom", {"lambda": one}) for name, one in masks.items()},
    )
    return pa.Table.from_pandas(made, preserve_index=False)


def _masks(told: dict[str, Any]) -> dict[str, Callable[[Any], str]]:
    key, prefix = told["key"].encode(), told["prefix"].encode()
    zips, places, unmapped = set(told["zips"]), told["places"], told["unmapped"]
    areas = told["areas"]

    def band(edges: list[int]) -> Callable[[Any], str]:
        names = labels(edges)

        def mask(value: Any) -> str:  # noqa: ANN401
            if value != value:  # noqa: PLR0124 - NaN, which is how pandas says nothing
                return ""
            return names[sum(1 for edge in edges if value >= edge) - 1]

        return mask

    return {
        "pcr_uuid": lambda one: hmac.digest(key, prefix + one.encode(), "sha256").hex(),
        "unit_notified_at": lambda one: one.floor("h").isoformat(),
        "age": band(AGES),
        "respiratory_rate": band(BREATHS),
        "patient_home_zip": lambda one: one[:3] if one[:3] in zips else "000",
        "scene_census_tract": lambda one: areas.get(one, ""),
        "scene_location_type": lambda one: places.get(one, unmapped) or "",
        "naloxone_total_mg": lambda one: "" if one != one else str(round(one / 0.5) * 0.5),  # noqa: PLR0124
    }


def main(source: Path, target: Path) -> None:
    """Measure both, the second where it is installed."""
    told = json.load(sys.stdin)
    with pa.memory_map(str(source)) as mapped:
        table = pa.ipc.open_file(mapped).read_all()
    seconds = []
    made = None
    for _ in range(told["runs"]):
        started = time.perf_counter()
        made = with_pandas(table, told)
        seconds.append(time.perf_counter() - started)
    found: dict[str, Any] = {"pandas": pd.__version__, "pandas_s": seconds}
    _write(made, target.with_suffix(".pandas"))
    try:
        started = time.perf_counter()
        made = with_presidio(table.slice(0, told["presidio_rows"]), told)
        # Once more: the first run pays for the imports.
        started = time.perf_counter()
        made = with_presidio(table.slice(0, told["presidio_rows"]), told)
        found["presidio_s"] = time.perf_counter() - started
        _write(made, target.with_suffix(".presidio"))
    except ImportError as error:
        found["presidio_absent"] = error.name
    print(json.dumps(found))


def _write(table: pa.Table | None, path: Path) -> None:
    assert table is not None  # noqa: S101 - at least one run
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
