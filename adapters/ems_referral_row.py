"""One FHIR R4 referral, known to be nobody's opt-out, as a row of `referral.post_overdose@1`.

Which elements are read stands in `ems_referrals`. Contact that is absent stays null; a code that
the mapping does not know is told by element and null; a safety flag that is none of the four
words refuses the referral.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters import fhir
from adapters.canonical import canonical, codes
from gateway.values import Precision

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from adapters.batches import Value

UUIDS = "urn:ietf:rfc:3986"
SOURCE_RECORD = "urn:accord:source-record"
CONSENT_BASIS = "urn:accord:consent-basis"
PURPOSE = "urn:accord:purpose"
EXTENSION = "urn:accord:referral:"
EXTENSIONS = ("contact-preference", "contact-county", "naloxone-left-behind", "safety-flag")

_COUNTY = re.compile(r"\d{2}(?!000|999)\d{3}")
_FULL_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Deadline:
    """Where civil days end, and how many hours a team has where the Task does not say."""

    zone: ZoneInfo
    hours: int


@dataclass(frozen=True, slots=True)
class Parts:
    """The resources of one referral, found and linked."""

    request: fhir.Resource
    patient: fhir.Resource
    tasks: Sequence[fhir.Resource]
    consents: Sequence[fhir.Resource]


@dataclass(frozen=True, slots=True)
class Built:
    """A row without its id, and what the mapping did not know, by (kind, element)."""

    row: dict[str, Value]
    notices: tuple[tuple[str, str], ...]


def build(parts: Parts, rule: Deadline) -> Built | str:
    """Return the row of a referral, or the reason why it is quarantined."""
    request = parts.request
    every = (request, parts.patient, *parts.tasks, *parts.consents)
    if any("modifierExtension" in part or "implicitRules" in part for part in every):
        return "modifier-extension"
    if not parts.patient:
        return "no-patient"
    notes = _Notes()
    flag = notes.form(request, "safety-flag", "safety_flag")
    if flag is None and notes.extension(request, "safety-flag"):
        return "safety-flag"  # REF-4: four words only
    row: dict[str, Value] = {
        "source_record_token": by_system(request, SOURCE_RECORD),
        "source_agency": _identifier(fhir.item(request, "requester")),
        "recipient_org": next(map(_identifier, fhir.items(request, "performer")), None),
        "authored_at": fhir.date_time(fhir.text(request, "authoredOn"))[1],
        **_when(request, parts.tasks, rule, notes),
        **_person(parts.patient, notes),
        "contact_county_fips": notes.county(request),
        "contact_preference": notes.form(request, "contact-preference", "contact_preference"),
        "naloxone_left_behind": notes.boolean(request, "naloxone-left-behind"),
        "safety_flag": flag,
        **_consent(parts.consents, notes),
        "status": _status(parts.tasks, notes),
        "source_system": "fhir-r4",
    }
    notes.unknown_extensions(request)
    return Built(row, tuple(notes.found))


def _when(
    request: fhir.Resource, tasks: Sequence[fhir.Resource], rule: Deadline, notes: _Notes
) -> dict[str, Value]:
    written = fhir.text(request, "occurrenceDateTime")
    date, instant, precision = fhir.date_time(written)
    if written is not None and precision is Precision.UNKNOWN:
        notes.found.append(("unknown-value", "ServiceRequest.occurrenceDateTime"))
    if instant is not None and date is None:  # written in Z
        date = instant.astimezone(rule.zone).date()
    due = None
    for task in tasks:
        period = fhir.item(fhir.item(task, "restriction"), "period")
        due = due or fhir.date_time(fhir.text(period, "end"))[1]
    return {
        "overdose_date": date,
        "overdose_at": instant,
        "time_precision": precision.value,
        "due_by": due or _due(date, instant, precision, rule),
    }


def _due(
    date: dt.date | None, instant: dt.datetime | None, precision: Precision, rule: Deadline
) -> dt.datetime | None:
    after = dt.timedelta(hours=rule.hours)
    if instant is not None:
        return instant.astimezone(dt.UTC) + after
    if date is None or precision is not Precision.DAY:
        return None
    end = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(), rule.zone)
    return end.astimezone(dt.UTC) + after


def by_system(held: fhir.Resource, system: str) -> str | None:
    """Return the value of the identifier of a system."""
    found = (one for one in fhir.items(held, "identifier") if one.get("system") == system)
    return next((fhir.text(one, "value") for one in found), None)


def first_value(held: fhir.Resource) -> str | None:
    """Return the value of the first identifier."""
    return next((fhir.text(one, "value") for one in fhir.items(held, "identifier")), None)


def _identifier(reference: fhir.Resource) -> str | None:
    return fhir.text(fhir.item(reference, "identifier"), "value")


class _Notes:
    """Reads extensions and codes, and keeps what it did not know."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def extension(self, held: fhir.Resource, name: str) -> fhir.Resource:
        """Return an extension of the referral form, or an empty one."""
        found = (one for one in fhir.items(held, "extension") if one.get("url") == EXTENSION + name)
        return next(found, {})

    def form(self, held: fhir.Resource, name: str, list_name: str) -> str | None:
        """Return a word of a closed list that the project itself made."""
        extension = self.extension(held, name)
        code = fhir.text(extension, "valueCode")
        if code in canonical().values[list_name]:
            return code
        if extension:
            self.found.append(("unknown-code", f"ServiceRequest.extension:{name}"))
        return None

    def boolean(self, held: fhir.Resource, name: str) -> bool | None:
        """Return a yes or no of the form; anything else is null and told."""
        extension = self.extension(held, name)
        value = extension.get("valueBoolean")
        if isinstance(value, bool):
            return value
        if extension:
            self.found.append(("unknown-value", f"ServiceRequest.extension:{name}"))
        return None

    def county(self, held: fhir.Resource) -> str | None:
        """Return the county of contact as five digits."""
        extension = self.extension(held, "contact-county")
        code = fhir.text(extension, "valueCode")
        if code is not None and _COUNTY.fullmatch(code):
            return code
        if extension:
            self.found.append(("unknown-value", "ServiceRequest.extension:contact-county"))
        return None

    def unknown_extensions(self, held: fhir.Resource) -> None:
        """Count extensions that the form does not have; their addresses are not repeated."""
        known = {EXTENSION + name for name in EXTENSIONS}
        for one in fhir.items(held, "extension"):
            if fhir.text(one, "url") not in known:
                self.found.append(("unknown-extension", "ServiceRequest.extension"))


def _current(held: fhir.Resource, name: str) -> list[fhir.Resource]:
    return [one for one in fhir.items(held, name) if one.get("use") != "old"]


def _person(patient: fhir.Resource, notes: _Notes) -> dict[str, Value]:
    name = next(iter(_current(patient, "name")), {})
    address = next(iter(_current(patient, "address")), {})
    born = fhir.text(patient, "birthDate")
    dob = fhir.date_time(born)[0] if born and _FULL_DATE.fullmatch(born) else None
    if born and dob is None:
        notes.found.append(("unknown-value", "Patient.birthDate"))
    phones = [
        number
        for one in _current(patient, "telecom")
        if fhir.text(one, "system") in {"phone", "sms"} and (number := fhir.text(one, "value"))
    ]
    lines = [*fhir.texts(address, "line")]
    lines += [part for key in ("city", "state", "postalCode") if (part := fhir.text(address, key))]
    return {
        "person_first_name": " ".join(fhir.texts(name, "given")) or None,
        "person_last_name": fhir.text(name, "family"),
        "person_dob": dob,
        "person_phone": tuple(dict.fromkeys(phones)) or None,
        "contact_address": ", ".join(lines) or None,
    }


def _consent(consents: Sequence[fhir.Resource], notes: _Notes) -> dict[str, Value]:
    """Return basis, id and purpose of the consent in force; none in force leaves all three null."""
    held = next((one for one in consents if fhir.text(one, "status") == "active"), {})
    basis = _coded(fhir.items(fhir.item(held, "policyRule"), "coding"), CONSENT_BASIS)
    purpose = _coded(fhir.items(fhir.item(held, "provision"), "purpose"), PURPOSE)
    if basis is not None and basis not in canonical().values["consent_basis"]:
        notes.found.append(("unknown-code", "Consent.policyRule"))
        basis = None
    if purpose is not None and purpose not in canonical().values["referral_purpose"]:
        notes.found.append(("unknown-code", "Consent.provision.purpose"))
        purpose = None
    if purpose is None:
        # A consent to something else, or to nobody knows what, is no consent to outreach.
        held, basis = {}, None
    return {
        "consent_basis": basis,
        "consent_id": first_value(held),
        "opt_out_at": None,
        "purpose": purpose,
    }


def _coded(codings: list[fhir.Resource], system: str) -> str | None:
    return next((fhir.text(one, "code") for one in codings if one.get("system") == system), None)


def _status(tasks: Sequence[fhir.Resource], notes: _Notes) -> str | None:
    written = next((fhir.text(task, "status") for task in tasks), None)
    if written is None:
        return None
    found = codes("referral_status", "FHIR R4").get(written)
    if found is None:
        notes.found.append(("unknown-code", "Task.status"))
    return found
