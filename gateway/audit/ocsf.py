"""An event as an OCSF API Activity (class 6003), for a security team's own store.

Every entry is one activity. A step of an exchange is a `Read` of the provider's dataset by the
recipient, with the agreement as the policy of the profile `security_control`; any other kind is an
activity of its own name. What OCSF has no attribute for stands in `unmapped`. A caller's address is
in no entry, and so in no activity: endpoints are agencies.

Source: OCSF 1.6.0. Section 3.8 of the log's specification.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from gateway.audit.event import Event
    from gateway.audit.names import Names

Json: TypeAlias = dict[str, Any]

VERSION: Final = "1.6.0"
_CATEGORY: Final = 6
_CLASS: Final = 6003
_READ: Final = 2
_OTHER: Final = 99
_SERVICE: Final = "gateway.v1.ExchangeService"

_INFORMATIONAL: Final = (1, "Informational")
_LOW: Final = (2, "Low")
_HIGH: Final = (4, "High")
_SUCCESS: Final = (1, "Success")
_FAILURE: Final = (2, "Failure")

_UNMAPPED: Final = (
    "purpose",
    "basis",
    "basis_ref",
    "provision",
    "clauses",
    "clause",
    "step",
    "aggregation",
    "min_cell",
    "duties",
    "filter",
    "agreement_sha256",
    "floor_sha256",
    "plan",
)
_OWN: Final = (
    "chunk",
    "chunks",
    "rows",
    "bytes",
    "form",
    "channel",
    "digest",
    "stream",
    "end",
    "verdict",
    "rows_suppressed",
    "cells_suppressed",
)


def api_activity(event: Event, names: Names) -> Json:
    """Return the activity of an event."""
    kind = event.leaf.kind
    step = bool(event.decision)
    activity, name = (_READ, "Read") if step else (_OTHER, kind)
    severity, status = _weight(event)
    made: Json = {
        "activity_id": activity,
        "activity_name": name,
        "category_uid": _CATEGORY,
        "category_name": "Application Activity",
        "class_uid": _CLASS,
        "class_name": "API Activity",
        "type_uid": _CLASS * 100 + activity,
        "type_name": f"API Activity: {name}",
        "time": _millis(event.leaf.time),
        "severity_id": severity[0],
        "severity": severity[1],
        "status_id": status[0],
        "status": status[1],
        "message": f"{kind}: entry {event.index} of the exchange log",
        "metadata": _metadata(event, names),
        "actor": _actor(event, names),
        "api": _api(event),
        "src_endpoint": _endpoint(event.says("provider") if step else None, names),
        "unmapped": _unmapped(event),
    }
    because = event.says("reason") or event.says("code") or event.says("verdict")
    if because is not None:
        made["status_detail"] = because
    if step:
        made |= _controlled(event, names)
    return made


def _controlled(event: Event, names: Names) -> Json:
    """Return what the profile `security_control` says of a decision, and what it was about."""
    refused = event.leaf.kind == "refusal"
    word = "denied" if refused else "allowed"
    made: Json = {
        "action_id": 2 if refused else 1,
        "action": "Denied" if refused else "Allowed",
        "disposition_id": 2 if refused else 1,
        "disposition": "Blocked" if refused else "Allowed",
    }
    if event.leaf.agreement is not None:
        ref, _, version = event.leaf.agreement.rpartition("@")
        policy: Json = {"name": ref, "uid": event.leaf.agreement, "version": version}
        if event.says("provision") is not None:
            policy["group"] = {"name": event.says("provision")}
        made |= {"policy": policy, "authorizations": [{"decision": word, "policy": policy}]}
    if event.says("recipient") is not None:
        made["dst_endpoint"] = _endpoint(event.says("recipient"), names)
    if event.says("dataset") is not None:
        fields = dict(event.says("released") or ())
        resource: Json = {"name": event.says("dataset"), "type": "dataset"}
        if event.says("provider") is not None:
            resource["owner"] = {"uid": event.says("provider")}
        made["resources"] = [resource | ({"data": {"released": fields}} if fields else {})]
    return made


def _weight(event: Event) -> tuple[tuple[int, str], tuple[int, str]]:
    """Return severity and status, each with its caption."""
    match event.leaf.kind:
        case "refusal":
            return _LOW, _FAILURE
        case "outcome" if event.says("end") == "cut":
            return _LOW, _FAILURE
        case "recovered":
            return _HIGH, _FAILURE
        case "incident":
            return _HIGH, _SUCCESS
        case _:
            return _INFORMATIONAL, _SUCCESS


def _metadata(event: Event, names: Names) -> Json:
    product: Json = {"name": "Accord", "vendor_name": "Accord"}
    if event.says("build") is not None:
        product["version"] = event.says("build")
    made: Json = {
        "version": VERSION,
        "product": product,
        "log_name": names.origin,
        "event_code": event.leaf.kind,
        "uid": names.url("entry", str(event.index)),
        "sequence": event.index,
        "original_time": event.leaf.time,
        "profiles": ["security_control"] if event.decision else [],
    }
    if event.leaf.exchange_id is not None:
        made["correlation_uid"] = event.leaf.exchange_id
    return made


def _actor(event: Event, names: Names) -> Json:
    """Return who asked: a person by the id that the agency gave, else the agency, else the log."""
    person = event.says("caller_person")
    agency = event.says("caller_agency") or event.says("who")
    if agency is None:
        return {"app_name": "Accord", "app_uid": names.origin}
    user: Json = {"uid": person or agency}
    role = event.says("caller_role") or event.says("role")
    if role is not None:
        user["groups"] = [{"name": one} for one in role.split(",")]
    if person is not None:
        user["org"] = {"uid": agency}
    return {"user": user, "app_uid": agency}


def _api(event: Event) -> Json:
    if not event.decision:
        return {"operation": event.says("verb") or event.leaf.kind}
    made: Json = {"operation": "Exchange", "service": {"name": _SERVICE}}
    if event.leaf.exchange_id is not None:
        made["request"] = {"uid": event.leaf.exchange_id}
    return made


def _endpoint(agency: str | None, names: Names) -> Json:
    if agency is None:
        return {"uid": names.origin, "svc_name": "Accord"}
    party = names.parties.get(agency)
    made = {"uid": agency}
    return made | ({"name": party.name, "hostname": party.host} if party is not None else {})


def _unmapped(event: Event) -> Json:
    made = {key: event.says(key) for key in _UNMAPPED if event.says(key) is not None}
    own = event.meta or {}
    if event.decision:
        made |= {key: own[key] for key in _OWN if own.get(key) is not None}
    else:
        made |= own
    if event.tokens:
        made["subject_tokens"] = [token.hex() for token in event.tokens]
    if event.meta is None:
        made["not_opened"] = True
    return made


def _millis(time: str) -> int:
    """Return a leaf's time as milliseconds since 1970, which it has exactly."""
    moment = dt.datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=dt.UTC)
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
