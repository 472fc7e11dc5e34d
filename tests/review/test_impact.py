"""What a proposed version makes of logged requests is what it would have decided of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from typing import TYPE_CHECKING, Any

import pytest

from gateway.agreement.conditions import RoleCondition
from gateway.agreement.diff.change import Flow, Way
from gateway.audit.entry import format_time
from gateway.broker.drafts import Drafts, request_digest
from gateway.decide import Grant, Refusal, Standing, decide
from gateway.errors import Reason
from gateway.masks.numbers import Band
from gateway.masks.plain import Pass
from gateway.plan.build import Builder
from gateway.review.impact import Form, Granted, Refused, asked_of
from gateway.review.replay import MINUTE_S, Replay
from gateway.values import AgencyKind, FieldClass, Operator
from tests.build import (
    EMS,
    NOW,
    PHD,
    RUN,
    SURVEILLANCE,
    TABLES,
    a_caller,
    a_condition,
    a_floor,
    a_never,
    a_provision,
    a_request,
    a_table_provision,
    an_agreement,
    pseudonym_key,
    the_agreements,
)
from tests.review.amendments import MASKS, SINGLE, a_pair, requests

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.agreement.index import Agreements
    from gateway.agreement.model import Provision
    from gateway.review.impact import Impact
    from gateway.values import Request

FLOW = Flow(EMS, PHD, str(RUN), SURVEILLANCE)
RULE = "P1-runs"
TRUE = a_condition("fatal", Operator.EQ, *(True,))


def logged(agreements: Agreements, request: Request) -> dict[str, Any]:
    """Return what the log holds of a request: its `intent`, or its `refusal`."""
    decision = decide(agreements, request, Standing(), NOW)
    digest, exchange = request_digest(request), "x"
    drafts = Drafts("0.1.0", "one")  # anew: it keeps what it wrote of one set of agreements
    if isinstance(decision, Refusal):
        draft = drafts.refusal(agreements, request, decision, exchange, digest)
    else:
        plan = Builder(TABLES, pseudonym_key).build(agreements, decision)
        draft = drafts.intent(agreements, request, plan, exchange, digest)
    return dict(draft.meta)


def at(seconds: float) -> str:
    """Return a time as leaves have it, so many seconds after the first."""
    return format_time(NOW + dt.timedelta(seconds=seconds))


def replayed(before: Agreements, after: Agreements, several: Iterable[Request]) -> Impact:
    """Return the impact on requests that were decided by the version before, a minute apart."""
    replay = Replay(before, after, NOW)
    for number, request in enumerate(several):
        replay.ask(asked_of(logged(before, request))).take(at(number * MINUTE_S))
    return replay.result()


def both(before: Provision, after: Provision) -> tuple[Agreements, Agreements]:
    """Return two versions of one agreement."""
    first = the_agreements(an_agreement(before))
    return first, the_agreements(an_agreement(after, version="1.1.0"), generation=2)


def every() -> list[Request]:
    """Return every request of the small vocabulary, of one field and of all."""
    return list(requests((*SINGLE, tuple(MASKS))))


@pytest.mark.parametrize("seed", range(4))
def test_nothing_changes_under_the_same_version(seed: int) -> None:
    """Of everything that anybody could ask, all of it is the same."""
    pair = a_pair(random.Random(seed))  # noqa: S311 - no secret

    found = replayed(pair.old, pair.old, every())

    assert (len(every()), len(every())) == (found.decided, found.same)
    assert not found.wider
    assert not found.refused


def check_pair(seed: int) -> None:
    """Refused where it refuses; granted where it grants; a refusal's fields are thought the best.

    So what would be granted is always told, and what is told is granted for some of its fields.
    """
    pair = a_pair(random.Random(seed))  # noqa: S311 - no secret
    granted = {
        _who(request)
        for request in every()
        if isinstance(decide(pair.new, request, Standing(), NOW), Grant)
    }
    for request in every():
        found = replayed(pair.old, pair.new, [request])
        was = isinstance(decide(pair.old, request, Standing(), NOW), Grant)
        will = isinstance(decide(pair.new, request, Standing(), NOW), Grant)

        assert (was and not will) == bool(found.refused), (seed, request)
        assert will <= was or found.granted, (seed, request)
        assert not found.granted or _who(request) in granted, (seed, request)


def _who(request: Request) -> tuple[str, str, str, frozenset[str]]:
    terms = request.terms
    return (terms.provider, terms.recipient, terms.purpose, request.caller.roles)


@pytest.mark.parametrize("seed", range(3))
def test_requests_are_decided_as_the_proposed_version_decides(seed: int) -> None:
    """Everything that anybody could ask, under three pairs of versions."""
    check_pair(seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 300))
def test_many_requests_are_decided_as_the_proposed_version_decides(seed: int) -> None:
    """The same, under two hundred."""
    check_pair(seed)


def test_a_role_that_goes_is_told_by_rule_and_clause() -> None:
    """The rule that refuses is the proposed one's."""
    before, after = both(
        a_provision(when=[RoleCondition(frozenset({"analyst", "chief"}))]),
        a_provision(when=[RoleCondition(frozenset({"chief"}))]),
    )
    several = [a_request(caller=a_caller(PHD, role)) for role in ("analyst", "chief", "analyst")]

    found = replayed(before, after, several)

    assert {Refused(FLOW, RULE, "4.1", "ROLE_NOT_LISTED"): 2} == found.refused
    assert (3, 1, False) == (found.decided, found.same, found.wider)
    back = replayed(after, before, several)
    assert {Granted(FLOW, RULE, "ROLE_NOT_LISTED"): 2} == back.granted
    assert back.wider


def test_a_prohibition_names_itself() -> None:
    """It beats the provision, whose fields it forbids."""
    never = a_never(to_kind={AgencyKind.PUBLIC_HEALTH}, field_class={FieldClass.QUASI_IDENTIFIER})
    before = the_agreements(an_agreement(a_provision()))
    after = the_agreements(an_agreement(a_provision()), floor=a_floor(never))

    found = replayed(before, after, [a_request("age"), a_request("run_id")])

    assert {Refused(FLOW, "N1-never", "7.1", "PROHIBITED"): 1} == found.refused
    assert 1 == found.same


@pytest.mark.parametrize(
    ("mask", "way"),
    [(Band(cuts=(0, 10)), Way.NARROWED), (Band(cuts=(0, 5, 10, 20)), Way.WIDENED)],
)
def test_another_form_is_told_with_its_way(mask: Band, way: Way) -> None:
    """What left is compared with what would leave, field by field."""
    old = Band(cuts=(0, 10, 20))
    before, after = both(a_provision({"age": old}), a_provision({"age": mask}))

    found = replayed(before, after, [a_request("age")])

    form = Form(FLOW, "age", old.note().text, mask.note().text, way)
    assert {form: 1} == found.forms
    assert (0, way is Way.WIDENED) == (found.same, found.wider)


def test_a_form_that_the_standing_version_does_not_have_is_to_be_looked_at() -> None:
    """A log of an older version may tell of a mask that no file has any more."""
    before, after = both(a_provision({"age": Pass()}), a_provision({"age": Band(cuts=(0, 9))}))
    meta = logged(before, a_request("age")) | {"released": [["age", "band cuts=0,50"]]}
    replay = Replay(before, after, NOW)
    replay.ask(asked_of(meta)).take(at(0))

    [form] = replay.result().forms

    assert Way.WIDENED is form.way


def test_fields_that_may_be_asked_for_are_named() -> None:
    """The same requests get what they got; whoever makes them may ask for more."""
    before, after = both(
        a_provision({"age": Pass()}), a_provision({"age": Pass(), "fatal": Pass()})
    )

    found = replayed(before, after, [a_request("age"), a_request("age")])

    assert {FLOW: (2, ("fatal",))} == found.fields
    assert (2, True) == (found.same, found.wider)


@pytest.mark.parametrize(
    ("fields", "where", "reason"),
    [
        (("fatal",), (), Reason.FIELD_NOT_RELEASED),
        (("age",), (TRUE,), Reason.FILTER_NOT_PERMITTED),
    ],
)
def test_a_refusal_of_unknown_fields_may_be_granted(
    fields: tuple[str, ...], where: tuple[Any, ...], reason: Reason
) -> None:
    """The log does not hold what was asked for: where more is released, somebody has to look."""
    narrow, wide = a_provision({"age": Pass()}), a_provision({"age": Pass(), "fatal": Pass()})
    other = dataclasses.replace(narrow, limits=dataclasses.replace(narrow.limits, rows_per_day=7))
    request = a_request(*fields, where=where)

    told = replayed(*both(narrow, wide), [request]).granted
    same = replayed(*both(narrow, other), [request])

    assert {Granted(FLOW, RULE, reason.value): 1} == told
    assert (1, {}) == (same.same, same.granted)


def test_a_lower_rate_refuses_what_comes_too_fast() -> None:
    """Two a minute: the third within sixty seconds, and not the one after them."""
    slow = dataclasses.replace(a_provision().limits, requests_per_minute=2)
    before, after = both(a_provision(), a_provision(limits=slow))
    replay = Replay(before, after, NOW)
    asked = asked_of(logged(before, a_request()))
    for at_s in (0.0, 1.0, 59.999, 60.0):
        replay.ask(asked).take(at(at_s))

    found = replay.result()

    assert {Refused(FLOW, RULE, "4.1", "RATE_LIMIT"): 1} == found.refused
    assert (4, 3) == (found.decided, found.same)


def test_a_rate_that_stays_or_rises_refuses_nothing() -> None:
    """Repeats are in the log and cost nothing: only a lower limit is looked at."""
    fast = dataclasses.replace(a_provision().limits, requests_per_minute=7)
    before, after = both(a_provision(), a_provision(limits=fast))
    for one in (before, after):
        replay = Replay(before, one, NOW)
        for _ in range(100):
            replay.ask(asked_of(logged(before, a_request()))).take(at(0))

        assert 100 == replay.result().same


def test_fewer_rows_are_said_and_not_counted() -> None:
    """How many rows leave hangs on the records."""
    few = dataclasses.replace(a_provision().limits, rows_per_request=99_999)

    assert (FLOW,) == replayed(*both(a_provision(), a_provision(limits=few)), [a_request()]).rows
    assert () == replayed(*both(a_provision(), a_provision()), [a_request()]).rows


def test_a_table_is_asked_for_by_its_fields() -> None:
    """The log holds its measures; periods and cells that left are not decided again."""
    before, after = both(
        a_table_provision(), a_table_provision(when=[RoleCondition(frozenset({"chief"}))])
    )
    request = a_request("incident_date", "county", "patient_id")

    assert 1 == replayed(before, before, [request]).same
    assert ["ROLE_NOT_LISTED"] == [one.reason for one in replayed(before, after, [request]).refused]


def test_the_term_of_a_proposal_is_not_asked() -> None:
    """A version of next year is tried on last month's requests."""
    term = an_agreement().term
    later = dataclasses.replace(
        term,
        effective=term.effective.replace(year=2031),
        expires=term.expires.replace(year=2031),
    )
    before = the_agreements(an_agreement())
    after = the_agreements(an_agreement(term=later))

    assert 1 == replayed(before, after, [a_request()]).same


@pytest.mark.parametrize("key", ["provider", "recipient", "dataset", "purpose"])
def test_what_the_log_does_not_name_is_not_decided(key: str) -> None:
    """A name that no file knew is not in the log: such a request is counted, and no more."""
    agreements = the_agreements()
    replay = Replay(agreements, agreements, NOW)
    meta = logged(agreements, a_request("fatal")) | {key: None}
    replay.ask(asked_of(meta)).take(at(0))

    found = replay.result()

    assert (0, 1, False) == (found.decided, found.untold, found.wider)
