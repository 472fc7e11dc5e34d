"""What leaves as an officer writes it in a test, and how it differs from what is expected. Pure.

Dates and instants are texts, decimals are compared by value, lists are lists. What is absent is
left out; its companion column says why. A value that hangs on a key is a word with a number: equal
where the values are, as `pseudonym-1`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from gateway.masks.donut import GeoDonut
from gateway.masks.identity import Pseudonym
from gateway.masks.shift import DateShift
from gateway.values import FieldType, text_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.agreement.testing import Told
    from gateway.plan.ops import MaskField, Plan
    from gateway.values import Scalar

Cell: TypeAlias = str | int | bool | Decimal | tuple[str, ...]
Cells: TypeAlias = "Sequence[Mapping[str, Cell]]"

_KEYED: Final = {Pseudonym: "pseudonym", DateShift: "shifted", GeoDonut: "displaced"}
_SHOWN: Final = 5


def cells_of(plan: Plan, rows: Sequence[tuple[Scalar, ...]]) -> Cells:
    """Return rows in the plan's columns by name, each value as an officer writes it."""
    words = {one.name: word for one in plan.masks if (word := _word(one))}
    types = [(one.name, one.type) for one in plan.columns]
    numbers: dict[str, dict[Scalar, int]] = {name: {} for name in words}
    made: list[Mapping[str, Cell]] = []
    for row in rows:
        cells: dict[str, Cell] = {}
        for (name, kind), value in zip(types, row, strict=True):
            if value is None:
                continue
            if name in words:
                number = numbers[name].setdefault(value, len(numbers[name]) + 1)
                cells[name] = f"{words[name]}-{number}"
            else:
                cells[name] = _cell(value, kind)
        made.append(cells)
    return made


def _word(one: MaskField) -> str:
    return _KEYED.get(type(one.mask), "")


def _cell(value: Scalar, kind: FieldType) -> Cell:
    match value:
        case bool() | int():
            return value
        case float():
            return Decimal(repr(value))
        case dt.datetime():
            return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
        case dt.date():
            return value.isoformat()
        case str() if kind is FieldType.LIST:
            return text_list(value) or ()
        case _:
            return str(value)


# --- comparing ---


class Fault(NamedTuple):
    """What is not as a test expects it: a sentence, and the place in the test that it is of."""

    path: tuple[str | int, ...]
    text: str


def differences(
    expected: Sequence[Told], found: Cells, measures: frozenset[str], *, rest: bool
) -> tuple[Fault, ...]:
    """Return how what leaves differs from what is expected; the cells of a table have no order.

    Args:
        expected: The rows of the test.
        found: What leaves.
        measures: Of a table what it counts; nothing of records.
        rest: Whether only some cells of a table are listed, and each other one is 0.
    """
    numbers = {n for row in found for n, v in row.items() if isinstance(v, Decimal)}
    want = [_row(row, numbers) for row in expected]
    have = [_row(row, numbers) for row in found]
    if not measures and len(want) == len(have):
        pairs = enumerate(zip(want, have, strict=True))
        several = [fault for place, pair in pairs for fault in _by_column(place, *pair)]
    else:
        several = list(_as_sets(want, have, measures if rest else frozenset()))
    if len(several) > _SHOWN:
        more = Fault((), f"and {len(several) - _SHOWN} more")
        several = [*several[:_SHOWN], more]
    return tuple(several)


def _as_sets(want: Sequence[_Row], have: Sequence[_Row], zero: frozenset[str]) -> Iterator[Fault]:
    left = Counter(have)
    for place, row in enumerate(want):
        if left[row]:
            left[row] -= 1
        else:
            yield Fault((place,), f"should leave, and does not: {_text(row)}")
    for row in left.elements():
        if not _zero(row, zero):
            yield Fault((), f"leaves, and should not: {_text(row)}")


_Row: TypeAlias = tuple[tuple[str, Cell], ...]


def _row(row: Mapping[str, Cell] | Told, numbers: set[str]) -> _Row:
    return tuple(sorted((name, _number(row[name], name in numbers)) for name in row))


def _number(value: Cell, decimal: bool) -> Cell:  # noqa: FBT001
    """Return a decimal that an officer quoted, or a whole number, as what it is compared with."""
    if isinstance(value, bool):  # which equals 1 or 0
        return "true" if value else "false"
    if not decimal or isinstance(value, tuple):
        return value
    try:
        return Decimal(value).normalize() + 0
    except InvalidOperation:
        return value


def _zero(row: _Row, measures: frozenset[str]) -> bool:
    cells = dict(row)
    return bool(measures) and all(cells.get(name) == 0 for name in measures)


def _by_column(place: int, want: _Row, have: _Row) -> Iterator[Fault]:
    expected, found = dict(want), dict(have)
    for name in dict.fromkeys([*found, *expected]):
        if found.get(name) != expected.get(name):
            text = f"`{name}` leaves as {_shown(found, name)}, expected {_shown(expected, name)}"
            yield Fault((place, name), text)


def _shown(row: Mapping[str, Cell], name: str) -> str:
    return _value(row[name]) if name in row else "nothing"


def _text(row: _Row) -> str:
    return ", ".join(f"{name}: {_value(value)}" for name, value in row) or "a row without values"


def _value(value: Cell) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
