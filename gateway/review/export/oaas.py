"""Provisions as access agreements of Bitol's OAAS, a draft: one document a provision.

Source: Bitol TSC RFC 0056, `kind: AccessAgreement`, version v0.9.0, not adopted; a later draft
calls it ODAA and changes no field. It says who may use which output port for what, and for how
long, and leaves everything else to prose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import yaml

from gateway.agreement.conditions import RoleCondition
from gateway.review.export.made import Export, Part, lost, stamp
from gateway.review.grouped import by_provision

if TYPE_CHECKING:
    from gateway.agreement.index import Agreements, FlowRule

VERSION: Final = "v0.9.0"
CARRIED: Final = frozenset({Part.ROLES})


def oaas(agreements: Agreements) -> Export:
    """Return a document for each provision; whether anybody signed is not looked at."""
    files = {
        f"{several[0].pact.agreement.id}.{several[0].provision.id}.oaas.yaml": yaml.safe_dump(
            _document(agreements, several), sort_keys=False, allow_unicode=True, width=100
        )
        for several in by_provision(agreements)
    }
    return Export(files, f"{len(files)} access agreements", lost(agreements, CARRIED))


def _document(agreements: Agreements, several: tuple[FlowRule, ...]) -> dict[str, Any]:
    rule = several[0]
    provision, agreement = rule.provision, rule.pact.agreement
    leaves = agreements.purposes.leaves
    roles = sorted({role for one in provision.when if isinstance(one, RoleCondition)
                    for role in one.roles})  # fmt: skip
    made: dict[str, Any] = {
        "apiVersion": VERSION,
        "kind": "AccessAgreement",
        "id": rule.ref,
        "name": f"{agreement.title}: {provision.id}",
        "version": agreement.version,
        # Signatures are not a part of the draft: nobody should provision from this document.
        "status": "requested",
        "description": {
            "purpose": "; ".join(leaves[one.purpose].label for one in several),
            "usage": f"{provision.delivery.shape.value}: {', '.join(provision.release)}",
            "limitations": "what the signed agreement says besides, which this document does not",
        },
        "startTimestamp": stamp(rule.pact.starts),
        "endTimestamp": stamp(rule.ends),
        "provider": {
            "teamId": rule.provider.id,
            "dataProductId": rule.dataset.id.name,
            "outputPortId": str(rule.dataset.id),
        },
        "consumer": {"teamId": rule.recipient.id},
    }
    if roles:
        made["roles"] = [{"role": role} for role in roles]
    made["tags"] = [one.purpose for one in several]
    made["authoritativeDefinitions"] = [
        {
            "type": "legalAgreement",
            "url": f"urn:sha256:{agreement.document.sha256}",
            "description": f"{agreement.document.ref}, clause {provision.clause}",
        }
    ]
    made["customProperties"] = [
        {"property": "accordAgreement", "value": agreement.ref},
        {"property": "accordDigest", "value": f"sha256:{rule.pact.digest.hex()}"},
    ]
    return made
