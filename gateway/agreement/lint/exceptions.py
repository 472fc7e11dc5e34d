"""Rules about counts under a condition, and about small counts that are published all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.exception_form import EACH, PERIOD, WHOLE
from gateway.agreement.finding import quoted
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule
from gateway.masks.places import GeoArea
from gateway.masks.plain import Pass
from gateway.masks.times import Truncate
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.aggregate import Aggregate
    from gateway.agreement.conditions import FieldCondition
    from gateway.masks.base import Mask

COUNT: Final = "count_distinct"


@provision_rule("where-field")
def where(case: Case) -> Iterator[Fault]:
    """A condition is one that the table may tell: some values of a closed field that passes."""
    if (table := case.provision.aggregate) is not None:
        for one in table.measures:
            if one.where is not None and (problem := _unfit(case, table, one.where)):
                path = case.under("aggregate", "measures", one.name)
                yield path, f"`where` `{one.where.field}`: {problem}"


def _unfit(case: Case, table: Aggregate, where_: FieldCondition) -> str | None:
    if not isinstance(case.provision.release.get(where_.field), Pass):
        return "the field is not released with `pass`, so nothing may be told by its values"
    if where_.field in table.dimensions or where_.field in {one.field for one in table.measures}:
        return "the field is a dimension or measured already"
    field = case.dataset.fields.get(where_.field) if case.dataset else None
    if field is None:
        return None
    listed = case.folder.codes.model.lists.get(field.codes or "")
    closed = (False, True) if field.type is FieldType.BOOLEAN else listed
    if closed is None or field.type is FieldType.LIST:
        return "the field is neither a boolean nor one code of a closed list"
    kinds = {type(one) for one in closed}
    if not all(type(one) in kinds and one in closed for one in where_.values):
        known = ", ".join(one if isinstance(one, str) else str(one).lower() for one in closed)
        return f"a value is none of the field's: {known}"
    if not 0 < len(where_.values) < len(closed):
        return "some of the field's values are named, and not all"
    return None


@provision_rule("where-alone")
def alone(case: Case) -> Iterator[Fault]:
    """Beside a count under a condition stands the plain one, and no second condition.

    Whoever has a part and may guess the whole subtracts; of two parts the rest is a fourth number.
    """
    if (table := case.provision.aggregate) is None:
        return
    under = [one.name for one in table.measures if one.where is not None]
    if under and case.dataset is not None and table.unit != case.dataset.unit:
        path = case.under("aggregate", "measures", under[0])
        yield (
            path,
            f"`{under[0]}` is a part of no count of `{case.dataset.unit}`",
        )
    if under and _whole(table) is None:
        path = case.under("aggregate", "measures", under[0])
        yield path, f"no plain count of `{table.unit}` stands beside `{under[0]}`"
    for name in under[1:]:
        path = case.under("aggregate", "measures", name)
        yield path, f"`{name}` is a second count under a condition"


def _whole(table: Aggregate) -> str | None:
    """Return the measure that counts all units."""
    plain = (one.name for one in table.measures if one.function == COUNT and one.where is None)
    return next(plain, None)


@provision_rule("unless-denominator")
def unless(case: Case) -> Iterator[Fault]:
    """A small part is published beside a large whole: both are counts of this table."""
    table = case.provision.aggregate
    if table is None or (rule := table.disclosure.unless) is None:
        return
    path = case.under("aggregate", "disclosure", "unless")
    if rule.denominator not in {
        m.name for m in table.measures if m.function == COUNT and not m.where
    }:
        yield path, f"{quoted(rule.denominator)} is no plain count of this table"
    if not any(one.where for one in table.measures):
        yield path, "no measure of this table is a count under a condition"
    if rule.at_least < table.disclosure.min_cell:
        yield path, "`at_least` is below `min_cell`"


@provision_rule("exempt-unknown")
def exempt(case: Case) -> Iterator[Fault]:
    """An exempt kind of cells is one that the table has."""
    if (table := case.provision.aggregate) is None:
        return
    kinds = {frozenset(one) for one in (table.dimensions, *table.margins)}
    for path, kept, fault in _kinds(case, table, "exempt"):
        if fault:
            yield path, fault
        elif kept not in kinds:
            names = " and ".join(f"`{one}`" for one in table.dimensions if one in kept)
            yield path, f"neither the table nor a margin has cells of {names or 'nothing'}"


@provision_rule("known-unknown")
def known(case: Case) -> Iterator[Fault]:
    """What is public elsewhere are totals that the table does not have, of its own periods.

    Without the date a total would be over whatever periods are asked for together: nobody publishes
    such a number.
    """
    if (table := case.provision.aggregate) is None or case.dataset is None:
        return
    there = {frozenset(one) for one in (table.dimensions, *table.margins)}
    for path, kept, fault in _kinds(case, table, "known"):
        if fault:
            yield path, fault
        elif kept in there:
            yield path, "the table publishes these cells itself"
        elif case.dataset.event_date not in kept:
            yield path, f"`{PERIOD}` is `{WHOLE}`: totals are known of one period each"
        else:
            there.add(kept)


def _kinds(
    case: Case, table: Aggregate, key: str
) -> Iterator[tuple[tuple[str | int, ...], frozenset[str], str]]:
    """Yield path, dimensions kept and faults, or none, of each kind of cells under a key."""
    dates = case.dataset.event_date if case.dataset else None
    if dates is None:
        return
    several = table.disclosure.exempt if key == "exempt" else table.disclosure.known
    for at, kind in enumerate(several):
        path = (*case.under("aggregate", "disclosure", key), at)
        kept: set[str] = set()
        faults: list[str] = []
        for name, level in kind.items():
            dimension = dates if name == PERIOD else name
            if dimension not in table.dimensions or name == dates:
                faults.append(f"{quoted(name)} is no dimension of the table, nor `{PERIOD}`")
            elif level not in (there := (_level(case.provision.release.get(dimension)), WHOLE)):
                faults.append(f"`{name}` is `{there[0]}` or `{WHOLE}`, not {quoted(level)}")
            kept |= {dimension} if level != WHOLE else set()
        yield from ((path, frozenset[str](), fault) for fault in faults)
        if not faults:
            yield path, frozenset(kept), ""


def _level(mask: Mask | None) -> str:
    """Return the level that a dimension is cut at."""
    return str(mask.to.value) if isinstance(mask, (Truncate, GeoArea)) else EACH


RULES: tuple[ProvisionRule, ...] = (where, alone, unless, exempt, known)
