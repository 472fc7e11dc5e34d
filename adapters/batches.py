"""Rows and foreign batches into batches that keep the scan's schema, row count and size.

A batch has exactly `arrow_schema(columns)`, at most `batch_rows` rows and, unless a single row is
wider, at most `BATCH_BYTES`, so that a message on the wire stays near a mebibyte whatever the
records hold. Whatever does not fit its type is the adapter's fault and refused by column name;
the value is nowhere in the message, and neither is the library's own error, which would hold it.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from gateway.errors import Reason, SourceError
from gateway.plan.pushdown import ARROW, arrow_schema
from gateway.values import FieldType, Row, Scalar, list_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Value: TypeAlias = Scalar | tuple[str, ...]
"""What an adapter gives for a field: a list<string> is still a tuple of text here."""

BATCH_BYTES = 1_040_000
"""The most bytes of a batch of more than one row: 1 MiB less room for its frame in a message."""

_CELL_BYTES = 9  # an offset or a number of 8 bytes, and its share of the validity bits
_INT64 = 1 << 63


def _text(value: Value) -> Scalar:
    if not isinstance(value, str):
        raise TypeError
    return value


def _integer(value: Value) -> Scalar:
    if isinstance(value, bool) or not isinstance(value, int) or not -_INT64 <= value < _INT64:
        raise TypeError
    return value


def _number(value: Value) -> Scalar:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    number = float(value)
    return number if math.isfinite(number) else None


def _boolean(value: Value) -> Scalar:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _date(value: Value) -> Scalar:
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
        raise TypeError
    return value


def _timestamp(value: Value) -> Scalar:
    # A time without a zone is refused, not read as UTC: which zone it has is the adapter's to know.
    if not isinstance(value, dt.datetime) or value.tzinfo is None:
        raise TypeError
    return value.astimezone(dt.UTC)


# Lists are mostly of a few codes, and their text is a third of a row's cost.
_json = functools.lru_cache(maxsize=4096)(list_text)


def _list(value: Value) -> Scalar:
    if not isinstance(value, tuple) or not all(isinstance(item, str) for item in value):
        raise TypeError
    return _json(value)


_WIRE: Mapping[FieldType, Callable[[Value], Scalar]] = {
    FieldType.STRING: _text,
    FieldType.CODE: _text,
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.DATE: _date,
    FieldType.TIMESTAMP: _timestamp,
    FieldType.LIST: _list,
}


def wire_row(record: Mapping[str, Value], needed: Sequence[tuple[str, FieldType]]) -> Row:
    """Return the needed fields as they travel: lists as JSON text, times in UTC, NaN as null.

    Raises:
        SourceError: A value is not of its field's type; the message names the field.
    """
    row: Row = {}
    name = ""
    try:
        for name, kind in needed:
            value = record.get(name)
            row[name] = None if value is None else _WIRE[kind](value)
    except (TypeError, ValueError, OverflowError):
        raise _misfit(name) from None
    return row


class Batcher:
    """Gathers rows into batches that are full by rows or by bytes, in the order they come."""

    def __init__(self, columns: Sequence[tuple[str, FieldType]], batch_rows: int) -> None:
        self._schema = arrow_schema(columns)
        self._names = [name for name, _ in columns]
        self._batch_rows = batch_rows
        self._rows: list[list[Scalar]] = []
        self._bytes = 0

    def add(self, row: Row) -> pa.RecordBatch | None:
        """Take a row; return the batch before it where that is now full."""
        values = [row[name] for name in self._names]
        size = _row_bytes(values)
        full = len(self._rows) >= self._batch_rows or self._bytes + size > BATCH_BYTES
        batch = self.rest() if full else None
        self._rows.append(values)
        self._bytes += size
        return batch

    def rest(self) -> pa.RecordBatch | None:
        """Return what is left as a batch, or None where nothing is."""
        if not self._rows:
            return None
        columns = zip(*self._rows, strict=True)
        self._rows, self._bytes = [], 0
        arrays = [
            _array(field.name, values, field.type)
            for field, values in zip(self._schema, columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


def _row_bytes(values: Sequence[Scalar]) -> int:
    size = _CELL_BYTES * len(values)
    for value in values:
        if isinstance(value, str):
            size += len(value) if value.isascii() else len(value.encode("utf-8", "replace"))
    return size


def _array(name: str, values: Sequence[Scalar], kind: pa.DataType) -> pa.Array[Any]:
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        raise _misfit(name) from None


def fitted(
    batch: pa.RecordBatch, columns: Sequence[tuple[str, FieldType]], batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """Yield a database's batch in the scan's types, cut to its row count and size.

    Raises:
        SourceError: A column is absent or cannot be cast without loss; the message names it.
    """
    arrays = [_cast(batch, name, ARROW[kind]) for name, kind in columns]
    whole = pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(columns))
    for start in range(0, whole.num_rows, batch_rows):
        yield from _by_size(whole.slice(start, batch_rows))


def _by_size(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if batch.num_rows <= 1 or batch.nbytes <= BATCH_BYTES:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _by_size(batch.slice(0, half))
    yield from _by_size(batch.slice(half))


def _cast(batch: pa.RecordBatch, name: str, kind: pa.DataType) -> pa.Array[Any]:
    try:
        array = pc.cast(batch.column(name), kind)
    except (pa.ArrowException, KeyError):
        raise _misfit(name) from None
    if pa.types.is_floating(kind):
        array = pc.if_else(pc.is_finite(array), array, pa.scalar(None, kind))
    return array


def _misfit(name: str) -> SourceError:
    return SourceError(
        Reason.ADAPTER_BROKE_PLAN,
        f"the adapter's value for `{name}` is not of its type",
        field=name,
    )
