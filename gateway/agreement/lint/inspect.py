"""Everything that officers are told of their files: what a gateway asks, and what it never reads.

`run.check` is what load and signing rest on. Layout and waivers are for people: a file that is laid
out badly loads, and a comment lets nothing in that would be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.agreement.finding import Finding, FindingsError
from gateway.agreement.layout.fmt import ENDING, unformatted
from gateway.agreement.lint.folder import Folder, document_of
from gateway.agreement.lint.run import check, every
from gateway.agreement.lint.waivers import Waived, waive

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Inspected:
    """A folder, and what is to be said of it.

    Attributes:
        folder: None where too little of it could be read to lint.
        findings: In the order of the files.
        waived: What somebody silenced, and still answers for.
    """

    folder: Folder | None
    findings: tuple[Finding, ...]
    waived: tuple[Waived, ...]


def inspect(
    files: Mapping[str, bytes],
    now: dt.datetime,
    *,
    named: Callable[[str], bool] = every,
) -> Inspected:
    """Return everything that is wrong with a folder's files.

    Args:
        files: Contents by name inside the folder.
        now: This instant, UTC: terms, reviews, determinations and waivers run out.
        named: Whose own faults, layout and waivers are looked at. Every file is read all the same,
            since an agreement is judged by what it stands on and stands beside.
    """
    folder, found = check(files, now, tested=True, named=named)
    told: list[Finding] = []
    waived: list[Waived] = []
    by_file: dict[str, list[Finding]] = {}
    for one in found:
        by_file.setdefault(one.file, []).append(one)
    for name in sorted({*files, *by_file}):
        here = by_file.get(name, [])
        if name.endswith(ENDING) and name in files and named(name):
            kept, silenced = _looked_at(name, files[name], here, now)
            told += kept
            waived += silenced
        else:
            told += here
    return Inspected(folder, tuple(told), tuple(waived))


def _looked_at(
    name: str, data: bytes, found: list[Finding], now: dt.datetime
) -> tuple[tuple[Finding, ...], tuple[Waived, ...]]:
    """Return what is told of one file, its layout included, and what is silenced."""
    try:
        document = document_of(data, name)
    except FindingsError:
        # What cannot be read has no layout, and nothing in it can be silenced.
        return tuple(found), ()
    layout = unformatted(data, document)
    every = [*found, *([layout] if layout is not None else [])]
    text = data.decode("utf-8").replace("\r\n", "\n")
    told, silenced = waive(text, document, every, now)
    return tuple(sorted(told, key=lambda one: (one.line, one.column, one.rule))), silenced
