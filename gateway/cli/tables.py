"""Reference tables: versioned JSON files, used only while their digest is what the settings say."""

from __future__ import annotations

import hashlib
import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import SettingsError
from gateway.plan.build import Table
from gateway.settings import beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gateway.settings import GatewaySettings

_ZIP3: Final = re.compile(r"[0-9]{3}")
_CELL: Final = re.compile(r"-?[0-9]{1,10}:-?[0-9]{1,10}")
_STEP: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,7})?")
GRID: Final = "grid@"


def tables(path: Path, settings: GatewaySettings) -> dict[str, Table]:
    """Return the reference tables that the settings name, by `name@version`.

    Raises:
        SettingsError: A file is absent, is not what its digest says, or is no such table.
    """
    found = {
        ref: _table(ref, f"{path}: `tables.{ref}`", beside(path, one.file), one.sha256)
        for ref, one in settings.tables.items()
    }
    steps = [table.step for table in found.values() if table.ref.startswith(GRID)]
    if len(steps) != len(set(steps)):
        raise SettingsError(f"{path}: `tables`: two grids of one step: which one would a mask use")
    return found


def known(found: Mapping[str, Table]) -> frozenset[str]:
    """Return what an agreement may name: tables by reference, grids by `grid:<step>` as well."""
    return frozenset(found) | {f"grid:{one.step}" for one in found.values() if one.step}


def _table(ref: str, where: str, file: Path, sha256: str) -> Table:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{where}: `file` cannot be read: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise SettingsError(f"{where}: `sha256` is not the digest of the file")
    try:
        value = json.loads(data)
        named = f"{value['name']}@{value['version']}"
        rows, step = value["rows"], value.get("step", "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SettingsError(f"{where}: the file is not a table in JSON") from None
    if named != ref:
        raise SettingsError(f"{where}: the file names another table")
    if (fault := _fault(ref, rows, step)) is not None:
        raise SettingsError(f"{where}: {fault}")
    return Table(ref, sha256, rows, step)


def _fault(ref: str, rows: Any, step: Any) -> str | None:  # noqa: ANN401 - JSON
    if not isinstance(rows, dict) or not rows:
        return "`rows` is not a mapping with an entry"
    if any(isinstance(count, bool) or not isinstance(count, int) for count in rows.values()):
        return "`rows` holds what is no whole number"
    if ref.startswith("zip3@"):
        return _unlike(rows, _ZIP3, "three digits of a ZIP code")
    if ref.startswith(GRID):
        if not isinstance(step, str) or not _STEP.fullmatch(step) or not Fraction(step):
            return "`step` is not a number of degrees, quoted"
        return _unlike(rows, _CELL, "a cell, `lat:lon`")
    return "no mask uses a table of this name; there are zip3 and grid"


def _unlike(keys: Iterable[str], form: re.Pattern[str], said: str) -> str | None:
    if all(form.fullmatch(key) for key in keys):
        return None
    return f"a key of `rows` is not {said}"
