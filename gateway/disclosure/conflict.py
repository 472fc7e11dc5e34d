"""Why no pattern protects a table: the dimensions along which its forced cells conflict.

Source of the rules: the project's specification of disclosure control, section 6.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.disclosure.table import Flags, Problem, Row


def conflicts(problem: Problem, cells: Flags) -> tuple[int, ...]:
    """Return the places of a key along which some cells have no companion that may be hidden.

    Args:
        problem: That no pattern solves.
        cells: Those that stay too narrow though all is hidden that may be.

    Returns:
        Places of relations in which all others are forced to be published; where there is none,
        those of all relations of the cells: what may be hidden in them is not enough.
    """
    rows = [row for row in problem.table.rows if cells[list(row.cells)].any()]
    alone = [row for row in rows if _alone(problem, row)]
    return tuple(sorted({at for row in alone or rows for at in _places(problem, row)}))


def _alone(problem: Problem, row: Row) -> bool:
    """Tell whether one cell of a relation may be hidden, and no other."""
    return int((~problem.open)[list(row.cells)].sum()) == 1


def _places(problem: Problem, row: Row) -> set[int]:
    """Return the places in which the keys of a relation differ."""
    keys = [problem.table.keys[cell] for cell in row.cells]
    return {at for at, levels in enumerate(zip(*keys, strict=False)) if len(set(levels)) > 1}
