"""Requests at random, most of them one change away from what some provision permits."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.review.export.cedar import ACTION, spelled
from gateway.values import Caller, Condition, DatasetId, FieldType, Operator, Request, Terms
from tests.review.cedar_worlds import ROLES

if TYPE_CHECKING:
    import random

    from gateway.agreement.index import Agreements, FlowRule

TICK: Final = dt.timedelta(microseconds=1)
_LITERAL: Final[dict[FieldType, Any]] = {
    FieldType.STRING: "37063",
    FieldType.INTEGER: 2,
    FieldType.NUMBER: 2.5,
    FieldType.BOOLEAN: True,
    FieldType.DATE: dt.date(2026, 7, 1),
    FieldType.TIMESTAMP: dt.datetime(2026, 7, 1, tzinfo=dt.UTC),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One question for both: a request, an instant, and what the person of the record said."""

    request: Request
    now: dt.datetime
    consents: frozenset[str]
    opt_outs: frozenset[str]

    def in_cedar(self) -> list[dict[str, Any]]:
        """Return the request as Cedar reads it, for records and for a table."""
        terms, caller = self.request.terms, self.request.caller
        context = {
            "now": {"__extn": {"fn": "datetime", "arg": spelled(self.now)}},
            "provider": _agency(terms.provider),
            "recipient": _agency(terms.recipient),
            "purpose": terms.purpose,
            "fields": list(terms.fields),
            "filters": sorted({one.field for one in terms.where}),
            "roles": sorted(caller.roles),
            "consents": sorted(self.consents),
            "opt_outs": sorted(self.opt_outs),
        }
        return [
            {
                "principal": {"type": "Accord::Agency", "id": caller.agency},
                "action": {"type": "Accord::Action", "id": action},
                "resource": {"type": "Accord::Dataset", "id": str(terms.dataset)},
                "context": context,
            }
            for action in ACTION.values()
        ]


def _agency(name: str) -> dict[str, Any]:
    return {"__entity": {"type": "Accord::Agency", "id": name}}


def ask(draw: random.Random, world: Agreements) -> Asked:
    """Return a question about some flow of the world, with up to three things wrong."""
    rules = [rule for _, several in sorted(world.flows.items()) for rule in several]
    rule = draw.choice(rules)
    wrong = set(draw.sample(range(9), draw.choice((0, 0, 0, 1, 1, 2))))
    agencies = [*world.registry.agencies, "nobody"]
    purposes = [*world.purposes.leaves, "care", "no.such"]
    datasets = [*(schema.id for schema in world.datasets.values()), DatasetId("no.such", 1)]
    recipient = draw.choice(agencies) if wrong & {0, 8} else rule.recipient.id
    caller = draw.choice(agencies) if 1 in wrong else recipient
    if 8 in wrong:
        caller = rule.recipient.id
    roles = {draw.choice(sorted(group)) for group in rule.roles}
    if 5 in wrong:
        roles = set(draw.sample(ROLES, draw.randrange(3)))
    everything = set(purposes)
    said = draw.random() < 0.5
    return Asked(
        Request(
            "",
            Terms(
                draw.choice(agencies) if 2 in wrong else rule.provider.id,
                recipient,
                draw.choice(datasets) if 3 in wrong else rule.dataset.id,
                draw.choice(purposes) if 4 in wrong else rule.purpose,
                _fields(draw, rule, wrong=6 in wrong),
                _filters(draw, world, rule),
            ),
            Caller(caller, bytes(32), roles=frozenset(roles)),
        ),
        _instant(draw, world, rule),
        frozenset(draw.sample(sorted(everything), 3)) if 7 in wrong else frozenset(everything),
        frozenset(draw.sample(sorted(everything), 3)) if 7 in wrong and said else frozenset(),
    )


def _fields(draw: random.Random, rule: FlowRule, *, wrong: bool) -> tuple[str, ...]:
    released = sorted(rule.provision.release)
    chosen = set(draw.sample(released, draw.randrange(1, len(released) + 1)))
    if rule.provision.aggregate is not None:
        chosen |= set(rule.provision.aggregate.dimensions)
    if wrong:
        chosen = set(
            draw.choice(([], [*chosen, "none_such"], list(rule.dataset.fields)[:3], chosen))
        )
        if chosen and draw.random() < 0.5:
            chosen -= {draw.choice(sorted(chosen))}
    return tuple(sorted(chosen))


def _filters(draw: random.Random, world: Agreements, rule: FlowRule) -> tuple[Condition, ...]:
    """Return up to one condition whose operator and literal are good: Cedar is told neither."""
    if draw.random() < 0.7:
        return ()
    names = sorted(rule.dataset.fields)
    if draw.random() < 0.7:
        names = sorted(rule.passes) or names
    field = rule.dataset.fields[draw.choice(names)]
    listed = world.codes.lists.get(field.codes or "")
    literal = draw.choice(listed) if listed else _LITERAL.get(field.type, "other")
    return (Condition(field.name, Operator.EQ, (literal,)),)


def _instant(draw: random.Random, world: Agreements, rule: FlowRule) -> dt.datetime:
    """Return an instant in term, or one beside an edge of what it hangs on."""
    spans = [(rule.pact.starts, rule.pact.ends)]
    spans += [(one.starts, one.ends) for one in rule.attestations]
    start, end = max(first for first, _ in spans), min(after for _, after in spans)
    if draw.random() < 0.7:
        return start + abs(end - start) * draw.random()
    edges = [edge for span in spans for edge in span]
    if rule.determined_until is not None:
        edges.append(rule.determined_until)
    edges += [one.ends for one in world.pacts]
    return draw.choice(edges) + draw.choice((-TICK, dt.timedelta(), TICK, -1000 * TICK))
