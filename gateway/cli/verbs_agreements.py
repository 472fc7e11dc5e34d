"""`accord agreements`: the officers' verbs, each in a module that is imported when it is called."""

from __future__ import annotations

import typer

from gateway.cli.verbs import end

app = typer.Typer(help="The officers' files.", no_args_is_help=True)

NOW = typer.Option("", "--now", help="Fixes the clock, as in 2027-06-15T12:00:00Z.")
PLACES = typer.Argument(["agreements"], help="Folders of agreements, or files in them.")
FORMAT = typer.Option("text", "--format", help="text, json, sarif, junit or github.")


@app.command(epilog="Example: accord agreements lint agreements")
def lint(
    places: list[str] = PLACES,
    purpose: str = typer.Option("", "--for", help="`sign`: what forbids signing fails too."),
    fix: bool = typer.Option(False, "--fix", help="First put quotes and layout right."),
    how: str = FORMAT,
    now: str = NOW,
) -> None:
    """Say what is wrong with the files, each with file, line and column."""
    from gateway.cli.lint import run_lint

    end(run_lint(places, now, purpose, how, fix=fix))


@app.command(epilog="Example: accord agreements fmt county/agreements")
def fmt(
    places: list[str] = PLACES,
    check: bool = typer.Option(False, "--check", help="Change nothing; 1 where a file would."),
) -> None:
    """Lay files out in the one order and indent, and keep every comment."""
    from gateway.cli.fmt import run_fmt

    end(run_fmt(places, check=check))


@app.command("test", epilog="Example: accord agreements test agreements --min 100")
def check_tests(
    places: list[str] = typer.Argument(["agreements"], help="Folders, or files of one."),
    minimum: int = typer.Option(0, "--min", help="Percent that tests have to cover."),
    how: str = FORMAT,
    now: str = NOW,
) -> None:
    """Carry out the tests of agreements, and say what they do not cover: 1 where one fails."""
    from gateway.cli.testing import run_test

    end(run_test(places, minimum, how, now))


@app.command(
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

    end(run_explain(folder, provider, recipient, dataset, purpose, fields, role, now))


@app.command(epilog="Example: accord agreements diff agreements county/agreements")
def diff(
    before: str = typer.Argument(help="A folder, or an agreement's file: what stands."),
    after: str = typer.Argument(help="A folder, or an agreement's file: what is to stand."),
    fail_on: str = typer.Option("", help="`wider`: 3 where anything leaves that did not before."),
    as_json: bool = typer.Option(False, "--json", help="Changes as JSON."),
) -> None:
    """Say what an amendment widens and narrows for each recipient, and who signs it again."""
    from gateway.cli.diff import run_diff

    end(run_diff(before, after, fail_on, as_json=as_json))


@app.command(epilog="Example: accord agreements status county/agreements")
def status(
    folder: str = typer.Argument("agreements", help="A folder of agreements."),
    log: str = typer.Option("", "--log", help="gateway.toml: overdue duties and reviews too."),
    now: str = NOW,
) -> None:
    """Say what is unsigned, suspended, running out or to be reviewed: 6 where anything is."""
    from gateway.cli.standing import run_status

    end(run_status(folder, now, log))


@app.command(epilog="Example: accord agreements digest county/agreements county-overdose-response")
def digest(
    folder: str = typer.Argument(help="A folder of agreements."),
    name: str = typer.Argument(help="An agreement's id, or _floor, agencies, purposes."),
    canonical: bool = typer.Option(False, "--canonical", help="The bytes that are signed."),
    now: str = NOW,
) -> None:
    """Print the digest that signatures cover, and what is bound into it."""
    from gateway.cli.standing import run_digest

    end(run_digest(folder, name, now, spelled=canonical))


@app.command(epilog="Example: accord agreements who --field person_phone")
def who(
    places: list[str] = PLACES,
    field: str = typer.Option(..., help="A field, or <dataset>.<field>."),
    now: str = NOW,
) -> None:
    """Say everyone who can get a field, in which form, by which clause, and if what."""
    from gateway.cli.reach import run_who

    end(run_who(places, field, now))


@app.command(epilog="Example: accord agreements matrix --dataset referral.post_overdose")
def matrix(
    places: list[str] = PLACES,
    dataset: str = typer.Option("", help="One dataset; every one that leaves if left out."),
    now: str = NOW,
) -> None:
    """Draw which agency can get which field, and in which form."""
    from gateway.cli.matrix import run_matrix

    end(run_matrix(places, dataset, now))


@app.command(
    "assert",
    epilog="Example: accord agreements assert --never to_kind=law_enforcement class=sensitive",
)
def assert_(
    claim: list[str] = typer.Argument(help="key=value[,value]: from_kind, to_kind, class, means, "
                                      "dataset, field, purpose, regime, shape."),
    never: bool = typer.Option(False, "--never", help="Nobody gets it; so too without --only."),
    only: list[str] = typer.Option([], help="These agencies get it, and nobody else."),
    places: list[str] = typer.Option(
        ["agreements"], "--in", help="A folder of agreements, or a file in one; may be repeated."
    ),
    now: str = NOW,
) -> None:  # fmt: skip
    """Hold a claim against every provision and whatever is given on: 4 and a way that breaks it."""
    from gateway.cli.claim import run_assert
    from gateway.errors import SettingsError

    if never and only:
        raise SettingsError("`--never` and `--only` are two claims")
    end(run_assert(places, claim, only, now))


@app.command(epilog="Example: accord agreements simulate county-overdose-response/P3")
def simulate(  # noqa: PLR0913 - one argument an option
    provision: str = typer.Argument(help="A provision's id, or its beginning, as P3."),
    folder: str = typer.Option("agreements", "--in", help="A folder of agreements."),
    sample: str = typer.Option("", "--input", help="Records: .csv, .jsonl or .parquet."),
    synthetic: int = typer.Option(200, help="How many made-up records, without --input."),
    seed: int = typer.Option(1, help="Draws other made-up records."),
    shift: int = typer.Option(0, help="Moves every date of the sample by so many days."),
    purpose: str = typer.Option("", help="Of a provision for several; the first if left out."),
    tables: str = typer.Option("", help="gateway.toml, which names the reference tables."),
    show: int = typer.Option(-1, help="Records or cells one by one; one, or 40, if left out."),
    form: str = typer.Option("text", "--format", help="text or json."),
    now: str = NOW,
) -> None:
    """Show what of sample records would leave: each field before and after, and who stands out."""
    from gateway.cli.simulate import Sample, run_simulate

    given = Sample(sample, synthetic, seed, shift)
    end(run_simulate(folder, provision, purpose, given, tables, show, now, form=form))


@app.command(
    epilog="Example: accord agreements impact agreements --in county/agreements "
    "--log county/gateway.toml"
)
def impact(
    after: str = typer.Argument(help="What is proposed: a folder, or an agreement's file."),
    folder: str = typer.Option("agreements", "--in", help="The folder that stands."),
    log: str = typer.Option("", help="gateway.toml (its gateway stopped), or an exported log."),
    days: int = typer.Option(30, help="How far back, from now."),
    since: str = typer.Option("", help="The first day or instant, in place of --days."),
    until: str = typer.Option("", help="The first day or instant no longer looked at."),
    form: str = typer.Option("text", "--format", help="text or json."),
    now: str = NOW,
) -> None:
    """Decide what the log tells of a period again, as proposed: 3 where anybody gets more."""
    from gateway.cli.impact import Over, run_impact

    end(run_impact(after, folder, log, Over(days, since, until), now, form))


@app.command("verify", epilog="Example: accord agreements verify county/agreements")
def verify_agreements(
    folder: str = typer.Argument("agreements", help="A folder of agreements."), now: str = NOW
) -> None:
    """Say who signed which file, and who is missing."""
    from gateway.cli.agreements import run_verify

    end(run_verify(folder, now))
