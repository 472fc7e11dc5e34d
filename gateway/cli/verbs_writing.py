"""`accord agreements`: the verbs that write something out of the officers' files."""

from __future__ import annotations

import typer

from gateway.cli.verbs import end
from gateway.cli.verbs_agreements import NOW

app = typer.Typer()


@app.command(epilog="Example: accord agreements schema county/agreements")
def schema(
    folder: str = typer.Argument("agreements", help="A folder of agreements."),
    check: bool = typer.Option(False, "--check", help="Write nothing; 1 where a file differs."),
) -> None:
    """Write the JSON Schemas that editors complete and explain the files by."""
    from gateway.cli.schema import run_schema

    end(run_schema(folder, check=check))


@app.command(epilog="Example: accord agreements export agreements --to cedar -o exported")
def export(
    folder: str = typer.Argument("agreements", help="A folder of agreements."),
    language: str = typer.Option(..., "--to", help="cedar."),
    output: str = typer.Option(..., "--output", "-o", help="A folder for the files."),
    now: str = NOW,
) -> None:
    """Write the agreements in another policy language, and list what it cannot say."""
    from gateway.cli.export import run_export

    end(run_export(folder, language, output, now))
