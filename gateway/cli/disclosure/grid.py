"""A sheet with what sums to what: rows among cells, each held against the file's own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.cli.disclosure.lines import wrong
from gateway.cli.disclosure.trees import sums_of
from gateway.disclosure.table import Dimension, DisclosureError, cube

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.cli.disclosure.sheet import Line, Sheet
    from gateway.cli.disclosure.trees import Sums
    from gateway.disclosure.table import Flags, Integers, Key, Row

_SUMMED_LEAST: Final = 3
"""Of two levels either is the sum of the other whenever they are equal."""


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


def loose(grid: Grid) -> Iterator[str]:
    """Yield what to say of dimensions whose levels sum to nothing, as far as the file tells.

    A total under a name that nobody declared is the worst of mistakes: everybody who reads the
    table knows the sum, and the attacker here would not.
    """
    if not grid.rows:
        yield (
            f"{grid.sheet.path}: no cell is a total of others (`--total` is {grid.total}): "
            "each cell stands alone"
        )
    for axis, name in enumerate(grid.sheet.dimensions):
        if any(grid.sums[axis]) or len(grid.sheet.levels(axis)) == 1:
            continue
        if grid.rows:
            yield f"{grid.sheet.path}: `{name}` has no level `{grid.total}` and no hierarchy"
        for level in _sums_alike(grid, axis):
            yield (
                f"{grid.sheet.path}: `{level}` of `{name}` is the sum of the other levels wherever "
                f"all are known: if it is their total, call it `{grid.total}`"
            )


def _sums_alike(grid: Grid, axis: int) -> Iterator[str]:
    """Yield the levels that are the sum of all others in every slice that can be added up."""
    levels = grid.sheet.levels(axis)
    if len(levels) < _SUMMED_LEAST:
        return
    slices: dict[Key, dict[str, int]] = {}
    for line in grid.lines:
        if line.count is not None:
            rest = (*line.key[:axis], *line.key[axis + 1 :])
            slices.setdefault(rest, {})[line.key[axis]] = line.count
    whole = [one for one in slices.values() if len(one) == len(levels) and any(one.values())]
    if whole:
        yield from (
            level for level in levels if all(2 * one[level] == sum(one.values()) for one in whole)
        )
