"""A provision under a floor that rose above it: the strictest wins, and nobody signs anew for it.

A file below the floor is refused at load. A floor may rise over one that was signed before: then
its numbers tighten and the stronger mask holds. What cannot be said by tightening is prohibited:
a field whose mask the floor's cannot be compared with or cannot take the place of, a table whose
rule is below the floor and more than plain numbers. Pure; section 4, rule 10, of the specification.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.agreement.aggregate import PERMITS
from gateway.agreement.floor import AtLeast, AtMost
from gateway.agreement.index import field_meets
from gateway.agreement.model import Never, Selectors
from gateway.agreement.spans import Duration
from gateway.agreement.strength import as_strong, longer
from gateway.masks.identity import Pseudonym
from gateway.masks.numbers import Band, Clip
from gateway.masks.plain import Pass
from gateway.masks.times import Truncate, Unit
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.agreement.aggregate import Aggregate
    from gateway.agreement.dataset import Dataset, FieldRule
    from gateway.agreement.floor import Floor, FloorMask
    from gateway.agreement.model import Provision
    from gateway.masks.base import Mask

_CLOCK: Final = frozenset({Unit.MINUTE, Unit.HOUR})
_AT_LEAST: Final = "at_least"
_EVER_ROWS: Final = 1 << 53


class Floored(NamedTuple):
    """A provision that is nowhere below the floor.

    Attributes:
        barred: Fields that leave in no form, each with the rule of the floor that says so.
    """

    provision: Provision
    barred: Mapping[str, Never]


def floored(
    provision: Provision, dataset: Dataset, floor: Floor, masks: Sequence[FloorMask]
) -> Floored:
    """Return a provision as the floor lets it be; one that is above it as it is.

    Args:
        provision: As it was signed.
        dataset: What it lets leave a part of.
        floor: In force.
        masks: Those of the floor that speak of this flow, whatever the field.
    """
    provision = _numbers(provision, floor)
    table = provision.aggregate
    if table is not None and (table := _table(table, floor)) is None:
        below = Never(_AT_LEAST, floor.document.ref, Selectors(), onward=False)
        return Floored(provision, dict.fromkeys(dataset.fields, below))
    release, barred = dict(provision.release), dict[str, Never]()
    for name in provision.release.keys() & dataset.fields.keys():
        field = dataset.fields[name]
        rules = [rule for rule in masks if field_meets(rule.when, dataset, field)]
        if not rules:
            continue
        mask, broken = release[name], None
        for rule in rules:
            if not as_strong(mask, rule.at_least, dataset.maps):
                mask = _stronger(field, mask, rule) if table is None else mask
        for rule in rules:
            if not as_strong(mask, rule.at_least, dataset.maps):
                broken = broken or rule
        if broken is not None:
            barred[name] = Never(broken.id, broken.clause, broken.when, onward=False)
        release[name] = mask
    return Floored(replace(provision, release=release, aggregate=table), barred)


def beneath(floor: Floor) -> Floor:
    """Return a floor that nothing is below: what lint still finds under it is no floor's doing."""
    none, ever = Duration("PT0S", 0, 0), Duration("P999Y", 12 * 999, 0)
    least = AtLeast(1, 0, complementary=False, grid_lag=none, log_retain=none)
    most = AtMost(ever, ever, ever, _EVER_ROWS)
    return replace(floor, never=(), masks=(), at_least=least, at_most=most, permits=PERMITS)


def _stronger(field: FieldRule, mask: Mask, rule: FloorMask) -> Mask:
    """Return the floor's mask where it can stand on the field, else the provision's own."""
    least = rule.at_least
    if least is None or field.type not in least.accepts:
        return mask
    if type(least) is not type(mask) and not isinstance(mask, Pass):
        return mask
    match least:
        case Truncate():
            # Clock units are cut in UTC; coarser ones of an instant are of somebody's days.
            told = field.type is FieldType.DATE or least.to in _CLOCK or least.zone is not None
            return least if told else mask
        case Band() | Clip() | Pseudonym():
            return least
        case _:
            return mask


def _numbers(provision: Provision, floor: Floor) -> Provision:
    most, limits, duties = floor.at_most, provision.limits, provision.duties
    late = longer(duties.delete_after, most.delete_after)
    late = late or longer(duties.breach_notice, most.breach_notice)
    if limits.rows_per_request <= limits.rows_per_day <= most.rows_per_day and not late:
        return provision  # unless the floor rose
    rows = min(limits.rows_per_day, most.rows_per_day)
    return replace(
        provision,
        limits=replace(
            limits, rows_per_day=rows, rows_per_request=min(limits.rows_per_request, rows)
        ),
        duties=replace(
            duties,
            delete_after=_shorter(duties.delete_after, most.delete_after),
            breach_notice=_shorter(duties.breach_notice, most.breach_notice),
        ),
    )


def _table(table: Aggregate, floor: Floor) -> Aggregate | None:
    """Return a table with the floor's numbers; None where more would have to change."""
    given, least = table.disclosure, floor.at_least
    used = given.needs_leave
    lag = least.grid_lag if longer(least.grid_lag, table.grid.lag) else table.grid.lag
    cell = max(given.min_cell, least.min_cell)
    slack = given.min_cell - given.min_interval
    width = max(given.min_interval, least.min_interval, cell - slack)
    same = (cell, width, lag) == (given.min_cell, given.min_interval, table.grid.lag)
    if same and used <= floor.permits:
        return table
    if used:
        return None
    return replace(
        table,
        disclosure=replace(given, min_cell=cell, min_interval=width),
        grid=replace(table.grid, lag=lag),
    )


def _shorter(one: Duration, other: Duration) -> Duration:
    return other if longer(one, other) else one
