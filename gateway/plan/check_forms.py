"""What values a mask can give: the form of each, looked at one by one or by column. Pure."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import TYPE_CHECKING

import polars as pl

from gateway.errors import Reason, ReleaseError
from gateway.masks.ages import OLDEST, BirthYear
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.donut import HALF_E5, POLE_E5, GeoDonut
from gateway.masks.identity import Pseudonym
from gateway.masks.lists import CountList
from gateway.masks.numbers import Clip
from gateway.masks.places import GeoArea
from gateway.masks.plain import Redact
from gateway.masks.texts import Partial
from gateway.masks.times import Truncate, Unit, floor_date
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.plan.ops import MaskField


def check_forms(masks: Sequence[MaskField], frame: pl.DataFrame) -> None:
    """Look at whole columns.

    Raises:
        ReleaseError: A column holds a value of another form than its mask gives.
    """
    for one in masks:
        form = _form(one, pl.col(one.name))
        if form is not None and not frame.select(form.all()).item():
            message = f"column `{one.name}` holds what the plan cannot make"
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)


def _form(one: MaskField, column: pl.Expr) -> pl.Expr | None:
    """Return whether each value of a column is of the form that its mask gives, if it has one."""
    mask = one.mask
    match mask:
        case Redact():
            return column.is_null()
        case Pseudonym():
            return column.str.len_bytes() == mask.characters
        case GeoArea() | GeoGrid() | GeoH3():
            return column.is_in(pl.Series(sorted(_places(one)), dtype=pl.String).implode())
        case GeoDonut():
            return column.is_between(*_coordinates(one))
        case Partial():
            whole = column.str.len_chars() == mask.width + mask.keep_last
            return whole & column.str.starts_with(mask.symbols)
        case Clip():
            return column.is_between(mask.low, mask.high)
        case CountList():
            return column >= 0
        case BirthYear():
            first = (column.dt.month() == 1) & (column.dt.day() == 1)
            return first & (column.dt.year() > one.inputs.this_year - OLDEST)
        case _:
            return None


_CHECKS: dict[FieldType, Callable[[object], bool]] = {
    FieldType.STRING: lambda value: isinstance(value, str),
    FieldType.CODE: lambda value: isinstance(value, str),
    FieldType.LIST: lambda value: isinstance(value, str),
    FieldType.INTEGER: lambda value: type(value) is int,
    FieldType.NUMBER: lambda value: isinstance(value, float) and math.isfinite(value),
    FieldType.BOOLEAN: lambda value: type(value) is bool,
    FieldType.DATE: lambda value: type(value) is dt.date,
    FieldType.TIMESTAMP: lambda value: isinstance(value, dt.datetime),
}


def tests_of(one: MaskField) -> list[Callable[[object], bool]]:
    """Return a test of one value for each column of a field: its value, and why there is none."""
    closed = one.mask.closed(one.inputs)
    tests = [frozenset(closed).__contains__] if closed is not None else [_range_of(one)]
    if one.why:
        reasons = one.mask.reasons(one.inputs)
        tests.append(frozenset(marker.value for marker in reasons).__contains__)
    return tests


def _range_of(one: MaskField) -> Callable[[object], bool]:
    """Return whether a value that is not null is one that the mask can give."""
    match one.mask:
        case Redact():
            return lambda _value: False
        case Pseudonym():
            code = re.compile(rf"[0-9a-f]{{{one.mask.characters}}}")
            return lambda value: isinstance(value, str) and bool(code.fullmatch(value))
        case GeoArea() | GeoGrid() | GeoH3():
            return _places(one).__contains__
        case GeoDonut():
            low, high = _coordinates(one)
            return lambda value: type(value) is int and low <= value <= high
        case Partial():
            symbols, whole = one.mask.symbols, one.mask.width + one.mask.keep_last
            return lambda value: (
                isinstance(value, str) and len(value) == whole and value.startswith(symbols)
            )
        case Clip():
            low, high = one.mask.low, one.mask.high
            number = _CHECKS[one.output]
            return lambda value: number(value) and low <= value <= high  # type: ignore[operator]
        case CountList():
            return lambda value: type(value) is int and value >= 0
        case BirthYear():
            last = one.inputs.this_year - OLDEST
            return lambda value: (
                type(value) is dt.date
                and value.year > last
                and floor_date(value, Unit.YEAR) == value
            )
        case Truncate() if one.output is FieldType.DATE:
            unit = one.mask.to
            return lambda value: type(value) is dt.date and floor_date(value, unit) == value
        case _:
            return _CHECKS[one.output]


def _places(one: MaskField) -> frozenset[str]:
    """Return the areas, or the cells and counties, that a mask can name."""
    if isinstance(one.mask, (GeoGrid, GeoH3)):
        return one.mask.labels(one.inputs)
    return frozenset(map(str, (one.inputs.table or {}).values()))


def _coordinates(one: MaskField) -> tuple[int, int]:
    most = POLE_E5 if one.inputs.latitude else HALF_E5
    return -most, most
