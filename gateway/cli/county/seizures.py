"""Drugs that the police seized, by county, quarter and drug, as the State Police publish them.

A row of one incident points to a case; such rows are there, so that suppression has work to do.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from gateway.cli.county.files import chance
from gateway.cli.county.places import COUNTIES, QUARTERS, STATE_FIPS, ZONE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

COLUMNS: Final = (
    *("year", "qtr", "qtr_start_date", "county_code", "county_code_text", "fips_state_code"),
    *("fips_county_code", "county_name", "drug", "incident_count", "drug_quantity", "unit_used"),
    *("arrests", "lat_long"),
)
SPAN: Final = 6
"""Whole quarters before the one of `now`."""

_DRUGS: Final = ("Heroin", "Fentanyl", "Opium")
_SHARES: Final = {"Heroin": 3, "Fentanyl": 5, "Opium": 1}


def seizures(random: Random, now: dt.datetime, scale: int = 1) -> list[Mapping[str, str]]:
    """Return a row for each county, whole quarter and drug in which something was seized."""
    today = now.astimezone(ZONE).date()
    return [
        _row(random, first, number, fips, drug, scale)
        for first in _quarters(today)
        for number, fips in enumerate(COUNTIES, 1)
        for drug in _DRUGS
        if drug != "Opium" or chance(random, 0.4)
    ]


def _quarters(today: dt.date) -> Iterator[dt.date]:
    """Yield the first days of the quarters, oldest first."""
    index = today.year * 4 + (today.month - 1) // 3
    for held in range(index - SPAN, index):
        yield dt.date(held // 4, held % 4 * 3 + 1, 1)


def _row(
    random: Random, first: dt.date, number: int, fips: str, drug: str, scale: int
) -> dict[str, str]:
    weight = sum(quarter.weight for quarter in QUARTERS if quarter.fips == fips)
    incidents = 1 + random.randint(0, weight * _SHARES[drug] // 12) * scale
    return {
        "year": str(first.year),
        "qtr": f"Q{(first.month + 2) // 3}",
        "qtr_start_date": f"{first:%m/%d/%Y}",
        "county_code": str(number),
        "county_code_text": f"{number:02}",
        "fips_state_code": STATE_FIPS,
        "fips_county_code": fips[2:],
        "county_name": COUNTIES[fips].removesuffix(" County"),
        "drug": drug,
        "incident_count": str(incidents),
        "drug_quantity": f"{incidents * random.randint(1, 90_000) / 1_000_000:.6f}",
        "unit_used": "Kilograms",
        "arrests": str(random.randint(0, incidents)),
        "lat_long": "",
    }
