"""The tests of a new agreement, which try all of it: texts in, texts out. Pure.

A template's tests have blanks, which are filled from the agreement itself; and which request meets
which prohibition is found in the folder that it is written for.
"""

from __future__ import annotations

import itertools
from string import Template
from typing import TYPE_CHECKING

from gateway.agreement.conditions import RoleCondition
from gateway.agreement.index import forbids
from gateway.masks.plain import Pass
from gateway.values import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.agreement.index import Agreements, FlowRule, Rule
    from gateway.agreement.registry import Agency
    from gateway.review.starting import Texts


def tests_text(texts: Texts, agreements: Agreements, ref: str) -> str:
    """Return the file of tests of the agreement `ref`, which has one provision.

    Args:
        texts: The template's.
        agreements: The folder's, this one among them, as if all were signed.
        ref: Which agreement.
    """
    rule = next(
        rule
        for rules in agreements.flows.values()
        for rule in rules
        if rule.pact.agreement.ref == ref
    )
    parts = [texts.grants, texts.refusals]
    parts += [texts.role] if rule.roles else []
    parts += [texts.table] if rule.provision.aggregate is not None else []
    parts += [texts.push] if _pushes(rule) else []
    filled = Template("".join(parts)).substitute(_blanks(rule))
    found = "".join(_elsewhere(agreements, rule))
    return f"{_head(ref)}{filled}{found}{_invariants(rule)}"


def _head(ref: str) -> str:
    return (
        "# Tests of one agreement, with made-up people. They suppose a term, so that they hold on\n"
        "# when the agreement is renewed.\n"
        "# yaml-language-server: $schema=schema/tests.schema.json\n"
        "apiVersion: accord/v1\n"
        "kind: Tests\n"
        f"agreement: {ref}\n"
        'now: "2026-11-15T12:00:00Z"\n'
        'term: {effective: "2026-06-01", expires: "2027-05-31"}\n'
        "tests:\n"
    )


def _invariants(rule: FlowRule) -> str:
    """Return claims over this agreement alone: what others let out is for their own tests."""
    table = rule.provision.aggregate
    least = f"  - {{min_cell_at_least: {table.disclosure.min_cell}}}\n" if table is not None else ""
    span = rule.provision.duties.delete_after.text
    return (
        "invariants:\n"
        "  - {no_release: {free_text: true}}\n"
        f"  - {{delete_within: {{span: {span}}}}}\n{least}"
    )


def _blanks(rule: FlowRule) -> dict[str, str]:
    provision = rule.provision
    masked = [
        name
        for name, mask in provision.release.items()
        if not isinstance(mask, Pass) and name != rule.dataset.event_date
    ]
    withheld = next(name for name in provision.withhold if name not in rule.barred)
    roles = [min(one.roles) for one in provision.when if isinstance(one, RoleCondition)]
    flow, terms = provision.flow, f"dataset: {rule.dataset.id}, purpose: {rule.purpose}"
    # Whoever pushes asks by itself, and names whom for; else the recipient names whom from.
    asks, other = flow.recipient, f"from: {flow.provider}"
    if _pushes(rule):
        asks, other = flow.provider, f"to: {flow.recipient}"
    return {
        "who": f"as: {asks}, role: {roles[0]}" if roles else f"as: {asks}",
        "caller": f"as: {asks}",
        "from": flow.provider,
        "to": flow.recipient,
        "flow": f"{other}, {terms}",
        "terms": terms,
        "provision": provision.id,
        "fields": ", ".join(_asked(rule)),
        "withheld": withheld,
        "masked": (*masked, withheld)[0],
        "date": rule.dataset.event_date or "",
        "requests": str(provision.limits.requests_per_minute),
        "rows": str(provision.limits.rows_per_day),
    }


def _pushes(rule: FlowRule) -> bool:
    return rule.provision.delivery.mode == "push"


def _asked(rule: FlowRule) -> tuple[str, ...]:
    """Return fields that may be asked for together: of a table what makes its first number."""
    table = rule.provision.aggregate
    if table is not None:
        return (*table.dimensions, table.measures[0].field)
    return (min(rule.passes),)


# --- requests that no provision is of ---


def _elsewhere(agreements: Agreements, rule: FlowRule) -> Iterator[str]:
    """Yield tests of what is no flow of the agreement: unknown, uncovered, prohibited."""
    parties = rule.pact.agreement.parties
    alias = {party.agency: name for name, party in parties.items()}
    there = (rule.provider, rule.recipient)
    uncovered = (
        (pair, dataset, purpose)
        for pair in (there, there[::-1])  # where prohibitions meet all of one way, the other
        for dataset, purpose in _flows(agreements, pair)
        if _first(agreements, pair, dataset, purpose) is None
    )
    for pair, dataset, purpose in itertools.islice(uncovered, 1):
        yield _refused("no other flow", alias, pair, dataset, purpose, agreements,
                       "NO_PROVISION", "none")  # fmt: skip
        branch = purpose.partition(".")[0]
        yield _refused("a branch of purposes is no purpose", alias, pair, dataset, branch,
                       agreements, "UNKNOWN_PURPOSE", "none")  # fmt: skip
    for never in _own(agreements, rule):
        for case in _meeting(agreements, never, rule):
            first = _first(agreements, *case)
            if first is not None:
                yield _refused(f"what {never.never.id} forbids", alias, *case, agreements,
                               "PROHIBITED", first.never.id)  # fmt: skip
                break


def _own(agreements: Agreements, rule: FlowRule) -> Iterator[Rule]:
    """Yield the prohibitions of the floor and of the agreement itself."""
    here = ("floor", rule.pact.agreement.ref)
    return (one for one in agreements.rules if one.source in here)


def _flows(agreements: Agreements, pair: tuple[Agency, Agency]) -> Iterator[tuple[str, str]]:
    """Yield datasets that the provider may hold and purposes, without a provision of the pair."""
    for name, dataset in agreements.datasets.items():
        if pair[0].kind in dataset.provider_kinds:
            for purpose in agreements.purposes.leaves:
                if (pair[0].id, pair[1].id, name, purpose) not in agreements.flows:
                    yield name, purpose


def _meeting(
    agreements: Agreements, never: Rule, rule: FlowRule
) -> Iterator[tuple[tuple[Agency, Agency], str, str]]:
    """Yield flows that a prohibition forbids: of the floor's, only between the parties."""
    agencies = agreements.registry.agencies
    parties = {party.agency for party in rule.pact.agreement.parties.values()}
    several = [one for name, one in agencies.items() if never.source != "floor" or name in parties]
    for pair in itertools.permutations(several, 2):
        for dataset, purpose in _flows(agreements, pair):
            schema = agreements.datasets[dataset]
            flow = (pair[0].kind, pair[1].kind, purpose, Shape.RECORD, schema)
            if forbids(never.never.when, *flow, schema.fields):
                yield pair, dataset, purpose


def _first(
    agreements: Agreements, pair: tuple[Agency, Agency], dataset: str, purpose: str
) -> Rule | None:
    """Return the prohibition that refuses a request which no provision is of."""
    schema = agreements.datasets[dataset]
    return agreements.forbidding(
        pair[0].kind, pair[1].kind, purpose, Shape.RECORD, schema, schema.fields
    )


def _refused(  # noqa: PLR0917 - the words of one test
    name: str,
    alias: Mapping[str, str],
    pair: tuple[Agency, Agency],
    dataset: str,
    purpose: str,
    agreements: Agreements,
    reason: str,
    rule: str,
) -> str:
    field = next(iter(agreements.datasets[dataset].fields))
    given, asks = (alias.get(one.id, one.id) for one in pair)
    return (
        f"  - name: {name}\n"
        f"    request: {{as: {asks}, from: {given}, dataset: {dataset}, purpose: {purpose}, "
        f"fields: [{field}]}}\n"
        f"    expect: {{decision: refuse, reason: {reason}, rule: {rule}}}\n"
    )
