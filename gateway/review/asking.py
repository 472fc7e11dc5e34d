"""A request as the log tells of it, made into one that can be decided again. Pure.

The log holds the columns that left and which fields a filter was on: no literal, and of a refused
request no field. What is missing is put in so that it decides nothing.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from gateway.values import Condition, FieldType, Operator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.agreement.dataset import FieldRule
    from gateway.agreement.index import Agreements, FlowRule
    from gateway.values import Scalar

_LITERALS: Final[Mapping[FieldType, Scalar]] = {
    FieldType.STRING: "x",
    FieldType.CODE: "x",
    FieldType.LIST: "x",
    FieldType.INTEGER: 0,
    FieldType.NUMBER: 0.0,
    FieldType.BOOLEAN: True,
    FieldType.DATE: dt.date(2000, 1, 1),
    FieldType.TIMESTAMP: dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
}
_OPERATORS: Final = {one.value: one for one in Operator}


def fields_asked(
    released: Sequence[tuple[str, str]], rule: FlowRule | None, before: Sequence[FlowRule]
) -> tuple[str, ...]:
    """Return the fields that a request asked for, from the columns that left.

    A table's columns are its dimensions and its measures; what was asked for is what those are of.
    """
    measured: dict[str, str] = {}
    for one in (*((rule,) if rule is not None else ()), *before):
        measured |= dict(_measured(one))
    names = [measured.get(name, name) for name, _ in released if "." not in name]
    return tuple(dict.fromkeys(name for name in names if name))


def _measured(rule: FlowRule) -> Iterator[tuple[str, str]]:
    """Yield each measure with the field that it is of; what is worked out of another is of none."""
    if rule.provision.aggregate is not None:
        for one in rule.provision.aggregate.measures:
            yield one.name, "" if one.derived is not None else one.field


def some_fields(rule: FlowRule | None) -> tuple[str, ...]:
    """Return fields of a provision that may be asked for, so that a refusal is no field's.

    All of a table's; of records one that no prohibition forbids. A name that nobody has where there
    is no provision: fields are looked at after it.
    """
    if rule is None:
        return ("any",)
    if rule.provision.aggregate is not None:
        return tuple(rule.provision.release)
    may = [name for name in rule.provision.release if name not in rule.barred]
    return tuple(may[:1] or list(rule.provision.release)[:1])


def where_asked(
    parts: Sequence[tuple[str, str]], agreements: Agreements, dataset: str
) -> tuple[Condition, ...]:
    """Return a filter on the same fields, with literals that are of their types and lists."""
    known = agreements.datasets.get(dataset)
    fields = known.fields if known is not None else {}
    return tuple(
        Condition(name, _OPERATORS[op], (_literal(fields.get(name), agreements),))
        for name, op in parts
        if op in _OPERATORS
    )


def _literal(field: FieldRule | None, agreements: Agreements) -> Scalar:
    if field is None:
        return "x"
    listed = agreements.codes.lists.get(field.codes or "")
    return listed[0] if listed else _LITERALS[field.type]
