"""The row filter of a plan: what a clause demands, and what a caller narrows it to. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never
from zoneinfo import ZoneInfo

from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
)
from gateway.agreement.spans import add, before
from gateway.plan.ops import Register, SubjectSystem, Where
from gateway.values import Condition, FieldType, Means, Operator

if TYPE_CHECKING:
    import datetime as dt

    from gateway.agreement.index import FlowRule
    from gateway.decide import Grant
    from gateway.values import Terms


def meaning(rule: FlowRule, means: Means) -> list[str]:
    """Return the fields of a flow's dataset that mean something."""
    return [one.name for one in rule.dataset.fields.values() if one.means is means]


def where_of(rule: FlowRule, terms: Terms, grant: Grant) -> Where:
    """Return the row filter: the clause's conditions, then the caller's or the periods."""
    conditions: list[Condition] = []
    consent: list[str] = []
    opt_out: list[tuple[str, FieldType]] = []
    unanswerable = False
    for one in rule.provision.when:
        match one:
            case FieldCondition():
                conditions.append(Condition(one.field, one.op, one.values))
            case WithinCondition():
                conditions += _window(rule, one, grant.now)
            case ConsentCondition():
                found = meaning(rule, Means.CONSENT)
                consent += found
                unanswerable |= not (found or rule.dataset.subjects)
            case OptOutCondition():
                found = meaning(rule, Means.OPT_OUT)
                opt_out += [(name, rule.dataset.fields[name].type) for name in found]
                unanswerable |= not (found or rule.dataset.subjects)
            case RoleCondition():
                pass
            case _:
                assert_never(one)
    if rule.provision.aggregate is None:
        conditions += terms.where
    else:
        conditions += _periods(rule, grant)
    return Where(tuple(conditions), tuple(consent), tuple(opt_out), unanswerable)


def systems_of(rule: FlowRule) -> tuple[SubjectSystem, ...]:
    """Return what names the people of a flow's dataset: identifier spaces of its provider."""
    return tuple(
        SubjectSystem(f"{rule.provider.id}/{one.system}", one.fields)
        for one in rule.dataset.subjects
    )


def register_of(rule: FlowRule) -> Register | None:
    """Return what the register of consents is asked; None where nothing is, or nobody is named."""
    systems = systems_of(rule)
    when = rule.provision.when
    consent = [one.purpose for one in when if isinstance(one, ConsentCondition)]
    opt_out = [one.purpose for one in when if isinstance(one, OptOutCondition)]
    if not systems or not (consent or opt_out):
        return None
    # Where records have a word for consent theirs is needed, and the register can take it back.
    granted = () if meaning(rule, Means.CONSENT) else tuple(consent)
    return Register(systems, granted, tuple(dict.fromkeys((*consent, *opt_out))))


def _window(rule: FlowRule, one: WithinCondition, now: dt.datetime) -> list[Condition]:
    first: dt.date | dt.datetime = before(now, one.window)
    last: dt.date | dt.datetime = now
    if rule.dataset.fields[one.field].type is FieldType.DATE:
        zone = ZoneInfo(rule.pact.agreement.term.timezone)
        first = before(now, one.window).astimezone(zone).date()
        last = now.astimezone(zone).date()
    # The future is outside: a clock that runs ahead at the source opens no window.
    return [
        Condition(one.field, Operator.GTE, (first,)),
        Condition(one.field, Operator.LTE, (last,)),
    ]


def _periods(rule: FlowRule, grant: Grant) -> list[Condition]:
    aggregate = rule.provision.aggregate
    assert aggregate is not None  # noqa: S101 - the caller looked
    date = rule.dataset.event_date
    assert date is not None  # noqa: S101 - lint demands it of a provision with a grid
    first = grant.periods[0]
    last = add(grant.periods[-1], aggregate.grid.period)
    return [
        Condition(date, Operator.GTE, (first,)),
        Condition(date, Operator.LT, (last,)),
    ]
