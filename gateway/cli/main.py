"""`accord`: the verbs, each in a module of its own that is imported when it is called."""

from __future__ import annotations

import sys

import typer

app = typer.Typer(
    name="accord",
    help="A gateway between agencies: a record leaves only where a signed agreement says so.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
adapter = typer.Typer(help="The adapter beside an agency's own system.", no_args_is_help=True)
app.add_typer(adapter, name="adapter")


@app.command(epilog="Example: accord init county && accord serve county/gateway.toml")
def init(
    folder: str = typer.Argument(help="A new or empty folder."),
    port: int = typer.Option(8443, help="Of the main listener; admin and adapters follow it."),
    origin: str = typer.Option("", help="Of the exchange log; a development one where left out."),
) -> None:
    """Write a development deployment: settings, authority, keys, signed agreements, synthetic records."""
    from gateway.cli.init import run

    _end(run(folder, port, origin))


@app.command(epilog="Example: accord serve county/gateway.toml --create")
def serve(
    settings: str = typer.Argument(help="gateway.toml"),
    create: bool = typer.Option(False, help="Make a new exchange log where there is none."),
) -> None:
    """Run the gateway until it is told to stop."""
    from gateway.cli.serve import run

    _end(run(settings, create=create))


@adapter.command(
    "serve", epilog="Example: accord adapter serve county/agencies/rivertown-ems/adapter.toml"
)
def adapter_serve(settings: str = typer.Argument(help="adapter.toml")) -> None:
    """Run an agency's adapter until it is told to stop."""
    from gateway.cli.adapter import run

    _end(run(settings))


@app.command(epilog="Example: accord demo --keep county")
def demo(
    keep: str = typer.Option("", help="Keep the county in this folder, log and vkey included."),
    seed: int = typer.Option(20, help="Chooses the synthetic people."),
) -> None:
    """Run a whole county for half a minute: exchanges, refusals, and the proof of both."""
    from gateway.cli.demo import run

    _end(run(keep, seed))


def _end(code: int) -> None:
    raise typer.Exit(code)


def main() -> None:
    """Run a verb; what it cannot do is said in one line, never as a traceback."""
    from gateway.errors import AccordError

    try:
        app()
    except AccordError as error:
        sys.stderr.write(f"accord: {error.message}\n")
        for line in getattr(error, "findings", ()):
            sys.stderr.write(f"  {line}\n")
        sys.exit(EXITS.get(type(error).__name__, 1))


EXITS = {"SettingsError": 2, "AgreementError": 5, "RefusedError": 7, "RollbackError": 76}
"""Exit codes by error: 2 usage, 5 agreements, 7 refused, 76 a store behind its checkpoint."""
