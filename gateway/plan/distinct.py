"""A mask over a column of few different values: each is masked once, and stands where it stood.

Most columns of a batch are codes, ages, places: thousands of rows and a handful of values. Those
few go through the same functions as single rows (`plan/rows`), which are the specification of each
mask, so that speed costs no second meaning. Columns of many values go by `plan/lower`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from gateway.masks.base import Marker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.plan.ops import Plan
    from gateway.plan.rows import Step
    from gateway.values import Scalar

FEW: Final = 256
"""The most different values, or pairs with the field beside, that are masked one by one."""
GLANCE_ROWS: Final = 512
"""Rows that are looked at first, so that a column of keys does not pay for being counted."""


@dataclass(frozen=True, slots=True)
class Few:
    """A masked column: its results, why those are absent that are, and which stands in each row.

    Attributes:
        values: Masked values; None where there is a marker.
        why: The marker of each, or None.
        at: For each row an index into both; never null.
    """

    values: tuple[Scalar, ...]
    why: tuple[Scalar, ...]
    at: Any


def mask_few(plan: Plan, steps: Mapping[str, Step], batch: pa.RecordBatch) -> dict[str, Few]:
    """Return the masked columns, by name, that hold few different values; the others are left out.

    Args:
        plan: A record-level plan.
        steps: Its masks as functions, by field.
        batch: Original values, in the columns of the plan's scan.
    """
    kept: dict[str, _Coded | None] = {}

    def coded(name: str) -> _Coded | None:
        if name not in kept:
            kept[name] = _code(batch.column(name))
        return kept[name]

    found: dict[str, Few] = {}
    for one in plan.masks:
        own = coded(one.name)
        if own is None:
            continue
        beside = coded(one.beside) if one.beside else _ALONE
        also = coded(one.also) if one.also and beside is not None else _ALONE
        if beside is None or also is None:
            continue
        if len(own.values) * len(beside.values) * len(also.values) <= FEW:
            found[one.name] = _mask(steps[one.name], own, beside, also)
    return found


@dataclass(frozen=True, slots=True)
class _Coded:
    """A column as its different values, null among them, and which of them stands in each row."""

    values: list[Scalar]
    at: Any


_ALONE: Final = _Coded([None], None)


def _code(column: Any) -> _Coded | None:  # noqa: ANN401 - an array of any type
    if len(column) > GLANCE_ROWS and pc.count_distinct(column.slice(0, GLANCE_ROWS)).as_py() > FEW:
        return None
    made: Any = pc.dictionary_encode(column, null_encoding="encode")
    if len(made.dictionary) > FEW:
        return None
    try:
        values = made.dictionary.to_pylist()
    except (OverflowError, ValueError):
        return None  # a date that no calendar has: columns can hold it
    return _Coded(values, made.indices)


def _mask(step: Step, own: _Coded, beside: _Coded, also: _Coded) -> Few:
    values: list[Scalar] = []
    why: list[Scalar] = []
    for value, other, third in itertools.product(own.values, beside.values, also.values):
        masked = step.read(value, (other, third) if step.also else other)
        absent = isinstance(masked, Marker)
        values.append(None if absent else masked)
        why.append(masked.value if absent else None)  # type: ignore[union-attr]
    at = own.at
    for more in (beside, also):
        if more.at is not None:
            at = pc.add(pc.multiply(at, pa.scalar(len(more.values), pa.int32())), more.at)
    return Few(tuple(values), tuple(why), at)
