"""Events as text and files: CSV, JSON lines, FHIR, OCSF, Parquet; whole, or not at all.

What entries say may name an agency's people by its own ids: a file is readable by its owner alone,
and has its name only once it is whole.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet

from gateway.audit.columns import COLUMNS, NAMES, NUMBER, TIME, row
from gateway.audit.fhir import audit_events
from gateway.audit.ocsf import api_activity
from gateway.cli.written import cell
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TextIO

    from gateway.audit.event import Event
    from gateway.audit.names import Names

ROWS: Final = 10_000
PARQUET: Final = "parquet"


def write(events: Iterable[Event], names: Names, form: str, output: str) -> int:
    """Write events in a form; return how many.

    Args:
        events: In the order of the log.
        names: Of agencies and purposes.
        form: A key of `FORMS`, or `parquet`.
        output: A file, or `-`, which prints.

    Raises:
        SettingsError: The form is none, or Parquet was to be printed, or there is no such folder.
    """
    check(form, output)
    if form == PARQUET:
        with whole(Path(output)) as part:
            return _parquet(part, events)
    if output == "-":
        return FORMS[form](sys.stdout, events, names)
    with whole(Path(output)) as part, part.open("w", newline="", encoding="utf-8") as file:
        return FORMS[form](file, events, names)


def check(form: str, output: str) -> None:
    """Raise before anything is opened, where a form cannot be written there.

    Raises:
        SettingsError: As `write`.
    """
    if form not in {*FORMS, PARQUET}:
        raise SettingsError(f"`--as` is one of table, {', '.join(FORMS)}, {PARQUET}")
    if output == "-":
        if form == PARQUET:
            raise SettingsError("`--as parquet` needs a file: `--output FILE`")
    elif not Path(output).parent.is_dir():
        raise SettingsError(f"`--output`: there is no folder {Path(output).parent}")


@contextmanager
def whole(place: Path) -> Iterator[Path]:
    """Give a temporary file beside `place`, which takes its name unless something raises."""
    part = place.with_name(place.name + ".part")
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    try:
        yield part
        part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _sheet(file: TextIO, events: Iterable[Event], _names: Names) -> int:
    sheet = csv.writer(file)
    sheet.writerow(NAMES)
    count = 0
    for count, event in enumerate(events, 1):  # noqa: B007 - returned
        sheet.writerow([cell(value) for value in row(event)])
    return count


def _lines(file: TextIO, events: Iterable[Event], _names: Names) -> int:
    return _documents(file, (dict(zip(NAMES, row(one), strict=True)) for one in events))


def _fhir(file: TextIO, events: Iterable[Event], names: Names) -> int:
    return _documents(file, (one for event in events for one in audit_events(event, names)))


def _ocsf(file: TextIO, events: Iterable[Event], names: Names) -> int:
    return _documents(file, (api_activity(event, names) for event in events))


_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def _documents(file: TextIO, documents: Iterable[dict[str, Any]]) -> int:
    count = 0
    for count, one in enumerate(documents, 1):  # noqa: B007 - returned
        file.write(_JSON.encode(one) + "\n")
    return count


FORMS: Final[dict[str, Callable[[TextIO, Iterable[Event], Names], int]]] = {
    "csv": _sheet,
    "jsonl": _lines,
    "fhir": _fhir,
    "ocsf": _ocsf,
}


def schema() -> pa.Schema:
    """Return the schema of the Parquet file."""
    kinds = {NUMBER: pa.int64(), TIME: pa.timestamp("ms", tz="UTC")}
    return pa.schema([(name, kinds.get(kind, pa.string())) for name, kind in COLUMNS])


def _parquet(place: Path, events: Iterable[Event]) -> int:
    count = 0
    kept: list[tuple[Any, ...]] = []
    with pa.parquet.ParquetWriter(place, schema()) as writer:
        for event in events:
            kept.append(_typed(row(event)))
            count += 1
            if len(kept) == ROWS:
                writer.write_batch(_batch(kept))
                kept.clear()
        writer.write_batch(_batch(kept))
    return count


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) or [()] * len(NAMES)
    arrays = [pa.array(one, kind.type) for one, kind in zip(columns, schema(), strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema())


_TIMES: Final = tuple(at for at, (_, kind) in enumerate(COLUMNS) if kind == TIME)


def _typed(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        dt.datetime.fromisoformat(one) if at in _TIMES else one for at, one in enumerate(values)
    )
