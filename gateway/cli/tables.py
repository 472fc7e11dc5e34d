"""Reference tables: versioned files, used only while their digest is what the settings say.

ZIP prefixes and cells are JSON, people by key. Areas are CSV, as officers keep them: a first line
`# areas@<version>` with any words behind it, a header `code,area,parent`, and one line a code.
Populations, which rates are of, are JSON: people by the code of an area, as cells name it.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import SettingsError
from gateway.masks.cells import H3_FINEST, are_cells
from gateway.masks.places import AREAS_BY_WIDTH, Area
from gateway.plan.reference import Table
from gateway.settings import beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gateway.settings import GatewaySettings

_ZIP3: Final = re.compile(r"[0-9]{3}")
_CELL: Final = re.compile(r"-?[0-9]{1,10}:-?[0-9]{1,10}")
_STEP: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,7})?")
_RESOLUTION: Final = re.compile(r"[1-9][0-9]?")
_CODES: Final = {
    Area.STATE: re.compile(r"[0-9]{2}"),
    Area.REGION: re.compile(r"[A-Za-z0-9-]{1,40}"),
    Area.COUNTY: re.compile(r"[0-9]{5}"),
    Area.TRACT: re.compile(r"[0-9]{11}"),
}
GRID: Final = "grid@"
H3: Final = "h3@"
AREAS: Final = "areas@"
POPULATION: Final = "population@"


def tables(path: Path, settings: GatewaySettings) -> dict[str, Table]:
    """Return the reference tables that the settings name, by `name@version`.

    Raises:
        SettingsError: A file is absent, is not what its digest says, or is no such table.
    """
    found = {
        ref: _table(ref, f"{path}: `tables.{ref}`", beside(path, one.file), one.sha256)
        for ref, one in settings.tables.items()
    }
    for name in (GRID, H3, AREAS):
        steps = [table.step for table in found.values() if table.ref.startswith(name)]
        if len(steps) != len(set(steps)):
            said = f"two tables `{name[:-1]}` of one step: which one would a mask use"
            raise SettingsError(f"{path}: `tables`: {said}")
    return found


def known(found: Mapping[str, Table]) -> frozenset[str]:
    """Return what an agreement may name: tables by reference, cells by `<name>:<step>` as well."""
    cells = {f"{one.ref.partition('@')[0]}:{one.step}" for one in found.values() if one.step}
    return frozenset(found) | cells


def reference(data: bytes) -> str:
    """Return the name and version that a table's own file gives it; empty where it gives none."""
    if data.startswith(b"#"):
        return data.split(b"\n", 1)[0][1:].decode("ascii", "replace").strip().partition(" ")[0]
    try:
        value = json.loads(data)
        return f"{value['name']}@{value['version']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def _table(ref: str, where: str, file: Path, sha256: str) -> Table:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{where}: `file` cannot be read: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SettingsError(f"{where}: `sha256` is not the digest of the file")
    if ref.startswith(AREAS):
        return _areas(ref, where, data)
    try:
        value = json.loads(data)
        named = f"{value['name']}@{value['version']}"
        rows, step = value["rows"], value.get("step", "")
        counties = value.get("counties", {})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SettingsError(f"{where}: the file is not a table in JSON") from None
    if named != ref:
        raise SettingsError(f"{where}: the file names another table")
    if (fault := _fault(ref, rows, step) or _misplaced(rows, counties)) is not None:
        raise SettingsError(f"{where}: {fault}")
    return Table(ref, sha256, rows, step, counties)


# --- areas ---


def _areas(ref: str, where: str, data: bytes) -> Table:
    if reference(data) != ref:
        raise SettingsError(f"{where}: the first line does not name the table, as in `# {ref}`")
    try:
        lines = list(csv.reader(data.decode("utf-8").splitlines()[1:], strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise SettingsError(f"{where}: the file is not a table in CSV") from None
    if not lines or lines[0] != ["code", "area", "parent"]:
        raise SettingsError(f"{where}: the header is not `code,area,parent`")
    found: dict[str, tuple[Area, str]] = {}
    for number, line in enumerate(lines[1:], 3):
        if (fault := _unread(line, found)) is not None:
            raise SettingsError(f"{where}: line {number}: {fault}")
        code, area, parent = line
        found[code] = (Area(area), parent)
    if not found:
        raise SettingsError(f"{where}: the table lists no area")
    for code, (area, parent) in found.items():
        if (fault := _unparented(area, parent, found)) is not None:
            raise SettingsError(f"{where}: `{code}`: {fault}")
    return Table(ref, hashlib.sha256(data).hexdigest(), {}, areas=found)


def _unread(line: list[str], found: Mapping[str, object]) -> str | None:
    columns = 3
    if len(line) != columns:
        return "not three columns"
    code, area, _ = line
    if area not in {one.value for one in Area}:
        return "the area is none of tract, county, region and state"
    if not _CODES[Area(area)].fullmatch(code):
        return f"the code is not that of a {area}"
    return "the code stands twice" if code in found else None


def _unparented(area: Area, parent: str, found: Mapping[str, tuple[Area, str]]) -> str | None:
    if area is Area.STATE:
        return "a state has no parent" if parent else None
    if parent not in found:
        return "its parent is not listed"
    # Each step leads to a wider area, so none leads back.
    if AREAS_BY_WIDTH.index(found[parent][0]) <= AREAS_BY_WIDTH.index(area):
        return "its parent is no wider area"
    return None


# --- people ---


def _misplaced(rows: Mapping[str, object], counties: Any) -> str | None:  # noqa: ANN401 - JSON
    if not isinstance(counties, dict) or not counties.keys() <= rows.keys():
        return "`counties` is no mapping of cells that `rows` lists"
    code = _CODES[Area.COUNTY]
    if not all(isinstance(one, str) and code.fullmatch(one) for one in counties.values()):
        return "`counties` holds what is no code of a county"
    return None


def _fault(ref: str, rows: Any, step: Any) -> str | None:  # noqa: ANN401 - JSON
    if not isinstance(rows, dict) or not rows:
        return "`rows` is not a mapping with an entry"
    if ref.startswith(POPULATION):
        return _unpeopled(rows)
    if any(isinstance(count, bool) or not isinstance(count, int) for count in rows.values()):
        return "`rows` holds what is no whole number"
    if ref.startswith("zip3@"):
        return _unlike(rows, _ZIP3, "three digits of a ZIP code")
    if ref.startswith(GRID):
        if not isinstance(step, str) or not _STEP.fullmatch(step) or not Fraction(step):
            return "`step` is not a number of degrees, quoted"
        return _unlike(rows, _CELL, "a cell, `lat:lon`")
    if ref.startswith(H3):
        if not isinstance(step, str) or not _RESOLUTION.fullmatch(step) or int(step) > H3_FINEST:
            return f"`step` is not a resolution from 1 to {H3_FINEST}, quoted"
        good = are_cells(rows, int(step))
        return None if good else "a key of `rows` is no cell of that resolution"
    return "nothing uses a table of this name; there are areas, grid, h3, population and zip3"


def _unpeopled(rows: Mapping[str, Any]) -> str | None:
    if any(isinstance(one, (dict, list)) for one in rows.values()):
        return "people by year or age are not built: `rows` holds one number for each area"
    if any(type(one) is not int or one < 0 for one in rows.values()):
        return "`rows` holds what is no number of people"
    return _unlike(rows, _CODES[Area.REGION], "the code of an area")


def _unlike(keys: Iterable[str], form: re.Pattern[str], said: str) -> str | None:
    if all(form.fullmatch(key) for key in keys):
        return None
    return f"a key of `rows` is not {said}"
