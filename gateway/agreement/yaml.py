"""Read one YAML document so that no other program can read something else in it.

The reader walks libyaml's events itself: it builds dicts, lists, strings, integers and booleans,
remembers the place of each, and refuses whatever two readers of YAML disagree about: duplicate
keys, words that YAML 1.1 takes for booleans, bare dates and decimals, anchors, tags, block scalars,
characters that do not show. What the keys mean is `parse`'s to say.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, NoReturn, TypeAlias

import yaml
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gateway.agreement.finding import Finding, FindingsError, Level, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

Path: TypeAlias = tuple[str | int, ...]
Value: TypeAlias = Any  # dict[str, Value] | list[Value] | str | int | bool

MAX_BYTES: Final = 256 * 1024
MAX_NODES: Final = 20_000
MAX_DEPTH: Final = 12
MAX_FINDINGS: Final = 50


class Place(NamedTuple):
    """Where something stands, from 1. Of an entry of a mapping it is the place of the key."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where it says it.

    Attributes:
        value: Dicts, lists, strings, integers and booleans; never None, never a float.
        places: The place of each entry and item by its path from the top; `()` is the whole.
        file: The name that findings carry.
    """

    value: dict[str, Value]
    places: Mapping[Path, Place]
    file: str

    def place(self, path: Path) -> Place:
        """Return the place of `path`, or of the nearest thing around it that has one."""
        for length in range(len(path), -1, -1):
            if (found := self.places.get(path[:length])) is not None:
                return found
        return Place(1, 1)

    def finding(self, rule: str, path: Path, message: str, level: Level = Level.ERROR) -> Finding:
        """Return a finding at `path`."""
        place = self.place(path)
        return Finding(rule, level, self.file, place.line, place.column, message)


class YamlError(FindingsError):
    """A file that the strict reader refuses."""


def read(data: bytes, *, file: str) -> Document:
    """Return the one document in `data`.

    Args:
        data: The file's bytes: UTF-8 in NFC, LF or CRLF, at most 256 KiB.
        file: The name for findings.

    Raises:
        YamlError: The file is not of the strict form; it carries a finding per fault, 50 at most.
    """
    text = _checked_text(data, file)
    builder = _Builder(file)
    parser = CParser(text)
    try:
        while True:
            event = parser.get_event()
            kind = event.__class__
            if kind is ScalarEvent:  # most of them
                builder.scalar(event)
            elif kind is StreamEndEvent:
                break
            else:
                builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        builder.stop("yaml-syntax", line, column, f"not YAML: {error.problem or 'unreadable'}")
    except yaml.YAMLError:
        builder.stop("yaml-syntax", 1, 1, "not YAML")
    finally:
        parser.dispose()
    return builder.document()


# --- the text, before it is parsed ---

_ODD = re.compile(r"[^\n\x20-\x7e]")
# Assigned letters and marks that show as nothing: `isprintable` lets them by.
_HIDDEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def _checked_text(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        _refuse(file, 1, 1, f"{len(data)} bytes, more than {MAX_BYTES}")
    if data[:3] == b"\xef\xbb\xbf" or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        _refuse(file, 1, 1, "starts with a byte order mark: save as UTF-8 without one")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        _refuse(file, line, 1, "not UTF-8")
    text = text.replace("\r\n", "\n")
    for match in _ODD.finditer(text):
        char = match[0]
        if not char.isprintable() or _HIDDEN.match(char):
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            _refuse(file, line, column, f"U+{ord(char):04X} does not show as what it is")
    if not unicodedata.is_normalized("NFC", text):
        for line, words in enumerate(text.split("\n"), 1):
            if not unicodedata.is_normalized("NFC", words):
                _refuse(file, line, 1, "not in Unicode normal form C")
        _refuse(file, 1, 1, "not in Unicode normal form C")
    return text


def _refuse(file: str, line: int, column: int, message: str) -> NoReturn:
    raise YamlError((Finding("yaml-encoding", Level.ERROR, file, line, column, message),))


# --- plain scalars ---

_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})")
NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})
"""Plain scalars that hold no value: whoever wrote one has to say what stands there."""
_FIRST = frozenset("0123456789+-.~=<")
_WORDS: Final = frozenset(
    form
    for word in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
    for form in (word, word.capitalize(), word.upper())
)
# What YAML 1.1 (the types at yaml.org, and PyYAML) or the 1.2 core schema do not take for text.
_OTHER = re.compile(
    r"""
      [-+]?0b[01_]+ | [-+]?0x[0-9a-fA-F_]+ | [-+]?0o[0-7_]+ | [-+]?[0-9][0-9_]*  # integers
    | [-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?                           # base sixty
    | [-+]?(?:[0-9][0-9_]*)?\.[0-9._]*(?:[eE][-+]?[0-9]+)?                       # decimals
    | [-+]?[0-9][0-9_]*[eE][-+]?[0-9]+
    | [-+]?\.(?:inf|Inf|INF) | \.(?:nan|NaN|NAN)
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}                                             # dates
      (?:(?:[Tt]|[\ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*)?
    | ~ | = | <<
    """,
    re.VERBOSE,
)


def _ambiguous(text: str) -> bool:
    """Return whether some reader of YAML does not take the plain scalar `text` for text."""
    if not text:
        return True
    if text[0] in _FIRST:
        return _OTHER.fullmatch(text) is not None
    return text in _WORDS


# --- building ---


@dataclass(slots=True)
class _Open:
    """A mapping or a list that is still open.

    Attributes:
        entries: Of a mapping; None for a list, which has `items`.
        key: Of a mapping: a key that waits for its value.
    """

    path: Path
    entries: dict[str, Value] | None = None
    items: list[Value] | None = None
    key: str | None = None


class _Builder:
    """Takes events one by one. It keeps its own stack, so depth costs no recursion."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._findings: list[Finding] = []
        self._places: dict[Path, Place] = {}
        self._stack: list[_Open] = []
        self._root: Value = None
        self._documents = 0
        self._nodes = 0

    def take(self, event: Any) -> None:  # noqa: ANN401 - libyaml's events share no useful base
        """Take the next event that is no scalar.

        Raises:
            YamlError: Nothing beyond it may be read.
        """
        kind = event.__class__
        if kind is MappingStartEvent:
            self._start(event, {}, None)
        elif kind is SequenceStartEvent:
            self._start(event, None, [])
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._stack.pop()
        elif kind is AliasEvent:
            self._halt(event, "yaml-alias", f"the alias *{event.anchor}: write it out")
        elif kind is DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                self._halt(event, "yaml-alias", "a second document: one file, one document")
            if event.version or event.tags:
                self._halt(event, "yaml-alias", "a directive: take it out")

    def stop(self, rule: str, line: int, column: int, message: str) -> NoReturn:
        """Refuse here and now, with what was found before."""
        finding = Finding(rule, Level.ERROR, self._file, line, column, message)
        raise YamlError((*self._findings, finding))

    def document(self) -> Document:
        """Return what was read, once the stream has ended."""
        if self._findings:
            raise YamlError(tuple(self._findings))
        if not isinstance(self._root, dict):
            self.stop("missing-key", 1, 1, "a file is one mapping of keys to values")
        return Document(self._root, self._places, self._file)

    def _halt(self, event: Any, rule: str, message: str) -> NoReturn:  # noqa: ANN401
        self.stop(rule, event.start_mark.line + 1, event.start_mark.column + 1, message)

    def _note(self, rule: str, line: int, column: int, message: str) -> None:
        if len(self._findings) == MAX_FINDINGS - 1:
            self.stop(rule, line, column, message)
        self._findings.append(Finding(rule, Level.ERROR, self._file, line, column, message))

    def _count(self, event: Any) -> None:  # noqa: ANN401
        self._nodes += 1
        if self._nodes <= MAX_NODES and event.anchor is None and event.tag is None:
            return
        if self._nodes > MAX_NODES:
            self._halt(event, "yaml-encoding", f"more than {MAX_NODES} nodes")
        if event.anchor is not None:
            self._halt(event, "yaml-alias", f"the anchor &{event.anchor}: write it out")
        self._halt(event, "yaml-alias", f"the tag {quoted(event.tag)}: take it out")

    def _start(
        self,
        event: Any,  # noqa: ANN401
        entries: dict[str, Value] | None,
        items: list[Value] | None,
    ) -> None:
        self._count(event)
        if len(self._stack) >= MAX_DEPTH:
            self._halt(event, "yaml-encoding", f"nested more than {MAX_DEPTH} deep")
        top = self._stack[-1] if self._stack else None
        if top is not None and top.entries is not None and top.key is None:
            message = "a list or mapping as a key: a key is a string"
            self._halt(event, "yaml-ambiguous-scalar", message)
        place = Place(event.start_mark.line + 1, event.start_mark.column + 1)
        path = self._put(items if entries is None else entries, place)
        self._stack.append(_Open(path, entries, items))

    def scalar(self, event: Any) -> None:  # noqa: ANN401
        """Take the next event, a scalar.

        Raises:
            YamlError: Nothing beyond it may be read.
        """
        self._count(event)
        mark = event.start_mark
        place = Place(mark.line + 1, mark.column + 1)
        text: str = event.value
        plain = not event.style
        if not plain:
            self._quoted(text, event.style, place)
        top = self._stack[-1] if self._stack else None
        if top is None or top.entries is None:
            self._put(self._plain(text, place) if plain else text, place)
        elif top.key is None:
            self._key(top, top.entries, text, place, plain=plain)
        else:
            # The place of an entry is that of its key.
            top.entries[top.key] = self._plain(text, place) if plain else text
            top.key = None

    def _quoted(self, text: str, style: str, place: Place) -> None:
        if style in ("|", ">"):
            message = "a block scalar hides line ends: quote it on one line"
            self._note("yaml-ambiguous-scalar", *place, message)
        elif not _shows(text):
            message = "an escape for a character that does not show as what it is"
            self._note("yaml-encoding", *place, message)

    def _key(
        self, top: _Open, entries: dict[str, Value], text: str, place: Place, *, plain: bool
    ) -> None:
        line, column = place
        if plain and text == "<<":
            self.stop("yaml-alias", line, column, "a merge key: write it out")
        # `y` is the second coordinate of a JWK (RFC 7518). As a key it is text to every reader in
        # use, and keys are a closed set; as a value it stays refused.
        if plain and text != "y" and _ambiguous(text):
            message = f"the key {quoted(text)} is not text to every reader: quote it"
            self._note("yaml-ambiguous-scalar", line, column, message)
        if not text.isascii():
            self._note("yaml-encoding", line, column, f"the key {quoted(text)} is not ASCII")
        path = (*top.path, text)
        if text in entries:
            first = self._places[path].line
            message = f"the key {quoted(text)} stands in line {first} and in line {line}"
            self._note("yaml-duplicate-key", line, column, message)
        top.key = text
        self._places[path] = place

    def _plain(self, text: str, place: Place) -> Value:
        if not _ambiguous(text) and "\n" not in text:
            return text
        return self._odd(text, place)

    def _odd(self, text: str, place: Place) -> Value:
        """Return what a plain scalar stands for that some reader does not take for text."""
        if "\n" in text:
            message = "text over a blank line hides a line end: write it on one line"
            self._note("yaml-ambiguous-scalar", *place, message)
        if text == "true":
            return True
        if text == "false":
            return False
        if not _ambiguous(text):
            return text
        if text != "-0" and _INTEGER.fullmatch(text):
            return int(text)
        message = f"{quoted(text)} is not the same to every reader: quote it"
        if text in NOTHING:
            message = "nothing stands here: write a value, or `none` where the key allows it"
        self._note("yaml-ambiguous-scalar", *place, message)
        return text

    def _put(self, value: Value, place: Place) -> Path:
        """Put `value` where the file has it, and return its path."""
        if not self._stack:
            self._root = value
            self._places[()] = place
            return ()
        top = self._stack[-1]
        if top.items is not None:
            path = (*top.path, len(top.items))
            self._places[path] = place
            top.items.append(value)
            return path
        assert top.entries is not None  # noqa: S101 - one of the two
        key = top.key if top.key is not None else ""
        top.key = None
        top.entries[key] = value
        return (*top.path, key)


def _shows(text: str) -> bool:
    """Return whether a quoted scalar holds only what the eye sees, escapes undone."""
    if text.isascii():
        return text.isprintable()
    return (
        text.isprintable()
        and _HIDDEN.search(text) is None
        and unicodedata.is_normalized("NFC", text)
    )
