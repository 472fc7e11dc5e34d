"""A tree of a file as text: two blanks a level, braces filled up to the width, comments in place.

What stands in lines of its own keeps them, what stands in braces stays there: only officers know
which list is read as one. Braces that are too wide continue under their first entry.
"""

from __future__ import annotations

from itertools import dropwhile
from typing import TYPE_CHECKING, Final

from gateway.agreement.layout.node import Style

if TYPE_CHECKING:
    from gateway.agreement.layout.node import Entry, Node

WIDTH: Final = 132
STEP: Final = 2
_BRACKETS: Final = {Style.FLOW_MAPPING: ("{", "}"), Style.FLOW_LIST: ("[", "]")}


def text_of(root: Node, last: list[str]) -> str:
    """Return the file, ended by a line end; `last` are the comments at its end."""
    page = _Page()
    if root.block:
        page.block(root, 0)
    else:
        page.value(root, 0)
        page.newline()
    for comment in last:
        page.put(comment)
        page.newline()
    return page.text()


def flat(node: Node) -> str | None:
    """Return what stands in braces on one line; None where comments or blocks forbid it."""
    if node.style is Style.SCALAR:
        return node.text
    if node.block or node.last:
        return None
    parts = []
    for entry in node.entries:
        value = flat(entry.value)
        if value is None or entry.before or entry.after or entry.head:
            return None
        parts.append(_prefix(entry) + value)
    opens, closes = _BRACKETS[node.style]
    return opens + ", ".join(parts) + closes


def _prefix(entry: Entry) -> str:
    return f"{entry.key}: " if entry.key else ""


class _Page:
    """Lines that are written, and one that is being written."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line = ""

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self._lines)

    def put(self, words: str) -> None:
        self._line += words

    def newline(self, indent: int = 0) -> None:
        self._lines.append(self._line.rstrip())
        self._line = " " * indent

    # --- blocks ---

    def block(self, node: Node, indent: int) -> None:
        """Write entries, each on lines of its own; a line that has a dash takes the first."""
        for place, entry in enumerate(node.entries):
            inline = not place and self._line
            before = entry.before + ([entry.head] if entry.head and _one(entry) else [])
            for comment in before if self._lines else dropwhile(lambda line: not line, before):
                self._start(indent if comment else 0)
                self.put(comment)
                self.newline()
            if not inline:
                self._start(indent)
            self._entry(node, entry, indent)

    def _start(self, indent: int) -> None:
        self._line = " " * indent

    def _entry(self, node: Node, entry: Entry, indent: int) -> None:
        listed = node.style is Style.BLOCK_LIST
        self.put("- " if listed else f"{entry.key}:")
        if not entry.value.block:
            self.put("" if listed else " ")
            self.value(entry.value, 0)
            self.put(_behind(entry.after))
            self.newline()
        elif listed:
            self.block(entry.value, indent + STEP)
        else:
            self.put(_behind(entry.head))
            self.newline()
            self.block(entry.value, indent + STEP)

    # --- braces ---

    def value(self, node: Node, tail: int) -> None:
        """Write a scalar or braces here; `tail` characters have to follow on the last line."""
        words = flat(node)
        if words is not None and self._fits(words, tail):
            self.put(words)
        elif node.style is Style.SCALAR:
            self.put(node.text)
        else:
            self._braces(node, tail)

    def _fits(self, words: str, tail: int) -> bool:
        return len(self._line) + len(words) + tail <= WIDTH

    def _braces(self, node: Node, tail: int) -> None:
        opens, closes = _BRACKETS[node.style]
        self.put(opens)
        inner, full = len(self._line), False
        for place, entry in enumerate(node.entries):
            last = entry is node.entries[-1]
            self._gap(entry, inner, 1 + last * tail, first=not place, full=full)
            lines = len(self._lines)
            self.put(_prefix(entry))
            self.value(entry.value, 1 + last * tail)
            self.put(("" if last else ",") + _behind(entry.after))
            full = bool(entry.after) or len(self._lines) > lines
        for comment in node.last:
            self.newline(inner)
            self.put(comment)
        if node.last or (node.entries and node.entries[-1].after):
            self.newline(inner - 1)
        self.put(closes)

    def _gap(self, entry: Entry, inner: int, tail: int, *, first: bool, full: bool) -> None:
        """Go to where an entry begins: a blank away where it fits, else on a line of its own."""
        words = flat(entry.value)
        fits = words is not None and self._fits(f" {_prefix(entry)}{words}", tail)
        above = [*entry.before, *([entry.head] if entry.head else [])]
        if not first and (full or above or not fits):
            self.newline(inner)
        elif not first:
            self.put(" ")
        for comment in above:
            self.put(comment)
            self.newline(inner)


def _one(entry: Entry) -> bool:
    """Return whether the value begins on the line of its key."""
    return not entry.value.block


def _behind(comment: str) -> str:
    return f"  {comment}" if comment else ""
