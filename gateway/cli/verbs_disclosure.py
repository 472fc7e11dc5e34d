"""`accord disclosure`: verbs over tables in files."""

from __future__ import annotations

import typer

from gateway.cli.verbs import end

app = typer.Typer(help="What a table of counts gives away.", no_args_is_help=True)

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


@app.command(
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

    end(
        run_suppress(
            table, total=total, hierarchies=hierarchy, min_cell=min_cell, zeros=zeros, width=width,
            cost=cost, knowledge=knowledge, output=output, release=release, html=html,
            as_json=as_json,
        )
    )  # fmt: skip


@app.command(epilog="Example: accord disclosure audit theirs.csv --integer --html audit.html")
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

    end(
        run_audit(
            table, total=total, hierarchies=hierarchy, min_cell=min_cell, zeros=zeros, width=width,
            knowledge=knowledge, integer=integer, output=output, html=html, as_json=as_json,
        )
    )  # fmt: skip
