"""FHIR and OCSF: every kind of entry in their form, and a disclosure as BALP asks for it."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.event import Event
from gateway.audit.fhir import audit_events
from gateway.audit.names import Names, Party
from gateway.audit.ocsf import api_activity
from tests.audit.balp import PROFILE, faults
from tests.audit.build import ORIGIN, exchange_id, token
from tests.audit.every_kind import META, of_kind

if TYPE_CHECKING:
    from collections.abc import Callable

X = exchange_id(1)
PARTIES = {
    "county-ems": Party("County EMS", "1 Example Street", "gateway.ems.example"),
    "county-health": Party("County Health", "2 Example Street", "gateway.health.example"),
}
NAMES = Names(ORIGIN, PARTIES, {"surveillance": "PUBHLTH"})


@pytest.mark.parametrize("names", [NAMES, Names(ORIGIN)], ids=["registry", "ids"])
@pytest.mark.parametrize("opened", [True, False])
@pytest.mark.parametrize("kind", sorted(META))
def test_every_kind_is_an_audit_event(kind: str, names: Names, *, opened: bool) -> None:
    """Opened or not, with a registry or without: good R4, and at least one resource."""
    found = list(audit_events(of_kind(kind, opened=opened), names))

    assert found
    assert [[]] * len(found) == [faults(one) for one in found]
    assert found == json.loads(json.dumps(found))


def test_a_disclosure_is_one_event_for_each_subject() -> None:
    """Two people in a chunk: two resources of the profile, each with its one patient."""
    found = list(audit_events(of_kind("release"), NAMES))

    assert [[PROFILE]] * 2 == [one["meta"]["profile"] for one in found]
    assert [[], []] == [faults(one) for one in found]
    patients = [one["entity"][0]["what"]["identifier"]["value"] for one in found]
    assert [token(1).hex(), token(2).hex()] == patients
    assert 2 == len({one["id"] for one in found})


def test_a_disclosure_says_who_what_and_why() -> None:
    """Parties by name and certificate, the agreement, the purpose, the fields with their masks."""
    found, _ = audit_events(of_kind("release"), NAMES)

    source, recipient, *_ = found["agent"]
    assert "County EMS" == source["name"]
    assert {"address": "gateway.health.example", "type": "1"} == recipient["network"]
    assert f"https://{ORIGIN}/agreement/ems-to-health@3#P3-overdose-runs" in source["policy"]
    assert "PUBHLTH" == found["purposeOfEvent"][0]["coding"][0]["code"]
    details = {one["type"]: one["valueString"] for one in found["entity"][-1]["detail"]}
    assert {"field age": "band(5)", "field sex": "pass", "rows": "1"}.items() <= details.items()
    (caller,) = [one for one in found["agent"] if one["requestor"]]
    assert "epi-7" == caller["who"]["identifier"]["value"]


def test_without_tokens_no_profile_is_claimed() -> None:
    """A table, or an opening without tokens: nobody stands for a patient, and none is made up."""
    event = of_kind("release")
    bare = Event(event.index, event.leaf, event.meta, event.facts)

    (found,) = audit_events(bare, NAMES)

    assert "meta" not in found
    assert "Person" not in json.dumps(found)


def test_without_its_intent_no_profile_is_claimed() -> None:
    """Who gave and who got is not known: no disclosure can be stated."""
    (found,) = audit_events(of_kind("release", known=False), NAMES)

    assert "meta" not in found
    assert [] == faults(found)


@pytest.mark.parametrize(
    ("basis", "authorizers"), [("consent", 1), ("part2_consent", 1), ("statute", 0)]
)
def test_a_consent_is_an_authorizer(basis: str, authorizers: int) -> None:
    """Where a person allowed it, the reference of the consent is an agent; of a statute none."""
    found = next(audit_events(of_kind("release", basis=basis, basis_ref="form 12"), NAMES))

    assert authorizers == json.dumps(found).count("429577009")
    assert [] == faults(found)


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("release", "0"), ("intent", "0"), ("refusal", "4"), ("outcome", "8"), ("recovered", "12")],
)
def test_outcomes(kind: str, outcome: str) -> None:
    """0 done, 4 refused, 8 cut, 12 the gateway died in it."""
    assert outcome == next(audit_events(of_kind(kind), NAMES))["outcome"]


def test_a_refusal_says_why() -> None:
    """Reason and clause, in words that an auditor's tool shows."""
    (found,) = audit_events(of_kind("refusal", clause="4.2"), NAMES)

    assert "refused: NO_PROVISION, clause 4.2" == found["outcomeDesc"]


@pytest.mark.parametrize(
    "change",
    [
        lambda event: event["source"].update(observer={"display": "another"}),
        lambda event: event["agent"].pop(0),
        lambda event: event["agent"].pop(1),
        lambda event: event["agent"][1].pop("network"),
        lambda event: event["agent"][0].pop("who"),
        lambda event: event["entity"].pop(0),
        lambda event: event["entity"].append(event["entity"][0]),
        lambda event: event["subtype"].pop(0),
        lambda event: event.update(action="C"),
        lambda event: event.update(outcome="1"),
        lambda event: event["entity"][0]["what"].update(type="Group"),
        lambda event: event.update(note="x"),
        lambda event: event["agent"][0].update(name=""),
    ],
)
def test_the_checker_finds_faults(change: Callable[[dict[str, Any]], object]) -> None:
    """The tests' own checker of R4 and BALP refuses each thing that it is trusted to refuse."""
    found = copy.deepcopy(next(audit_events(of_kind("release"), NAMES)))
    assert [] == faults(found)

    change(found)

    assert faults(found)


# --- OCSF -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("opened", [True, False])
@pytest.mark.parametrize("kind", sorted(META))
def test_every_kind_is_an_api_activity(kind: str, *, opened: bool) -> None:
    """What OCSF requires of class 6003 is there, and each number agrees with its caption."""
    found = api_activity(of_kind(kind, opened=opened), NAMES)

    assert (6, 6003) == (found["category_uid"], found["class_uid"])
    assert 600_300 + found["activity_id"] == found["type_uid"]
    assert {"version": "1.6.0"}.items() <= found["metadata"].items()
    assert {"name", "vendor_name"} <= found["metadata"]["product"].keys()
    assert found["actor"].keys() & {"user", "app_name"}
    assert found["api"]["operation"]
    assert found["src_endpoint"]["uid"]
    assert found["severity_id"] in range(1, 7)
    assert {1: "Success", 2: "Failure"}[found["status_id"]] == found["status"]
    assert found == json.loads(json.dumps(found))


def test_time_is_in_milliseconds() -> None:
    """The leaf's own instant, to the millisecond; a figure worked out by hand."""
    event = of_kind("access")

    # 2026-11-20T00:00:00.021Z: 20,777 days of 86,400 s after 1970.
    assert "2026-11-20T00:00:00.021Z" == event.leaf.time
    assert 20_777 * 86_400_000 + 21 == api_activity(event, NAMES)["time"]


@pytest.mark.parametrize(("kind", "action"), [("refusal", 2), ("release", 1), ("intent", 1)])
def test_a_decision_is_a_security_control(kind: str, action: int) -> None:
    """Allowed or denied, by the agreement as the policy; both numbers say the same."""
    found = api_activity(of_kind(kind), NAMES)

    assert (action, action) == (found["action_id"], found["disposition_id"])
    assert ["security_control"] == found["metadata"]["profiles"]
    assert {"name": "ems-to-health", "version": "3"}.items() <= found["policy"].items()
    assert X == found["metadata"]["correlation_uid"]


def test_endpoints_are_agencies() -> None:
    """From the provider to the recipient; an address that somebody called from is nowhere."""
    found = api_activity(of_kind("release"), NAMES)

    assert "gateway.ems.example" == found["src_endpoint"]["hostname"]
    assert "county-health" == found["dst_endpoint"]["uid"]
    assert "ip" not in json.dumps([found["src_endpoint"], found["dst_endpoint"], found["actor"]])


def test_what_is_no_decision_controls_nothing() -> None:
    """A read of the log is an activity of its own name, by whoever read."""
    found = api_activity(of_kind("access"), NAMES)

    assert "action_id" not in found
    assert ("access", "officer-2") == (found["activity_name"], found["actor"]["user"]["uid"])
    assert "accounting" == found["api"]["operation"]
