r"""HL7 v2 visits: our own messages cover the quirks, the official ones their figures."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from adapters import civil_time
from adapters.base import Report
from adapters.public_health import create
from adapters.public_health_cases import DISCHARGE, DOSE, is_case, syndromes
from adapters.public_health_hl7 import messages
from adapters.public_health_times import stamp
from adapters.public_health_visits import DATASET, Visits
from gateway.errors import SettingsError
from tests.adapters.contract import AdapterContract, a_scan, read
from tests.data import DATA, needs_data

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.base import Adapter

NEW_YORK = "America/New_York"
PARTS = {
    "sent": "20260102031500-0500",
    "trigger": "A03",
    "control": "SYN-1",
    "evn": "",
    "evn_time": "",
    "ethnicity": "2186-5^^CDCREC",
    "race": "2106-3^^CDCREC~2028-9^^CDCREC",
    "sex": "F",
    "patient_class": "E",
    "visit": "SYN-V1",
    "disposition": "01",
    "arrived": "20260102013000-0500",
    "code": "T40.1X1A^Poisoning^I10C",
    "age": "34",
    "unit": "a",
    "complaint": "Overdose",
    "death": "",
}
SEGMENTS = (
    r"MSH|^~\&|APP|SYNTHETIC^9999999901^NPI|||{sent}||ADT^{trigger}^ADT_A01|{control}|P|2.5.1",
    "EVN|{evn}|{evn_time}|||||SYNTHETIC^9999999901^NPI",
    (
        "PID|1||SYN-77^^^^MR||CANARY^CANARY||19700101|{sex}||{race}"
        "|1 Canary Street^^CANARY^^00101-4321^^^^10901||5550100||||||CANARYSSN|||{ethnicity}"
        "||||||||{death}"
    ),
    "NK1|1|CANARY",
    "PV1|1|{patient_class}|||||||||||||||||{visit}^^^^VN|||||||||||||||||{disposition}||||||||{arrived}",
    "DG1|1||{code}|||F",
    "OBX|1|CWE|SS003^^PHINQUESTION||261QE0002X^Emergency Care^NUCC||||||F",
    "OBX|2|NM|21612-7^^LN||{age}|{unit}^^UCUM|||||F",
    "OBX|3|CWE|8661-1^^LN||^^^^^^^^{complaint}||||||F",
)


def message(end: str = "\r", **parts: str) -> str:
    """Return a message with some parts changed."""
    return "".join(segment.format(**{**PARTS, **parts}) + end for segment in SEGMENTS)


def adapter_of(folder: Path, *texts: str, definition: str = "cdc-discharge-opioid") -> Adapter:
    """Return the adapter over files in the order of arrival."""
    for number, text in enumerate(texts):
        (folder / f"{number:03}.hl7").write_bytes(text.encode())
    source = {"kind": "adt", "folder": ".", "zone": NEW_YORK, "definition": definition}
    return create({"sources": [source]}, folder)


def visits(folder: Path, *texts: str, **more: str) -> tuple[list[dict[str, Any]], Report]:
    """Return the rows of some messages, and the report."""
    report = Report()
    return read(adapter_of(folder, *texts, **more), a_scan(DATASET), report), report


class TestVisitContract(AdapterContract):
    """The common suite."""

    @pytest.fixture
    def adapter(self, tmp_path: Path) -> Adapter:
        """Return an adapter over two visits."""
        return adapter_of(
            tmp_path, message(), message(visit="SYN-V2", age="6", unit="mo", control="SYN-2")
        )


def test_one_visit_is_one_row(tmp_path: Path) -> None:
    """HL7-1, ALL-1: three messages of a visit are a row; its civil date is that of the digits."""
    rows, _ = visits(
        tmp_path,
        message(trigger="A04", sent="20260102013500-0500", control="SYN-1"),
        message(trigger="A08", sent="20260102023500-0500", control="SYN-2", complaint="Later"),
        message(arrived="20260101233000-0500", control="SYN-3", complaint="Last"),
    )

    (row,) = rows
    assert ("SYN-V1", "9999999901") == (row["visit_id"], row["facility_id"])
    assert (dt.date(2026, 1, 1), "a03", "Last") == (
        row["visit_date"],
        row["trigger"],
        row["chief_complaint"],
    )
    assert dt.datetime(2026, 1, 2, 4, 30, tzinfo=dt.UTC) == row["visit_at"]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_every_line_end_ends_a_segment(tmp_path: Path, end: str) -> None:
    """HL7-2: CR, LF and CRLF give the same row."""
    rows, _ = visits(tmp_path, message(end))

    assert [["T40.1X1A"]] == [row["diagnosis_codes"] for row in rows]


def test_the_trigger_is_that_of_the_header(tmp_path: Path) -> None:
    """HL7-3: EVN-1 is often stale; MSH-9 decides; another trigger is no visit's message."""
    rows, report = visits(
        tmp_path,
        message(evn="A01", trigger="A08"),
        message(trigger="A31", visit="SYN-V2", control="SYN-2"),
    )

    assert ["a08"] == [row["trigger"] for row in rows]
    assert 1 == report.notices["not-carried", "trigger"]


def test_a_tie_goes_to_the_last_to_arrive(tmp_path: Path) -> None:
    """HL7-4: with one time and one control id the order of arrival decides, and it is reported."""
    rows, report = visits(tmp_path, message(complaint="first"), message(complaint="second"))

    assert ["second"] == [row["chief_complaint"] for row in rows]
    assert 1 == report.notices["repeated-control-id", "message_at"]


def test_the_latest_message_wins_whatever_its_file(tmp_path: Path) -> None:
    """A message that arrives late but was sent early changes nothing."""
    rows, _ = visits(
        tmp_path, message(complaint="new"), message(complaint="old", sent="20250102031500-0500")
    )

    assert ["new"] == [row["chief_complaint"] for row in rows]


def test_a_patient_class_may_be_missing(tmp_path: Path) -> None:
    """HL7-5: without PV1-2 the class is unknown, and the message is accepted."""
    rows, report = visits(tmp_path, message(patient_class=""))

    assert ["unknown"] == [row["patient_class"] for row in rows]
    assert 0 == report.rows_unknown


@pytest.mark.parametrize(
    ("text", "at", "precision"),
    [
        ("201204012130", "2012-04-02T01:30:00+00:00", "minute"),
        ("20120401213000+0215", "2012-04-01T19:15:00+00:00", "instant"),
        ("2012040121", "2012-04-02T01:00:00+00:00", "hour"),
        ("20120401", None, "day"),
        ("201204", None, "month"),
        ("2012", None, "year"),
        ("20181104013000", "2018-11-04T05:30:00+00:00", "hour"),
        ("20190310023000", None, "day"),
        ("20120230", None, "unknown"),
        ("yesterday", None, "unknown"),
    ],
)
def test_times_are_what_their_digits_say(text: str, at: str | None, precision: str) -> None:
    """HL7-6: without an offset the facility's zone applies; precision is that of the digits."""
    found = stamp(text, civil_time.zone(NEW_YORK))

    assert (at, precision) == (found.at and found.at.isoformat(), found.precision.value)


def test_a_time_after_its_message_is_reported_and_kept(tmp_path: Path) -> None:
    """HL7-6: the year 2029 is accepted, reported, and not corrected."""
    rows, report = visits(tmp_path, message(arrived="20290801070624-0500"))

    assert [dt.date(2029, 8, 1)] == [row["visit_date"] for row in rows]
    assert 1 == report.notices["after-its-message", "message_at"]


def test_other_code_systems_are_dropped_and_counted(tmp_path: Path) -> None:
    """HL7-7: ICD-9 and SNOMED codes are no ICD-10-CM; a code without its dot gets it."""
    text = message(code="T401X1A^^I10C") + "DG1|2||0074^^I9CDX\rDG1|3||422504002^^SCT\r"

    rows, report = visits(tmp_path, text)

    assert [["T40.1X1A"]] == [row["diagnosis_codes"] for row in rows]
    assert 2 == report.notices["other-code-system", "diagnosis_codes"]


def test_escapes_are_undone_once(tmp_path: Path) -> None:
    r"""HL7-8: `A\T\E` is `A&E`; `\E\T\E\` is the text `\T\` and not a separator again."""
    rows, _ = visits(tmp_path, message(complaint=r"A\T\E \E\T\E\ \X41\ \.br\end"))

    assert [r"A&E \T\ A end"] == [row["chief_complaint"] for row in rows]


def test_months_are_not_years(tmp_path: Path) -> None:
    """HL7-9: 6 `mo` is six months; an unknown unit gives no age."""
    rows, report = visits(
        tmp_path,
        message(age="6", unit="mo"),
        message(visit="SYN-V2", control="SYN-2", unit="fortnight"),
    )

    assert [(6, "months"), (None, None)] == [(row["age"], row["age_unit"]) for row in rows]
    assert 1 == report.notices["unknown-unit", "age"]


def test_a_disposition_is_two_digits(tmp_path: Path) -> None:
    """HL7-10: text is null and reported; `09` stays; 20 is a death, as PID-30 is."""
    rows, report = visits(
        tmp_path,
        message(disposition="Admitted as Inpatient^Sample^ACR"),
        message(visit="SYN-V2", control="2", disposition="09", death="N"),
        message(visit="SYN-V3", control="3", disposition="20"),
        message(visit="SYN-V4", control="4", disposition="", death="Y"),
    )

    found = [(row["discharge_disposition"], row["died"]) for row in rows]
    assert [(None, None), ("09", False), ("20", True), (None, True)] == found
    assert 1 == report.notices["unknown-code", "discharge_disposition"]


def test_the_complaint_lies_where_the_guide_puts_it(tmp_path: Path) -> None:
    """HL7-11: CWE.9 is read for the complaint, and PV2-3 where there is none."""
    text = message(visit="SYN-V2", control="2", complaint="") + "PV2|||^Found unresponsive\r"

    rows, _ = visits(tmp_path, message(), text)

    assert ["Overdose", "Found unresponsive"] == [row["chief_complaint"] for row in rows]


@pytest.mark.parametrize("text", ["N^NOT HISPANIC OR LATINO^HL70189", "2186-5"])
def test_both_tables_of_ethnicity_are_read(tmp_path: Path, text: str) -> None:
    """HL7-12: `N` and `2186-5` are one; PID-10 twice is two races."""
    rows, _ = visits(tmp_path, message(ethnicity=text))

    assert [("not_hispanic", ["white", "asian"])] == [(r["ethnicity"], r["race"]) for r in rows]


def test_only_cases_are_rows(tmp_path: Path) -> None:
    """A visit that is no overdose is counted and not carried, and none of its notices is kept."""
    rows, report = visits(
        tmp_path, message(), message(visit="SYN-V2", control="2", code="R07.9^^I10C", sex="?")
    )

    assert ["SYN-V1"] == [row["visit_id"] for row in rows]
    assert {("not-a-case", "definition_id"): 1} == dict(report.notices)
    assert ("cdc-discharge-opioid", "2021") == (
        rows[0]["definition_id"],
        rows[0]["definition_version"],
    )


def test_people_and_relatives_are_not_read(tmp_path: Path) -> None:
    """ALL-8: name, birth date, street, telephone, social security number and NK1 are nowhere."""
    rows, report = visits(tmp_path, message())

    for held in ("CANARY", "Canary", "19700101", "5550100"):
        assert held not in repr(rows) + repr(report)
    assert ("00101", "10901") == (rows[0]["patient_zip"], rows[0]["patient_county_fips"])


def test_what_is_no_message_is_quarantined(tmp_path: Path) -> None:
    """No header, no visit number, no time, another encoding: each has its reason."""
    (tmp_path / "x.hl7").write_bytes(b"\xff\xfe")
    rows, report = visits(tmp_path, "PID|1\r", message(visit=""), message(sent="", control="3"))

    assert [] == rows
    assert {
        "no-message-header": 1,
        "no-record-key": 1,
        "no-message-time": 1,
        "encoding": 1,
    } == dict(report.quarantined)


def test_a_file_may_hold_several_messages() -> None:
    """A batch with its envelope, and MLLP frames, give the messages in it."""
    text = "FHS|x\rBHS|x\r" + "\x0b" + message() + "\x1c\r" + message() + "BTS|2\rFTS|1\r"

    assert 2 == sum(found is not None for found in messages(text))


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ("T40.1X1A T40.2X1A T40.411A T40.491A T40.601A T40.691A T40.0X4A T40.3X2A T40.4X1A", True),
        ("T40.2X5A T40.415A T40.2X6A T40.416A", False),
        ("T40.2X1D T40.421D T40.1X1S", False),
        ("T40.605A T40.606A T40.691D", False),
        ("F11 F11.20 F11.21 F11.23 T40.1 T40.4 T40.6", False),
        ("F19 F19.10 F10.92 T40.5X1A T40.7X1A T50.904A", False),
    ],
)
def test_the_discharge_definition(codes: str, expected: bool) -> None:  # noqa: FBT001
    """DEF-1 to DEF-6, last column: which codes CDC's discharge guidance counts."""
    assert {expected} == {is_case(DISCHARGE, [code], None) for code in codes.split()}


@pytest.mark.parametrize(
    ("complaint", "expected"),
    [
        ("Heroin OD", True),
        ("possible overdose, narcan given", True),
        ("overdose of vitamins", False),
        ("heroin withdrawal, no overdose", False),
        ("fell from ladder", False),
    ],
)
def test_the_words_of_the_dose_definition(complaint: str, expected: bool) -> None:  # noqa: FBT001
    """An overdose word and an opioid word, less exclusions; under the discharge rule, never."""
    assert expected == is_case(DOSE, [], complaint)
    assert not is_case(DISCHARGE, [], complaint)


def test_syndromes_follow_codes_and_complaint() -> None:
    """Fentanyl is an opioid and a drug; methamphetamine a stimulant."""
    assert ("all_drug_v2", "opioid_v3", "fentanyl_v1") == syndromes(["T40.411A"], None)
    assert ("all_drug_v2", "stimulant") == syndromes(["T43.651A"], None)
    assert ("all_drug_v2", "opioid_v3", "heroin_v4") == syndromes([], "heroin overdose")
    assert () == syndromes(["R07.9"], "chest pain")


@pytest.mark.parametrize("changed", [{"zone": "x"}, {"definition": "ri-ems-2022"}, {"extra": 1}])
def test_settings_are_strict(tmp_path: Path, changed: dict[str, object]) -> None:
    """An unknown zone, a definition that is not for visits, and an unknown key are refused."""
    source = {"kind": "adt", "folder": ".", "zone": NEW_YORK, **changed}

    with pytest.raises(SettingsError, match=next(iter(changed))):
        create({"sources": [source]}, tmp_path)


@needs_data
def test_the_official_messages() -> None:
    """HL7-1 to HL7-7, HL7-10, HL7-12: seven files, six messages, two visits, no case."""
    held = Visits(DATA / "hl7v2_adt", civil_time.zone("America/Chicago"), DISCHARGE, "x")
    report, notes = Report(), Report()

    found = held.visits(report)
    first, second = (held.record(visit, notes) for visit in found)

    assert ["40007716", "33333_001"] == [first["visit_id"], second["visit_id"]]
    assert 5 == report.notices["repeated-control-id", "message_at"]
    assert ("not_hispanic", ("white", "asian")) == (first["ethnicity"], first["race"])
    assert (None, "09") == (first["discharge_disposition"], second["discharge_disposition"])
    assert ("unknown", "minute") == (second["patient_class"], second["time_precision"])
    assert () == first["diagnosis_codes"] == second["diagnosis_codes"]
    assert 4 == notes.notices["other-code-system", "diagnosis_codes"]
    assert notes.notices["after-its-message", "message_at"]
    assert [] == list(held.rows(DATASET, frozenset(), Report()))
