"""What leaves as an officer writes it in a test, and how it differs from what is expected. Pure.

Dates and instants are texts, decimals are compared by value, lists are lists. What is absent is
left out; its companion column says why. A value that hangs on a key is a word with a number: equal
where the values are, as `pseudonym-1`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.masks.donut import GeoDonut
from gateway.masks.identity import Pseudonym
from gateway.masks.shift import DateShift
from gateway.values import FieldType, text_list

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def differences(
    expected: Sequence[Told], found: Cells, rest: frozenset[str] | None
) -> tuple[str, ...]:
    """Return how what leaves differs from what is expected, in sentences; in any order of rows.

    Args:
        expected: The rows of the test.
        found: What leaves.
        rest: Of a table of which only some cells are listed: its measures, each of which is 0 in
            every other cell. None where all rows are listed.
    """
    numbers = {n for row in found for n, v in row.items() if isinstance(v, Decimal)}
    want = [_row(row, numbers) for row in expected]
    have = [_row(row, numbers) for row in found]
    missing = Counter(want) - Counter(have)
    surplus = Counter(have) - Counter(want)
    if rest is not None:
        surplus = Counter({row: n for row, n in surplus.items() if not _zero(row, rest)})
    if len(want) == len(have) == 1 and missing and surplus:
        return tuple(_by_column(want[0], have[0]))
    said = [f"should leave, and does not: {_text(row)}" for row in missing.elements()]
    said += [f"leaves, and should not: {_text(row)}" for row in surplus.elements()]
    if len(said) > _SHOWN:
        said = [*said[:_SHOWN], f"and {len(said) - _SHOWN} more"]
    return tuple(said)


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
    return all(cells.get(name) == 0 for name in measures)


def _by_column(want: _Row, have: _Row) -> list[str]:
    expected, found = dict(want), dict(have)
    return [
        f"`{name}` leaves as {_shown(found, name)}, expected {_shown(expected, name)}"
        for name in dict.fromkeys([*found, *expected])
        if found.get(name) != expected.get(name)
    ]


def _shown(row: Mapping[str, Cell], name: str) -> str:
    return _value(row[name]) if name in row else "nothing"


def _text(row: _Row) -> str:
    return ", ".join(f"{name}: {_value(value)}" for name, value in row) or "a row without values"


def _value(value: Cell) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
