"""Agreements as ODRL 2.2 policies in JSON-LD: one `Agreement` a file, prohibitions first.

ODRL has no words for fields, kinds of agencies, roles or consent: they are terms of a profile,
which is written beside the policies. A reader that does not know it must not evaluate them (ODRL
Information Model 2.2, section 4). The profile says that to receive is to use: else a prohibition to
use would not meet what the permissions permit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.agreement.conditions import ConsentCondition, OptOutCondition, RoleCondition
from gateway.agreement.index import under
from gateway.review.export.made import Export, Part, json_text, lost, stamp
from gateway.review.grouped import by_provision

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.agreement.index import Agreements, FlowRule, Pact, Rule

PROFILE: Final = "urn:accord:odrl"
PROFILE_FILE: Final = "profile.odrl.json"
CONTEXT: Final = ("http://www.w3.org/ns/odrl.jsonld", {"accord": f"{PROFILE}#"})
RECEIVE: Final = "accord:receive"
OPERANDS: Final[Mapping[str, str]] = {
    "accord:class": "the class of a field, as direct_identifier",
    "accord:consent": "a purpose that the person whom a record is about consents to",
    "accord:dataset": "the dataset that a field is of, whatever its version",
    "accord:field": "a field of a dataset",
    "accord:freeText": "whether a field holds prose",
    "accord:kind": "the kind of an agency, as law_enforcement",
    "accord:means": "what a field tells, as a date of birth",
    "accord:optOut": "a purpose that the person whom a record is about objects to",
    "accord:regime": "the law that follows a dataset, as part2",
    "accord:role": "the role of the person who asks",
    "accord:shape": "whether records are received, or counts of them: record, aggregate",
}
"""The profile's left operands, each with what it holds."""
CARRIED: Final = frozenset({Part.ROLES, Part.CONSENT, Part.NEVER, Part.ONWARD, Part.DELETION})


def odrl(agreements: Agreements) -> Export:
    """Return a policy for each agreement, with the floor's prohibitions; and the profile."""
    flows: dict[str, list[tuple[FlowRule, ...]]] = {}
    for several in by_provision(agreements):
        flows.setdefault(several[0].pact.agreement.ref, []).append(several)
    files = {
        f"{one.agreement.id}.odrl.json": json_text(
            _policy(agreements, one, flows.get(one.agreement.ref, []))
        )
        for one in agreements.pacts
    }
    files[PROFILE_FILE] = json_text(_profile())
    count = sum(len(several) for several in flows.values())
    said = f"{count} permissions, {len(agreements.rules)} prohibitions"
    return Export(files, said, lost(agreements, CARRIED))


def _profile() -> dict[str, Any]:
    """Return the terms that ODRL lacks: one action, a part of `use`, and left operands."""
    receive = {
        "@id": RECEIVE,
        "@type": "odrl:Action",
        "odrl:includedIn": {"@id": "odrl:use"},
        "skos:definition": "to be given data by the agency that holds it",
    }
    operands = [
        {"@id": name, "@type": "odrl:LeftOperand", "skos:definition": said}
        for name, said in OPERANDS.items()
    ]
    clause = {
        "@id": "accord:clause",
        "@type": "rdf:Property",
        "skos:definition": "the clause of the paper that a rule expresses",
    }
    return {"@context": CONTEXT, "@id": PROFILE, "@graph": [receive, *operands, clause]}


def _policy(
    agreements: Agreements, pact: Pact, flows: list[tuple[FlowRule, ...]]
) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "@type": "Agreement",
        "uid": f"urn:accord:agreement:{pact.agreement.ref}",
        "profile": PROFILE,
        "conflict": "prohibit",
        "prohibition": [
            _prohibition(agreements, rule)
            for rule in agreements.rules
            if rule.source in ("floor", pact.agreement.ref)
        ]
        + [one for several in flows for one in _onward(several[0])],
        "permission": [_permission(pact, several) for several in flows],
        "obligation": [_deletion(several[0]) for several in flows],
    }


def _permission(pact: Pact, several: tuple[FlowRule, ...]) -> dict[str, Any]:
    rule = several[0]
    provision = rule.provision
    return {
        "uid": f"urn:accord:provision:{rule.ref}",
        "accord:clause": provision.clause,
        "assigner": _party(rule.provider.id),
        "assignee": _party(rule.recipient.id),
        "action": _action(RECEIVE, [provision.delivery.shape]),
        "target": _asset(rule, provision.release),
        "constraint": [
            _constraint("purpose", "isAnyOf", [one.purpose for one in several]),
            _constraint("dateTime", "gteq", stamp(pact.starts), "xsd:dateTime"),
            _constraint("dateTime", "lt", stamp(rule.ends), "xsd:dateTime"),
            *_people(rule),
        ],
    }


def _deletion(rule: FlowRule) -> dict[str, Any]:
    """Return that the recipient deletes: an obligation, as a duty would have to come first."""
    after = rule.provision.duties.delete_after.text
    return {
        "uid": f"urn:accord:deletion:{rule.ref}",
        "assigner": _party(rule.provider.id),
        "assignee": _party(rule.recipient.id),
        "action": "delete",
        "target": _asset(rule, rule.provision.release),
        "constraint": [_constraint("elapsedTime", "lteq", after, "xsd:duration")],
    }


def _people(rule: FlowRule) -> Iterator[dict[str, Any]]:
    for one in rule.provision.when:
        match one:
            case RoleCondition():
                yield _constraint("accord:role", "isAnyOf", sorted(one.roles))
            case ConsentCondition():
                yield _constraint("accord:consent", "eq", one.purpose)
            case OptOutCondition():
                yield _constraint("accord:optOut", "neq", one.purpose)
            case _:
                pass  # a row condition by value, told as lost


def _onward(rule: FlowRule) -> Iterator[dict[str, Any]]:
    """Yield that the recipient gives nothing on, but to whom the provision names."""
    parties = rule.pact.agreement.parties
    named = [parties[alias].agency for alias in rule.provision.duties.onward]
    made: dict[str, Any] = {
        "uid": f"urn:accord:onward:{rule.ref}",
        "assigner": _party(rule.provider.id),
        "assignee": _party(rule.recipient.id),
        "action": "distribute",
        "target": _asset(rule, rule.provision.release),
    }
    if named:
        made["constraint"] = [_constraint("recipient", "isNoneOf", [_uid(one) for one in named])]
    yield made


def _prohibition(agreements: Agreements, rule: Rule) -> dict[str, Any]:
    when = rule.never.when
    about = {
        "accord:dataset": when.dataset,
        "accord:field": when.field,
        "accord:class": when.field_class,
        "accord:means": when.means,
        "accord:regime": when.regime,
    }
    target = [
        _constraint(name, "isAnyOf", sorted(map(str, values)))
        for name, values in about.items()
        if values
    ]
    if when.free_text is not None:
        target.append(_constraint("accord:freeText", "eq", when.free_text))
    made: dict[str, Any] = {
        "uid": f"urn:accord:prohibition:{rule.source}/{rule.never.id}",
        "accord:clause": rule.never.clause,
        # `use` includes every action: whoever has it may not give it on either.
        "action": _action("odrl:use" if rule.never.onward else RECEIVE, when.shape),
        "target": {"@type": "AssetCollection", "source": "urn:accord:everything",
                   **({"refinement": target} if target else {})},
        "assigner": _kinds(when.from_kind),
        "assignee": _kinds(when.to_kind),
    }  # fmt: skip
    if when.purpose:
        leaves = [
            leaf
            for leaf in agreements.purposes.leaves
            if any(under(leaf, branch) for branch in when.purpose)
        ]
        made["constraint"] = [_constraint("purpose", "isAnyOf", leaves)]
    return made


def _action(name: str, shapes: Iterable[str]) -> object:
    """Return an action, narrowed to the shapes in which data is received where any is named."""
    values = sorted(map(str, shapes))
    if not values:
        return name
    narrowed = [_constraint("accord:shape", "isAnyOf", values)]
    return [{"rdf:value": {"@id": name}, "refinement": narrowed}]


def _kinds(several: Iterable[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"@type": "PartyCollection", "source": "urn:accord:agencies"}
    kinds = sorted(map(str, several))
    return made | ({"refinement": [_constraint("accord:kind", "isAnyOf", kinds)]} if kinds else {})


def _asset(rule: FlowRule, fields: Iterable[str]) -> dict[str, Any]:
    return {
        "@type": "AssetCollection",
        "source": f"urn:accord:dataset:{rule.dataset.id}",
        "refinement": [_constraint("accord:field", "isAnyOf", list(fields))],
    }


def _constraint(left: str, operator: str, right: object, kind: str = "") -> dict[str, Any]:
    value = {"@value": right, "@type": kind} if kind else right
    return {"leftOperand": left, "operator": operator, "rightOperand": value}


def _party(agency: str) -> dict[str, Any]:
    return {"@type": "Party", "uid": _uid(agency)}


def _uid(agency: str) -> str:
    return f"urn:accord:agency:{agency}"
