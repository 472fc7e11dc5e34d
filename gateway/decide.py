"""May this request be carried out? One pure function, its steps numbered as in the design.

`decide` reads the compiled agreements, the request, what was asked and released so far, and the
instant; it answers with a `Grant`, which only it can make, or a `Refusal` with step, reason and
clause. What hangs on single rows (consent, opt-out, field conditions) is not decided here: it
removes rows later, and is never a reason, since a reason would say that the person is on file.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never
from zoneinfo import ZoneInfo

from gateway.agreement.budget import SPENT, overspent
from gateway.agreement.index import FlowRule, Pact, Rule, Signed
from gateway.agreement.literal import fits
from gateway.agreement.spans import closed_periods
from gateway.errors import Reason
from gateway.values import FieldType, Operator, Shape

if TYPE_CHECKING:
    from gateway.agreement.aggregate import Aggregate
    from gateway.agreement.budget import Holding
    from gateway.agreement.dataset import FieldRule
    from gateway.agreement.index import Agreements
    from gateway.values import Condition, Request, Scalar, Terms


@dataclass(frozen=True, slots=True)
class Standing:
    """What was asked and released so far, for the request's recipient and flow.

    Read before deciding.

    Attributes:
        requests_last_minute: Requests granted in the last 60 s.
        rows_today: Rows released in this UTC day; of a repeat, without those that its first attempt
            released.
        periods_released: First days of the aggregate periods that left already, under other
            requests.
        duties_overdue: Ids of duties that the recipient owes and is late with.
        repeat: Whether this very request was carried out before: what left then costs nothing
            again.
        told: Of a source whose tables have noise: who holds which draw.
    """

    requests_last_minute: int = 0
    rows_today: int = 0
    periods_released: frozenset[dt.date] = frozenset()
    duties_overdue: tuple[str, ...] = ()
    repeat: bool = False
    told: tuple[Holding, ...] = ()


class Refusal(NamedTuple):
    """No, why, by which rule: never a value from a record or a literal from a condition.

    Made at every decision, as a `Grant` is: a frozen dataclass takes four times as long to make.

    Attributes:
        compelled: Of a prohibition between parties: who answers subpoenas and reporting statutes.
    """

    step: int
    reason: Reason
    message: str
    agreement: str = ""
    provision: str = ""
    clause: str = ""
    digest: bytes = b""
    compelled: str = ""


class Grant(NamedTuple):
    """Yes, by one provision; made only by `decide`.

    Attributes:
        periods: Aggregate periods that will leave, by first day; empty at record level.
        rows_left: Rows that may still leave to this recipient today.
    """

    rule: FlowRule
    request: Request
    now: dt.datetime
    periods: tuple[dt.date, ...]
    rows_left: int


# Kept by itself: to look a member up in its enumeration is a call in Python 3.11.
_SIGNED: Final = Signed.SIGNED
_BINDING = frozenset({Signed.SIGNED, Signed.SUSPENDED})
_MANY = frozenset({Operator.IN, Operator.NOT_IN})
_EQUAL = _MANY | {Operator.EQ, Operator.NE}
_ORDERED = frozenset({FieldType.INTEGER, FieldType.NUMBER, FieldType.DATE, FieldType.TIMESTAMP})


def decide(
    agreements: Agreements, request: Request, standing: Standing, now: dt.datetime
) -> Grant | Refusal:
    """Return a grant, or the refusal of the first step that says no.

    Args:
        agreements: The set in force.
        request: What is asked, by an established caller.
        standing: Counters for this recipient and flow.
        now: This instant, UTC.
    """
    terms = request.terms
    # 1 identity: the caller must be the recipient. A stranger learns nothing of the flow.
    if request.caller.agency != terms.recipient:
        return _none_covers(1)
    rules = agreements.rules_of(terms)
    # 2 agreement: signed by all, in term, both agencies attested.
    active = tuple([rule for rule in rules if _active(rule.pact, now)])
    if refusal := _agreement(agreements, terms, rules, active, now):
        return refusal
    # 3 never: of the floor and of every agreement.
    if refusal := _never(agreements, terms, active):
        return refusal
    # 4 exactly one provision, and every field and filter inside it.
    found = _one_provision(agreements, terms, active)
    if isinstance(found, Refusal):
        return found
    if refusal := _fields(found, terms) or _filters(agreements, found, terms):
        return refusal
    # 5 conditions of the request; those of rows are the plan's.
    if refusal := _role(found, request):
        return refusal
    # 6 limits.
    if refusal := _limits(found, standing):
        return refusal
    periods = _periods(agreements, found, terms, standing, now)
    if isinstance(periods, Refusal):
        return periods
    left = found.provision.limits.rows_per_day - standing.rows_today
    return Grant(found, request, now, periods, left)


def _refuse(rule: FlowRule, step: int, reason: Reason, message: str) -> Refusal:
    return Refusal(
        step,
        reason,
        message,
        rule.pact.agreement.ref,
        rule.provision.id,
        rule.provision.clause,
        rule.pact.digest,
    )


def _none_covers(step: int) -> Refusal:
    return Refusal(step, Reason.NO_PROVISION, "no provision covers this flow")


def _active(pact: Pact, now: dt.datetime) -> bool:
    return pact.signed is _SIGNED and pact.starts <= now < pact.ends


def _problem(pact: Pact) -> tuple[Reason, str]:
    """Return why an agreement is not active."""
    match pact.signed:
        case Signed.SIGNED:
            return Reason.AGREEMENT_OUT_OF_TERM, "outside the term of the agreement"
        case Signed.DRAFT | Signed.IN_REVIEW:
            return Reason.AGREEMENT_NOT_SIGNED, "not every party has signed"
        case Signed.SUSPENDED:
            return Reason.AGREEMENT_NOT_ACTIVE, "the agreement is suspended"
        case Signed.TERMINATED:
            return Reason.AGREEMENT_NOT_ACTIVE, "the agreement is terminated"
        case _:
            assert_never(pact.signed)


def _agreement(
    agreements: Agreements,
    terms: Terms,
    rules: tuple[FlowRule, ...],
    active: tuple[FlowRule, ...],
    now: dt.datetime,
) -> Refusal | None:
    if not active:
        return _none_active(agreements, terms, rules, now)
    for rule in active:
        if not rule.stands_from <= now < rule.stands_until:
            return _out_of_date(rule, now)
    return None


def _out_of_date(rule: FlowRule, now: dt.datetime) -> Refusal:
    """Return what is out of date of a provision whose agreement is in its term."""
    for one in rule.attestations:
        if not one.starts <= now < one.ends:
            message = f"the security attestation of `{one.agency}` is out of date"
            return _refuse(rule, 2, Reason.AGREEMENT_NOT_ACTIVE, message)
    # What a determination covered is de-identified for as long as the expert said.
    message = "the determination that the release rests on is out of date"
    return _refuse(rule, 2, Reason.AGREEMENT_OUT_OF_TERM, message)


def _none_active(
    agreements: Agreements, terms: Terms, rules: tuple[FlowRule, ...], now: dt.datetime
) -> Refusal | None:
    """Return why no agreement of the flow, or of the two agencies, is active; None if one is."""
    pacts = tuple(rule.pact for rule in rules) or agreements.pairs.get(
        (terms.provider, terms.recipient), ()
    )
    first: Refusal | None = None
    for pact in pacts:
        if _active(pact, now):
            return None
        first = first or Refusal(2, *_problem(pact), pact.agreement.ref, digest=pact.digest)
    return first


def _never(agreements: Agreements, terms: Terms, active: tuple[FlowRule, ...]) -> Refusal | None:
    if active:
        # The shape of a provision is known: its prohibitions were found when it was compiled. A
        # field to filter by counts as asked for: rows that come or stay away tell its value.
        barred = active[0].barred
        for name in terms.fields:
            if name in barred:
                return _prohibited(agreements, terms, barred[name])
        for condition in terms.where:
            if condition.field in barred:
                return _prohibited(agreements, terms, barred[condition.field])
        return None
    provider = agreements.registry.agencies.get(terms.provider)
    recipient = agreements.registry.agencies.get(terms.recipient)
    if provider is None or recipient is None:
        return None
    dataset = agreements.datasets.get(str(terms.dataset))
    rule = agreements.forbidding(
        provider.kind,
        recipient.kind,
        terms.purpose,
        Shape.RECORD,
        dataset,
        dataset.fields if dataset else (),
    )
    return _prohibited(agreements, terms, rule) if rule else None


def _prohibited(agreements: Agreements, terms: Terms, rule: Rule) -> Refusal:
    pacts = agreements.pairs.get((terms.provider, terms.recipient), ())
    route = next((one.agreement.compelled.route for one in pacts if one.signed in _BINDING), "")
    # A subpoena is no purpose of an exchange: whoever has one is told whom to ask, and that is all.
    asks = f"; a compelled disclosure is asked of {route}, and decided by people" if route else ""
    return Refusal(
        3,
        Reason.PROHIBITED,
        f"prohibited by `{rule.never.id}`{asks}",
        rule.source,
        rule.never.id,
        rule.never.clause,
        compelled=route,
    )


def _one_provision(
    agreements: Agreements, terms: Terms, active: tuple[FlowRule, ...]
) -> FlowRule | Refusal:
    if terms.purpose not in agreements.purposes.leaves:
        return Refusal(4, Reason.UNKNOWN_PURPOSE, "the purpose is not a leaf of `purposes.yaml`")
    if not terms.fields:
        return Refusal(4, Reason.NO_FIELDS, "no field is asked for")
    if not active:
        return _none_covers(4)
    # Two matches are refused even where they agree today: an edit to either would then
    # widen the flow without a signature from the parties to the other.
    if len(active) > 1:
        clauses = ", ".join(sorted(rule.provision.clause for rule in active))
        return _refuse(
            active[0], 4, Reason.TWO_PROVISIONS, f"{len(active)} provisions match: {clauses}"
        )
    rule = active[0]
    if rule.provision.delivery.mode != "pull":
        return _refuse(rule, 4, Reason.METHOD_NOT_PERMITTED, "this flow is not pulled")
    return rule


def _fields(rule: FlowRule, terms: Terms) -> Refusal | None:
    release = rule.provision.release
    aggregate = rule.provision.aggregate
    for name in terms.fields:
        if name not in release:
            measured = _measured(aggregate, name) if aggregate else ""
            if measured:
                message = f"`{name}` is a measure: ask for `{measured}`, the field that it is of"
                return _refuse(rule, 4, Reason.FIELD_NOT_RELEASED, message)
            return _refuse(
                rule, 4, Reason.FIELD_NOT_RELEASED, f"field `{_known(rule, name)}` is not released"
            )
    if aggregate is None:
        return None
    asked = set(terms.fields)
    for name in aggregate.dimensions:
        if name not in asked:
            # A table without one of its dimensions is a margin, and the clause publishes none.
            return _refuse(
                rule, 4, Reason.FIELD_NOT_RELEASED, f"dimension `{name}` must be asked for"
            )
    if not any(measure.field in asked for measure in aggregate.measures):
        fields = sorted({measure.field for measure in aggregate.measures if measure.field})
        names = ", ".join(f"`{name}`" for name in fields)
        return _refuse(rule, 4, Reason.NO_FIELDS, f"no field is asked for that is counted: {names}")
    return None


def _measured(table: Aggregate, name: str) -> str:
    """Return the field that a measure of the table is of, or is worked out of; else nothing."""
    by_name = {measure.name: measure for measure in table.measures}
    measure = by_name.get(name)
    if measure is not None and measure.derived is not None:
        measure = by_name.get(measure.derived.of)
    return measure.field if measure is not None else ""


def _known(rule: FlowRule, name: str) -> str:
    # A name that the dataset does not have is the caller's free text, and is not repeated.
    return name if name in rule.dataset.fields else "?"


def _filters(agreements: Agreements, rule: FlowRule, terms: Terms) -> Refusal | None:
    aggregate = rule.provision.aggregate
    for condition in terms.where:
        if aggregate is not None:
            permitted = _names_periods(rule, aggregate, condition)
        else:
            permitted = condition.field in rule.passes
        if not permitted:
            return _refuse(
                rule,
                4,
                Reason.FILTER_NOT_PERMITTED,
                f"field `{_known(rule, condition.field)}` is not one to filter by",
            )
        field = rule.dataset.fields[condition.field]
        listed = agreements.codes.lists.get(field.codes or "")
        if listed is not None and not set(condition.values) <= set(listed):
            # A value that is no code leaves masked: to ask for it would tell that it is there.
            return _refuse(
                rule,
                4,
                Reason.FILTER_NOT_PERMITTED,
                f"field `{condition.field}`: a literal is not of the field's code list",
            )
        if not _readable(condition, field):
            return _refuse(
                rule,
                4,
                Reason.FILTER_NOT_PERMITTED,
                f"field `{condition.field}`: operator or literal is not of the field's type",
            )
    return None


def _readable(condition: Condition, field: FieldRule) -> bool:
    if condition.op in _EQUAL:
        several = condition.op in _MANY
        if field.type is FieldType.LIST or field.free_text:
            return False
    elif field.type in _ORDERED:
        several = False
    else:
        return False
    if not condition.values or (len(condition.values) > 1 and not several):
        return False
    return all(_literal_fits(value, field.type) for value in condition.values)


def _literal_fits(value: Scalar, type_: FieldType) -> bool:
    if type_ is FieldType.NUMBER and isinstance(value, int) and not isinstance(value, bool):
        return True
    naive = isinstance(value, dt.datetime) and value.tzinfo is None
    return fits(value, type_) and not naive


def _names_periods(rule: FlowRule, aggregate: Aggregate, condition: Condition) -> bool:
    # A table is cut by its fixed periods only: any other cut could be subtracted from a second one.
    return (
        condition.field == rule.dataset.event_date
        and condition.field in aggregate.dimensions
        and condition.op in (Operator.EQ, Operator.IN)
    )


def _role(rule: FlowRule, request: Request) -> Refusal | None:
    for roles in rule.roles:
        if roles.isdisjoint(request.caller.roles):
            return _refuse(
                rule, 5, Reason.ROLE_NOT_LISTED, "the caller holds none of the provision's roles"
            )
    return None


def _limits(rule: FlowRule, standing: Standing) -> Refusal | None:
    limits = rule.provision.limits
    if standing.duties_overdue:
        return _refuse(rule, 6, Reason.DUTY_OVERDUE, "a duty of the recipient is overdue")
    if standing.repeat:
        return None
    if standing.requests_last_minute >= limits.requests_per_minute:
        return _refuse(rule, 6, Reason.RATE_LIMIT, "`requests_per_minute` is reached")
    if standing.rows_today >= limits.rows_per_day:
        return _refuse(rule, 6, Reason.ROW_LIMIT, "`rows_per_day` is reached")
    return None


def _periods(
    agreements: Agreements, rule: FlowRule, terms: Terms, standing: Standing, now: dt.datetime
) -> tuple[dt.date, ...] | Refusal:
    """Return the periods of a table that leave, by first day; none at record level."""
    aggregate = rule.provision.aggregate
    if aggregate is None:
        return ()
    periods = _closed(rule, aggregate, terms, standing, now)
    if isinstance(periods, Refusal):
        return periods
    if overspent(agreements, rule, periods, standing.told, now):
        return _refuse(rule, 6, Reason.BUDGET_SPENT, SPENT)
    return periods


def _closed(
    rule: FlowRule, aggregate: Aggregate, terms: Terms, standing: Standing, now: dt.datetime
) -> tuple[dt.date, ...] | Refusal:
    """Return the periods that are asked for, where all of them are closed and none has left."""
    grid = aggregate.grid
    # A period ends at midnight where the agreement lives, as its term does.
    today = now.astimezone(ZoneInfo(rule.pact.agreement.term.timezone)).date()
    open_since = closed_periods(grid.anchor, grid.period, grid.lag, today)
    spent = standing.periods_released
    if terms.where:
        asked = {value for condition in terms.where for value in condition.values}
        if len(terms.where) > 1 or not asked <= set(open_since):
            return _refuse(
                rule, 6, Reason.PERIOD_OPEN, "a period asked for is not closed, or is no period"
            )
        if asked & spent:
            return _refuse(rule, 6, Reason.CELL_RELEASED, "a period asked for has left already")
        return tuple(period for period in open_since if period in asked)
    if not open_since:
        return _refuse(rule, 6, Reason.PERIOD_OPEN, "no period is closed yet")
    left = tuple(period for period in open_since if period not in spent)
    if not left:
        return _refuse(rule, 6, Reason.CELL_RELEASED, "every closed period has left already")
    return left
