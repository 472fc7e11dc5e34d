"""Compiles agreements for `decide`: resolves all that does not hang on the request or the clock.

Aliases to agencies, kinds to prohibitions, terms to instants, and each provision to what the floor
in force lets it be.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from gateway.agreement.conditions import FieldCondition, RoleCondition, WithinCondition
from gateway.agreement.floored import floored
from gateway.agreement.index import (
    Agreements,
    FlowKey,
    FlowRule,
    Pact,
    Rule,
    Signed,
    attestation,
    day_after,
    flow_meets,
    is_about,
)
from gateway.agreement.oldest import compiled
from gateway.agreement.spans import add
from gateway.masks.plain import Pass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.agreement.dataset import CodeLists, Dataset
    from gateway.agreement.floor import Floor
    from gateway.agreement.model import Provision
    from gateway.agreement.purposes import Purposes
    from gateway.agreement.registry import Registry
    from gateway.values import AgencyKind, Shape


def compile_agreements(
    *,
    generation: int,
    floor: Floor,
    registry: Registry,
    purposes: Purposes,
    datasets: Mapping[str, Dataset],
    codes: CodeLists,
    pacts: Iterable[Pact],
    notices: Mapping[str, str] | None = None,
) -> Agreements:
    """Return the index of files that were parsed and linted, their signatures judged."""
    pacts = tuple(sorted((within(one, floor) for one in pacts), key=lambda one: one.agreement.ref))
    # A prohibition of an agreement that is not signed binds nobody; that of a suspended one still
    # does.
    binding = (Signed.SIGNED, Signed.SUSPENDED)
    rules = [Rule(never, "floor") for never in floor.never]
    rules += [
        Rule(never, one.agreement.ref)
        for one in pacts
        if one.signed in binding
        for never in one.agreement.never
    ]
    bare = Agreements(
        generation, floor, registry, purposes, datasets, codes, pacts, {}, {}, tuple(rules)
    )
    flows: dict[tuple[str, str, str, str], tuple[FlowRule, ...]] = {}
    pairs: dict[tuple[str, str], tuple[Pact, ...]] = {}
    for one in pacts:
        agencies = [party.agency for party in one.agreement.parties.values()]
        for provider in agencies:
            for recipient in agencies:
                pairs[provider, recipient] = (*pairs.get((provider, recipient), ()), one)
        for provision in one.agreement.provisions:
            for rule in _flow_rules(bare, one, provision, notices or {}):
                key = FlowKey(
                    rule.provider.id, rule.recipient.id, str(rule.dataset.id), rule.purpose
                )
                flows[key] = (*flows.get(key, ()), rule)
    return Agreements(
        generation, floor, registry, purposes, datasets, codes, pacts, flows, pairs, tuple(rules)
    )


def within(one: Pact, floor: Floor) -> Pact:
    """Return an agreement whose term is no longer than the floor's longest."""
    term = one.agreement.term
    after = add(term.effective, floor.at_most.term)
    if term.expires < after:
        return one
    return replace(one, ends=day_after(after - dt.timedelta(days=1), term.timezone))


def _flow_rules(
    bare: Agreements, one: Pact, provision: Provision, notices: Mapping[str, str]
) -> list[FlowRule]:
    parties = one.agreement.parties
    provider = bare.registry.agencies[parties[provision.flow.provider].agency]
    recipient = bare.registry.agencies[parties[provision.flow.recipient].agency]
    dataset = bare.datasets[str(provision.flow.dataset)]
    provision = compiled(provision, dataset, bare.codes.lists)
    shape = provision.delivery.shape
    roles = tuple(c.roles for c in provision.when if isinstance(c, RoleCondition))
    deid, zone = provision.basis.deid, one.agreement.term.timezone
    until = day_after(deid.expires, zone) if deid is not None else None
    attested = (attestation(provider), attestation(recipient))
    made = []
    for purpose in provision.flow.purposes:
        flow = (provider.kind, recipient.kind, purpose, shape, dataset)
        masks = [rule for rule in bare.floor.masks if flow_meets(rule.when, *flow)]
        given, below = floored(provision, dataset, bare.floor, masks)
        passes = frozenset(n for n, mask in given.release.items() if isinstance(mask, Pass))
        kept = _barred(bare, *flow)
        barred = {
            **{name: Rule(never, "floor") for name, never in below.items()},
            **kept,
            **_told(given, dataset, kept),
        }
        made.append(
            FlowRule(
                one, given, dataset, provider, recipient, purpose, attested, barred, roles,
                passes, until, notices.get(given.duties.notice or "", ""),
            )
        )  # fmt: skip
    return made


def _barred(
    bare: Agreements,
    provider: AgencyKind,
    recipient: AgencyKind,
    purpose: str,
    shape: Shape,
    dataset: Dataset,
) -> Mapping[str, Rule]:
    """Return the fields that a flow may not have, each with the first prohibition that says so.

    It is what `forbidding` says of each field; the flow itself is held against a rule once.
    """
    met = [
        rule
        for rule in bare.rules
        if flow_meets(rule.never.when, provider, recipient, purpose, shape, dataset)
    ]
    found: dict[str, Rule] = {}
    for rule in met:
        for name, field in dataset.fields.items():
            if name not in found and is_about(rule.never.when, dataset, field):
                found[name] = rule
    return found


def _told(provision: Provision, dataset: Dataset, kept: Mapping[str, Rule]) -> Mapping[str, Rule]:
    """Return every field of a provision that chooses rows by one that a prohibition keeps.

    Whichever of them leaves, that there is a row tells of the other.
    """
    for one in provision.when:
        if isinstance(one, FieldCondition | WithinCondition) and one.field in kept:
            return dict.fromkeys(dataset.fields, kept[one.field])
    return {}
