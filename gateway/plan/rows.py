"""A plan over a few rows, one by one: the same answer as `plan/lower`, without the cost of columns.

One row through a columnar engine costs some hundred microseconds, and most exchanges are of one
row. Only record-level plans run here; a table always goes by columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.masks.base import WHITE_SPACE, Marker
from gateway.plan.pushdown import admits
from gateway.values import FieldType, Row, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.masks.base import Beside, Reader
    from gateway.plan.ops import Plan, Where


def stays(row: Row, where: Where) -> bool:
    """Return whether a row stays: every condition true, consent filled, no opt-out."""
    if where.unanswerable or not admits(row, where.conditions):
        return False
    if where.consent and not any(filled(row[name]) for name in where.consent):
        return False
    return not any(_objects(row[name], kind) for name, kind in where.opt_out)


def filled(value: Scalar) -> bool:
    """Return whether a field holds something: neither null nor blank text."""
    return value is not None and (not isinstance(value, str) or bool(value.strip(WHITE_SPACE)))


def _objects(value: Scalar, kind: FieldType) -> bool:
    # A boolean that nobody answered counts as an objection; a time that is not there does not.
    return value is not False if kind is FieldType.BOOLEAN else value is not None


class Step(NamedTuple):
    """One mask as a function of the original value and of what stands beside it.

    Attributes:
        beside: Name of the second original field that it reads, or None.
        also: Name of a third one; the function is then given the pair of them.
        why: Whether a companion says why a value is absent.
    """

    name: str
    beside: str | None
    also: str | None
    read: Reader
    why: bool


class Program:
    """The masks of a plan as functions, made once and run over rows.

    Args:
        plan: A record-level plan; its row filter and limit may change between runs, its masks may
            not.
    """

    def __init__(self, plan: Plan) -> None:
        self.steps = [
            Step(one.name, one.beside, one.also, one.mask.reader(one.inputs), one.why)
            for one in plan.masks
        ]

    def mask_all(self, several: Iterable[Row]) -> list[tuple[Scalar, ...]]:
        """Return masked rows, values in the order of the plan's columns."""
        return [self._mask(row) for row in several]

    def _mask(self, row: Row) -> tuple[Scalar, ...]:
        values: list[Scalar] = []
        for name, beside, also, read, why in self.steps:
            other: Beside = row[beside] if beside else None
            if also:
                other = (row[beside] if beside else None, row[also])
            value = read(row[name], other)
            absent = isinstance(value, Marker)
            values.append(None if absent else value)
            if why:
                values.append(value.value if absent else None)  # type: ignore[union-attr]
        return tuple(values)


def read_rows(names: Sequence[str], columns: Sequence[Sequence[Scalar]]) -> list[Row]:
    """Return rows by name from columns, in order."""
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]
