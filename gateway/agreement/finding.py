"""What is wrong with an agreement file, and where: one value, which reader, parser and lint share.

A finding names rule, level and place, and speaks of keys, fields and rule ids. Agreement files hold
no records, so a finding may quote what the officer wrote; it is cut short, for the file may be
anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

QUOTED_CHARACTERS = 60


class Level(StrEnum):
    """What a finding refuses: E load, signing and CI; S signing and CI; W warns; I informs."""

    ERROR = "E"
    SIGNING = "S"
    WARNING = "W"
    INFO = "I"


_WORDS = {"E": "error", "S": "signing", "W": "warning", "I": "info"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that a file breaks. `line` and `column` count from 1."""

    rule: str
    level: Level
    file: str
    line: int
    column: int
    message: str

    def text(self) -> str:
        """Return `file:line:column level rule: message`."""
        place = f"{self.file}:{self.line}:{self.column}"
        return f"{place} {_WORDS[self.level]} {self.rule}: {self.message}"


class FindingsError(Exception):
    """A file that cannot be read or understood; `findings` say why, in the order of the file."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("; ".join(finding.text() for finding in findings))
        self.findings = findings


def quoted(text: str) -> str:
    """Return `text` in quotes, printable and at most 60 characters long, fit for a message."""
    cut = text if len(text) <= QUOTED_CHARACTERS else text[:QUOTED_CHARACTERS] + "…"
    return "'" + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut) + "'"


def printable(text: str) -> str:
    """Return text that moves no cursor and hides nothing: agreement files may be anybody's."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
