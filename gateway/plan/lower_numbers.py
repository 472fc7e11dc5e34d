"""Masks of numbers as expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from gateway.masks.numbers import AGE_DIVISORS, Band, Clip, Round, whole_multiples
from gateway.values import FieldType

if TYPE_CHECKING:
    from gateway.plan.lower_base import Seen


def band(mask: Band, seen: Seen) -> pl.Expr:
    """Return the label of the band that a value lies in."""
    column, beside, inputs = seen.own, seen.beside, seen.inputs
    edges, labels = mask.edges(), mask.labels(inputs.type)
    if beside is not None:
        units, divisors = list(AGE_DIVISORS), list(AGE_DIVISORS.values())
        column = column // beside.replace_strict(
            units, divisors, default=None, return_dtype=pl.Int64
        )
    if inputs.type is FieldType.NUMBER:
        column = pl.when(column.is_finite()).then(column)
    column = pl.when(column >= edges[0]).then(column)
    if mask.width is not None and edges[-1] % mask.width == 0:
        place = (column // mask.width).clip(0, len(labels) - 1)
    else:
        place = pl.sum_horizontal([(column >= edge).cast(pl.UInt32) for edge in edges[1:]])
        place = pl.when(column.is_not_null()).then(place)
    # The physical number of an Enum is the place of its category: no look-up by text.
    return place.cast(pl.UInt32).cat.to(pl.Enum(list(labels)))


def round_(mask: Round, seen: Seen) -> pl.Expr:
    """Return the nearest multiple."""
    column, inputs = seen.own, seen.inputs
    up, down = mask.ratio()
    if inputs.type is FieldType.INTEGER:
        return nearest_multiple(column, up)

    finite = pl.when(column.is_finite()).then(column)

    def whole(number: int) -> pl.Expr:
        # Worked out of the column, and from nothing that can be folded into a literal: a frame
        # divides by a literal through its reciprocal, and 35 / 100 is then not 0.35.
        return finite * 0.0 + float(number)

    multiple = (finite * down / whole(up)).round(0, mode="half_to_even")
    nearest = multiple * float(up) / whole(down)
    # A negative zero says which side a value came from.
    return pl.when(nearest == 0).then(0.0).when(nearest.is_finite()).then(nearest)


def nearest_multiple(column: pl.Expr, base: int) -> pl.Expr:
    """Return the nearest multiple of whole numbers, ties to the even one."""
    multiple, rest = column // base, column % base
    over = (2 * rest > base) | ((2 * rest == base) & (multiple % 2 == 1))
    return (multiple + over.cast(pl.Int64)).clip(*whole_multiples(base)) * base


def clip(mask: Clip, seen: Seen) -> pl.Expr:
    """Return the value inside the range, else the bound that it lies beyond."""
    column, inputs = seen.own, seen.inputs
    if inputs.type is FieldType.INTEGER:
        return column.clip(mask.low, mask.high)
    inside = pl.when(column.is_finite()).then(column).clip(float(mask.low), float(mask.high))
    # A negative zero says which side a value came from.
    return pl.when(inside == 0).then(0.0).otherwise(inside)
