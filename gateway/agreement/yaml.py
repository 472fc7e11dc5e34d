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
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

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
from gateway.agreement.places import Places, place_of

if TYPE_CHECKING:
    from yaml._yaml import Mark

    from gateway.agreement.places import Below, Path

Value: TypeAlias = Any  # dict[str, Value] | list[Value] | str | int | bool

MAX_BYTES: Final = 256 * 1024
MAX_NODES: Final = 20_000
MAX_DEPTH: Final = 12
MAX_FINDINGS: Final = 50


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where it says it.

    Attributes:
        value: Dicts, lists, strings, integers and booleans; never None, never a float.
        places: The place of each entry and item by its path from the top.
        file: The name that findings carry.
    """

    value: dict[str, Value]
    places: Places
    file: str

    def finding(self, rule: str, path: Path, message: str, level: Level = Level.ERROR) -> Finding:
        """Return a finding at `path`."""
        line, column = self.places.nearest(path)
        return Finding(rule, level, self.file, line, column, message)


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
    event_of, scalar = parser.get_event, builder.scalar
    try:
        while True:
            event = event_of()
            kind = event.__class__
            if kind is ScalarEvent:  # most of them
                scalar(event)
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
    if text.isascii() and text.replace("\n", "").isprintable():
        return text  # most of them
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


class _Builder:
    """Takes events one by one. It keeps its own stack, so depth costs no recursion."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._findings: list[Finding] = []
        self._documents = 0
        self._nodes = 0
        # What is open: a mapping, or a list where there are no entries; at first that of documents.
        self._entries: dict[str, Value] | None = None
        self._items: list[Value] = []
        self._below: Below = {}
        self._stack: list[tuple[dict[str, Value] | None, list[Value], Below]] = []
        # A key of the mapping that waits for its value, and where it stands.
        self._key: str | None = None
        self._mark: Mark

    def take(self, event: Any) -> None:  # noqa: ANN401 - libyaml's events share no useful base
        """Take the next event that is no scalar.

        Raises:
            YamlError: Nothing beyond it may be read.
        """
        kind = event.__class__
        if kind is MappingStartEvent:
            self._start(event, {}, [])
        elif kind is SequenceStartEvent:
            self._start(event, None, [])
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._entries, self._items, self._below = self._stack.pop()
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
        places = self._below.get(0)
        if not isinstance(places, Places) or not isinstance(self._items[0], dict):
            self.stop("missing-key", 1, 1, "a file is one mapping of keys to values")
        return Document(self._items[0], places, self._file)

    def _halt(self, event: Any, rule: str, message: str) -> NoReturn:  # noqa: ANN401
        self.stop(rule, *place_of(event.start_mark), message)

    def _note(self, rule: str, mark: Mark, message: str) -> None:
        line, column = place_of(mark)
        if len(self._findings) == MAX_FINDINGS - 1:
            self.stop(rule, line, column, message)
        self._findings.append(Finding(rule, Level.ERROR, self._file, line, column, message))

    def _no_node(self, event: Any) -> NoReturn:  # noqa: ANN401
        if self._nodes > MAX_NODES:
            self._halt(event, "yaml-encoding", f"more than {MAX_NODES} nodes")
        if event.anchor is not None:
            self._halt(event, "yaml-alias", f"the anchor &{event.anchor}: write it out")
        self._halt(event, "yaml-alias", f"the tag {quoted(event.tag)}: take it out")

    def _start(
        self,
        event: Any,  # noqa: ANN401
        entries: dict[str, Value] | None,
        items: list[Value],
    ) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES or event.anchor is not None or event.tag is not None:
            self._no_node(event)
        if len(self._stack) >= MAX_DEPTH:
            self._halt(event, "yaml-encoding", f"nested more than {MAX_DEPTH} deep")
        value = items if entries is None else entries
        if self._entries is None:
            places = Places(event.start_mark)
            self._below[len(self._items)] = places
            self._items.append(value)
        elif self._key is None:
            message = "a list or mapping as a key: a key is a string"
            self._halt(event, "yaml-ambiguous-scalar", message)
        else:
            places = Places(self._mark)
            self._below[self._key] = places
            self._entries[self._key], self._key = value, None
        self._stack.append((self._entries, self._items, self._below))
        self._entries, self._items, self._below = entries, items, places.below

    def scalar(self, event: Any) -> None:  # noqa: ANN401
        """Take the next event, a scalar.

        Raises:
            YamlError: Nothing beyond it may be read.
        """
        self._nodes += 1
        if self._nodes > MAX_NODES or event.anchor is not None or event.tag is not None:
            self._no_node(event)
        entries, key = self._entries, self._key
        if entries is not None and key is None:
            self._take_key(event, entries)
            return
        value: Value = event.value
        if event.style:
            self._quoted(value, event.style, event.start_mark)
        elif _ambiguous(value) or "\n" in value:
            value = self._odd(value, event.start_mark)
        if entries is None or key is None:
            self._below[len(self._items)] = event.start_mark
            self._items.append(value)
        else:
            # The place of an entry is that of its key.
            entries[key] = value
            self._key = None

    def _quoted(self, text: str, style: str, mark: Mark) -> None:
        if style in ("|", ">"):
            message = "a block scalar hides line ends: quote it on one line"
            self._note("yaml-ambiguous-scalar", mark, message)
        elif not _shows(text):
            message = "an escape for a character that does not show as what it is"
            self._note("yaml-encoding", mark, message)

    def _take_key(self, event: Any, entries: dict[str, Value]) -> None:  # noqa: ANN401
        text, mark = event.value, event.start_mark
        if event.style:
            self._quoted(text, event.style, mark)
        elif text == "<<":
            self.stop("yaml-alias", *place_of(mark), "a merge key: write it out")
        # `y` is the second coordinate of a JWK (RFC 7518). As a key it is text to every reader in
        # use, and keys are a closed set; as a value it stays refused.
        elif text != "y" and _ambiguous(text):
            message = f"the key {quoted(text)} is not text to every reader: quote it"
            self._note("yaml-ambiguous-scalar", mark, message)
        if not text.isascii():
            self._note("yaml-encoding", mark, f"the key {quoted(text)} is not ASCII")
        if text in entries:
            first, again = place_of(self._below[text]).line, place_of(mark).line
            message = f"the key {quoted(text)} stands in line {first} and in line {again}"
            self._note("yaml-duplicate-key", mark, message)
        self._below[text] = mark
        self._key, self._mark = text, mark

    def _odd(self, text: str, mark: Mark) -> Value:
        """Return what a plain scalar stands for that some reader does not take for text."""
        if "\n" in text:
            message = "text over a blank line hides a line end: write it on one line"
            self._note("yaml-ambiguous-scalar", mark, message)
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
        self._note("yaml-ambiguous-scalar", mark, message)
        return text


def _shows(text: str) -> bool:
    """Return whether a quoted scalar holds only what the eye sees, escapes undone."""
    if text.isascii():
        return text.isprintable()
    return (
        text.isprintable()
        and _HIDDEN.search(text) is None
        and unicodedata.is_normalized("NFC", text)
    )
