"""The mask of dates and instants: the start of a period, never finer than the record knew."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from gateway.masks.base import (
    BOTH,
    MISSING_ONLY,
    TIMES,
    Beside,
    Inputs,
    Marker,
    Mask,
    Masked,
    Reader,
)
from gateway.values import FieldType, Precision, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable


class Unit(StrEnum):
    """Units of `truncate`, finest first; a week stands above `day` only."""

    MINUTE = "minute"
    HOUR = "hour"
    PART_OF_DAY = "part_of_day"
    DAY = "day"
    WEEK_ISO = "week_iso"
    WEEK_MMWR = "week_mmwr"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


CLOCK_UNITS = frozenset({Unit.MINUTE, Unit.HOUR})


_ORDER = {precision: place for place, precision in enumerate(Precision)}


_NEEDS = {
    Unit.MINUTE: Precision.MINUTE,
    Unit.HOUR: Precision.HOUR,
    Unit.PART_OF_DAY: Precision.PART_OF_DAY,
    Unit.DAY: Precision.DAY,
    Unit.WEEK_ISO: Precision.DAY,
    Unit.WEEK_MMWR: Precision.DAY,
    Unit.MONTH: Precision.MONTH,
    Unit.QUARTER: Precision.QUARTER,
    Unit.YEAR: Precision.YEAR,
}


FIRST_INSTANT = dt.datetime(1, 1, 3, tzinfo=dt.UTC)


LAST_INSTANT = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)
"""Beyond these a zone's civil day may lie outside the calendar; such instants mean `never`."""


PARTS_OF_DAY = ("overnight", "morning", "afternoon", "evening")
"""Quarters of the civil day, from midnight, six hours each."""


def fine_enough(unit: Unit) -> frozenset[str]:
    """Return the precisions that a row may have for `unit` to say nothing that was not known."""
    return frozenset(p.value for p in Precision if _ORDER[p] <= _ORDER[_NEEDS[unit]])


@dataclass(frozen=True, slots=True)
class Truncate(Mask):
    """Values of one period leave equal, and none more exactly than the source knew it."""

    to: Unit
    zone: str | None = None
    name: ClassVar[str] = "truncate"
    accepts: ClassVar[frozenset[FieldType]] = TIMES

    def output(self, type_: FieldType) -> FieldType:
        """Return a civil date for every unit that is not of the clock; a part of a day is text."""
        if type_ is FieldType.DATE:
            return FieldType.DATE
        if self.to in CLOCK_UNITS:
            return FieldType.TIMESTAMP
        return FieldType.STRING if self.to is Unit.PART_OF_DAY else FieldType.DATE

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return `masked` too where precision may be too coarse, or no civil day exists."""
        civil = inputs.type is FieldType.TIMESTAMP and self.to not in CLOCK_UNITS
        if inputs.has_beside or civil:
            return BOTH
        fixed = inputs.precision
        return MISSING_ONLY if fixed is None or fixed in fine_enough(self.to) else BOTH

    def reader(self, inputs: Inputs) -> Reader:
        """Return the start of the period, `masked` where the precision is coarser."""
        cut = self._cut_date if inputs.type is FieldType.DATE else self._cut_instant()
        fine = fine_enough(self.to)
        fixed = inputs.precision

        def apply(value: Scalar, beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            known = beside if inputs.has_beside else fixed
            if (inputs.has_beside or fixed is not None) and known not in fine:
                return Marker.MASKED
            return cut(value)

        return apply

    def _cut_date(self, value: Scalar) -> Masked:
        assert isinstance(value, dt.date)  # noqa: S101 - the adapter's schema was checked
        return floor_date(value, self.to)

    def _cut_instant(self) -> Callable[[Scalar], Masked]:
        if self.to in CLOCK_UNITS:
            hour = self.to is Unit.HOUR

            def clock(value: Scalar) -> Masked:
                assert isinstance(value, dt.datetime)  # noqa: S101
                minute = 0 if hour else value.minute
                return value.astimezone(dt.UTC).replace(minute=minute, second=0, microsecond=0)

            return clock
        zone = ZoneInfo(self.zone or "UTC")

        def civil(value: Scalar) -> Masked:
            assert isinstance(value, dt.datetime)  # noqa: S101
            if not FIRST_INSTANT <= value < LAST_INSTANT:
                return Marker.MASKED
            local = value.astimezone(zone)
            if self.to is Unit.PART_OF_DAY:
                return f"{local.date().isoformat()} {PARTS_OF_DAY[local.hour // 6]}"
            return floor_date(local.date(), self.to)

        return civil


def floor_date(day: dt.date, unit: Unit) -> dt.date:
    """Return the first day of the period of `unit` that `day` lies in."""
    match unit:
        case Unit.WEEK_ISO:
            return day - dt.timedelta(days=day.weekday())
        case Unit.WEEK_MMWR:
            # The calendar begins on a Monday.
            return dt.date.fromordinal(max(day.toordinal() - (day.weekday() + 1) % 7, 1))
        case Unit.MONTH:
            return day.replace(day=1)
        case Unit.QUARTER:
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case Unit.YEAR:
            return day.replace(month=1, day=1)
        case _:
            return day
