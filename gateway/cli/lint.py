"""`accord agreements lint`: what is wrong with the officers' files, and where."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import Level
from gateway.agreement.lint.run import check
from gateway.cli.given import Given, given
from gateway.cli.officers import BLOCKS_SIGNING, EXIT_FINDINGS, instant
from gateway.cli.report import Judged, Report, by_file, format_of, placed, written
from gateway.errors import SettingsError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from gateway.agreement.finding import Finding

_WORDS: Final = {
    Level.ERROR: ("error", "errors"),
    Level.SIGNING: ("obstacle to signing", "obstacles to signing"),
    Level.WARNING: ("warning", "warnings"),
    Level.INFO: ("note", "notes"),
}


def run_lint(places: Sequence[str], now: str, purpose: str, how: str) -> int:
    """Print what is wrong; exit 1 where a finding refuses loading, or, `--for sign`, signing.

    Raises:
        SettingsError: An option is wrong, or a place is no folder and no file in one.
    """
    if purpose not in {"", "sign"}:
        raise SettingsError("`--for` is `sign`, or left out")
    form, moment = format_of(how), instant(now)
    judged: list[Judged] = []
    sources: dict[str, str] = {}
    named = given(places)
    for one in named:
        judged += _linted(one, moment, sources)
    report = Report(
        "lint",
        tuple(judged),
        sources,
        blocks=BLOCKS_SIGNING if purpose else frozenset({Level.ERROR}),
        summary=tuple(_counted(str(one.folder), judged) for one in named),
    )
    sys.stdout.write(written(report, form))
    return EXIT_FINDINGS if report.failed else 0


def _linted(named: Given, now: dt.datetime, sources: dict[str, str]) -> tuple[Judged, ...]:
    """Return the files that were named with their findings, and keep the texts of those with any.

    Where too little of a folder can be read to judge any of its files, all that is wrong is told.
    """
    folder, files = str(named.folder), named.files
    read, found = check(files, now, tested=True)
    told = found if read is None else named.told(found)
    sources |= _texts(folder, files, told)
    return by_file(
        (f"{folder}/{name}" for name in files if named.names(name)), placed(folder, told)
    )


def _texts(folder: str, files: Mapping[str, bytes], found: Sequence[Finding]) -> dict[str, str]:
    names = {one.file for one in found} & files.keys()
    return {f"{folder}/{name}": files[name].decode("utf-8", "replace") for name in names}


def _counted(folder: str, judged: Sequence[Judged]) -> str:
    found = [f for one in judged if one.file.startswith(f"{folder}/") for f in one.findings]
    counts = {level: sum(one.level is level for one in found) for level in Level}
    words = [
        f"{n} {one if n == 1 else many}"
        for level, n in counts.items()
        if n
        for one, many in [_WORDS[level]]
    ]
    return f"{folder}: {', '.join(words) or 'nothing to say'}"
