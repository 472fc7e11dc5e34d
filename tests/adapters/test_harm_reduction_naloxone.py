"""Naloxone given out: a programme's own sheet, and REDCap exports of raw codes."""

from __future__ import annotations

import csv
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from adapters.base import Report
from adapters.harm_reduction import create
from adapters.harm_reduction_naloxone import COLUMNS, DATASET
from gateway.errors import SettingsError, SourceError
from tests.adapters.contract import AdapterContract, a_scan, read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.base import Adapter

Rows = list[dict[str, str]]
USUAL = {
    "record_id": "SYN-1",
    "site": "MAIN",
    "county_fips": "10901",
    "date": "2026-01-02",
    "participant_code": "TEST1980",
    "participant_zip": "00101",
    "event_type": "refill",
    "refill_reason": "used_on_other",
    "product": "in_4mg",
    "kits": "2",
    "reversals": "1",
    "witnessed": "1",
    "ems_called": "1",
    "police_called": "0",
    "outcome": "survived",
    "drugs": "fentanyl;heroin",
    "syringes_out": "10",
    "syringes_in": "5",
    "test_strips": "2",
}
SHEET: Rows = [
    {},
    {"record_id": "SYN-2", "refill_reason": "confiscated", "police_called": "1", "drugs": ""},
    {"record_id": "SYN-3", "participant_code": "", "ems_called": "", "county_fips": ""},
    {"record_id": "SYN-4", "product": "elixir", "kits": "two", "drugs": "fentanyl;unheard_of"},
    {"record_id": ""},
    {"record_id": "SYN-5", "date": "last week"},
    {"record_id": "SYN-1", "outcome": "", "drugs": "", "kits": "9"},
]


def write(path: Path, columns: Sequence[str], rows: Rows) -> None:
    """Write a CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def sheet(folder: Path) -> Adapter:
    """Write the sheet and return the adapter over it."""
    write(folder / "naloxone.csv", list(COLUMNS), [USUAL | row for row in SHEET])
    source = {
        "kind": "naloxone",
        "csv": "naloxone.csv",
        "county_fips": "10905",
        "doses_per_kit": {"in_4mg": 2},
    }
    return create({"max_unknown_share": 1.0, "sources": [source]}, folder)


class TestSheetContract(AdapterContract):
    """The common suite, on the sheet."""

    @pytest.fixture
    def adapter(self, tmp_path: Path) -> Adapter:
        """Return the adapter over the sheet."""
        return sheet(tmp_path)


@pytest.fixture
def scanned(tmp_path: Path) -> tuple[list[dict[str, Any]], Report]:
    """Return the rows of the sheet and the report."""
    report = Report()
    return read(sheet(tmp_path), a_scan(DATASET), report), report


Scanned = tuple[list[dict[str, Any]], Report]


def test_a_row_is_a_distribution(scanned: Scanned) -> None:
    """Cells are typed, doses are kits times the product's, and of two rows the fuller stands."""
    rows, report = scanned
    first = rows[0]

    assert 4 == len(rows)
    assert (dt.date(2026, 1, 2), "day", "event") == (
        first["distributed_on"],
        first["time_precision"],
        first["record_kind"],
    )
    assert (2, 4) == (first["kits"], first["doses"])
    assert (True, False) == (first["ems_called"], first["police_called"])
    assert ["fentanyl", "heroin"] == first["drugs_at_overdose"]
    assert 1 == report.notices["repeated-record", "record_id"]


def test_an_empty_cell_is_not_known(scanned: Scanned) -> None:
    """Nobody named, nobody asked: null, and never a no; the county is the programme's."""
    _, second, third, _ = scanned[0]

    assert second["drugs_at_overdose"] is None
    assert (None, None) == (third["participant_code"], third["ems_called"])
    assert "10905" == third["site_county_fips"]


def test_confiscation_is_read_where_it_lies(scanned: Scanned) -> None:
    """RED-6: the adapter reads it; that no police ever gets it is the floor's to hold."""
    assert ("confiscated", True) == (scanned[0][1]["refill_reason"], scanned[0][1]["police_called"])


def test_what_is_unknown_is_null_and_counted(scanned: Scanned) -> None:
    """An unknown product, number and drug are null or left out, each under its column."""
    rows, report = scanned

    assert (None, None, None) == tuple(rows[3][n] for n in ("naloxone_product", "kits", "doses"))
    assert ["fentanyl"] == rows[3]["drugs_at_overdose"]
    assert {
        ("repeated-record", "record_id"): 1,
        ("unknown-code", "naloxone_product"): 1,
        ("unknown-value", "kits"): 1,
        ("unknown-code", "drugs_at_overdose"): 1,
    } == dict(report.notices)
    assert {"no-record-key": 1, "no-event-date": 1} == dict(report.quarantined)


DICTIONARY = (
    "Variable / Field Name",
    "Form Name",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Identifier?",
)


def variable(name: str, kind: str = "text", choices: str = "", mark: str = "") -> dict[str, str]:
    """Return a row of a data dictionary."""
    return dict(zip(DICTIONARY, (name, "form", kind, "label", choices, mark), strict=True))


VARIABLES: Rows = [
    variable("record_id"),
    variable("zip", mark="y"),
    variable("nickname", mark="y"),
    variable("dist_date"),
    variable("kits"),
    variable("reason", "radio", "1, Used on self | 2, Lost | 3, Taken, by police"),
    variable("drugs", "checkbox", "1, Heroin | 2, Fentanyl | 3, Alcohol"),
]
EXPORT = (
    *("record_id", "redcap_repeat_instrument", "redcap_repeat_instance"),
    *("redcap_data_access_group", "zip", "nickname", "dist_date", "kits", "reason"),
    *("drugs___1", "drugs___2", "drugs___3"),
)
NONE = {"drugs___1": "0", "drugs___2": "0", "drugs___3": "0"}


def given(instance: str, **more: str) -> dict[str, str]:
    """Return a repeat instance of record R1."""
    return {
        "record_id": "R1",
        "redcap_repeat_instrument": "distribution",
        "redcap_repeat_instance": instance,
        "redcap_data_access_group": "main_site",
        "dist_date": "2026-01-02",
        "kits": "1",
        "reason": "1",
        **NONE,
        **more,
    }


PARENT = {"record_id": "R1", "zip": "00101", "nickname": "canary"}
ROWS: Rows = [given("10", drugs___1="1"), PARENT, given("2", reason="3")]
FIELDS = {
    "distributed_on": "dist_date",
    "kits": "kits",
    "refill_reason": "reason",
    "participant_zip": "zip",
    "drugs_at_overdose": "drugs",
}
CODES = {
    "refill_reason": {"1": "used_on_self", "2": "lost", "3": "confiscated"},
    "drugs_at_overdose": {"1": "heroin", "2": "fentanyl", "3": "alcohol"},
}


def redcap(
    folder: Path,
    rows: Rows | None = None,
    columns: Sequence[str] = EXPORT,
    fields: dict[str, str] | None = None,
) -> Adapter:
    """Write an export with its dictionary and return the adapter over them."""
    write(folder / "dictionary.csv", DICTIONARY, VARIABLES)
    held = [{name: row.get(name, "") for name in columns} for row in rows or ROWS]
    write(folder / "export.csv", columns, held)
    source = {
        "kind": "redcap",
        "csv": "export.csv",
        "dictionary": "dictionary.csv",
        "instrument": "distribution",
        "fields": fields or FIELDS,
        "codes": CODES,
    }
    return create({"max_unknown_share": 1.0, "sources": [source]}, folder)


class TestRedcapContract(AdapterContract):
    """The common suite, on an export."""

    @pytest.fixture
    def adapter(self, tmp_path: Path) -> Adapter:
        """Return the adapter over the export."""
        return redcap(tmp_path)


def test_boxes_are_a_list(tmp_path: Path) -> None:
    """RED-1: one box is a list of one, none an empty list, no such columns null."""
    (tmp_path / "absent").mkdir()

    rows = read(redcap(tmp_path), a_scan(DATASET))
    absent = read(redcap(tmp_path / "absent", columns=EXPORT[:-3]), a_scan(DATASET))

    assert [[], ["heroin"]] == [row["drugs_at_overdose"] for row in rows]
    assert [None, None] == [row["drugs_at_overdose"] for row in absent]


def test_labels_are_refused(tmp_path: Path) -> None:
    """RED-2: a label in place of a raw code refuses the export, and is not in the message."""
    with pytest.raises(SourceError, match="raw codes") as caught:
        read(redcap(tmp_path, [given("1", reason="Lost")]), a_scan(DATASET))

    assert "Lost" not in caught.value.message


def test_an_export_without_the_record_is_refused(tmp_path: Path) -> None:
    """RED-2: without the id nobody can be counted."""
    with pytest.raises(SourceError, match="`record_id`"):
        read(redcap(tmp_path, columns=EXPORT[1:]), a_scan(DATASET))


def test_instances_are_distributions_of_one_participant(tmp_path: Path) -> None:
    """RED-3: two instances and the parent's row are two rows; what does not repeat is on both."""
    report = Report()

    rows = read(redcap(tmp_path), a_scan(DATASET), report)

    assert ["confiscated", "used_on_self"] == [row["refill_reason"] for row in rows]
    assert {"R1"} == {row["participant_code"] for row in rows}
    assert {("00101", "main_site")} == {(row["participant_zip"], row["site_id"]) for row in rows}
    assert "canary" not in repr(rows) + repr(report)


@pytest.mark.parametrize("field", ["kits", "refill_reason", "drugs_at_overdose"])
def test_an_identifier_is_no_operational_field(tmp_path: Path, field: str) -> None:
    """RED-4: what the dictionary marks is refused at load for a field of a lesser class."""
    with pytest.raises(SettingsError, match=f"fields.{field}"):
        redcap(tmp_path, fields={**FIELDS, field: "nickname"})


def test_an_identifier_may_be_an_identifying_field(tmp_path: Path) -> None:
    """The mark is a lower bound: a marked ZIP code stays a ZIP code."""
    assert redcap(tmp_path, fields={**FIELDS, "participant_code": "nickname"}).datasets()


@pytest.mark.parametrize("wrong", [{"no_such_field": "kits"}, {"kits": "no_such_variable"}])
def test_a_mapping_names_what_is_there(tmp_path: Path, wrong: dict[str, str]) -> None:
    """A field that is not the dataset's, or a variable that is not the project's, is refused."""
    with pytest.raises(SettingsError, match=f"fields.{next(iter(wrong))}"):
        redcap(tmp_path, fields={**FIELDS, **wrong})
