"""Masks of dates and instants as expressions."""

from __future__ import annotations

import datetime as dt

import polars as pl

from gateway.masks.times import (
    CLOCK_UNITS,
    FIRST_INSTANT,
    LAST_INSTANT,
    PARTS_OF_DAY,
    Truncate,
    Unit,
    fine_enough,
)
from gateway.plan.lower_base import Seen, literal
from gateway.values import FieldType

_EVERY = {
    Unit.MINUTE: "1m",
    Unit.HOUR: "1h",
    Unit.WEEK_ISO: "1w",
    Unit.MONTH: "1mo",
    Unit.QUARTER: "1q",
    Unit.YEAR: "1y",
}


def truncate(mask: Truncate, seen: Seen) -> pl.Expr:
    """Return the start of the period, null where the precision is coarser."""
    column, beside, inputs = seen.own, seen.beside, seen.inputs
    if inputs.type is FieldType.TIMESTAMP and mask.to not in CLOCK_UNITS:
        inside = (column >= literal(FIRST_INSTANT)) & (column < literal(LAST_INSTANT))
        column = pl.when(inside).then(column)
        local = column.dt.convert_time_zone(mask.zone or "UTC")
        value = _civil(mask.to, local)
    elif inputs.type is FieldType.TIMESTAMP:
        value = column.dt.truncate(_EVERY[mask.to])
    else:
        value = _floor(mask.to, column)
    fine = sorted(fine_enough(mask.to))
    if beside is not None:
        return pl.when(beside.is_in(fine).fill_null(value=False)).then(value)
    if inputs.precision is not None and inputs.precision not in fine:
        return pl.when(pl.lit(value=False)).then(value)
    return value


def _civil(unit: Unit, local: pl.Expr) -> pl.Expr:
    day = local.dt.date()
    if unit is not Unit.PART_OF_DAY:
        return _floor(unit, day)
    part = (
        (local.dt.hour() // 6)
        .cast(pl.Int64)
        .replace_strict(list(range(len(PARTS_OF_DAY))), list(PARTS_OF_DAY), return_dtype=pl.String)
    )
    return pl.format("{} {}", day.dt.to_string("%Y-%m-%d"), part)


def _floor(unit: Unit, day: pl.Expr) -> pl.Expr:
    if unit is Unit.DAY:
        return day
    if unit is Unit.WEEK_MMWR:
        sunday = day.dt.offset_by("1d").dt.truncate("1w").dt.offset_by("-1d")
        return pl.when(day.is_not_null()).then(pl.max_horizontal(sunday, pl.lit(dt.date.min)))
    return day.dt.truncate(_EVERY[unit])
