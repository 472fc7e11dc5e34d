"""Small made-up tables as CSV files, for the verbs of `accord disclosure`."""

from __future__ import annotations

import csv
from itertools import product
from typing import TYPE_CHECKING, Any

from gateway.cli.disclosure.audit import run_audit
from gateway.cli.disclosure.suppress import run_suppress

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from gateway.disclosure.table import Key

A1 = {
    "w": [30, 47, 64, 89], "x": [90, 124, 5, 31], "y": [92, 100, 59, 85], "z": [800, 991, 651, 685],
}  # fmt: skip
A1_HIDDEN = frozenset({"wa", "wb", "wc", "xa", "xc", "yb", "yd", "zb", "zd"})
A2 = {"I": [20, 50, 10], "II": [8, 19, 22], "III": [17, 32, 12]}
A3 = {"A": [18, 2], "B": [14, 19], "C": [12, 10], "D": [11, 14]}


def crossed(cells: Mapping[Any, int], total: str = "Total") -> dict[Key, int]:
    """Return cells with all totals, in the order of a spreadsheet: totals last."""
    axes = [list(dict.fromkeys(key[at] for key in cells)) for at in range(len(next(iter(cells))))]
    return {
        key: sum(
            count
            for cell, count in cells.items()
            if all(wanted in {level, total} for wanted, level in zip(key, cell, strict=True))
        )
        for key in product(*([*axis, total] for axis in axes))
    }


def two_way(rows: Mapping[str, Sequence[int]], columns: str) -> dict[Key, int]:
    """Return a table of rows and columns with its totals."""
    return crossed(
        {
            (row, column): count
            for row, counts in rows.items()
            for column, count in zip(columns, counts, strict=True)
        }
    )


def write(
    path: Path,
    cells: Mapping[Any, int],
    *,
    names: Sequence[str] = ("row", "column"),
    measure: str = "count",
    more: Mapping[str, Mapping[Any, str]] | None = None,
    blank: Collection[Any] = (),
) -> Path:
    """Write a table in long form; `more` are further columns, `blank` the cells without count."""
    extra = more or {}
    with path.open("w", newline="", encoding="utf-8") as file:
        sheet = csv.writer(file)
        sheet.writerow([*names, measure, *extra])
        for key, count in cells.items():
            told = (column.get(key, "") for column in extra.values())
            sheet.writerow([*key, "" if key in blank else count, *told])
    return path


def a1(path: Path, *, counts: bool) -> Path:
    """Write the published two-way table, with or without the hidden counts."""
    cells = two_way(A1, "abcd")
    hidden = [key for key in cells if "".join(key) in A1_HIDDEN]
    flags = {key: "false" if key in hidden else "true" for key in cells}
    return write(path, cells, more={"published": flags}, blank=() if counts else hidden)


def read(path: Path) -> dict[Key, dict[str, str]]:
    """Return the lines of a written table by their key of two."""
    with path.open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    names = list(lines[0])[: list(lines[0]).index("count")]
    return {tuple(line[name] for name in names): line for line in lines}


def suppress(table: Path, **options: Any) -> int:  # noqa: ANN401 - as the verb takes them
    """Run the verb with its defaults."""
    usual: dict[str, Any] = {
        "total": "Total", "hierarchies": (), "min_cell": 11, "zeros": "publish", "width": None,
        "cost": "log", "knowledge": 1, "output": "", "release": "", "html": "", "as_json": False,
    }  # fmt: skip
    return run_suppress(str(table), **(usual | options))


def audit(table: Path, **options: Any) -> int:  # noqa: ANN401 - as the verb takes them
    """Run the verb with its defaults."""
    usual: dict[str, Any] = {
        "total": "Total", "hierarchies": (), "min_cell": 11, "zeros": "", "width": None,
        "knowledge": 1, "integer": False, "output": "", "html": "", "as_json": False,
    }  # fmt: skip
    return run_audit(str(table), **(usual | options))
