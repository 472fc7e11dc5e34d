"""A text as the rules for names read it: its words with what the lists say of each, and its places.

Pure. What is followed by a hospital, a street or a park, or stands behind a saint's title, is a
place, however much it is called like somebody.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.identities.text import Word, about, flat, lists, words

if TYPE_CHECKING:
    from collections.abc import Sequence

PARTS: Final = 3
"""How many words a name may go on for, past its first."""

_LEAST = 3
_VOWELS = frozenset("aeiouy")
_CUE_SECTIONS = ("honorific", "titled", "named", "relation", "contact", "with", "speech")
_JOINED = re.compile(r"/\w|\s?[&@]")


@dataclass(frozen=True, slots=True)
class Kept:
    """What a provider says are no names: its agencies, places, streets, word by folded word."""

    phrases: frozenset[tuple[str, ...]] = frozenset()


NOTHING_KEPT: Final = Kept()


class _Facts(NamedTuple):
    """What the lists say of a word.

    Attributes:
        given, surname: About how many of 100,000 people have it as a name; 0 for none listed.
        common: An ordinary word.
        stop: A word of places, streets, drugs or agencies: no name.
        place: The name of a place, which may be one's name too.
        strong: A listed name that is none of these.
        nameish: Strong, or a word that is on no list at all.
    """

    given: int
    surname: int
    common: bool
    stop: bool
    place: bool
    strong: bool
    nameish: bool

    @property
    def listed(self) -> bool:
        """Whether it is on a list of names."""
        return bool(self.given or self.surname)


@functools.cache
def _around() -> frozenset[str]:
    """Return the words that stand around names, which are none themselves."""
    return frozenset().union(*(about(name) for name in _CUE_SECTIONS))


@functools.lru_cache(maxsize=65536)
def _facts(word: str, *, held: bool) -> _Facts:
    known = lists()
    parts = word.split("-")
    given = known.given.get(word, 0) or max(known.given.get(part, 0) for part in parts)
    surname = known.surnames.get(word, 0) or max(known.surnames.get(part, 0) for part in parts)
    common = (
        word in known.words
        or word in _around()
        or (len(parts) > 1 and known.words.issuperset(parts))
    )
    stop = held or any(
        word in known.about[name] for name in ("facility", "drugs", "agencies", "street")
    )
    place = word in known.about["places"]
    plainly = not (stop or place or common)
    strong = bool(given or surname) and plainly
    unlisted = plainly and not (given or surname) and len(word) >= _LEAST
    lettered = not _VOWELS.isdisjoint(word) and known.words.isdisjoint(parts)
    return _Facts(given, surname, common, stop, place, strong, strong or (unlisted and lettered))


class Token:
    """A word of a text, with what the lists say of it."""

    __slots__ = (
        *("capital", "common", "end", "folded", "given", "listed", "nameish", "place"),
        *("possessive", "start", "stop", "strong", "surname"),
    )

    def __init__(self, word: Word, *, held: bool) -> None:
        self.folded, self.capital, self.possessive, self.start, self.end = word
        facts = _facts(self.folded, held=held)
        self.given, self.surname, self.common, self.stop, self.place, *rest = facts
        self.strong, self.nameish = rest
        self.listed = facts.listed


class Reading:
    """One text and its tokens, with the questions that the rules ask."""

    def __init__(self, text: str, kept: Kept) -> None:
        found = list(words(text))
        held = _held(found, kept)
        self.text = text
        self.flat = flat(text)
        self.tokens = [Token(word, held=index in held) for index, word in enumerate(found)]

    def gap(self, index: int) -> str:
        """Return what stands between a token and the next: a blank, a comma, a full stop."""
        tokens = self.tokens
        between = self.text[tokens[index].end : tokens[index + 1].start]
        return between.strip() or ("\n" if "\n" in between else " ")

    def beside(self, index: int) -> Token | None:
        """Return the next token where only a blank is between."""
        if index + 1 < len(self.tokens) and self.gap(index) == " ":
            return self.tokens[index + 1]
        return None

    def capital(self, token: Token) -> bool:
        """Return whether the token may begin a name, as far as capitals say."""
        return self.flat or token.capital

    def placed(self, first: int, last: int) -> bool:
        """Return whether the tokens name a place or a thing: a hospital, a street, a saint's."""
        after_last = self.text[self.tokens[last].end :][:3]
        if first == last and _JOINED.match(after_last):
            return True
        return self._place_before(first) or self._place_after(last)

    def _place_before(self, first: int) -> bool:
        before, marked = about("before"), about("marked")
        for back in range(first - 1, max(-1, first - 1 - PARTS), -1):
            token, gap = self.tokens[back], self.gap(back)
            saint = token.folded in about("saints") and self.capital(token)
            if saint and gap in {" ", "."}:
                return True
            if gap == " " and (token.folded in before or token.folded in marked):
                return True
            if gap != " " or not (token.listed or token.folded in about("particles")):
                return False
        return False

    def _place_after(self, last: int) -> bool:
        # What follows belongs to the same name as long as it looks like one: Thomas Jefferson
        # University is none of Thomas Jefferson's.
        for _ in range(PARTS):
            after = self.beside(last)
            if after is None:
                return False
            if after.folded in about("nobody") or self._ends_place(after):
                return True
            if not (self.capital(after) and (after.listed or after.nameish or after.place)):
                return False
            last += 1
        return False

    def _ends_place(self, token: Token) -> bool:
        if token.folded in about("thing"):
            return True
        if token.folded in about("street"):
            return not (self.flat and token.folded in about("loose"))
        if token.folded in about("facility"):
            return token.capital and not (self.flat and token.folded in about("loose"))
        return False


def _held(found: Sequence[Word], kept: Kept) -> frozenset[int]:
    """Return the places of words that are part of a phrase the provider keeps."""
    if not kept.phrases:
        return frozenset()
    spelt = tuple(word.folded for word in found)
    return frozenset(
        index + offset
        for phrase in kept.phrases
        for index in range(len(spelt) - len(phrase) + 1)
        if spelt[index : index + len(phrase)] == phrase
        for offset in range(len(phrase))
    )
