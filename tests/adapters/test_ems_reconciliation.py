"""The real EMS files give the figures of the domain page, section 7, exactly."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pytest

from adapters.base import Report
from adapters.ems import RUNS, create
from adapters.ems_cases import PUBLISHED
from adapters.ems_nemsis import Folder, open_schema
from tests.adapters.contract import a_scan, read
from tests.data import DATA, needs_data

pytestmark = needs_data

TEMPE = "tempe_opioid_ems"
PA = "pa_ems_naloxone"
GOLDEN = "6f26e60e-cc8a-4543-a528-9fc2149f1234"


def nemsis(*versions: str, schema: bool = True) -> list[dict[str, Any]]:
    """Return sources of the NEMSIS folders."""
    return [
        {"kind": "nemsis", "path": f"nemsis_v{version.replace('.', '')}", "version": version}
        | ({"schema_dir": f"nemsis_v{version.replace('.', '')}/xsd"} if schema else {})
        for version in versions
    ]


def rows_of(
    sources: list[dict[str, Any]], report: Report | None = None, **settings: object
) -> list[dict[str, Any]]:
    """Return all rows of the sources; random sample codes may be unknown."""
    adapter = create({"sources": sources, "max_unknown_share": 1.0} | settings, DATA)
    return read(adapter, a_scan(RUNS), report)


def table(kind: str, folder: str, report: Report | None = None) -> list[dict[str, Any]]:
    """Return all rows of a table."""
    path = next((DATA / folder).glob("*.csv")).relative_to(DATA)
    adapter = create({"sources": [{"kind": kind, "path": str(path)}]}, DATA)
    return read(adapter, a_scan(RUNS), report)


@pytest.mark.parametrize(("version", "valid", "keys"), [("3.5.1", 51, 45), ("3.5.0", 56, 52)])
def test_documents_of_each_version(version: str, valid: int, keys: int) -> None:
    """EMS-10, EMS-11: five are refused by root, one is invalid, the rest give their reports."""
    folder = DATA / f"nemsis_v{version.replace('.', '')}"
    schema = open_schema(folder / "xsd")
    source = Folder(folder, schema, "x", PUBLISHED, all_reports=True)
    documents = list(source.documents())
    unvalidated = list(Folder(folder, None, "x", PUBLISHED, all_reports=True).documents())
    reads = [read for document in unvalidated for read in document.reads]

    reasons = Counter(reason for document in documents for reason in document.quarantined)
    assert {"wrong-root": 5, "xsd-invalid": 1} == reasons
    assert valid == sum(len(document.reads) for document in documents)
    assert valid + 1 == len(reads)
    assert keys == len({read.key for read in reads})
    fatal = Counter(read.row["fatal"] for read in reads if read.row is not None)
    assert 32 == fatal["fatal"]


@pytest.mark.parametrize(
    ("version", "name", "element"),
    [
        ("3.5.1", "2025-EMS-FailXsd_v351", "eSituation"),
        ("3.5.0", "2023-EMS-FailXsd_v350", "eResponse.07"),
    ],
)
def test_planned_failures_of_the_schema(version: str, name: str, element: str) -> None:
    """EMS-11: the invalid document is named by its element; the Schematron failure is accepted."""
    folder = DATA / f"nemsis_v{version.replace('.', '')}"
    source = Folder(folder, open_schema(folder / "xsd"), "x", PUBLISHED, all_reports=True)
    fail = folder / "compliance" / "fail"

    invalid = source.document(str(fail / f"{name}.xml"))
    accepted = source.document(str(fail / f"{name.replace('Xsd', 'Schematron')}.xml"))

    assert (("xsd-invalid",), (("xsd-invalid", element),)) == (
        invalid.quarantined,
        invalid.notices,
    )
    assert ((), 1) == (accepted.quarantined, len(accepted.reads))


def test_both_versions_share_their_samples() -> None:
    """EMS-9: 109 documents hold 57 keys, and one row comes of each."""
    report = Report()

    rows = rows_of(nemsis("3.5.1", "3.5.0", schema=False), report, all_reports=True)

    assert 57 == len(rows) == len({row["pcr_uuid"] for row in rows})
    assert 109 - 57 == report.notices["repeated-key", "PatientCareReport/@UUID"]
    assert {"wrong-root": 10} == report.quarantined
    assert report.unvalidated


@pytest.mark.parametrize(
    "definition", ["nemsis-opioid-overdose", "nemsis-opioid-overdose-anchored"]
)
def test_one_report_is_an_opioid_overdose(definition: str) -> None:
    """DEF-7, DEF-8: of 109 documents one report matches, by either rule, and not by its name."""
    report = Report()

    (row,) = rows_of(nemsis("3.5.1", "3.5.0"), report, definition=definition)

    assert (GOLDEN, ["impression", "medication"]) == (row["pcr_uuid"], row["definition_basis"])
    assert definition == row["definition_id"]
    assert not report.unvalidated


def test_the_golden_row() -> None:
    """EMS-1, EMS-5, EMS-6, EMS-12, EMS-13: section 7.2, field by field."""
    (row,) = rows_of(nemsis("3.5.0"))

    expected = {
        "pcr_uuid": GOLDEN,
        "pcr_number": "2023-EMS-1-OpioidRelease_v350",
        "incident_number": "350-20221007003",
        "ems_agency_number": "350-501",
        "incident_date": dt.date(2022, 10, 7),
        "psap_call_at": dt.datetime(2022, 10, 8, 3, 18, 1, tzinfo=dt.UTC),
        "unit_notified_at": dt.datetime(2022, 10, 8, 3, 22, 17, tzinfo=dt.UTC),
        "on_scene_at": dt.datetime(2022, 10, 8, 3, 29, 48, tzinfo=dt.UTC),
        "at_patient_at": dt.datetime(2022, 10, 8, 3, 30, 31, tzinfo=dt.UTC),
        "time_precision": "instant",
        "age": 22,
        "age_unit": "years",
        "age_band": "20-24",
        "sex": "female",
        "race": ["white"],
        "patient_home_zip": "71107",
        "patient_home_county_fips": "22017",
        "scene_zip": "71854",
        "scene_county_fips": "05091",
        "scene_census_tract": "05091020900",
        "scene_lat": 33.440,
        "scene_lon": -93.973,
        "scene_location_type": "Y92.0",
        "dispatch_reason": "2301053",
        "primary_symptom": "R40.20",
        "other_symptoms": ["R06"],
        "primary_impression": "F11",
        "secondary_impressions": None,
        "drug_use_indicators": ["drugs_at_scene", "admits_drugs", "exam_suggests"],
        "cardiac_arrest": "no",
        "initial_acuity": "emergent",
        "respiratory_rate": 6,
        "avpu": "unresponsive",
        "naloxone_status": "given",
        "naloxone_doses": 2,
        "naloxone_total_mg": 8.0,
        "naloxone_routes": ["intranasal"],
        "naloxone_before_ems": False,
        "naloxone_given_by": ["ems"],
        "naloxone_response": "improved",
        "fatal": "nonfatal",
        "transport_disposition": "refused",
        "definition_id": "nemsis-opioid-overdose",
        "definition_version": "2025-05-27",
        "definition_basis": ["impression", "medication"],
    }
    assert expected == {name: row[name] for name in expected}
    assert "435348328" not in repr(row)


def test_the_overdose_without_a_medication() -> None:
    """EMS-4: one group, all nil, says not recorded and no number of doses."""
    rows = rows_of(nemsis("3.5.1"), all_reports=True)

    row = next(row for row in rows if str(row["pcr_number"]).startswith("2025-EMS-1-Overdose"))

    assert ("not_recorded", None) == (row["naloxone_status"], row["naloxone_doses"])
    assert row["definition_id"] is None


def test_a_sex_that_is_a_cell_of_one() -> None:
    """EMS-8: one document of 3.5.0 has 9906007."""
    rows = rows_of(nemsis("3.5.0", schema=False), all_reports=True)

    assert 1 == Counter(row["sex"] for row in rows)["other"]


def test_tempe_figures() -> None:
    """EMS-15 to EMS-20: 2,743 rows with the words, times and points of the domain page."""
    report = Report()
    rows = table("tempe", TEMPE, report)

    def count(name: str) -> dict[Any, int]:
        return dict(Counter(row[name] for row in rows))

    assert 2743 == len(rows) == len({row["pcr_uuid"] for row in rows})
    assert {"given": 1956, "not_given": 276, "not_recorded": 511} == count("naloxone_status")
    assert {True: 57, False: 2047, None: 639} == count("university_student")
    assert {True: 511, False: 1663, None: 569} == count("homeless")
    assert {"morning": 567, "afternoon": 919, "evening": 768, "overnight": 489} == count(
        "part_of_day"
    )
    assert {"part_of_day": 2239 + 174, "hour": 330} == count("time_precision")
    assert 12 == count("scene_lat")[None] == count("scene_lon")[None]
    assert {None: 2743} == count("naloxone_doses")
    assert {} == report.notices
    assert {} == report.quarantined


def test_tempe_students_are_few_in_every_cell() -> None:
    """CNT-8 reads these rows: 24 cells by year, age and sex, the largest 7."""
    cells = Counter(
        (row["incident_date"].year, row["age_band"], row["sex"])
        for row in table("tempe", TEMPE)
        if row["university_student"]
    )

    assert (24, 7, 57) == (len(cells), max(cells.values()), sum(cells.values()))


def test_pennsylvania_figures() -> None:
    """ALL-2, ALL-3, EMS-22, EMS-23: 12,158 events, counted by civil date, at 66 points."""
    report = Report()
    rows = table("pa_ems", PA, report)
    years = Counter(row["incident_date"].year for row in rows)
    counties = Counter(row["scene_county_fips"] for row in rows)

    assert 12158 == len(rows) == len({row["pcr_uuid"] for row in rows})
    assert {2018: 5030, 2019: 4429, 2020: 2699} == years
    assert 66 == len(counties)
    assert (3730, 1618, 610) == (counties["42101"], counties["42003"], counties["42017"])
    assert "42053" not in counties  # Forest county: not in the list, which is not a count of nought
    assert 66 == len({(row["scene_lat"], row["scene_lon"]) for row in rows})
    assert 3077 == sum(row["unit_notified_at"].date() != row["incident_date"] for row in rows)
    assert {("repeated-hour", "Event Time"): 1} == report.notices
    assert {"minute": 12157, "hour": 1} == Counter(row["time_precision"] for row in rows)
    months = Counter(
        (row["scene_county_fips"], row["incident_date"].year, row["incident_date"].month)
        for row in rows
    )
    assert (1283, 1052) == (len(months), sum(held < 11 for held in months.values()))
