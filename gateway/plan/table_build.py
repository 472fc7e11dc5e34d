"""The table of a plan: what is counted, cut how, and held back by which rules. Pure."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

from gateway.agreement.exception_form import PERIOD, WHOLE
from gateway.agreement.ladder import climb, level_names
from gateway.errors import Reason, ReleaseError
from gateway.plan.derived_build import derived_text
from gateway.plan.noise import Noise
from gateway.plan.ops import Dominance, Group, MaskField, MeasureNode, Suppress, where_words
from gateway.values import Condition, FieldType

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from gateway.agreement.aggregate import Aggregate, MeasureRule, Products
    from gateway.agreement.index import FlowRule
    from gateway.agreement.ladder import Rung
    from gateway.plan.figures import DerivedNode

SEARCH_S = 120
"""How long a search for a pattern takes at most, where the agreement does not say."""
_COUNT = "count_distinct"
_BUILT = frozenset({_COUNT, "sum", "mean"})


def measures_of(rule: FlowRule, fields: tuple[str, ...]) -> tuple[MeasureNode, ...]:
    """Return what a provision measures of the fields asked for.

    Raises:
        ReleaseError: One of its measures is not built.
    """
    aggregate = rule.provision.aggregate
    if aggregate is None:
        return ()
    for one in aggregate.measures:
        if one.derived is not None:
            continue
        if one.function not in _BUILT or (one.function == _COUNT and one.field != aggregate.unit):
            # Only the unit is counted: its number would be published under another field's name.
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, f"measure `{one.name}` is not built")
    return tuple(
        MeasureNode(
            one.name,
            one.function,
            one.field,
            _type_of(rule, one),
            _where_of(one),
        )
        for one in aggregate.measures
        if one.field in fields and one.derived is None
    )


def _where_of(one: MeasureRule) -> Condition | None:
    where = one.where
    return None if where is None else Condition(where.field, where.op, where.values)


def _type_of(rule: FlowRule, one: MeasureRule) -> FieldType:
    match one.function:
        case "sum":
            return rule.dataset.fields[one.field].type
        case "mean":
            return FieldType.NUMBER
        case _:
            return FieldType.INTEGER


def table_of(
    rule: FlowRule,
    masks: Sequence[MaskField],
    measures: tuple[MeasureNode, ...],
    derived: tuple[DerivedNode, ...],
    periods: tuple[dt.date, ...],
) -> tuple[Group | None, Suppress | None]:
    """Return Group and Suppress of a provision over some periods; of records neither."""
    aggregate = rule.provision.aggregate
    if aggregate is None:
        return None, None
    levels = tuple(one.mask.closed(one.inputs) for one in masks)
    group = Group(
        unit=aggregate.unit,
        dimensions=aggregate.dimensions,
        measures=measures,
        levels=levels,
        time=rule.dataset.event_date or "",
        periods=periods,
        margins=aggregate.margins,
        known=kept_by(rule, aggregate, aggregate.disclosure.known),
        person=person_beside(rule),
        derived=derived,
    )
    rules = aggregate.disclosure
    given, ladder = rules.dominance, rules.ladder
    dominance = Dominance(given["largest"], given["percent"], given["p"]) if given else None
    suppress = Suppress(
        rules.min_cell,
        rules.min_interval,
        rules.zeros,
        rules.marker,
        dominance=dominance,
        coarsen=() if ladder.automatic else ladder.rungs,
        ladder=_ladder(rule),
        colluding=_colluding(rule),
        rounded_to=rules.rounded_to,
        at_least=rules.unless.at_least if rules.unless else 0,
        exempt=kept_by(rule, aggregate, rules.exempt),
        cost=rules.cost,
        seconds=rules.time_limit.seconds if rules.time_limit else SEARCH_S,
        keep=rules.keep,
        impossible=rules.impossible,
        noise=noise_of(rule),
    )
    return group, suppress


def kept_by(
    rule: FlowRule, aggregate: Aggregate, kinds: Sequence[Mapping[str, str]]
) -> tuple[tuple[str, ...], ...]:
    """Return the dimensions that each kind of cells keeps, in the order of the table's."""
    dates = rule.dataset.event_date
    kept = [
        {dates if name == PERIOD else name for name, level in kind.items() if level != WHOLE}
        for kind in kinds
    ]
    return tuple(tuple(one for one in aggregate.dimensions if one in names) for names in kept)


def _ladder(rule: FlowRule) -> tuple[Rung, ...]:
    """Return the rungs that are climbed without people, as far as they lead on."""
    table = rule.provision.aggregate
    if table is None or not table.disclosure.ladder.automatic:
        return ()
    release, dataset = rule.provision.release, rule.dataset
    names = {name: level_names(table, name, release, dataset) for name in table.dimensions}
    rungs, _ = climb(table, names, dataset.event_date)
    return rungs


def _colluding(rule: FlowRule) -> frozenset[str] | None:
    """Return the agencies behind the aliases that count as one attacker; None for everybody."""
    aggregate, parties = rule.provision.aggregate, rule.pact.agreement.parties
    if aggregate is None or aggregate.disclosure.colluding is None:
        return None
    return frozenset(parties[alias].agency for alias in aggregate.disclosure.colluding)


def noise_of(rule: FlowRule) -> Noise | None:
    """Return the noise that a provision asks for in place of hiding."""
    aggregate = rule.provision.aggregate
    given = aggregate.disclosure.noise if aggregate is not None else None
    return Noise(given.mechanism, given.rho, given.bound) if given is not None else None


def person_beside(rule: FlowRule) -> str | None:
    """Return the field of the person, where a table counts something else."""
    aggregate, person = rule.provision.aggregate, rule.dataset.person
    return person if aggregate is not None and person != aggregate.unit else None


def group_text(
    rule: FlowRule, measures: tuple[MeasureNode, ...], derived: tuple[DerivedNode, ...]
) -> object:
    """Return what the canonical text of a plan says of its table."""
    aggregate = rule.provision.aggregate
    if aggregate is None:
        return None
    rules, colluding = aggregate.disclosure, _colluding(rule)
    return {
        "colluding": sorted(colluding) if colluding is not None else None,
        "cost": rules.cost,
        "derived": [derived_text(one) for one in derived],
        "dimensions": list(aggregate.dimensions),
        "dominance": sorted(rules.dominance.items()) if rules.dominance else None,
        "impossible": _products(rules.impossible),
        "keep": _products(rules.keep),
        "ladder": [rung.text for rung in _ladder(rule)],
        "margins": [list(one) for one in aggregate.margins],
        "exempt": [list(one) for one in kept_by(rule, aggregate, rules.exempt)],
        "known": [list(one) for one in kept_by(rule, aggregate, rules.known)],
        "measures": [[one.name, one.function, one.field, *where_words(one)] for one in measures],
        "min_cell": rules.min_cell,
        "min_interval": rules.min_interval,
        "person": person_beside(rule),
        "rounded_to": rules.rounded_to,
        "unless": [rules.unless.denominator, rules.unless.at_least] if rules.unless else None,
        "time_limit": rules.time_limit.text if rules.time_limit else None,
        "unit": aggregate.unit,
        "zeros": rules.zeros,
        **({"noise": astuple(noise.note)} if (noise := noise_of(rule)) is not None else {}),
    }


def _products(items: Products) -> list[list[list[object]]]:
    """Return cells that a clause names by their levels, as the text of a plan has them."""
    return [[[name, list(levels)] for name, levels in one] for one in items]
