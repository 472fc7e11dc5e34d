"""Seizures: the State Police's aggregate table, an agency's own table, and NIBRS submissions."""

from __future__ import annotations

import csv
import datetime as dt
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adapters.base import Report
from adapters.police import create
from adapters.police_seizures import DATASET
from gateway.errors import SettingsError
from tests.adapters.contract import AdapterContract, a_scan, read

if TYPE_CHECKING:
    from adapters.base import Adapter

FIXTURES = Path(__file__).parent / "fixtures" / "police"


def one(**source: object) -> Adapter:
    """Return an adapter of one source that lets much be unknown."""
    return create({"max_unknown_share": 1.0, "sources": [source]}, FIXTURES)


def aggregate() -> Adapter:
    """Return the adapter of the State Police's form."""
    return one(kind="psp_seizures", csv="seizures.csv")


def incidents() -> Adapter:
    """Return the adapter of an agency's own table."""
    return one(kind="seizures", csv="incidents.csv")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Adapter:
    """Return one adapter over an SQLite file: it keeps nothing but what it compiled."""
    path = tmp_path_factory.mktemp("seizures") / "records.sqlite"
    rows = list(csv.reader((FIXTURES / "incidents.csv").read_text().splitlines()))
    with sqlite3.connect(path) as held:
        held.execute(f"CREATE TABLE drug_seizures ({', '.join(rows[0])})")
        marks = ", ".join("?" * len(rows[0]))
        held.executemany(f"INSERT INTO drug_seizures VALUES ({marks})", rows[1:])  # noqa: S608
    held.close()
    return one(kind="seizures", database=str(path), table="drug_seizures")


class TestIncidentContract(AdapterContract):
    """The common suite, on an agency's own table."""

    @pytest.fixture
    def adapter(self, records: Adapter) -> Adapter:
        """Return that adapter."""
        return records


@pytest.fixture(scope="module")
def summed() -> tuple[list[dict[str, Any]], Report]:
    """Return the aggregate rows and their report."""
    report = Report()
    return read(aggregate(), a_scan(DATASET), report), report


def test_aggregate_rows_have_no_incident(summed: tuple[list[dict[str, Any]], Report]) -> None:
    """PSP-3: a row counts incidents and names none; its kind says so."""
    rows, _ = summed

    assert {"aggregate"} == {row["record_kind"] for row in rows}
    assert {None} == {row["incident_number"] for row in rows}
    assert {1} == {row["incident_count"] for row in rows}


def test_small_quantities_are_kept(summed: tuple[list[dict[str, Any]], Report]) -> None:
    """PSP-2: a millionth of a kilogram is a milligram, and nought is nought."""
    found = {
        row["drug_text"]: row["quantity_grams"] for row in summed[0] if row["drug_text"] != "Heroin"
    }

    assert {"Fentanyl": 0.001, "Opium": 0.0} == found


def test_a_seizure_outside_the_state_has_no_county(
    summed: tuple[list[dict[str, Any]], Report],
) -> None:
    """ALL-4: 999 is null and `17` is `017`; the row stays."""
    rows, report = summed

    assert {None, "42017", "42117"} == {row["county_fips"] for row in rows}
    assert 0 == report.notices["unknown-code", "county_fips"]


def test_an_unknown_unit_has_no_grams(summed: tuple[list[dict[str, Any]], Report]) -> None:
    """A unit that the list does not spell is null, reported, and gives no mass."""
    rows, report = summed
    (row,) = [row for row in rows if row["quantity_unit"] is None]

    assert row["quantity_grams"] is None
    assert 1 == report.notices["unknown-code", "quantity_unit"]


def test_a_quarter_that_contradicts_its_start_is_quarantined(
    summed: tuple[list[dict[str, Any]], Report],
) -> None:
    """Q4 that begins in July is neither."""
    assert {"no-period-or-drug": 1} == dict(summed[1].quarantined)
    assert {dt.date(2016, 7, 1)} == {row["period_start"] for row in summed[0]}


@pytest.fixture(scope="module")
def told() -> tuple[dict[str, dict[str, Any]], Report]:
    """Return an agency's incidents by number and their report."""
    report = Report()
    rows = read(incidents(), a_scan(DATASET), report)
    assert len(rows) == len({row["incident_number"] for row in rows})
    return {row["incident_number"]: row for row in rows}, report


Told = tuple[dict[str, dict[str, Any]], Report]


def test_the_laboratory_replaces_what_was_awaited(told: Told) -> None:
    """NIB-4: `XX` alone has no grams; where another row of the drug has a mass, that row stands."""
    rows, _ = told

    assert (1.5, "xx", None) == tuple(
        rows["N2"][name] for name in ("estimated_quantity", "quantity_unit", "quantity_grams")
    )
    assert (1.75, "gm") == (rows["N1"]["quantity_grams"], rows["N1"]["quantity_unit"])


def test_only_masses_have_grams(told: Told) -> None:
    """NIB-5: an ounce is 28.349523125 g and a pound 453.59237 g; dosage units have none."""
    rows, _ = told

    assert [28.349523, 453.59237, None] == [rows[n]["quantity_grams"] for n in ("N3", "N4", "N5")]


def test_other_offenses_and_losses_are_not_carried(told: Told) -> None:
    """NIB-3: drugs under another offense, or stolen ones, are no row, and said so."""
    rows, report = told

    assert {"N6", "N7"}.isdisjoint(rows)
    assert 1 == report.notices["not-carried", "offense_code"]
    assert 1 == report.notices["not-carried", "property_loss_type"]


def test_what_is_no_record_is_quarantined(told: Told) -> None:
    """No number, no date, and two rows that contradict each other."""
    found = dict(told[1].quarantined)

    assert {"no-record-key": 1, "no-event-date": 1, "conflicting-rows": 1} == found
    assert told[0]["NA"]["suspected_drug_type"] is None
    assert 1 == told[1].notices["unknown-code", "suspected_drug_type"]


REPORT = """\
<nibrs:Report>
 <nibrs:ReportHeader>
  <nibrs:ReportActionCategoryCode>{action}</nibrs:ReportActionCategoryCode>
  <nibrs:ReportDate><nc:YearMonthDate>{month}</nc:YearMonthDate></nibrs:ReportDate>
  <nibrs:ReportingAgency><j:OrganizationAugmentation><j:OrganizationORIIdentification>
   <nc:IdentificationID>SY9990000</nc:IdentificationID>
  </j:OrganizationORIIdentification></j:OrganizationAugmentation></nibrs:ReportingAgency>
 </nibrs:ReportHeader>
 <nc:Incident>
  <nc:ActivityIdentification><nc:IdentificationID>{number}</nc:IdentificationID></nc:ActivityIdentification>
  <nc:ActivityDate><nc:DateTime>{date}T23:00:00</nc:DateTime></nc:ActivityDate>
  <cjis:IncidentAugmentation>
   <cjis:IncidentReportDateIndicator>false</cjis:IncidentReportDateIndicator>
  </cjis:IncidentAugmentation>
 </nc:Incident>
 <j:Offense s:id="O1">
  <nibrs:OffenseUCRCode>{offense}</nibrs:OffenseUCRCode>
  <nibrs:CriminalActivityCategoryCode>D</nibrs:CriminalActivityCategoryCode>
  <nibrs:CriminalActivityCategoryCode>P</nibrs:CriminalActivityCategoryCode>
 </j:Offense>
 <nc:Location s:id="L1"><j:LocationCategoryCode>13</j:LocationCategoryCode></nc:Location>
 <nc:Item>
  <nc:ItemStatus><cjis:ItemStatusCode>{loss}</cjis:ItemStatusCode></nc:ItemStatus>
  <nc:ItemValue><nc:ItemValueAmount><nc:Amount>canary</nc:Amount></nc:ItemValueAmount></nc:ItemValue>
  <j:ItemCategoryNIBRSPropertyCategoryCode>10</j:ItemCategoryNIBRSPropertyCategoryCode>
 </nc:Item>
 <nc:Substance>
  <j:DrugCategoryCode>{drug}</j:DrugCategoryCode>
  <nc:SubstanceQuantityMeasure>
   <nc:MeasureDecimalValue>{quantity}</nc:MeasureDecimalValue>
   <j:SubstanceUnitCode>{unit}</j:SubstanceUnitCode>
  </nc:SubstanceQuantityMeasure>
 </nc:Substance>
 <nc:Person><nc:PersonName>canary</nc:PersonName></nc:Person>
 <j:OffenseLocationAssociation>
  <j:Offense s:ref="O1"/><nc:Location s:ref="L1"/>
 </j:OffenseLocationAssociation>
</nibrs:Report>
"""
USUAL = {
    "action": "I",
    "month": "2026-01",
    "number": "SYN-1",
    "date": "2026-01-31",
    "offense": "35A",
    "loss": "SEIZED",
    "drug": "H",
    "quantity": "1.5",
    "unit": "XX",
}
HEAD = (
    '<nibrs:Submission xmlns:nibrs="http://fbi.gov/cjis/nibrs/4.2" xmlns:cjis="http://fbi.gov/cjis/1.0"'
    ' xmlns:j="http://release.niem.gov/niem/domains/jxdm/5.2/"'
    ' xmlns:nc="http://release.niem.gov/niem/niem-core/3.0/"'
    ' xmlns:s="http://release.niem.gov/niem/structures/3.0/">'
)


def submitted(folder: Path, *reports: dict[str, str]) -> tuple[list[dict[str, Any]], Report]:
    """Return the rows of one submission a report, in files by order, and the scan's report."""
    for number, changed in enumerate(reports):
        body = REPORT.format(**{**USUAL, **changed})
        (folder / f"{number:02}.xml").write_text(f"{HEAD}{body}</nibrs:Submission>")
    report = Report()
    adapter = create({"sources": [{"kind": "nibrs", "folder": "."}]}, folder)
    return read(adapter, a_scan(DATASET), report), report


def test_an_incident_and_a_drug_are_a_row(tmp_path: Path) -> None:
    """NIB-4: 1.5 `XX` under 35A has no grams; the date is civil; nothing of people is read."""
    (row,), report = submitted(tmp_path, {})

    assert (dt.date(2026, 1, 31), "35a", "seized") == (
        row["incident_date"],
        row["offense_code"],
        row["property_loss_type"],
    )
    assert (1.5, "xx", None) == (
        row["estimated_quantity"],
        row["quantity_unit"],
        row["quantity_grams"],
    )
    assert (["distributing", "possessing"], "13") == (
        row["criminal_activity"],
        row["location_type"],
    )
    assert "canary" not in repr(row)
    assert report.unvalidated


def test_a_later_report_replaces_and_a_deletion_removes(tmp_path: Path) -> None:
    """NIB-4: the month decides and not the file; `D` leaves nothing."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    later = {"month": "2026-02", "quantity": "1.75", "unit": "GM"}

    (row,), _ = submitted(tmp_path / "a", later, {})
    gone, _ = submitted(tmp_path / "b", {}, {"action": "D"})

    assert 1.75 == row["quantity_grams"]
    assert [] == gone


def test_another_offense_or_loss_is_no_row_and_said_once(tmp_path: Path) -> None:
    """NIB-3: the same report twice is one notice; stolen drugs are not carried."""
    rows, report = submitted(
        tmp_path, {"offense": "64A"}, {"offense": "64A"}, {"number": "SYN-2", "loss": "STOLEN"}
    )

    assert [] == rows
    assert 1 == report.notices["not-carried", "offense_code"]
    assert 1 == report.notices["not-carried", "property_loss_type"]


def test_hostile_and_foreign_documents_are_quarantined(tmp_path: Path) -> None:
    """XML-1: a DOCTYPE, another root and broken XML are counted, and the others are read."""
    (tmp_path / "x1.xml").write_text(
        '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hosts">]><a>&e;</a>'
    )
    (tmp_path / "x2.xml").write_text("<other/>")
    (tmp_path / "x3.xml").write_text("<a>")

    rows, report = submitted(tmp_path, {})

    assert 1 == len(rows)
    assert {"doctype": 1, "wrong-root": 1, "xml-malformed": 1} == dict(report.quarantined)


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ([], "sources"),
        ([{"kind": "odin", "zone": "America/New_York"}], "`csv`, or `database` and `table`"),
        ([{"kind": "odin", "zone": "Mars/Olympus", "csv": "odin.csv"}], "`zone`"),
        ([{"kind": "psp_seizures", "csv": "nowhere.csv"}], "nowhere.csv"),
        ([{"kind": "psp_seizures", "csv": "seizures.csv", "extra": 1}], "extra"),
        ([{"kind": "seizures", "csv": "incidents.csv", "table": "t; drop"}], "table"),
        (
            [
                {"kind": "psp_seizures", "csv": "seizures.csv"},
                {"kind": "seizures", "csv": "incidents.csv"},
            ],
            "two feeds",
        ),
    ],
)
def test_settings_are_strict(sources: list[dict[str, object]], said: str) -> None:
    """Nothing to read, an unknown zone or key, a missing file and two feeds are refused by name."""
    with pytest.raises(SettingsError, match=said):
        create({"sources": sources}, FIXTURES)
