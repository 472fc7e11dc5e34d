"""The last look at counts and sums: each cell's number may leave, or it is held back.

Beside the published columns stand helper columns with who is behind each number; they end here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from gateway.errors import Reason, ReleaseError
from gateway.plan.counted import exempt_cells
from gateway.plan.impossible import impossible
from gateway.plan.ops import WHY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.plan.ops import Group, MeasureNode, Suppress

UNITS, ROWS, PEOPLE = ".units", ".rows", ".people"
"""Helper columns of a table on its way to the check: distinct units, and rows, in each cell."""


def givers(one: MeasureNode) -> str:
    """Return the column with the units that a measure is made of.

    Of a sum they are those that gave a value, of a count under a condition those that met it.
    """
    return UNITS if _of_all(one) else f"{UNITS}.{one.name}"


def behind(one: MeasureNode) -> str:
    """Return the column with the people behind those units."""
    return PEOPLE if one.where is None else f"{PEOPLE}.{one.name}"


def rows_of(one: MeasureNode) -> str:
    """Return the column with the rows of a cell that a measure is of."""
    return ROWS if one.where is None else f"{ROWS}.{one.name}"


def helpers_of(measures: Sequence[MeasureNode]) -> list[str]:
    """Return the helper columns that stand behind a table's own, in their order."""
    more = [one for one in measures if not _of_all(one)]
    under = [one for one in more if one.where is not None]
    both = [name for one in under for name in (behind(one), rows_of(one))]
    return [UNITS, PEOPLE, ROWS, *map(givers, more), *both]


def _of_all(one: MeasureNode) -> bool:
    return one.function == "count_distinct" and one.where is None


def check_cells(
    frame: pl.DataFrame, cells: Sequence[tuple[str, ...]], group: Group, suppress: Suppress
) -> None:
    """Raise unless each cell of each measure may leave as it stands there.

    Args:
        frame: The table with its helper columns.
        cells: The key of each cell.
        group: The plan's measures.
        suppress: The plan's rule.

    Raises:
        ReleaseError: A number below the threshold that no rule lets out, a multiple that is not the
            nearest, or a record where none can be.
    """
    never = impossible(suppress, group, cells)
    exempt = exempt_cells(suppress.exempt, group.dimensions, cells)
    kinds = _Kinds(*(pl.lit(pl.Series(flags, dtype=pl.Boolean)) for flags in (never, exempt)))
    if (frame[ROWS].to_numpy()[never] != 0).any():
        raise _broken("a record stands where none can")
    for one in group.measures:
        if suppress.rounded_to:
            _check_rounded(frame, one, suppress.rounded_to)
        else:
            _check_cells(frame, one, group, suppress, kinds)


class _Kinds(NamedTuple):
    """Which cells are empty by definition, and which are published whatever they hold."""

    never: pl.Expr
    exempt: pl.Expr


def _check_cells(
    frame: pl.DataFrame, one: MeasureNode, group: Group, suppress: Suppress, kinds: _Kinds
) -> None:
    value, why, never = pl.col(one.name), pl.col(one.name + WHY), kinds.never
    all_, rows = pl.min_horizontal(UNITS, PEOPLE, ROWS), pl.col(rows_of(one))
    people = pl.min_horizontal(givers(one), behind(one), rows)
    if one.where is None:
        people = pl.min_horizontal(people, all_)
    enough = people >= suppress.min_cell
    if one.function == "count_distinct":
        enough |= kinds.exempt
    if suppress.at_least and one.where is not None:
        whole = [pl.col(other.name).is_not_null() for other in group.measures if _of_all(other)]
        large = (all_ >= suppress.min_cell) & (pl.col(UNITS) >= suppress.at_least)
        enough |= large & pl.any_horizontal(pl.lit(value=False), *whole)
    if one.where is not None:
        enough &= kinds.exempt | _rest_hidden(one, group, suppress)
    # Of nobody there is no mean.
    told = (never | (suppress.zeros == "publish")) & (one.function != "mean")
    nothing = (rows == 0) & (value == 0) & told
    published = value.is_not_null() & why.is_null() & (enough | nothing).fill_null(value=False)
    if one.function == "count_distinct":
        published &= (value == pl.col(givers(one))).fill_null(value=False)
    held = value.is_null() & (why == suppress.marker).fill_null(value=False)
    if one.function == "count_distinct":
        # What everybody knows to be nothing is not held back: that would say it might be something.
        held &= ~never
    if not frame.select((published | held).all()).item():
        raise _broken(f"measure `{one.name}` holds a cell below `min_cell`")


def _rest_hidden(one: MeasureNode, group: Group, suppress: Suppress) -> pl.Expr:
    """Return where what does not meet a condition is no small number that everybody subtracts.

    Where the whole leaves nowhere there is nothing to subtract from.
    """
    whole = [pl.col(other.name).is_null() for other in group.measures if _of_all(other)]
    rest = pl.col(UNITS) - pl.col(givers(one))
    people, rows = pl.col(PEOPLE) - pl.col(behind(one)), pl.col(ROWS) - pl.col(rows_of(one))
    large = pl.min_horizontal(rest, people, rows) >= suppress.min_cell
    nothing = (rest == 0) & (suppress.zeros == "publish")
    return pl.all_horizontal(pl.lit(value=True), *whole) | large | nothing


def _check_rounded(frame: pl.DataFrame, one: MeasureNode, base: int) -> None:
    """Raise unless each cell has the nearest multiple of its count, of two as near the even one."""
    value, why, units = pl.col(one.name), pl.col(one.name + WHY), pl.col(givers(one))
    off = 2 * (value - units).abs()
    near = (off < base) | ((off == base) & (value // base % 2 == 0))
    whole = (value % base == 0) & (value >= 0) & why.is_null()
    if (
        one.function != "count_distinct"
        or not frame.select((near & whole).fill_null(value=False).all()).item()
    ):
        raise _broken(f"measure `{one.name}` is not rounded to {base}")


def _broken(message: str) -> ReleaseError:
    return ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
