"""What of a joint problem the new table can touch; all else is as it was judged before.

A cell that was published before is a constant and carries nothing from one relation to the next. So
the new cells reach only what hangs together with them through cells that are hidden, or may be: the
rest was safe when it left, and nothing that leaves now tells more of it.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gateway.disclosure.table import Problem, Row, Table

if TYPE_CHECKING:
    from gateway.disclosure.table import Flags, Integers


def near(problem: Problem, new: Integers) -> tuple[Problem, Integers]:
    """Return the part of a joint problem that its new cells are connected with.

    Args:
        problem: The joint problem.
        new: Where the new table's cells stand in it.

    Returns:
        The part, and where the new cells stand in that.
    """
    rows, cells = _reached(problem, new)
    if cells.all():
        return problem, new
    place = np.cumsum(cells) - 1
    kept: dict[str, Any] = {
        one.name: getattr(problem, one.name)[cells]
        for one in fields(Problem)
        if one.name != "table"
    }
    table = Table(
        tuple(key for key, keep in zip(problem.table.keys, cells, strict=True) if keep),
        problem.table.values[cells],
        tuple(
            replace(row, cells=tuple(int(place[cell]) for cell in row.cells))
            for row, keep in zip(problem.table.rows, rows, strict=True)
            if keep
        ),
    )
    return Problem(table=table, **kept), place[new]


def _reached(problem: Problem, new: Integers) -> tuple[Flags, Flags]:
    """Return which rows and which cells hang together with the new cells."""
    moves = ~problem.open
    # What has to be published of the new table is news too: an empty total empties its parts.
    moves[new] = True
    of_cell: list[list[int]] = [[] for _ in problem.table.keys]
    for at, row in enumerate(problem.table.rows):
        for cell in row.cells:
            if moves[cell]:
                of_cell[cell].append(at)
    rows = np.zeros(len(problem.table.rows), np.bool_)
    cells = np.zeros(len(of_cell), np.bool_)
    cells[new] = True
    waiting = [int(cell) for cell in new]
    seen = set(waiting)
    while waiting:
        for at in of_cell[waiting.pop()]:
            if not rows[at]:
                rows[at] = True
                fresh = _moving(problem.table.rows[at], moves) - seen
                seen |= fresh
                waiting += fresh
                cells[list(problem.table.rows[at].cells)] = True
    return rows, cells


def _moving(row: Row, moves: Flags) -> set[int]:
    return {cell for cell in row.cells if moves[cell]}
