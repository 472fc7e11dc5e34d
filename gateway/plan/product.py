"""Every cell that a table of closed levels has, be anybody in it or nobody: the plan's alone."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Final

import polars as pl

from gateway.errors import Reason, ReleaseError
from gateway.plan.lower import WHY_TYPE, dtype_of
from gateway.plan.ops import WHY

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from gateway.plan.ops import MaskField, Plan


CELLS_MAX: Final = 20_000
"""Cells of one table; more is refused."""


def product(plan: Plan, periods: Sequence[dt.date]) -> pl.DataFrame:
    """Return every cell of these periods, sorted: dimensions, and why a value is absent.

    Raises:
        ReleaseError: A dimension has no closed list of levels, or there are too many cells.
    """
    levels = [_levels(plan, one, periods) for one in plan.masks]
    if math.prod(one.height for one in levels) > CELLS_MAX:
        raise ReleaseError(Reason.DISCLOSURE_RISK, f"a table of more than {CELLS_MAX} cells")
    made = functools.reduce(lambda left, right: left.join(right, how="cross"), levels)
    return made.sort(made.columns)


def _levels(plan: Plan, one: MaskField, periods: Sequence[dt.date]) -> pl.DataFrame:
    group = plan.group
    assert group is not None  # noqa: S101 - the caller looked
    known: list[object] = list(periods)
    # A row without a date is of no period; whatever else is absent has a level of its own, be there
    # such a row or none: to be listed tells nothing.
    if one.name != group.time:
        closed = one.mask.closed(one.inputs)
        if closed is None:
            message = f"noise over `{one.name}`, whose levels are not a closed list"
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
        known = list(closed)
    listed = pl.DataFrame({one.name: pl.Series(known, dtype=dtype_of(one), strict=True)})
    if one.why:
        listed = listed.with_columns(pl.lit(None, dtype=WHY_TYPE).alias(one.name + WHY))
    return listed if one.name == group.time else pl.concat([listed, absent(one)])


def absent(one: MaskField) -> pl.DataFrame:
    """Return the levels that stand for an absent value: one for each reason that the plan has."""
    reasons = sorted(reason.value for reason in one.mask.reasons(one.inputs))
    columns = {one.name: pl.Series([None for _ in reasons], dtype=dtype_of(one), strict=True)}
    if one.why:
        columns[one.name + WHY] = pl.Series(reasons, dtype=WHY_TYPE, strict=True)
    return pl.DataFrame(columns)
