"""Cedar answers as `decide` does: another engine, which we did not write, reads the same rules."""

from __future__ import annotations

import random
import re
from collections import Counter
from typing import TYPE_CHECKING

import cedarpy
import pytest

from gateway.agreement.conditions import ConsentCondition, OptOutCondition
from gateway.agreement.index import FlowKey, Signed
from gateway.cli.explain import as_signed
from gateway.decide import Grant, Refusal, Standing, decide
from gateway.errors import Reason
from gateway.review.export.cedar import ENTITIES, POLICIES, SCHEMA, cedar
from gateway.review.export.made import Part
from tests.review.cedar_requests import Asked, ask
from tests.review.cedar_worlds import a_world, shipped

if TYPE_CHECKING:
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.review.export.made import Export

LIMITS = 6
"""The step that Cedar is told nothing of: rates, rows, periods and budgets."""


class Engine:
    """Cedar with what was exported of a world."""

    def __init__(self, export: Export) -> None:
        policies = export.files[POLICIES]
        self.ids = re.findall(r'^@id\("(.*)"\)$', policies, re.MULTILINE)
        self.policies = cedarpy.PolicySet.from_str(policies)
        self.entities = cedarpy.Entities.from_json_str(export.files[ENTITIES])

    def answers(self, asked: list[Asked]) -> list[tuple[bool, set[str]]]:
        """Return of each question whether it is allowed, and the rules that say so."""
        requests = [request for one in asked for request in one.in_cedar()]
        found = cedarpy.is_authorized_batch(requests, self.policies, self.entities)
        pairs = zip(found[::2], found[1::2], strict=True)
        return [self._answer([one, other]) for one, other in pairs]

    def _answer(self, results: list[cedarpy.AuthzResult]) -> tuple[bool, set[str]]:
        telling = [one for one in results if one.allowed] or results
        reasons = {name for one in telling for name in one.diagnostics.reasons}
        rules = {self.ids[int(name.removeprefix("policy"))] for name in reasons}
        return any(one.allowed for one in results), rules


def ours(world: Agreements, asked: Asked) -> tuple[bool, Grant | Refusal]:
    """Return whether a record of that person may leave, as far as steps 1 to 5 go."""
    answer = decide(world, asked.request, Standing(), asked.now)
    if isinstance(answer, Refusal) and answer.step != LIMITS:
        return False, answer
    rule = _rule(world, asked, answer)
    people = all(
        one.purpose in asked.consents
        if isinstance(one, ConsentCondition)
        else one.purpose not in asked.opt_outs
        for one in rule.provision.when
        if isinstance(one, ConsentCondition | OptOutCondition)
    )
    return people, answer


def _rule(world: Agreements, asked: Asked, answer: Grant | Refusal) -> FlowRule:
    if isinstance(answer, Grant):
        return answer.rule
    terms = asked.request.terms
    key = FlowKey(terms.provider, terms.recipient, str(terms.dataset), terms.purpose)
    return next(
        one
        for one in world.flows[key]
        if (one.provision.id, one.pact.agreement.ref) == (answer.provision, answer.agreement)
    )


def compare(seed: int, worlds: int, each: int) -> Counter[str]:
    """Return how often each answer came; fail at the first that Cedar gives otherwise."""
    draw = random.Random(seed)  # noqa: S311 - to be repeated
    told: Counter[str] = Counter()
    for number in range(worlds):
        world = as_signed(shipped()) if number == 0 else a_world(draw)
        if not world.flows:
            continue
        engine = Engine(cedar(world))
        questions = [ask(draw, world) for _ in range(each)]
        for asked, (allowed, rules) in zip(questions, engine.answers(questions), strict=True):
            permitted, answer = ours(world, asked)
            assert (permitted, asked, answer) == (allowed, asked, answer), rules
            if permitted:
                told["permitted"] += 1
                assert isinstance(answer, Refusal) or rules == {answer.rule.provision.id}
            elif isinstance(answer, Refusal):
                told[answer.reason] += 1
                if answer.reason is Reason.PROHIBITED and _in_force(world, asked):
                    assert answer.provision in rules
            else:
                told["the person's"] += 1
    return told


def _in_force(world: Agreements, asked: Asked) -> bool:
    terms = asked.request.terms
    key = FlowKey(terms.provider, terms.recipient, str(terms.dataset), terms.purpose)
    return any(
        one.pact.signed is Signed.SIGNED and one.pact.starts <= asked.now < one.pact.ends
        for one in world.flows.get(key, ())
    )


REASONS = (
    "permitted",
    "the person's",
    Reason.AGREEMENT_NOT_SIGNED,
    Reason.AGREEMENT_NOT_ACTIVE,
    Reason.AGREEMENT_OUT_OF_TERM,
    Reason.PROHIBITED,
    Reason.UNKNOWN_PURPOSE,
    Reason.NO_FIELDS,
    Reason.NO_PROVISION,
    Reason.TWO_PROVISIONS,
    Reason.METHOD_NOT_PERMITTED,
    Reason.FIELD_NOT_RELEASED,
    Reason.FILTER_NOT_PERMITTED,
    Reason.ROLE_NOT_LISTED,
)
"""Every answer of steps 1 to 5; one that never came was not compared."""


def test_cedar_answers_as_we_do() -> None:
    """Over thousands of requests, each reason among them, Cedar and `decide` never disagree."""
    told = compare(seed=1, worlds=24, each=125)

    assert [] == [reason for reason in REASONS if not told[reason]], told
    assert told["permitted"] > told.total() / 10, told


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 6))
def test_cedar_answers_as_we_do_at_length(seed: int) -> None:
    """The same over 40,000 requests in all, by many more counties."""
    told = compare(seed=seed, worlds=50, each=200)

    assert [] == [reason for reason in REASONS if not told[reason]], told


def test_the_policies_fit_their_schema() -> None:
    """Cedar's own strict validator finds nothing wrong with what is exported."""
    export = cedar(as_signed(shipped()))

    found = cedarpy.validate_policies(export.files[POLICIES], export.files[SCHEMA])

    assert [] == found.errors


def test_without_entities_nothing_is_permitted() -> None:
    """A `forbid` that lacks an attribute is skipped by Cedar; then no `permit` holds either."""
    world = as_signed(shipped())
    engine = Engine(cedar(world))
    draw = random.Random(7)  # noqa: S311 - to be repeated
    questions = [ask(draw, world) for _ in range(50)]

    with_them = [allowed for allowed, _ in engine.answers(questions)]
    engine.entities = cedarpy.Entities.from_json_str("[]")
    without = [allowed for allowed, _ in engine.answers(questions)]

    assert any(with_them)
    assert not any(without)


def test_each_provision_and_prohibition_is_one_policy() -> None:
    """Policies carry the names and clauses of the files, so that an answer can be looked up."""
    world = as_signed(shipped())

    engine = Engine(cedar(world))

    provisions = [
        one.id
        for pact in world.pacts
        for one in pact.agreement.provisions
        if one.delivery.mode == "pull"
    ]
    assert sorted([*provisions, *(rule.never.id for rule in world.rules)]) == sorted(engine.ids)


def test_what_cedar_cannot_say_is_listed() -> None:
    """Masks, tables, limits, rows and duties are named with the provisions that use them."""
    found = {loss.part: loss.where for loss in cedar(as_signed(shipped())).lost}

    assert {Part.MASKS, Part.AGGREGATION, Part.LIMITS, Part.ROWS, Part.DUTIES} <= set(found)
    assert not {Part.ROLES, Part.CONSENT, Part.NEVER} & set(found)
    assert "county-overdose-response/P5-naloxone-counts" in found[Part.AGGREGATION]
    assert "county-overdose-response/P1-outreach-referral" not in found[Part.AGGREGATION]
