"""Dates as people write them: one expression, and the civil dates that a spelling can mean.

`3/4/85` is 4 March and 3 April until somebody says which: both are returned, since a birth date
must be found in either. Two digits of a year are read in both centuries.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONTHS: Final = (
    ("january", "jan", "enero", "ene"),
    ("february", "feb", "febrero"),
    ("march", "mar", "marzo"),
    ("april", "apr", "abril", "abr"),
    ("may", "mayo"),
    ("june", "jun", "junio"),
    ("july", "jul", "julio"),
    ("august", "aug", "agosto", "ago"),
    ("september", "sept", "sep", "septiembre"),
    ("october", "oct", "octubre"),
    ("november", "nov", "noviembre"),
    ("december", "dec", "diciembre", "dic"),
)
MONTHS: Final = tuple(name for names in _MONTHS for name in names)
"""Months by every name and short form that is looked for."""
_NUMBER: Final = {name: index for index, names in enumerate(_MONTHS, 1) for name in names}
_NAMES = "|".join(sorted(_NUMBER, key=len, reverse=True))
_MONTH = rf"(?:{_NAMES})\b\.?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:(?:19|20)\d{2}|'?\d{2})(?!\d)"
_FORMS: Final = (
    rf"(?<!\d)(?:19|20)\d{{2}}[-/.](?:0?[1-9]|1[0-2])[-/.]{_DAY}(?!\d)",
    rf"(?<!\d){_DAY}\s?([-/.])\s?{_DAY}\s?[-/.]\s?{_YEAR}",
    rf"\b{_MONTH}[\s-]?{_DAY}(?:st|nd|rd|th)?(?:,\s?|\s|-){_YEAR}",
    rf"(?<!\d){_DAY}(?:st|nd|rd|th)?[\s-](?:de\s|of\s)?{_MONTH}(?:,?\s(?:del?\s)?|-){_YEAR}",
    rf"(?<!\d){_DAY}(?:{_NAMES}){_YEAR}",
    rf"(?<!\d){_DAY}\s{_DAY}\s(?:19|20)\d{{2}}(?!\d)",
    r"(?<!\d)(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:19|20)\d{2}|(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))(?!\d)",
)
DATE: Final = "(?:" + "|".join(form.replace("([-/.])", "[-/.]") for form in _FORMS) + ")"
"""A date in any of these forms, without groups."""

_NUMERIC = re.compile("|".join((*_FORMS[:2], *_FORMS[5:])).replace("([-/.])", "[-/.]"))
_SPELT = re.compile("|".join(_FORMS[2:5]), re.IGNORECASE)
_LIKE_NUMERIC = re.compile(r"\d\s?[-/.]\s?\d|\d{8}|\d\s\d{1,2}\s[12]")
_LIKE_SPELT = re.compile(r"\d[a-z\s,.-]{0,12}(?:19|20|\d)\d", re.IGNORECASE)
_PART = re.compile(r"\d+|[a-z]+", re.IGNORECASE)
_CENTURY = 100
_EIGHT = 8


def dates(text: str) -> Iterator[dt.date]:
    """Yield every civil date that a spelling in the plain text can mean."""
    # The cheap look first: most texts that have digits have no date.
    for like, form in ((_LIKE_NUMERIC, _NUMERIC), (_LIKE_SPELT, _SPELT)):
        if like.search(text):
            for match in form.finditer(text):
                yield from _meant(match[0])


def _meant(spelling: str) -> Iterator[dt.date]:
    parts = [part.lower() for part in _PART.findall(spelling)]
    month = next((_NUMBER[part] for part in parts if part in _NUMBER), None)
    numbers = [part for part in parts if part.isdigit()]
    if month is not None:
        day, year = numbers
        orders = [(year, str(month), day)]
    elif len(numbers) == 1 and len(numbers[0]) == _EIGHT:
        run = numbers[0]
        orders = [(run[:4], run[4:6], run[6:]), (run[4:], run[:2], run[2:4])]
    else:
        first, second, third = numbers
        orders = [(first, second, third), (third, first, second), (third, second, first)]
    for year, mon, day in orders:
        yield from _days(year, int(mon), int(day))


def _days(year: str, month: int, day: int) -> Iterator[dt.date]:
    value = int(year)
    years = (1900 + value, 2000 + value) if len(year) == 2 and value < _CENTURY else (value,)  # noqa: PLR2004
    for one in years:
        try:
            yield dt.date(one, month, day)
        except ValueError:
            continue
