"""`accord log report`: a period of the log as a page that an auditor reads, prints and files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.audit.entry import format_time
from gateway.audit.summary import Summary
from gateway.cli.auditor.ask import ask
from gateway.cli.auditor.outputs import whole
from gateway.cli.auditor.page import Report
from gateway.cli.clock import SystemClock
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from gateway.audit.select import Selection
    from gateway.cli.auditor.ask import Asked


def run_report(place: str, asked: Selection, output: str, *, officers: str = "") -> int:
    """Write the report of what a selection asks for; a period without an entry has one too.

    Raises:
        SettingsError: The file cannot be written there; nothing was opened.
        LogError: As `ask`.
    """
    target = Path(output)
    if not target.parent.is_dir():
        raise SettingsError(f"`--output`: there is no folder {target.parent}")

    def work(found: Asked) -> Report:
        summary = Summary()
        for event in found.events():
            summary.add(event)
        return Report(
            summary=summary,
            names=found.names,
            period=_period(asked),
            filters=_filters(asked),
            note=found.log.note,
            size=found.log.size,
            made=format_time(SystemClock().now()),
            origin="an exported folder" if Path(place).is_dir() else "the gateway's own store",
        )

    report = ask(place, "report", asked, work, officers=officers)
    with whole(target) as part:
        part.write_text(report.html(), encoding="utf-8")
    sys.stderr.write(f"wrote {output}: {report.summary.entries:,} entries\n")
    return 0


def _period(asked: Selection) -> str:
    since = "the beginning" if asked.since is None else _moment(asked.first_time)
    until = "now" if asked.end_time is None else f"before {_moment(asked.end_time)}"
    return f"from {since} to {until}"


def _moment(time: str) -> str:
    """Return a day for its first instant, else the whole time."""
    return time.removesuffix("T00:00:00.000Z")


def _filters(asked: Selection) -> list[tuple[str, str]]:
    names = ("agencies", "agreements", "provisions", "purposes", "kinds", "reasons")
    found = [(name, ", ".join(sorted(getattr(asked, name)))) for name in names]
    return [one for one in (*found, ("decision", asked.decision)) if one[1]]
