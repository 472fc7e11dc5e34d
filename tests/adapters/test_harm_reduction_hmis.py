"""HMIS contacts: a small synthetic export for the quirks, the real one for the figures."""

from __future__ import annotations

import csv
import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from adapters.base import Report
from adapters.harm_reduction import create
from adapters.harm_reduction_hmis import DATASET
from gateway.errors import SourceError
from tests.adapters.contract import AdapterContract, a_scan, read
from tests.data import DATA, needs_data

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.base import Adapter

Rows = list[dict[str, str]]
AT = "2026-01-03 12:00:00"
COLUMNS = {
    "Export": "ExportID CSVVersion HashStatus",
    "Project": "ProjectID ProjectName ProjectType DateUpdated DateDeleted",
    "Enrollment": "EnrollmentID PersonalID ProjectID CriminalRecord DateUpdated DateDeleted",
    "CurrentLivingSituation": "CurrentLivingSitID EnrollmentID PersonalID InformationDate "
    "CurrentLivingSituation LocationDetails DateUpdated DateDeleted",
    "Event": "EventID EnrollmentID PersonalID EventDate Event ReferralResult DateUpdated "
    "DateDeleted",
}


def export() -> dict[str, Rows]:
    """Return a small export: one person in two outreach projects, another in a shelter."""
    return {
        "Export": [{"ExportID": "1", "CSVVersion": "2026 v1", "HashStatus": "4"}],
        "Project": [
            {"ProjectID": "P4", "ProjectName": "canary", "ProjectType": "4"},
            {"ProjectID": "P5", "ProjectType": "4"},
            {"ProjectID": "P0", "ProjectType": "0"},
        ],
        "Enrollment": [
            enrollment("E1", "SYN-1", "P4"),
            enrollment("E2", "SYN-1", "P5"),
            enrollment("E3", "SYN-2", "P0"),
            enrollment("E4", "SYN-3", "P4"),
        ],
        "CurrentLivingSituation": [
            contact("C1", "E1", "SYN-1", CurrentLivingSituation="116"),
            contact("C2", "E2", "SYN-1", CurrentLivingSituation="207"),
            contact("C3", "E3", "SYN-2", CurrentLivingSituation="101"),
            contact("C4", "E4", "SYN-3", CurrentLivingSituation="999"),
        ],
        "Event": [
            {**contact("V1", "E1", "SYN-1"), "EventID": "V1", "EventDate": "2026-01-02"}
            | {"Event": "5", "ReferralResult": "1"},
            {**contact("V2", "E1", "SYN-1"), "EventID": "V2", "EventDate": "2026-01-02"}
            | {"Event": "4", "ReferralResult": "1"},
        ],
    }


def enrollment(key: str, person: str, project: str) -> dict[str, str]:
    """Return an enrollment with something of the courts in it."""
    return {
        "EnrollmentID": key,
        "PersonalID": person,
        "ProjectID": project,
        "CriminalRecord": "canary",
        "DateUpdated": AT,
    }


def contact(key: str, enrolled: str, person: str, **more: str) -> dict[str, str]:
    """Return a living situation of 1 January."""
    return {
        "CurrentLivingSitID": key,
        "EnrollmentID": enrolled,
        "PersonalID": person,
        "InformationDate": "2026-01-01",
        "LocationDetails": "canary",
        "DateUpdated": AT,
        **more,
    }


def adapter_of(folder: Path, held: dict[str, Rows] | None = None) -> Adapter:
    """Write an export and return the adapter over it."""
    for name, rows in (held or export()).items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            columns = COLUMNS[name].split()
            writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    source = {
        "kind": "hmis",
        "folder": ".",
        "zone": "America/New_York",
        "county_fips": "10901",
        "treatment_events": ["5"],
    }
    return create({"max_unknown_share": 1.0, "sources": [source]}, folder)


def contacts(
    folder: Path, held: dict[str, Rows] | None = None
) -> tuple[dict[str, dict[str, Any]], Report]:
    """Return the rows of an export by contact, and the report."""
    report = Report()
    rows = read(adapter_of(folder, held), a_scan(DATASET), report)
    return {row["contact_id"]: row for row in rows}, report


class TestHmisContract(AdapterContract):
    """The common suite."""

    @pytest.fixture
    def adapter(self, tmp_path: Path) -> Adapter:
        """Return the adapter over the small export."""
        return adapter_of(tmp_path)


def test_only_street_outreach_is_a_contact(tmp_path: Path) -> None:
    """HMI-1, HMI-9: living situations and events of type 4; a person in two is one unit."""
    rows, _ = contacts(tmp_path)

    assert ["C1", "C2", "C4", "V1", "V2"] == list(rows)
    assert {"SYN-1", "SYN-3"} == {row["person_id"] for row in rows.values()}
    assert {"P4", "P5"} == {row["project_id"] for row in rows.values()}
    assert (dt.date(2026, 1, 1), None, "day") == tuple(
        rows["C1"][name] for name in ("contact_date", "contact_at", "time_precision")
    )


def test_an_unknown_situation_is_null_and_reported(tmp_path: Path) -> None:
    """HMI-6, HMI-7: 999 is no code; 207, jail, is one and is kept for who may have it."""
    rows, report = contacts(tmp_path)

    assert ("116", "207", None) == tuple(rows[n]["living_situation"] for n in ("C1", "C2", "C4"))
    assert 1 == report.notices["unknown-code", "living_situation"]


def test_a_situation_is_a_contact_and_an_event_need_not_be(tmp_path: Path) -> None:
    """A person was met where a living situation was asked; only named events link to treatment."""
    rows, _ = contacts(tmp_path)

    assert ("contacted", None) == (rows["C1"]["outcome"], rows["V1"]["outcome"])
    assert (None, True, None) == tuple(
        rows[name]["linked_to_treatment"] for name in ("C1", "V1", "V2")
    )


def test_names_and_courts_are_not_opened(tmp_path: Path) -> None:
    """HMI-2, HMI-3, ALL-8: Client is not needed, canaries are nowhere, the hash is reported."""
    rows, report = contacts(tmp_path)

    assert not (tmp_path / "Client.csv").exists()
    assert "canary" not in repr(rows) + repr(report)
    assert 1 == report.notices["not-verified", "HashStatus"]


def test_a_time_of_change_is_an_instant_only_with_its_clock(tmp_path: Path) -> None:
    """HMI-4: `22-08-22` is a date of no certain form: null, reported, not guessed."""
    held = export()
    held["CurrentLivingSituation"][0]["DateUpdated"] = "22-08-22"

    rows, report = contacts(tmp_path, held)

    assert rows["C1"]["updated_at"] is None
    assert dt.datetime(2026, 1, 3, 17, 0, tzinfo=dt.UTC) == rows["C2"]["updated_at"]
    assert 1 == report.notices["date-only", "updated_at"]


def test_a_deleted_row_takes_its_earlier_form_along(tmp_path: Path) -> None:
    """HMI-8: with `DateDeleted` the row is gone, its earlier form too; so by its enrollment."""
    held = export()
    later = {"DateUpdated": "2026-01-04 12:00:00", "DateDeleted": "2026-01-04 12:00:00"}
    held["CurrentLivingSituation"].append({**held["CurrentLivingSituation"][0], **later})
    held["Enrollment"][3] |= later

    rows, _ = contacts(tmp_path, held)

    assert ["C2", "V1", "V2"] == list(rows)


def test_the_latest_form_of_a_row_stands(tmp_path: Path) -> None:
    """Of two rows with one key the one that was updated later stands, whatever their order."""
    held = export()
    older = {"DateUpdated": "2026-01-02 12:00:00", "CurrentLivingSituation": "101"}
    held["CurrentLivingSituation"].append({**held["CurrentLivingSituation"][0], **older})

    rows, _ = contacts(tmp_path, held)

    assert "116" == rows["C1"]["living_situation"]


def test_what_is_no_record_is_quarantined(tmp_path: Path) -> None:
    """No key, no date, and an enrollment that is absent or another person's."""
    held = export()
    held["CurrentLivingSituation"] = [
        contact("", "E1", "SYN-1"),
        contact("C5", "E1", "SYN-1", InformationDate="yesterday"),
        contact("C6", "E9", "SYN-1"),
        contact("C7", "E1", "SYN-2"),
    ]

    rows, report = contacts(tmp_path, held)

    assert ["V1", "V2"] == list(rows)
    assert {"no-record-key": 1, "no-event-date": 1, "orphan": 2} == dict(report.quarantined)


def test_another_version_of_the_format_is_refused(tmp_path: Path) -> None:
    """Codes differ between years: `2024 v1` is not read."""
    held = export()
    held["Export"][0]["CSVVersion"] = "2024 v1"

    with pytest.raises(SourceError, match="`CSVVersion`"):
        contacts(tmp_path, held)


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    """HMI-5, ALL-6, ALL-7: order, a mark and new columns change nothing; absence does."""
    adapter = adapter_of(tmp_path)
    expected = read(adapter, a_scan(DATASET))
    path = tmp_path / "CurrentLivingSituation.csv"
    rows = list(csv.DictReader(path.read_text().splitlines()))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["Sex", *reversed(rows[0])], restval="canary")
        writer.writeheader()
        writer.writerows(rows)
    report = Report()

    assert expected == read(adapter, a_scan(DATASET), report)
    assert 1 == report.notices["unknown-column", "Sex"]
    path.write_text(path.read_text().replace("InformationDate", "Date"))
    with pytest.raises(SourceError, match="`InformationDate`"):
        read(adapter, a_scan(DATASET))


@needs_data
def test_the_real_export() -> None:
    """HMI-1, HMI-3, HMI-6: 329 situations of 232 people, 39 events of 33; one unknown code."""
    source = {"kind": "hmis", "folder": "hmis", "zone": "America/New_York"}
    report = Report()
    rows = read(create({"sources": [source]}, DATA), a_scan(DATASET), report)
    met = [row for row in rows if row["outcome"] == "contacted"]
    events = [row for row in rows if row["outcome"] is None]

    assert (329, 232) == (len(met), len({row["person_id"] for row in met}))
    assert (39, 33) == (len(events), len({row["person_id"] for row in events}))
    assert {
        ("unknown-code", "living_situation"): 1,
        ("not-verified", "HashStatus"): 1,
    } == dict(report.notices)
    assert Counter() == report.quarantined
    assert {"street_outreach"} == {row["project_type"] for row in rows}
