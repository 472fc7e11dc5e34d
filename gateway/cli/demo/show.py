"""The demo on a terminal: who asked, what was decided and why, what was held and got."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from gateway.cli.demo import held, words
from gateway.cli.demo.held import ALL
from gateway.cli.deploy.county import COUNTY
from gateway.values import text_list

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import Console

    from gateway.cli.county.write import County
    from gateway.cli.demo.ask import Outcome
    from gateway.cli.demo.held import Cell, Holding, Row
    from gateway.cli.demo.proof import Proof
    from gateway.cli.demo.scenes import Scene
    from gateway.values import Column, Scalar

LONG = 30
NARROW = 90
SHORT_HEX = 20
HEX_DIGITS = 64
SYSTEMS = (
    ("rivertown-ems", "NEMSIS 3.5 XML, FHIR R4 referrals", ("ems_reports", "ems_referrals")),
    ("rivertown-pd", "SQL records database", ("police",)),
    ("rivertown-health", "HL7 v2 ADT messages of an emergency department", ("hospital",)),
    ("safe-steps", "HMIS CSV, a sheet of naloxone handed out", ("harm_reduction",)),
)  # fmt: skip


def opening(console: Console, county: County) -> None:
    """Say which county this is, and what each agency keeps its records in."""
    console.print()
    console.print("[bold]Accord[/] in a made-up county. Nobody in its records exists.")
    console.print("One gateway, an adapter at each agency, mutual TLS on every hop.\n")
    table = _table(show_header=False)
    for agency, system, kept in SYSTEMS:
        count = sum(county.records[one] for one in kept)
        table.add_row(Text(agency, "bold"), system, Text(f"{count:,} records", "dim"))
    console.print(table)


def scene(console: Console, number: int, outcome: Outcome, county: County) -> None:
    """Show one request and what came of it."""
    told = outcome.scene
    console.print()
    console.rule(f"[bold]{number}  {told.title}", align="left", style="dim")
    console.print(Text(told.about, "italic"))
    console.print(_asked(told))
    if outcome.refusal is not None:
        _refused(console, outcome)
        return
    holding = held.HOLDINGS[told.held](county)
    console.print(_decided(outcome, holding))
    if told.counts:
        _counts(console, outcome, held.people(county))
    else:
        _record(console, outcome, holding)
    console.print(_because(outcome, county))


def _asked(told: Scene) -> Text:
    member = next(one for one in COUNTY if one.id == told.recipient)
    text = Text.assemble((told.recipient, "bold"), f" ({member.person}, {member.roles[0]})")
    text.append(" asks ").append(told.provider, "bold")
    return text.append(f"\nfor {told.dataset}, purpose {told.purpose}")


# --- a refusal ---


def _refused(console: Console, outcome: Outcome) -> None:
    refusal = outcome.refusal
    assert refusal is not None  # noqa: S101 - the caller looked
    line = Text.assemble(("✘ refused", "bold red"), f"  {refusal.reason}, step {refusal.step}")
    if refusal.clause:
        line.append(f", clause {refusal.clause} of {refusal.agreement}")
    console.print(line)
    lines = (
        ("asked for", ", ".join(outcome.scene.fields)),
        ("got", "nothing; the provider was not even read"),
        ("why", refusal.message),
        ("log entry", f"{refusal.index}: refusals are kept as releases are"),
    )
    console.print(_lines(lines))


# --- a release ---


def _decided(outcome: Outcome, holding: Holding) -> Text:
    header, receipt = outcome.header, outcome.receipt
    assert header is not None  # noqa: S101 - a release has both
    assert receipt is not None  # noqa: S101
    what = "cells" if outcome.scene.counts else "rows"
    line = Text.assemble(("✔ released", "bold green"))
    line.append(f"  {receipt.row_count:,} {what} from {len(holding.records):,} {holding.noun}")
    line.append(f" ({holding.place})\n")
    return line.append(f"under clause {header.clause}, {header.provision} of {header.agreement}\n")


def _because(outcome: Outcome, county: County) -> Table:
    assert outcome.receipt is not None  # noqa: S101 - a release has one
    lines = [("only where", "; ".join(words.conditions(outcome.where)))]
    absent = outcome.scene.absent
    if absent is not None:
        keys = {row[outcome.scene.fields[0]] for row in outcome.rows}
        came = "✘ came all the same" if county.cases[absent[0]] in keys else "did not come"
        lines.append(("opt-out", f"the record of {absent[1]} {came}"))
    lines.append(("withheld", f"{len(outcome.withheld)} fields, whatever is asked"))
    lines.append(("log entry", f"{outcome.receipt.index}, receipt verified"))
    return _lines(lines)


def _lines(lines: Sequence[tuple[str, str]]) -> Table:
    table = _table(show_header=False)
    for name, said in lines:
        table.add_row(Text(f"  {name:9}", "dim"), said)
    return table


def _record(console: Console, outcome: Outcome, holding: Holding) -> None:
    assert outcome.header is not None  # noqa: S101 - a release has one
    columns = {column.name: column for column in outcome.header.columns}
    told = outcome.scene
    found = held.pair(holding, outcome.rows, [name for _, name in told.pairs])
    if found is None:
        console.print("  no row can be told to be one record's: the masks see to that")
        return
    native, row = found
    table = _table()
    for name in ("", f"{told.provider} holds", f"{told.recipient} got"):
        table.add_column(name, overflow="fold")
    table.add_column("mask", style="dim")
    for label, name in told.pairs:
        value = _short(native.values.get(label, ""), LONG)
        table.add_row(Text(label, "dim"), value, *_got(columns, name, row))
    console.print(table)


def _got(columns: Mapping[str, Column], name: str, row: Row) -> tuple[Text, str]:
    """Return (what the recipient has, the mask in words) of one field."""
    column = columns.get(name)
    if column is None:
        return Text("—", "dim"), "withheld"
    why = row.get(f"{name}.why")
    value = row.get(name)
    shown = Text(_value(value), "green" if column.mask.name == "pass" else "yellow")
    if value is None:
        shown = Text(f"({why})" if isinstance(why, str) else "—", "dim")
    return shown, words.mask(column.mask)


def _value(value: Scalar) -> str:
    items = text_list(value)
    if items is not None:
        return ", ".join(items)
    text = str(value)
    if len(text) == HEX_DIGITS:
        return _short(text, SHORT_HEX)
    return text.removesuffix(":00+00:00") + "Z" if text.endswith(":00+00:00") else text


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# --- counts ---


def _counts(console: Console, outcome: Outcome, people: Mapping[Cell, int]) -> None:
    published = {_cell(row): row for row in outcome.rows}
    month = _month(published)
    routes = sorted({route for when, _, route in published if when == month}, key=_last)
    sites = sorted({site for when, site, _ in published if when == month}, key=_last)
    table = _table()
    table.add_column(f"people, {month:%B %Y}", no_wrap=True)
    for route in routes:
        table.add_column(Text(f"{route}\nheld", "dim"), justify="right")
        table.add_column(Text("\npublished", "bold"), justify="right")
    for site in sites:
        cells: list[Text] = []
        for route in routes:
            cell = (month, site, route)
            held = str(people.get(cell, 0)) if cell in published else ""
            cells += [Text(held, "dim"), _published(published.get(cell))]
        table.add_row(site, *cells)
    console.print(table)
    hidden = sum(row["participants"] is None for row in outcome.rows)
    note = f"  {hidden} of {len(outcome.rows)} cells are suppressed: fewer than 11 people,"
    console.print(Text(f"{note} or what would give such a cell back", "dim"))


def _cell(row: Row) -> Cell:
    month: dt.date = row["distributed_on"]  # type: ignore[assignment]
    return month, _level(row, "site_id"), _level(row, "naloxone_product")


def _level(row: Row, name: str) -> str:
    return ALL if row.get(f"{name}.why") == "total" else str(row[name])


def _last(level: str) -> tuple[bool, str]:
    return level == ALL, level


def _month(published: Mapping[Cell, Row]) -> dt.date:
    """Return the month with the most to see: suppressed cells beside published ones."""
    months = sorted({month for month, _, _ in published}, reverse=True)

    def seen(month: dt.date) -> int:
        values = [row["participants"] for cell, row in published.items() if cell[0] == month]
        return min(values.count(None), sum(bool(one) for one in values))

    return max(months, key=seen)


def _published(row: Row | None) -> Text:
    if row is None:
        return Text("—", "dim")
    if row["participants"] is None:
        return Text("suppressed", "yellow")
    return Text(str(row["participants"]), "green")


# --- the end ---


def proved(console: Console, proof: Proof) -> None:
    """Show what the exchange log proves."""
    console.print()
    console.rule(
        "[bold]The exchange log, verified offline with its key alone", align="left", style="dim"
    )
    good = Text("✔ ", "bold green")
    for line in _proof_lines(proof):
        console.print(good + Text(line))
    for one in proof.findings:
        place = f"entry {one.index}" if one.index >= 0 else "the log"
        console.print(Text(f"✘ {place}: {one.code}, {one.message}", "bold red"))


def _proof_lines(proof: Proof) -> Iterator[str]:
    if not proof.findings:
        yield f"{proof.entries} entries re-hashed; their root is what {proof.origin} signed"
        sizes = ", ".join(f"{agency} ({size})" for agency, size in sorted(proof.held.items()))
        yield f"it extends the checkpoints kept by {sizes}"
    yield f"{proof.receipts} receipts stand in it"
    if proof.altered is not None:
        code = proof.altered.code
        where = f"entry {proof.altered.index}" if proof.altered.index >= 0 else "the root"
        yield f"one character of entry {proof.changed} changed in a copy: found, {where} ({code})"


def summary(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print every exchange in one table."""
    console.print()
    table = _table()
    narrow = console.width < NARROW
    names = ("", "from → to", "decision") if narrow else ("", "from → to", "asked", "decision")
    for name in (*names, "clause"):
        table.add_column(name, overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("log", justify="right")
    for number, outcome in enumerate(outcomes, 1):
        told = outcome.scene
        route = Text(f"{told.provider}\n→ {told.recipient}")
        asked = Text.assemble(told.dataset, "\n", (told.purpose, "dim"))
        first = (route.append("\n").append(asked),) if narrow else (route, asked)
        table.add_row(str(number), *first, *_decision(outcome))
    console.print(table)


def _decision(outcome: Outcome) -> tuple[Text | str, str, str, str]:
    """Return decision, clause, rows and log entry."""
    refusal, receipt, header = outcome.refusal, outcome.receipt, outcome.header
    if refusal is not None:
        said = Text.assemble(("refused", "bold red"), "\n", (refusal.reason, "dim"))
        return said, refusal.clause or "—", "0", str(refusal.index)
    assert header is not None  # noqa: S101 - a release has both
    assert receipt is not None  # noqa: S101
    said = Text("released", "bold green")
    return said, header.clause, f"{receipt.row_count:,}", str(receipt.index)


def _table(*, show_header: bool = True) -> Table:
    return Table(
        box=box.SIMPLE_HEAD if show_header else None,
        show_header=show_header,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
