"""Sample records of an officer: CSV, JSON lines or Parquet, in the fields of a dataset.

The files are those that `accord request` writes, and what an officer's program exports: a column a
field, by its name in the dataset; a field without a column is null. A message names line and field,
and never what stands there: the records may be real.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet

from gateway.cli.disclosure.lines import LARGEST_BYTES, records, wrong
from gateway.cli.where import reading
from gateway.errors import SettingsError
from gateway.plan.pushdown import arrow_schema
from gateway.values import FieldType, list_text, text_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from gateway.agreement.dataset import Dataset
    from gateway.values import Row, Scalar

ROWS_MAX: Final = 200_000
"""Records of one sample; more are no sample, and would be kept in memory."""


def read_sample(path: Path, dataset: Dataset, most: int = ROWS_MAX) -> list[Row]:
    """Return the records of a file, each with every field of the dataset.

    Args:
        path: The file.
        dataset: What its columns are fields of.
        most: How many records it may have.

    Raises:
        SettingsError: The file cannot be read, is larger than a sample, has a column that is no
            field, or a value that is not of its field's type.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise SettingsError("`--input` ends in .csv, .jsonl or .parquet")
    nothing = dict.fromkeys(dataset.fields)
    rows: list[Row] = []
    for row in read(path, dataset):
        if len(rows) == most:
            raise SettingsError(f"{path}: more than {most:,} records are no sample")
        rows.append(nothing | row)
    return rows


def _columns(path: Path, dataset: Dataset, names: Sequence[str]) -> list[FieldType]:
    """Return the type of each column."""
    for number, name in enumerate(names, 1):
        if name not in dataset.fields:
            # Not by its name: a file without a header has a record there.
            raise wrong(path, 1, f"column {number} is no field of {dataset.id}")
    return [dataset.fields[name].type for name in names]


def _sheet(path: Path, dataset: Dataset) -> Iterator[Row]:
    lines = records(path)
    _, names = next(lines)
    read = [_cell(kind) for kind in _columns(path, dataset, names)]
    for at, texts in lines:
        row: Row = {}
        for name, text, (value, form) in zip(names, texts, read, strict=True):
            try:
                row[name] = value(text) if text else None
            except ValueError:
                raise wrong(path, at, f"`{name}` is not {form}") from None
        yield row


def _cell(kind: FieldType) -> tuple[Callable[[str], Scalar], str]:
    return (_listed, _LIST) if kind is FieldType.LIST else reading(kind)


def _listed(text: str) -> Scalar:
    if text_list(text) is None:
        raise ValueError(text)
    return text


def _lines(path: Path, dataset: Dataset) -> Iterator[Row]:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise SettingsError(f"{path}: larger than {LARGEST_BYTES // 1024**2} MiB")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{path}: cannot be read as UTF-8") from None
    for at, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            raise wrong(path, at, "is no JSON") from None
        if not isinstance(value, dict):
            raise wrong(path, at, "is no record: an object, a field a key")
        yield _object(path, at, dataset, value)


def _object(path: Path, at: int, dataset: Dataset, value: Mapping[str, Any]) -> Row:
    row: Row = {}
    for number, (name, one) in enumerate(value.items(), 1):
        if name not in dataset.fields:
            raise wrong(path, at, f"key {number} is no field of {dataset.id}")
        kind = dataset.fields[name].type
        try:
            row[name] = None if one is None else _plain(one, kind)
        except ValueError:
            raise wrong(path, at, f"`{name}` is not {_cell(kind)[1]}") from None
    return row


def _plain(value: Any, kind: FieldType) -> Scalar:  # noqa: ANN401 - JSON
    """Return a value of JSON in its field's type."""
    match kind, value:
        case FieldType.BOOLEAN, bool():
            return value
        case ((FieldType.INTEGER | FieldType.NUMBER), bool()):
            raise ValueError(kind)
        case ((FieldType.INTEGER | FieldType.NUMBER), int() | float()):
            return reading(kind)[0](str(value))
        case FieldType.LIST, list() if all(isinstance(one, str) for one in value):
            return list_text(value)
        case ((FieldType.STRING | FieldType.CODE), str()):
            return value
        case ((FieldType.DATE | FieldType.TIMESTAMP), str()):
            return reading(kind)[0](value)
        case _:
            raise ValueError(kind)


def _parquet(path: Path, dataset: Dataset) -> Iterator[Row]:
    try:
        file: Any = pa.parquet.ParquetFile(path)
        if file.metadata.num_rows > ROWS_MAX:
            raise SettingsError(f"{path}: more than {ROWS_MAX:,} records are no sample")
        table = file.read()
    except (OSError, pa.ArrowException):
        raise SettingsError(f"{path}: cannot be read as Parquet") from None
    names = table.column_names
    wanted = arrow_schema(list(zip(names, _columns(path, dataset, names), strict=True)))
    for name, kind in zip(wanted.names, wanted.types, strict=True):
        if not table.schema.field(name).type.equals(kind):
            raise SettingsError(f"{path}: column `{name}` is not {kind}, as this field is")
    yield from table.to_pylist()


_LIST: Final = 'a JSON array of texts, as ["a","b"]'
_READERS: Final[Mapping[str, Callable[[Path, Dataset], Iterator[Row]]]] = {
    ".csv": _sheet,
    ".jsonl": _lines,
    ".parquet": _parquet,
}


def moved(rows: Sequence[Row], days: int) -> list[Row]:
    """Return records with every date and time so many days later.

    Raises:
        SettingsError: One would leave the calendar.
    """
    by = dt.timedelta(days=days)
    try:
        return [
            {
                name: value + by if isinstance(value, dt.date) else value
                for name, value in row.items()
            }
            for row in rows
        ]
    except OverflowError:
        raise SettingsError("`--shift` moves a date out of the calendar") from None
