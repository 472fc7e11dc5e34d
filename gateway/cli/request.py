"""`accord request`: a complete client for an agency without developers.

Asks, shows progress, verifies every chunk and the receipt, and writes what came as Parquet, CSV or
JSON lines; or prints the refusal, its clause and its reason. Nothing is left under the final name
unless the receipt proved it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.ipc

from gateway.agreement.finding import printable
from gateway.audit.fault import AuditError
from gateway.cli.certificate import identity
from gateway.cli.clock import SystemClock
from gateway.cli.kept import leave
from gateway.cli.token import bearer
from gateway.cli.where import asked, typed
from gateway.cli.written import writer
from gateway.errors import RefusedError, SettingsError
from gateway.remote.client import Client
from gateway.settings import ClientSettings, beside, client_settings
from gateway.values import Caller, DatasetId, Form, Request, Terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.cli.where import Asked
    from gateway.cli.written import Write, Writer
    from gateway.values import FieldType, Header, Receipt

EXIT_REFUSED = 7


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
    if not timeout_s > 0:
        raise SettingsError("`--timeout` is a number of seconds above zero")
    path = Path(client)
    settings = client_settings(path)
    request = _request(settings, provider, dataset, purpose, fields)
    narrowed = tuple(asked(text) for text in where)
    out = writer(output)
    try:
        asyncio.run(_run(path, settings, request, narrowed, out, timeout_s))
    except RefusedError as error:
        _print_refusal(error)
        return EXIT_REFUSED
    return 0


async def _run(
    path: Path,
    settings: ClientSettings,
    request: Request,
    narrowed: tuple[Asked, ...],
    out: Writer,
    timeout_s: float,
) -> None:
    client = client_of(path, settings)
    try:
        header, receipt = await carry_out(client, request, narrowed, out, timeout_s)
        out.finish(receipt)
    finally:
        out.abandon()
        # Also after a refusal: whoever saw a checkpoint is a monitor of the log.
        await leave(path, settings, client)
    _print_receipt(header, receipt, out.place)


def client_of(path: Path, settings: ClientSettings) -> Client:
    """Return the client that a `client.toml` describes.

    Raises:
        SettingsError: The log's key or the checkpoint that was kept is none, or the certificate
            is not one that this agency can speak with.
    """
    files = identity(path, settings.tls, SystemClock().now())
    kept = beside(path, settings.client.checkpoint)
    token: Callable[[], str] | None = None
    if settings.token is not None:
        token = lambda: bearer(path, settings, SystemClock().now())  # noqa: E731
    try:
        return Client(
            settings.gateway.address,
            files,
            settings.gateway.vkey,
            checkpoint=kept.read_text(encoding="utf-8") if kept.exists() else "",
            server_name=settings.gateway.san,
            token=token,
        )
    except (AuditError, OSError, UnicodeDecodeError) as error:
        said = error.message if isinstance(error, AuditError) else "cannot be read"
        raise SettingsError(
            f"{path}: `gateway.vkey` or `client.checkpoint`, or the file that it names: {said}"
        ) from None


def _request(
    settings: ClientSettings,
    provider: str,
    dataset: str,
    purpose: str,
    fields: str,
) -> Request:
    named = DatasetId.parse(dataset)
    if named is None:
        raise SettingsError("`--dataset` is of the form `name@version`, as in ems.overdose_run@1")
    names = tuple(name.strip() for name in fields.split(",") if name.strip())
    if not names:
        raise SettingsError("`--fields` names at least one field, separated by commas")
    agency = settings.client.agency
    terms = Terms(provider, agency, named, purpose, names)
    return Request(str(uuid.uuid4()), terms, Caller(agency, bytes(32)), Form.ARROW)  # noqa: TID251


async def carry_out(
    client: Client, request: Request, narrowed: tuple[Asked, ...], out: Writer, timeout_s: float
) -> tuple[Header, Receipt]:
    """Write what comes; return header and receipt, once the receipt proved what was written."""
    where = typed(narrowed, await _types(client, request, narrowed)) if narrowed else ()
    request = replace(request, terms=replace(request.terms, where=where))
    header: Header | None = None
    receipt: Receipt | None = None
    write: Write | None = None
    with _progress() as advance, out.open() as begin:
        async for message in client.exchange(request, timeout_s=timeout_s):
            if message.header is not None and write is None:
                header = message.header
                write = begin([(one.name, one.type) for one in header.columns])
            receipt = message.receipt or receipt
            if message.chunk is not None and message.chunk.arrow is not None:
                assert write is not None  # noqa: S101 - the client checked the order
                write(pa.ipc.open_stream(message.chunk.arrow).read_next_batch())
                advance(message.chunk.row_count)
    assert header is not None  # noqa: S101 - the client raises where either is missing
    assert receipt is not None  # noqa: S101
    return header, receipt


async def _types(
    client: Client, request: Request, narrowed: tuple[Asked, ...]
) -> Mapping[str, FieldType]:
    """Return the type of each field to filter by, as an explanation tells it.

    Where the explanation refuses, nothing is known: the exchange will refuse too, in the log.
    """
    terms = request.terms
    names = tuple(dict.fromkeys((*terms.fields, *(one.field for one in narrowed))))
    said = await client.explain(replace(request, terms=replace(terms, fields=names)))
    return {one.name: one.type for one in said.header.columns} if said.header is not None else {}


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Show rows as they come, on a terminal's standard error."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    away = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=away) as progress:
        task = progress.add_task("asking", total=None)
        rows = 0

        def advance(count: int) -> None:
            nonlocal rows
            rows += count
            progress.update(task, description=f"{rows:,} rows")

        yield advance


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


def hidden(receipt: Receipt) -> list[str]:
    """Return in words how well people are hidden in what came, as the receipt tells it."""
    said = json.loads(receipt.meta or b"{}")
    if (crowd := said.get("crowd")) is not None:
        people, rows, held = crowd
        lines = [f"  hidden     among {people:,} people or more, {rows:,} rows among just so many"]
        if held is not None:
            lines.append(f"  withheld   {held:,} rows of smaller classes")
        return lines
    if (likeness := said.get("likeness")) is not None:
        return [f"  alike      {_alike(*likeness)}"]
    return []


def _alike(smallest: int | None, alone: int, rows: int, counted: str, one_in: int) -> str:
    """Return a figure of likeness in words; what was not looked at is said."""
    if not rows:
        return "no rows"
    share = f"{min(alone * one_in / rows, 1):.1%} of rows alone"
    least = (
        "smallest class not known" if smallest is None else f"smallest class {smallest:,} {counted}"
    )
    looked = "" if one_in == 1 else f", by one class in {one_in:,}"
    return f"{share}, {least}{looked}"


def noised(header: Header) -> list[str]:
    """Return in words how far the numbers of a table with noise are from the truth."""
    noise = header.noise
    if noise is None:
        return []
    figures = f"standard deviation {noise.scale}, rho {noise.rho}"
    return [
        f"  noise      {noise.mechanism}, {figures}, a person in at most {noise.bound} cells",
        "             numbers may be negative, and are left so: they add up without bias",
    ]


def _print_receipt(header: Header, receipt: Receipt, place: Path | None) -> None:
    rule = f"{header.provision} of {header.agreement}"
    lines = [
        f"{receipt.row_count:,} rows by {rule}, clause {header.clause}",
        f"  exchange   {receipt.exchange_id}",
        f"  log entry  {receipt.index}, receipt verified",
    ]
    if header.rounded_to:
        said = f"each number to the nearest {header.rounded_to}; totals need not add up"
        lines.append(f"  rounded    {said}")
    if header.rung:
        lines.append(f"  coarser    {header.rung}, since nothing finer can be protected")
    lines += hidden(receipt)
    lines += noised(header)
    for duty in header.duties:
        due = f", by {duty.due:%Y-%m-%d}" if duty.due else ""
        # A notice is of several lines, which are the gateway's: they are shown under one another.
        text = "\n             ".join(map(printable, duty.text.splitlines()))
        lines.append(f"  duty       {duty.kind}: {text}{due}")
    if place is not None:
        lines.append(f"  written    {place}")
    sys.stderr.write("\n".join(lines) + "\n")
