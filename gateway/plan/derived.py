"""Percentages and rates as columns of a table that is published, beside the counts they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from gateway.masks.base import Marker
from gateway.plan.figures import UNRELIABLE, RateNode, figures
from gateway.plan.ops import FLAG, WHY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.plan.figures import DerivedNode, Key
    from gateway.plan.ops import Group, Suppress


def columns_of(one: DerivedNode, suppress: Suppress) -> dict[str, pl.DataType]:
    """Return the columns of a derived measure in a frame: the number, why not, and its flag."""
    rate = isinstance(one, RateNode)
    found: dict[str, pl.DataType] = {
        one.name: pl.Float64() if rate else pl.Int64(),
        one.name + WHY: pl.Enum([Marker.MISSING.value, suppress.marker]),
    }
    if rate:
        found[one.name + FLAG] = pl.Enum([UNRELIABLE])
    return found


def with_derived(
    group: Group, suppress: Suppress, keys: Sequence[Key], frame: pl.DataFrame, *, before: str
) -> pl.DataFrame:
    """Return a table as it is published with what is worked out of it, in the order of the plan.

    Args:
        group: What is counted, and worked out.
        suppress: The threshold and the marker.
        keys: The key of each cell.
        frame: The published columns, with the counts that leave.
        before: The column in front of which they stand.
    """
    made: list[pl.Series] = []
    for one in group.derived:
        counts = dict(zip(keys, frame[one.of].to_list(), strict=True))
        found = figures(group, suppress, one, counts)
        columns: list[list[int | float | str | None]] = [
            [figure.value for figure in found],
            [figure.why for figure in found],
            [UNRELIABLE if figure.unreliable else None for figure in found],
        ]
        kinds = columns_of(one, suppress).items()
        made += [
            pl.Series(name, column, dtype=kind)
            for (name, kind), column in zip(kinds, columns, strict=False)
        ]
    place = frame.columns.index(before)
    names = [*frame.columns[:place], *(one.name for one in made), *frame.columns[place:]]
    return frame.with_columns(made).select(names)
