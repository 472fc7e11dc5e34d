"""Published rates: a synthetic pair of files for the quirks, the real ones for the figures."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from adapters.base import Report
from adapters.public_health import create
from adapters.public_health_counts import DATASET
from tests.adapters.contract import AdapterContract, a_scan, read
from tests.data import DATA, needs_data

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.base import Adapter

HIDDEN = "Not displayed when count is between 1 and 4."
BY_COUNTY = {
    "County Name": "canary",
    "Quarterly Rate": "11.67",
    "Overdose Type": "Heroin Overdose",
    "Type of Rate": "Rate of ED Visits per 10,000 Visits (by facility location)",
    "Time Measure": "Quarterly Rates",
    "Time Period": "2020 Q1",
    "Year": "2020",
    "Quarter Date Start": "01/01/2020",
    "Notes": "",
    "County Code Number": "17",
    "County Code Text": "17",
    "State FIPS Code": "42",
    "County FIPS Code": "33",
    "Latitude": "41.0",
    "Longitude": "-78.4",
    "Georeferenced Latitude & Longitude": "canary",
}
BY_PERSON = {
    "Age Group": "All Ages",
    "Gender": "All Genders",
    "County Name": "CANARY",
    "Rate": "0.92",
    "Type of Rate": "Percent of Emergency Department Visits Related to Overdose",
    "Overdose Type": "Any Drug Overdose",
    "Time Measure": "Quarterly Rates",
    "Year": "2017",
    "Time Period": "2017 Q3",
    "Quarter Date Start": "07/01/2017",
    "Notes": "",
    "County Code Number": "38",
    "County Code Text": "38",
    "State FIPS Code": "42",
    "County FIPS Code": "033",
    "Latitude/Longitude": "canary",
}
LEAK = "Suppressed/Not Displayed due to count between 1 and "
COUNTY_ROWS: list[dict[str, str]] = [
    {},
    {"County FIPS Code": "0", "Quarterly Rate": "1.5"},
    {"Overdose Type": "Any Drug Overdose", "Quarterly Rate": "", "Notes": HIDDEN},
    {"Overdose Type": "Any Opioid Overdose", "Quarterly Rate": "0"},
    {
        "Type of Rate": "Rate of ED Visits per 10,000 Population (by patient location)",
        "Quarterly Rate": "",
        "Notes": "No Emergency Department Identified in County.",
    },
    {"County FIPS Code": "999"},
    {},
]
PERSON_ROWS: list[dict[str, str]] = [
    {},
    {"Type of Rate": f"{LEAK}4", "Rate": "", "Notes": HIDDEN},
    {"Type of Rate": f"{LEAK}474", "Rate": "", "Notes": HIDDEN},
    {"Age Group": "15-24", "Gender": "Male"},
    {"Gender": "Unheard of"},
]


def two_files(folder: Path) -> Adapter:
    """Return the adapter over both forms."""
    for name, usual, rows in (
        ("county.csv", BY_COUNTY, COUNTY_ROWS),
        ("person.csv", BY_PERSON, PERSON_ROWS),
    ):
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(usual))
            writer.writeheader()
            writer.writerows([usual | row for row in rows])
    source = {"kind": "pa_ed_rates", "csv": ["county.csv", "person.csv"]}
    return create({"max_unknown_share": 1.0, "sources": [source]}, folder)


class TestCountContract(AdapterContract):
    """The common suite."""

    @pytest.fixture
    def adapter(self, tmp_path: Path) -> Adapter:
        """Return the adapter over both files."""
        return two_files(tmp_path)


@pytest.fixture
def scanned(tmp_path: Path) -> tuple[list[dict[str, Any]], Report]:
    """Return the rows of both files and the report."""
    report = Report()
    return read(two_files(tmp_path), a_scan(DATASET), report), report


Scanned = tuple[list[dict[str, Any]], Report]


def test_one_code_for_a_county_and_another_for_the_state(scanned: Scanned) -> None:
    """CNT-4, CNT-5: `33` and `033` are one county; code 0 is the state; 999 is no place."""
    rows, report = scanned

    assert {("county", "42033"), ("state", "42")} == {
        (row["geography_level"], row["geography_code"]) for row in rows
    }
    assert 1 == report.quarantined["no-place-or-period"]
    assert "canary" not in repr(rows).lower()


def test_an_empty_cell_says_why_and_nought_is_published(scanned: Scanned) -> None:
    """CNT-1: suppressed, without a department, or nought: three things."""
    found = [(row["rate"], row["suppressed"], row["missing_reason"]) for row in scanned[0][2:5]]

    assert [(None, True, "suppressed"), (0.0, False, None), (None, False, "no_source")] == found
    assert "1-4" == scanned[0][2]["suppression_rule"]


def test_a_leaked_note_is_no_measure(scanned: Scanned) -> None:
    """CNT-3: however the note is numbered the rule is 1-4, and the measure is not known."""
    hidden = [row for row in scanned[0] if row["measure"] is None]

    assert ["1-4", "1-4"] == [row["suppression_rule"] for row in hidden]
    assert 2 == scanned[1].notices["leaked-note", "measure"]
    assert 2 == len({row["cell_id"] for row in hidden})


def test_place_of_facility_and_of_patient_are_two_measures(scanned: Scanned) -> None:
    """CNT-6: they are never one."""
    measures = {row["measure"] for row in scanned[0][:5]}

    assert {"per_10000_ed_visits", "per_10000_population"} == measures


def test_a_cell_stands_once_and_strata_are_as_published(scanned: Scanned) -> None:
    """Two rows with one id are an error; `all` stands for every age and sex."""
    rows, report = scanned

    assert len(rows) == len({row["cell_id"] for row in rows})
    assert 1 == report.quarantined["repeated-cell"]
    assert {("all", "all"), ("15-24", "male"), ("all", None)} == {
        (row["age_band"], row["sex"]) for row in rows
    }
    assert 1 == report.notices["unknown-code", "sex"]


@needs_data
@pytest.mark.parametrize(
    ("name", "rows", "reasons", "noughts"),
    [
        (
            "ed_overdose_county_quarter.csv",
            6_120,
            {"suppressed": 1_080, "no_source": 315, "incomplete": 48},
            562,
        ),
        (
            "ed_overdose_county_quarter_gender.csv",
            3_045,
            {"suppressed": 525, "no_source": 147},
            None,
        ),
    ],
)
def test_the_published_files(
    name: str, rows: int, reasons: dict[str, int], noughts: int | None
) -> None:
    """CNT-1, CNT-2: 6,120 and 3,045 cells, their empty ones by reason, 562 rates of nought."""
    source = {"kind": "pa_ed_rates", "csv": [f"pa_ed_overdose_syndromic/{name}"]}
    report = Report()
    found = read(create({"sources": [source]}, DATA), a_scan(DATASET), report)

    assert (rows, Counter()) == (len(found), report.quarantined)
    assert reasons == Counter(row["missing_reason"] for row in found if row["rate"] is None)
    assert noughts is None or noughts == sum(row["rate"] == 0 for row in found)
    assert {"1-4"} == {row["suppression_rule"] for row in found if row["suppressed"]}
