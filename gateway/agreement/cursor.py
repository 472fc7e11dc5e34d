"""A place in a parsed file: read closed mappings and words, keep every fault with its line.

A fault does not stop the reading: a placeholder takes the value's place, the finding is kept, and
`parse` raises them all together at the end. Nothing that was read with a finding leaves `parse`.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import difflib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from gateway.agreement.finding import Finding, quoted
from gateway.agreement.spans import Duration, duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.agreement.places import Path
    from gateway.agreement.yaml import Document

_E = TypeVar("_E", bound=StrEnum)
_T = TypeVar("_T")

NONE: Final = "none"
WILDCARDS: Final = frozenset({"*", "all", "any"})
TEXT_MAX: Final = 200
KEY_BYTES: Final = 32
MAX_MONTHS: Final = 1200
MAX_SECONDS: Final = 36_600 * 86_400
YEARS: Final = (2000, 2199)
NO_NAMES: Final[tuple[str, ...]] = ()

VERSION = re.compile(r"(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)")
ID = re.compile(r"[a-z0-9-]{3,64}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
WORD = re.compile(r"[a-z][a-z0-9_-]{0,63}")
HEX = re.compile(r"[0-9a-f]{64}")
CLAUSE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.()§ -]{0,31}")
DECIMAL = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

EMPTY_SPAN: Final = Duration("PT1S", 0, 1)
EMPTY_DATE: Final = dt.date(1970, 1, 1)

# A key whose absence has a rule of its own: the finding names what is at stake.
OWN_RULE: Final = {
    "clause": "clause-missing",
    "document": "document-hash-missing",
    "sha256": "document-hash-missing",
    "compelled": "compelled-route-missing",
    "route": "compelled-route-missing",
    "expires": "term-open-ended",
}


class Cursor:
    """A value in a file, with the path to it and the findings that are being collected.

    There is one for every value of a file, and a frozen dataclass takes four times as long to make.
    """

    __slots__ = ("document", "found", "path", "value")

    def __init__(
        self,
        document: Document,
        path: Path,
        value: Any,  # noqa: ANN401 - what a file holds
        found: list[Finding],
    ) -> None:
        self.document, self.path, self.value, self.found = document, path, value, found

    def wrong(self, message: str, rule: str = "wrong-value") -> None:
        """Keep a finding at this place."""
        self.found.append(self.document.finding(rule, self.path, message))

    def at(self, key: str | int, value: Any) -> Cursor:  # noqa: ANN401 - what a file holds
        """Return the cursor of an entry or item below."""
        return Cursor(self.document, (*self.path, key), value, self.found)

    @property
    def name(self) -> str:
        """The key that this value stands under."""
        if not self.path:
            return "the file"
        last = self.path[-1]
        return last if isinstance(last, str) else f"{self.path[-2]}[{last}]"

    @property
    def is_none(self) -> bool:
        """Whether the file says `none` here."""
        return bool(self.value == NONE)

    # --- mappings and lists ---

    def closed(self, required: frozenset[str], optional: frozenset[str] = frozenset()) -> Entries:
        """Return the entries of a mapping with exactly these keys; note what is not so."""
        if not isinstance(self.value, dict):
            self.wrong(f"`{self.name}` is not a mapping of {', '.join(sorted(required))}")
            return Entries(self, {})
        if self.value.keys() == required:
            return Entries(self, self.value)
        known = required | optional
        meant: set[str] = set()
        for key in self.value:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                meant.update(near)
                hint = f", did you mean `{near[0]}`" if near else ""
                self.at(key, None).wrong(f"unknown key {quoted(key)}{hint}", "unknown-key")
        for key in sorted(required - self.value.keys() - meant):
            self.wrong(f"`{key}` is missing in `{self.name}`", OWN_RULE.get(key, "missing-key"))
        return Entries(self, self.value)

    def entries(self, key_form: re.Pattern[str]) -> Iterator[tuple[str, Cursor]]:
        """Yield key and cursor of a mapping that names its own keys; it is not empty."""
        if not isinstance(self.value, dict):
            self.wrong(f"`{self.name}` is not a mapping")
            return
        if not self.value:
            self.wrong(f"`{self.name}` is empty", "missing-key")
        for key, value in self.value.items():
            below = self.at(key, value)
            if key in WILDCARDS:
                below.wrong(f"{quoted(key)} is a wildcard: name each", "wildcard")
            elif key_form.fullmatch(key):
                yield key, below
            else:
                below.wrong(f"{quoted(key)} is not a name of the form {key_form.pattern}")

    def items(self) -> Iterator[Cursor]:
        """Yield the cursors of a list that is not empty."""
        for place, value in enumerate(self._listed()):
            yield self.at(place, value)

    def _listed(self) -> list[Any]:
        """Return the items; none, with a finding, where this is no list or an empty one."""
        if not isinstance(self.value, list):
            self.wrong(f"`{self.name}` is not a list")
            return []
        if not self.value:
            self.wrong(f"`{self.name}` is an empty list", "missing-key")
        return self.value

    def each(self, read: Callable[[Cursor], _T]) -> tuple[_T, ...]:
        """Return what `read` makes of each item of a list that is not empty."""
        return tuple(read(item) for item in self.items())

    def each_or_none(self, read: Callable[[Cursor], _T]) -> tuple[_T, ...]:
        """Return the items, or nothing where the file says `none`."""
        return () if self.is_none else self.each(read)

    def names(self, form: re.Pattern[str] = NAME) -> tuple[str, ...]:
        """Return a list of different names, none of them a wildcard."""
        read: dict[str, None] = {}
        for place, text in enumerate(self._listed()):
            if isinstance(text, str) and text in WILDCARDS:
                message = f"{quoted(text)} is a wildcard: name each"
                self.at(place, text).wrong(message, "wildcard")
            elif not isinstance(text, str) or not form.fullmatch(text):
                self.at(place, text).wrong(f"not a name of the form {form.pattern}")
            elif text in read:
                self.at(place, text).wrong(f"{quoted(text)} stands twice")
            else:
                read[text] = None
        return tuple(read)

    def names_or_none(self, form: re.Pattern[str] = NAME) -> tuple[str, ...]:
        """Return the names, or nothing where the file says `none`."""
        return () if self.is_none else self.names(form)

    # --- single values ---

    def text(self, form: re.Pattern[str] | None = None, rule: str = "wrong-value") -> str:
        """Return text of 1 to 200 characters, of this form."""
        if not isinstance(self.value, str):
            self.wrong(f"`{self.name}` is not text: quote it", rule)
            return ""
        if not self.value.strip() or len(self.value) > TEXT_MAX:
            self.wrong(f"`{self.name}` is not text of 1 to {TEXT_MAX} characters", rule)
        elif form is not None and not form.fullmatch(self.value):
            self.wrong(f"{quoted(self.value)} is not of the form {form.pattern}", rule)
        return self.value

    def text_or_none(self, form: re.Pattern[str] | None = None) -> str | None:
        """Return the text, or None where the file says `none`."""
        return None if self.is_none else self.text(form)

    def one_of(self, words: tuple[str, ...] | frozenset[str]) -> str:
        """Return a word of a closed set."""
        if not isinstance(self.value, str) or self.value not in words:
            given = quoted(self.value) if isinstance(self.value, str) else "this"
            near = difflib.get_close_matches(str(self.value), words, 1)
            hint = f", did you mean `{near[0]}`" if near else f": {', '.join(sorted(words))}"
            self.wrong(f"{given} is no value of `{self.name}`{hint}")
            return min(words)
        return self.value

    def member(self, kind: type[_E]) -> _E:
        """Return a member of a closed enumeration."""
        if isinstance(self.value, str) and self.value in kind._value2member_map_:
            return kind(self.value)
        return kind(self.one_of(tuple(member.value for member in kind)))

    def members(self, kind: type[_E]) -> frozenset[_E]:
        """Return a list of members, none of them twice."""
        read: set[_E] = set()
        for item in self.items():
            if isinstance(item.value, str) and item.value in WILDCARDS:
                item.wrong(f"{quoted(item.value)} is a wildcard: name each", "wildcard")
                continue
            one = item.member(kind)
            if one in read:
                item.wrong(f"{quoted(one)} stands twice")
            read.add(one)
        return frozenset(read)

    def integer(self, low: int, high: int = 10**15) -> int:
        """Return an integer of this range, ends included."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.wrong(f"`{self.name}` is not an integer")
            return low
        if not low <= self.value <= high:
            self.wrong(f"`{self.name}` is not in {low} to {high}")
        return self.value

    def boolean(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self.wrong(f"`{self.name}` is not true or false")
            return False
        return self.value

    def date(self) -> dt.date:
        """Return a quoted civil date."""
        if isinstance(self.value, str) and _DATE.fullmatch(self.value):
            try:
                made = dt.date.fromisoformat(self.value)
            except ValueError:
                made = EMPTY_DATE
            if YEARS[0] <= made.year <= YEARS[1]:
                return made
        self.wrong(f'`{self.name}` is not a date such as "2027-01-01"')
        return EMPTY_DATE

    def duration(self) -> Duration:
        """Return an ISO 8601 duration that is not zero."""
        made = duration(self.value) if isinstance(self.value, str) else None
        if made is None:
            self.wrong(f"`{self.name}` is not a duration such as P30D or PT72H")
        elif made.months > MAX_MONTHS or made.seconds > MAX_SECONDS:
            # Beyond it, dates run out of the calendar when it is added to them.
            self.wrong(f"`{self.name}` is more than a hundred years")
            return EMPTY_SPAN
        return made or EMPTY_SPAN

    def duration_or_none(self) -> Duration | None:
        """Return the duration, or None where the file says `none`."""
        return None if self.is_none else self.duration()

    def sha256(self, rule: str = "document-hash-missing") -> str:
        """Return a digest in hex; all zeros stands for nothing and is refused."""
        text = self.text(HEX, rule)
        if text == "0" * 64:
            self.wrong(f"`{self.name}` is all zeros", rule)
        return text

    def key_bytes(self) -> bytes:
        """Return 32 bytes in base64, of one spelling."""
        text = self.text()
        try:
            raw = base64.b64decode(text, validate=True)
        except (ValueError, binascii.Error):
            raw = b""
        if len(raw) != KEY_BYTES or base64.b64encode(raw).decode() != text:
            self.wrong(f"`{self.name}` is not 32 bytes in base64")
        return raw


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of a closed mapping; one that is missing was noted, and reads as given."""

    parent: Cursor
    values: dict[str, Any]

    def has(self, key: str) -> bool:
        """Return whether the key is there."""
        return key in self.values

    def read(self, key: str, read: Callable[[Cursor], _T], absent: _T) -> _T:
        """Return what `read` makes of the entry, or `absent` where it is missing."""
        if key not in self.values:
            return absent
        return read(self.parent.at(key, self.values[key]))
