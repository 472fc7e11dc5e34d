"""From a provision to its percentages and rates: which of them leave, and as which columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.agreement.aggregate import Percent, Rate
from gateway.agreement.derived import cutting, sensitive
from gateway.plan.figures import PercentNode, RateNode
from gateway.plan.levels import VALUE
from gateway.plan.ops import FLAG, WHY
from gateway.values import Column, FieldClass, FieldType, MaskNote

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.agreement.index import FlowRule
    from gateway.plan.figures import DerivedNode
    from gateway.plan.ops import MaskField, MeasureNode
    from gateway.plan.reference import Table


def derived_of(
    rule: FlowRule,
    masks: tuple[MaskField, ...],
    measures: tuple[MeasureNode, ...],
    table: Callable[[str], Table],
) -> tuple[DerivedNode, ...]:
    """Return what is worked out of the counts that were asked for, in the agreement's order.

    Raises:
        ReleaseError: The table of populations is absent.
    """
    aggregate = rule.provision.aggregate
    counts = {one.name for one in measures if one.function == "count_distinct"}
    made: list[DerivedNode] = []
    for one in aggregate.measures if aggregate is not None else ():
        match one.derived:
            case Percent(of, over) if of in counts:
                made.append(PercentNode(one.name, of, over, sensitive(rule.dataset, over)))
            case Rate(of) as given if of in counts:
                made.append(_rate(rule, one.name, given, masks, table(given.population)))
            case _:
                pass
    return tuple(made)


def _rate(
    rule: FlowRule, name: str, given: Rate, masks: tuple[MaskField, ...], table: Table
) -> RateNode:
    aggregate = rule.provision.aggregate
    assert aggregate is not None  # noqa: S101 - it has this measure
    [areas] = [one.mask.closed(one.inputs) for one in masks if one.name == given.by]
    # An open list holds the areas that the data hold: whoever lives elsewhere would be nobody.
    whole = areas is not None and set(areas) <= table.rows.keys()
    return RateNode(
        name=name,
        of=given.of,
        per=given.per,
        by=given.by,
        table=f"{table.ref} {table.sha256}",
        people={VALUE + area: people for area, people in table.rows.items()},
        everybody=sum(table.rows[area] for area in areas or ()) if whole else None,
        cuts=cutting(rule.dataset, aggregate, given.by),
        reliable=given.reliable,
    )


def derived_columns(derived: tuple[DerivedNode, ...]) -> tuple[Column, ...]:
    """Return the columns that leave: of each the number, why there is none, and a rate's flag."""
    made: list[Column] = []
    for one in derived:
        of = f"of={one.of}"
        if isinstance(one, PercentNode):
            kind, note = FieldType.INTEGER, MaskNote("percent", (of, f"over={one.over}"))
        else:
            more = (f"per={one.per}", f"population={one.table.split()[0]}", f"by={one.by}")
            kind, note = FieldType.NUMBER, MaskNote("rate", (of, *more))
        suffixes = (WHY, FLAG) if isinstance(one, RateNode) else (WHY,)
        made.append(Column(one.name, kind, FieldClass.OPERATIONAL, note))
        made += [Column(one.name + s, FieldType.CODE, FieldClass.OPERATIONAL) for s in suffixes]
    return tuple(made)


def derived_text(one: DerivedNode) -> list[object]:
    """Return a derived measure as the plan's canonical text has it."""
    if isinstance(one, PercentNode):
        return [one.name, "percent", one.of, one.over, one.sensitive]
    more = [one.per, one.by, one.table, list(one.cuts), one.reliable]
    return [one.name, "rate", one.of, *more]
