"""HL7 v2 times (DTM, TS): the instant, the civil date as written, and what the digits are good for.

The digits are the facility's clock. With an offset they are that clock and its distance from
UTC, so the civil date is the digits' own (ALL-1); without one the setting's zone applies.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters import civil_time
from gateway.values import Precision

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_FORM = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<month>[0-9]{2})(?:(?P<day>[0-9]{2})(?:(?P<hour>[0-9]{2})"
    r"(?:(?P<minute>[0-9]{2})(?:(?P<second>[0-9]{2})(?:\.[0-9]{1,4})?)?)?)?)?)?"
    r"(?P<offset>[+-][0-9]{4})?"
)
_PRECISIONS = (
    ("second", Precision.INSTANT),
    ("minute", Precision.MINUTE),
    ("hour", Precision.HOUR),
    ("day", Precision.DAY),
    ("month", Precision.MONTH),
    ("year", Precision.YEAR),
)
_TIMED = frozenset({Precision.INSTANT, Precision.MINUTE, Precision.HOUR})
_MAX_OFFSET_MINUTES = 14 * 60


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a time says.

    Attributes:
        date: Civil; the first day of the month or year where the digits end there.
        at: In UTC; null where the digits end before the hour.
        note: A kind of notice of `civil_time`, or None.
    """

    date: dt.date | None = None
    at: dt.datetime | None = None
    precision: Precision = Precision.UNKNOWN
    note: str | None = None


def stamp(text: str, zone: ZoneInfo) -> Stamp:
    """Return what `text` says; nothing where it is not of the form or no such time exists."""
    matched = _FORM.fullmatch(text)
    if matched is None:
        return Stamp()
    precision = next(held for name, held in _PRECISIONS if matched[name])
    try:
        local = dt.datetime(  # noqa: DTZ001 - the digits of a clock; its zone is found below
            int(matched["year"]),
            int(matched["month"] or 1),
            int(matched["day"] or 1),
            int(matched["hour"] or 0),
            int(matched["minute"] or 0),
            int(matched["second"] or 0),
        )
        return _placed(local, matched["offset"], precision, zone)
    except (ValueError, OverflowError):
        return Stamp()


def _placed(local: dt.datetime, offset: str | None, precision: Precision, zone: ZoneInfo) -> Stamp:
    if precision not in _TIMED:
        return Stamp(local.date(), None, precision)
    if offset is None:
        at, held, note = civil_time.placed(local, zone, precision)
        return Stamp(local.date(), at, held, note)
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    if minutes > _MAX_OFFSET_MINUTES:
        return Stamp()
    away = dt.timedelta(minutes=-minutes if offset[0] == "-" else minutes)
    return Stamp(local.date(), (local - away).replace(tzinfo=dt.UTC), precision)
