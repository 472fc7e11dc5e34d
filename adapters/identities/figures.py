"""Numbers that are written to be said, or spread out, as figures: what patterns are looked for in.

`third of May nineteen eighty` is `3rd of May 1980`, `5 5 5 / 0 1 3 4` is `555/0134`, and seven or
more figures in words are the number that they spell. Pure. What is no such number stays as it was:
a rate, a dose, a ratio and a time have fewer figures, or figures of more than one digit.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Final

from adapters.identities.dates import MONTHS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SPREAD = re.compile(r"(?<![\d.])\d(?: {1,2}(?:[-/.()]{1,2} {0,2})?\d(?!\d)){6,}")
"""Seven single digits or more, with a blank before each."""


def _numbers(words: str, first: int, step: int = 1) -> dict[str, int]:
    return {word: first + step * at for at, word in enumerate(words.split())}


_DIGITS: Final = (
    _numbers("zero one two three four five six seven eight nine", 0)
    | _numbers("cero uno dos tres cuatro cinco seis siete ocho nueve", 0)
    | {"oh": 0, "o": 0}
)
_TEENS: Final = (
    _numbers("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen", 10)
    | _numbers("diez once doce trece catorce quince dieciséis diecisiete dieciocho", 10)
    | _numbers("diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco", 19)
    | _numbers("veintiséis veintisiete veintiocho veintinueve", 26)
    | {"dieciseis": 16, "veintidos": 22, "veintitres": 23, "veintiseis": 26}
)
_TENS: Final = (
    _numbers("twenty thirty forty fifty sixty seventy eighty ninety", 20, 10)
    | _numbers("treinta cuarenta cincuenta sesenta setenta ochenta noventa", 30, 10)
)  # fmt: skip
_ORDINALS: Final = (
    _numbers("first second third fourth fifth sixth seventh eighth ninth tenth eleventh", 1)
    | _numbers("twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth", 12)
    | {"nineteenth": 19, "twentieth": 20, "thirtieth": 30, "primero": 1}
)
_VALUE: Final[Mapping[str, int]] = _DIGITS | _TEENS | _TENS | _ORDINALS


def _any(words: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"


_ONE = _any(word for word, value in _DIGITS.items() if value)
_TEN = rf"(?:{_any(_TENS)}(?:(?:[- ]|\sy\s){_ONE})?|{_any(_TEENS)})"
_DAY = rf"(?:(?:twenty|thirty)[- ]{_any(_ORDINALS)}|{_any(_ORDINALS)}|{_TEN}|{_ONE})"
_DAY_FIRST = re.compile(rf"\b({_DAY})(?=\s(?:day\s)?(?:of\s|de\s)?{_any(MONTHS)}\b)", re.IGNORECASE)
_MONTH_FIRST = re.compile(
    rf"\b({_any(MONTHS)}\s)(?:the\s)?({_DAY})(?=,?\s(?:of\s)?(?:19|20)\d\d\b)", re.IGNORECASE
)
_YEAR = re.compile(
    rf"\b(?:(nineteen|twenty|mil\snovecientos)(?:\shundred(?:\sand)?)?[- ]({_TEN}|oh[- ]{_ONE})"
    rf"|(?:two\sthousand|dos\smil)(?:\s(?:and\s)?({_TEN}|{_ONE}))?)\b",
    re.IGNORECASE,
)
_SAID = re.compile(rf"\b{_any(_DIGITS)}(?:[\s,./-]{{1,3}}{_any(_DIGITS)}){{6,}}\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_LIKELY = re.compile(
    r"\d {1,2}(?:[-/.()]{1,2} {0,2})?\d\b|\b(?:nineteen|twenty|two thousand|mil)\b"
    rf"|\b{_any(_DIGITS)}\W{{1,3}}{_any(_DIGITS)}\b"
    rf"|\b{_any(_VALUE)}\s(?:day\s)?(?:(?:of|de)\s)?{_any(MONTHS)}\b"
    rf"|\b{_any(MONTHS)}\s(?:the\s)?{_any(_VALUE)}\b",
    re.IGNORECASE,
)
_GROUPS: Final = {7: (3,), 9: (3, 5), 10: (3, 6)}
"""Where a local phone, an SSN and a phone are parted."""
_CENTURY: Final = {"nineteen": 1900, "twenty": 2000, "mil novecientos": 1900}


def figures(text: str) -> str:
    """Return a plain text with its spelt and spread numbers as figures; others are left alone."""
    # The cheap look first: few texts have any.
    if not _LIKELY.search(text):
        return text
    text = _SPREAD.sub(lambda match: match[0].replace(" ", ""), text)
    text = _YEAR.sub(_year, text)
    text = _DAY_FIRST.sub(lambda match: str(_sum(match[1])), text)
    text = _MONTH_FIRST.sub(lambda match: f"{match[1]}{_sum(match[2])}", text)
    return _SAID.sub(_spelt, text)


def _sum(words: str) -> int:
    return sum(_VALUE.get(word, 0) for word in _WORD.findall(words.lower()))


def _year(match: re.Match[str]) -> str:
    century = " ".join((match[1] or "").lower().split())
    return str(_CENTURY.get(century, 2000) + _sum(match[2] or match[3] or ""))


def _spelt(match: re.Match[str]) -> str:
    digits = "".join(str(_DIGITS[word]) for word in _WORD.findall(match[0].lower()))
    cuts = (0, *_GROUPS.get(len(digits), ()), len(digits))
    return "-".join(digits[a:b] for a, b in itertools.pairwise(cuts))
