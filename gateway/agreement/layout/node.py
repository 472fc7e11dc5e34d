"""A YAML file as it is written: what it holds, in which style, and the comments beside it.

The strict reader says what a file means and forgets how it looks; here it is the other way round.
Only what the strict reader accepts is read, so anchors, tags and block scalars do not occur.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from yaml._yaml import CParser
from yaml.events import (
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BLANK: Final = ""
"""Stands among comments for an empty line."""
_BLANK_ENDS: Final = 2
"""Line ends in a row that leave an empty line between them."""


class Style(StrEnum):
    """How a value is written."""

    SCALAR = "scalar"
    BLOCK_MAPPING = "block mapping"
    BLOCK_LIST = "block list"
    FLOW_MAPPING = "flow mapping"
    FLOW_LIST = "flow list"


BLOCKS: Final = frozenset({Style.BLOCK_MAPPING, Style.BLOCK_LIST})
MAPPINGS: Final = frozenset({Style.BLOCK_MAPPING, Style.FLOW_MAPPING})


class Node:
    """A value as it is written.

    Attributes:
        block: Whether it has lines of its own.
        text: Of a scalar, as it stands in the file.
        entries: Of a mapping or list.
        last: Comments after the last entry.
    """

    __slots__ = ("block", "entries", "last", "style", "text")

    def __init__(self, style: Style, text: str = "") -> None:
        self.style, self.text, self.block = style, text, style in BLOCKS
        self.entries: list[Entry] = []
        self.last: list[str] = []


class Entry:
    """An entry of a mapping, or an item of a list.

    Attributes:
        key: As it stands in the file; nothing in a list.
        before: Comments on the lines above, and blank lines among them.
        head: The comment behind the key of a value that begins on the next line.
        after: The comment behind the value.
        value: It follows the key, so it is set once it was read.
    """

    __slots__ = ("after", "before", "head", "key", "value")

    def __init__(self, key: str, before: list[str]) -> None:
        self.key, self.before = key, before
        self.head = self.after = ""
        self.value: Node


def tree(text: str) -> tuple[Node, list[str]]:
    """Return the file in `text`, which the strict reader has read, and the comments at its end."""
    builder = _Builder(text)
    parser = CParser(text)
    event_of, scalar = parser.get_event, builder.scalar
    try:
        while (event := event_of()).__class__ is not StreamEndEvent:
            if event.__class__ is ScalarEvent:  # most of them
                scalar(event)
            else:
                builder.take(event)
    finally:
        parser.dispose()
    return builder.end()


_STARTS: Final = {
    (MappingStartEvent, False): Style.BLOCK_MAPPING,
    (MappingStartEvent, True): Style.FLOW_MAPPING,
    (SequenceStartEvent, False): Style.BLOCK_LIST,
    (SequenceStartEvent, True): Style.FLOW_LIST,
}


class _Builder:
    """Takes events one by one, and between them the comments."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._root = Node(Style.SCALAR)
        self._stack: list[tuple[Node, Entry | None]] = []
        self._key: Entry | None = None
        self._read = 0  # the text up to here is read
        self._last: Entry | None = None  # whose key or value ended there
        self._pending: list[str] = []

    def scalar(self, event: Any) -> None:  # noqa: ANN401 - libyaml's events share no useful base
        """Take the next event, a scalar."""
        self._comments(event.start_mark.index)
        written = event.value if not event.style else _quoted(event.value)
        top = self._stack[-1][0] if self._stack else None
        if top is not None and self._key is None and top.style in MAPPINGS:
            self._key = self._last = self._entry(top, written)
        else:
            self._last = self._put(Node(Style.SCALAR, written))
        self._read = event.end_mark.index

    def take(self, event: Any) -> None:  # noqa: ANN401
        """Take the next event that is no scalar."""
        kind = event.__class__
        if kind is MappingStartEvent or kind is SequenceStartEvent:
            self._comments(event.start_mark.index)
            self._start(Node(_STARTS[kind, bool(event.flow_style)]))
            self._read = event.end_mark.index
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            node, owner = self._stack.pop()
            if not node.block:
                # A block ends where the next thing begins: its comments are that thing's.
                self._comments(event.start_mark.index)
                node.last = [line for line in self._pending if line]
                self._pending = []
                self._read, self._last = event.end_mark.index, owner

    def end(self) -> tuple[Node, list[str]]:
        """Return the whole and what follows it, once the stream has ended."""
        self._comments(len(self._text))
        while self._pending and not self._pending[-1]:
            self._pending.pop()
        return self._root, self._pending

    def _start(self, node: Node) -> None:
        owner = self._put(node)
        self._stack.append((node, owner))
        self._last = None

    def _put(self, node: Node) -> Entry | None:
        """Put a value where the file has it, and return the entry that it is of."""
        if not self._stack:
            self._root = node
            return None
        entry, self._key = self._key, None
        if entry is None:
            entry = self._entry(self._stack[-1][0], "")
        entry.value = node
        return entry

    def _entry(self, parent: Node, key: str) -> Entry:
        entry = Entry(key, self._pending if parent.block else [c for c in self._pending if c])
        self._pending = []
        parent.entries.append(entry)
        return entry

    # --- comments ---

    def _comments(self, upto: int) -> None:
        """Keep the comments between what was read last and `upto`."""
        gap = self._text[self._read : upto]
        if "#" not in gap and gap.count("\n") < _BLANK_ENDS:
            return  # nearly always
        for place, (line, whole) in enumerate(_lines(gap)):
            _, sign, words = line.partition("#")
            comment = f"#{words.rstrip()}"
            if sign and not place and self._last is not None and self._beside(comment):
                continue
            if sign:
                self._pending.append(comment)
            elif place and whole and not line.strip() and (self._pending or self._last):
                self._blank()

    def _beside(self, comment: str) -> bool:
        """Put a comment behind what ended on its line; False where another stands there."""
        entry = self._last
        if entry is None or entry.after:
            return False
        if self._key is entry:
            entry.head = comment
        else:
            entry.after = comment
        return True

    def _blank(self) -> None:
        if not self._pending or self._pending[-1]:
            self._pending.append(BLANK)


def _lines(gap: str) -> Iterator[tuple[str, bool]]:
    """Yield the lines of a gap, and whether each ends in it."""
    lines = gap.split("\n")
    for line in lines[:-1]:
        yield line, True
    yield lines[-1], False


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
