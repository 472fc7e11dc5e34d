"""Every mask there is. A new one has a line here, one in `plan/lower`, and vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.masks.ages import Age, BirthYear
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.donut import GeoDonut
from gateway.masks.identity import Pseudonym
from gateway.masks.lists import CountList, HasAny
from gateway.masks.numbers import Band, Clip, Round
from gateway.masks.places import GeoArea, Zip3
from gateway.masks.plain import Constant, Pass, Redact
from gateway.masks.shift import DateShift
from gateway.masks.tables import CountOnly, Map, OldestJoined, RareToOther, SumOnly
from gateway.masks.texts import Partial
from gateway.masks.times import Truncate

if TYPE_CHECKING:
    from gateway.masks.base import Mask

CLOSED_SET: tuple[type[Mask], ...] = (
    Pass, Redact, Constant, Truncate, Band, Round, Zip3, GeoArea, GeoGrid, Pseudonym, Map,
    CountOnly, SumOnly, Partial, Clip, RareToOther, CountList, HasAny,
    Age, DateShift,
    GeoH3, GeoDonut,
)  # fmt: skip
"""The words of the language."""

COMPILED: tuple[type[Mask], ...] = (BirthYear, OldestJoined)
"""What a profile makes of a word: no file writes them, and a header tells them by that word."""
