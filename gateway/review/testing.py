"""An officer's tests of an agreement, carried out: the real decision, plan, masks, and a judgement.

A test goes the way of an exchange up to what would leave, with the file's instant for a clock and
its rows for a provider. Nothing is signed, logged or sent. What carries a plan out over rows is the
caller's (`Carry`): an engine is no part of the core. Pure.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.agreement.testing import ABSENT, CANARY, CURRENT
from gateway.decide import Refusal, Standing, decide
from gateway.errors import AccordError
from gateway.plan.build import Builder
from gateway.review.leaving import Fault, cells_of, differences
from gateway.review.supposed import Variant, as_if
from gateway.values import Caller, FieldType, Means, Request, Terms, list_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.agreement.dataset import Dataset, FieldRule
    from gateway.agreement.index import Agreements
    from gateway.agreement.testing import Ask, Given, Suite, Trial
    from gateway.errors import Reason
    from gateway.plan.ops import Plan
    from gateway.plan.reference import Table
    from gateway.review.leaving import Cells
    from gateway.review.supposed import Days
    from gateway.values import Row, Scalar

Carry: TypeAlias = "Callable[[Plan, Sequence[Row], Given], Sequence[tuple[Scalar, ...]]]"
"""Reads, masks and checks rows as an exchange does: returns what leaves, in the plan's columns.

What is given says what the register of consents knows of whomever the rows are about.
"""

_TEXTS: Final = frozenset({FieldType.STRING, FieldType.CODE, FieldType.LIST})

_A_DAY: Final = dt.timedelta(days=1)
_FAR: Final = dt.date(1850, 1, 1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request: rows that leave, or the reason why none do, and by which rule."""

    rule: str | None
    reason: Reason | None
    rows: Cells = ()
    measures: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Result:
    """One test with all that is wrong with what came of it; nothing is where it passed."""

    trial: Trial
    place: int
    faults: tuple[Fault, ...]

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.faults


class Stand:
    """Where the tests of one agreement are carried out.

    Args:
        agreements: Everything, compiled as if every signature were there.
        agreement: The id of the one that the tests are of.
        tables: Reference tables by name and version.
        carry: Carries plans out.
    """

    def __init__(
        self, agreements: Agreements, agreement: str, tables: Mapping[str, Table], carry: Carry
    ) -> None:
        self._agreements = agreements
        self._id = agreement
        self._carry = carry
        self._builder = Builder(tables, lambda domain, period: (f"{domain}/{period}", bytes(32)))
        self._variants: dict[Variant, Agreements] = {}
        [own] = [one.agreement for one in agreements.pacts if one.agreement.id == agreement]
        self._agencies = {alias: party.agency for alias, party in own.parties.items()}

    def run(self, suite: Suite) -> tuple[Result, ...]:
        """Return what each test came to, in the order of the file."""
        return tuple(
            Result(trial, place, judged(trial, self.outcome(trial, suite.term)))
            for place, trial in enumerate(suite.trials)
        )

    def outcome(self, trial: Trial, term: Days | None = None) -> Outcome:
        """Return what comes of a test's request, as if the term were this one, if one is given."""
        attested = trial.given.attestation == CURRENT
        variant = Variant(trial.given.state, attested, trial.ask.push, term)
        agreements = self._of(variant)
        standing = Standing(
            requests_last_minute=trial.given.requests_last_minute,
            rows_today=trial.given.rows_today,
            periods_released=trial.given.periods_released,
            duties_overdue=trial.given.duties_overdue,
        )
        decision = decide(agreements, self._request(trial.ask), standing, trial.now)
        if isinstance(decision, Refusal):
            return Outcome(decision.provision or None, decision.reason)
        rule = decision.rule
        try:
            plan = self._builder.build(agreements, decision)
            asked = plan.register.fields if plan.register is not None else ()
            rows = filled(trial.given, rule.dataset, trial.now, asked)
            left = self._carry(plan, rows, trial.given)
        except AccordError as error:
            return Outcome(rule.provision.id, error.reason)
        group = plan.group
        measures = frozenset(one.name for one in group.measures) if group else frozenset()
        return Outcome(rule.provision.id, None, cells_of(plan, left), measures)

    def _request(self, ask: Ask) -> Request:
        provider, recipient, caller = (
            self._agencies.get(one, one) for one in (ask.provider, ask.recipient, ask.caller)
        )
        # A push is decided as its recipient's request would be: what may leave is the same.
        who = Caller(recipient if ask.push else caller, bytes(32), roles=ask.roles)
        terms = Terms(provider, recipient, ask.dataset, ask.purpose, ask.fields, ask.where)
        return Request("", terms, who)

    def _of(self, variant: Variant) -> Agreements:
        if variant not in self._variants:
            generation = 2 + len(self._variants)
            variants = {self._id: variant}
            self._variants[variant] = as_if(self._agreements, variants, generation, always=True)
        return self._variants[variant]


# --- rows ---


def filled(
    given: Given, dataset: Dataset, now: dt.datetime, asked: Sequence[str] = ()
) -> list[Row]:
    """Return whole rows: text that a row leaves out is a canary, one of its own in each row.

    So is a birthday by which the register of consents is asked, a day of a far year: a row that
    names nobody would stay behind.

    Args:
        given: What the test states.
        dataset: What the rows are of.
        now: The test's clock.
        asked: The fields by which the register is asked.
    """
    return [
        {
            name: row[name] if name in row else _left_out(field, given, number, now, asked)
            for name, field in dataset.fields.items()
        }
        for number, row in enumerate(given.rows, 1)
    ]


def _left_out(
    field: FieldRule, given: Given, number: int, now: dt.datetime, asked: Sequence[str]
) -> Scalar:
    if field.means is Means.CONSENT:
        return _answer(field, number, now) if given.consent != ABSENT else None
    if field.means is Means.OPT_OUT:
        none = False if field.type is FieldType.BOOLEAN else None
        return _answer(field, number, now) if given.opt_out != ABSENT else none
    if field.type is FieldType.DATE and field.name in asked:
        return _FAR + number * _A_DAY
    return _canary(field, number) if field.type in _TEXTS else None


def _canary(field: FieldRule, number: int) -> str:
    text = f"{CANARY}-{field.name}-{number}"
    return list_text([text]) if field.type is FieldType.LIST else text


def _answer(field: FieldRule, number: int, now: dt.datetime) -> Scalar:
    """Return what a field holds that somebody filled in."""
    match field.type:
        case FieldType.BOOLEAN:
            return True
        case FieldType.DATE:
            return now.date()
        case FieldType.TIMESTAMP:
            return now
        case FieldType.INTEGER:
            return 1
        case FieldType.NUMBER:
            return 1.0
        case _:
            return _canary(field, number)


# --- judgement ---


def judged(trial: Trial, outcome: Outcome) -> tuple[Fault, ...]:
    """Return what is not as expected, each with its place in the test; nothing where all is."""
    shown = {n for row in outcome.rows for n, v in row.items() if CANARY in str(v)}
    leaked = tuple(
        Fault(("given",), f"a text that no row states leaves in `{name}`") for name in sorted(shown)
    )
    expect = trial.expect
    if (outcome.reason, outcome.rule) != (expect.reason, expect.rule):
        told = _told(expect.reason, expect.rule), _told(outcome.reason, outcome.rule)
        return Fault(("expect",), f"expected {told[0]}, it is {told[1]}"), *leaked
    found = differences(expect.rows, outcome.rows, outcome.measures, rest=expect.rest)
    return *leaked, *(one._replace(path=("expect", "rows", *one.path)) for one in found)


def _told(reason: Reason | None, rule: str | None) -> str:
    said = f"refused {reason}" if reason is not None else "granted"
    return f"{said} by {rule}" if rule else f"{said}, by no rule"
