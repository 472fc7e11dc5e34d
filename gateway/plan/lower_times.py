"""Masks of dates and instants as expressions."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from gateway.masks.ages import OLDEST, OLDEST_EVER
from gateway.masks.times import (
    CLOCK_UNITS,
    FIRST_INSTANT,
    LAST_INSTANT,
    PARTS_OF_DAY,
    Truncate,
    Unit,
    fine_enough,
)
from gateway.plan.lower_base import Seen, literal, staged
from gateway.plan.lower_texts import keyed
from gateway.values import FieldType

if TYPE_CHECKING:
    from gateway.masks.ages import Age, BirthYear
    from gateway.masks.shift import DateShift

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


def _precise(seen: Seen, unit: Unit = Unit.DAY) -> pl.Expr:
    """Return whether a date is known to the day, or to another unit, by its record or its field."""
    fine = sorted(fine_enough(unit))
    if seen.also is not None:
        return seen.also.is_in(fine).fill_null(value=False)
    fixed = seen.inputs.precision
    return pl.lit(fixed is None or fixed in fine)


def age(mask: Age, seen: Seen) -> pl.Expr:
    """Return the label of the age at the event."""
    born, event = seen.own, seen.beside
    assert event is not None  # noqa: S101 - `plan/build` names the event
    before = _month_and_day(event) < _month_and_day(born)
    years = event.dt.year() - born.dt.year() - before.cast(pl.Int32)
    good = years.is_between(0, OLDEST_EVER) & _precise(seen)
    place = pl.when(good).then(years).clip(0, mask.topcode)
    # The physical number of an Enum is the place of its category: no look-up by text.
    return place.cast(pl.UInt32).cat.to(pl.Enum(list(mask.labels())))


def birth_year(_mask: BirthYear, seen: Seen) -> pl.Expr:
    """Return the first day of the year of birth of whoever cannot be among the oldest."""
    born, event, now = seen.own, seen.beside, pl.lit(seen.inputs.this_year, dtype=pl.Int32)
    assert event is not None  # noqa: S101 - `plan/build` names the event
    latest = pl.when(event.dt.year() > now).then(event.dt.year()).otherwise(now)
    young = born.dt.year().is_between(latest - OLDEST, latest, closed="right")
    good = young & event.is_not_null() & _precise(seen, Unit.YEAR)
    return pl.when(good).then(_floor(Unit.YEAR, born))


def _month_and_day(day: pl.Expr) -> pl.Expr:
    return day.dt.month().cast(pl.Int32) * 32 + day.dt.day().cast(pl.Int32)


def date_shift(mask: DateShift, seen: Seen) -> pl.Expr:
    """Return the date or the instant moved by its person's offset."""
    assert seen.beside is not None  # noqa: S101 - `plan/build` names the person
    digest = pl.when(_precise(seen)).then(keyed(seen.beside, seen.inputs))
    first = {"own": seen.own, "digest": digest}
    place, days = {"place": _place(mask, pl.col("digest"))}, {"days": _days(mask, pl.col("place"))}
    if seen.inputs.type is FieldType.DATE:
        moved = pl.col("moved")
        day = pl.when(moved.is_between(*_EPOCH_DAYS)).then(moved).cast(pl.Int32).cast(pl.Date)
        stage = {"moved": pl.col("own").cast(pl.Int64) + pl.col("days")}
        return staged(first, place, days, stage, then=day, kind=pl.Date())
    zone = seen.inputs.zone
    clock = {"clock": _clock(_inside(pl.col("own")), zone) + pl.duration(days=pl.col("days"))}
    instant = {"instant": _instant(pl.col("clock"), zone)}
    last = _inside(pl.col("instant"))
    return staged(first, place, days, clock, instant, then=last, kind=_UTC)


_EPOCH = dt.date(1970, 1, 1)
_EPOCH_DAYS = ((dt.date.min - _EPOCH).days, (dt.date.max - _EPOCH).days)
_UTC = pl.Datetime("us", "UTC")
_WORD = 2**32
_WORD_DIGITS = 8


def _place(mask: DateShift, digest: pl.Expr) -> pl.Expr:
    """Return which offset: 64 bits are taken in two halves, as whole numbers have a sign."""
    most, _ = mask.steps
    high = digest.str.slice(0, _WORD_DIGITS).str.to_integer(base=16)
    low = digest.str.slice(_WORD_DIGITS, _WORD_DIGITS).str.to_integer(base=16)
    place: pl.Expr = (high % (2 * most) * (_WORD % (2 * most)) + low) % (2 * most)
    return place


def _days(mask: DateShift, place: pl.Expr) -> pl.Expr:
    most, days = mask.steps
    return (place - most + (place >= most).cast(pl.Int64)) * days


def _inside(instant: pl.Expr) -> pl.Expr:
    good = (instant >= literal(FIRST_INSTANT)) & (instant < literal(LAST_INSTANT))
    return pl.when(good).then(instant)


def _clock(instant: pl.Expr, zone: str) -> pl.Expr:
    """Return what the clocks of a zone show."""
    return instant.dt.convert_time_zone(zone).dt.replace_time_zone(None)


def _instant(clock: pl.Expr, zone: str) -> pl.Expr:
    """Return the first instant at which the clocks of a zone show this."""

    def at(clock: pl.Expr) -> pl.Expr:
        zoned = clock.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        return zoned.dt.convert_time_zone("UTC")

    # A clock time that the day lacks: as on the day before, before clocks moved.
    day = pl.duration(days=1)
    return pl.coalesce(at(clock), at(clock - day) + day)
