"""`accord agreements simulate`: what a provision would let leave of sample records, and how seen.

The records run through the decision, the plan and the engine that serve, as if every signature were
there. Nothing is sent, nothing is logged, and what is printed is for the provider's officer alone.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import printable
from gateway.cli.explain import as_signed
from gateway.cli.officers import EXIT_FINDINGS, EXIT_REFUSED, good, instant
from gateway.cli.samples import moved, read_sample
from gateway.cli.seen import Seen, as_json, lines
from gateway.cli.synthetic import synthetic
from gateway.cli.tables import tables
from gateway.cli.trial import Trial
from gateway.decide import Refusal, Standing, decide
from gateway.errors import RefusedError, ReleaseError, SettingsError
from gateway.plan.rows import stays
from gateway.plan.where_build import register_of
from gateway.review import simulate
from gateway.review.cells import cells_seen
from gateway.review.tables import named_tables
from gateway.settings import gateway_settings
from gateway.values import Caller, Request, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.agreement.index import Agreements, FlowRule
    from gateway.decide import Grant
    from gateway.plan.reference import Table
    from gateway.values import Row

SYNTHETIC: Final = 200
"""Records that are drawn where the officer has none and says no number."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Where the records come from.

    Attributes:
        file: Empty for synthetic ones.
        count: How many synthetic ones.
        seed: By which those are drawn.
        shift: By how many days all dates are moved.
    """

    file: str = ""
    count: int = SYNTHETIC
    seed: int = 1
    shift: int = 0


UNASKED: Final = (
    "the register of consents is not asked here: whoever withdrew there stays behind too, and "
    "whoever has no word there, where records have none"
)


def run_simulate(
    folder: str,
    provision: str,
    purpose: str,
    sample: Sample,
    gateway: str,
    show: int,
    now: str,
    *,
    form: str = "text",
) -> int:
    """Print what becomes of each field or cell; 7 where nothing at all may leave.

    Raises:
        SettingsError: An option is wrong, or the sample cannot be read.
    """
    if form not in {"text", "json"}:
        raise SettingsError("`--format` is text or json")
    moment = instant(now)
    read = good(Path(folder), moment)
    if read is None:
        return EXIT_FINDINGS
    agreements = as_signed(read)
    agreements, rule = pulled(agreements, chosen(agreements, provision, purpose))
    if not now:
        moment = in_term(rule, moment)
    rows = _rows(agreements, rule, sample, moment)
    granted = _granted(agreements, rule, moment)
    if isinstance(granted, Refusal):
        return _refused(granted.step, granted.reason.value, granted.message)
    try:
        named = named_tables(one.model for one in read.agreements)
        trial = Trial(_tables(gateway) if gateway else named)
        seen = replace(_seen(trial, agreements, granted, rows), late_days=_late(granted, rows))
    except RefusedError as error:
        return _refused(error.step, error.reason.value, error.message)
    except ReleaseError as error:
        return _refused(0, error.reason.value, error.message)
    if form == "json":
        sys.stdout.write(json.dumps(as_json(seen), sort_keys=True, default=str) + "\n")
        return 0
    sys.stdout.writelines(f"{printable(line)}\n" for line in lines(seen, moment, show))
    if register_of(rule) is not None:
        sys.stdout.write(f"{UNASKED}\n")
    return 0


def chosen(agreements: Agreements, name: str, purpose: str) -> FlowRule:
    """Return the one flow that a name and a purpose mean.

    Args:
        agreements: Where it is looked for.
        name: A provision's id, or its beginning up to a dash, as `P3`; with the agreement's id and
            a slash before it where several files have it.
        purpose: Of a provision of several, which; empty for the first.

    Raises:
        SettingsError: None is meant, or several are.
    """
    every = [rule for rules in agreements.flows.values() for rule in rules]
    agreement, _, own = name.rpartition("/")
    found = [
        rule
        for rule in every
        if own in (rule.provision.id, rule.provision.id.partition("-")[0])
        and agreement in ("", rule.pact.agreement.id)
        and purpose in ("", rule.purpose)
    ]
    refs = sorted({rule.ref for rule in found})
    if len(refs) > 1:
        raise SettingsError(f"several provisions are meant: {', '.join(refs)}")
    if not found:
        known = ", ".join(sorted({rule.ref for rule in every}))
        raise SettingsError(f"no provision is meant; there are: {known}")
    return found[0]


def pulled(agreements: Agreements, rule: FlowRule) -> tuple[Agreements, FlowRule]:
    """Return agreements in which a flow is pulled, and its provision there.

    A push is decided as its recipient's request would be: what may leave is the same.
    """
    delivery = replace(rule.provision.delivery, mode="pull")
    own = replace(rule, provision=replace(rule.provision, delivery=delivery))
    flows = {
        key: tuple(own if one is rule else one for one in rules)
        for key, rules in agreements.flows.items()
    }
    return replace(agreements, flows=flows), own


def in_term(rule: FlowRule, now: dt.datetime) -> dt.datetime:
    """Return now, or the middle of the term where that is another time."""
    pact = rule.pact
    return now if pact.starts <= now < pact.ends else pact.starts + (pact.ends - pact.starts) / 2


def _rows(
    agreements: Agreements, rule: FlowRule, sample: Sample, now: dt.datetime
) -> Sequence[Row]:
    if sample.file:
        rows = read_sample(Path(sample.file), rule.dataset)
    else:
        if sample.count < 1:
            raise SettingsError("`--synthetic` is a number of records from 1 on")
        rows = synthetic(agreements, rule, now, sample.count, sample.seed)
    if not rows:
        raise SettingsError("the sample has no record")
    return moved(rows, sample.shift) if sample.shift else rows


def _granted(agreements: Agreements, rule: FlowRule, now: dt.datetime) -> Grant | Refusal:
    """Return what the recipient is granted who asks for everything, in every role."""
    roles = frozenset(role for some in rule.roles for role in some)
    caller = Caller(rule.recipient.id, bytes(32), roles=roles)
    fields = tuple(rule.provision.release)
    terms = Terms(rule.provider.id, rule.recipient.id, rule.dataset.id, rule.purpose, fields)
    return decide(agreements, Request("", terms, caller), Standing(), now)


def _tables(gateway: str) -> Mapping[str, Table]:
    """Return the reference tables of a deployment."""
    path = Path(gateway)
    return tables(path, gateway_settings(path))


def _seen(trial: Trial, agreements: Agreements, grant: Grant, rows: Sequence[Row]) -> Seen:
    plan = trial.plan(agreements, grant, len(rows))
    behind = simulate.behind(grant, rows)
    if plan.group is None:
        left = trial.records(plan, rows)
        found = simulate.pairs(plan, rows, left.rows)
        return Seen(
            grant.rule,
            len(rows),
            behind,
            staying=sum(stays(row, plan.where) for row in rows),
            fields=simulate.fields_seen(plan, found),
            pairs=found,
            before=simulate.likeness_before(plan, found),
            after=simulate.likeness_after(plan, found),
            crowd=left.crowd,
        )
    if plan.suppress is not None and plan.suppress.noise is not None:
        raise SettingsError("a table with noise is not simulated: each look would draw again")
    judged = trial.table(plan, rows)
    cells = cells_seen(plan, judged.counted, judged.verdict, judged.release.batch)
    return Seen(
        grant.rule,
        len(rows),
        behind,
        cells=cells,
        dimensions=plan.group.dimensions,
        measures=tuple(one.name for one in plan.group.measures),
        least=plan.suppress.min_cell if plan.suppress else 0,
        rung=judged.verdict.rung,
    )


def _late(grant: Grant, rows: Sequence[Row]) -> int | None:
    """Return how many days before now the newest event of a sample was."""
    date = grant.rule.dataset.event_date
    days = [day for row in rows if date and isinstance(day := row[date], dt.date)]
    return (grant.now.date() - max(days)).days if days else None


def _refused(step: int, reason: str, message: str) -> int:
    at = f" at step {step}" if step else ""
    sys.stdout.write(printable(f"nothing leaves: refused{at}, {reason}: {message}") + "\n")
    return EXIT_REFUSED
