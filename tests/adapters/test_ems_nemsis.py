"""Traps of NEMSIS documents, each on a synthetic one."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from adapters import ems_nemsis
from adapters.base import Report
from adapters.ems_cases import PUBLISHED
from adapters.ems_nemsis import Document, Folder
from adapters.hardened import parse_xml
from tests.adapters.ems_documents import (
    KEY,
    NOT_APPLICABLE,
    NOT_RECORDED,
    SECTIONS,
    document,
    el,
    medication,
    nil,
    no_medication,
    patient,
    report,
    scene,
    situation,
    times,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def a_folder(path: Path, *, all_reports: bool = True) -> Folder:
    """Return a source without a schema."""
    return Folder(path, None, "nemsis-3.5.1", PUBLISHED, all_reports)


def given(path: Path, data: bytes) -> Document:
    """Return what a document gives."""
    return a_folder(path).read(parse_xml(data))


def row_of(path: Path, **sections: str) -> Mapping[str, Any]:
    """Return the row of a document with the given sections."""
    (read,) = given(path, document(**sections)).reads
    assert read.row is not None
    return read.row


def notices_of(path: Path, **sections: str) -> tuple[tuple[str, str], ...]:
    """Return what the mapping did not know in a document with the given sections."""
    (read,) = given(path, document(**sections)).reads
    return read.notices


def test_a_whole_report_is_a_whole_row(tmp_path: Path) -> None:
    """EMS-1: every field of a synthetic report stands where the schema says, and nowhere else."""
    row = row_of(tmp_path)
    zone = dt.timezone(dt.timedelta(hours=-5))

    assert {
        "pcr_uuid": KEY,
        "pcr_number": "PCR-1",
        "incident_number": "INC-1",
        "patient_id": "P-1",
        "ems_agency_number": "EX-1",
        "incident_date": dt.date(2024, 3, 9),
        "unit_notified_at": dt.datetime(2024, 3, 9, 22, 22, 17, tzinfo=zone),
        "psap_call_at": dt.datetime(2024, 3, 9, 22, 18, 1, tzinfo=zone),
        "on_scene_at": dt.datetime(2024, 3, 9, 22, 29, 48, tzinfo=zone),
        "at_patient_at": dt.datetime(2024, 3, 9, 22, 30, 31, tzinfo=zone),
        "time_precision": "instant",
        "part_of_day": "evening",
        "patient_last_name": "Sample",
        "patient_first_name": "Example",
        "patient_dob": dt.date(2001, 12, 9),
        "patient_phone": ("555-555-0100",),
        "patient_home_address": "1 Sample Street",
        "patient_home_zip": "01107",
        "patient_home_county_fips": "22017",
        "age": 22,
        "age_unit": "years",
        "age_is_approximate": False,
        "age_band": "20-24",
        "sex": "female",
        "race": ("white",),
        "homeless": None,
        "scene_address": "2 Example Road",
        "scene_lat": 33.44,
        "scene_lon": -93.973,
        "scene_zip": "71854",
        "scene_county_fips": "05091",
        "scene_census_tract": "05091020900",
        "scene_location_type": "Y92.0",
        "dispatch_reason": "2301053",
        "primary_symptom": "R40.20",
        "other_symptoms": ("R06",),
        "primary_impression": "F11",
        "secondary_impressions": None,
        "drug_use_indicators": ("drugs_at_scene", "known_level"),
        "cardiac_arrest": "no",
        "initial_acuity": "emergent",
        "respiratory_rate": 6,
        "avpu": "unresponsive",
        "naloxone_status": "given",
        "naloxone_doses": 1,
        "naloxone_total_mg": 4.0,
        "naloxone_routes": ("intranasal",),
        "naloxone_before_ems": False,
        "naloxone_given_by": ("ems",),
        "naloxone_response": "improved",
        "fatal": "nonfatal",
        "transport_disposition": "refused",
        "destination_code": None,
        "definition_id": "nemsis-opioid-overdose",
        "definition_version": "2025-05-27",
        "definition_basis": ("impression", "medication"),
        "narrative": "Synthetic.",
        "source_system": "nemsis-3.5.1",
    } == row
    assert () == notices_of(tmp_path)


def test_a_denied_symptom_is_nowhere(tmp_path: Path) -> None:
    """EMS-2: a symptom that is not present is in no field and meets no definition."""
    denied = el("eSituation.10", "T40.1X1A", 'PN="8801031"') + el("eSituation.10", "R06")
    row = row_of(
        tmp_path,
        eSituation=situation(impression=el("eSituation.11", "R41.82"), others=denied),
        eMedications=no_medication(),
    )

    assert ("R06",) == row["other_symptoms"]
    assert row["definition_id"] is None


@pytest.mark.parametrize(
    ("negative", "status"),
    [
        ("8801019", "refused"),
        ("8801001", "contraindicated"),
        ("8801003", "denied_by_order"),
        ("8801007", "allergy"),
        ("8801009", "already_taken"),
        ("8801023", "unable_to_complete"),
        ("8801027", "criteria_not_met"),
    ],
)
def test_naloxone_that_is_denied_was_not_given(tmp_path: Path, negative: str, status: str) -> None:
    """EMS-3: a code with a pertinent negative is a status, no dose and no mass."""
    denied = medication(attributes=f'CodeType="9924003" PN="{negative}"')
    row = row_of(tmp_path, eMedications=denied)

    assert (status, 0, None) == (
        row["naloxone_status"],
        row["naloxone_doses"],
        row["naloxone_total_mg"],
    )
    assert (None, None, None) == (
        row["naloxone_routes"],
        row["naloxone_given_by"],
        row["naloxone_response"],
    )


@pytest.mark.parametrize(
    ("groups", "status", "doses"),
    [
        (no_medication(NOT_RECORDED), "not_recorded", None),
        (no_medication(NOT_APPLICABLE), "not_applicable", 0),
        (medication("7806"), "not_given", 0),
        ("", "not_recorded", None),
    ],
)
def test_not_recorded_is_not_zero(
    tmp_path: Path, groups: str, status: str, doses: int | None
) -> None:
    """EMS-4: what the record does not say is null; other drugs or `not applicable` say none."""
    row = row_of(tmp_path, eMedications=groups)

    assert (status, doses) == (row["naloxone_status"], row["naloxone_doses"])


def test_oxygen_counts_for_nothing(tmp_path: Path) -> None:
    """EMS-5: two doses of 4 mg beside oxygen are 8 mg; micrograms are a thousandth."""
    oxygen = medication("7806", "12", "3706035", "9916003", route="9927065")
    row = row_of(tmp_path, eMedications=oxygen + medication() + medication())

    assert (2, 8.0, ("intranasal",)) == (
        row["naloxone_doses"],
        row["naloxone_total_mg"],
        row["naloxone_routes"],
    )
    micro = medication() + medication(amount="400", unit="3706015")
    assert 4.4 == row_of(tmp_path, eMedications=micro)["naloxone_total_mg"]


def test_a_dose_in_another_unit_has_no_mass(tmp_path: Path) -> None:
    """EMS-5: 2 mL is a dose of unknown mass; beside a known one the sum is null, and it is told."""
    volume = medication(amount="2", unit="3706025")
    for groups, doses in ((volume, 1), (volume + medication(), 2)):
        row = row_of(tmp_path, eMedications=groups)

        assert (doses, None) == (row["naloxone_doses"], row["naloxone_total_mg"])
        assert (("unknown-unit", "eMedications.06"),) == notices_of(tmp_path, eMedications=groups)


def test_the_best_response_counts(tmp_path: Path) -> None:
    """EMS-6: improved beats unchanged beats worse, in whatever order they come."""
    unchanged, improved, worse = "9916003", "9916001", "9916005"
    for responses, best in (
        ((unchanged, improved), "improved"),
        ((improved, worse), "improved"),
        ((worse, unchanged), "unchanged"),
        ((worse,), "worse"),
    ):
        groups = "".join(medication(response=response) for response in responses)

        assert best == row_of(tmp_path, eMedications=groups)["naloxone_response"]


def test_who_gave_it_and_before_whom(tmp_path: Path) -> None:
    """Roles and routes are distinct and sorted; one dose before EMS is enough to say so."""
    groups = medication(before="9923003", role="9905047", route="9927063") + medication()
    row = row_of(tmp_path, eMedications=groups)

    assert True is row["naloxone_before_ems"]
    assert ("ems", "law_enforcement") == row["naloxone_given_by"]
    assert ("auto_injector", "intranasal") == row["naloxone_routes"]


def test_sex_comes_from_the_newer_element(tmp_path: Path) -> None:
    """EMS-7: 3.5.0 has ePatient.13 only; with both, ePatient.25 decides."""
    female, male = el("ePatient.13", "9906001"), el("ePatient.25", "9919003")

    assert "female" == row_of(tmp_path, ePatient=patient(sex="", old_sex=female))["sex"]
    assert "male" == row_of(tmp_path, ePatient=patient(sex=male, old_sex=female))["sex"]


def test_a_rare_code_of_sex_is_other(tmp_path: Path) -> None:
    """EMS-8: 9906007 is `other`; joining it to unknown is for whoever makes tables."""
    rare = patient(sex="", old_sex=el("ePatient.13", "9906007"))

    assert "other" == row_of(tmp_path, ePatient=rare)["sex"]


def test_of_two_copies_the_fuller_stays(tmp_path: Path) -> None:
    """EMS-9: one key is one row, from the copy with more elements, wherever it lies."""
    for full, national in (("a", "b"), ("b", "a")):
        folder = tmp_path / full
        folder.mkdir()
        (folder / f"{full}.xml").write_bytes(document())
        (folder / f"{national}.xml").write_bytes(document(eNarrative="", eHistory=""))
        told = Report()

        (row,) = ems_nemsis.rows((a_folder(folder),), told)

        assert "Synthetic." == row["narrative"]
        assert {("repeated-key", "PatientCareReport/@UUID"): 1} == told.notices


def test_a_fuller_copy_that_is_no_case_replaces_one_that_was(tmp_path: Path) -> None:
    """EMS-9: the copy that stays decides whether there is a case."""
    other = situation(impression=el("eSituation.11", "F19"))
    (tmp_path / "a.xml").write_bytes(document(eHistory=""))
    (tmp_path / "b.xml").write_bytes(document(eSituation=other, eMedications=no_medication()))

    assert [] == list(ems_nemsis.rows((a_folder(tmp_path, all_reports=False),), Report()))


@pytest.mark.parametrize(
    ("root", "said"),
    [
        ('<DEMDataSet xmlns="http://www.nemsis.org"/>', "DEMDataSet"),
        ('<StateDataSet xmlns="http://www.nemsis.org"/>', "StateDataSet"),
        ('<EMSDataSet xmlns="http://example.org"/>', "another root"),
        ("<EMSDataSet/>", "another root"),
        ('<canary xmlns="http://www.nemsis.org"/>', "another root"),
    ],
)
def test_another_root_is_refused_by_name(tmp_path: Path, root: str, said: str) -> None:
    """EMS-10: a document of another root or namespace is refused before anything else."""
    held = given(tmp_path, root.encode())

    assert Document(quarantined=("wrong-root",), notices=(("wrong-root", said),)) == held


@pytest.mark.parametrize(
    ("sections", "missing"),
    [
        ({"eDispatch": nil("eDispatch.02", NOT_RECORDED)}, "eDispatch.01"),
        ({"eTimes": times().replace("eTimes.13", "eTimes.14")}, "eTimes.13"),
        (
            {"eRecord": SECTIONS["eRecord"].replace("eRecord.04", "eRecord.05")},
            "eRecord.04",
        ),
        ({"eDisposition": ""}, "eDisposition.27"),
    ],
)
def test_without_a_schema_required_elements_are_checked(
    tmp_path: Path, sections: dict[str, str], missing: str
) -> None:
    """A report that lacks an element that is always present is quarantined, others go on."""
    broken = report("5a0e7c1e-0000-4000-8000-00000000000f", **sections)

    held = given(tmp_path, document(broken, report()))

    assert [KEY] == [read.key for read in held.reads]
    assert ("required-absent",) == held.quarantined
    assert (("required-absent", missing),) == held.notices


@pytest.mark.parametrize("uuid", ["", "canary", "{5a0e7c1e-0000-4000-8000-000000000001}"])
def test_a_report_without_a_key_is_quarantined(tmp_path: Path, uuid: str) -> None:
    """Without a UUID nobody can be counted, so there is no row."""
    held = given(tmp_path, document(uuid=uuid))

    assert ((), ("no-record-key",)) == (held.reads, held.quarantined)


@pytest.mark.parametrize(
    "notified",
    ["2024-03-09T22:22:17Z", "2024-03-09T22:22:17", "2024-02-30T22:22:17-05:00", "", "canary"],
)
def test_an_event_without_a_time_is_quarantined(tmp_path: Path, notified: str) -> None:
    """A time without a numeric offset has no civil date, and it is the one time never nil."""
    held = given(tmp_path, document(eTimes=times(notified)))

    assert ((), ("no-event-time",)) == (held.reads, held.quarantined)


def test_home_and_scene_lie_in_different_states(tmp_path: Path) -> None:
    """EMS-12: neither county fills the other, present or absent."""
    row = row_of(tmp_path)
    assert ("22017", "05091") == (row["patient_home_county_fips"], row["scene_county_fips"])

    bare = scene().replace(el("eScene.21", "05091"), "")
    row = row_of(tmp_path, eScene=bare)
    assert ("22017", None) == (row["patient_home_county_fips"], row["scene_county_fips"])


def test_counties_that_are_none_are_null(tmp_path: Path) -> None:
    """ALL-4: a county of 000 or 999, or of three digits, is null and told."""
    for county in ("42000", "42999", "017", "4201"):
        held = scene().replace("05091</eScene.21>", f"{county}</eScene.21>")

        assert row_of(tmp_path, eScene=held)["scene_county_fips"] is None
        assert (("unknown-value", "eScene.21"),) == notices_of(tmp_path, eScene=held)


def test_what_is_not_carried_is_not_read(tmp_path: Path) -> None:
    """EMS-13, ALL-8: a canary in every element that is not carried appears nowhere."""
    mark = "canary"
    extra = "".join(
        el(f"ePatient.{part}", mark) for part in ("06", "11", "12", "19", "20", "21", "26")
    )
    disposition = SECTIONS["eDisposition"].replace(
        nil("eDisposition.21", NOT_APPLICABLE), el("eDisposition.21", mark)
    ) + el("eDisposition.31", mark)
    sections = {
        "ePatient": patient(rest=extra),
        "eDisposition": disposition,
        "ePayment": el("ePayment.09", mark) + el("ePayment.33", mark),
        "eCrew": el("eCrew.01", mark),
        "eOther": el("eOther.04", mark) + el("eOther.08", mark) + el("eOther.18", mark),
        "eCustomResults": el("eCustomResults.01", mark) + el("eTimes.03", mark),
        "eOutcome": el("eOutcome.01", mark),
        "eProcedures": el("eProcedures.03", mark),
    }
    data = document(**sections)
    assert data.count(mark.encode()) > 15

    held = given(tmp_path, data)

    assert 1 == len(held.reads)
    assert mark not in repr(held)


def test_a_level_known_to_police_is_its_own_word(tmp_path: Path) -> None:
    """EMS-14: eHistory.17 = 3117009 becomes `known_level`, so that a provision can withhold it."""
    assert "known_level" in row_of(tmp_path)["drug_use_indicators"]


def test_none_reported_is_an_answer(tmp_path: Path) -> None:
    """A list that is none reported is empty; one that was not recorded is null."""
    none = nil("eHistory.01", NOT_RECORDED) + nil("eHistory.17", 'PN="8801015"')
    silent = nil("eHistory.01", NOT_RECORDED) + nil("eHistory.17", NOT_RECORDED)

    assert () == row_of(tmp_path, eHistory=none)["drug_use_indicators"]
    assert row_of(tmp_path, eHistory=silent)["drug_use_indicators"] is None


@pytest.mark.parametrize(
    ("field", "sections", "notice"),
    [
        ("race", {"ePatient": patient(race=el("ePatient.14", "2514099"))}, "ePatient.14"),
        ("sex", {"ePatient": patient(sex=el("ePatient.25", "9919099"))}, "ePatient.25"),
        (
            "naloxone_response",
            {"eMedications": medication(response="9916099")},
            "eMedications.07",
        ),
        ("naloxone_routes", {"eMedications": medication(route="canary")}, "eMedications.04"),
        ("naloxone_given_by", {"eMedications": medication(role="9905099")}, "eMedications.10"),
        (
            "naloxone_status",
            {"eMedications": no_medication('NV="7701005"')},
            "eMedications.03/@NV",
        ),
        (
            "primary_impression",
            {"eSituation": situation(impression=el("eSituation.11", "canary"))},
            "eSituation.11",
        ),
        (
            "other_symptoms",
            {"eSituation": situation(others=el("eSituation.10", "canary"))},
            "eSituation.10",
        ),
        ("scene_lat", {"eScene": scene(el("eScene.11", "-193.9,33.4"))}, "eScene.11"),
        ("scene_lon", {"eScene": scene(el("eScene.11", "canary"))}, "eScene.11"),
    ],
)
def test_what_the_mapping_does_not_know_is_told_and_null(
    tmp_path: Path, field: str, sections: dict[str, str], notice: str
) -> None:
    """An unknown code or value nulls its field and is told by element, never by value."""
    told = notices_of(tmp_path, **sections)

    assert row_of(tmp_path, **sections)[field] is None
    assert [notice] == [where for _, where in told]
    assert "canary" not in repr(told)


@pytest.mark.parametrize(
    ("age", "unit", "band"),
    [
        ("22", "2516009", "20-24"),
        ("4", "2516009", "0-4"),
        ("5", "2516009", "5-9"),
        ("99", "2516009", "95-99"),
        ("100", "2516009", "100+"),
        ("120", "2516009", "100+"),
        ("6", "2516007", "0-4"),
        ("60", "2516007", "5-9"),
        ("30", "2516001", "0-4"),
        ("5", "2516003", "0-4"),
    ],
)
def test_bands_are_of_years(tmp_path: Path, age: str, unit: str, band: str) -> None:
    """An age of 6 in months is an infant: the band is taken after conversion to years."""
    held = patient(age=el("ePatient.15", age) + el("ePatient.16", unit))

    assert band == row_of(tmp_path, ePatient=held)["age_band"]


@pytest.mark.parametrize("age", ["0", "121", "22.5", "canary"])
def test_an_age_out_of_range_is_null(tmp_path: Path, age: str) -> None:
    """An age beyond 1 to 120 is told and null, and so is all that follows from it."""
    held = patient(age=el("ePatient.15", age) + el("ePatient.16", "2516009"))
    row = row_of(tmp_path, ePatient=held)

    assert (None, None, None, None) == (
        row["age"],
        row["age_unit"],
        row["age_band"],
        row["age_is_approximate"],
    )


def test_an_estimated_age_says_so(tmp_path: Path) -> None:
    """A pertinent negative stands on an element with a value: the age is there, and approximate."""
    held = patient(
        age=el("ePatient.15", "30", 'PN="8801029"') + el("ePatient.16", "2516009"),
        rest=el("ePatient.22", "2522001"),
    )
    row = row_of(tmp_path, ePatient=held)

    assert (30, True, True) == (row["age"], row["age_is_approximate"], row["homeless"])


def test_a_nil_element_has_no_value_whatever_its_text(tmp_path: Path) -> None:
    """Text inside a nil element is not read."""
    nilled = situation(
        impression='<eSituation.11 xsi:nil="true" NV="7701003">T40.1X1A</eSituation.11>'
    )
    row = row_of(tmp_path, eSituation=nilled, eMedications=no_medication())

    assert (None, None) == (row["primary_impression"], row["definition_id"])


def test_a_comment_does_not_cut_a_value(tmp_path: Path) -> None:
    """A comment inside a text is dropped, and the text is read whole."""
    held = situation(impression=el("eSituation.11", "F11<!-- -->.20"))

    assert "F11.20" == row_of(tmp_path, eSituation=held)["primary_impression"]


def test_the_first_recorded_vital_signs_count(tmp_path: Path) -> None:
    """Of several groups the first that recorded a sign gives it."""
    first = SECTIONS["eVitals"].replace(el("eVitals.14", "6"), nil("eVitals.14", NOT_RECORDED))
    second = SECTIONS["eVitals"].replace("3326007", "3326001")
    row = row_of(tmp_path, eVitals=first + second)

    assert (6, "unresponsive") == (row["respiratory_rate"], row["avpu"])


def test_broken_files_are_quarantined_and_the_others_read(tmp_path: Path) -> None:
    """A hostile or broken file is counted by its reason; the scan goes on."""
    (tmp_path / "a.xml").write_bytes(b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a/>")
    (tmp_path / "b.xml").write_bytes(document()[:-20])
    (tmp_path / "c.xml").write_bytes(b"\x1f\x8b\x08")
    (tmp_path / "d.xml").write_bytes(document())
    told = Report()

    rows = list(ems_nemsis.rows((a_folder(tmp_path),), told))

    assert [KEY] == [row["pcr_uuid"] for row in rows]
    assert {"doctype": 1, "xml-malformed": 1, "packed": 1} == told.quarantined
