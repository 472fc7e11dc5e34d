"""Referrals to outreach after an overdose, `referral.post_overdose@1`, from FHIR R4 JSON.

A folder of files, one Bundle (or one ServiceRequest with contained resources) each. What is read,
and no more:

    ServiceRequest  .identifier[system=urn:ietf:rfc:3986].value     urn:uuid:..., referral_id
                    .identifier[system=urn:accord:source-record].value    source_record_token
                    .status                          entered-in-error, revoked: no row
                    .subject                         -> Patient
                    .requester.identifier.value      -> source_agency
                    .performer[0].identifier.value   -> recipient_org
                    .occurrenceDateTime              -> overdose_date, overdose_at, time_precision
                    .authoredOn                      -> authored_at
                    .extension[url=urn:accord:referral:contact-preference].valueCode
                    .extension[url=urn:accord:referral:contact-county].valueCode, five digits
                    .extension[url=urn:accord:referral:naloxone-left-behind].valueBoolean
                    .extension[url=urn:accord:referral:safety-flag].valueCode
    Task            .focus -> ServiceRequest; .status -> status; .restriction.period.end -> due_by
    Patient         .name[0].family, .given; .birthDate; .telecom[system=phone|sms].value;
                    .address[0].line, .city, .state, .postalCode; .identifier, to know an opt-out
                    by; whatever has use=old is passed over
    Consent         .patient -> the same Patient; .status; .identifier[0].value -> consent_id;
                    .policyRule.coding[system=urn:accord:consent-basis].code -> consent_basis;
                    .provision.type; .provision.purpose[system=urn:accord:purpose].code -> purpose

Opting out comes before everything (REF-1): a Consent that is inactive or rejected, or whose
provision denies, ends every referral that its Bundle makes for that person, every version of
those, every referral under the same consent id, and every referral of a Patient with the same
identifier; a Bundle may hold nothing else. Such a referral leaves no row, no count and no notice:
even a count would tell. A void ends its referral in the same way. Without a deadline in the Task
it is `due_hours` after the overdose, or after the end of its civil day where no time is known
(REF-2). Of one referral the version authored last stays.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from adapters import fhir
from adapters.ems_referral_row import UUIDS, Deadline, Parts, build, by_system, first_value
from adapters.hardened import UnreadableError, parse_json, read_document
from adapters.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from adapters.base import Record, Report
    from adapters.batches import Value

_UUID = re.compile(r"urn:uuid:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_OPTED_OUT = frozenset({"inactive", "rejected"})
_VOID = frozenset({"entered-in-error", "revoked"})
_FIRST = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Referral:
    """One referral as one file tells it.

    Attributes:
        authored: When; the earliest of times where it is not said.
        keys: What an opt-out may end it by: its id, its consents', its patient's.
        row: The row, or None where it is quarantined.
        notices: What the mapping did not know, by (kind, element).
        reason: Why it is quarantined, where it is.
    """

    id: str
    authored: dt.datetime
    keys: frozenset[str]
    row: Mapping[str, Value] | None = None
    notices: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@dataclass(slots=True)
class File:
    """What one file gave.

    Attributes:
        ended: The keys that an opt-out or a void ends.
        reason: Why the file is quarantined, where it is.
    """

    referrals: list[Referral] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    reason: str = ""


@dataclass
class Referrals:
    """One source: a folder of JSON files, each read once and kept until it changes."""

    path: Path
    rule: Deadline

    def __post_init__(self) -> None:
        """Begin with nothing kept."""
        self._kept = Kept(self.path, ".json", self._file)

    def rows(self, report: Report) -> Iterator[Record]:
        """Yield the newest version of each referral that nobody opted out of, by referral id."""
        files = list(self._kept.all())
        ended = {key for file in files for key in file.ended}
        newest: dict[str, Referral] = {}
        for file in files:
            if file.reason:
                report.quarantine(file.reason)
            for one in file.referrals:
                if ended & one.keys:
                    continue  # without a trace in the report, whatever else is wrong with it
                held = newest.get(one.id)
                if one.reason:
                    report.quarantine(one.reason)
                elif held is None or one.authored >= held.authored:
                    newest[one.id] = one
        for _, one in sorted(newest.items()):
            for kind, where in one.notices:
                report.notice(kind, where)
            if one.row is not None:
                yield one.row

    def _file(self, path: str) -> File:
        try:
            return self.read(fhir.Bundle(parse_json(read_document(Path(path)))))
        except UnreadableError as error:
            return File(reason=error.reason)

    def read(self, bundle: fhir.Bundle) -> File:
        """Return what one document gives."""
        file = File()
        consents = list(bundle.of("Consent"))
        for consent in filter(_is_opt_out, consents):
            patient = bundle.get(fhir.item(consent, "patient"), "Patient", consent)
            file.ended |= _keys("", patient, [consent])
        for request in bundle.of("ServiceRequest"):
            self._referral(bundle, request, consents, file)
        if not file.referrals and not file.ended and not consents:
            file.reason = "no-referral"
        return file

    def _referral(
        self,
        bundle: fhir.Bundle,
        request: fhir.Resource,
        consents: list[fhir.Resource],
        file: File,
    ) -> None:
        match = _UUID.fullmatch(by_system(request, UUIDS) or "")
        referral_id = match[1] if match else ""
        patient = bundle.get(fhir.item(request, "subject"), "Patient", request)
        mine = [held for held in consents if _concerns(bundle, held, patient, request)]
        if any(map(_is_opt_out, mine)):
            file.ended |= _keys(referral_id, patient, [])
            return
        if fhir.text(request, "status") in _VOID:
            file.ended |= _keys(referral_id, {}, [])
            return
        keys = frozenset(_keys(referral_id, patient, mine))
        authored = fhir.date_time(fhir.text(request, "authoredOn"))[1] or _FIRST
        tasks = [task for task in bundle.of("Task") if _focus(bundle, task) is request]
        built = build(Parts(request, patient, tasks, mine), self.rule)
        reason = built if isinstance(built, str) else "" if referral_id else "no-record-key"
        if isinstance(built, str) or reason:
            file.referrals.append(Referral(referral_id, authored, keys, reason=reason))
            return
        row = {"referral_id": referral_id, **built.row}
        file.referrals.append(Referral(referral_id, authored, keys, row, built.notices))


def _focus(bundle: fhir.Bundle, task: fhir.Resource) -> fhir.Resource:
    return bundle.get(fhir.item(task, "focus"), "ServiceRequest", task)


def _keys(referral_id: str, patient: fhir.Resource, consents: list[fhir.Resource]) -> set[str]:
    keys = {f"referral {referral_id}"} if referral_id else set()
    for one in fhir.items(patient, "identifier"):
        if (value := fhir.text(one, "value")) is not None:
            keys.add(f"patient {fhir.text(one, 'system') or ''} {value}")
    for consent in consents:
        if (value := first_value(consent)) is not None:
            keys.add(f"consent {value}")
    return keys


def _is_opt_out(consent: fhir.Resource) -> bool:
    denies = fhir.text(fhir.item(consent, "provision"), "type") == "deny"
    return denies or fhir.text(consent, "status") in _OPTED_OUT


def _concerns(
    bundle: fhir.Bundle, consent: fhir.Resource, patient: fhir.Resource, request: fhir.Resource
) -> bool:
    """Return whether a consent is about a referral's patient.

    An opt-out that does not clearly name another person of the document is about everyone in it; a
    consent that allows is about nobody but whom it names, and about the only one where it names
    none.
    """
    reference = fhir.item(consent, "patient")
    named = bundle.get(reference, "Patient", request) or bundle.get(reference, "Patient", consent)
    if named and named is patient:
        return True
    if _is_opt_out(consent):
        return not named or not bundle.is_entry(named)
    return not reference and len(list(bundle.of("Patient"))) == 1
