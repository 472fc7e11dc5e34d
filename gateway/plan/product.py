"""Every cell that a table of closed levels has, be anybody in it or nobody: the plan's alone."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import polars as pl

from gateway.errors import Reason, ReleaseError
from gateway.plan.lower import WHY_TYPE, dtype_of
from gateway.plan.ops import WHY

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from gateway.plan.ops import MaskField, Plan


def product_size(plan: Plan, periods: Sequence[dt.date]) -> int:
    """Return how many cells there are, without making them.

    Raises:
        ReleaseError: A dimension has no closed list of levels.
    """
    return math.prod(_levels(plan, one, periods).height for one in plan.masks)


def product(plan: Plan, periods: Sequence[dt.date]) -> pl.DataFrame:
    """Return every cell of these periods, sorted: dimensions, and why a value is absent.

    Raises:
        ReleaseError: A dimension has no closed list of levels.
    """
    levels = [_levels(plan, one, periods) for one in plan.masks]
    made = functools.reduce(lambda left, right: left.join(right, how="cross"), levels)
    return made.sort(made.columns)


def _levels(plan: Plan, one: MaskField, periods: Sequence[dt.date]) -> pl.DataFrame:
    group = plan.group
    assert group is not None  # noqa: S101 - the caller looked
    known: list[object] = list(periods)
    reasons: list[str] = []
    # A row without a date is of no period; whatever else is absent has a level of its own, be there
    # such a row or none: to be listed tells nothing.
    if one.name != group.time:
        closed = one.mask.closed(one.inputs)
        if closed is None:
            message = f"noise over `{one.name}`, whose levels are not a closed list"
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
        known = list(closed)
        reasons = sorted(reason.value for reason in one.mask.reasons(one.inputs))
    values = [*known, *(None for _ in reasons)]
    columns = {one.name: pl.Series(values, dtype=dtype_of(one), strict=True)}
    if one.why:
        why = [*(None for _ in known), *reasons]
        columns[one.name + WHY] = pl.Series(why, dtype=WHY_TYPE, strict=True)
    return pl.DataFrame(columns)
