"""Masks of places: ZIP prefixes, parent areas, grid cells where enough people live."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar

from gateway.masks.base import TEXT, WHITE_SPACE, Beside, Inputs, Marker, Mask, Masked, Reader
from gateway.values import FieldType, MaskNote, Scalar

ZIP_PATTERN = rf"^[{WHITE_SPACE}]*([0-9]{{3}})[0-9]{{2}}(?:-?[0-9]{{4}})?[{WHITE_SPACE}]*$"
"""Digits and blanks are spelled out: what a library counts as such differs."""


@dataclass(frozen=True, slots=True)
class Zip3(Mask):
    """Only three digits leave, where over 20,000 people live by the table, else `000`.

    45 CFR 164.514(b)(2)(i)(B); counsel must confirm.
    """

    table: str
    name: ClassVar[str] = "zip3"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.STRING, FieldType.CODE})

    def output(self, type_: FieldType) -> FieldType:
        """Return text: a prefix is a code."""
        del type_
        return FieldType.CODE

    def closed(self, inputs: Inputs) -> tuple[str, ...]:
        """Return the permitted prefixes and `000`."""
        return ("000", *sorted(prefix for prefix in inputs.table or () if prefix != "000"))

    def reader(self, inputs: Inputs) -> Reader:
        """Return the prefix, `000` for an unlisted one, `masked` for what is no ZIP code."""
        permitted = frozenset(inputs.table or ())
        match = re.compile(ZIP_PATTERN).match

        def apply(value: Scalar, _beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            found = match(value) if isinstance(value, str) else None
            if found is None:
                return Marker.MASKED
            return found[1] if found[1] in permitted else "000"

        return apply


class Area(StrEnum):
    """Areas that `geo` can name."""

    TRACT = "tract"
    COUNTY = "county"
    REGION = "region"
    STATE = "state"


AREA_DIGITS = {Area.STATE: 2, Area.COUNTY: 5, Area.TRACT: 11}


@dataclass(frozen=True, slots=True)
class GeoArea(Mask):
    """Only the parent area leaves: the county or state of a census code."""

    to: Area
    name: ClassVar[str] = "geo"
    accepts: ClassVar[frozenset[FieldType]] = TEXT

    def output(self, type_: FieldType) -> FieldType:
        """Return text: an area is a code."""
        del type_
        return FieldType.CODE

    def pattern(self) -> str:
        """Return the form of the codes that can be read: those of this area and of finer ones."""
        digits = AREA_DIGITS[self.to]
        finer = sorted(n for n in AREA_DIGITS.values() if n >= digits)
        rest = "|".join(rf"\d{{{n - digits}}}" for n in finer if n > digits)
        return rf"^(\d{{{digits}}})(?:{rest})?$" if rest else rf"^(\d{{{digits}}})$"

    def reader(self, inputs: Inputs) -> Reader:
        """Return the leading digits of a code, `masked` for what is not one."""
        del inputs
        match = re.compile(self.pattern(), re.ASCII).match

        def apply(value: Scalar, _beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            found = match(value) if isinstance(value, str) else None
            # `$` also stands before a final line end; a code with one is not a code.
            return found[1] if found is not None and "\n" not in value else Marker.MASKED  # type: ignore[operator]

        return apply


E7 = 10_000_000


LAT_MAX, LON_MAX = 90.0, 180.0


@dataclass(frozen=True, slots=True)
class GeoGrid(Mask):
    """Only a grid cell leaves, in which at least `min_people` live by the table."""

    step: str
    min_people: int
    to: ClassVar[str] = "grid"
    name: ClassVar[str] = "geo"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.NUMBER})

    def step_e7(self) -> int:
        """Return the step in units of 1e-7 degrees."""
        return int(Fraction(self.step) * E7)

    def note(self) -> MaskNote:
        """Return the mask as a header tells it."""
        return MaskNote("geo", ("to=grid", f"step={self.step}", f"min_people={self.min_people}"))

    def output(self, type_: FieldType) -> FieldType:
        """Return an integer: the number of the cell."""
        del type_
        return FieldType.INTEGER

    def reader(self, inputs: Inputs) -> Reader:
        """Return the cell of this coordinate; both together decide whether it may leave."""
        step, table = self.step_e7(), inputs.table or {}

        def apply(value: Scalar, beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            lat, lon = (value, beside) if inputs.latitude else (beside, value)
            if not _a_point(lat, lon):
                return Marker.MASKED
            lat_cell = round(lat * E7) // step  # type: ignore[operator,arg-type]
            lon_cell = round(lon * E7) // step  # type: ignore[operator,arg-type]
            people = table.get(f"{lat_cell}:{lon_cell}", 0)
            if not isinstance(people, int) or people < self.min_people:
                return Marker.MASKED
            return int(lat_cell if inputs.latitude else lon_cell)

        return apply


def _a_point(lat: Beside, lon: Beside) -> bool:
    if not isinstance(lat, (int, float)) or not isinstance(lon, (int, float)):
        return False
    if not (math.isfinite(lat) and math.isfinite(lon)) or (lat == 0 and lon == 0):
        return False
    return abs(lat) <= LAT_MAX and abs(lon) <= LON_MAX
