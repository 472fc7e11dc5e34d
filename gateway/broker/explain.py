"""What would be decided, and why: from the agreements alone, nothing read, nothing logged. Pure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from gateway.agreement.aggregate import Percent
from gateway.agreement.budget import amount_text
from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
)
from gateway.agreement.exception_form import WHOLE
from gateway.broker.headers import header_of
from gateway.decide import Refusal, Standing, decide

if TYPE_CHECKING:
    import datetime as dt

    from gateway.agreement.aggregate import Aggregate, Derived, Disclosure, NoiseRule
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.plan.build import Builder
    from gateway.plan.ops import Plan
    from gateway.values import Header, Request


@dataclass(frozen=True, slots=True)
class Explanation:
    """A header as an exchange would have it, or a refusal; never both.

    Attributes:
        reads: Fields read at the provider.
        withheld: Fields that never leave under the provision.
        undecided: What hangs on rows, persons or limits, named and not evaluated.
        plan: Canonical JSON of the plan; empty for a refusal.
    """

    header: Header | None
    refusal: Refusal | None
    reads: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    plan: str = ""


def explain(
    agreements: Agreements, builder: Builder, request: Request, now: dt.datetime
) -> Explanation:
    """Return what `decide` and `plan/build` make of a request, for either party of the flow."""
    grant = decide(agreements, _as_recipient(agreements, request), Standing(), now)
    if isinstance(grant, Refusal):
        return Explanation(None, grant)
    plan = builder.build(agreements, grant)
    rule = plan.rule
    return Explanation(
        header_of(plan, ""),
        None,
        plan.scan.names,
        rule.provision.withhold,
        (*_undecided(rule), *_classes(plan)),
        plan.text.decode("ascii"),
    )


def _as_recipient(agreements: Agreements, request: Request) -> Request:
    """Return the request as the recipient would make it.

    A provider may ask what its partner gets.
    """
    terms = request.terms
    if request.caller.agency != terms.provider:
        return request
    roles = frozenset(
        role for rule in agreements.rules_of(terms) for group in rule.roles for role in group
    )
    caller = dataclasses.replace(request.caller, agency=terms.recipient, roles=roles)
    return dataclasses.replace(request, caller=caller)


def _classes(plan: Plan) -> list[str]:
    """Return which classes the rows must stand in: it hangs on all of them together."""
    asked = plan.classes
    if asked is None:
        return []
    alike = ", ".join(f"`{name}`" for name in asked.alike) or "nothing"
    lines = [f"classes: at least {asked.k} distinct `{asked.person}` are alike in {alike}"]
    lines += [f"classes: at least {asked.l} values of `{name}` in each" for name in asked.sensitive]
    if asked.suppress:
        lines.append(
            "classes: rows of another class stay behind, and their number is told from"
            f" {asked.least_told} people on"
        )
    else:
        lines.append("classes: another class refuses the whole exchange")
    return lines


def _undecided(rule: FlowRule) -> list[str]:
    lines = []
    for one in rule.provision.when:
        match one:
            case ConsentCondition():
                lines.append(f"row: consent to {one.purpose} is granted")
            case OptOutCondition():
                lines.append(f"row: no opt-out from {one.purpose}")
            case FieldCondition():
                lines.append(f"row: `{one.field}` {one.op.value} what the provision names")
            case WithinCondition():
                lines.append(f"row: `{one.field}` within {one.window.text} of now")
            case RoleCondition():
                pass
            case _:
                assert_never(one)
    limits = rule.provision.limits
    lines.append(f"limit: {limits.requests_per_minute} requests a minute")
    lines.append(f"limit: {limits.rows_per_request} rows a request")
    lines.append(f"limit: {limits.rows_per_day} rows a day")
    if rule.provision.aggregate is not None:
        lines.append("limit: each closed period once")
        lines += _told(rule.provision.aggregate)
    return lines


def _all_the_same(table: Aggregate) -> list[str]:
    """Return which small counts are published, and what is public already, in words."""
    rules = table.disclosure
    lines = []
    for one in table.measures:
        if one.where is not None:
            values = ", ".join(str(value) for value in one.where.values)
            lines.append(f"table: `{one.name}` counts where `{one.where.field}` is {values}")
            if rules.unless is not None:
                whole = f"`{rules.unless.denominator}` is {rules.unless.at_least} or more"
                lines.append(f"table: `{one.name}` leaves however small where {whole}")
    for kind in rules.exempt:
        names = " and ".join(f"`{name}`" for name, level in kind.items() if level != WHOLE)
        lines.append(f"table: counts by {names} alone leave however small")
    for kind in rules.known:
        names = " and ".join(f"`{name}`" for name, level in kind.items() if level != WHOLE)
        lines.append(f"table: judged beside totals by {names}, which are public elsewhere")
    return lines


def _told(table: Aggregate) -> list[str]:
    """Return what a table tells and what it holds back, in an officer's words."""
    rules = table.disclosure
    if rules.noise is not None:
        return _noise(rules.noise, table.unit)
    least = f"{rules.min_cell} ({rules.preset})" if rules.preset else f"{rules.min_cell}"
    small = f"a cell of fewer than {least} distinct `{table.unit}` is {rules.marker}"
    if rules.rounded_to:
        small = f"every number is rounded to {rules.rounded_to} by itself: totals need not add up"
    lines = [
        f"table: {small}",
        f"table: whatever leaves, it may be any of {rules.min_interval + 1} numbers or more",
        f"table: judged beside every table of the dataset that left before, {_judged(rules)}",
    ]
    lines += _all_the_same(table)
    lines += [f"table: totals of each {' and '.join(one) or 'table'}" for one in table.margins]
    for one in rules.impossible:
        where = " and ".join(f"`{name}` in {', '.join(levels)}" for name, levels in one)
        lines.append(f"table: no cell counts where {where}; a record there refuses the table")
    lines += [_worked_out(one.name, one.derived) for one in table.measures if one.derived]
    lines += [
        f"table: `{name}` also by {', '.join(f'`{one}`' for one in coarser)}, with its level beside"
        for name, coarser in table.levels.items()
    ]
    if rules.ladder.automatic:
        rungs = ", then ".join(f"`{fine} -> {coarse}`" for fine, coarse in rules.ladder.rungs)
        lines.append(f"table: where it cannot be protected, {rungs}; the header says which")
    if rules.dominance:
        lines.append(
            f"table: no sum of which {rules.dominance['largest']} givers have more than "
            f"{rules.dominance['percent']} %, or one could tell another within "
            f"{rules.dominance['p']} %"
        )
    return lines


def _judged(rules: Disclosure) -> str:
    """Return whose tables count as held by the one attacker."""
    if rules.colluding is None:
        return "to whomever"
    who = ", ".join(f"`{one}`" for one in sorted(rules.colluding))
    return f"to {who}, and to whomever once one has left that is safe from all"


def _worked_out(name: str, given: Derived) -> str:
    """Return what a percentage or a rate is of."""
    if isinstance(given, Percent):
        return f"table: `{name}` is `{given.of}` in percent of the total over `{given.over}`"
    held = f", suppressed from {given.reliable} % of error on" if given.reliable else ""
    return (
        f"table: `{name}` is `{given.of}` for each {given.per} people by `{given.by}`"
        f" ({given.population}){held}"
    )


def _noise(noise: NoiseRule, unit: str) -> list[str]:
    spends = f"{amount_text(noise.rho)} of a budget of {amount_text(noise.budget)}"
    return [
        "noise: every cell has it, no threshold is applied, and a number may be negative",
        f"noise: one `{unit}` is counted in at most {noise.bound} cells",
        f"noise: a release spends {spends} for all that count as one attacker",
        "noise: no exact table of the same days left, or leaves later",
    ]
