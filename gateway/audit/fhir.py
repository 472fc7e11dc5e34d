"""An event as FHIR R4 AuditEvent resources, a disclosure as IHE BALP asks for it.

A `release` is one resource for each subject, since `PrivacyDisclosure.Source` of BALP 1.1.3 has
exactly one patient; the patient is a subject token, which names nobody to whoever has no subject
key. A release without tokens, of a table or from openings that leave them out, is one resource
that claims no profile. Every other entry is one resource without a profile, so that nothing of a
selection is missing from what is handed over. Identifiers stand below the log's origin.

Sources: HL7 FHIR R4 AuditEvent; IHE ITI Basic Audit Log Patterns 1.1.3; DICOM PS3.16 (DCM codes);
RFC 6920 for digests as URIs. Section 3.8 of the log's specification.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gateway.audit.entry import meta_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.audit.event import Event
    from gateway.audit.names import Names

Json: TypeAlias = dict[str, Any]

PROFILE: Final = (
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PrivacyDisclosure.Source"
)
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_SCT: Final = "http://snomed.info/sct"
_LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_SOURCE_TYPE: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"

_SUCCESS: Final = "0"
_MINOR: Final = "4"  # it was refused: the caller can mend it
_SERIOUS: Final = "8"  # it was cut, or something of the log is at stake
_MAJOR: Final = "12"  # the gateway died in the middle of it
_MACHINE_NAME: Final = "1"
_URI: Final = "5"

CONSENTED: Final = frozenset({"authorization", "consent", "part2_consent"})
"""Bases under which a person allowed the flow: the reference of the basis is then an authorizer."""

_OTHER: Final = {
    "genesis": (("110100", "Application Activity"), ("110134", "Audit Recording Started")),
    "agreement": (("110113", "Security Alert"), ("110129", "Security Configuration")),
    "key": (("110113", "Security Alert"), ("110129", "Security Configuration")),
    "config": (("110100", "Application Activity"), None),
    "access": (("110101", "Audit Log Used"), None),
    "incident": (("110113", "Security Alert"), ("110133", "Audit Recording Stopped")),
    "erase": (("110101", "Audit Log Used"), None),
    "suspend": (("110113", "Security Alert"), ("110135", "Object Security Attributes Changed")),
    "hold": (("110113", "Security Alert"), ("110135", "Object Security Attributes Changed")),
    "consent": (("110113", "Security Alert"), ("110135", "Object Security Attributes Changed")),
    "delivery": (("110106", "Export"), None),
    "duty": (("110106", "Export"), None),
}
"""DCM type and subtype of what is no step of an exchange; the kind is a subtype of each too."""

_STARTS: Final = {"start": ("110120", "Application Start"), "stop": ("110121", "Application Stop")}


def audit_events(event: Event, names: Names) -> Iterator[Json]:
    """Yield the resources of an event: one for each subject token, or one."""
    if event.leaf.kind == "release" and event.tokens and _parties_known(event):
        for number, token in enumerate(event.tokens):
            yield _disclosure(event, names, f"entry-{event.index}-{number}", token)
        return
    yield _one(event, names)


def _parties_known(event: Event) -> bool:
    """Whether the exchange's `intent` was opened: without source and recipient there is no BALP."""
    return bool(event.facts)


def _disclosure(event: Event, names: Names, name: str, token: bytes) -> Json:
    """Return a disclosure of one person's data, in the profile's form."""
    made = _one(event, names)
    patient = {
        "type": _coding(_ENTITY_TYPE, "1", "Person"),
        "role": _coding(_ROLE, "1", "Patient"),
        "what": {
            "type": "Patient",
            "identifier": _identifier(names.url("subject-token"), token.hex()),
        },
    }
    return {
        **made,
        "id": name,
        "meta": {"profile": [PROFILE]},
        "entity": [patient, *made["entity"]],
    }


def _one(event: Event, names: Names) -> Json:
    kind = event.leaf.kind
    type_, subtypes = _types(event, names)
    outcome, words = _outcome(event)
    agents = list(_agents(event, names))
    # What observed it: the provider's side for an exchange, since BALP wants the agent `source`
    # to be the observer; the log itself for the rest.
    observer = agents[0]["who"]
    made: Json = {
        "resourceType": "AuditEvent",
        "id": f"entry-{event.index}",
        "type": type_,
        "subtype": subtypes,
        "action": "R" if event.decision or kind == "access" else "E",
        "recorded": event.leaf.time,
        "outcome": outcome,
        "outcomeDesc": words,
        "agent": agents,
        "source": {
            "site": names.origin,
            "observer": observer,
            "type": [_coding(_SOURCE_TYPE, "4", "Application Server")],
        },
        "entity": list(_entities(event, names)),
    }
    purpose = event.says("purpose")
    if purpose is not None:
        made["purposeOfEvent"] = [_purpose(purpose, names)]
    return made


def _types(event: Event, names: Names) -> tuple[Json, list[Json]]:
    kind = event.leaf.kind
    own = _coding(names.url("kind"), kind, kind)
    if event.decision:
        subtypes = [own]
        if kind == "release":
            subtypes.insert(0, _coding(_LIFECYCLE, "disclose", "Disclose Record Lifecycle Event"))
        return _coding(_DCM, "110106", "Export"), subtypes
    (code, words), more = _OTHER[kind]
    if kind == "config":
        more = _STARTS.get(event.says("event"), ("110129", "Security Configuration"))
    subtypes = [_coding(_DCM, *more)] if more is not None else []
    return _coding(_DCM, code, words), [*subtypes, own]


def _outcome(event: Event) -> tuple[str, str]:
    """Return R4's outcome code, and what happened in a few words."""
    says, kind = event.says, event.leaf.kind
    if kind == "refusal":
        clause = says("clause")
        because = says("reason") or "not opened"
        return _MINOR, f"refused: {because}" + (f", clause {clause}" if clause else "")
    if kind == "recovered":
        return _MAJOR, f"the gateway stopped before the end: {says('verdict') or 'not opened'}"
    if kind == "outcome" and says("end") == "cut":
        return _SERIOUS, f"cut: {says('code')}"
    return (_SERIOUS if kind == "incident" else _SUCCESS), kind


# --- who ------------------------------------------------------------------------------------------


def _agents(event: Event, names: Names) -> Iterator[Json]:
    """Yield provider, recipient, custodian, authorizer and caller; the log's own for the rest."""
    says = event.says
    provider, recipient = says("provider"), says("recipient")
    policy = list(_policy(event, names))
    if provider is None or not event.decision:
        yield from _own(event, names)
        return
    yield _agency(provider, names, _coding(_DCM, "110153", "Source Role ID"), policy)
    if recipient is not None:
        yield _agency(recipient, names, _coding(_DCM, "110152", "Destination Role ID"), [])
    custodian = _coding(_SCT, "159541003", "Record keeping/library clerk")
    yield {"type": _concept(custodian), "who": _who(provider, names), "requestor": False}
    if says("basis") in CONSENTED and says("basis_ref") is not None:
        who = {"identifier": _identifier(names.url("basis"), says("basis_ref"))}
        type_ = _concept(_coding(_SCT, "429577009", "Patient Advocate"))
        yield {"type": type_, "who": who, "requestor": False}
    yield _caller(event, names)


def _own(event: Event, names: Names) -> Iterator[Json]:
    """Yield who did what is no exchange of known parties: whoever asked, or the gateway."""
    who = event.says("who") or event.says("caller_agency")
    if who is None:
        yield {"who": _log(names), "requestor": False}
        return
    asked: Json = {"who": _who(who, names), "requestor": True}
    role = event.says("role") or event.says("caller_role")
    yield asked | ({"role": [{"text": role}]} if role else {})


def _agency(name: str, names: Names, type_: Json, policy: list[str]) -> Json:
    party = names.parties.get(name)
    network = (
        {"address": party.host, "type": _MACHINE_NAME}
        if party is not None
        else {"address": names.url("agency", name), "type": _URI}
    )
    made: Json = {
        "type": _concept(type_),
        "who": _who(name, names),
        "requestor": False,
        "network": network,
    }
    if party is not None:
        made["name"] = party.name
    return made | ({"policy": policy} if policy else {})


def _caller(event: Event, names: Names) -> Json:
    says = event.says
    agency, person, role = says("caller_agency"), says("caller_person"), says("caller_role")
    made: Json = {"who": _who(agency, names), "requestor": True}
    if person is not None:
        # An id of the agency's own: no name, and of no meaning without the agency.
        made["who"] = {"identifier": _identifier(names.url("agency", agency, "person"), person)}
    return made | ({"role": [{"text": role}]} if role is not None else {})


def _who(agency: str, names: Names) -> Json:
    party = names.parties.get(agency)
    who: Json = {"identifier": _identifier(names.url("agency"), agency)}
    return who | ({"display": party.name} if party is not None else {})


def _log(names: Names) -> Json:
    return {"identifier": _identifier(names.url("log"), names.origin)}


def _policy(event: Event, names: Names) -> Iterator[str]:
    """Yield the agreement, its provision and its digests, each as a URI."""
    ref, provision = event.leaf.agreement, event.says("provision")
    if ref is not None:
        yield names.url("agreement", ref) + (f"#{provision}" if provision else "")
    for key in ("agreement_sha256", "floor_sha256"):
        digest = event.says(key)
        if digest is not None:
            yield f"ni:///sha-256;{_url64(digest)}"


# --- what -----------------------------------------------------------------------------------------


def _entities(event: Event, names: Names) -> Iterator[Json]:
    says = event.says
    exchange = event.leaf.exchange_id
    if exchange is not None:
        what = {"identifier": _identifier(names.url("exchange"), exchange)}
        yield {"what": what, "type": _system_object(), "role": _coding(_ROLE, "20", "Job")}
    dataset = says("dataset")
    details = [{"type": key, "valueString": text} for key, text in _details(event)]
    data: Json = {"type": _system_object(), "role": _coding(_ROLE, "3", "Report")}
    if dataset is not None and event.decision:
        data["what"] = {"identifier": _identifier(names.url("dataset"), dataset)}
    else:
        data["what"] = {"identifier": _identifier(names.url("entry"), str(event.index))}
    yield data | ({"detail": details} if details else {})


_DETAILS: Final = ("form", "channel", "rows", "bytes", "chunk", "chunks", "digest", "stream")


def _details(event: Event) -> Iterator[tuple[str, str]]:
    """Yield fields, masks, counts and digests: what left, never a value of it."""
    if event.meta is None:
        return
    if not event.decision:
        yield "said", meta_bytes(event.meta).decode("ascii")
        return
    for field, mask in event.says("released") or ():
        yield f"field {field}", mask
    if event.leaf.kind == "intent":
        yield "withheld", ", ".join(event.says("withheld")) or "none"
    for key in _DETAILS:
        if key in event.meta and event.meta[key] is not None:
            yield key, str(event.meta[key])


def _purpose(purpose: str, names: Names) -> Json:
    coding = [_coding(names.url("purpose"), purpose, purpose)]
    if purpose in names.reasons:
        coding.insert(0, {"system": _REASON, "code": names.reasons[purpose]})
    return {"coding": coding, "text": purpose}


# --- FHIR's small change --------------------------------------------------------------------------


def _coding(system: str, code: str, display: str) -> Json:
    return {"system": system, "code": code, "display": display}


def _concept(coding: Json) -> Json:
    return {"coding": [coding]}


def _identifier(system: str, value: str) -> Json:
    return {"system": system, "value": value}


def _system_object() -> Json:
    return _coding(_ENTITY_TYPE, "2", "System Object")


def _url64(digest: str) -> str:
    """Return a base64 digest as RFC 6920 has it: the URL alphabet, without padding."""
    return urlsafe_b64encode(b64decode(digest)).decode("ascii").rstrip("=")
