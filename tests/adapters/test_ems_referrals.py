"""Referrals: opting out before everything, deadlines, closed words, versions."""

from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adapters.base import Report
from adapters.ems import REFERRALS, create
from tests.adapters.contract import a_scan, read

if TYPE_CHECKING:
    from collections.abc import Callable

FIXTURES = Path(__file__).parent / "fixtures" / "ems" / "referrals"
ID = "11111111-0000-4000-8000-0000000000"


def rows_of(path: Path, report: Report | None = None, **settings: object) -> list[dict[str, Any]]:
    """Return the rows of a folder of referrals."""
    source: dict[str, object] = {"kind": "referrals", "path": ".", "zone": "America/Chicago"}
    source |= settings
    return read(create({"sources": [source]}, path), a_scan(REFERRALS), report)


def consented() -> dict[str, Any]:
    """Return the bundle of the fixture with consent."""
    held: dict[str, Any] = json.loads((FIXTURES / "01-consented.json").read_text("utf-8"))
    return held


def part(bundle: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the resource of a type."""
    found: dict[str, Any] = next(
        entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind
    )
    return found


def extension(bundle: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an extension of the form."""
    found: dict[str, Any] = next(
        held for held in part(bundle, "ServiceRequest")["extension"] if held["url"].endswith(name)
    )
    return found


def put(folder: Path, **bundles: dict[str, Any]) -> None:
    """Write bundles as files."""
    for name, bundle in bundles.items():
        (folder / f"{name}.json").write_text(json.dumps(bundle), "utf-8")


def test_a_whole_referral_is_a_whole_row() -> None:
    """A consented referral gives every field; old numbers and mail are passed over."""
    row = next(row for row in rows_of(FIXTURES) if row["referral_id"] == ID + "01")

    assert {
        "referral_id": ID + "01",
        "source_agency": "EX-EMS",
        "source_record_token": "token-1",
        "recipient_org": "EX-OUTREACH",
        "overdose_date": dt.date(2024, 3, 9),
        "overdose_at": dt.datetime(2024, 3, 10, 3, 22, 17, tzinfo=dt.UTC),
        "time_precision": "instant",
        "authored_at": dt.datetime(2024, 3, 10, 4, 10, tzinfo=dt.UTC),
        "due_by": dt.datetime(2024, 3, 13, 3, 22, 17, tzinfo=dt.UTC),
        "person_first_name": "Example",
        "person_last_name": "Sample",
        "person_dob": dt.date(1999, 12, 9),
        "person_phone": ["555-555-0101"],
        "contact_address": "1 Sample Street, Exampleton, ZZ, 00100",
        "contact_county_fips": "99001",
        "contact_preference": "phone",
        "naloxone_left_behind": True,
        "safety_flag": "visit_in_pairs",
        "consent_basis": "written",
        "consent_id": "consent-1",
        "opt_out_at": None,
        "status": "requested",
        "purpose": "outreach",
        "source_system": "fhir-r4",
    } == row


def test_contact_that_is_absent_stays_null() -> None:
    """Null contact stays null, and a referral without consent has none of its fields."""
    rows = {row["referral_id"]: row for row in rows_of(FIXTURES)}

    unplaced, unasked = rows[ID + "03"], rows[ID + "04"]

    assert (None, None) == (unplaced["person_phone"], unplaced["contact_address"])
    assert (None, None, None) == (
        unasked["consent_basis"],
        unasked["consent_id"],
        unasked["purpose"],
    )


def _inactive(bundle: dict[str, Any]) -> None:
    part(bundle, "Consent")["status"] = "inactive"


def _rejected(bundle: dict[str, Any]) -> None:
    part(bundle, "Consent")["status"] = "rejected"


def _denied(bundle: dict[str, Any]) -> None:
    part(bundle, "Consent")["provision"]["type"] = "deny"


def _nameless(bundle: dict[str, Any]) -> None:
    _inactive(bundle)
    del part(bundle, "Consent")["patient"]


def _dangling(bundle: dict[str, Any]) -> None:
    _inactive(bundle)
    part(bundle, "Consent")["patient"]["reference"] = "Patient/elsewhere"


def _beside_another(bundle: dict[str, Any]) -> None:
    active = copy.deepcopy(part(bundle, "Consent"))
    _inactive(bundle)
    bundle["entry"].append({"fullUrl": "urn:uuid:other", "resource": active})


def _contained(bundle: dict[str, Any]) -> None:
    """Put a patient of its own into both the request and the consent, as some senders do."""
    patient = part(bundle, "Patient") | {"id": "p"}
    bundle["entry"] = [
        entry for entry in bundle["entry"] if entry["resource"]["resourceType"] != "Patient"
    ]
    request, consent = part(bundle, "ServiceRequest"), part(bundle, "Consent")
    request["contained"], request["subject"] = [patient], {"reference": "#p"}
    consent["contained"], consent["patient"] = [dict(patient)], {"reference": "#p"}
    consent["status"] = "inactive"


def _broken_too(bundle: dict[str, Any]) -> None:
    _inactive(bundle)
    extension(bundle, "safety-flag")["valueCode"] = "free text"
    part(bundle, "Task")["status"] = "canary"


@pytest.mark.parametrize(
    "opt_out",
    [
        _inactive,
        _rejected,
        _denied,
        _nameless,
        _dangling,
        _beside_another,
        _contained,
        _broken_too,
    ],
)
def test_who_opted_out_leaves_no_trace(
    tmp_path: Path, opt_out: Callable[[dict[str, Any]], None]
) -> None:
    """REF-1: an opt-out leaves no row, and the report is that of an empty folder."""
    bundle = consented()
    opt_out(bundle)
    put(tmp_path, a=bundle)
    report = Report()

    rows = rows_of(tmp_path, report)

    assert [] == rows
    assert Report() == report


def _its_consent(bundle: dict[str, Any]) -> dict[str, Any]:
    del part(bundle, "Patient")["identifier"]
    consent = part(bundle, "Consent") | {"status": "inactive"}
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": consent}]}


def _its_person(bundle: dict[str, Any]) -> dict[str, Any]:
    consent = {
        "resourceType": "Consent",
        "status": "inactive",
        "contained": [part(bundle, "Patient") | {"id": "p"}],
        "patient": {"reference": "#p"},
    }
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": consent}]}


def _its_version(bundle: dict[str, Any]) -> dict[str, Any]:
    older = copy.deepcopy(bundle)
    part(older, "ServiceRequest")["authoredOn"] = "2020-01-01T00:00:00-05:00"
    del part(older, "Patient")["identifier"]
    del part(older, "Consent")["identifier"]
    _inactive(older)
    return older


@pytest.mark.parametrize("later", [_its_consent, _its_person, _its_version])
@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_an_opt_out_elsewhere_ends_a_referral(
    tmp_path: Path,
    later: Callable[[dict[str, Any]], dict[str, Any]],
    names: tuple[str, str],
) -> None:
    """REF-1: a consent taken back in another file, earlier or later, ends what it allowed."""
    bundle = consented()
    ending = later(bundle)
    put(tmp_path, **{names[0]: bundle})
    assert 1 == len(rows_of(tmp_path))

    put(tmp_path, **{names[1]: ending})
    report = Report()

    assert [] == rows_of(tmp_path, report)
    assert Report() == report


def test_an_opt_out_of_one_person_leaves_another(tmp_path: Path) -> None:
    """An opt-out that names another person of the same bundle is not this one's."""
    bundle = consented()
    other = json.loads((FIXTURES / "02-opted-out.json").read_text("utf-8"))
    bundle["entry"] += other["entry"]
    put(tmp_path, a=bundle)

    assert [ID + "01"] == [row["referral_id"] for row in rows_of(tmp_path)]


@pytest.mark.parametrize("status", ["draft", "proposed", "entered-in-error", "canary", None])
def test_a_consent_that_is_not_in_force_allows_nothing(tmp_path: Path, status: str | None) -> None:
    """Whatever is not active gives no basis, which the gateway's consent condition removes."""
    bundle = consented()
    part(bundle, "Consent")["status"] = status
    put(tmp_path, a=bundle)

    (row,) = rows_of(tmp_path)

    assert (None, None, None) == (row["consent_basis"], row["consent_id"], row["purpose"])


def test_a_deadline_runs_from_the_instant_or_from_the_end_of_the_day(tmp_path: Path) -> None:
    """REF-2: 72 hours after the instant; where only the day is known, after its civil end."""
    bundle = consented()
    del part(bundle, "Task")["restriction"]
    part(bundle, "ServiceRequest")["occurrenceDateTime"] = "2022-10-07T22:22:17-05:00"
    put(tmp_path, a=bundle)
    (row,) = rows_of(tmp_path)
    assert dt.datetime(2022, 10, 11, 3, 22, 17, tzinfo=dt.UTC) == row["due_by"]

    part(bundle, "ServiceRequest")["occurrenceDateTime"] = "2022-10-07"
    put(tmp_path, a=bundle)
    (row,) = rows_of(tmp_path)
    assert (None, "day", dt.date(2022, 10, 7)) == (
        row["overdose_at"],
        row["time_precision"],
        row["overdose_date"],
    )
    assert dt.datetime(2022, 10, 11, 5, tzinfo=dt.UTC) == row["due_by"]
    (row,) = rows_of(tmp_path, due_hours=24)
    assert dt.datetime(2022, 10, 9, 5, tzinfo=dt.UTC) == row["due_by"]


@pytest.mark.parametrize(
    ("written", "date", "precision"),
    [
        ("2022-10-08T03:22:17Z", dt.date(2022, 10, 7), "instant"),
        ("2022-10", dt.date(2022, 10, 1), "month"),
        ("2022", dt.date(2022, 1, 1), "year"),
        ("2022-10-07T22:22:17", None, "unknown"),
        ("2022-13-07", None, "unknown"),
        ("canary", None, "unknown"),
    ],
)
def test_precision_is_never_invented(
    tmp_path: Path, written: str, date: dt.date | None, precision: str
) -> None:
    """A time in Z has the civil date of the setting's zone; a partial date stays partial."""
    bundle = consented()
    part(bundle, "ServiceRequest")["occurrenceDateTime"] = written
    put(tmp_path, a=bundle)
    report = Report()

    (row,) = rows_of(tmp_path, report)

    assert (date, precision) == (row["overdose_date"], row["time_precision"])
    assert (precision == "unknown") == bool(report.notices)
    assert "canary" not in repr(report)


def test_the_purpose_has_one_value(tmp_path: Path) -> None:
    """REF-3: the purpose travels in the row; another word is null and told."""
    assert {"outreach", None} == {row["purpose"] for row in rows_of(FIXTURES)}

    bundle = consented()
    part(bundle, "Consent")["provision"]["purpose"][0]["code"] = "canary"
    put(tmp_path, a=bundle)
    report = Report()
    (row,) = rows_of(tmp_path, report)
    assert row["purpose"] is None
    # A consent to something else is no consent to outreach.
    assert (None, None) == (row["consent_basis"], row["consent_id"])
    assert {("unknown-code", "Consent.provision.purpose"): 1} == report.notices


@pytest.mark.parametrize(
    "flag", [{"valueCode": "canary"}, {"valueString": "canary"}, {"valueString": "none"}, {}]
)
def test_a_safety_flag_is_one_of_four_words(tmp_path: Path, flag: dict[str, str]) -> None:
    """REF-4: free text in the flag refuses the referral; the text is nowhere."""
    bundle = consented()
    held = extension(bundle, "safety-flag")
    del held["valueCode"]
    held.update(flag)
    put(tmp_path, a=bundle)
    report = Report()

    assert [] == rows_of(tmp_path, report)
    assert {"safety-flag": 1} == report.quarantined
    assert "canary" not in repr(report)


def test_of_two_versions_the_later_stays(tmp_path: Path) -> None:
    """The version authored last stays, whatever its file; a void removes every version."""
    first, second = consented(), consented()
    part(second, "ServiceRequest")["authoredOn"] = "2024-03-11T00:00:00-05:00"
    part(second, "Task")["status"] = "in-progress"
    for names in (("a", "b"), ("b", "a")):
        put(tmp_path, **dict(zip(names, (first, second), strict=True)))
        assert ["in_progress"] == [row["status"] for row in rows_of(tmp_path)]

    part(first, "ServiceRequest")["status"] = "entered-in-error"
    put(tmp_path, c=first)
    assert [] == rows_of(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda held: part(held, "ServiceRequest").pop("identifier"), "no-record-key"),
        (lambda held: part(held, "ServiceRequest").pop("subject"), "no-patient"),
        (
            lambda held: part(held, "ServiceRequest").update(modifierExtension=[]),
            "modifier-extension",
        ),
        (lambda held: part(held, "Consent").update(implicitRules="x"), "modifier-extension"),
        (lambda held: held.update(entry=[]), "no-referral"),
        (lambda held: held.update(entry="canary"), "no-referral"),
        (lambda held: held.update(resourceType="Canary"), "no-referral"),
    ],
)
def test_what_cannot_be_read_is_quarantined(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    """A referral without key or person, or of changed meaning, is counted and left."""
    bundle = consented()
    change(bundle)
    put(tmp_path, a=bundle, b=json.loads((FIXTURES / "03-time-unknown.json").read_text("utf-8")))
    report = Report()

    rows = rows_of(tmp_path, report)

    assert [ID + "03"] == [row["referral_id"] for row in rows]
    assert {reason: 1} == report.quarantined


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"resourceType": "Bundle", "resourceType": "Bundle"}', "json-duplicate-key"),
        ('{"a": NaN}', "json-number"),
        ("[" * 100_000, "json-depth"),
        ("{", "json-malformed"),
        ("[]", "no-referral"),
        ("7", "no-referral"),
    ],
)
def test_hostile_files_are_quarantined(tmp_path: Path, text: str, reason: str) -> None:
    """JSON-1: a broken or hostile file is counted by its reason, and the others are read."""
    put(tmp_path, a=consented())
    (tmp_path / "b.json").write_text(text, "utf-8")
    report = Report()

    assert 1 == len(rows_of(tmp_path, report))
    assert {reason: 1} == report.quarantined


def test_what_is_not_named_is_not_read() -> None:
    """ALL-8: a note in the request is in no row and no notice."""
    assert "canary" in (FIXTURES / "01-consented.json").read_text("utf-8")

    report = Report()
    rows = rows_of(FIXTURES, report)

    assert "canary" not in repr(rows) + repr(report)


def test_unknown_words_are_told(tmp_path: Path) -> None:
    """Unknown codes and extensions null their field and are told by element."""
    bundle = consented()
    part(bundle, "Task")["status"] = "canary"
    extension(bundle, "contact-preference")["valueCode"] = "canary"
    extension(bundle, "contact-county")["valueCode"] = "99000"
    extension(bundle, "naloxone-left-behind")["valueBoolean"] = "true"
    part(bundle, "Patient")["birthDate"] = "1999-12"
    part(bundle, "ServiceRequest")["extension"].append({"url": "urn:canary", "valueCode": "x"})
    part(bundle, "Consent")["policyRule"]["coding"][0]["code"] = "canary"
    put(tmp_path, a=bundle)
    report = Report()

    (row,) = rows_of(tmp_path, report)

    names = ("status", "contact_preference", "contact_county_fips", "naloxone_left_behind")
    assert {None} == {row[name] for name in (*names, "person_dob", "consent_basis")}
    assert {
        ("unknown-code", "Task.status"),
        ("unknown-code", "ServiceRequest.extension:contact-preference"),
        ("unknown-value", "ServiceRequest.extension:contact-county"),
        ("unknown-value", "ServiceRequest.extension:naloxone-left-behind"),
        ("unknown-value", "Patient.birthDate"),
        ("unknown-extension", "ServiceRequest.extension"),
        ("unknown-code", "Consent.policyRule"),
    } == set(report.notices)
    assert 1 == report.rows_unknown
