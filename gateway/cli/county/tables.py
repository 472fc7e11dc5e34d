"""Three small reference tables, labelled synthetic in the files themselves.

`zip3` lists the prefixes that a release may show, with how many live there: only those above 20,000
people, the others become `000`. `grid` lists people by cell, the integer `lat:lon` that holds the
point when degrees are divided by `step`, and the county of each; in cells that it does not list
nobody lives. `areas` lists the census codes of the county, each with the area that it lies in.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Final

from gateway.cli.county.files import Files
from gateway.cli.county.places import COUNTIES, QUARTERS, REACH_E4, STATE_FIPS, Quarter

VERSION: Final = "1"
STEP: Final = "0.01"
STEP_E4: Final = 100
ZIP3_ABOVE: Final = 20_000
WRITTEN: Final = "2026-11-20"
ABOUT: Final = "SYNTHETIC: made up for a county that does not exist. Never for a real release."


def tables() -> Files:
    """Return `zip3.json`, `grid.json` and `areas.csv`: the same bytes for every county."""
    zip3, grid, areas = zip3_rows(), grid_rows(), area_lines()
    files = {
        "zip3.json": _file("zip3", {"rows": zip3}),
        "grid.json": _file("grid", {"step": STEP, "rows": grid, "counties": grid_counties()}),
        "areas.csv": "\n".join((f"# areas@{VERSION} {ABOUT}", *areas, "")).encode(),
    }
    return Files(files, len(zip3) + len(grid) + len(areas) - 1, {})


def area_lines() -> list[str]:
    """Return the header and one line a code: the state, a region, its counties, their tracts."""
    region = f"{STATE_FIPS}-rivertown"
    rows = [(STATE_FIPS, "state", ""), (region, "region", STATE_FIPS)]
    rows += [(county, "county", region) for county in COUNTIES]
    rows += [(quarter.tract, "tract", quarter.fips) for quarter in QUARTERS]
    return [",".join(row) for row in (("code", "area", "parent"), *rows)]


def grid_counties() -> dict[str, str]:
    """Return the county of each cell that `grid_rows` lists."""
    found = {(lat, lon): quarter.fips for quarter in QUARTERS for lat, lon in _cells(quarter)}
    return {f"{lat}:{lon}": found[lat, lon] for lat, lon in sorted(found)}


def zip3_rows() -> dict[str, int]:
    """Return the prefixes with more than 20,000 people, with how many."""
    people: Counter[str] = Counter()
    for quarter in QUARTERS:
        people[quarter.zip[:3]] += quarter.people
    return {prefix: count for prefix, count in sorted(people.items()) if count > ZIP3_ABOVE}


def grid_rows() -> dict[str, int]:
    """Return people by cell: most in the middle of each quarter, few at its rim."""
    rows: dict[tuple[int, int], int] = {}
    for quarter in QUARTERS:
        for lat, lon in _cells(quarter):
            rows[lat, lon] = max(20, quarter.people // _share(quarter, lat, lon))
    return {f"{lat}:{lon}": rows[lat, lon] for lat, lon in sorted(rows)}


def _cells(quarter: Quarter) -> list[tuple[int, int]]:
    lats, lons = (
        range((middle - REACH_E4) // STEP_E4, (middle + REACH_E4) // STEP_E4 + 1)
        for middle in (quarter.lat_e4, quarter.lon_e4)
    )
    return [(lat, lon) for lat in lats for lon in lons]


def _share(quarter: Quarter, lat: int, lon: int) -> int:
    """Return what part of a quarter lives in a cell: a tenth in its middle, 1/200 at its rim."""
    away = max(abs(lat - quarter.lat_e4 // STEP_E4), abs(lon - quarter.lon_e4 // STEP_E4))
    return (10, 12, 200)[min(away, 2)]


def _file(name: str, rest: dict[str, object]) -> bytes:
    body = {
        "apiVersion": "accord/v1",
        "kind": "Table",
        "name": name,
        "version": VERSION,
        "source": "the county generator of accord demo",
        "retrieved": WRITTEN,
        "about": ABOUT,
        **rest,
    }
    return (json.dumps(body, indent=1) + "\n").encode()
