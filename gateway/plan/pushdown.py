"""What an adapter is asked to read, as a value, and how Ibis reads it at the source.

A `Scan` is all that an adapter learns of a plan: the columns, the row filter, the largest number of
rows. It holds no key, no mask and no recipient's secret. `narrow` lowers it to one Ibis expression,
so the same filter runs on DuckDB, SQLite and PostgreSQL; `admits` is the same filter over one row,
for sources that are not tables. The gateway applies the filter once more on what it gets: a source
that ignores it gains nothing.
"""

from __future__ import annotations

import datetime as dt
import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, assert_never

import pyarrow as pa

from gateway.values import Condition, DatasetId, FieldType, Operator, Row, Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ARROW: Mapping[FieldType, pa.DataType] = {
    FieldType.STRING: pa.large_utf8(),
    FieldType.CODE: pa.large_utf8(),
    FieldType.INTEGER: pa.int64(),
    FieldType.NUMBER: pa.float64(),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.DATE: pa.date32(),
    FieldType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    FieldType.LIST: pa.large_utf8(),  # the compact JSON array of its texts
}
"""What each type is in a batch on the wire."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What to read: these columns, in this order, of the rows that satisfy all of `where`.

    Attributes:
        recipient, purpose: So that a provider can refuse on grounds of its own.
        columns: (name, type) in the order of the batches.
        limit_rows: The most rows that may come; a source with more fails rather than cutting.
        batch_rows: The most rows in one batch.
        plan_digest: SHA-256 of the plan that this is part of.
    """

    provider: str
    recipient: str
    purpose: str
    dataset: DatasetId
    columns: tuple[tuple[str, FieldType], ...]
    where: tuple[Condition, ...]
    limit_rows: int
    batch_rows: int
    plan_digest: bytes

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(name for name, _ in self.columns)


def arrow_schema(columns: Sequence[tuple[str, FieldType]]) -> pa.Schema:
    """Return the schema of every batch of these columns: all nullable, no metadata."""
    return pa.schema([pa.field(name, ARROW[kind]) for name, kind in columns])


def admits(row: Row, where: Sequence[Condition]) -> bool:
    """Return whether a row satisfies all conditions; null and infinities satisfy none."""
    return all(_holds(row[condition.field], condition) for condition in where)


def _holds(value: Scalar, condition: Condition) -> bool:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return False
    first: Any = condition.values[0]
    held: Any = value
    match condition.op:
        case Operator.EQ:
            return bool(held == first)
        case Operator.NE:
            return bool(held != first)
        case Operator.IN:
            return value in condition.values
        case Operator.NOT_IN:
            return value not in condition.values
        case Operator.LT:
            return bool(held < first)
        case Operator.LTE:
            return bool(held <= first)
        case Operator.GT:
            return bool(held > first)
        case Operator.GTE:
            return bool(held >= first)
        case _:
            assert_never(condition.op)


def narrow(table: Any, scan: Scan) -> Any:  # noqa: ANN401 - ibis.Table; ibis has no types of its own
    """Return the Ibis expression for a scan: its row filter, its columns in order, nothing else.

    Args:
        table: An `ibis.Table` that has every column of the dataset, in the dataset's types.
        scan: What to read. Conditions may name columns that are not read.
    """
    import ibis  # noqa: PLC0415 - a heavy extra, needed only beside an adapter

    for condition in scan.where:
        column = table[condition.field]
        if column.type().is_floating():
            # Not `isnan`, which SQLite lacks: every engine orders NaN outside the finite numbers.
            largest = sys.float_info.max
            table = table.filter((column >= -largest) & (column <= largest))
            column = table[condition.field]
        table = table.filter(_predicate(ibis, column, condition))
    return table.select(*scan.names)


def _predicate(ibis: Any, column: Any, condition: Condition) -> Any:  # noqa: ANN401
    values = [_literal(ibis, value) for value in condition.values]
    match condition.op:
        case Operator.EQ:
            return column == values[0]
        case Operator.NE:
            return column != values[0]
        case Operator.IN:
            return column.isin(values)
        case Operator.NOT_IN:
            return column.notin(values)
        case Operator.LT:
            return column < values[0]
        case Operator.LTE:
            return column <= values[0]
        case Operator.GT:
            return column > values[0]
        case Operator.GTE:
            return column >= values[0]
        case _:
            assert_never(condition.op)


def _literal(ibis: Any, value: Scalar) -> Any:  # noqa: ANN401
    if isinstance(value, dt.datetime):
        return ibis.timestamp(value.astimezone(dt.UTC).replace(tzinfo=None), timezone="UTC")
    if isinstance(value, dt.date):
        return ibis.date(value)
    return ibis.literal(value)
