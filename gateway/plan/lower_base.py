"""What the lowering of every mask is given, and two expressions that several of them use."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.masks.base import Inputs
    from gateway.values import Scalar


class Seen(NamedTuple):
    """The original columns that a mask looks at, and what it works with besides.

    Attributes:
        own: The column that is masked.
        beside, also: The other columns that it reads, where it does.
    """

    own: pl.Expr
    beside: pl.Expr | None
    also: pl.Expr | None
    inputs: Inputs


def literal(value: Scalar) -> pl.Expr:
    """Return a literal in the frame's own type."""
    if isinstance(value, dt.datetime):
        return pl.lit(value.astimezone(dt.UTC)).cast(pl.Datetime("us", "UTC"))
    return pl.lit(value)


Stage: TypeAlias = "Mapping[str, pl.Expr]"
"""Columns that are made together, out of those made before."""


def staged(first: Stage, *more: Stage, then: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """Return `then` over columns made stage by stage, each of them once.

    A frame works an expression out anew wherever it stands in another: a keyed hash that stands in
    four places costs four times as much.
    """

    def work(columns: pl.Series) -> pl.Series:
        frame = columns.struct.unnest()
        for stage in more:
            frame = frame.with_columns(**stage)
        return frame.select(then.alias(columns.name)).to_series()

    parts: pl.Expr = pl.struct([made.alias(name) for name, made in first.items()])
    return parts.map_batches(work, return_dtype=kind, is_elementwise=True)


def every(column: pl.Expr, literal: pl.Expr) -> pl.Expr:
    """Return a literal in every row of a column."""
    # A bare literal would be one row where a frame has no other column.
    return pl.when(column.is_null()).then(literal).otherwise(literal)
