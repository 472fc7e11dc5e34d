"""Reference tables: used only while their digest holds, and only where they are tables."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.deploy import templates
from gateway.cli.tables import known, reference, tables
from gateway.errors import SettingsError
from gateway.masks.places import Area
from gateway.settings import gateway_settings

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.plan.reference import Table

ZIP3 = {"name": "zip3", "version": "1", "rows": {"050": 25_000}}
GRID = {"name": "grid", "version": "1", "step": "0.01", "rows": {"4401:-7255": 40}}

BAD_ROWS: list[Any] = [{}, [], {"050": "1"}, {"050": True}, {"05": 1}, {"050": 1.5}]


def read(tmp_path: Path, *bodies: Any, digest: str = "") -> dict[str, Table]:  # noqa: ANN401 - JSON
    """Read the tables of settings that name these files."""
    named = {}
    for number, body in enumerate(bodies):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        (tmp_path / f"{number}.json").write_bytes(data)
        ref = f"{body['name']}@{body['version']}" if isinstance(body, dict) else "zip3@1"
        if isinstance(body, bytes) and b"areas" in body:
            ref = "areas@1"
        named[ref] = (f"{number}.json", digest or hashlib.sha256(data).hexdigest())
    path = tmp_path / "gateway.toml"
    path.write_text(templates.gateway("demo.invalid/log", 1, 2, dict.fromkeys(AGENCIES, 3), named))
    return tables(path, gateway_settings(path))


AGENCIES = ("rivertown-ems", "rivertown-pd", "rivertown-health", "safe-steps")


def test_tables_are_read(tmp_path: Path) -> None:
    """By `name@version`; a grid is known by its step as well."""
    found = read(tmp_path, ZIP3, GRID)

    assert {"050": 25_000} == found["zip3@1"].rows
    assert frozenset({"zip3@1", "grid@1", "grid:0.01"}) == known(found)


POPULATION = {"name": "population", "version": "2020", "rows": {"10901": 40_000, "10": 0}}
BY_YEAR: list[Any] = [{"10901": {"2020": 40_000}}, {"10901": [40_000]}]


def test_populations_are_read(tmp_path: Path) -> None:
    """People by area, which a rate names; an area may be nobody's."""
    found = read(tmp_path, POPULATION)

    assert {"10901": 40_000, "10": 0} == found["population@2020"].rows
    assert frozenset({"population@2020"}) == known(found)


@pytest.mark.parametrize("rows", [*BAD_ROWS[:4], {"10901": -1}, {"1 0": 1}, {"": 1}, *BY_YEAR])
def test_what_is_no_population_is_refused(
    tmp_path: Path,
    rows: Any,  # noqa: ANN401 - JSON
) -> None:
    """Whole numbers of people by the code of an area; by year or age is not built, and said so."""
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, POPULATION | {"rows": rows})

    assert (rows in BY_YEAR) == ("by year or age are not built" in str(raised.value))


AREAS = b"""# areas@1 SYNTHETIC
code,area,parent
10,state,
10-river,region,10
10901,county,10-river
10903,county,10
10901000100,tract,10901
"""
HEXAGONS = {
    "name": "h3",
    "version": "1",
    "step": "7",
    "rows": {"87444d690ffffff": 40, "87754e045ffffff": 500},
    "counties": {"87444d690ffffff": "10901"},
}


def test_areas_and_cells_of_other_kinds_are_read(tmp_path: Path) -> None:
    """Areas from CSV with the code that each lies in, hexagons with people and counties."""
    found = read(tmp_path, AREAS, HEXAGONS, {**GRID, "counties": {"4401:-7255": "10901"}})

    assert 5 == len(found["areas@1"].areas)
    assert (Area.COUNTY, "10-river") == found["areas@1"].areas["10901"]
    assert hashlib.sha256(AREAS).hexdigest() == found["areas@1"].sha256
    assert {"87444d690ffffff": "10901"} == found["h3@1"].counties
    assert {"4401:-7255": "10901"} == found["grid@1"].counties
    names = {"areas@1", "h3@1", "h3:7", "grid@1", "grid:0.01"}
    assert names == known(found)
    assert ["areas@1", "h3@1", ""] == [
        reference(one) for one in (AREAS, json.dumps(HEXAGONS).encode(), b"[]")
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# areas@1 ", "# areas@2 ", "first line"),
        ("code,area,parent", "code,kind,parent", "header"),
        ("10,state,\n", "10,state\n", "line 3: not three columns"),
        ("10,state,\n", "10,state,10\n", "`10`: a state has no parent"),
        ("10,state,", "1,state,", "line 3: the code is not that of a state"),
        ("10,state,", "10,realm,", "line 3: the area is none of"),
        ("10901,county", "1091,county", "line 5: the code is not that of a county"),
        ("10903,county", "10901,county", "line 6: the code stands twice"),
        ("10903,county,10", "10903,county,", "`10903`: its parent is not listed"),
        ("10903,county,10", "10903,county,11", "`10903`: its parent is not listed"),
        ("10-river,region,10", "10-river,region,10901", "`10-river`: its parent is no wider area"),
        ("10903,county,10", "10903,county,10903", "`10903`: its parent is no wider area"),
        ("SYNTHETIC", "S\u00ffNTHETIC", ""),
    ],
)
def test_what_is_no_table_of_areas_refuses(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Every line is a code of its kind, once, inside a wider area that is listed too."""
    text = AREAS.decode().replace(old, new, 1)
    if not said:
        assert read(tmp_path, text.encode())
        with pytest.raises(SettingsError, match="not a table in CSV"):
            read(tmp_path, AREAS.replace(b"county", b"count\xff"))
        return
    with pytest.raises(SettingsError, match=re.escape(said)):
        read(tmp_path, text.encode())


@pytest.mark.parametrize(
    "body",
    [
        *({**HEXAGONS, "step": step} for step in ("", "0", "16", 7, "7.0", "8")),
        {**HEXAGONS, "rows": {"87444d690ffffff": "40"}},
        {**HEXAGONS, "rows": {"not a cell": 40}, "counties": {}},
        {**HEXAGONS, "counties": {"87444d690ffffff": 10901}},
        {**HEXAGONS, "counties": {"87444d690ffffff": "1090"}},
        {**HEXAGONS, "counties": {"87444d691ffffff": "10901"}},
        {**HEXAGONS, "counties": []},
        {**GRID, "counties": {"1:1": "10901"}},
    ],
)
def test_what_is_no_table_of_cells_refuses(tmp_path: Path, body: Any) -> None:  # noqa: ANN401 - JSON
    """A resolution that H3 has, cells of it, and counties of cells that are listed."""
    with pytest.raises(SettingsError, match="`tables"):
        read(tmp_path, body)


def test_another_digest_refuses(tmp_path: Path) -> None:
    """A table that was changed after it was named is not used."""
    with pytest.raises(SettingsError, match=r"`tables.zip3@1`: `sha256`"):
        read(tmp_path, ZIP3, digest="0" * 64)


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b"\xff", b"[" * 100_000,
        b'{"name": "zip3", "version": "2", "rows": {"050": 1}}',
        b'{"name": "zip3", "version": "1"}',
        *({**ZIP3, "rows": rows} for rows in BAD_ROWS),
        *({**GRID, "rows": rows} for rows in ({"x": 1}, {"1:1:1": 1})),
        *({**GRID, "step": step} for step in ("", "0", 0.01, "-1", "1e3")),
        {"name": "other", "version": "1", "rows": {"a": 1}},
    ],
)  # fmt: skip
def test_what_is_no_table_refuses(tmp_path: Path, body: Any) -> None:  # noqa: ANN401 - JSON
    """Never a traceback, and never a half-read table."""
    with pytest.raises(SettingsError, match="`tables"):
        read(tmp_path, body)


def test_two_grids_of_one_step_refuse(tmp_path: Path) -> None:
    """A mask names a step; with two tables nobody could say which one it used."""
    with pytest.raises(SettingsError, match="one step"):
        read(tmp_path, GRID, {**GRID, "version": "2"})
    with pytest.raises(SettingsError, match="one step"):
        read(tmp_path, HEXAGONS, {**HEXAGONS, "version": "2"})
