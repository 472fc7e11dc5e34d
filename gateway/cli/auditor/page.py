"""The report of a period as one HTML file that needs nothing else, light or dark, or on paper."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

from gateway.cli.auditor.charts import HATCH, Bar, beside, over_time
from gateway.cli.auditor.look import STYLE
from gateway.cli.html import document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.audit.names import Names
    from gateway.audit.summary import Flow, Summary

DAYS_MAX: Final = 92
"""A longer period is drawn by month."""
_DAY: Final = len("2026-11-20")
_MONTH: Final = len("2026-11")


@dataclass(frozen=True, slots=True)
class Report:
    """What stands on the page.

    Attributes:
        summary: The counts.
        names: Of agencies.
        period: The period in words.
        filters: What else narrowed it, as pairs of a filter and its values.
        note: The signed checkpoint that it was read at.
        size: Entries below that.
        made: When it was made, as leaves write time.
        origin: Where it was read: of a deployment, or of an exported folder.
    """

    summary: Summary
    names: Names
    period: str
    filters: Sequence[tuple[str, str]]
    note: str
    size: int
    made: str
    origin: str

    def html(self) -> str:
        """Return the page's text."""
        title = f"Exchange log {self.names.origin}, {self.period}"
        return "\n".join(document(title, STYLE, _body(self))) + "\n"


def _body(report: Report) -> Iterator[str]:
    summary = report.summary
    yield HATCH
    yield "<h1>What left, and what was refused</h1>"
    yield f'<p class="sub">{escape(report.names.origin)} &middot; {escape(report.period)}</p>'
    yield from _figures(summary)
    if summary.not_opened:
        said = (
            f"{summary.not_opened:,} of {summary.entries:,} entries could not be opened: "
            "their payloads or keys are gone, or the export has no openings. What they say is in "
            "no figure but those of their kind."
        )
        yield f'<p class="warn">{escape(said)}</p>'
    yield from _over_time(summary)
    yield from _flows(report)
    yield from _reasons(summary)
    yield from _behind(report)
    yield from _duties(summary)
    yield from _readers(summary)
    yield from _changes(summary)
    yield from _rests(report)


def _figures(summary: Summary) -> Iterator[str]:
    total = summary.total
    people = "not opened" if total.unseen else f"{total.subjects:,}"
    tiles = (
        ("requests decided", f"{total.granted + total.refused:,}"),
        ("granted", f"{total.granted:,}"),
        ("refused", f"{total.refused:,}"),
        ("rows that left", f"{total.rows:,}"),
        ("disclosures to account for", people),
        ("cells suppressed", f"{total.cells_suppressed:,}"),
        ("presumed disclosed", f"{total.presumed:,}"),
        ("duties overdue", f"{len(summary.overdue):,}"),
    )
    yield '<ul class="tiles">'
    for words, figure in tiles:
        yield f"<li><b>{figure}</b><span>{escape(words)}</span></li>"
    yield "</ul>"


def _over_time(summary: Summary) -> Iterator[str]:
    yield "<h2>Requests over time</h2>"
    if not summary.days:
        yield "<p>No request was decided in this period.</p>"
        return
    bars = spans(summary)
    by = "day" if len(bars[0].label) == _DAY else "month"
    yield '<p class="key"><i class="granted"></i> granted <i class="refused"></i> refused</p>'
    what = f"requests by {by}, granted and refused, from {bars[0].label} to {bars[-1].label}"
    yield '<div class="scroll">'
    yield from over_time(bars, what)
    yield "</div>"
    yield f"<details><summary>The numbers by {by}</summary>"
    rows = ((one.label, f"{one.granted:,}", f"{one.refused:,}") for one in bars)
    yield from _table((by, "granted", "refused"), rows)
    yield "</details>"


def spans(summary: Summary) -> list[Bar]:
    """Return a bar for each day from the first with a request to the last; or for each month."""
    first, last = (dt.date.fromisoformat(one) for one in (min(summary.days), max(summary.days)))
    every = [first + dt.timedelta(days) for days in range((last - first).days + 1)]
    long = len(every) > DAYS_MAX
    labels = dict.fromkeys(one.isoformat()[: _MONTH if long else _DAY] for one in every)
    counts = {label: [0, 0] for label in labels}
    for day, tally in summary.days.items():
        counts[day[:_MONTH] if long else day][0] += tally.granted
        counts[day[:_MONTH] if long else day][1] += tally.refused
    return [Bar(label, *numbers) for label, numbers in counts.items()]


def _flows(report: Report) -> Iterator[str]:
    yield "<h2>By flow</h2>"
    found = sorted(
        report.summary.flows.items(), key=lambda one: (-one[1].granted, -one[1].refused, one[0])
    )
    most = max((tally.granted + tally.refused for _, tally in found), default=0)
    heads = (
        "from", "to", "dataset", "purpose", "", "granted", "refused", "chunks", "rows", "cut",
        "presumed",
    )  # fmt: skip
    rows = (
        (
            *_words(report, flow),
            _Markup(beside(most, (tally.granted, "granted"), (tally.refused, "refused"))),
            *(
                f"{number:,}"
                for number in (
                    tally.granted, tally.refused, tally.chunks, tally.rows, tally.cut,
                    tally.presumed,
                )
            ),
        )
        for flow, tally in found
    )  # fmt: skip
    yield from _table(heads, rows, words=4)
    yield (
        '<p class="small">A flow without an agency, dataset or purpose is of requests that named '
        "none that the agreements know, or of entries that could not be opened. Cut: ended before "
        "its end. Presumed: the gateway stopped in it, so it counts as disclosed.</p>"
    )


def _words(report: Report, flow: Flow) -> tuple[str, str, str, str]:
    def named(agency: str) -> str:
        party = report.names.parties.get(agency)
        if party is None:
            return agency or "-"
        return _Markup(f"{escape(party.name)} <small>{_breaking(agency)}</small>")

    return named(flow.provider), named(flow.recipient), flow.dataset or "-", flow.purpose or "-"


def _reasons(summary: Summary) -> Iterator[str]:
    yield "<h2>Refusals by reason</h2>"
    most = max(summary.reasons.values(), default=0)
    rows = (
        (one.reason, _Markup(beside(most, (count, "refused"))), f"{count:,}", str(one.step))
        for one, count in sorted(summary.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    )
    yield from _table(("reason", "", "refusals", "step of the decision"), rows, words=1)


def _behind(report: Report) -> Iterator[str]:
    yield "<h2>What stayed behind</h2>"
    found = [
        (flow, tally)
        for flow, tally in sorted(report.summary.flows.items())
        if tally.cells_suppressed or tally.rows_suppressed or tally.untold
    ]
    rows = (
        (
            *_words(report, flow),
            f"{tally.cells_suppressed:,}",
            f"{tally.rows_suppressed:,}",
            f"{tally.untold:,}",
        )
        for flow, tally in found
    )
    heads = ("from", "to", "dataset", "purpose", "cells", "rows", "exchanges that may not tell")
    yield from _table(heads, rows, words=4)


def _duties(summary: Summary) -> Iterator[str]:
    yield "<h2>Duties</h2>"
    came = sorted(summary.duties.items(), key=lambda one: (-one[1], one[0]))
    yield from _table(
        ("duty", "exchanges granted with it"), ((name, f"{n:,}") for name, n in came), words=1
    )
    told = sorted(summary.duty_events.items())
    if told:
        said = ", ".join(f"{count:,} {event}" for event, count in told)
        yield f"<p>Told in this period: {escape(said)}.</p>"
    if summary.overdue:
        yield "<h3>Overdue, and not attested since</h3>"
        rows = (
            (duty.duty, duty.due or "-", duty.exchange or "-", time)
            for duty, time in sorted(summary.overdue.items())
        )
        yield from _table(("duty", "due", "exchange", "told"), rows, words=4)
    else:
        yield "<p>No duty is overdue by what the log was told in this period.</p>"


def _readers(summary: Summary) -> Iterator[str]:
    yield "<h2>Who read the log</h2>"
    rows = (
        (one.who, one.verb, f"{count:,}")
        for one, count in sorted(summary.readers.items(), key=lambda pair: (-pair[1], pair[0]))
    )
    yield from _table(("who", "verb", "times"), rows, words=2)


def _changes(summary: Summary) -> Iterator[str]:
    yield "<h2>The gateway itself</h2>"
    rows = [(kind, event, f"{count:,}") for (kind, event), count in sorted(summary.changes.items())]
    if summary.erased:
        rows.append(("erase", "payloads", f"{summary.erased:,}"))
    yield from _table(("what", "event", "times"), rows, words=2)


def _rests(report: Report) -> Iterator[str]:
    summary = report.summary
    yield "<h2>What this rests on</h2>"
    yield "<dl>"
    facts = (
        ("log", report.names.origin),
        ("read", f"{report.origin}, {report.made}"),
        ("entries", f"{summary.entries:,} of {report.size:,} below the checkpoint"),
        ("first", summary.first or "-"),
        ("last", summary.last or "-"),
        *report.filters,
    )
    for name, said in facts:
        yield f"<dt>{escape(name)}</dt><dd>{escape(said)}</dd>"
    yield "</dl>"
    yield (
        "<p>Every figure is counted from entries, each held against what its leaf commits to. "
        "Whether the leaves are the log that was signed is what <code>accord log verify</code> "
        "says, with a key and a checkpoint that the auditor holds. Keep this one:</p>"
    )
    yield f"<pre>{escape(report.note)}</pre>"


class _Markup(str):
    """A cell that is markup already."""

    __slots__ = ()


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> Iterator[str]:
    """Yield a table whose first `words` columns are words, and the others numbers."""
    found = list(rows)
    if not found:
        yield "<p>None in this period.</p>"
        return
    yield '<div class="scroll" tabindex="0"><table>'
    cells = "".join(
        f'<th scope="col"{_side(at, words)}>{escape(one)}</th>' for at, one in enumerate(heads)
    )
    yield f"<thead><tr>{cells}</tr></thead><tbody>"
    for row in found:
        cells = "".join(_cell(at, one, words) for at, one in enumerate(row))
        yield f"<tr>{cells}</tr>"
    yield "</tbody></table></div>"


def _cell(at: int, text: str, words: int) -> str:
    said = text if isinstance(text, _Markup) else _breaking(text) if at < words else escape(text)
    return f"<td{_side(at, words)}>{said}</td>"


def _breaking(text: str) -> str:
    """Return words as markup that breaks where ids of ours do: after dots and underscores."""
    return escape(text).replace(".", ".<wbr>").replace("_", "_<wbr>")


def _side(at: int, words: int) -> str:
    return ' class="word"' if at < words else ""
