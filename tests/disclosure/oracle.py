"""The independent judge of disclosure control: slow, whole, and without a thought of its own.

It shares the data types of `gateway.disclosure.table` and not a line more. Each bound is a problem
of its own over the whole system: every cell is a variable, published ones with equal bounds;
nothing is merged, split or dropped, no witness is kept. The optimum is one mixed-integer program
that holds two whole tables for each primary cell, and for very small tables the first of all
patterns, tried in the order of their weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from gateway.disclosure.table import View

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.disclosure.table import Flags, Integers, Problem, Row

Floats: TypeAlias = NDArray[np.float64]

# A gap of zero: the solver's own default would leave cells of 10^5 ten units short of their bound.
# No presolve in whole numbers: its aggregator loses optima there, in HiGHS 1.12 and 1.15 alike (a
# table of nine cells, weight 36 for a true 26, is kept in `test_oracle_itself`).
_EXACT = {"mip_rel_gap": 0.0, "presolve": False}
_QUICK = {"mip_rel_gap": 0.0, "presolve": True}
_OPTIMAL, _INFEASIBLE = 0, 2
_SLACK = 1e-6


class OracleError(AssertionError):
    """The judge cannot judge: no table fits what is published, or the solver gave no answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Optimum:
    """The cheapest pattern there is, and the weight of its secondary cells."""

    hidden: Flags
    weight: int


def ranges(
    view: View,
    *,
    integer: bool,
    cells: Iterable[int] | None = None,
    at_once: int = 1,
    quick: bool = False,
) -> Floats:
    """Return (low, high) of each cell; a published one has its value twice.

    Args:
        view: What the recipient sees and knows.
        integer: Whether only whole numbers are tables.
        cells: Which hidden cells are asked for; others come back as NaN. All, if none are named.
        at_once: How many bounds are put, side by side and with no variable in common, into one call
            of the solver. The answer does not depend on it, the time does.
        quick: Whole numbers with presolve: a range may then come out narrower than it is, never
            wider, since each of its ends is held against the rows.

    Raises:
        OracleError: No table fits.
    """
    low, high = _box(view)
    answer = np.full((len(view.hidden), 2), np.nan)
    answer[~view.hidden] = view.published[~view.hidden, None]
    asked = np.flatnonzero(view.hidden) if cells is None else [c for c in cells if view.hidden[c]]
    bounds = [(int(cell), side) for cell in asked for side in (0, 1)]
    system = _system(view.rows, len(view.hidden))
    for start in range(0, len(bounds), at_once):
        part = bounds[start : start + at_once]
        found = _extremes(system, low, high, part, integer=integer, quick=quick or not integer)
        for (cell, side), value in zip(part, found, strict=True):
            answer[cell, side] = value
    return answer


def linear_bound(view: View, cell: int, *, most: bool) -> float:
    """Return one end of a cell's range by `linprog`, which is no `milp`; a second opinion."""
    matrix, least, greatest = _system(view.rows, len(view.hidden))
    low, high = _box(view)
    aim = np.zeros(len(low))
    aim[cell] = -1.0 if most else 1.0
    both = sparse.vstack([matrix, -matrix])
    answer = linprog(
        aim,
        A_ub=both,
        b_ub=np.concatenate([greatest, -least]),
        bounds=np.column_stack([low, high]),
        method="highs",
    )
    if answer.status != _OPTIMAL:
        raise OracleError(answer.message)
    return float(-answer.fun if most else answer.fun)


def view_under(problem: Problem, hidden: Flags) -> View:
    """Return what the recipient sees under a pattern; hidden values are not in it."""
    seen = np.where(hidden, -1, problem.table.values)
    return View(problem.table.rows, seen, hidden, problem.lower, problem.upper)


def narrow(problem: Problem, hidden: Flags, *, integer: bool = True) -> list[int]:
    """Return the primary cells whose range is not what the problem asks for.

    Without `integer`, a range's ends are real, and rounded inwards before they are judged: whoever
    solves linear programs only still knows that people are counted in whole numbers.
    """
    view, left = (
        view_under(problem, hidden),
        [int(cell) for cell in np.flatnonzero(problem.primary)],
    )
    for quick in (True, False):  # what is wide at the first look is wide
        seen = ranges(view, integer=integer, cells=left, at_once=64, quick=quick)
        ends = np.column_stack([np.ceil(seen[:, 0] - _SLACK), np.floor(seen[:, 1] + _SLACK)])
        left = [cell for cell in left if not _wide(problem, cell, ends[cell])]
    return left


def feasible(problem: Problem, *, integer: bool = True) -> bool:
    """Tell whether any pattern protects: the largest one does, or none (more never narrows)."""
    if (problem.primary & problem.open).any():
        return False
    return not narrow(problem, ~problem.open, integer=integer)


def weight(problem: Problem, hidden: Flags) -> int:
    """Return the weight of the secondary cells."""
    return int(problem.weights[hidden & ~problem.primary & ~problem.shut].sum())


def optimum(problem: Problem, *, integer: bool = True) -> Optimum | None:
    """Return the cheapest pattern that protects, or None where there is none.

    One program: `x` for each cell, and for each primary cell two tables, its witnesses, that are
    the true one where x = 0 and anything within the attacker's bounds where x = 1. With `integer`
    the witnesses are whole numbers, so that the attacker who knows that they are is fooled too.
    """
    cells, copies = len(problem.weights), 2 * int(problem.primary.sum())
    must = problem.primary | problem.shut
    if (must & problem.open).any():
        return None
    if not copies:
        return Optimum(must, 0)
    low = np.minimum(problem.lower, problem.table.values)
    high = np.maximum(problem.upper, problem.table.values)
    answer = milp(
        np.concatenate([np.where(must, 0, problem.weights), np.zeros(copies * cells)]),
        constraints=_constraints(problem),
        bounds=Bounds(
            np.concatenate([must, np.tile(low, copies)]),
            np.concatenate([~problem.open, np.tile(high, copies)]),
        ),
        integrality=np.concatenate([np.ones(cells), np.full(copies * cells, int(integer))]),
        options=_EXACT,
    )
    if answer.status == _INFEASIBLE:
        return None
    if answer.status != _OPTIMAL:
        raise OracleError(answer.message)
    hidden = answer.x[:cells] > 1 / 2
    # The program allows for what a solver calls whole; the verdict does not.
    if integer and narrow(problem, hidden):
        raise OracleError("an optimum that does not protect")
    return Optimum(hidden, weight(problem, hidden))


def cheapest(problem: Problem, *, integer: bool = True) -> Optimum | None:
    """Return the same by trying all patterns; for a dozen free cells at the most."""
    must = problem.primary | problem.shut
    free = [int(cell) for cell in np.flatnonzero(~must & ~problem.open)]
    tries = [one for size in range(len(free) + 1) for one in combinations(free, size)]
    for one in sorted(tries, key=lambda cells: (int(problem.weights[list(cells)].sum()), cells)):
        hidden = must.copy()
        hidden[list(one)] = True
        if not (hidden & problem.open).any() and not narrow(problem, hidden, integer=integer):
            return Optimum(hidden, weight(problem, hidden))
    return None


def _wide(problem: Problem, cell: int, seen: Floats) -> bool:
    low, high = seen
    true = int(problem.table.values[cell])
    return bool(
        high - low >= problem.width[cell]
        and high >= true + problem.up[cell]
        and low <= true - problem.down[cell]
    )


def _box(view: View) -> tuple[Integers, Integers]:
    return (
        np.where(view.hidden, view.lower, view.published),
        np.where(view.hidden, view.upper, view.published),
    )


def _system(rows: Sequence[Row], cells: int) -> tuple[Any, Floats, Floats]:
    """Return matrix, least and greatest of all rows."""
    at = [(r, c, k) for r, row in enumerate(rows) for c, k in _terms(row)]
    where = ([r for r, _, _ in at], [c for _, c, _ in at])
    matrix = sparse.csr_array(([float(k) for _, _, k in at], where), shape=(len(rows), cells))
    least = np.array([row.low for row in rows], np.float64)
    return matrix, least, np.array([row.high for row in rows], np.float64)


def _terms(row: Row) -> Iterable[tuple[int, int]]:
    return zip(row.cells, row.coefficients, strict=True)


def _extremes(
    system: tuple[Any, Floats, Floats],
    low: Integers,
    high: Integers,
    bounds: Sequence[tuple[int, int]],
    *,
    integer: bool,
    quick: bool,
) -> list[float]:
    """Return the value at each (cell, side), each in a copy of the whole system of its own."""
    matrix, least, greatest = system
    copies, cells = len(bounds), len(low)
    aim = np.zeros((copies, cells))
    for copy, (cell, side) in enumerate(bounds):
        aim[copy, cell] = -1.0 if side else 1.0
    whole = sparse.kron(sparse.eye_array(copies), matrix, format="csr")
    answer = milp(
        aim.ravel(),
        constraints=[LinearConstraint(whole, np.tile(least, copies), np.tile(greatest, copies))]
        if len(least)
        else [],
        bounds=Bounds(np.tile(low, copies), np.tile(high, copies)),
        integrality=int(integer),
        options=_QUICK if quick else _EXACT,
    )
    if answer.status != _OPTIMAL:
        raise OracleError(answer.message)
    tables = answer.x.reshape(copies, cells)
    if integer:
        tables = np.rint(tables)
        _verify(matrix, least, greatest, tables, (low, high))
    return [float(tables[copy, cell]) for copy, (cell, _) in enumerate(bounds)]


def _verify(
    matrix: Any,  # noqa: ANN401  # scipy's sparse array has no type that mypy knows
    least: Floats,
    greatest: Floats,
    tables: Floats,
    box: tuple[Integers, Integers],
) -> None:
    """Hold each witness against each row in whole numbers: a tolerance is no table."""
    for table in tables:
        sums = matrix @ table
        fits = (sums >= least).all() and (sums <= greatest).all()
        if not (fits and (table >= box[0]).all() and (table <= box[1]).all()):
            raise OracleError("a witness that is no table")


def _constraints(problem: Problem) -> list[LinearConstraint]:
    """Return what x and the witnesses obey; x stands first, then two tables a primary cell."""
    cells, values = len(problem.weights), problem.table.values
    asked = [int(cell) for cell in np.flatnonzero(problem.primary)]
    copies = 2 * len(asked)
    matrix, least, greatest = _system(problem.table.rows, cells)
    eye, stack = sparse.eye_array(copies * cells), np.ones((copies, 1))
    none = sparse.csr_array((copies * len(least), cells))
    whole = sparse.hstack([none, sparse.kron(sparse.eye_array(copies), matrix)], format="csr")
    true = np.tile(values, copies).astype(np.float64)
    found = [LinearConstraint(whole, np.tile(least, copies), np.tile(greatest, copies))]
    # y >= a - (a - lower) x, and y <= a + (upper - a) x
    for room, low, high in (
        (values - problem.lower, true, np.inf),
        (values - problem.upper, -np.inf, true),
    ):
        spread = sparse.kron(stack, sparse.diags_array(room.astype(np.float64)))
        found.append(LinearConstraint(sparse.hstack([spread, eye], format="csr"), low, high))
    width = sparse.lil_array((3 * len(asked), (copies + 1) * cells))
    wanted = np.zeros(3 * len(asked))
    for k, cell in enumerate(asked):
        top, bottom = (2 * k + 1) * cells + cell, (2 * k + 2) * cells + cell
        width[3 * k, top], width[3 * k, bottom] = 1, -1
        width[3 * k + 1, top], width[3 * k + 2, bottom] = 1, -1
        wanted[3 * k : 3 * k + 3] = (
            problem.width[cell],
            values[cell] + problem.up[cell],
            problem.down[cell] - values[cell],
        )
    return [*found, LinearConstraint(width.tocsr(), wanted, np.inf)]
