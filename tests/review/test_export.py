"""What other policy languages are told of agreements, and that all else is named as lost."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from gateway.cli.explain import as_signed
from gateway.cli.export import LANGUAGES, run_export
from gateway.errors import SettingsError
from gateway.review.export import cedar, fhir, oaas, odrl
from gateway.review.export.made import Part
from tests.data import ROOT
from tests.review.cedar_worlds import shipped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.agreement.index import FlowRule

NOW: Final = "2026-11-21T00:00:00Z"
CARRIED: Final = {
    "cedar": cedar.CARRIED,
    "odrl": odrl.CARRIED,
    "oaas": oaas.CARRIED,
    "fhir-permission": fhir.CARRIED,
}


def flows() -> list[FlowRule]:
    """Return the county's flows."""
    return [rule for rules in as_signed(shipped()).flows.values() for rule in rules]


def policies() -> list[dict[str, Any]]:
    """Return the county's ODRL policies, without the profile."""
    files = odrl.odrl(as_signed(shipped())).files
    return [json.loads(text) for name, text in files.items() if name != odrl.PROFILE_FILE]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_carried_is_lost(language: str) -> None:
    """A part of the language is either in the files, or told with the rules that use it."""
    export = LANGUAGES[language](as_signed(shipped()))

    found = {one.part for one in export.lost}
    assert set() == found & CARRIED[language]
    unused = {Part.ANONYMITY, Part.DELIVERY}  # perhaps no provision of the county has them
    assert set(Part) - CARRIED[language] - unused <= found
    assert all(one.where for one in export.lost)


def test_odrl_has_every_provision_and_prohibition() -> None:
    """One permission and one deletion a provision; the floor's prohibitions in every policy."""
    agreements = as_signed(shipped())

    found = policies()

    refs = {f"urn:accord:provision:{rule.ref}" for rule in flows()}
    assert refs == {one["uid"] for policy in found for one in policy["permission"]}
    for policy in found:
        assert ("Agreement", "prohibit", odrl.PROFILE) == (
            policy["@type"], policy["conflict"], policy["profile"]
        )  # fmt: skip
        assert len(policy["permission"]) == len(policy["obligation"])
        said = {one["uid"] for one in policy["prohibition"]}
        floor = [rule for rule in agreements.rules if rule.source == "floor"]
        assert {f"urn:accord:prohibition:floor/{rule.never.id}" for rule in floor} <= said


def test_odrl_says_term_purpose_and_people() -> None:
    """The first instant and the one after the last, purposes, roles and consent are constraints."""
    by_uid = {one["uid"]: one for policy in policies() for one in policy["permission"]}

    for rule in flows():
        made = by_uid[f"urn:accord:provision:{rule.ref}"]["constraint"]
        operands = [(one["leftOperand"], one["operator"]) for one in made]
        assert [("purpose", "isAnyOf"), ("dateTime", "gteq"), ("dateTime", "lt")] == operands[:3]
        assert rule.purpose in made[0]["rightOperand"]
        assert bool(rule.roles) == (("accord:role", "isAnyOf") in operands)
        wants = rule.person_conditions
        assert wants == (("accord:consent", "eq") in operands)


LEFT_OPERANDS = {"purpose", "dateTime", "elapsedTime", "recipient"}
OPERATORS = {"eq", "neq", "lt", "lteq", "gteq", "isAnyOf", "isNoneOf"}
ACTIONS = {"odrl:use", "distribute", "delete"}
"""Words of the ODRL Vocabulary and Expression 2.2, as far as the export uses them."""


def test_every_word_is_of_odrl_or_of_the_profile() -> None:
    """What the profile does not define, ODRL does; and all that the profile defines is used."""
    text = odrl.odrl(as_signed(shipped())).files[odrl.PROFILE_FILE]
    profile = {one["@id"]: one for one in json.loads(text)["@graph"]}

    constraints = [one for policy in policies() for one in _nodes(policy) if "operator" in one]
    actions = {
        action if isinstance(action, str) else action["rdf:value"]["@id"]
        for policy in policies()
        for rule in (*policy["permission"], *policy["prohibition"], *policy["obligation"])
        for action in ([rule["action"]] if isinstance(rule["action"], str) else rule["action"])
    }
    operands = {one["leftOperand"] for one in constraints}
    assert operands | actions <= {*LEFT_OPERANDS, *ACTIONS, *profile}
    assert {one["operator"] for one in constraints} <= OPERATORS
    ours = {name for name in profile if "Operand" in profile[name]["@type"]}
    assert {*operands - LEFT_OPERANDS, "accord:freeText", "accord:means"} == ours
    assert {"@id": "odrl:use"} == profile["accord:receive"]["odrl:includedIn"]


def test_odrl_rules_have_what_an_agreement_requires() -> None:
    """Every rule has an action, a target, an assigner and an assignee, and a uid of its own."""
    for policy in policies():
        rules = [*policy["permission"], *policy["prohibition"], *policy["obligation"]]
        assert all({"action", "target", "assigner", "assignee"} <= one.keys() for one in rules)
        assert len(rules) == len({one["uid"] for one in rules})


def test_a_prohibition_of_records_leaves_counts_alone() -> None:
    """The shape narrows the action, and not the asset: of one dataset both are received."""
    [floor] = [
        one
        for one in policies()[0]["prohibition"]
        if one["uid"].endswith("F1-no-records-to-enforcement")
    ]
    [action] = floor["action"]

    assert {"@id": "odrl:use"} == action["rdf:value"]
    assert [("accord:shape", ["record"])] == [
        (one["leftOperand"], one["rightOperand"]) for one in action["refinement"]
    ]


def _nodes(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        yield from itertools.chain.from_iterable(map(_nodes, value.values()))
    elif isinstance(value, list):
        yield from itertools.chain.from_iterable(map(_nodes, value))


def test_oaas_has_what_the_draft_requires() -> None:
    """Every required field, one document a provision; nobody provisions from an unsigned one."""
    export = oaas.oaas(as_signed(shipped()))

    documents = [yaml.safe_load(text) for text in export.files.values()]
    assert {rule.ref for rule in flows()} == {one["id"] for one in documents}
    for one in documents:
        assert ("v0.9.0", "AccessAgreement", "requested") == (
            one["apiVersion"], one["kind"], one["status"]
        )  # fmt: skip
        assert one["description"]["purpose"]
        assert {"teamId", "dataProductId", "outputPortId"} == one["provider"].keys()
        assert one["consumer"]["teamId"]
        assert one["startTimestamp"] < one["endTimestamp"]


def test_fhir_permissions_are_whole() -> None:
    """Required elements are there, ids have FHIR's form, and denials come before the permit."""
    [text] = fhir.fhir_permission(as_signed(shipped())).files.values()

    found = [entry["resource"] for entry in json.loads(text)["entry"]]
    assert len({rule.ref for rule in flows()}) == len(found) == len({one["id"] for one in found})
    for one in found:
        assert ("Permission", "draft", "deny-overrides") == (
            one["resourceType"], one["status"], one["combining"]
        )  # fmt: skip
        assert len(one["id"]) <= 64
        types = [rule["type"] for rule in one["rule"]]
        assert ["permit"] == types[-1:]
        assert {"deny"} >= set(types[:-1])
        assert one["justification"]["basis"]


def test_entries_of_the_bundle_have_urls_of_their_own() -> None:
    """Required outside of transactions, unique, and the same whenever it is exported."""
    [text] = fhir.fhir_permission(as_signed(shipped())).files.values()

    urls = [entry["fullUrl"] for entry in json.loads(text)["entry"]]
    assert len(urls) == len(set(urls))
    assert all(
        re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", one) for one in urls
    )
    assert [text] == list(fhir.fhir_permission(as_signed(shipped())).files.values())


def test_a_period_of_fhir_ends_inside_the_term() -> None:
    """Its end is part of it: the last second in force, and not the first instant after."""
    [text] = fhir.fhir_permission(as_signed(shipped())).files.values()
    ends = {fhir.fhir_id(rule.ref.replace("/", "-")): rule.ends for rule in flows()}

    for entry in json.loads(text)["entry"]:
        one = entry["resource"]
        last = dt.datetime.fromisoformat(one["validity"]["end"])
        assert dt.timedelta(seconds=1) == ends[one["id"]] - last


def test_no_fhir_permit_is_denied_by_its_own_resource() -> None:
    """Denials override: where one met the permit's actor, purpose and fields, it would be void."""
    [text] = fhir.fhir_permission(as_signed(shipped())).files.values()
    met = 0

    for entry in json.loads(text)["entry"]:
        *denials, permit = entry["resource"]["rule"]
        for denial in denials:
            alike = [
                set(_codes(denial, name)) & set(_codes(permit, name)) or not _codes(denial, name)
                for name in ("actor", "purpose", "limit")
            ]
            met += all(alike)

    assert 0 == met


def _codes(rule: dict[str, Any], name: str) -> list[str]:
    if name == "actor":
        return [one["identifier"]["value"] for one in rule["activity"][0]["actor"]]
    several = rule.get("limit", []) if name == "limit" else rule["activity"][0].get(name, [])
    return [one["coding"][0]["code"] for one in several]


def test_a_long_name_has_an_id_of_fhir() -> None:
    """64 characters stay as they are; one more is a digest."""
    assert "a" * 64 == fhir.fhir_id("a" * 64)
    assert 64 == len(fhir.fhir_id("a" * 65))
    assert fhir.fhir_id("a" * 65) != fhir.fhir_id("a" * 66)


@pytest.mark.parametrize("language", LANGUAGES)
def test_export_writes_files_and_lists_what_is_lost(
    language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files are written where they are asked for, and the losses are told beside them."""
    done = run_export(str(ROOT / "agreements"), language, str(tmp_path / "out"), NOW)

    said = capsys.readouterr().out
    assert 0 == done
    assert all(f"wrote     {path}" in said for path in (tmp_path / "out").iterdir())
    assert "left out: masks, " in said
    assert "  masks: county-overdose-response/P1-outreach-referral," in said
    assert all(len(line) <= 80 for line in said.splitlines() if not line.startswith("wrote"))


def test_an_unknown_language_is_told(tmp_path: Path) -> None:
    """No language is taken for another."""
    with pytest.raises(SettingsError, match="cedar, odrl, oaas, fhir-permission"):
        run_export(str(ROOT / "agreements"), "rego", str(tmp_path), NOW)
