"""`accord`: the verbs, each in a module of its own that is imported when it is called."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

import typer

from gateway.cli import (
    verbs_agreements,
    verbs_disclosure,
    verbs_log,
    verbs_signing,
    verbs_standings,
    verbs_writing,
)
from gateway.cli.keys_verbs import keys
from gateway.cli.verbs import end
from gateway.cli.words import command

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.errors import AccordError

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
app.add_typer(verbs_agreements.app, name="agreements")
verbs_agreements.app.add_typer(verbs_signing.app)
verbs_agreements.app.add_typer(verbs_writing.app)
app.add_typer(verbs_standings.consent, name="consent")
app.add_typer(verbs_disclosure.app, name="disclosure")
app.add_typer(verbs_standings.duty, name="duty")
app.add_typer(keys, name="keys")
app.add_typer(verbs_log.app, name="log")


@app.command(epilog="Example: accord init county && accord serve county/gateway.toml")
def init(
    folder: str = typer.Argument(help="A new or empty folder."),
    port: int = typer.Option(8443, help="Of the main listener; admin and adapters follow it."),
    origin: str = typer.Option("", help="Of the exchange log; a development one where left out."),
) -> None:
    """Write a development deployment, with signed agreements and synthetic records."""
    from gateway.cli.init import run

    end(run(folder, port, origin))


@app.command(epilog="Example: accord serve county/gateway.toml --create")
def serve(
    settings: str = typer.Argument(help="gateway.toml"),
    create: bool = typer.Option(False, help="Make a new exchange log where there is none."),
) -> None:
    """Run the gateway until it is told to stop."""
    from gateway.cli.serve import run

    end(run(settings, create=create))


@adapter.command(
    "serve", epilog="Example: accord adapter serve county/agencies/rivertown-ems/adapter.toml"
)
def adapter_serve(settings: str = typer.Argument(help="adapter.toml")) -> None:
    """Run an agency's adapter until it is told to stop."""
    from gateway.cli.adapter import run

    end(run(settings))


@app.command(
    epilog="Example: accord request --client county/agencies/rivertown-health/client.toml "
    "--from rivertown-ems --dataset ems.overdose_run@1 --purpose public_health.surveillance "
    "--fields incident_date,age,sex -o runs.csv"
)
def request(
    client: str = typer.Option(..., help="client.toml of the agency that asks."),
    provider: str = typer.Option(..., "--from", help="The agency that holds the records."),
    dataset: str = typer.Option(..., help="Such as ems.overdose_run@1."),
    purpose: str = typer.Option(..., help="A leaf of purposes.yaml."),
    fields: str = typer.Option(..., help="Separated by commas."),
    where: list[str] = typer.Option([], help="field=value; = != < <= > >=; a|b for several."),
    output: str = typer.Option("-", "--output", "-o", help=".parquet, .csv or .jsonl; - prints."),
    timeout_s: float = typer.Option(60.0, "--timeout", help="Seconds."),
) -> None:
    """Ask for records, verify the receipt, write them.

    Or print the refusal with clause and reason.
    """
    from gateway.cli.request import run

    end(run(client, provider, dataset, purpose, fields, where, output, timeout_s))


@app.command(epilog="Example: accord demo --keep county")
def demo(
    keep: str = typer.Option("", help="Keep the county in this folder, log and vkey included."),
    seed: int = typer.Option(20, help="Chooses the synthetic people."),
) -> None:
    """Run a whole county for half a minute: exchanges, refusals, and the proof of both."""
    from gateway.cli.demo.run import run

    end(run(keep, seed))


def carry_out(words: Sequence[str]) -> None:
    """Run a verb; what it cannot do is said in a line or two, never as a traceback.

    Raises:
        SystemExit: With the verb's exit code, always.
    """
    # Before gRPC is imported: its core would write lines of its own between ours, with addresses.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        command(app, words)(list(words), prog_name="accord")
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold a value
        sys.exit(ended(error))


def ended(error: Exception) -> int:
    """Say on standard error why a verb ended, and return its exit code."""
    from gateway.errors import AccordError

    if isinstance(error, AccordError):
        lines = [error.message, *_more(error)]
    elif isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        lines = [f"{place}{error.strerror or type(error).__name__}"]
    else:
        lines = [f"{type(error).__name__}, which nobody foresaw, {_where(error)}"]
    sys.stderr.write("accord: " + "\n  ".join(lines) + "\n")
    foreseen = isinstance(error, AccordError | OSError)
    return EXITS.get(type(error).__name__, 1 if foreseen else EXIT_UNFORESEEN)


def _more(error: AccordError) -> Iterator[str]:
    """Yield what else an error knows: its reason, its exchange, each thing that is wrong."""
    # A reason is for what came over the wire, or would go; settings and files have none.
    if type(error).__name__ not in {"SettingsError", "AgreementError"}:
        exchange = f"  exchange {error.exchange_id}" if error.exchange_id else ""
        yield f"reason {error.reason}{exchange}"
    for path, wrong in getattr(error, "violations", ()):
        yield f"{path}: {wrong}"
    yield from getattr(error, "findings", ())


def _where(error: BaseException) -> str:
    """Return the innermost line of ours that an error passed, as in a traceback, without text."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if OURS in one.filename]
    if not frames:
        return "outside of accord"
    return f"at {OURS}{frames[-1].filename.rpartition(OURS)[2]}:{frames[-1].lineno}"


OURS = "gateway/"
EXIT_UNFORESEEN = 70
EXITS = {"SettingsError": 2, "AgreementError": 5, "RefusedError": 7, "RollbackError": 76}
"""Exit codes by error: 2 usage, 5 agreements, 7 refused, 76 a store behind its checkpoint."""

if __name__ == "__main__":
    # Called as a module it would otherwise do nothing, and end as if all were well.
    carry_out(sys.argv[1:])
