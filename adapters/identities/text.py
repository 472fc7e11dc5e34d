"""One spelling of a text for every detector, its words, and the lists that words stand in.

Unicode is folded before anything is looked for: full-width digits, accents, zero-width characters
and odd blanks hide nothing. The lists are versioned files beside this module; what they say of a
name is how often people have it, in bands, never who.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LISTS = Path(__file__).with_name("lists")
_VERSION = re.compile(r"version (\d{4}-\d{2}-\d{2})$")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
"""What is not seen between two letters: soft hyphens, zero widths, directions, selectors, tags."""
_FIGURE = re.compile(r"(?![0-9])\d")
_BLANKS = re.compile("[\t\u00a0\u2000-\u200a\u202f\u205f\u3000]")
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")  # noqa: RUF001 - both apostrophes occur
_STRAIGHT = str.maketrans("’‘–—‐‑−⁄∕·•", "''-----//..")  # noqa: RUF001
_FLAT_SHARE = 0.6


def plain(text: str) -> str:
    """Return the text in one spelling (NFKC, straight quotes, ASCII blanks); ASCII stays itself."""
    if text.isascii():
        return text
    known = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    known = _FIGURE.sub(lambda match: str(unicodedata.decimal(match[0])), known)
    return _BLANKS.sub(" ", known).translate(_STRAIGHT)


@functools.lru_cache(maxsize=65536)
def folded(word: str) -> str:
    """Return a word in lower case without accents and apostrophes: `Ñúñez` is `nunez`."""
    if not word.isascii():
        spread = unicodedata.normalize("NFKD", word.lower()).replace("đ", "d").replace("ø", "o")
        word = "".join(c for c in spread if not unicodedata.combining(c))
    return word.lower().replace("'", "")


class Word(NamedTuple):
    """One word of a text.

    Attributes:
        folded: Without accents, apostrophes, capitals and a possessive.
        capital: Whether it begins with a capital.
        possessive: Whether it ended in 's.
        start, end: Where it stands in the plain text.
    """

    folded: str
    capital: bool
    possessive: bool
    start: int
    end: int


def words(text: str) -> Iterator[Word]:
    """Yield the words of a plain text, in order; a hyphenated name is one word."""
    for match in _WORD.finditer(text):
        word = match[0]
        owner = word[-2:] in {"'s", "'S"}
        bare = folded(word[:-2] if owner else word)
        yield Word(bare, word[0].isupper(), owner, match.start(), match.end())


def flat(text: str) -> bool:
    """Return whether capitals say nothing here: a text in one case, or nearly so."""
    upper = sum(map(str.isupper, text))
    lower = sum(map(str.islower, text))
    return upper == 0 or upper > _FLAT_SHARE * (upper + lower)


@dataclass(frozen=True, slots=True)
class Lists:
    """What the files beside this module say.

    Attributes:
        given, surnames: Folded name to about how many of 100,000 people have it.
        words: Ordinary words; a name that is one needs more around it.
        about: By section of `not_names.txt` and `cues.txt`, their words.
        versions: By file, its date.
    """

    given: Mapping[str, int]
    surnames: Mapping[str, int]
    words: frozenset[str]
    about: Mapping[str, frozenset[str]]
    versions: Mapping[str, str]


@functools.cache
def lists() -> Lists:
    """Return the lists that ship with the adapters, read once.

    Raises:
        SettingsError: A file is absent or has no version: the installation is broken.
    """
    versions: dict[str, str] = {}
    read = {
        name: _sections(name, versions)
        for name in ("given", "surnames", "words", "not_names", "cues")
    }
    about = {**read["not_names"], **read["cues"]}
    return Lists(
        _bands(read["given"]),
        _bands(read["surnames"]),
        frozenset(word for held in read["words"].values() for word in held),
        {name: frozenset(word.replace("_", " ") for word in held) for name, held in about.items()},
        versions,
    )


def about(section: str) -> frozenset[str]:
    """Return the words of a section of `not_names.txt` or `cues.txt`; KeyError where none is."""
    return lists().about[section]


def _sections(name: str, versions: dict[str, str]) -> dict[str, list[str]]:
    try:
        head, *lines = (_LISTS / f"{name}.txt").read_text("utf-8").splitlines()
    except (OSError, ValueError):
        raise SettingsError(
            f"`identities/lists/{name}.txt` cannot be read; install again"
        ) from None
    found = _VERSION.search(head)
    if found is None:
        raise SettingsError(f"`identities/lists/{name}.txt` has no version")
    versions[name] = found[1]
    held: dict[str, list[str]] = {}
    section = ""
    for line in lines:
        if line.startswith("@"):
            section = line[1:]
        elif not line.startswith("#"):
            held.setdefault(section, []).extend(map(folded, line.split()))
    return held


def _bands(held: Mapping[str, list[str]]) -> dict[str, int]:
    """Return name to band; a name in two bands has the higher."""
    found: dict[str, int] = {}
    for band, names in held.items():
        for name in names:
            found[name] = max(int(band), found.get(name, 0))
    return found
