"""The masks of birth dates: how old somebody was at an event, and the year without the oldest."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import ClassVar, Final

from gateway.masks.base import Beside, Inputs, Marker, Mask, Masked, Reader
from gateway.masks.times import Unit, fine_enough
from gateway.values import FieldType, MaskNote, Scalar

OLDEST_EVER: Final = 125
"""More completed years than anybody lived: the dates are wrong."""
OLDEST: Final = 90
"""Ages from here on are told together (45 CFR 164.514(b)(2)(i)(C); counsel must confirm)."""


@dataclass(frozen=True, slots=True)
class Age(Mask):
    """Only completed years at the event leave, the oldest together in one label.

    A birth after the event, or more than 125 years before it, is `masked`, as is an event that is
    unknown or known less exactly than to the day. Whoever was born on 29 February completes a year
    on 1 March of common years. A recipient learns the age in years below the topcode (45 CFR
    164.514(b)(2)(i)(C) for 90; counsel must confirm).
    """

    at: str
    topcode: int
    name: ClassVar[str] = "age"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.DATE})

    def labels(self) -> tuple[str, ...]:
        """Return the label of each age, from 0 to the topcode."""
        return (*(str(years) for years in range(self.topcode)), f"{self.topcode}+")

    def output(self, type_: FieldType) -> FieldType:
        """Return text: the oldest have a label and no number."""
        del type_
        return FieldType.CODE

    def closed(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the labels."""
        del inputs
        return self.labels()

    def reader(self, inputs: Inputs) -> Reader:
        """Return the label of the age at the event, which stands beside the date of birth."""
        del inputs
        labels, top, fine = self.labels(), self.topcode, fine_enough(Unit.DAY)

        def apply(value: Scalar, beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            event: Beside = beside
            if isinstance(beside, tuple):
                event, known = beside
                if known not in fine:
                    return Marker.MASKED
            if not isinstance(value, dt.date) or not isinstance(event, dt.date):
                return Marker.MASKED
            years = completed(value, event)
            return labels[min(years, top)] if 0 <= years <= OLDEST_EVER else Marker.MASKED

        return apply


@dataclass(frozen=True, slots=True)
class BirthYear(Mask):
    """Only the year of birth leaves, and of nobody who is 90, or may be: that is `masked`.

    This is what `truncate: year` on a date of birth becomes under Safe Harbor, where no element of
    a date may tell an age over 89. Somebody may be 90 where the year of the event or this year,
    whichever is later, is 90 years after that of the birth, whatever the day. An event that is
    unknown may be late, and a birth after both years is wrong: `masked`.
    """

    at: str
    name: ClassVar[str] = "truncate"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.DATE})

    def note(self) -> MaskNote:
        """Return the mask as the agreement has it, and what the rule adds."""
        return MaskNote(self.name, (f"to={Unit.YEAR}", f"at={self.at}", f"topcode={OLDEST}"))

    def reader(self, inputs: Inputs) -> Reader:
        """Return the first day of the year of birth; the event stands beside it."""
        fine, fixed, now = fine_enough(Unit.YEAR), inputs.precision, inputs.this_year

        def apply(value: Scalar, beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            event, known = beside if isinstance(beside, tuple) else (beside, fixed)
            if (isinstance(beside, tuple) or known is not None) and known not in fine:
                return Marker.MASKED
            if not isinstance(value, dt.date) or not isinstance(event, dt.date):
                return Marker.MASKED
            latest = max(event.year, now)
            young = latest - OLDEST < value.year <= latest
            return value.replace(month=1, day=1) if young else Marker.MASKED

        return apply


def completed(born: dt.date, at: dt.date) -> int:
    """Return the years that somebody born on `born` has completed on `at`; below 0 before birth."""
    return at.year - born.year - ((at.month, at.day) < (born.month, born.day))
