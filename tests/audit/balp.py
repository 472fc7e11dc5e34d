"""What FHIR R4 and IHE BALP 1.1.3 demand of an AuditEvent, written from their pages by hand.

Cardinalities, fixed codes and the one invariant of `PrivacyDisclosure.Source`; of R4 itself, the
elements that it requires, the closed codes, and that nothing is there which it does not know.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PROFILE = (
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PrivacyDisclosure.Source"
)
DCM = "http://dicom.nema.org/resources/ontology/DCM"
SCT = "http://snomed.info/sct"
TYPE = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
ROLE = "http://terminology.hl7.org/CodeSystem/object-role"

LIFECYCLE = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"

_SLICES = (
    ("source", DCM, "110153", 1),
    ("recipient", DCM, "110152", 1),
    ("custodian", SCT, "159541003", 0),
    ("authorizer", SCT, "429577009", 0),
)
"""(name, system, code, least) of the agents that the profile tells apart; one at most of each."""

_ELEMENTS = {
    "resourceType", "id", "meta", "type", "subtype", "action", "recorded", "outcome",
    "outcomeDesc", "purposeOfEvent", "agent", "source", "entity",
}  # fmt: skip
_AGENT = {"type", "role", "who", "name", "requestor", "policy", "network"}
_ENTITY = {"what", "type", "role", "detail"}
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def faults(event: dict[str, Any]) -> list[str]:
    """Return what is wrong with a resource under R4, and under the profile that it claims."""
    wrong = [*_r4(event), *_r4_parts(event), *_empty(event, "AuditEvent")]
    if PROFILE in event.get("meta", {}).get("profile", []):
        wrong += [*_balp(event), *_balp_agents(event), *_balp_patient(event)]
    return wrong


def _r4(event: dict[str, Any]) -> Iterator[str]:
    if set(event) - _ELEMENTS:
        yield f"unknown elements {set(event) - _ELEMENTS}"
    if not _ID.fullmatch(event["id"]):
        yield "id"
    if not _INSTANT.fullmatch(event["recorded"]):
        yield "recorded"
    if event["action"] not in set("CRUDE"):
        yield "action"
    if event["outcome"] not in {"0", "4", "8", "12"}:
        yield "outcome"
    if not event["agent"] or not event["source"]["observer"]:
        yield "agent 1..*, source.observer 1..1"


def _r4_parts(event: dict[str, Any]) -> Iterator[str]:
    for agent in event["agent"]:
        if set(agent) - _AGENT or not isinstance(agent["requestor"], bool):
            yield f"agent {agent}"
        if agent.get("network", {"type": "1"})["type"] not in set("12345"):
            yield "agent.network.type"
        if any(not re.match(r"[a-z][a-z0-9+.-]*:", one) for one in agent.get("policy", [])):
            yield "agent.policy is a uri"
    for entity in event["entity"]:
        if set(entity) - _ENTITY:
            yield f"entity {entity}"
        for detail in entity.get("detail", []):
            if set(detail) != {"type", "valueString"}:
                yield f"detail {detail}"


def _empty(value: object, path: str) -> Iterator[str]:
    """FHIR allows no empty list, object or text, and no null."""
    if value is None or value in ("", [], {}):
        yield f"{path} is empty"
    parts = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list) else ()
    )  # fmt: skip
    for name, one in parts:
        yield from _empty(one, f"{path}.{name}")


def _balp(event: dict[str, Any]) -> Iterator[str]:
    if (event["type"]["system"], event["type"]["code"]) != (DCM, "110106"):
        yield "type is DCM 110106"
    if event["action"] != "R":
        yield "action is R"
    if (LIFECYCLE, "disclose") not in {(one["system"], one["code"]) for one in event["subtype"]}:
        yield "a subtype is `disclose`"
    if "modifierExtension" in event:
        yield "modifierExtension 0..0"


def _balp_agents(event: dict[str, Any]) -> Iterator[str]:
    for what, system, code, least in _SLICES:
        slices = [one for one in event["agent"] if _of(one, system, code)]
        if not least <= len(slices) <= 1:
            yield f"agent {what} {least}..1"
        for one in slices:
            if not one.get("who") or (least and not one.get("network")):
                yield f"agent {what}: who and network 1..1"
            if what == "source" and one.get("who") != event["source"]["observer"]:
                yield "val-audit-source: the source agent is the observer"


def _balp_patient(event: dict[str, Any]) -> Iterator[str]:
    types = [(one["type"]["system"], one["type"]["code"]) for one in event["entity"]]
    if types.count((TYPE, "1")) != 1 or len(types) < 2:
        yield "entity 2..*, one patient"
    for type_, one in zip(types, event["entity"], strict=True):
        if type_ != (TYPE, "1"):
            continue
        if (one["role"]["system"], one["role"]["code"]) != (ROLE, "1"):
            yield "the patient's role"
        if one["what"].get("type", "Patient") != "Patient":
            yield "the patient is a reference to a Patient"


def _of(agent: dict[str, Any], system: str, code: str) -> bool:
    codings = agent.get("type", {}).get("coding", [])
    return any((one["system"], one["code"]) == (system, code) for one in codings)
