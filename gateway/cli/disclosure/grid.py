"""A sheet with what sums to what: rows among cells, each held against the file's own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gateway.cli.disclosure.lines import wrong
from gateway.cli.disclosure.trees import sums_of
from gateway.disclosure.table import Dimension, DisclosureError, cube

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.cli.disclosure.sheet import Line, Sheet
    from gateway.cli.disclosure.trees import Sums
    from gateway.disclosure.table import Flags, Integers, Key, Row


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Cells in the order of their keys, with the rows that hold among them.

    Attributes:
        lines: The line of each cell.
        counts: The number of each cell; 0 where it is not `known`.
        known: Which cells have a number in the file.
        sums: As `sums_of` returns them.
    """

    sheet: Sheet
    total: str
    lines: tuple[Line, ...]
    counts: Integers
    known: Flags
    rows: tuple[Row, ...]
    sums: tuple[tuple[Sums, ...], ...]

    @property
    def keys(self) -> tuple[Key, ...]:
        """The cells' keys."""
        return tuple(line.key for line in self.lines)


def grid_of(sheet: Sheet, total: str, hierarchies: Sequence[str]) -> Grid:
    """Return a sheet's grid.

    Raises:
        SettingsError: A hierarchy is none, or a total's parts are not all in the file.
        DisclosureError: `not_additive`: a total is not the sum of its parts, all of them known.
    """
    sums = sums_of(sheet, total, hierarchies)
    lines = tuple(sorted(sheet.lines, key=lambda line: line.key))
    counts = np.array([line.count or 0 for line in lines], np.int64)
    known = np.array([line.count is not None for line in lines], np.bool_)
    grid = Grid(sheet, total, lines, counts, known, _rows(sheet, lines, sums), sums)
    _additive(grid)
    return grid


def _rows(
    sheet: Sheet, lines: Sequence[Line], sums: tuple[tuple[Sums, ...], ...]
) -> tuple[Row, ...]:
    # The numbers come later, and may not be there: relations are those of a table of zeros.
    zeros = {line.key: 0 for line in lines}
    found: dict[Row, None] = {}
    for axis, trees in enumerate(sums):
        for tree in trees:
            _whole(sheet, axis, tree, zeros)
            dimensions = [
                Dimension(name, tree if at == axis else {})
                for at, name in enumerate(sheet.dimensions)
            ]
            found |= dict.fromkeys(cube(dimensions, zeros).rows)
    return tuple(found)


def _whole(sheet: Sheet, axis: int, tree: Sums, cells: dict[Key, int]) -> None:
    """Refuse a total of which some parts are in the file, and some not.

    Left out, an empty cell would take the whole relation with it, and the attacker would seem to
    know less than everybody does.
    """
    for line in sheet.lines:
        key = line.key
        parts = [(*key[:axis], part, *key[axis + 1 :]) for part in tree.get(key[axis], ())]
        absent = [part for part in parts if part not in cells]
        if absent and len(absent) < len(parts):
            raise wrong(
                sheet.path, line.number,
                f"is a total, and its part {sheet.named(absent[0])} has no row: "
                "write every cell, with 0 where it is empty",
            )  # fmt: skip


def _additive(grid: Grid) -> None:
    broken = [
        grid.lines[row.cells[0]]
        for row in grid.rows
        if grid.known[list(row.cells)].all()
        and int((grid.counts[list(row.cells)] * row.coefficients).sum())
    ]
    if broken:
        line = min(broken, key=lambda one: one.number)
        raise DisclosureError(
            "not_additive",
            f"{grid.sheet.path}:{line.number}: {grid.sheet.named(line.key)} is not the sum of "
            "its parts; where a part is itself a sum, `--hierarchy` says so",
        )
