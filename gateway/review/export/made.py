"""What an export is, and what of the agreements it leaves out: nothing is dropped in silence.

No other policy language says all that an agreement says. Each export names the parts that it
carries; `lost` finds every other part that the agreements use, with the rules that use it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
)
from gateway.masks.plain import Pass

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from gateway.agreement.index import Agreements
    from gateway.agreement.model import Agreement, Provision


class Part(StrEnum):
    """A part of the language that another one may be unable to say; the value is what we call it.

    `TERM`, flow, purpose and field names are not here: every export carries them.
    """

    MASKS = "masks"
    ROWS = "row conditions by value"
    ROLES = "roles"
    CONSENT = "consent and opt-out"
    AGGREGATION = "aggregation and suppression"
    ANONYMITY = "classes of people who are alike"
    LIMITS = "limits"
    FILTERS = "operators and values of filters"
    DELETION = "deletion"
    DUTIES = "other duties, and notices"
    ONWARD = "prohibited redisclosure"
    NEVER = "prohibitions"
    BASIS = "basis and profile"
    DELIVERY = "delivery by push"
    COMPELLED = "the route of compelled requests"
    FLOOR = "the floor's masks and figures"
    SIGNATURES = "signatures and suspensions"


@dataclass(frozen=True, slots=True)
class Loss:
    """A part that an export leaves out, and the rules or files that use it: each, or all."""

    part: Part
    where: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """Files in another language.

    Attributes:
        files: Texts by file name.
        said: What was written, in a few words: `7 permits, 6 forbids`.
        lost: What the agreements say and the files do not.
    """

    files: Mapping[str, str]
    said: str
    lost: tuple[Loss, ...]


def json_text(value: object) -> str:
    """Return a value as JSON that people can read."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def stamp(moment: dt.datetime) -> str:
    """Return an instant of UTC as RFC 3339 writes it."""
    return moment.isoformat().replace("+00:00", "Z")


def lost(agreements: Agreements, carried: frozenset[Part]) -> tuple[Loss, ...]:
    """Return what an export that carries only these parts leaves out of the agreements."""
    used: dict[Part, dict[str, None]] = {}
    for part, where in _used(agreements):
        used.setdefault(part, {})[where] = None
    total = sum(len(one.agreement.provisions) for one in agreements.pacts)
    return tuple(
        Loss(part, ("every provision",) if len(used[part]) == total > 1 else tuple(used[part]))
        for part in Part
        if part in used and part not in carried
    )


def _used(agreements: Agreements) -> Iterator[tuple[Part, str]]:
    for rule in agreements.rules:
        yield Part.NEVER, rule.never.id
        if rule.never.onward:
            yield Part.ONWARD, rule.never.id
    yield Part.FLOOR, "floor"
    for pact in agreements.pacts:
        yield from _of_agreement(pact.agreement)


def _of_agreement(one: Agreement) -> Iterator[tuple[Part, str]]:
    yield Part.SIGNATURES, one.ref
    yield Part.COMPELLED, one.ref
    for provision in one.provisions:
        where = f"{one.id}/{provision.id}"
        for part in _of_provision(provision):
            yield part, where


def _of_provision(provision: Provision) -> Iterator[Part]:
    yield from (Part.LIMITS, Part.FILTERS, Part.DELETION, Part.DUTIES, Part.BASIS)
    if any(not isinstance(mask, Pass) for mask in provision.release.values()):
        yield Part.MASKS
    if provision.aggregate is not None:
        yield Part.AGGREGATION
    if provision.anonymity is not None:
        yield Part.ANONYMITY
    if provision.delivery.mode == "push":
        yield Part.DELIVERY
    for condition in provision.when:
        match condition:
            case RoleCondition():
                yield Part.ROLES
            case ConsentCondition() | OptOutCondition():
                yield Part.CONSENT
            case FieldCondition() | WithinCondition():
                yield Part.ROWS
            case _:
                assert_never(condition)
