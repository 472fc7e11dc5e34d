"""Literals of conditions in their field's type; dates, instants, decimals are quoted in a file."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from gateway.agreement.conditions import FieldCondition, When
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.agreement.dataset import Dataset
    from gateway.values import Scalar

_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def typed_when(condition: When, dataset: Dataset) -> When:
    """Return a field condition with its literals in the field's type; any other as it is."""
    if not isinstance(condition, FieldCondition) or condition.field not in dataset.fields:
        return condition
    type_ = dataset.fields[condition.field].type
    return replace(condition, values=tuple(typed(one, type_) for one in condition.values))


def typed(literal: Scalar, type_: FieldType) -> Scalar:
    """Return `literal` in a field's type, or as it is where it is not one: see `fits`."""
    match type_:
        case FieldType.DATE if isinstance(literal, str) and _DATE.fullmatch(literal):
            return _or_same(literal, dt.date.fromisoformat)
        case FieldType.TIMESTAMP if isinstance(literal, str) and _INSTANT.fullmatch(literal):
            return _or_same(literal, dt.datetime.fromisoformat)
        case FieldType.NUMBER if isinstance(literal, int) and not isinstance(literal, bool):
            return float(literal)
        case FieldType.NUMBER if isinstance(literal, str) and _DECIMAL.fullmatch(literal):
            return float(literal)
        case _:
            return literal


def _or_same(literal: str, read: Callable[[str], Scalar]) -> Scalar:
    try:
        return read(literal)
    except ValueError:  # the 30th of February
        return literal


def fits(literal: Scalar, type_: FieldType) -> bool:
    """Return whether a literal is a value of the type."""
    match type_:
        case FieldType.STRING | FieldType.CODE:
            return isinstance(literal, str)
        case FieldType.INTEGER:
            return isinstance(literal, int) and not isinstance(literal, bool)
        case FieldType.NUMBER:
            return isinstance(literal, float)
        case FieldType.BOOLEAN:
            return isinstance(literal, bool)
        case FieldType.DATE:
            return isinstance(literal, dt.date) and not isinstance(literal, dt.datetime)
        case FieldType.TIMESTAMP:
            return isinstance(literal, dt.datetime)
        case FieldType.LIST:
            return False
        case _:
            assert_never(type_)
