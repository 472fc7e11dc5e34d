"""An Ibis table as Arrow batches, a few at a time, from DuckDB and SQLite.

Ibis 12 asks DuckDB 2 for a method that it no longer has, and takes a whole SQLite result through
pandas, whole numbers with nulls becoming floats on the way. Both engines can hand over rows as they
find them, so this asks them directly, and memory stays that of a batch.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def batches(table: Any, batch_rows: int) -> Iterator[pa.RecordBatch]:  # noqa: ANN401 - ibis.Table
    """Yield the rows of a table of base tables and views in batches, in the table's own types.

    In-memory tables of Ibis are not known to the engine here; an adapter makes temporary ones.
    """
    backend = table.get_backend()
    if backend.name == "sqlite":
        cursor = backend.raw_sql(table.compile())
        yield from _of_sqlite(cursor, table.schema().to_pyarrow(), batch_rows)
    else:
        yield from backend.con.sql(table.compile()).to_arrow_reader(batch_rows)


def _of_sqlite(
    cursor: Any,  # noqa: ANN401 - sqlite3.Cursor
    schema: pa.Schema,
    batch_rows: int,
) -> Iterator[pa.RecordBatch]:
    try:
        while rows := cursor.fetchmany(batch_rows):
            arrays = [
                pa.array([_read(value, field.type) for value in column], field.type)
                for field, column in zip(schema, zip(*rows, strict=True), strict=True)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    finally:
        cursor.close()


def _read(value: Any, kind: pa.DataType) -> Any:  # noqa: ANN401 - whatever SQLite holds
    """Return a value of SQLite, which has no dates, instants or booleans of its own."""
    if value is None:
        return None
    for test, read in _READ:
        if test(kind):
            return read(value)
    return value


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


_READ: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], Any]], ...] = (
    (pa.types.is_date, dt.date.fromisoformat),
    (pa.types.is_timestamp, _instant),
    (pa.types.is_boolean, bool),
)
