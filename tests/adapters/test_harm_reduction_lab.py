"""Drug checking: synthetic cards and findings for the quirks, the real extract for the figures."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from adapters.base import Report
from adapters.harm_reduction import create
from adapters.harm_reduction_lab import CARD, CARD_NOT_READ, DATASET, DETAIL, DETAIL_NOT_READ
from gateway.errors import SettingsError
from tests.adapters.contract import AdapterContract, a_scan, read
from tests.data import DATA, needs_data

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.base import Adapter

USUAL = {
    "sampleid": "S1",
    "location": "Sampleville county",
    "county": "canary",
    "state": "canary",
    "date_collect": "23Apr2026",
    "expectedsubstance": "fentanyl; cocaine",
    "color": "white; clear",
    "texture": "powder",
    "sensations": "weird; more down",
    "overdose": "not overdose related",
    "date_complete": "28Oct2026",
    "lab_num_substances_any": "2",
    "countyfips": "10901",
}
CARDS: list[dict[str, str]] = [
    {},
    {"sampleid": "S2", "lab_num_substances_any": "0", "countyfips": "", "expectedsubstance": ""},
    {"sampleid": "S3", "lab_num_substances_any": "3"},
    {"sampleid": ""},
]
FOUND = {
    "sampleid": "S1",
    "substance": "fentanyl",
    "pubchemcid": "3345",
    "cas": "437-38-7",
    "unii": "UF599785JZ",
    "abundance": "trace",
    "method": "GCMS",
    "date_complete": "03may2026",
    "gcms_peak": "canary",
}
DETAILS: list[dict[str, str]] = [
    {},
    {},
    {"substance": "p-fluorofentanyl", "unii": "I45R05QM0Z", "abundance": "", "cas": "90736-23-5"},
    {"sampleid": "S9", "method": "divination", "cas": "none", "pubchemcid": ""},
    {"substance": ""},
]


def write(path: Path, columns: Sequence[str], rows: list[dict[str, str]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def adapter_of(folder: Path) -> Adapter:
    """Write both files and return the adapter over them."""
    write(folder / "samples.csv", (*CARD, *CARD_NOT_READ), [USUAL | row for row in CARDS])
    write(folder / "details.csv", (*DETAIL, *DETAIL_NOT_READ), [FOUND | row for row in DETAILS])
    source = {
        "kind": "unc_lab",
        "samples": "samples.csv",
        "details": "details.csv",
        "submitter_class": "harm_reduction",
    }
    return create({"max_unknown_share": 1.0, "sources": [source]}, folder)


class TestLabContract(AdapterContract):
    """The common suite."""

    @pytest.fixture
    def adapter(self, tmp_path: Path) -> Adapter:
        """Return the adapter over both files."""
        return adapter_of(tmp_path)


@pytest.fixture
def scanned(tmp_path: Path) -> tuple[list[dict[str, Any]], Report]:
    """Return the rows and the report."""
    report = Report()
    return read(adapter_of(tmp_path), a_scan(DATASET), report), report


Scanned = tuple[list[dict[str, Any]], Report]


def test_an_empty_result_is_a_row_and_missing_detail_is_not(scanned: Scanned) -> None:
    """LAB-1, LAB-2, LAB-3: nothing found is a row; S3 is none; S9 has no place."""
    rows, report = scanned

    assert [
        ("S1", "fentanyl"),
        ("S1", "p-fluorofentanyl"),
        ("S2", None),
        ("S9", "fentanyl"),
    ] == [(row["sample_id"], row["substance"]) for row in rows]
    assert (None, None) == (rows[3]["place"], rows[3]["county_fips"])
    assert 1 == report.notices["missing-detail", "substance"]
    assert 1 == report.notices["missing-card", "sample_id"]


def test_dates_are_read_without_case(scanned: Scanned) -> None:
    """LAB-4: `28Oct2026` and `03may2026`, and `completed_on` is the laboratory's."""
    rows, _ = scanned

    assert {dt.date(2026, 4, 23), None} == {row["collected_on"] for row in rows}
    assert dt.date(2026, 5, 3) == rows[0]["completed_on"]
    assert dt.date(2026, 10, 28) == rows[2]["completed_on"]


def test_an_empty_abundance_is_primary(scanned: Scanned) -> None:
    """LAB-5, LAB-6: empty is primary, trace is trace, and no substance has neither."""
    assert ["trace", "primary", None, "trace"] == [row["abundance"] for row in scanned[0]]


def test_a_substance_is_its_identifier_and_not_a_part_of_a_name(scanned: Scanned) -> None:
    """LAB-7: p-fluorofentanyl has another UNII than fentanyl."""
    assert ["UF599785JZ", "I45R05QM0Z"] == [row["substance_unii"] for row in scanned[0][:2]]


def test_words_of_the_card_are_lists(scanned: Scanned) -> None:
    """LAB-8: expected substances sorted, place as written, the others in the card's order."""
    row = scanned[0][0]

    assert ["cocaine", "fentanyl"] == row["expected_substances"]
    assert "Sampleville county" == row["place"]
    assert ["white", "clear", "powder"] == row["appearance"]
    assert ["weird", "more down"] == row["reported_sensations"]
    assert scanned[0][2]["expected_substances"] is None


def test_what_is_unknown_is_null_and_reported(scanned: Scanned) -> None:
    """An unknown method and a CAS number of no form are null; rows without key are quarantined."""
    rows, report = scanned

    assert (None, None, None) == tuple(
        rows[3][name] for name in ("method", "substance_cas", "substance_pubchem_cid")
    )
    assert 1 == report.notices["unknown-code", "method"]
    assert 2 == report.quarantined["no-record-key"]
    assert "canary" not in repr(rows) + repr(report)


def test_who_submitted_must_be_said(tmp_path: Path) -> None:
    """LAB-9: no default: every provision filters on it."""
    adapter_of(tmp_path)
    source = {"kind": "unc_lab", "samples": "samples.csv", "details": "details.csv"}

    with pytest.raises(SettingsError, match="submitter_class"):
        create({"sources": [source]}, tmp_path)


@needs_data
def test_the_real_extract() -> None:
    """LAB-1 to LAB-6: 52 rows, 24 substances, 28 primary, 23 trace; 11 cards, 2 samples said."""
    source = {
        "kind": "unc_lab",
        "samples": "unc_drug_checking/samples_extract.csv",
        "details": "unc_drug_checking/lab_detail_extract.csv",
        "submitter_class": "harm_reduction",
    }
    report = Report()
    rows = read(create({"sources": [source]}, DATA), a_scan(DATASET), report)
    empty = [row for row in rows if row["substance"] is None]
    trace = [row for row in rows if (row["sample_id"], row["substance"]) == ("600353", "fentanyl")]

    assert 52 == len(rows)
    assert {"primary": 28, "trace": 23, None: 1} == Counter(row["abundance"] for row in rows)
    assert 24 == len({row["substance"] for row in rows} - {None})
    assert ["600361"] == [row["sample_id"] for row in empty]
    assert {"600306", "600336"} <= {row["sample_id"] for row in rows if row["collected_on"] is None}
    assert {("missing-detail", "substance"): 11, ("missing-card", "sample_id"): 2} == dict(
        report.notices
    )
    assert ["trace"] == [row["abundance"] for row in trace]
