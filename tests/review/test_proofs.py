"""`diff` and `assert` against brute force: every request, every record, under both versions."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Final

import pytest

from gateway.agreement.conditions import FieldCondition, WithinCondition
from gateway.agreement.diff.change import Flow, Way
from gateway.agreement.diff.provision import WITHHELD
from gateway.agreement.diff.versions import compare
from gateway.agreement.model import Selectors
from gateway.agreement.strength import tells_nothing
from gateway.decide import Grant, Standing, decide
from gateway.masks.numbers import Round
from gateway.masks.plain import Pass, Redact
from gateway.review.reach import selected, ways
from tests.build import NOW, RUN
from tests.review.amendments import (
    ALIASES,
    DATASET,
    KEYED,
    MASKS,
    SELECTORS,
    SINGLE,
    a_pair,
    everything,
    field_sets,
    flow_of,
    requests,
    tells_more,
    versions,
)

if TYPE_CHECKING:
    from gateway.agreement.diff.change import Change
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.masks.base import Mask
    from tests.review.amendments import Pair

PAIRS: Final = 2_000
FEW: Final = 40
"""Pairs of every run; the others are a sweep."""
SCHEMAS: Final = {str(RUN): DATASET}

few = pytest.mark.parametrize("seed", [range(FEW)], ids=["few"])
many = pytest.mark.parametrize(
    "seed", [range(first, first + 250) for first in range(0, PAIRS, 250)], ids=str
)


def drawn(seed: int) -> random.Random:
    """Return where chance comes from."""
    return random.Random(seed)  # noqa: S311 - no secret


def changes(pair: Pair) -> tuple[Change, ...]:
    """Return what `diff` says of a pair."""
    return compare(pair.before, pair.after, (SCHEMAS, SCHEMAS))


# --- whoever gets more is named -------------------------------------------------------------------


def check_nothing_wider_is_missed(seeds: range) -> None:
    """Where somebody learns more of a record in some flow, `diff` says WIDENED of it."""
    wider = 0
    for seed in seeds:
        pair = a_pair(drawn(seed))
        widened = {one.flow for one in changes(pair) if one.way is Way.WIDENED}
        old, new = everything(pair.old), everything(pair.new)
        for flow in new:
            if tells_more(new[flow], old.get(flow, {})):
                wider += 1
                # A prohibition that went is of the whole agreement.
                assert flow in widened or None in widened, (seed, flow.text())
    assert wider > len(seeds) / 2


@few
def test_nothing_wider_is_missed(seed: range) -> None:
    """Forty pairs of versions, every request of each, and every record."""
    check_nothing_wider_is_missed(seed)


@pytest.mark.long
@many
def test_nothing_wider_is_missed_in_many(seed: range) -> None:
    """The same, over two thousand pairs."""
    check_nothing_wider_is_missed(seed)


# --- the fields of each flow ----------------------------------------------------------------------


def check_fields(seeds: range) -> None:
    """What `diff` says comes and goes is what comes and goes, field by field and flow by flow."""
    moved = 0
    for seed in seeds:
        pair = a_pair(drawn(seed), nevers=False)
        came: dict[Flow, set[str]] = {}
        went: dict[Flow, set[str]] = {}
        for one in changes(pair):
            if one.flow is not None and WITHHELD in (one.before, one.after):
                (came if one.before == WITHHELD else went).setdefault(one.flow, set()).add(one.what)
        old, new = _fields(pair.old), _fields(pair.new)
        for flow in {*old, *new, *came, *went}:
            had, has = old.get(flow, set()), new.get(flow, set())
            barred = _barred(pair, flow)
            if barred & _chosen_by(pair, flow):
                # No such file loads: `diff` tells of the condition, and everything hangs on it.
                continue
            assert came.get(flow, set()) - barred == has - had, (seed, flow.text())
            assert went.get(flow, set()) - barred == had - has, (seed, flow.text())
            moved += had != has
    assert moved > len(seeds) / 4


def _fields(agreements: Agreements) -> dict[Flow, set[str]]:
    """Return what somebody in some role gets of each flow."""
    return {
        flow: {name for names in by_roles.values() for name in names}
        for flow, by_roles in field_sets(agreements).items()
    }


def _rules(pair: Pair, flow: Flow) -> list[FlowRule]:
    key = (flow.provider, flow.recipient, flow.dataset, flow.purpose)
    return [rule for one in (pair.old, pair.new) for rule in one.flows.get(key, ())]


def _barred(pair: Pair, flow: Flow) -> set[str]:
    """Return what a prohibition, the same in both versions, keeps of a flow."""
    return {name for rule in _rules(pair, flow) for name in rule.barred}


def _chosen_by(pair: Pair, flow: Flow) -> set[str]:
    """Return the fields by which either version chooses rows."""
    return {
        one.field
        for rule in _rules(pair, flow)
        for one in rule.provision.when
        if isinstance(one, FieldCondition | WithinCondition)
    }


@few
def test_the_fields_that_come_and_go(seed: range) -> None:
    """No field more and none less, in forty pairs."""
    check_fields(seed)


@pytest.mark.long
@many
def test_the_fields_that_come_and_go_in_many(seed: range) -> None:
    """The same, over two thousand pairs."""
    check_fields(seed)


# --- the form of each field -----------------------------------------------------------------------


def check_forms(seeds: range) -> None:
    """Of two masks of one family `diff` says WIDENED just where values can be told apart anew."""
    compared = {True: 0, False: 0}
    for seed in seeds:
        pair = a_pair(drawn(seed), nevers=False)
        said = {(one.flow, one.what): one.way for one in changes(pair)}
        old, new = everything(pair.old), everything(pair.new)
        for flow in old.keys() & new.keys():
            before, after = (_rule(one, flow) for one in (pair.old, pair.new))
            if before.provision.when != after.provision.when:
                continue
            for name in before.provision.release.keys() & after.provision.release.keys():
                masks = before.provision.release[name], after.provision.release[name]
                asked = {getattr(one, "field", "") for one in before.provision.when}
                # Of a field that records are chosen by not every value is there to be told apart.
                if name in before.barred or name in asked or not _one_family(*masks):
                    continue
                had, has = (
                    {key: value for key, value in one[flow].items() if key[2] == name}
                    for one in (old, new)
                )
                if had:
                    wider = said.get((flow, name)) is Way.WIDENED
                    assert tells_more(has, had) == wider, (seed, flow.text(), name, masks)
                    compared[wider] += masks[0] != masks[1]
    assert min(compared.values()) > len(seeds) / 50


def _rule(agreements: Agreements, flow: Flow) -> FlowRule:
    [rule] = agreements.flows[flow.provider, flow.recipient, flow.dataset, flow.purpose]
    return rule


def _one_family(one: Mask, other: Mask) -> bool:
    """Return whether two masks have an order: the others are WIDENED both ways, to be looked at."""
    if isinstance(one, Pass | Redact) or isinstance(other, Pass | Redact):
        # Of a code that is made with a key the values can be told apart as before.
        return KEYED not in (one, other)
    return type(one) is type(other) and not isinstance(one, Round)


@pytest.mark.parametrize("name", MASKS)
def test_each_mask_in_place_of_each(name: str) -> None:
    """Of all pairs of masks of a field: wider where two records that looked alike no longer do.

    What is of two families, or hangs on a key, is never passed over in silence.
    """
    of = {one: everything(versions({name: one}, {name: one}).old) for one in MASKS[name]}
    for before, after in itertools.product(of, repeat=2):
        [old], [new] = of[before].values(), of[after].values()
        wider = tells_more(new, old)
        pair = versions({name: before}, {name: after})
        said = Way.WIDENED in {one.way for one in changes(pair)}

        assert said == wider if _one_family(before, after) else said >= wider, (before, after)
        assert _one_family(before, after) or said or before == after or KEYED in (before, after)


@pytest.mark.long
@many
def test_the_form_of_a_field_in_many(seed: range) -> None:
    """The same, over two thousand pairs."""
    check_forms(seed)


# --- claims ---------------------------------------------------------------------------------------


def a_claim(draw: random.Random) -> Selectors:
    """Return the selectors of a claim at random."""
    chosen = draw.sample(sorted(SELECTORS), draw.choice((1, 2, 3)))
    return Selectors(
        **{key: frozenset(draw.sample(SELECTORS[key], draw.choice((1, 2)))) for key in chosen}  # type: ignore[arg-type]
    )


def check_claims(seeds: range) -> None:
    """A claim is broken just where some request gets what it says that nobody gets."""
    held = {True: 0, False: 0}
    for seed in seeds:
        draw = drawn(seed)
        agreements = a_pair(draw).new
        got = {
            (flow_of(request), request.terms.fields[0])
            for request in requests(SINGLE)
            if isinstance(decide(agreements, request, Standing(), NOW), Grant)
        }
        found = [way for way in ways(agreements) if not way.onward]
        for _ in range(8):
            claim = a_claim(draw)
            expected = {
                one
                for one in got
                if _speaks(claim, agreements, _whose(agreements, got, *one), *one)
            }
            reached = {(Flow(*_flow(way.rule)), way.field.name) for way in selected(found, claim)}
            assert expected == reached, (seed, claim)
            held[not expected] += 1
    assert min(held.values()) > len(seeds)


def _flow(rule: FlowRule) -> tuple[str, str, str, str]:
    return (rule.provider.id, rule.recipient.id, str(rule.dataset.id), rule.purpose)


def _whose(
    agreements: Agreements, got: set[tuple[Flow, str]], flow: Flow, name: str
) -> set[object]:
    """Return the kinds of whose data a field of a flow may be: its provider got it from others."""
    given = set()
    for other, field in got:
        rule = _rule(agreements, other)
        if field == name and not tells_nothing(rule.provision.release[name]):
            parties = rule.pact.agreement.parties
            given |= {(other.provider, parties[one].agency) for one in rule.provision.duties.onward}
            given.add((other.provider, other.recipient))
    whose = {flow.provider}
    for _ in agreements.registry.agencies:
        whose |= {giver for giver, getter in given if getter in whose}
    whose -= {flow.recipient}
    return {agreements.registry.agencies[one].kind for one in whose}


def _speaks(
    claim: Selectors, agreements: Agreements, whose: set[object], flow: Flow, name: str
) -> bool:
    """Return whether a claim is about a field of a flow: worked out by hand, word by word."""
    rule, field = _rule(agreements, flow), DATASET.fields[name]
    if tells_nothing(rule.provision.release[name]):
        return False
    agencies = agreements.registry.agencies
    if claim.from_kind and not claim.from_kind & whose:
        return False
    said: list[tuple[frozenset[object], object]] = [
        (claim.to_kind, agencies[flow.recipient].kind),
        (claim.field, f"{RUN.name}.{name}"),
        (claim.field_class, field.field_class),
        (claim.means, field.means),
    ]
    branches = {flow.purpose, flow.purpose.partition(".")[0]}
    return all(not words or one in words for words, one in said) and (
        not claim.purpose or bool(claim.purpose & branches)
    )


@few
def test_claims(seed: range) -> None:
    """Eight claims each about forty agreements."""
    check_claims(seed)


@pytest.mark.long
@many
def test_many_claims(seed: range) -> None:
    """The same, about two thousand."""
    check_claims(seed)


def test_the_vocabulary_is_tried_whole() -> None:
    """Six ways between three agencies, two purposes, four sets of roles, four fields."""
    assert 6 * 2 * 4 * 4 == len({(flow_of(r), r.caller.roles, r.terms.fields)
                                 for r in requests(SINGLE)})  # fmt: skip
    assert 3 == len(ALIASES)
