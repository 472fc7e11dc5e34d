"""Words of the language that this version reads, checks and refuses at load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gateway.masks.base import Mask
from gateway.values import FieldType


@dataclass(frozen=True, slots=True)
class GeoH3(Mask):
    """A hexagonal cell in which at least `min_people` live."""

    step: str
    min_people: int
    to: ClassVar[str] = "h3"
    name: ClassVar[str] = "geo"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.NUMBER})
    built: ClassVar[bool] = False


@dataclass(frozen=True, slots=True)
class GeoDonut(Mask):
    """A keyed displacement by event that issuing again does not average away."""

    rmin: int
    rmax: int
    to: ClassVar[str] = "donut"
    name: ClassVar[str] = "geo"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.NUMBER})
    built: ClassVar[bool] = False
