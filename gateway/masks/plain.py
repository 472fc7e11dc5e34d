"""Masks that look at no part of a value: the value itself, nothing, or a literal."""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from typing import ClassVar

from gateway.masks.base import (
    ANY,
    BOTH,
    MISSING_ONLY,
    WHITE_SPACE,
    Beside,
    Inputs,
    Marker,
    Mask,
    Masked,
    Reader,
)
from gateway.values import FieldType, Scalar, list_text, text_list


@dataclass(frozen=True, slots=True)
class Pass(Mask):
    """The value leaves unchanged, after a check of its type and of its code list."""

    name: ClassVar[str] = "pass"
    accepts: ClassVar[frozenset[FieldType]] = ANY

    def closed(self, inputs: Inputs) -> tuple[str, ...] | None:
        """Return the field's closed codes."""
        return inputs.codes if inputs.type is FieldType.CODE else None

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return `masked` too where a value can be impossible: text, codes, numbers."""
        exact = {FieldType.INTEGER, FieldType.BOOLEAN, FieldType.DATE, FieldType.TIMESTAMP}
        return MISSING_ONLY if inputs.type in exact else BOTH

    def reader(self, inputs: Inputs) -> Reader:
        """Return a check; blank text, unlisted codes and numbers not finite are `masked`."""
        match inputs.type:
            case FieldType.NUMBER:
                return _pass_number
            case FieldType.CODE if inputs.codes is not None:
                return functools.partial(_pass_code, frozenset(inputs.codes))
            case FieldType.LIST if inputs.codes is not None:
                return functools.partial(_pass_list, re.compile(list_pattern(inputs.codes)))
            case FieldType.LIST:
                return _pass_any_list
            case FieldType.STRING | FieldType.CODE:
                return _pass_text
            case _:
                return _pass_exact


def list_pattern(codes: tuple[str, ...]) -> str:
    """Return a regular expression for the JSON text of a list of these codes and no others."""
    # As it stands in the text: quotes and letters beyond ASCII are escaped there.
    spelled = (list_text([code])[2:-2] for code in sorted(codes))
    one = '"(?:' + "|".join(map(re.escape, spelled)) + ')"'
    return rf"^\[(?:{one}(?:,{one})*)?\]$"


def _pass_exact(value: Scalar, _beside: Beside) -> Masked:
    return Marker.MISSING if value is None else value


def _pass_number(value: Scalar, _beside: Beside) -> Masked:
    if value is None:
        return Marker.MISSING
    return value if isinstance(value, (int, float)) and math.isfinite(value) else Marker.MASKED


def _pass_text(value: Scalar, _beside: Beside) -> Masked:
    if value is None:
        return Marker.MISSING
    return value if isinstance(value, str) and value.strip(WHITE_SPACE) else Marker.MASKED


def _pass_code(codes: frozenset[str], value: Scalar, _beside: Beside) -> Masked:
    if value is None:
        return Marker.MISSING
    return value if value in codes else Marker.MASKED


def _pass_list(pattern: re.Pattern[str], value: Scalar, _beside: Beside) -> Masked:
    if value is None:
        return Marker.MISSING
    # The whole text: `$` would also stand before a final line end.
    return value if isinstance(value, str) and pattern.fullmatch(value) else Marker.MASKED


def _pass_any_list(value: Scalar, _beside: Beside) -> Masked:
    if value is None:
        return Marker.MISSING
    return value if text_list(value) is not None else Marker.MASKED


@dataclass(frozen=True, slots=True)
class Redact(Mask):
    """Nothing about the value leaves, not even whether it was recorded."""

    name: ClassVar[str] = "redact"
    accepts: ClassVar[frozenset[FieldType]] = ANY

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return `masked` alone: null is masked too, so presence does not show."""
        del inputs
        return frozenset({Marker.MASKED})

    def reader(self, inputs: Inputs) -> Reader:
        """Return a function that is `masked` for every value."""
        del inputs
        return lambda _value, _beside: Marker.MASKED


@dataclass(frozen=True, slots=True)
class Constant(Mask):
    """The same literal leaves in every row, null included: nothing about the value."""

    value: bool | int | str
    name: ClassVar[str] = "constant"
    accepts: ClassVar[frozenset[FieldType]] = frozenset(
        {FieldType.STRING, FieldType.CODE, FieldType.INTEGER, FieldType.BOOLEAN, FieldType.NUMBER}
    )

    def closed(self, inputs: Inputs) -> tuple[str, ...] | None:
        """Return the literal, where it is text."""
        del inputs
        return (self.value,) if isinstance(self.value, str) else None

    def reasons(self, inputs: Inputs) -> frozenset[Marker]:
        """Return nothing: the value is always there."""
        del inputs
        return frozenset()

    def literal(self, type_: FieldType) -> bool | int | float | str:
        """Return the literal in the field's type."""
        return float(self.value) if type_ is FieldType.NUMBER else self.value

    def reader(self, inputs: Inputs) -> Reader:
        """Return a function that is the literal for every value."""
        literal = self.literal(inputs.type)
        return lambda _value, _beside: literal
