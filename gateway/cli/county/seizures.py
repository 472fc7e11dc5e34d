"""Drugs that the police seized: one row for each incident and drug, in the codes of NIBRS 4.2.

Quantities are the officer's estimate. `XX` means sent to the laboratory; there is no code for
fentanyl, so it stands as other narcotics with its name beside it.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from gateway.cli.county.places import QUARTERS, ZONE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

COLUMNS: Final = (
    *("agency_ori", "incident_number", "incident_date", "report_date_indicator", "offense_code"),
    *("criminal_activity", "property_loss_type", "suspected_drug_type", "drug_text"),
    *("estimated_quantity", "quantity_unit", "county_fips", "location_type"),
)
_DRUGS: Final = (("D", "Heroin"), ("H", "Fentanyl"), ("B", "Cocaine"), ("L", "Methamphetamine"))
_AMOUNTS: Final = (
    ("0.350", "GM"),
    ("2.100", "GM"),
    ("28.000", "GM"),
    ("0.050", "KG"),
    ("12", "DU"),
)
IN_LABORATORY: Final = "PDS-00001"
DOSAGE_UNITS: Final = "PDS-00002"


def seizures(random: Random, now: dt.datetime, count: int, ori: str) -> list[Mapping[str, str]]:
    """Return `count` seizures of the last four months, oldest first."""
    today = now.astimezone(ZONE).date()
    days = sorted((random.randint(1, 120) for _ in range(count)), reverse=True)
    rows = [
        _row(random, number, today - dt.timedelta(days=away), ori)
        for number, away in enumerate(days, 1)
    ]
    odd = {
        IN_LABORATORY: {"estimated_quantity": "1.500", "quantity_unit": "XX"},
        DOSAGE_UNITS: {"estimated_quantity": "12", "quantity_unit": "DU"},
    }
    return [row | odd.get(row["incident_number"], {}) for row in rows]


def _row(random: Random, number: int, on: dt.date, ori: str) -> dict[str, str]:
    drug, text = random.choice(_DRUGS)
    quantity, unit = random.choice(_AMOUNTS)
    quarter = random.choices(QUARTERS, [q.weight for q in QUARTERS])[0]
    return {
        "agency_ori": ori,
        "incident_number": f"PDS-{number:05}",
        "incident_date": on.isoformat(),
        "report_date_indicator": "N",
        "offense_code": "35A",
        "criminal_activity": random.choice(("P", "D", "U")),
        "property_loss_type": "06",
        "suspected_drug_type": drug,
        "drug_text": text,
        "estimated_quantity": quantity,
        "quantity_unit": unit,
        "county_fips": quarter.fips,
        "location_type": random.choice(("13", "18", "20")),
    }
