"""Every mask there is. A new one has a line here, one in `plan/lower`, and vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.masks.identity import Pseudonym
from gateway.masks.numbers import Band, Round
from gateway.masks.places import GeoArea, GeoGrid, Zip3
from gateway.masks.plain import Constant, Pass, Redact
from gateway.masks.tables import CountOnly, Map, SumOnly
from gateway.masks.times import Truncate
from gateway.masks.unbuilt import (
    Age,
    Clip,
    CountList,
    DateShift,
    GeoDonut,
    GeoH3,
    HasAny,
    Partial,
    RareToOther,
)

if TYPE_CHECKING:
    from gateway.masks.base import Mask

CLOSED_SET: tuple[type[Mask], ...] = (
    Pass, Redact, Constant, Truncate, Band, Round, Zip3, GeoArea, GeoGrid, Pseudonym, Map,
    CountOnly, SumOnly,
    Age, DateShift, GeoH3, GeoDonut, Partial, Clip, RareToOther, CountList, HasAny,
)  # fmt: skip
"""The words of the language; those of the last line are read and refused at load."""
