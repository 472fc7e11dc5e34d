"""The measures of a table as the file writes them: counts, sums, and what is worked out of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.agreement.aggregate import MeasureRule, Percent, Rate
from gateway.agreement.conditions import FieldCondition
from gateway.agreement.cursor import NAME, Cursor
from gateway.agreement.finding import quoted
from gateway.agreement.literal_forms import literals
from gateway.values import Operator

if TYPE_CHECKING:
    from gateway.agreement.aggregate import Derived

OF_FIELD: Final = frozenset({"count_distinct", "sum", "mean"})
"""Functions of a field."""
DERIVED: Final = frozenset({"percent", "rate"})
"""Functions of other measures of the same table."""
BUILT: Final = OF_FIELD | DERIVED
MEASURES: Final = BUILT | {"median", "percentile", "ratio"}
POPULATION: Final = re.compile(r"population@[A-Za-z0-9][A-Za-z0-9.-]{0,30}")
NOT_BY_MORE: Final = "a population by year or age too is not built yet: name one dimension"


def measures(at: Cursor) -> tuple[MeasureRule, ...]:
    """Return the measures that stand here, in their order."""
    read = []
    for name, below in at.entries(NAME):
        given = dict(below.value) if isinstance(below.value, dict) else {}
        where = _where(below.at("where", given.pop("where"))) if "where" in given else None
        if len(given) != 1:
            below.wrong(f"the measure `{name}` is one function of a field")
            continue
        [(function, value)] = given.items()
        if function not in MEASURES:
            known = ", ".join(sorted(MEASURES))
            below.wrong(f"{quoted(function)} is no measure: {known}")
            continue
        if where is not None and function != "count_distinct":
            below.wrong("`where` stands beside `count_distinct` alone", "unknown-key")
            continue
        inside = below.at(function, value)
        if function in DERIVED:
            read.append(MeasureRule(name, function, "", _derived(function, inside)))
            continue
        field = inside.text(NAME) if function in OF_FIELD else _any_field(value)
        read.append(MeasureRule(name, function, field, where=where))
    return tuple(read)


def _where(at: Cursor) -> FieldCondition:
    """Return what a count is under: one field, and the values of it that are counted."""
    read = [(name, literals(below)) for name, below in at.entries(NAME)]
    if len(read) != 1:
        at.wrong("`where` names one field, and a list of its values")
        return FieldCondition("", Operator.IN, ())
    [(field, values)] = read
    return FieldCondition(field, Operator.IN, values)


def _any_field(value: object) -> str:
    """Return the field of a measure of a later version."""
    return value if isinstance(value, str) else ""


def _derived(function: str, at: Cursor) -> Derived:
    return _percent(at) if function == "percent" else _rate(at)


def _percent(at: Cursor) -> Percent:
    entries = at.closed(frozenset({"of", "over"}))
    return Percent(
        of=entries.read("of", lambda c: c.text(NAME), ""),
        over=entries.read("over", lambda c: c.text(NAME), ""),
    )


def _rate(at: Cursor) -> Rate:
    entries = at.closed(frozenset({"of", "per", "population", "by"}), frozenset({"reliable"}))
    return Rate(
        of=entries.read("of", lambda c: c.text(NAME), ""),
        per=entries.read("per", lambda c: c.integer(1, 10_000_000), 1),
        population=entries.read("population", lambda c: c.text(POPULATION), ""),
        by=entries.read("by", _one_dimension, ""),
        reliable=entries.read("reliable", lambda c: c.integer(1, 100), None),
    )


def _one_dimension(at: Cursor) -> str:
    if isinstance(at.value, list):
        at.wrong(f"`by` is a list: {NOT_BY_MORE}")
        return ""
    return at.text(NAME)
