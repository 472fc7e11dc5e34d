"""Durations and fixed periods of the calendar: pure arithmetic, no clock."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

FORM = re.compile(
    r"P(?=[0-9T])(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})D)?"
    r"(?:T(?=[0-9])(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?"
)

DAY_S = 86_400
_D = TypeVar("_D", dt.date, dt.datetime)


@dataclass(frozen=True, slots=True)
class Duration:
    """An ISO 8601 duration: D is 24 h, M and Y are calendar.

    Attributes:
        text: As written, such as `PT72H`.
        months: Calendar months (a year is twelve).
        seconds: Everything else.
    """

    text: str
    months: int
    seconds: int


@lru_cache(maxsize=256)
def duration(text: str) -> Duration | None:
    """Return the ISO 8601 duration, or None where `text` is not one, or is zero."""
    match = FORM.fullmatch(text)
    if match is None:
        return None
    years, months, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    made = Duration(text, years * 12 + months, days * DAY_S + hours * 3600 + minutes * 60 + seconds)
    return made if made.months or made.seconds else None


def add(start: _D, span: Duration, times: int = 1) -> _D:
    """Return `start` moved by a duration; a day that the month lacks becomes its last one."""
    month = start.month - 1 + span.months * times
    year, month = start.year + month // 12, month % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    moved = start.replace(year=year, month=month, day=day)
    if isinstance(moved, dt.datetime):
        return moved + dt.timedelta(seconds=span.seconds * times)
    return moved + dt.timedelta(days=span.seconds * times // DAY_S)


def before(now: dt.datetime, span: Duration) -> dt.datetime:
    """Return the instant that lies a duration before `now`."""
    return add(now, span, -1)


def closed_periods(
    anchor: dt.date, span: Duration, lag: Duration, today: dt.date
) -> tuple[dt.date, ...]:
    """Return the first days of all periods that ended, and whose lag has passed, before `today`."""
    found: list[dt.date] = []
    count = 0
    while True:
        start, end = add(anchor, span, count), add(anchor, span, count + 1)
        if add(end, lag) > today:
            return tuple(found)
        found.append(start)
        count += 1


def rotation(span: Duration | None, now: dt.datetime) -> str:
    """Return the name of the rotation period that `now` lies in.

    One for ever without a duration.
    """
    if span is None:
        return "forever"
    if span.months:
        index = (now.year * 12 + now.month - 1) // span.months
        return f"{span.text}-{index}"
    return f"{span.text}-{int(now.timestamp()) // span.seconds}"
