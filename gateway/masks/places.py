"""Masks of codes of places: ZIP prefixes where enough people live, and parent areas."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from gateway.masks.base import TEXT, WHITE_SPACE, Beside, Inputs, Marker, Mask, Masked, Reader
from gateway.values import FieldType, Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

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


AREAS_BY_WIDTH = (Area.TRACT, Area.COUNTY, Area.REGION, Area.STATE)
"""Narrowest first; each lies in one of the next that there is."""


def parents(areas: Mapping[str, tuple[Area, str]], to: Area) -> dict[str, str]:
    """Return for each code of a table the code of the area `to` that it is, or lies in.

    Args:
        areas: What each code is, and the code that it lies in, empty for a state.
        to: The kind of area.
    """
    found: dict[str, str] = {}
    for code in areas:
        at, wide = code, AREAS_BY_WIDTH.index(to)
        while at and AREAS_BY_WIDTH.index(areas[at][0]) < wide:
            at = areas[at][1]
        if at and areas[at][0] is to:
            found[code] = at
    return found


@dataclass(frozen=True, slots=True)
class GeoArea(Mask):
    """Only the area leaves that a code is, or lies in, by a reference table.

    A code that the table does not list, a retired one too, is `masked`: nothing is read out of its
    digits.
    """

    to: Area
    name: ClassVar[str] = "geo"
    accepts: ClassVar[frozenset[FieldType]] = TEXT

    def output(self, type_: FieldType) -> FieldType:
        """Return text: an area is a code."""
        del type_
        return FieldType.CODE

    def reader(self, inputs: Inputs) -> Reader:
        """Return the area of a code, `masked` for one that is not listed."""
        table = inputs.table or {}

        def apply(value: Scalar, _beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            found = table.get(value) if isinstance(value, str) else None
            return str(found) if found is not None else Marker.MASKED

        return apply
