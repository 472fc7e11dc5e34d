"""The EMS agency's referral forms: FHIR R4 bundles, one referral each.

A bundle holds a ServiceRequest (who asks whom, for which overdose), a Task (status, due time), the
Patient, and the Consent that allows it or says no. Extensions of the form begin with
`urn:accord:referral:`.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gateway.cli.county.files import Files, chance, record_uuid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from gateway.cli.county.overdoses import Overdose

Resource: TypeAlias = dict[str, Any]

BLOCK: Final = 2
DUE: Final = dt.timedelta(hours=72)
SOURCE_AGENCY: Final = "9999999902"
OUTREACH_TEAM: Final = "RV-OUTREACH-1"


@dataclass(frozen=True, slots=True)
class Form:
    """One referral as the crew filled it in.

    Attributes:
        authored: When it was sent.
        timed: False where the crew knew the day only.
        consent: Status of the Consent, `deny` for an active one that denies, empty for none.
        request: Status of the ServiceRequest.
        status: Status of the Task.
    """

    number: int
    event: Overdose
    authored: dt.datetime
    token: str
    timed: bool = True
    consent: str = "active"
    basis: str = "verbal"
    request: str = "active"
    status: str = "requested"
    preference: str = "phone"
    kit_left: bool = True
    safety: str = "none"

    @property
    def id(self) -> str:
        """Return the referral's UUID."""
        return record_uuid(BLOCK, self.number)


CASES: Final[Mapping[str, Mapping[str, Any]]] = {
    "consented": {"basis": "verbal", "preference": "phone", "safety": "none"},
    "written_consent": {"basis": "written"},
    "not_asked": {"consent": ""},
    "consent_pending": {"consent": "proposed"},
    "consent_refused": {"consent": "rejected"},
    "opted_out": {"consent": "inactive"},
    "denied": {"consent": "deny"},
    "opted_out_later": {},
    "time_unknown": {"timed": False},
    "entered_in_error": {"request": "entered-in-error"},
    "accepted": {"status": "accepted"},
    "visit_in_pairs": {"safety": "visit_in_pairs", "preference": "visit"},
    "sent_twice": {},
}
"""Case name to what its form holds; the newest referrals of a county show them in order."""


def forms(random: Random, events: Sequence[Overdose], count: int) -> Files:
    """Return a bundle for each of the newest `count` survivors, newest first.

    Two more files change what came before: one takes a consent back, one sends a form again.
    """
    newest = [event for event in reversed(events) if event.survived][:count]
    drawn = [_form(random, event, number) for number, event in enumerate(newest, 1)]
    for index, change in enumerate(CASES.values()):
        drawn[index] = replace(drawn[index], **change)
    cases = {f"referral.{name}": form.id for name, form in zip(CASES, drawn, strict=False)}
    cases["referral.older_than_72_hours"] = drawn[-1].id
    files = {f"REF-{form.number:05}.json": _bundle(form) for form in drawn}

    by_case = dict(zip(CASES, drawn, strict=False))
    ended = by_case["opted_out_later"]
    withdrawal = _consent(replace(ended, consent="inactive"))
    files[f"REF-{ended.number:05}-withdrawn.json"] = _file([withdrawal, _patient(ended)])
    twice = by_case["sent_twice"]
    again = replace(
        twice,
        authored=twice.authored + dt.timedelta(minutes=20),
        status="received",
        basis="written",
    )
    files[f"REF-{twice.number:05}-again.json"] = _bundle(again)
    return Files(files, len(drawn), cases)


def _form(random: Random, event: Overdose, number: int) -> Form:
    return Form(
        number=number,
        event=event,
        authored=event.at + dt.timedelta(minutes=random.randint(40, 120)),
        token=f"RVT-{random.getrandbits(64):016x}",
        basis=random.choice(("verbal", "verbal", "written", "program_default")),
        preference=random.choice(("phone", "text", "visit", "unknown")),
        kit_left=chance(random, 0.6),
        safety=random.choice(("none", "none", "none", "meet_in_public", "phone_only")),
    )


def _bundle(form: Form) -> bytes:
    consents = [_consent(form)] if form.consent else []
    return _file([_request(form), _task(form), _patient(form), *consents])


def _file(resources: list[Resource]) -> bytes:
    entries = [
        {"fullUrl": f"urn:rivertown:{one['resourceType']}:{one['id']}", "resource": one}
        for one in resources
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    return (json.dumps(bundle, indent=1, ensure_ascii=False) + "\n").encode()


def _request(form: Form) -> Resource:
    event = form.event
    at = event.at.isoformat() if form.timed else event.at.date().isoformat()
    quarter = event.spot.quarter
    return {
        "resourceType": "ServiceRequest",
        "id": f"request-{form.number}",
        "identifier": [
            {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{form.id}"},
            {"system": "urn:accord:source-record", "value": form.token},
        ],
        "status": form.request,
        "intent": "order",
        "subject": {"reference": f"Patient/patient-{form.number}"},
        "occurrenceDateTime": at,
        "authoredOn": form.authored.isoformat(),
        "requester": {"identifier": {"value": SOURCE_AGENCY}},
        "performer": [{"identifier": {"value": OUTREACH_TEAM}}],
        "extension": [
            _extension("contact-preference", valueCode=form.preference),
            _extension("contact-county", valueCode=quarter.fips),
            _extension("naloxone-left-behind", valueBoolean=form.kit_left),
            _extension("safety-flag", valueCode=form.safety),
        ],
    }


def _extension(name: str, **value: str | bool) -> Resource:
    return {"url": f"urn:accord:referral:{name}", **value}


def _task(form: Form) -> Resource:
    task: Resource = {
        "resourceType": "Task",
        "id": f"task-{form.number}",
        "status": form.status,
        "intent": "order",
        "focus": {"reference": f"ServiceRequest/request-{form.number}"},
    }
    if form.timed:  # without a time the deadline is for the reader to work out, from the day's end
        task["restriction"] = {"period": {"end": (form.event.at + DUE).isoformat()}}
    return task


def _patient(form: Form) -> Resource:
    person, spot = form.event.person, form.event.spot
    return {
        "resourceType": "Patient",
        "id": f"patient-{form.number}",
        "name": [{"use": "official", "family": person.family, "given": [person.given]}],
        "telecom": [{"system": "phone", "value": phone} for phone in person.phones],
        "birthDate": person.born.isoformat(),
        "address": [
            {"line": [spot.street], "city": spot.quarter.name, "postalCode": spot.quarter.zip}
        ],
    }


def _consent(form: Form) -> Resource:
    denies = form.consent == "deny"
    return {
        "resourceType": "Consent",
        "id": f"consent-{form.number}",
        "identifier": [{"value": f"RVK-{form.number:05}"}],
        "status": "active" if denies else form.consent,
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "category": [{"text": "Outreach after an overdose"}],
        "patient": {"reference": f"Patient/patient-{form.number}"},
        "dateTime": form.authored.isoformat(),
        "policyRule": {"coding": [{"system": "urn:accord:consent-basis", "code": form.basis}]},
        "provision": {
            "type": "deny" if denies else "permit",
            "purpose": [{"system": "urn:accord:purpose", "code": "outreach"}],
        },
    }
