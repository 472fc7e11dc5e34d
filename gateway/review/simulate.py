"""What a provision would make of sample records: each field before and after, and who stands out.

Nothing here runs a plan: the engine did. Records that left are put beside those that they came from
and told field by field; of what stays behind it is said by which condition; and rows alike are
counted as the receipt counts them, once as the records lie there and once as they leave.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.agreement.conditions import RoleCondition, spelled
from gateway.errors import Reason, ReleaseError
from gateway.masks.base import Marker
from gateway.masks.plain import Pass
from gateway.plan.likeness import Columns, Gathered
from gateway.plan.ops import WHY
from gateway.plan.rows import Program, stays
from gateway.plan.where_build import where_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.decide import Grant
    from gateway.masks.base import Masked
    from gateway.plan.ops import Likeness, MaskField, Plan
    from gateway.values import FieldClass, Row, Scalar


@dataclass(frozen=True, slots=True)
class FieldSeen:
    """One released field over all records that leave.

    Attributes:
        mask: As the header tells it.
        before: Different values, null not among them.
        after: Different values that leave.
        masked: Values that the mask took away whole.
        missing: Values that were not there.
        example: A value and what becomes of it: one that changes, where any does; None where no
            record has the field.
    """

    name: str
    field_class: FieldClass
    mask: str
    before: int
    after: int
    masked: int
    missing: int
    example: tuple[Scalar, Masked] | None


@dataclass(frozen=True, slots=True)
class Pair:
    """A record that leaves: as it was, and each of its fields as it leaves."""

    before: Row
    after: dict[str, Masked]


def behind(grant: Grant, rows: Sequence[Row]) -> list[tuple[str, int]]:
    """Return each condition of a grant's provision with how many records do not meet it.

    A record that misses two is counted under both. Last come the periods of a table.
    """
    rule, terms = grant.rule, grant.request.terms
    several = [one for one in rule.provision.when if not isinstance(one, RoleCondition)]
    found = []
    for one in several:
        # A provision of records asks for no periods.
        alone = replace(rule.provision, when=(one,), aggregate=None)
        where = where_of(replace(rule, provision=alone), terms, grant)
        found.append((spelled(one), sum(not stays(row, where) for row in rows)))
    if rule.provision.aggregate is not None:
        alone = replace(rule.provision, when=())
        where = where_of(replace(rule, provision=alone), terms, grant)
        outside = sum(not stays(row, where) for row in rows)
        found.append((f"{rule.dataset.event_date} in a closed period", outside))
    return found


def pairs(plan: Plan, rows: Sequence[Row], left: Sequence[tuple[Scalar, ...]]) -> list[Pair]:
    """Return the records that left beside what they were, in their order.

    Args:
        plan: A record-level plan of every released field.
        rows: The records of the sample.
        left: What the engine let leave of them, in the order of the plan's columns.

    Raises:
        ReleaseError: What left is not what the plan's masks make of these records, one by one.
    """
    staying = [row for row in rows if stays(row, plan.where)]
    made = Program(plan).mask_all(staying)
    found: list[Pair] = []
    at = 0
    # Of classes that are too small nothing leaves, and rows that leave alike share their class: so
    # what left is what was made, some of it left out, in the same order.
    for values in left:
        while at < len(made) and made[at] != values:
            at += 1
        if at == len(made):
            message = "rows leave that their masks do not make"
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
        found.append(Pair(staying[at], dict(_told(plan, values))))
        at += 1
    return found


def _told(plan: Plan, values: tuple[Scalar, ...]) -> Iterator[tuple[str, Masked]]:
    """Yield each field with its value, or with why there is none."""
    by_name = dict(zip([n for one in plan.masks for n in one.columns], values, strict=True))
    for one in plan.masks:
        value = by_name[one.name]
        why = by_name.get(one.name + WHY)
        if value is None:
            [only] = one.mask.reasons(one.inputs) if why is None else [Marker(str(why))]
            yield one.name, only
        else:
            yield one.name, value


def fields_seen(plan: Plan, found: Sequence[Pair]) -> list[FieldSeen]:
    """Return what became of each field, in the order of the provision."""
    return [_seen(plan, one, found) for one in plan.masks]


def _seen(plan: Plan, one: MaskField, found: Sequence[Pair]) -> FieldSeen:
    both = [(pair.before[one.name], pair.after[one.name]) for pair in found]
    why = Counter(after for _, after in both if isinstance(after, Marker))
    return FieldSeen(
        one.name,
        plan.rule.dataset.fields[one.name].field_class,
        one.mask.note().text,
        len({before for before, _ in both if before is not None}),
        len({after for _, after in both if not isinstance(after, Marker)}),
        why[Marker.MASKED],
        why[Marker.MISSING],
        next((pair for pair in both if pair[0] is not None and _changed(*pair)), None)
        or next((pair for pair in both if pair[0] is not None), None),
    )


def _changed(before: Scalar, after: Masked) -> bool:
    return isinstance(after, Marker) or before != after


def likeness_before(plan: Plan, found: Sequence[Pair]) -> Likeness:
    """Return how alike the records that leave would be with their quasi-identifiers unmasked."""
    masks = tuple(
        replace(
            one, mask=Pass(), output=one.inputs.type, beside=None, also=None, why=False, levels=None
        )
        for one in plan.masks
    )
    raw = replace(plan, masks=masks)
    rows = [tuple(pair.before[one.name] for one in masks) for pair in found]
    return _gathered(raw, rows, found)


def likeness_after(plan: Plan, found: Sequence[Pair]) -> Likeness:
    """Return how alike the records are as they leave: the figure of their receipt."""
    rows = Program(plan).mask_all([pair.before for pair in found])
    return _gathered(plan, rows, found)


def _gathered(plan: Plan, rows: list[tuple[Scalar, ...]], found: Sequence[Pair]) -> Likeness:
    gathered = Gathered(Columns(plan))
    gathered.add_rows(rows, [pair.before for pair in found])
    return gathered.taken()
