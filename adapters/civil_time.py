"""Clocks without a zone: what instant a local time is, and how sure that is.

Where a source writes a local clock, the adapter's settings name the zone. In the hour that repeats
when summer time ends the first occurrence is taken, by convention, and the precision falls to the
hour; a time that the clock skipped in spring is no instant at all. Both are reported. The same rule
exists twice: for one value, and as spans of text that a database joins with.
"""

from __future__ import annotations

import datetime as dt
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.errors import SettingsError
from gateway.values import Precision

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_YEAR, LAST_YEAR = 2000, 2049
"""The years that `spans` covers; a time outside them is no instant."""

REPEATED, SKIPPED = "repeated-hour", "skipped-hour"
"""Kinds of notices about a local time."""


def zone(key: str) -> ZoneInfo:
    """Return the zone of the IANA name in a setting.

    Raises:
        SettingsError: There is no such zone.
    """
    try:
        return ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError("adapter settings: `zone` names no time zone") from None


def placed(
    local: dt.datetime, where: ZoneInfo, precision: Precision
) -> tuple[dt.datetime | None, Precision, str | None]:
    """Return the instant of a local time, what it is good for, and the kind of notice it deserves.

    Args:
        local: Naive, the digits of the source.
        where: The zone of the clock.
        precision: What the digits are good for.
    """
    first = local.replace(tzinfo=where, fold=0)
    second = local.replace(tzinfo=where, fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before is None or after is None or before == after:
        return first.astimezone(dt.UTC), precision, None
    if before < after:
        return None, Precision.DAY, SKIPPED
    return first.astimezone(dt.UTC), _coarser(precision), REPEATED


def _coarser(precision: Precision) -> Precision:
    fine = (Precision.INSTANT, Precision.MINUTE)
    return Precision.HOUR if precision in fine else precision


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of one year with one offset, in local text `YYYY-MM-DD HH:MM:SS`.

    Attributes:
        year: Four digits; a span never crosses a year.
        start, end: `end` is not in it.
        offset: As `+HH:MM` or `-HH:MM`: of the first occurrence where the times repeat; null where
            they were skipped.
        note: `REPEATED`, `SKIPPED`, or empty.
    """

    year: str
    start: str
    end: str
    offset: str | None
    note: str


@functools.cache
def spans(where: ZoneInfo) -> tuple[Span, ...]:
    """Return what the clock showed from `FIRST_YEAR` to `LAST_YEAR`: each local time once."""
    begin = dt.datetime(FIRST_YEAR, 1, 1, tzinfo=dt.UTC)
    offset, at = _offset_text(_offset(begin, where)), f"{FIRST_YEAR}-01-01 00:00:00"
    whole: list[tuple[str, str, str | None, str]] = []
    for change in _changes(begin, where):
        held = None if change.skipped else offset
        whole.append((at, change.start, offset, ""))
        whole.append((change.start, change.end, held, SKIPPED if change.skipped else REPEATED))
        offset, at = change.offset, change.end
    whole.append((at, f"{LAST_YEAR + 1}-01-01 00:00:00", offset, ""))
    return tuple(piece for span in whole for piece in _by_year(*span))


def _by_year(start: str, end: str, offset: str | None, note: str) -> Iterator[Span]:
    for year in range(int(start[:4]), int(end[:4]) + 1):
        low = max(start, f"{year}-01-01 00:00:00")
        high = min(end, f"{year + 1}-01-01 00:00:00")
        if low < high:
            yield Span(str(year), low, high, offset, note)


@dataclass(frozen=True, slots=True)
class _Change:
    start: str
    end: str
    skipped: bool
    offset: str


def _changes(begin: dt.datetime, where: ZoneInfo) -> Iterator[_Change]:
    day, instant = dt.timedelta(days=1), begin
    while instant.year <= LAST_YEAR:
        if _offset(instant, where) != _offset(instant + day, where):
            yield _change(instant, instant + day, where)
        instant += day


def _change(low: dt.datetime, high: dt.datetime, where: ZoneInfo) -> _Change:
    """Return the one change between two instants, found to the minute."""
    before, after = _offset(low, where), _offset(high, where)
    while high - low > dt.timedelta(minutes=1):
        middle = low + dt.timedelta(minutes=(high - low) // dt.timedelta(minutes=2))
        low, high = (low, middle) if _offset(middle, where) == after else (middle, high)
    start, end = sorted((high + before, high + after))
    form = "%Y-%m-%d %H:%M:%S"
    return _Change(start.strftime(form), end.strftime(form), after > before, _offset_text(after))


def _offset(instant: dt.datetime, where: ZoneInfo) -> dt.timedelta:
    return instant.astimezone(where).utcoffset() or dt.timedelta()


def _offset_text(offset: dt.timedelta) -> str:
    minutes = offset // dt.timedelta(minutes=1)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"
