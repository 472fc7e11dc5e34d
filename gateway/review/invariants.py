"""Claims of an officer's file of tests, held against every provision and every request. Pure.

Who gets what is asked twice: of the files, as `reach` reads them, and of `decide`, by every request
that agencies, datasets, purposes, fields and roles can make. What either of them finds, counts.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from gateway.agreement.index import FlowKey, field_meets, flow_meets
from gateway.agreement.model import Selectors
from gateway.agreement.strength import as_strong, longer, tells_nothing
from gateway.agreement.testing import (
    DeleteWithin,
    MaskedAtLeast,
    MinCell,
    NeverReaches,
    NoRelease,
    OnwardNever,
    ReachesExactly,
)
from gateway.agreement.unmatched import unmatched
from gateway.decide import Grant, Standing, decide
from gateway.review.reach import Way, selected, ways
from gateway.values import Caller, Request, Terms

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from gateway.agreement.dataset import Dataset, FieldRule
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.agreement.testing import Invariant


@dataclass(frozen=True, slots=True)
class Ground:
    """What invariants are held against.

    Attributes:
        agreements: Everything, compiled as if every signature were there.
        agreement: The id of the one whose file states them.
        ways: Finds every way to a field, in any file; asked only by a claim about who gets what,
            since it asks every request there can be.
    """

    agreements: Agreements
    agreement: str
    ways: Callable[[], tuple[Way, ...]]

    @property
    def own(self) -> tuple[FlowRule, ...]:
        """The provisions of the one agreement."""
        rules = itertools.chain.from_iterable(self.agreements.flows.values())
        return tuple(one for one in rules if one.pact.agreement.id == self.agreement)

    def agencies(self, names: frozenset[str]) -> set[str]:
        """Return the agencies that aliases, or ids, name."""
        [own] = [
            one.agreement for one in self.agreements.pacts if one.agreement.id == self.agreement
        ]
        return {own.parties[one].agency if one in own.parties else one for one in names}


def every_way(agreements: Agreements, now: dt.datetime) -> tuple[Way, ...]:
    """Return every way to every field: those of the files, and all that `decide` grants."""
    found = {_key(way): way for way in itertools.chain(granted(agreements, now), ways(agreements))}
    return tuple(found[key] for key in sorted(found))


def _key(way: Way) -> tuple[str, str, str, str, bool]:
    return way.agency.id, way.name, way.rule.purpose, way.rule.ref, way.onward


# --- every request ---


def granted(agreements: Agreements, now: dt.datetime) -> Iterator[Way]:
    """Yield a way for each field that `decide` grants to any request there can be."""
    agencies = tuple(agreements.registry.agencies)
    for provider, recipient in itertools.product(agencies, agencies):
        for dataset in agreements.datasets.values():
            for purpose in agreements.purposes.leaves:
                asked = (provider, recipient, str(dataset.id), purpose)
                yield from _granted(agreements, asked, dataset, now)


def _granted(
    agreements: Agreements, asked: tuple[str, str, str, str], dataset: Dataset, now: dt.datetime
) -> Iterator[Way]:
    provider, recipient, _, purpose = asked
    rules = agreements.flows.get(FlowKey(*asked), ())
    roles = frozenset(role for rule in rules for group in rule.roles for role in group)
    for fields in _lists(dataset, rules):
        terms = Terms(provider, recipient, dataset.id, purpose, fields)
        for held in {roles, frozenset()}:
            request = Request("", terms, Caller(recipient, bytes(32), roles=held))
            answer = decide(agreements, request, Standing(), now)
            if isinstance(answer, Grant):
                for name in fields:
                    mask = answer.rule.provision.release[name]
                    if not tells_nothing(mask):
                        field = dataset.fields[name]
                        yield Way(answer.rule.recipient, answer.rule, field, mask, onward=False)


def _lists(dataset: Dataset, rules: tuple[FlowRule, ...]) -> Iterator[tuple[str, ...]]:
    """Yield lists of fields to ask for: each field by itself, where there is anybody to give it.

    Where no provision is of a flow, no list of fields is answered otherwise than all of them.
    """
    if not rules:
        yield tuple(dataset.fields)
    for rule in rules:
        table = rule.provision.aggregate
        needed = () if table is None else (*table.dimensions, table.unit)
        for name in dataset.fields:
            yield tuple(dict.fromkeys((*needed, name)))


# --- claims ---


def broken(on: Ground, one: Invariant) -> tuple[str, ...]:
    """Return how a claim does not hold, a sentence for each way; nothing where it does.

    A claim about what does not exist holds of anything, and so is no proof: it counts as broken.
    """
    known = on.agreements
    vacuous = unmatched(_about(one), known.datasets.values(), known.purposes.leaves)
    return tuple(vacuous) or tuple(dict.fromkeys(_broken(on, one)))


def _about(one: Invariant) -> Selectors:
    """Return what a claim speaks of; nothing selected is everything."""
    match one:
        case ReachesExactly():
            return Selectors(field=frozenset({f"{one.dataset}.{one.field}"}))
        case MinCell():
            return Selectors()
        case NeverReaches() | OnwardNever() | MaskedAtLeast() | DeleteWithin() | NoRelease():
            return one.when
        case _:
            assert_never(one)


def _broken(on: Ground, one: Invariant) -> Iterator[str]:
    match one:
        case NeverReaches():
            yield from (_reaches(way) for way in selected(on.ways(), one.when))
        case OnwardNever():
            yield from (_reaches(way) for way in selected(on.ways(), one.when) if way.onward)
        case ReachesExactly():
            yield from _exactly(on, one)
        case MinCell():
            yield from _min_cell(on, one.people)
        case MaskedAtLeast():
            yield from _masked(on, one)
        case DeleteWithin():
            yield from _kept_longer(on, one)
        case NoRelease():
            yield from (
                f"{rule.provision.id} releases `{field.name}`"
                for rule in on.own
                for field in _released(rule, one.when)
            )
        case _:
            assert_never(one)


def _reaches(way: Way) -> str:
    road = "may be given on" if way.onward else "leaves"
    return f"`{way.name}` {road} to {way.agency.id} by {way.rule.ref}"


def _exactly(on: Ground, one: ReachesExactly) -> Iterator[str]:
    name = f"{one.dataset}.{one.field}"
    found = selected(on.ways(), _about(one))
    wanted = on.agencies(one.parties)
    yield from (_reaches(way) for way in found if way.agency.id not in wanted)
    for agency in sorted(wanted - {way.agency.id for way in found}):
        yield f"`{name}` does not reach {agency}"


def _min_cell(on: Ground, people: int) -> Iterator[str]:
    for rule in on.own:
        table = rule.provision.aggregate
        if table is None:
            continue
        rules = table.disclosure
        if rules.noise is not None:
            yield f"{rule.provision.id} publishes every cell, with noise"
        elif rules.min_cell < people:
            yield f"{rule.provision.id} publishes a cell of {rules.min_cell}"
        elif rules.exempt or rules.unless is not None:
            yield f"{rule.provision.id} publishes some smaller counts by an exception"


def _masked(on: Ground, one: MaskedAtLeast) -> Iterator[str]:
    for rule in on.own:
        for field in _released(rule, one.when):
            mask = rule.provision.release[field.name]
            if not as_strong(mask, one.mask, rule.dataset.maps):
                yield f"{rule.provision.id} releases `{field.name}` as {mask.note().text}"


def _kept_longer(on: Ground, one: DeleteWithin) -> Iterator[str]:
    for rule in on.own:
        kept = rule.provision.duties.delete_after
        if longer(kept, one.span) and any(_released(rule, one.when)):
            yield f"{rule.provision.id} lets its recipient keep what it gets for {kept.text}"


def _released(rule: FlowRule, when: Selectors) -> Iterator[FieldRule]:
    """Yield the released fields that are selected."""
    shape = rule.provision.delivery.shape
    flow = (rule.provider.kind, rule.recipient.kind, rule.purpose, shape, rule.dataset)
    if flow_meets(when, *flow):
        for name in rule.provision.release:
            field = rule.dataset.fields[name]
            if field_meets(when, rule.dataset, field):
                yield field
