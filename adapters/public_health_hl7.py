r"""HL7 v2 messages by plain split: segments, fields, components, repetitions; escapes undone once.

CR, LF and CRLF all end a segment (HL7-2: a library given LF raw returns one segment and no error),
and MLLP's frame bytes are left out. Encoding characters are those of the message's own MSH. A text
is unescaped after it was split, once: `A\T\E` is `A&E`, and what comes out is not read again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ENDS = re.compile(r"\r\n|\n|\r")
_FRAME = "\x0b\x1c\ufeff"
_HEAD = 8
_HEX = re.compile(r"X([0-9A-Fa-f]{2}){1,40}")


@dataclass(frozen=True, slots=True)
class Message:
    """One message: its segments by name, in order, each a list of fields from its name on.

    Attributes:
        component, repetition, escape, subcomponent: Encoding characters.
    """

    segments: Mapping[str, list[list[str]]]
    component: str
    repetition: str
    escape: str
    subcomponent: str
    field: str

    def all(self, name: str) -> list[list[str]]:
        """Return the segments of a name, in order."""
        return self.segments.get(name, [])

    def raw(self, name: str, field: int) -> str:
        """Return a field of the first segment of a name, escaped, empty where it is not there."""
        found = self.segments.get(name)
        return value(found[0], field) if found else ""

    def repeats(self, raw: str) -> list[str]:
        """Return the repetitions of a field, escaped."""
        return raw.split(self.repetition)

    def part(self, raw: str, component: int) -> str:
        """Return a component of the first repetition: its first subcomponent, unescaped, trimmed.

        HL7's explicit null `""` is empty here: no field of the datasets tells the two apart.
        """
        first = raw.split(self.repetition, 1)[0]
        parts = first.split(self.component, component)
        if len(parts) < component:
            return ""
        text = parts[component - 1].split(self.subcomponent, 1)[0]
        return "" if text == '""' else self.text(text).strip()

    def text(self, raw: str) -> str:
        """Return text with its escapes undone, once; formatting escapes are left out."""
        if self.escape not in raw:
            return raw
        pieces = raw.split(self.escape)
        if len(pieces) % 2 == 0:
            return raw  # an escape without an end is text
        named = {
            "F": self.field,
            "S": self.component,
            "T": self.subcomponent,
            "R": self.repetition,
            "E": self.escape,
        }
        for place in range(1, len(pieces), 2):
            inside = pieces[place]
            pieces[place] = named.get(inside, _hexed(inside))
        return "".join(pieces)


def _hexed(inside: str) -> str:
    if not _HEX.fullmatch(inside):
        return ""
    return bytes.fromhex(inside[1:]).decode("utf-8", "replace")


def value(segment: list[str], field: int) -> str:
    """Return a field of a segment, empty where it is not there."""
    return segment[field] if field < len(segment) else ""


def messages(text: str) -> Iterator[Message | None]:
    """Yield the messages of a file, None for what stands before the first or has a broken MSH.

    Batch and file segments (FHS, BHS, BTS, FTS) around messages are left out.
    """
    lines: list[str] = []
    for line in _ENDS.split(text.strip(_FRAME)):
        bare = line.strip(_FRAME)
        if bare.startswith("MSH") and lines:
            yield _message(lines)
            lines = []
        if bare and not bare.startswith(("FHS", "BHS", "BTS", "FTS")):
            lines.append(bare)
    if lines:
        yield _message(lines)


def _message(lines: list[str]) -> Message | None:
    head = lines[0]
    if not head.startswith("MSH") or len(head) < _HEAD:
        return None
    marks = list(head[3:_HEAD])
    if len(set(marks)) != len(marks):
        return None
    field, component, repetition, escape, subcomponent = marks
    segments: dict[str, list[list[str]]] = {}
    for line in lines:
        fields = line.split(field)
        if fields[0] == "MSH":
            fields.insert(1, field)  # MSH-1 is the separator itself
        segments.setdefault(fields[0], []).append(fields)
    return Message(segments, component, repetition, escape, subcomponent, field)
