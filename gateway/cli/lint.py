"""`accord agreements lint`: what is wrong with the officers' files, and where."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import Level
from gateway.agreement.lint.inspect import inspect
from gateway.cli.fmt import mended
from gateway.cli.given import Given, given
from gateway.cli.officers import BLOCKS_SIGNING, EXIT_FINDINGS, instant
from gateway.cli.report import Report, by_file, format_of, placed, row, sources_of, written
from gateway.errors import SettingsError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from gateway.agreement.finding import Finding
    from gateway.agreement.lint.waivers import Waived


_WORDS: Final = {
    Level.ERROR: ("error", "errors"),
    Level.SIGNING: ("obstacle to signing", "obstacles to signing"),
    Level.WARNING: ("warning", "warnings"),
    Level.INFO: ("note", "notes"),
}


def run_lint(places: Sequence[str], now: str, purpose: str, how: str, *, fix: bool = False) -> int:
    """Print what is wrong; exit 1 where a finding refuses loading, or, `--for sign`, signing.

    Args:
        places: Folders of agreements, or files in them.
        now: Fixes the clock; nothing for the clock's own.
        purpose: `sign`, or nothing.
        how: The format.
        fix: Whether quotes and layout are put right first, in the files.

    Raises:
        SettingsError: An option is wrong, or a place is no folder and no file in one.
    """
    if purpose not in {"", "sign"}:
        raise SettingsError("`--for` is `sign`, or left out")
    form, moment = format_of(how), instant(now)
    named = given(places)
    if fix:
        fixed = mended(named)
        sys.stderr.writelines(f"fixed {path}\n" for path in fixed)
        named = given(places) if fixed else named
    report = Report(
        "lint",
        (),
        {},
        blocks=BLOCKS_SIGNING if purpose else frozenset({Level.ERROR}),
        facts={"waived": []},
    )
    for one in named:
        report = _with(report, one, moment)
    sys.stdout.write(written(report, form))
    return EXIT_FINDINGS if report.failed else 0


def _with(report: Report, named: Given, now: dt.datetime) -> Report:
    """Return the report with what is said of the files that were named.

    Where too little of a folder can be read to judge any of its files, all that is wrong is told.
    """
    folder, files = str(named.folder), named.needed
    looked = inspect(files, now, named=named.names)
    told = looked.findings if looked.folder is None else named.told(looked.findings)
    names = (f"{folder}/{name}" for name in files if named.names(name))
    waived = [_silenced(folder, one) for one in looked.waived]
    return replace(
        report,
        judged=(*report.judged, *by_file(names, placed(folder, told))),
        sources={**report.sources, **sources_of(folder, files, told)},
        summary=(*report.summary, _counted(folder, told, len(waived))),
        facts={"waived": [*report.facts["waived"], *waived]},
    )


def _silenced(folder: str, one: Waived) -> dict[str, str | int]:
    [finding] = placed(folder, [one.finding])
    waiver = one.waiver
    said = {"reason": waiver.reason, "until": waiver.until.isoformat(), "who": waiver.who}
    return {**row(finding), **said}


def _counted(folder: str, found: Sequence[Finding], waived: int) -> str:
    counts = {level: sum(one.level is level for one in found) for level in Level}
    words = [f"{n} {_WORDS[level][n != 1]}" for level, n in counts.items() if n]
    words += [f"{waived} waived"] if waived else []
    return f"{folder}: {', '.join(words) or 'nothing to say'}"
