"""`accord agreements`: the verbs that write something out of the officers' files."""

from __future__ import annotations

import typer

from gateway.cli.verbs import end
from gateway.cli.verbs_agreements import NOW

app = typer.Typer()


@app.command(
    epilog="Example: accord agreements init agreements --template alert --from rivertown-pd "
    "--to rivertown-health --paper MOU-2027-001 --digest MOU-2027-001.pdf --effective 2027-01-01 "
    "--policy 'General Order 27-01' --from-steward records@pd.example "
    "--to-steward epi@phd.example --compelled counsel@county.example"
)
def init(  # noqa: PLR0913 - one argument an option
    folder: str = typer.Argument("agreements", help="A folder of agreements."),
    template: str = typer.Option("", help="Which flow; asked, with what each is for."),
    provider: str = typer.Option("", "--from", help="The agency that holds the records."),
    recipient: str = typer.Option("", "--to", help="The agency that gets them."),
    paper: str = typer.Option("", help="What the signed paper is called."),
    digest: str = typer.Option("", help="The paper's file, or its SHA-256."),
    effective: str = typer.Option("", help="The first day in force: the first of a month."),
    policy: str = typer.Option("", help="The ordinance or policy that allows it."),
    from_steward: str = typer.Option("", help="Whom to write to at the agency that gives."),
    to_steward: str = typer.Option("", help="Whom to write to at the agency that gets."),
    compelled: str = typer.Option("", help="Who answers subpoenas."),
    name: str = typer.Option("", "--id", help="The file's name; from agencies and template."),
    title: str = typer.Option("", help="In words; from agencies and template."),
    timezone: str = typer.Option("America/New_York", help="Where the days of the term begin."),
    now: str = NOW,
) -> None:  # fmt: skip
    """Write a new agreement from a template, and its tests; asks for what no option says."""
    import sys
    from functools import partial

    from gateway.cli.begin import run_begin
    from gateway.cli.questions import Given

    ask = partial(typer.prompt, prompt_suffix=" ") if sys.stdin.isatty() else None
    given = Given(provider, recipient, paper, digest, effective, policy, from_steward, to_steward,
                  compelled)  # fmt: skip
    end(run_begin(folder, template, given, name, title, timezone, now, ask))


@app.command(epilog="Example: accord agreements schema county/agreements")
def schema(
    folder: str = typer.Argument("agreements", help="A folder of agreements."),
    check: bool = typer.Option(False, "--check", help="Write nothing; 1 where a file differs."),
) -> None:
    """Write the JSON Schemas that editors complete and explain the files by."""
    from gateway.cli.schema import run_schema

    end(run_schema(folder, check=check))


@app.command(
    epilog="Example: accord agreements render agreements county-overdose-response -o county.html"
)
def render(
    folder: str = typer.Argument(help="A folder of agreements."),
    name: str = typer.Argument(help="An agreement's id."),
    reader: str = typer.Option("counsel", "--for", help="counsel or public."),
    output: str = typer.Option("-", "--output", "-o", help=".html or .md; - prints Markdown."),
    now: str = NOW,
) -> None:
    """Write an agreement in sentences, clause by clause, for people who read no YAML."""
    from gateway.cli.render import run_render

    end(run_render(folder, name, reader, output, now))


@app.command(epilog="Example: accord agreements export agreements --to cedar -o exported")
def export(
    folder: str = typer.Argument("agreements", help="A folder of agreements."),
    language: str = typer.Option(..., "--to", help="cedar, odrl, oaas or fhir-permission."),
    output: str = typer.Option(..., "--output", "-o", help="A folder for the files."),
    now: str = NOW,
) -> None:
    """Write the agreements in another policy language, and list what it cannot say."""
    from gateway.cli.export import run_export

    end(run_export(folder, language, output, now))
