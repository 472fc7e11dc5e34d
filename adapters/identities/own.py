"""The row's own identifiers, and those of its person in other rows, found in its other fields.

Pure. Both sides are brought into one spelling and compared as keys: a word of a name without
accents, the digits of a phone, the civil date of a birth however written, house number and street,
a record number without its separators. A part of a name that is also an ordinary word counts only
where something around it says that it is a name here.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.identities.dates import dates
from adapters.identities.figures import figures
from adapters.identities.names import borne
from adapters.identities.text import folded, lists, plain, words
from adapters.identities.tokens import NOTHING_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from adapters.identities.text import Word
    from adapters.identities.tokens import Kept

KINDS: Final = ("own-name", "own-dob", "own-phone", "own-address", "own-number")

_DIGITS = re.compile(r"(?<![\w])[+(]?\d(?:[\d\s().+/-]{5,60})\d(?!\d)")
_RUN = re.compile(r"\d+")
_PHONE_LEAST: Final = 7
_PHONE_WHOLE: Final = 10
_CODE = re.compile(r"[^\W_]+(?:[-_/.#][^\W_]+)*")
_SEPARATORS = re.compile(r"[-_/.#\s]")
_NUMBER_LEAST: Final = 5
_HOUSE = re.compile(
    r"(?<![\w-])(\d{1,6})(?:-\d+|[a-z])?\s+(?:(?:north|south|east|west|[nsew]{1,2})\.?\s+)?([^\W_][\w']*)",
    re.IGNORECASE,
)
_NAME_LEAST: Final = 3
_PAIR_LEAST: Final = 2
_ROMAN: Final = frozenset(
    [
        "jr",
        "sr",
        "ii",
        "iii",
        "iv",
        "de",
        "la",
        "del",
        "los",
        "las",
        "van",
        "von",
        "der",
        "y",
        "al",
        "el",
        "san",
        "st",
    ]
)
_NO_KEYS: Final[frozenset[str]] = frozenset()
_UNSAID: Final = frozenset(
    [
        "unknown",
        "unk",
        "doe",
        "john doe",
        "jane doe",
        "none",
        "null",
        "na",
        "test",
        "baby",
        "boy",
        "girl",
        "refused",
        "not",
        "male",
        "female",
        "anonymous",
    ]
)


@dataclass(frozen=True, slots=True)
class Key:
    """One identifier in the spelling that both sides are brought into.

    Attributes:
        kind: One of `KINDS`.
        text: What is compared.
        sure: Whether it is one wherever it stands; else a name that is also an ordinary word.
    """

    kind: str
    text: str
    sure: bool = True


def keys(kind: str, value: object) -> frozenset[Key]:
    """Return the keys of one identifier.

    Args:
        kind: One of `KINDS`: what the field holds.
        value: Text or a date; of a list, one of its texts.
    """
    if isinstance(value, dt.date):
        return frozenset([Key("own-dob", value.isoformat())])
    if not isinstance(value, str):
        return frozenset()
    text = plain(value)
    match kind:
        case "own-name":
            return frozenset(_name_keys(text))
        case "own-dob":
            return frozenset(Key(kind, one.isoformat()) for one in dates(text))
        case "own-phone":
            digits = "".join(_RUN.findall(text))[-_PHONE_WHOLE:]
            found = {digits, digits[-_PHONE_LEAST:]} if len(digits) >= _PHONE_LEAST else set()
            return frozenset(Key(kind, one) for one in found)
        case "own-address":
            return frozenset(Key(kind, one) for one in _houses(text))
        case _:
            return frozenset(Key("own-number", one) for one in [_code(text)] if one)


def _name_keys(text: str) -> Iterator[Key]:
    if folded(text.strip()) in _UNSAID:
        return
    for word in words(text):
        for part in {word.folded, *word.folded.split("-")}:
            if len(part) >= _PAIR_LEAST and part not in _ROMAN and part not in _UNSAID:
                yield Key("own-name", part, sure=_sure(part))


def _sure(part: str) -> bool:
    known = lists()
    return (
        len(part) >= _NAME_LEAST
        and part not in known.words
        and not any(
            part in known.about[name]
            for name in ("facility", "street", "places", "drugs", "agencies")
        )
    )


def _houses(text: str) -> Iterator[str]:
    for match in _HOUSE.finditer(text):
        yield f"{match[1]} {folded(match[2])}"


def _code(text: str) -> str:
    """Return a record number without separators, or nothing where it is too short to be one."""
    bare = _SEPARATORS.sub("", text).lower()
    digits = sum(map(str.isdigit, bare))
    return bare if len(bare) >= _NUMBER_LEAST and digits >= _NAME_LEAST else ""


@dataclass(frozen=True, slots=True)
class Index:
    """What a text holds, by key, so that a row's few keys are looked up and not searched for.

    Attributes:
        keys: Every key that the text holds.
        found: The words of the text, for the names that need more around them.
        text: The plain text.
    """

    keys: Mapping[str, frozenset[str]]
    found: Sequence[Word]
    text: str


def index(text: str) -> Index:
    """Return the index of one plain text."""
    found = tuple(words(text))
    names = {part for word in found for part in (word.folded, *word.folded.split("-"))}
    held: dict[str, frozenset[str]] = {"own-name": frozenset(names) | _inside(text)}
    said = figures(text)
    if any(map(str.isdigit, said)):
        held["own-dob"] = frozenset(one.isoformat() for one in dates(said))
        held["own-phone"] = frozenset(_phones(said))
        held["own-address"] = frozenset(_houses(text))
        held["own-number"] = frozenset(_codes(text))
    return Index(held, found, text)


_GLUED = re.compile(r"[^\W\d_]+")


def _inside(text: str) -> frozenset[str]:
    """Return the words of what is glued: `smith_j2`, `GARCIA45M`, `j.lopez@`, `MariaGonzalez`."""
    return frozenset(folded(match[0]) for match in _GLUED.finditer(text))


def _phones(text: str) -> Iterator[str]:
    for match in _DIGITS.finditer(text):
        digits = "".join(_RUN.findall(match[0]))
        for size in (_PHONE_WHOLE, _PHONE_LEAST):
            yield from (digits[at : at + size] for at in range(len(digits) - size + 1))


def _codes(text: str) -> Iterator[str]:
    for match in _CODE.finditer(text):
        if code := _code(match[0]):
            yield code
        yield from filter(None, map(_code, _SEPARATORS.split(match[0])))


def found(row: frozenset[Key], held: Index, kept: Kept = NOTHING_KEPT) -> frozenset[str]:
    """Return the kinds of a row's identifiers that a text holds.

    Args:
        row: The keys of the row's identifiers and of its person's.
        held: The text.
        kept: What the provider says are no names.
    """
    hit = [key for key in row if key.text in held.keys.get(key.kind, _NO_KEYS)]
    kinds = {key.kind for key in hit if key.kind != "own-name"}
    sure = frozenset(key.text for key in hit if key.kind == "own-name" and key.sure)
    doubtful = frozenset(key.text for key in hit if key.kind == "own-name" and not key.sure)
    spelt = {part for word in held.found for part in (word.folded, *word.folded.split("-"))}
    # What is glued to digits or an underscore is no word: nothing is around it to ask.
    if sure - spelt or ((sure or doubtful) and borne(held.text, sure, doubtful, kept)):
        kinds.add("own-name")
    return frozenset(kinds)
