"""Provisions as FHIR R5 `Permission` resources, in one bundle: denials override permits.

`Permission` is at maturity 0: whoever reads it has to be told what it means. Datasets and fields
are no FHIR resources, so that they stand as identifiers and codings of our own systems. Status is
`draft`: signatures are no part of the resource.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from typing import TYPE_CHECKING, Any, Final

from gateway.agreement.index import field_meets, speaks_of_fields, under
from gateway.review.export.made import Export, Part, json_text, lost, stamp
from gateway.review.grouped import by_provision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.agreement.index import Agreements, FlowRule, Rule

ACTION: Final = "http://terminology.hl7.org/CodeSystem/consentaction"
REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ID_MAX: Final = 64
SECOND: Final = dt.timedelta(seconds=1)
"""An end of FHIR is inside its period, all of its last second: ours is the first instant after."""
CARRIED: Final = frozenset({Part.NEVER, Part.BASIS})


def fhir_permission(agreements: Agreements) -> Export:
    """Return a bundle with a resource for each provision."""
    resources = [_permission(agreements, several) for several in by_provision(agreements)]
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": _url(one["id"]), "resource": one} for one in resources],
    }
    denials = sum(rule["type"] == "deny" for one in resources for rule in one["rule"])
    said = f"{len(resources)} permissions with {denials} denials"
    return Export({"permissions.fhir.json": json_text(bundle)}, said, lost(agreements, CARRIED))


def _permission(agreements: Agreements, several: tuple[FlowRule, ...]) -> dict[str, Any]:
    rule = several[0]
    basis = rule.provision.basis
    return {
        "resourceType": "Permission",
        "id": fhir_id(f"{rule.pact.agreement.id}-{rule.provision.id}"),
        "status": "draft",
        "asserter": _organization(rule.provider.id),
        "validity": {
            "start": stamp(rule.pact.starts),
            "end": stamp(rule.ends - SECOND),
        },
        "justification": {
            "basis": [
                {"coding": [{"system": "urn:accord:basis", "code": basis.type}], "text": cite}
                for cite in basis.cite
            ]
        },
        "combining": "deny-overrides",
        "rule": [
            *_denials(agreements, rule),
            {
                "type": "permit",
                "data": [_data(rule)],
                "activity": [
                    {
                        "actor": [_organization(rule.recipient.id)],
                        "action": [_disclose()],
                        "purpose": _purposes(agreements, [one.purpose for one in several]),
                    }
                ],
                "limit": _fields(rule.provision.release),
            },
        ],
    }


def _url(name: str) -> str:
    """Return what a bundle calls an entry: required in it, and the same whenever it is made."""
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'urn:accord:permission:{name}')}"


def fhir_id(name: str) -> str:
    """Return an id of FHIR, which is no longer than 64 characters: a digest where it would be."""
    return name if len(name) <= ID_MAX else hashlib.sha256(name.encode()).hexdigest()


def _denials(agreements: Agreements, rule: FlowRule) -> Iterator[dict[str, Any]]:
    for one in agreements.rules:
        denied = _denial(agreements, one, rule)
        if denied is not None:
            yield denied


def _denial(agreements: Agreements, one: Rule, rule: FlowRule) -> dict[str, Any] | None:
    """Return what a prohibition denies of the provision's dataset; None where it denies nothing."""
    when, dataset = one.never.when, rule.dataset
    if when.from_kind and rule.provider.kind not in when.from_kind:
        return None
    if when.dataset and dataset.id.name not in when.dataset:
        return None
    if when.regime and not when.regime & dataset.regime:
        return None
    if when.shape and rule.provision.delivery.shape not in when.shape:
        return None
    agencies = agreements.registry.agencies.values()
    actors = [agency.id for agency in agencies if not when.to_kind or agency.kind in when.to_kind]
    fields = [name for name, field in dataset.fields.items() if field_meets(when, dataset, field)]
    branches = when.purpose
    leaves = [leaf for leaf in agreements.purposes.leaves if any(under(leaf, b) for b in branches)]
    if not actors or not fields or (branches and not leaves):
        return None
    activity: dict[str, Any] = {
        "actor": [_organization(name) for name in actors],
        "action": [_disclose()],
    }
    if leaves:
        activity["purpose"] = _purposes(agreements, leaves)
    made: dict[str, Any] = {"type": "deny", "data": [_data(rule)], "activity": [activity]}
    if speaks_of_fields(when):
        made["limit"] = _fields(fields)
    return made


def _data(rule: FlowRule) -> dict[str, Any]:
    identifier = {"system": "urn:accord:dataset", "value": str(rule.dataset.id)}
    reference = {"identifier": identifier, "display": rule.dataset.title}
    return {"resource": [{"meaning": "instance", "reference": reference}]}


def _fields(names: Iterable[str]) -> list[dict[str, Any]]:
    return [{"coding": [{"system": "urn:accord:field", "code": name}]} for name in names]


def _purposes(agreements: Agreements, names: Iterable[str]) -> list[dict[str, Any]]:
    made = []
    for name in names:
        leaf = agreements.purposes.leaves[name]
        coding = [{"system": "urn:accord:purpose", "code": name}]
        if "hl7" in leaf.maps:
            coding.append({"system": REASON, "code": leaf.maps["hl7"]})
        made.append({"coding": coding, "text": leaf.label})
    return made


def _disclose() -> dict[str, Any]:
    return {"coding": [{"system": ACTION, "code": "disclose"}]}


def _organization(agency: str) -> dict[str, Any]:
    return {"identifier": {"system": "urn:accord:agency", "value": agency}, "type": "Organization"}
