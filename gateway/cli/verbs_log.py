"""`accord log`: the auditors' verbs, each in a module that is imported when it is called."""

from __future__ import annotations

import typer

from gateway.cli.accounting.app import accounting
from gateway.cli.verbs import end

app = typer.Typer(help="The exchange log.", no_args_is_help=True)
app.add_typer(accounting, name="accounting")

AUDITED = typer.Argument(help="gateway.toml, or a folder that `log export --open` wrote.")
SINCE = typer.Option("", help="A day (UTC), or a time with a zone: the first one asked for.")
UNTIL = typer.Option("", help="The first one no longer asked for.")
OFFICERS = typer.Option(
    "", "--agreements", help="The folder that names agencies; a deployment's own if left out."
)


@app.command(
    "verify",
    epilog="Example: accord log verify county/log --vkey county/log.vkey --held kept.checkpoint",
)
def verify_log(  # noqa: PLR0913 - one argument an option
    place: str = typer.Argument("", help="An exported log: its folder, or its URL."),
    store: str = typer.Option("", help="A database: gateway.toml, postgresql://…, or a file."),
    vkey: list[str] = typer.Option(..., help="The log's key, or a file that holds it."),
    held: list[str] = typer.Option([], help="A checkpoint that you kept."),
    receipt: list[str] = typer.Option([], help="A receipt that `accord request` wrote."),
    openings: str = typer.Option("", help="openings.jsonl, where it is not in the folder."),
    keys: str = typer.Option("", help="gateway.toml of the keys that open payloads."),
    witness: list[str] = typer.Option([], help="A witness's key, or a file that holds it."),
    quorum: int = typer.Option(0, min=0, help="How many of the witnesses must have cosigned."),
    now: str = typer.Option("", "--now", help="Which classes have run out; this instant if none."),
    first: bool = typer.Option(False, "--first", help="You hold no checkpoint yet."),
    processes: int = typer.Option(2, min=1, max=64, help="How many may walk the log at once."),
    as_json: bool = typer.Option(False, "--json", help="The report as JSON."),
) -> None:
    """Recompute a log: 0 clean, 1 findings, 3 not finished, 4 rollback or fork."""
    from gateway.cli.auditor.verify import Asked, run_verify

    end(
        run_verify(
            Asked(
                place=place, store=store, vkeys=vkey, held=held, receipts=receipt,
                openings=openings, keys=keys, witnesses=witness, quorum=quorum, now=now,
                first=first, as_json=as_json, processes=processes,
            )
        )
    )  # fmt: skip


@app.command(epilog="Example: accord log migrate county/gateway.toml")
def migrate(
    settings: str = typer.Argument(help="gateway.toml"),
    revision: str = typer.Option("", help="An earlier schema, to go back to; 0001 is the first."),
) -> None:
    """Bring the log's database to this version's schema; every gateway must be stopped."""
    from gateway.cli.migrate import run_migrate

    end(run_migrate(settings, revision))


@app.command("export", epilog="Example: accord log export county/gateway.toml county/log")
def export_log(
    settings: str = typer.Argument(help="gateway.toml"),
    folder: str = typer.Argument(help="A new or empty folder."),
    opened: bool = typer.Option(
        False, "--open", help="With openings; the gateway must be stopped, and an entry says so."
    ),
) -> None:
    """Write the exchange log as static files that others' tools verify."""
    from gateway.cli.log import run_export

    end(run_export(settings, folder, opened=opened))


@app.command(
    epilog="Example: accord log show county/gateway.toml 01a1faf2-07b8-7000-8000-000000000001"
)
def show(
    place: list[str] = typer.Argument(
        help="[gateway.toml] EXCHANGE; with the settings the gateway must be stopped."
    ),
    client: str = typer.Option(
        "", help="client.toml of a party: asks the gateway that runs, and verifies what it says."
    ),
) -> None:
    """Print every entry of one exchange in words; looking is an entry too."""
    from gateway.errors import SettingsError

    if len(place) != (1 if client else 2):
        raise SettingsError("`log show` takes gateway.toml and an exchange, or --client and one")
    if client:
        from gateway.cli.show import run

        end(run(client, place[0]))
    from gateway.cli.log import run_show

    end(run_show(place[0], place[1]))


@app.command(
    epilog="Example: accord log query county/gateway.toml --kind refusal --since 2026-11-01"
)
def query(  # noqa: PLR0913 - one argument an option
    place: str = AUDITED,
    agency: list[str] = typer.Option([], help="Provider, recipient, caller or reader."),
    agreement: list[str] = typer.Option([], help="Its id, or id@version."),
    provision: list[str] = typer.Option([], help="Its id."),
    purpose: list[str] = typer.Option([], help="A purpose, or a branch of them."),
    kind: list[str] = typer.Option([], help="Such as release, refusal, access."),
    reason: list[str] = typer.Option([], help="Of refusals, such as NO_PROVISION."),
    decision: str = typer.Option("", help="granted or refused."),
    since: str = SINCE,
    until: str = UNTIL,
    form: str = typer.Option(
        "table", "--as", help="table, csv, jsonl, fhir, ocsf, or parquet, which needs --output."
    ),
    output: str = typer.Option("-", "--output", "-o", help="A file; - prints."),
    limit: int = typer.Option(100, min=0, help="Newest lines of the table; 0 for all."),
    officers: str = OFFICERS,
) -> None:
    """Find entries, and write them in a form that other tools read: 0 found, 1 none.

    Of a deployment the gateway must be stopped; that somebody looked is an entry, written first.
    """
    from gateway.cli.auditor.ask import selection
    from gateway.cli.auditor.query import run_query

    asked = selection(
        agencies=agency, agreements=agreement, provisions=provision, purposes=purpose, kinds=kind,
        reasons=reason, decision=decision, since=since, until=until,
    )  # fmt: skip
    end(run_query(place, asked, form=form, output=output, limit=limit, officers=officers))


@app.command(
    epilog="Example: accord log report county/gateway.toml --since 2026-11-01 --until 2026-12-01 "
    "-o november.html"
)
def report(
    place: str = AUDITED,
    since: str = SINCE,
    until: str = UNTIL,
    agency: list[str] = typer.Option([], help="Of exchanges of these agencies alone."),
    agreement: list[str] = typer.Option([], help="Of exchanges under these agreements alone."),
    output: str = typer.Option(..., "--output", "-o", help="The page; it needs nothing else."),
    officers: str = OFFICERS,
) -> None:
    """Count a period: flows, refusals by reason, what stayed behind, duties, who read the log."""
    from gateway.cli.auditor.ask import selection
    from gateway.cli.auditor.report import run_report

    asked = selection(agencies=agency, agreements=agreement, since=since, until=until)
    end(run_report(place, asked, output, officers=officers))


@app.command(
    epilog="Example: accord log proof county/gateway.toml 01a1faf2-07b8-7000-8000-000000000001 "
    "-o proofs"
)
def proof(
    place: str = AUDITED,
    entry: str = typer.Argument(help="Its place in the log, or an exchange: then each of it."),
    output: str = typer.Option(".", "--output", "-o", help="A folder."),
) -> None:
    """Write an entry's tlog-proof, with its leaf and what opens it beside: 0 written, 1 none.

    Of a deployment the gateway must be stopped; that somebody looked is an entry, written first.
    """
    from gateway.cli.auditor.proofs import run_proof

    end(run_proof(place, entry, output))


@app.command(
    epilog="Example: accord log incident county/gateway.toml --class rollback --held checkpoint"
)
def incident(
    settings: str = typer.Argument(help="gateway.toml; the gateway must be stopped."),
    kind: str = typer.Option(
        ..., "--class", help="rollback, fork, damaged, key-compromise or other."
    ),
    held: list[str] = typer.Option([], help="A checkpoint that an agency or a witness kept."),
    new_key: bool = typer.Option(
        False, "--new-key", help="Sign the next log with a new key; always after key-compromise."
    ),
    database: str = typer.Option(
        "", help="Where several gateways share the log: an empty database for the next one."
    ),
) -> None:
    """Close a log that cannot go on, keep the evidence, and begin the log that follows."""
    from gateway.cli.auditor.incident import run_incident

    end(run_incident(settings, kind, held, new_key=new_key, database=database))
