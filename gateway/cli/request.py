"""`accord request`: a complete client for an agency without developers.

Asks, shows progress, verifies every chunk and the receipt, and writes what came as Parquet, CSV or
JSON lines; or prints the refusal, its clause and its reason. Nothing is left under the final name
unless the receipt proved it.
"""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import json
import sys
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from gateway.cli.clock import SystemClock
from gateway.cli.token import bearer
from gateway.errors import AccordError, RefusedError, SettingsError
from gateway.plan.pushdown import arrow_schema
from gateway.remote.client import Client
from gateway.settings import ClientSettings, beside, client_settings
from gateway.values import (
    Caller,
    Condition,
    DatasetId,
    FieldType,
    Form,
    Operator,
    Request,
    Scalar,
    Terms,
    canonical_json,
    text_list,
)
from gateway.wire.tls import TlsFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.values import Header, Receipt

EXIT_REFUSED = 7
EXIT_FAILED = 1


def run(  # noqa: PLR0917 - one argument an option
    client: str,
    provider: str,
    dataset: str,
    purpose: str,
    fields: str,
    where: Sequence[str],
    output: str,
    timeout_s: float,
) -> int:
    """Carry out one request and write what came.

    Raises:
        SettingsError: An option or the settings are wrong.
    """
    path = Path(client)
    settings = client_settings(path)
    asked = _request(settings, provider, dataset, purpose, fields, where)
    writer = _writer(output)
    try:
        return asyncio.run(_carry_out(path, settings, asked, writer, timeout_s))
    except RefusedError as error:
        _print_refusal(error)
        return EXIT_REFUSED


def client_of(path: Path, settings: ClientSettings) -> Client:
    """Return the client that a `client.toml` describes."""
    tls = settings.tls
    files = TlsFiles(beside(path, tls.certificate), beside(path, tls.key), beside(path, tls.ca))
    kept = beside(path, settings.client.checkpoint)
    token: Callable[[], str] | None = None
    if settings.token is not None:
        token = lambda: bearer(path, settings, SystemClock().now())  # noqa: E731
    return Client(
        settings.gateway.address,
        files,
        settings.gateway.vkey,
        checkpoint=kept.read_text() if kept.exists() else "",
        server_name=settings.gateway.san,
        token=token,
    )


def keep_checkpoint(path: Path, settings: ClientSettings, client: Client) -> None:
    """Write the largest checkpoint that the client verified.

    This agency is a monitor of the log.
    """
    if client.checkpoint:
        beside(path, settings.client.checkpoint).write_text(client.checkpoint)


def _request(
    settings: ClientSettings,
    provider: str,
    dataset: str,
    purpose: str,
    fields: str,
    where: Sequence[str],
) -> Request:
    named = DatasetId.parse(dataset)
    if named is None:
        raise SettingsError("`--dataset` is of the form `name@version`, as in ems.overdose_run@1")
    names = tuple(name.strip() for name in fields.split(",") if name.strip())
    if not names:
        raise SettingsError("`--fields` names at least one field, separated by commas")
    agency = settings.client.agency
    conditions = tuple(condition(text) for text in where)
    terms = Terms(provider, agency, named, purpose, names, conditions)
    return Request(str(uuid.uuid4()), terms, Caller(agency, bytes(32)), Form.ARROW)  # noqa: TID251


_SIGNS = (
    (">=", Operator.GTE),
    ("<=", Operator.LTE),
    ("!=", Operator.NE),
    ("=", Operator.EQ),
    (">", Operator.GT),
    ("<", Operator.LT),
)


def condition(text: str) -> Condition:
    """Return the condition that `field=value` says; several values of `=` stand between bars.

    Raises:
        SettingsError: There is no operator in it.
    """
    for sign, operator in _SIGNS:
        name, found, value = text.partition(sign)
        if found:
            values = tuple(_value(part) for part in value.split("|"))
            several = len(values) > 1 and operator is Operator.EQ
            return Condition(name.strip(), Operator.IN if several else operator, values)
    raise SettingsError("`--where` is of the form field=value, with one of = != < <= > >=")


def _value(text: str) -> Scalar:
    for read in (int, float, dt.date.fromisoformat, dt.datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    return {"true": True, "false": False}.get(text, text)


async def _carry_out(
    path: Path,
    settings: ClientSettings,
    request: Request,
    writer: _Writer,
    timeout_s: float,
) -> int:
    client = client_of(path, settings)
    header: Header | None = None
    receipt: Receipt | None = None
    try:
        with _progress() as advance, writer.open() as write:
            async for message in client.exchange(request, timeout_s=timeout_s):
                header = message.header or header
                receipt = message.receipt or receipt
                if message.chunk is not None and message.chunk.arrow is not None:
                    batch = pa.ipc.open_stream(message.chunk.arrow).read_next_batch()
                    assert header is not None  # noqa: S101 - the client checked the order
                    write(batch, [(one.name, one.type) for one in header.columns])
                    advance(message.chunk.row_count)
        keep_checkpoint(path, settings, client)
    finally:
        await client.close()
    if header is None or receipt is None:
        raise AccordError("INCOMPLETE", "the exchange ended without a receipt")  # type: ignore[arg-type]
    writer.finish(receipt)
    _print_receipt(header, receipt, writer.place)
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Show rows as they come, on a terminal's standard error."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("asking", total=None)
        rows = 0

        def advance(count: int) -> None:
            nonlocal rows
            rows += count
            progress.update(task, description=f"{rows:,} rows")

        yield advance


# --- writing ---


class _Writer:
    """Writes under a temporary name; `finish` gives the file its own, once the receipt held."""

    def __init__(self, place: Path | None, suffix: str) -> None:
        self.place = place
        self._suffix = suffix
        self._part = place.with_name(place.name + ".part") if place else None

    @contextmanager
    def open(self) -> Iterator[Callable[[pa.RecordBatch, Any], None]]:
        """Give the function that takes batches."""
        if self._suffix == ".parquet" and self._part is not None:
            with _parquet(self._part) as write:
                yield write
            return
        if self._part is None:
            yield _lines(sys.stdout)
            return
        with self._part.open("w", newline="", encoding="utf-8") as file:
            yield _sheet(file) if self._suffix == ".csv" else _lines(file)

    def finish(self, receipt: Receipt) -> None:
        """Name the file, and put the receipt beside it."""
        if self.place is None or self._part is None:
            return
        self._part.replace(self.place)
        self.place.with_name(self.place.name + ".receipt").write_bytes(receipt_json(receipt))


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


def _writer(output: str) -> _Writer:
    if output in {"", "-"}:
        return _Writer(None, ".jsonl")
    place = Path(output)
    suffix = place.suffix.lower()
    if suffix not in {".csv", ".jsonl", ".parquet"}:
        raise SettingsError("`--output` ends in .parquet, .csv or .jsonl")
    return _Writer(place, suffix)


@contextmanager
def _parquet(place: Path) -> Iterator[Callable[[pa.RecordBatch, Any], None]]:
    made: list[pa.parquet.ParquetWriter] = []

    def write(batch: pa.RecordBatch, columns: Any) -> None:  # noqa: ANN401
        if not made:
            made.append(pa.parquet.ParquetWriter(place, arrow_schema(columns)))
        made[0].write_batch(batch)

    try:
        yield write
    finally:
        for writer in made:
            writer.close()


def _lines(file: Any) -> Callable[[pa.RecordBatch, Any], None]:  # noqa: ANN401
    def write(batch: pa.RecordBatch, columns: Any) -> None:  # noqa: ANN401
        kinds = dict(columns)
        for row in batch.to_pylist():
            shown = {name: _plain(value, kinds[name]) for name, value in row.items()}
            file.write(json.dumps(shown, ensure_ascii=False) + "\n")

    return write


def _sheet(file: Any) -> Callable[[pa.RecordBatch, Any], None]:  # noqa: ANN401
    sheet = csv.writer(file)
    begun: list[bool] = []

    def write(batch: pa.RecordBatch, columns: Any) -> None:  # noqa: ANN401
        if not begun:
            begun.append(True)
            sheet.writerow([name for name, _ in columns])
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            sheet.writerow([_cell(value) for value in row])

    return write


def _plain(value: object, kind: FieldType) -> object:
    if kind is FieldType.LIST and isinstance(value, str):
        return list(text_list(value) or ())
    return value.isoformat() if isinstance(value, dt.date) else value


def _cell(value: object) -> object:
    """Return a cell that a spreadsheet shows and never runs.

    Text that begins a formula is quoted.
    """
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + value
    return value


# --- printing ---


def _print_refusal(error: RefusedError) -> None:
    lines = [
        f"refused: {error.message}",
        f"  reason     {error.reason}",
        f"  step       {error.step}",
    ]
    if error.clause:
        lines.append(f"  clause     {error.clause}")
    if error.provision:
        lines.append(f"  rule       {error.provision} of {error.agreement}")
    if error.index >= 0:
        lines.append(f"  log entry  {error.index}")
    if error.exchange_id:
        lines.append(f"  exchange   {error.exchange_id}")
    sys.stderr.write("\n".join(lines) + "\n")


def _print_receipt(header: Header, receipt: Receipt, place: Path | None) -> None:
    lines = [
        f"{receipt.row_count:,} rows by {header.provision} of {header.agreement}, "
        f"clause {header.clause}",
        f"  exchange   {receipt.exchange_id}",
        f"  log entry  {receipt.index}, receipt verified",
    ]
    for duty in header.duties:
        due = f", by {duty.due:%Y-%m-%d}" if duty.due else ""
        lines.append(f"  duty       {duty.kind}: {duty.text}{due}")
    if place is not None:
        lines.append(f"  written    {place}")
    sys.stderr.write("\n".join(lines) + "\n")
