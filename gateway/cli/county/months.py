"""Whole civil months before a day: what a release by month is made of."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

MONTHS: Final = 4
"""So many whole months of services and visits stand in the county's records."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month, or what is past of the current one: its first day, its days, whether it is whole."""

    first: dt.date
    days: int
    whole: bool


def months(today: dt.date) -> list[Month]:
    """Return the whole months before that of `today`, oldest first, and the one of `today`."""
    starts = [today.replace(day=1)]
    for _ in range(MONTHS):
        starts.append((starts[-1] - dt.timedelta(days=1)).replace(day=1))
    starts.reverse()
    whole = [Month(first, (after - first).days, whole=True) for first, after in pairwise(starts)]
    return [*whole, Month(starts[-1], (today - starts[-1]).days, whole=False)]
