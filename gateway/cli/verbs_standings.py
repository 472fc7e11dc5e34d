"""`accord consent` and `accord duty`: the verbs; what they run is imported when it is called."""

from __future__ import annotations

import typer

from gateway.cli.verbs import end

consent = typer.Typer(
    help="What people said of their records: consents, and withdrawals.", no_args_is_help=True
)
duty = typer.Typer(help="What recipients owe of what they were given.", no_args_is_help=True)

_WHO = "--person 'rivertown-ems/name-birth=SYNTHETIC|PERSON|1990-01-31'"
_HERE = "--client county/agencies/rivertown-ems/client.toml"
_WORD = f"{_WHO} --purpose care.post_overdose_outreach --document form-118"

SETTINGS = typer.Argument("", help="gateway.toml; the gateway must be stopped.")
CLIENT = typer.Option("", help="client.toml of an officer: asks the gateway that runs.")
PERSON = typer.Option(
    ..., help="<agency>/<system>=<identifier>, its parts between |; - reads it from standard input."
)
PURPOSE = typer.Option(..., help="A purpose, or a branch for all below it.")
DOCUMENT = typer.Option(..., help="The agency's own id of the form.")


@consent.command(epilog=f"Example: accord consent grant {_HERE} {_WORD}")
def grant(
    settings: str = SETTINGS,
    client: str = CLIENT,
    person: list[str] = PERSON,
    purpose: str = PURPOSE,
    document: str = DOCUMENT,
) -> None:
    """Record that somebody consents, or takes a withdrawal back."""
    _record(settings, client, person, purpose, document, True)


@consent.command(epilog=f"Example: accord consent revoke {_HERE} {_WORD}")
def revoke(
    settings: str = SETTINGS,
    client: str = CLIENT,
    person: list[str] = PERSON,
    purpose: str = PURPOSE,
    document: str = DOCUMENT,
) -> None:
    """Record that somebody withdraws, or opts out: the next record about them stays behind."""
    _record(settings, client, person, purpose, document, False)


@consent.command("list", epilog=f"Example: accord consent list {_HERE} {_WHO}")
def list_consents(
    settings: str = SETTINGS, client: str = CLIENT, person: list[str] = PERSON
) -> None:
    """Say what somebody said, in order: 0 something, 1 nothing. Looking is an entry too."""
    from gateway.cli.standings.consents import run_list

    end(run_list(settings, client, person))


def _record(
    settings: str, client: str, person: list[str], purpose: str, document: str, granted: bool
) -> None:
    from gateway.cli.standings.consents import run_record

    end(run_record(settings, client, person, purpose, document, granted=granted))


@duty.command(
    "list", epilog="Example: accord duty list --client county/agencies/safe-steps/client.toml"
)
def list_duties(
    settings: str = typer.Argument("", help="gateway.toml: what everybody owes."),
    client: str = typer.Option("", help="client.toml: what this agency owes."),
) -> None:
    """Say what is owed and until when: 6 where anything is late."""
    from gateway.cli.standings.duties import run_list

    end(run_list(settings, client))


@duty.command(
    epilog="Example: accord duty attest --client county/agencies/safe-steps/client.toml "
    "--exchange 01a1faf2-07b8-7000-8000-000000000001 --duty attest_deletion"
)
def attest(
    client: str = typer.Option(..., help="client.toml of an officer of the agency that owes it."),
    exchange: str = typer.Option(..., help="The exchange's id, as in the receipt."),
    duty: str = typer.Option(..., help="attest_deletion or review."),
) -> None:
    """Record that a duty was done: what was received is deleted, or a person reviewed it."""
    from gateway.cli.standings.duties import run_attest

    end(run_attest(client, exchange, duty))
