"""Files that `accord request` writes: CSV, JSON lines, Parquet; whole and proved, or not at all.

Rows go to `<name>.part`, which its owner alone can read; only `finish` gives the file its name,
once the receipt proved it, and what is not finished is removed. Without a file, rows are printed as
they come, each chunk verified, and the exit code says whether the receipt held.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.parquet

from gateway.errors import SettingsError
from gateway.plan.pushdown import arrow_schema
from gateway.values import FieldType, canonical_json, text_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.values import Receipt

    Columns: TypeAlias = Sequence[tuple[str, FieldType]]
    Write: TypeAlias = Callable[[pa.RecordBatch], None]

ENDINGS: Final = (".csv", ".jsonl", ".parquet")
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of something to run."""


def writer(output: str) -> Writer:
    """Return the writer that `--output` names; `-` prints.

    Raises:
        SettingsError: Its ending is of no format, or its folder is not there.
    """
    if output in {"", "-"}:
        return Writer(None, ".jsonl")
    place = Path(output)
    suffix = place.suffix.lower()
    if suffix not in ENDINGS:
        raise SettingsError("`--output` ends in .parquet, .csv or .jsonl")
    if not place.parent.is_dir():
        raise SettingsError(f"`--output`: there is no folder {place.parent}")
    return Writer(place, suffix)


class Writer:
    """Writes under a temporary name; `finish` gives the file its own.

    Attributes:
        place: The final name; None where rows are printed.
    """

    def __init__(self, place: Path | None, suffix: str) -> None:
        self.place = place
        self._suffix = suffix
        self._part = place.with_name(place.name + ".part") if place else None

    @contextmanager
    def open(self) -> Iterator[Callable[[Columns], Write]]:
        """Give what takes the columns, and then batches; remove the file if anything raises."""
        if self._part is None:
            yield lambda columns: _lines(sys.stdout, columns)
            return
        # People's records: nobody else reads them, not even half of them.
        self._part.unlink(missing_ok=True)
        self._part.touch(mode=0o600)
        try:
            with _opened(self._part, self._suffix) as begin:
                yield begin
        except BaseException:
            self._part.unlink(missing_ok=True)
            raise

    def finish(self, receipt: Receipt) -> None:
        """Put the receipt beside the file, and give the file its name."""
        if self.place is None or self._part is None:
            return
        self.place.with_name(self.place.name + ".receipt").write_bytes(receipt_json(receipt))
        self._part.replace(self.place)

    def abandon(self) -> None:
        """Remove what was not finished."""
        if self._part is not None:
            self._part.unlink(missing_ok=True)


def receipt_json(receipt: Receipt) -> bytes:
    """Return a receipt as JSON that `accord log verify --receipt` reads."""
    return canonical_json(
        {
            "exchange_id": receipt.exchange_id,
            "index": receipt.index,
            "leaf": receipt.leaf.hex(),
            "meta": receipt.meta.hex(),
            "proof": receipt.proof,
            "row_count": receipt.row_count,
            "salt": receipt.salt.hex(),
        }
    )


# --- formats ---


@contextmanager
def _opened(place: Path, suffix: str) -> Iterator[Callable[[Columns], Write]]:
    if suffix == ".parquet":
        with _parquet(place) as begin:
            yield begin
        return
    with place.open("w", newline="", encoding="utf-8") as file:
        of_rows = _sheet if suffix == ".csv" else _lines
        yield lambda columns: of_rows(file, columns)


@contextmanager
def _parquet(place: Path) -> Iterator[Callable[[Columns], Write]]:
    made: list[pa.parquet.ParquetWriter] = []

    def begin(columns: Columns) -> Write:
        made.append(pa.parquet.ParquetWriter(place, arrow_schema(columns)))
        return made[0].write_batch

    try:
        yield begin
    finally:
        for one in made:
            one.close()


def _lines(file: Any, columns: Columns) -> Write:  # noqa: ANN401 - any text file
    kinds = dict(columns)

    def write(batch: pa.RecordBatch) -> None:
        for row in batch.to_pylist():
            shown = {name: _plain(value, kinds[name]) for name, value in row.items()}
            file.write(json.dumps(shown, ensure_ascii=False) + "\n")

    return write


def _sheet(file: Any, columns: Columns) -> Write:  # noqa: ANN401 - any text file
    sheet = csv.writer(file)
    sheet.writerow([name for name, _ in columns])

    def write(batch: pa.RecordBatch) -> None:
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            sheet.writerow([cell(value) for value in row])

    return write


def _plain(value: object, kind: FieldType) -> object:
    if kind is FieldType.LIST and isinstance(value, str):
        return list(text_list(value) or ())
    return value.isoformat() if isinstance(value, dt.date) else value


def cell(value: object) -> object:
    """Return a cell that a spreadsheet shows and never runs: what begins a formula is quoted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    return value
