"""The verbs of `accord log accounting`; what they run is imported when it is called."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup


class _Listing(TyperGroup):
    """A group whose first verb need not be named: to list is what it is mostly for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - a private class
        """Put `list` first where no verb stands there."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["list", *args]
        return super().parse_args(ctx, args)


accounting = typer.Typer(
    cls=_Listing,
    help="What left about one person, and what is withheld for a time. Without a verb: list.",
    no_args_is_help=True,
)

_WHO = "--person 'rivertown-ems/name-birth=SYNTHETIC|PERSON|1990-01-31'"

SETTINGS = typer.Argument(help="gateway.toml; the gateway must be stopped.")
PERSON = typer.Option(
    ..., help="<agency>/<system>=<identifier>, its parts between |; - reads it from standard input."
)
RECIPIENT = typer.Option(..., help="The agency whose lines are withheld.")
WRITTEN = typer.Option(False, "--written", help="The statement was made in writing.")
ORAL = typer.Option(False, "--oral", help="It was made orally: 30 days at most.")
UNTIL = typer.Option("", help="The first UTC day on which they are shown again.")
DOCUMENT = typer.Option(..., help="The agency's own id of the statement.")


@accounting.command(
    "list",
    epilog=f"Example: accord log accounting list county/gateway.toml {_WHO} --for auditor",
)
def list_(
    settings: str = typer.Argument("", help="gateway.toml; the gateway must be stopped."),
    person: list[str] = PERSON,
    client: str = typer.Option(
        "", help="client.toml of a records officer: asks the gateway that runs."
    ),
    first: str = typer.Option("", "--from", help="A UTC day; six years before today if left out."),
    last: str = typer.Option("", "--to", help="A UTC day; today if left out."),
    audience: str = typer.Option(
        "patient", "--for", help="patient: repeats in one line, nothing withheld; or auditor."
    ),
    as_json: bool = typer.Option(False, "--json", help="For programs, with proofs."),
) -> None:
    """Print every disclosure about a person: 0 there are some, 1 there is none.

    That somebody looked is an entry, written first.
    """
    from gateway.errors import SettingsError

    if bool(settings) == bool(client):
        raise SettingsError("`log accounting` takes gateway.toml or `--client`, and not both")
    if client:
        from gateway.cli.accounting.remote import run_remote

        raise typer.Exit(run_remote(client, person, first, last, json=as_json))
    from gateway.cli.accounting.verbs import run_list

    raise typer.Exit(run_list(settings, person, first, last, audience, json=as_json))


@accounting.command(
    epilog=f"Example: accord log accounting suspend county/gateway.toml {_WHO} "
    "--recipient rivertown-pd --oral --document case-118"
)
def suspend(
    settings: str = SETTINGS,
    person: list[str] = PERSON,
    recipient: str = RECIPIENT,
    written: bool = WRITTEN,
    oral: bool = ORAL,
    until: str = UNTIL,
    document: str = DOCUMENT,
) -> None:
    """Withhold one recipient's lines from the person for a time (45 CFR 164.528(a)(2))."""
    _change(settings, person, recipient, "suspend", document, written, oral, until)


@accounting.command(
    epilog=f"Example: accord log accounting extend county/gateway.toml {_WHO} "
    "--recipient rivertown-pd --written --until 2999-01-01 --document case-118-letter"
)
def extend(
    settings: str = SETTINGS,
    person: list[str] = PERSON,
    recipient: str = RECIPIENT,
    written: bool = WRITTEN,
    oral: bool = ORAL,
    until: str = UNTIL,
    document: str = DOCUMENT,
) -> None:
    """Give a suspension that is in force a later day; an oral one within its 30 days."""
    _change(settings, person, recipient, "extend", document, written, oral, until)


@accounting.command(
    epilog=f"Example: accord log accounting resume county/gateway.toml {_WHO} "
    "--recipient rivertown-pd --document case-118-closed"
)
def resume(
    settings: str = SETTINGS,
    person: list[str] = PERSON,
    recipient: str = RECIPIENT,
    document: str = DOCUMENT,
) -> None:
    """End a suspension before its day."""
    _change(settings, person, recipient, "resume", document, False, False, "")


@accounting.command(
    epilog="Example: accord log accounting hold county/gateway.toml --scope "
    "agreement:county-overdose-response --document litigation-7"
)
def hold(
    settings: str = SETTINGS,
    scope: str = typer.Option("", help="all, agreement:<id> or exchange:<id>."),
    person: list[str] = typer.Option([], help="Identifiers of one person, in place of a scope."),
    document: str = typer.Option(..., help="The agency's own id of the hold."),
    end: bool = typer.Option(False, "--end", help="End the hold of this document."),
) -> None:
    """Keep payloads from being erased, although their class runs out; or end that."""
    from gateway.cli.accounting.verbs import run_hold

    raise typer.Exit(run_hold(settings, "end" if end else "begin", scope, person, document))


def _change(
    settings: str,
    people: list[str],
    recipient: str,
    change: str,
    document: str,
    written: bool,
    oral: bool,
    until: str,
) -> None:
    from gateway.cli.accounting.verbs import run_suspend

    code = run_suspend(
        settings, people, recipient, change,
        written=written, oral=oral, until=until, document=document,
    )  # fmt: skip
    raise typer.Exit(code)
