"""What an officer silenced: a comment above a thing names rule, reason, person and last day.

    # accord: ignore quasi-identifier-combo -- limited data set, epi@phd.example, until 2027-05-31

It stands on a line of its own and speaks of what begins on the next line that is no comment, and of
all below that. It silences warnings and notes alone. The gateway reads no comments: whatever
refuses a load cannot be silenced, and nothing that is in force depends on a waiver.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import Finding, Level, quoted
from gateway.agreement.lint.catalogue import ABOUT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.agreement.places import Path, Place
    from gateway.agreement.yaml import Document

INVALID: Final = "waiver-invalid"
EXPIRED: Final = "waiver-expired"
UNUSED: Final = "waiver-unused"
LONGEST: Final = dt.timedelta(days=366)
"""How far a waiver reaches where the file has no term that ends it."""
SILENCED: Final = (Level.WARNING, Level.INFO)

_MEANT = re.compile(r"#.*\baccord\s*:", re.IGNORECASE)
_LINE = re.compile(
    r"(?P<indent> *)# accord: ignore (?P<rule>[a-z0-9-]+) -- (?P<reason>[^ ].*), "
    r"(?P<who>[^, ][^,]*), until (?P<until>[0-9]{4}-[0-9]{2}-[0-9]{2})\s*"
)
_FORM: Final = "`# accord: ignore <rule> -- <reason>, <who>, until <date>`"


@dataclass(frozen=True, slots=True)
class Waiver:
    """One comment; `line` is its own."""

    rule: str
    reason: str
    who: str
    until: dt.date
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Waived:
    """A finding that is not told, and who answers for that."""

    finding: Finding
    waiver: Waiver


def waive(
    text: str, document: Document, found: Sequence[Finding], now: dt.datetime
) -> tuple[tuple[Finding, ...], tuple[Waived, ...]]:
    """Return what is still to be told of a file, waivers that are none included, and what is not.

    Args:
        text: The file's.
        document: The same, strictly read.
        found: What was found in it.
        now: This instant, UTC.
    """
    if not _MEANT.search(text):
        return tuple(found), ()
    said: list[Finding] = []
    silenced: dict[Finding, Waiver] = {}
    places = dict(document.places.every())
    for waiver in _waivers(text, document, said, now.date()):
        covered = _below(places, _next(text, waiver.line))
        hit = [one for one in found if one.rule == waiver.rule and _place(one) in covered]
        if not hit:
            message = f"no `{waiver.rule}` is found in what begins on the next line"
            said.append(_finding(document, UNUSED, waiver.line, waiver.column, message))
        silenced |= dict.fromkeys(hit, waiver)
    told = (*(one for one in found if one not in silenced), *said)
    return told, tuple(Waived(one, waiver) for one, waiver in silenced.items())


def _waivers(
    text: str, document: Document, said: list[Finding], today: dt.date
) -> Iterator[Waiver]:
    """Yield the waivers that hold; those that do not are said."""
    for line, words in enumerate(text.split("\n"), 1):
        if (meant := _MEANT.search(words)) is None:
            continue
        column = meant.start() + 1
        waiver = _read(words, line)
        problem = _problem(waiver, document, today) if waiver else f"a waiver reads {_FORM}"
        if waiver is None or problem:
            said.append(_finding(document, INVALID, line, column, problem))
        elif waiver.until < today:
            message = f"the waiver of `{waiver.rule}` ended on {waiver.until}"
            said.append(_finding(document, EXPIRED, line, column, message))
        else:
            yield waiver


def _read(words: str, line: int) -> Waiver | None:
    found = _LINE.fullmatch(words)
    try:
        until = dt.date.fromisoformat(found["until"]) if found else None
    except ValueError:
        return None
    if found is None or until is None:
        return None
    column = len(found["indent"]) + 1
    return Waiver(found["rule"], found["reason"], found["who"], until, line, column)


def _problem(waiver: Waiver, document: Document, today: dt.date) -> str:
    """Return why a waiver silences nothing whatever is found; nothing where it may."""
    about = ABOUT.get(waiver.rule)
    if about is None:
        return f"there is no rule {quoted(waiver.rule)}"
    if about.level not in SILENCED or waiver.rule in (EXPIRED, UNUSED):
        return f"`{waiver.rule}` cannot be silenced: put right what it finds"
    last = _last_day(document, today)
    return f"the waiver reaches beyond {last}" if waiver.until > last else ""


def _last_day(document: Document, today: dt.date) -> dt.date:
    """Return the last day that a waiver may name: of the term, or a year from now."""
    later = today + LONGEST
    term = document.value.get("term")
    try:
        return dt.date.fromisoformat(str(term["expires"])) if isinstance(term, dict) else later
    except (KeyError, ValueError):
        return later


def _next(text: str, line: int) -> int:
    """Return the first line below that is no comment: several waivers may stand above a thing."""
    lines = text.split("\n")
    while line < len(lines) and lines[line].lstrip().startswith("#"):
        line += 1
    return line + 1


def _below(places: Mapping[Path, Place], line: int) -> set[tuple[int, int]]:
    """Return the places of what begins on a line, and of everything below it."""
    there = [path for path, place in places.items() if path and place.line == line]
    if not there:
        return set()
    top = min(there, key=lambda path: (len(path), places[path].column))
    return {(place.line, place.column) for path, place in places.items() if path[: len(top)] == top}


def _place(one: Finding) -> tuple[int, int]:
    return one.line, one.column


def _finding(document: Document, rule: str, line: int, column: int, message: str) -> Finding:
    return Finding(rule, ABOUT[rule].level, document.file, line, column, message)
