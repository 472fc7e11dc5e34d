"""Points as whole ten-millionths of a degree, and the box that a provider's points lie in.

A point that no record can have is no point: one that is not finite, off the globe, at (0, 0) where
software puts what it does not know, or outside the box that its provider declared, which also
catches latitude and longitude in each other's place. -180 and 180 are one meridian, and a pole has
one longitude.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.masks.base import Beside
    from gateway.values import Scalar

E7: Final = 10_000_000
LAT_MAX, LON_MAX = 90.0, 180.0
POLE_E7, HALF_E7 = 90 * E7, 180 * E7


@dataclass(frozen=True, slots=True)
class Box:
    """Bounds of a provider's points in 1e-7 degrees; west lies behind east where it is crossed."""

    south: int
    west: int
    north: int
    east: int

    def text(self) -> str:
        """Return the box as a plan tells it."""
        return f"box={self.south},{self.west},{self.north},{self.east}"

    def holds(self, lat: int, lon: int) -> bool:
        """Return whether a point lies in the box, its edges included."""
        if not self.south <= lat <= self.north:
            return False
        if abs(lat) == POLE_E7:
            return True
        return self._between(lon) or (abs(lon) == HALF_E7 and self._between(-lon))

    def _between(self, lon: int) -> bool:
        if self.west <= self.east:
            return self.west <= lon <= self.east
        return lon >= self.west or lon <= self.east


def point(lat: Beside, lon: Beside, box: Box | None) -> tuple[int, int] | None:
    """Return (latitude, longitude) in 1e-7 degrees; None for what is no point of the provider."""
    if not isinstance(lat, (int, float)) or not isinstance(lon, (int, float)):
        return None
    if not (math.isfinite(lat) and math.isfinite(lon)):
        return None
    if abs(lat) > LAT_MAX or abs(lon) > LON_MAX:
        return None
    lat_e7, lon_e7 = round(lat * E7), round(lon * E7)
    if (lat_e7, lon_e7) == (0, 0) or (box is not None and not box.holds(lat_e7, lon_e7)):
        return None
    if abs(lat_e7) == POLE_E7:
        return lat_e7, 0
    return lat_e7, -HALF_E7 if lon_e7 == HALF_E7 else lon_e7


def pair(value: Scalar, beside: Beside, *, latitude: bool) -> tuple[Beside, Beside]:
    """Return (latitude, longitude) of a coordinate and the one beside it."""
    return (value, beside) if latitude else (beside, value)
