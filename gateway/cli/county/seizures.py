"""Drugs that the police seized: one row for each incident and drug, in the codes of NIBRS 4.2.

Quantities are the officer's estimate. `XX` means sent to the laboratory; a later row brings the
figure. There is no code for fentanyl: it stands as other narcotics, with its name beside it.
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
CASES: Final[Mapping[str, Mapping[str, str]]] = {
    "seizure_in_laboratory": {"estimated_quantity": "1.500", "quantity_unit": "XX"},
    "seizure_told_later": {"estimated_quantity": "1.500", "quantity_unit": "XX"},
    "seizure_in_units": {"estimated_quantity": "12", "quantity_unit": "DU"},
    "seizure_in_ounces": {"estimated_quantity": "1", "quantity_unit": "OZ"},
    "seizure_of_other_offense": {"offense_code": "64A"},
}
"""Case name to what its row holds; the oldest seizures show them in order."""

_DRUGS: Final = (("D", "Heroin"), ("H", "Fentanyl"), ("B", "Cocaine"), ("L", "Methamphetamine"))
_AMOUNTS: Final = (("0.350", "GM"), ("2.100", "GM"), ("28.000", "GM"), ("0.050", "KG"))


def seizures(
    random: Random, now: dt.datetime, count: int, ori: str
) -> tuple[list[Mapping[str, str]], dict[str, str]]:
    """Return `count` seizures of the last four months, and the incident of each case."""
    today = now.astimezone(ZONE).date()
    days = sorted((random.randint(1, 120) for _ in range(count)), reverse=True)
    rows = [
        _row(random, number, today - dt.timedelta(days=away), ori)
        for number, away in enumerate(days, 1)
    ]
    for index, odd in enumerate(CASES.values()):
        rows[index] |= odd
    cases = {name: row["incident_number"] for name, row in zip(CASES, rows, strict=False)}
    told = next(row for row in rows if row["incident_number"] == cases["seizure_told_later"])
    answer = told | {"estimated_quantity": "1.325", "quantity_unit": "GM"}
    return [*rows, answer], cases


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
