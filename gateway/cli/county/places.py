"""Where the synthetic county lies: counties, ZIP codes, tracts and points that no real place has.

Police records spell their state by name, so it has a real one: Delaware, whose counties are 001,
003 and 005; 901, 903 and 905 are assigned to none. ZIP prefixes 001 to 004 are assigned to no post
office, and the points lie in the open Atlantic, so that nothing here can fall on a real household.
All of it is valid in form (NEMSIS patterns included).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from random import Random

STATE: Final = "Delaware"
STATE_FIPS: Final = "10"
TIME_ZONE: Final = "America/New_York"
ZONE: Final = ZoneInfo(TIME_ZONE)
COUNTIES: Final = {
    "10901": "Rivertown County",
    "10903": "Example County",
    "10905": "Sample County",
}
STREETS: Final = ("Example Street", "Sample Avenue", "Demo Lane", "Placeholder Road", "Fixture Way")

REACH_E4 = 240
"""How far a quarter reaches from its middle, in ten-thousandths of a degree."""


@dataclass(frozen=True, slots=True)
class Quarter:
    """A part of the county: `weight` is its share of what happens, `people` how many live there."""

    name: str
    zip: str
    fips: str
    tract: str
    lat_e4: int
    lon_e4: int
    weight: int
    people: int


QUARTERS: Final = (
    Quarter("Rivertown", "00101", "10901", "10901000100", 310_550, -410_550, 38, 31_400),
    Quarter("East Rivertown", "00102", "10901", "10901000200", 310_550, -409_550, 27, 22_800),
    Quarter("Exampleville", "00201", "10903", "10903000100", 312_050, -412_050, 20, 21_600),
    Quarter("Sampleton", "00301", "10905", "10905000100", 308_050, -409_050, 11, 9_300),
    Quarter("Placeholder Corners", "00401", "10905", "10905000200", 306_050, -407_050, 4, 2_100),
)
"""Of the prefixes only 001 and 002 have more than 20,000 people, and so stand in the table."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One address of the county, with a point in decimal degrees (WGS84)."""

    street: str
    quarter: Quarter
    lat: float
    lon: float

    @property
    def line(self) -> str:
        """Return the address on one line."""
        return f"{self.street}, {self.quarter.name}"


def a_spot(random: Random, quarter: Quarter | None = None) -> Spot:
    """Return an address in `quarter`, or in one drawn by weight."""
    where = quarter or random.choices(QUARTERS, [q.weight for q in QUARTERS])[0]
    street = f"{random.randint(1, 999)} {random.choice(STREETS)}"
    lat = (where.lat_e4 + random.randint(-REACH_E4, REACH_E4)) / 10_000
    lon = (where.lon_e4 + random.randint(-REACH_E4, REACH_E4)) / 10_000
    return Spot(street, where, lat, lon)
