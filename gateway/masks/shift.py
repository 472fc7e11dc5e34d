"""The mask that moves all dates of a person alike, by an offset that only a key holder knows."""

from __future__ import annotations

import datetime as dt
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final
from zoneinfo import ZoneInfo

from gateway.masks.base import TIMES, Beside, Inputs, Marker, Mask, Masked, Reader
from gateway.masks.identity import canon, hmac_key_text
from gateway.masks.times import FIRST_INSTANT, LAST_INSTANT, Unit, fine_enough
from gateway.values import FieldType, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable

WEEK: Final = 7
KEEP: Final = "keep"
OFFSET_BYTES: Final = 8
"""Leading bytes of the HMAC that the offset is made of: the bias is below 2^-50."""


@dataclass(frozen=True, slots=True)
class DateShift(Mask):
    """All dates of a person move by one keyed offset, never zero, at most `max_days` either way.

    With `weekday: keep` the offset is of whole weeks. A recipient learns the intervals between a
    person's dates, each date to within `max_days`, and with `keep` the day of the week. A person
    who is unknown, and a date that is known less exactly than to the day, are `masked`. Times move
    by whole civil days: the clock on the wall stays. Not Safe Harbor (a shifted date is still
    derived from one), counsel must confirm.
    """

    max_days: int
    weekday: str
    name: ClassVar[str] = "date_shift"
    accepts: ClassVar[frozenset[FieldType]] = TIMES

    @property
    def steps(self) -> tuple[int, int]:
        """How many steps a date may move either way, and how many days a step has."""
        return (self.max_days // WEEK, WEEK) if self.weekday == KEEP else (self.max_days, 1)

    def offset(self, digest: bytes) -> int:
        """Return the days to move by, from the HMAC of a person: uniform on ±1..±n steps."""
        most, days = self.steps
        place = int.from_bytes(digest[:OFFSET_BYTES], "big") % (2 * most)
        return (place - most if place < most else place - most + 1) * days

    def reader(self, inputs: Inputs) -> Reader:
        """Return the moved date; the person stands beside it, and the precision where it varies."""
        key, prefix = hmac_key_text(inputs.key), inputs.domain.encode() + b"\x1f"
        fine, fixed = fine_enough(Unit.DAY), inputs.precision
        move = _move_date if inputs.type is FieldType.DATE else _mover(ZoneInfo(inputs.zone))

        def apply(value: Scalar, beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            person, known = beside if isinstance(beside, tuple) else (beside, fixed)
            precise = known in fine or (known is None and not isinstance(beside, tuple))
            text = canon(person) if isinstance(person, str) else None
            if text is None or not precise:
                return Marker.MASKED
            return move(value, self.offset(hmac.digest(key, prefix + text.encode(), "sha256")))

        return apply


def _move_date(value: Scalar, days: int) -> Masked:
    assert isinstance(value, dt.date)  # noqa: S101 - the adapter's schema was checked
    try:
        return value + dt.timedelta(days=days)
    except OverflowError:
        return Marker.MASKED


def _mover(zone: ZoneInfo) -> Callable[[Scalar, int], Masked]:
    def move(value: Scalar, days: int) -> Masked:
        assert isinstance(value, dt.datetime)  # noqa: S101
        if not FIRST_INSTANT <= value < LAST_INSTANT:
            return Marker.MASKED
        clock = value.astimezone(zone).replace(tzinfo=None)
        try:
            # Of two hours of one name the first; one that the day lacks as if clocks had not
            # moved yet.
            moved = (clock + dt.timedelta(days=days)).replace(tzinfo=zone, fold=0)
            at = moved.astimezone(dt.UTC)
        except OverflowError:
            return Marker.MASKED
        return at if FIRST_INSTANT <= at < LAST_INSTANT else Marker.MASKED

    return move
