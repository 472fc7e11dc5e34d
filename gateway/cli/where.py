"""`--where field=value`: what narrows a request, read by the type of the field.

`05091` is a ZIP code to one field and a number to another, and only the agreement's dataset knows:
so text stays text until the gateway has said, by an explanation, of which type the field leaves. A
field that does not leave unmasked is none to filter by; its value goes as text, and the exchange
refuses, with clause and reason, and the refusal is in the log.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.errors import SettingsError
from gateway.values import Condition, FieldType, Operator, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FORM: Final = re.compile(r"\s*([a-z][a-z0-9_]*)\s*(>=|<=|!=|=|>|<)(.*)", re.DOTALL)
_SIGNS: Final = {
    ">=": Operator.GTE,
    "<=": Operator.LTE,
    "!=": Operator.NE,
    "=": Operator.EQ,
    ">": Operator.GT,
    "<": Operator.LT,
}
_SEVERAL: Final = {Operator.EQ: Operator.IN, Operator.NE: Operator.NOT_IN}
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Asked:
    """One `--where`, its values still text."""

    field: str
    op: Operator
    texts: tuple[str, ...]

    def typed(self, type_: FieldType | None) -> Condition:
        """Return the condition with values of the field's type; text where nobody knows it.

        Raises:
            SettingsError: A value is not of that type.
        """
        read, form = reading(type_)
        try:
            values = tuple(read(text) for text in self.texts)
        except ValueError:
            raise SettingsError(f"`--where`: `{self.field}` is {form}") from None
        return Condition(self.field, self.op, values)


def reading(type_: FieldType | None) -> tuple[Callable[[str], Scalar], str]:
    """Return what reads text as a value of a type, raising ValueError, and what that is in words.

    Text stays text where nobody knows the type.
    """
    return _READ.get(type_, _TEXT) if type_ is not None else _TEXT


def asked(text: str) -> Asked:
    """Return what `field=value` says; several values of `=` and `!=` stand between bars.

    Raises:
        SettingsError: It is not of this form.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise SettingsError("`--where` is of the form field=value, with one of = != < <= > >=")
    field, sign, value = found.groups()
    op, texts = _SIGNS[sign], tuple(value.split("|"))
    if not all(texts):
        raise SettingsError(f"`--where`: `{field}` is compared with nothing")
    if len(texts) > 1:
        if op not in _SEVERAL:
            raise SettingsError(f"`--where`: `{field}` is compared by {sign} with one value alone")
        op = _SEVERAL[op]
    return Asked(field, op, texts)


def typed(several: tuple[Asked, ...], types: Mapping[str, FieldType]) -> tuple[Condition, ...]:
    """Return the conditions by the types of their fields.

    Raises:
        SettingsError: A value is not of its field's type.
    """
    return tuple(one.typed(types.get(one.field)) for one in several)


def _integer(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(text)
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError(text)
    return text == "true"


def _instant(text: str) -> dt.datetime:
    value = dt.datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError(text)
    return value.astimezone(dt.UTC)


_TEXT: Final[tuple[Callable[[str], Scalar], str]] = (str, "text")
_READ: Final[Mapping[FieldType, tuple[Callable[[str], Scalar], str]]] = {
    FieldType.INTEGER: (_integer, "a whole number"),
    FieldType.NUMBER: (_number, "a number"),
    FieldType.BOOLEAN: (_boolean, "true or false"),
    FieldType.DATE: (dt.date.fromisoformat, "a date such as 2027-06-15"),
    FieldType.TIMESTAMP: (_instant, "a time with its zone, such as 2027-06-15T12:00:00Z"),
}
