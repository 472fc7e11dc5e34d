"""Pairs of agreements over a vocabulary so small that every request and record can be tried.

Three agencies, one dataset of four fields, two purposes, two roles, a handful of values. What each
version lets out is not worked out here but tried: every request is decided, and every record that
there can be is filtered and masked as the gateway does it.
"""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gateway.agreement.conditions import FieldCondition, RoleCondition
from gateway.agreement.dataset import MapTable
from gateway.agreement.diff.change import Flow
from gateway.agreement.model import Flow as Between
from gateway.agreement.model import Limits
from gateway.decide import Grant, Standing, decide
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.numbers import Band, Clip, Round
from gateway.masks.plain import Pass, Redact
from gateway.masks.tables import Map
from gateway.plan.build import Builder
from gateway.plan.rows import Program, stays
from gateway.values import (
    AgencyKind,
    Caller,
    DatasetId,
    FieldClass,
    FieldType,
    Means,
    Operator,
    Request,
    Terms,
)
from tests.build import (
    EMS,
    NOW,
    PD,
    PHD,
    RUN,
    SURVEILLANCE,
    a_dataset,
    a_field,
    a_floor,
    a_never,
    a_provision,
    an_agreement,
    pseudonym_key,
    the_agreements,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping

    from gateway.agreement.conditions import When
    from gateway.agreement.index import Agreements
    from gateway.agreement.model import Agreement, Never, Provision
    from gateway.masks.base import Mask
    from gateway.values import Row, Scalar

FIELDS: Final = (
    a_field("run_id", FieldType.STRING, FieldClass.DIRECT_IDENTIFIER, Means.RECORD_ID),
    a_field("age", FieldType.INTEGER, FieldClass.QUASI_IDENTIFIER, Means.AGE),
    a_field("county", FieldType.CODE, FieldClass.QUASI_IDENTIFIER, Means.COUNTY, codes="county"),
    a_field("fatal", FieldType.BOOLEAN, FieldClass.SENSITIVE),
)
MAPS: Final = {
    "two": MapTable("two", {"north": "upper", "south": "lower", "west": "lower"}, None),
    "one": MapTable("one", {"north": "any", "south": "any", "west": "any"}, None),
    "odd": MapTable("odd", {"north": "edge", "south": "middle"}, "edge"),
}
DATASET: Final = a_dataset(FIELDS, maps=MAPS, person=None, unit="run_id", event_date=None)
VALUES: Final[Mapping[str, tuple[Scalar, ...]]] = {
    "run_id": ("R-1", "R-2"),
    "age": (None, -1, 0, 1, 2, 3, 4),
    "county": (None, "north", "south", "west", "east"),  # the last one is on no list
    "fatal": (None, False, True),
}
ALIASES: Final = {"ems": EMS, "phd": PHD, "pd": PD}
PURPOSES: Final = (SURVEILLANCE, "care.outreach")
ROLES: Final = ("analyst", "chief")
KEYED: Final = Pseudonym(method=Method.HMAC, scope=Scope.PROVISION, rotate="P1Y")
MASKS: Final[Mapping[str, tuple[Mask, ...]]] = {
    "run_id": (Pass(), Redact(), KEYED),
    "age": (
        Pass(), Redact(), Round("2"), Band(cuts=(0, 2)), Band(cuts=(0, 1, 2)), Band(cuts=(1, 3)),
        Band(cuts=(0, 1, 2, 3)), Clip(0, 3), Clip(1, 3), Clip(1, 2),
    ),
    "county": (Pass(), Redact(), Map("two"), Map("one"), Map("odd")),
    "fatal": (Pass(), Redact()),
}  # fmt: skip
_RECORDS: Final[tuple[Row, ...]] = tuple(
    dict(zip(VALUES, values, strict=True)) for values in itertools.product(*VALUES.values())
)


@dataclass(frozen=True)
class Pair:
    """Two versions of one agreement, each by itself and compiled."""

    before: Agreement
    after: Agreement
    old: Agreements
    new: Agreements


def a_pair(draw: random.Random, *, nevers: bool = True) -> Pair:
    """Return a version at random and what a few changes made of it.

    Args:
        draw: Where chance comes from.
        nevers: Whether prohibitions change too; else both versions have the same.
    """
    flows = list(itertools.permutations(ALIASES, 2))
    before = tuple(
        _provision(draw, number, flow)
        for number, flow in enumerate(draw.sample(flows, draw.choice((1, 2, 2, 3))), 1)
    )
    after = tuple(_amended(draw, one) for one in before if draw.random() < 0.9)
    if not after or draw.random() < 0.2:
        free = [f for f in flows if f not in {(o.flow.provider, o.flow.recipient) for o in after}]
        after += (_provision(draw, 9, draw.choice(free)),)
    old_nevers, floor = _nevers(draw), a_floor(*_nevers(draw, "F"))
    new_nevers = _nevers(draw) if nevers and draw.random() < 0.5 else old_nevers
    first = an_agreement(*before, never=old_nevers)
    second = an_agreement(*after, never=new_nevers, version="1.1.0")
    old, new = (the_agreements(one, floor=floor, dataset=DATASET) for one in (first, second))
    return Pair(first, second, old, new)


def versions(before: Mapping[str, Mask], after: Mapping[str, Mask]) -> Pair:
    """Return two versions of one flow without conditions: what they release."""
    first, second = (an_agreement(a_provision(one)) for one in (before, after))
    old, new = (the_agreements(one, dataset=DATASET) for one in (first, second))
    return Pair(first, second, old, new)


def _provision(draw: random.Random, number: int, flow: tuple[str, str]) -> Provision:
    purposes = tuple(draw.sample(PURPOSES, draw.choice((1, 1, 2))))
    names = draw.sample(sorted(MASKS), draw.randrange(1, len(MASKS) + 1))
    release = {name: draw.choice(MASKS[name]) for name in sorted(names)}
    return a_provision(
        release,
        _when(draw),
        id=f"P{number}-drawn",
        flow=Between(*flow, RUN, purposes),
        withhold=tuple(sorted(MASKS.keys() - set(names))),
        limits=Limits(draw.choice((2, 6)), 1_000, 10_000),
    )


def _amended(draw: random.Random, one: Provision) -> Provision:
    """Return a provision with some of it drawn again."""
    other = _provision(draw, 0, (one.flow.provider, one.flow.recipient))
    changed: dict[str, object] = {}
    if draw.random() < 0.5:
        names = {n for n in MASKS if n in (other if draw.random() < 0.4 else one).release}
        if draw.random() < 0.4:
            names ^= {draw.choice(sorted(MASKS))}
        release = {
            name: one.release[name]
            if name in one.release and draw.random() < 0.6
            else draw.choice(MASKS[name])
            for name in sorted(names or {"age"})
        }
        changed |= {"release": release, "withhold": tuple(sorted(MASKS.keys() - release.keys()))}
    if draw.random() < 0.3:
        changed["when"] = other.when
    if draw.random() < 0.2:
        changed["flow"] = dataclasses.replace(one.flow, purposes=other.flow.purposes)
    if draw.random() < 0.2:
        changed["limits"] = other.limits
    return dataclasses.replace(one, **changed)  # type: ignore[arg-type]


def _when(draw: random.Random) -> tuple[When, ...]:
    when: list[When] = []
    if draw.random() < 0.4:
        when.append(RoleCondition(frozenset(draw.sample(ROLES, draw.choice((1, 2))))))
    if draw.random() < 0.3:
        op = draw.choice((Operator.LT, Operator.LTE, Operator.GT, Operator.GTE, Operator.NE))
        when.append(FieldCondition("age", op, (draw.randrange(4),)))
    if draw.random() < 0.3:
        several = tuple(draw.sample(("north", "south", "west"), draw.choice((1, 2))))
        when.append(FieldCondition("county", draw.choice((Operator.IN, Operator.NOT_IN)), several))
    return tuple(when)


_KINDS: Final = (AgencyKind.EMS, AgencyKind.PUBLIC_HEALTH, AgencyKind.LAW_ENFORCEMENT)
SELECTORS: Final[Mapping[str, tuple[object, ...]]] = {
    "from_kind": _KINDS,
    "to_kind": _KINDS,
    "field": tuple(f"{RUN.name}.{name}" for name in MASKS),
    "field_class": tuple(FieldClass),
    "means": (Means.AGE, Means.COUNTY, Means.RECORD_ID),
    "purpose": (*PURPOSES, "care", "public_health"),
}
"""What a prohibition, or a claim, can speak of."""


def _nevers(draw: random.Random, letter: str = "N") -> tuple[Never, ...]:
    made = []
    for number in range(draw.choice((0, 0, 1, 2))):
        chosen: dict[str, Any] = {
            key: set(draw.sample(SELECTORS[key], draw.choice((1, 1, 2))))
            for key in draw.sample(sorted(SELECTORS), draw.choice((1, 2, 2)))
        }
        made.append(a_never(f"{letter}{number}-drawn", "7.1", **chosen))
    return tuple(made)


# --- what is tried --------------------------------------------------------------------------------


def requests(fields: tuple[tuple[str, ...], ...]) -> Iterator[Request]:
    """Yield every request that the vocabulary has: each flow, each set of roles, these fields."""
    for provider, recipient in itertools.permutations(ALIASES.values(), 2):
        for purpose, roles in itertools.product(PURPOSES, _sets(ROLES)):
            caller = Caller(recipient, bytes(32), roles=frozenset(roles))
            for names in fields:
                terms = Terms(provider, recipient, RUN, purpose, names)
                yield Request("", terms, caller)


SINGLE: Final = tuple((name,) for name in MASKS)
"""Fields one by one: of records each is decided by itself."""


def _sets(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for size in range(len(words) + 1):
        yield from itertools.combinations(words, size)


def flow_of(request: Request) -> Flow:
    """Return the flow of a request, as `diff` names it."""
    terms = request.terms
    return Flow(terms.provider, terms.recipient, str(terms.dataset), terms.purpose)


def field_sets(agreements: Agreements) -> dict[Flow, dict[frozenset[str], frozenset[str]]]:
    """Return, of each flow and each set of roles, the fields that somebody gets who asks."""
    got: dict[Flow, dict[frozenset[str], frozenset[str]]] = {}
    for request in requests(SINGLE):
        if isinstance(decide(agreements, request, Standing(), NOW), Grant):
            by_roles = got.setdefault(flow_of(request), {})
            roles = request.caller.roles
            by_roles[roles] = by_roles.get(roles, frozenset()) | set(request.terms.fields)
    return got


Seen: TypeAlias = dict[tuple[frozenset[str], int, str], object]
"""(roles, which record, field) -> what leaves."""


def everything(agreements: Agreements) -> dict[Flow, Seen]:
    """Return, of each flow, all that leaves of every record there can be, to every caller."""
    builder = Builder({}, pseudonym_key)
    seen: dict[Flow, Seen] = {}
    for flow, by_roles in field_sets(agreements).items():
        own = seen.setdefault(flow, {})
        made: dict[frozenset[str], dict[int, dict[str, object]]] = {}
        for roles, names in by_roles.items():
            if names not in made:
                made[names] = _masked(agreements, builder, flow, roles, names)
            for at, row in made[names].items():
                own |= {(roles, at, name): value for name, value in row.items()}
    return seen


def _masked(
    agreements: Agreements,
    builder: Builder,
    flow: Flow,
    roles: frozenset[str],
    names: frozenset[str],
) -> dict[int, dict[str, object]]:
    """Return what a grant of these fields makes of every record that stays."""
    dataset = DatasetId.parse(flow.dataset)
    assert dataset is not None
    terms = Terms(flow.provider, flow.recipient, dataset, flow.purpose, tuple(sorted(names)))
    request = Request("", terms, Caller(flow.recipient, bytes(32), roles=roles))
    grant = decide(agreements, request, Standing(), NOW)
    assert isinstance(grant, Grant)
    plan = builder.build(agreements, grant)
    staying = {at: row for at, row in enumerate(_RECORDS) if stays(row, plan.where)}
    columns = [one.name for one in plan.columns]
    made: dict[int, dict[str, object]] = {}
    for at, values in zip(staying, Program(plan).mask_all(staying.values()), strict=True):
        row = dict(zip(columns, values, strict=True))
        made[at] = {name: (row[name], row.get(f"{name}.why")) for name in names}
    return made


def tells_more(new: Seen, old: Seen) -> bool:
    """Return whether somebody learns something of a record by one version and not by the other.

    They do who get a field of a record that they did not get, or who can tell two records apart
    by a field of which they could not.
    """
    if new.keys() - old.keys():
        return True
    told: dict[tuple[frozenset[str], str, object], object] = {}
    for (roles, at, name), value in new.items():
        known = told.setdefault((roles, name, old[roles, at, name]), value)
        if known != value:
            return True
    return False
