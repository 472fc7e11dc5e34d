"""`accord`: the verbs, each in a module of its own that is imported when it is called."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

import typer

from gateway.cli.accounting.app import accounting
from gateway.cli.keys_verbs import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

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
agreements = typer.Typer(help="The officers' files.", no_args_is_help=True)
disclosure = typer.Typer(help="What a table of counts gives away.", no_args_is_help=True)
log = typer.Typer(help="The exchange log.", no_args_is_help=True)
app.add_typer(adapter, name="adapter")
app.add_typer(agreements, name="agreements")
app.add_typer(disclosure, name="disclosure")
app.add_typer(keys, name="keys")
app.add_typer(log, name="log")
log.add_typer(accounting, name="accounting")


@app.command(epilog="Example: accord init county && accord serve county/gateway.toml")
def init(
    folder: str = typer.Argument(help="A new or empty folder."),
    port: int = typer.Option(8443, help="Of the main listener; admin and adapters follow it."),
    origin: str = typer.Option("", help="Of the exchange log; a development one where left out."),
) -> None:
    """Write a development deployment, with signed agreements and synthetic records."""
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

    _end(run(client, provider, dataset, purpose, fields, where, output, timeout_s))


@app.command(epilog="Example: accord demo --keep county")
def demo(
    keep: str = typer.Option("", help="Keep the county in this folder, log and vkey included."),
    seed: int = typer.Option(20, help="Chooses the synthetic people."),
) -> None:
    """Run a whole county for half a minute: exchanges, refusals, and the proof of both."""
    from gateway.cli.demo.run import run

    _end(run(keep, seed))


NOW = typer.Option("", "--now", help="Fixes the clock, as in 2027-06-15T12:00:00Z.")


@agreements.command(epilog="Example: accord agreements lint agreements")
def lint(
    folders: list[str] = typer.Argument(["agreements"], help="Folders of agreements."),
    purpose: str = typer.Option("", "--for", help="`sign`: what forbids signing fails too."),
    as_json: bool = typer.Option(False, "--json", help="Findings as JSON."),
    now: str = NOW,
) -> None:
    """Say what is wrong with the files, each with file, line and column."""
    from gateway.cli.lint import run_lint

    _end(run_lint(folders, now, purpose, as_json=as_json))


@agreements.command(
    "explain",
    epilog="Example: accord agreements explain agreements --from rivertown-ems --to rivertown-pd "
    "--dataset referral.post_overdose@1 --purpose care.post_overdose_outreach",
)
def explain_(
    folder: str = typer.Argument("agreements", help="A folder of agreements."),
    provider: str = typer.Option(..., "--from", help="The agency that holds the records."),
    recipient: str = typer.Option(..., "--to", help="The agency that asks."),
    dataset: str = typer.Option(..., help="Such as ems.overdose_run@1."),
    purpose: str = typer.Option(..., help="A leaf of purposes.yaml."),
    fields: str = typer.Option("", help="Separated by commas; all released ones where left out."),
    role: list[str] = typer.Option([], help="A role that the caller holds."),
    now: str = NOW,
) -> None:
    """Say what would be decided, by which clause, and what would leave in which form."""
    from gateway.cli.explain import run_explain

    _end(run_explain(folder, provider, recipient, dataset, purpose, fields, role, now))


@agreements.command(
    epilog="Example: accord agreements sign county/agreements county-overdose-response "
    "--agency rivertown-ems --key county/agencies/rivertown-ems/signing.key"
)
def sign(
    folder: str = typer.Argument(help="A folder of agreements."),
    name: str = typer.Argument(help="An agreement's id, or _floor, agencies, purposes."),
    agency: str = typer.Option(..., help="Who signs."),
    key: str = typer.Option(..., help="The agency's Ed25519 key, PEM."),
    key_id: str = typer.Option(
        "", help="The key's id in agencies.yaml; <agency>-1 where left out."
    ),
    role: str = typer.Option("privacy officer", help="The signer's role, not a name."),
    action: str = typer.Option("activate", help="activate, suspend, resume or terminate."),
    now: str = NOW,
) -> None:
    """Sign a file for one agency, or suspend, resume or terminate an agreement."""
    from gateway.cli.agreements import run_sign

    _end(run_sign(folder, name, agency, key, key_id, role, action, now))


@agreements.command(
    epilog="Example: accord agreements diff signed/county.yaml agreements/county.yaml"
)
def diff(
    before: str = typer.Argument(help="A folder, or an agreement's file: what stands."),
    after: str = typer.Argument(help="A folder, or an agreement's file: what is to stand."),
    fail_on: str = typer.Option("", help="`wider`: 3 where anything leaves that did not before."),
    as_json: bool = typer.Option(False, "--json", help="Changes as JSON."),
) -> None:
    """Say what an amendment widens and narrows for each recipient, and who signs it again."""
    from gateway.cli.diff import run_diff

    _end(run_diff(before, after, fail_on, as_json=as_json))


@agreements.command(epilog="Example: accord agreements status county/agreements")
def status(
    folder: str = typer.Argument("agreements", help="A folder of agreements."), now: str = NOW
) -> None:
    """Say what is unsigned, suspended, running out or to be reviewed: 6 where anything is."""
    from gateway.cli.standing import run_status

    _end(run_status(folder, now))


@agreements.command(
    epilog="Example: accord agreements digest county/agreements county-overdose-response"
)
def digest(
    folder: str = typer.Argument(help="A folder of agreements."),
    name: str = typer.Argument(help="An agreement's id, or _floor, agencies, purposes."),
    canonical: bool = typer.Option(False, "--canonical", help="The bytes that are signed."),
    now: str = NOW,
) -> None:
    """Print the digest that signatures cover, and what is bound into it."""
    from gateway.cli.standing import run_digest

    _end(run_digest(folder, name, now, spelled=canonical))


IN = typer.Option("agreements", "--in", help="A folder of agreements.")


@agreements.command(epilog="Example: accord agreements who --field person_phone")
def who(
    field: str = typer.Option(..., help="A field, or <dataset>.<field>."),
    folder: str = IN,
    now: str = NOW,
) -> None:
    """Say everyone who can get a field, in which form, by which clause, and if what."""
    from gateway.cli.reach import run_who

    _end(run_who(folder, field, now))


@agreements.command(epilog="Example: accord agreements matrix --dataset referral.post_overdose")
def matrix(
    dataset: str = typer.Option("", help="One dataset; every one that leaves if left out."),
    folder: str = IN,
    now: str = NOW,
) -> None:
    """Draw which agency can get which field, and in which form."""
    from gateway.cli.reach import run_matrix

    _end(run_matrix(folder, dataset, now))


@agreements.command(
    "assert",
    epilog="Example: accord agreements assert --never to_kind=law_enforcement class=sensitive",
)
def assert_(
    claim: list[str] = typer.Argument(help="key=value[,value]: from_kind, to_kind, class, means, "
                                      "dataset, field, purpose, regime, shape."),
    never: bool = typer.Option(False, "--never", help="Nobody gets it; so too without --only."),
    only: list[str] = typer.Option([], help="These agencies get it, and nobody else."),
    folder: str = IN,
    now: str = NOW,
) -> None:  # fmt: skip
    """Hold a claim against every provision and whatever is given on: 4 and a way that breaks it."""
    from gateway.cli.reach import run_assert
    from gateway.errors import SettingsError

    if never and only:
        raise SettingsError("`--never` and `--only` are two claims")
    _end(run_assert(folder, claim, only, now))


@agreements.command("verify", epilog="Example: accord agreements verify county/agreements")
def verify_agreements(
    folder: str = typer.Argument("agreements", help="A folder of agreements."), now: str = NOW
) -> None:
    """Say who signed which file, and who is missing."""
    from gateway.cli.agreements import run_verify

    _end(run_verify(folder, now))


TABLE = typer.Argument(help="CSV: a row a cell, dimension columns and `count` (or `value`).")
TOTAL = typer.Option("Total", help="The level of totals, the same in every dimension.")
HIERARCHY = typer.Option([], help="dimension=file.csv, with `child,parent`; may be repeated.")
MIN_CELL = typer.Option(11, min=1, help="Counts from 1 to below this are small.")
WIDTH = typer.Option(
    None, min=1, help="How wide each small cell's range stays; all small values if left out."
)
KNOWLEDGE = typer.Option(
    1, min=0, max=3, help="0 sums; 1 nothing hidden is zero; 2 which are small; 3 earlier releases."
)
HTML = typer.Option("", "--html", help="The drawing as a page that needs nothing else.")


@disclosure.command(
    epilog="Example: accord disclosure suppress counts.csv -o working.csv --release release.csv"
)
def suppress(  # noqa: PLR0913 - one argument an option
    table: str = TABLE,
    total: str = TOTAL,
    hierarchy: list[str] = HIERARCHY,
    min_cell: int = MIN_CELL,
    zeros: str = typer.Option("publish", help="publish, or suppress: a zero is then small too."),
    width: int | None = WIDTH,
    cost: str = typer.Option("log", help="What hiding a cell costs: count, value or log."),
    knowledge: int = KNOWLEDGE,
    output: str = typer.Option(
        "", "--output", "-o", help="All counts, with `published` and `reason`; - prints."
    ),
    release: str = typer.Option("", help="What may be sent: hidden counts are empty."),
    html: str = HTML,
    as_json: bool = typer.Option(False, "--json", help="A summary as JSON, and no drawing."),
) -> None:
    """Hide small cells, and as few others as keep them from being worked out.

    What comes of it is attacked before anything is written.
    """
    from gateway.cli.disclosure.suppress import run_suppress

    _end(
        run_suppress(
            table, total=total, hierarchies=hierarchy, min_cell=min_cell, zeros=zeros, width=width,
            cost=cost, knowledge=knowledge, output=output, release=release, html=html,
            as_json=as_json,
        )
    )  # fmt: skip


@disclosure.command(
    epilog="Example: accord disclosure audit theirs.csv --integer --html audit.html"
)
def audit(  # noqa: PLR0913 - one argument an option
    table: str = TABLE,
    total: str = TOTAL,
    hierarchy: list[str] = HIERARCHY,
    min_cell: int = MIN_CELL,
    zeros: str = typer.Option("", help="publish or suppress; as the table shows if left out."),
    width: int | None = WIDTH,
    knowledge: int = KNOWLEDGE,
    integer: bool = typer.Option(False, "--integer", help="Reason in whole numbers too."),
    output: str = typer.Option(
        "", "--output", "-o", help="The table with `low` and `high` of each hidden cell; - prints."
    ),
    html: str = HTML,
    as_json: bool = typer.Option(False, "--json", help="What was found as JSON, and no drawing."),
) -> None:
    """Work out what a published table hides: 0 nothing narrow, 3 a cell narrower than asked.

    A hidden cell has an empty count, or false in the column `published`.
    """
    from gateway.cli.disclosure.audit import run_audit

    _end(
        run_audit(
            table, total=total, hierarchies=hierarchy, min_cell=min_cell, zeros=zeros, width=width,
            knowledge=knowledge, integer=integer, output=output, html=html, as_json=as_json,
        )
    )  # fmt: skip


AUDITED = typer.Argument(help="gateway.toml, or a folder that `log export --open` wrote.")
SINCE = typer.Option("", help="A day (UTC), or a time with a zone: the first one asked for.")
UNTIL = typer.Option("", help="The first one no longer asked for.")
OFFICERS = typer.Option(
    "", "--agreements", help="The folder that names agencies; a deployment's own if left out."
)


@log.command(
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

    _end(
        run_verify(
            Asked(
                place=place, store=store, vkeys=vkey, held=held, receipts=receipt,
                openings=openings, keys=keys, witnesses=witness, quorum=quorum, now=now,
                first=first, as_json=as_json, processes=processes,
            )
        )
    )  # fmt: skip


@log.command(epilog="Example: accord log migrate county/gateway.toml")
def migrate(
    settings: str = typer.Argument(help="gateway.toml"),
    revision: str = typer.Option("", help="An earlier schema, to go back to; 0001 is the first."),
) -> None:
    """Bring the log's database to this version's schema; every gateway must be stopped."""
    from gateway.cli.migrate import run_migrate

    _end(run_migrate(settings, revision))


@log.command("export", epilog="Example: accord log export county/gateway.toml county/log")
def export_log(
    settings: str = typer.Argument(help="gateway.toml"),
    folder: str = typer.Argument(help="A new or empty folder."),
    opened: bool = typer.Option(
        False, "--open", help="With openings; the gateway must be stopped, and an entry says so."
    ),
) -> None:
    """Write the exchange log as static files that others' tools verify."""
    from gateway.cli.log import run_export

    _end(run_export(settings, folder, opened=opened))


@log.command(
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

        _end(run(client, place[0]))
    from gateway.cli.log import run_show

    _end(run_show(place[0], place[1]))


@log.command(
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
    _end(run_query(place, asked, form=form, output=output, limit=limit, officers=officers))


@log.command(
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
    _end(run_report(place, asked, output, officers=officers))


@log.command(
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

    _end(run_proof(place, entry, output))


@log.command(
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

    _end(run_incident(settings, kind, held, new_key=new_key, database=database))


def _end(code: int) -> None:
    raise typer.Exit(code)


def main() -> None:
    """Run a verb; what it cannot do is said in a line or two, never as a traceback."""
    # Before gRPC is imported: its core would write lines of its own between ours, with addresses.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        app()
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
