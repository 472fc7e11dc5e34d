"""The mask that moves a point into a ring around it, the same way each time it is asked for."""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass
from typing import ClassVar, Final

from gateway.masks.base import Beside, Inputs, Marker, Mask, Masked, Reader
from gateway.masks.identity import canon, hmac_key_text
from gateway.masks.points import pair, point
from gateway.values import FieldType, MaskNote, Scalar

RADIUS_M: Final = 6_371_008.8
"""Mean radius of the Earth, taken as a sphere: at most half a percent off, of distances too."""

RADIANS_OF_E7: Final = math.pi / 180e7
E5_OF_RADIANS: Final = 180e5 / math.pi
POLE_E5, HALF_E5, ROUND_E5 = 9_000_000, 18_000_000, 36_000_000
FRACTION: Final = 2.0**-53
FRACTION_SHIFT: Final = 11


@dataclass(frozen=True, slots=True)
class GeoDonut(Mask):
    """The point leaves somewhere in the ring of rmin to rmax metres around the truth.

    Where in it hangs on the event's number and a key, evenly over the area: a hundred re-issues
    give one point. Each coordinate leaves as a whole number of 1e-5 degrees. The point may lie
    across a border. Events at one place have points of their own: many of them still show that
    place. Not Safe Harbor (an equivalent geocode), counsel must confirm.
    """

    rmin: int
    rmax: int
    to: ClassVar[str] = "donut"
    name: ClassVar[str] = "geo"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.NUMBER})

    def note(self) -> MaskNote:
        """Return the mask as a header tells it."""
        return MaskNote("geo", ("to=donut", f"rmin={self.rmin}", f"rmax={self.rmax}"))

    def output(self, type_: FieldType) -> FieldType:
        """Return an integer: 1e-5 degrees."""
        del type_
        return FieldType.INTEGER

    @property
    def squares(self) -> tuple[float, float]:
        """The square of rmin, and how much larger that of rmax is: areas, but for π."""
        return float(self.rmin**2), float(self.rmax**2 - self.rmin**2)

    def moved(self, lat_e7: int, lon_e7: int, digest: bytes) -> tuple[int, int]:
        """Return the displaced point in 1e-5 degrees, from the HMAC of its event."""
        u, v = (
            (int.from_bytes(digest[at : at + 8], "big") >> FRACTION_SHIFT) * FRACTION
            for at in (0, 8)
        )
        inner, more = self.squares
        far, bearing = math.sqrt(u * more + inner) * (1 / RADIUS_M), v * math.tau
        lat, lon = lat_e7 * RADIANS_OF_E7, lon_e7 * RADIANS_OF_E7
        north, east = math.sin(far) * math.cos(bearing), math.sin(far) * math.sin(bearing)
        up = math.sin(lat) * math.cos(far) + math.cos(lat) * north
        out = math.cos(lat) * math.cos(far) - math.sin(lat) * north
        # By both legs, and never by an arc sine, which is blunt near a pole.
        lat_e5 = round(math.atan2(up, math.sqrt(out * out + east * east)) * E5_OF_RADIANS)
        turned = lon + math.atan2(east, out)
        return lat_e5, (round(turned * E5_OF_RADIANS) + HALF_E5) % ROUND_E5 - HALF_E5

    def reader(self, inputs: Inputs) -> Reader:
        """Return this coordinate of the displaced point; the other and the event stand beside."""
        key, prefix = hmac_key_text(inputs.key), inputs.domain.encode() + b"\x1f"
        box, which = inputs.box, 0 if inputs.latitude else 1

        def apply(value: Scalar, beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            other, event = beside if isinstance(beside, tuple) else (beside, None)
            lat, lon = pair(value, other, latitude=inputs.latitude)
            found = point(lat, lon, box)
            text = canon(event) if isinstance(event, str) else None
            if found is None or text is None:
                return Marker.MASKED
            digest = hmac.digest(key, prefix + text.encode(), "sha256")
            return self.moved(*found, digest)[which]

        return apply
