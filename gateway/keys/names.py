"""The ids of keys, and when the class of what a key seals has run out.

```
payload/2026-11.6y            seals the log's payloads of a month and retention class
subject/2026                  keys the subject tokens of a calendar year
pseudonym/<domain>/<period>   keys the pseudonyms of a domain in its rotation period
signing/1                     signs the log's checkpoints
kek/<name of the master>      wraps the key store
```
A payload or subject key that took another's place within its month or year ends in `#2`, `#3` ….
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Final

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

GRACE: Final = dt.timedelta(days=30)
"""How long a key outlives what it seals, and a retired signing key its successor's first day."""

FIRST_SIGNING: Final = "signing/1"
DEFAULT_YEARS: Final = 6
FOR_EVER: Final = "p"

_MONTH = r"[0-9]{4}-(?:0[1-9]|1[0-2])"
_RETAIN = r"p|[3-9]y|[1-9][0-9]y"
_NEXT = r"(?:#([2-9]|[1-9][0-9]{1,3}))?"
_PAYLOAD = re.compile(rf"payload/({_MONTH})\.({_RETAIN}){_NEXT}")
_SUBJECT = re.compile(rf"subject/([0-9]{{4}}){_NEXT}")
_SIGNING = re.compile(r"signing/([1-9][0-9]{0,3})")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,199}")


def payload(month: str, retain: str) -> str:
    """Return the id of a month's first key of a retention class, `2026-11` and `6y`.

    Raises:
        SettingsError: They are none.
    """
    name = f"payload/{month}.{retain}"
    if not _PAYLOAD.fullmatch(name):
        raise SettingsError("a payload key needs a month and a retention class")
    return name


def subject(year: int) -> str:
    """Return the id of a calendar year's first key."""
    return f"subject/{year:04d}"


def pseudonym(domain: str, period: str) -> str:
    """Return the id of a pseudonym domain's key in a period.

    Raises:
        SettingsError: A part of them is not of plain characters.
    """
    if not all(map(_PART.fullmatch, (*domain.split("/"), period))):
        raise SettingsError("a pseudonym key needs a domain and a period of plain characters")
    return f"pseudonym/{domain}/{period}"


def first_of(key_id: str) -> str:
    """Return the id of the first key of the same month and class, or year."""
    return key_id.partition("#")[0]


def place_of(key_id: str) -> int:
    """Return which key of its month, year or log it is: 1 for the first."""
    signing = _SIGNING.fullmatch(key_id)
    return int(signing[1]) if signing else int(key_id.partition("#")[2] or 1)


def turns(key_id: str) -> bool:
    """Return whether another key can take its place: those that seal, and those of tokens."""
    return bool(_PAYLOAD.fullmatch(key_id) or _SUBJECT.fullmatch(key_id))


def is_signing(key_id: str) -> bool:
    """Return whether it is a key of the log's checkpoints."""
    return _SIGNING.fullmatch(key_id) is not None


def seals_tokens_of(key_id: str, subject_id: str) -> bool:
    """Return whether a payload key may seal tokens that a subject key made: of one year."""
    seals, makes = _PAYLOAD.fullmatch(key_id), _SUBJECT.fullmatch(subject_id)
    return bool(seals and makes and seals[2] != FOR_EVER and seals[1].startswith(f"{makes[1]}-"))


def over(key_id: str, others: Iterable[str]) -> dt.date | None:
    """Return the first day on which nothing needs the key any more; None for those that stay.

    A payload key outlives its month by its class and 30 days. A subject key outlives its year by
    the longest class of that year's payload keys, six years at least, and 30 days. Section 6 of
    the log's specification.

    Args:
        key_id: A key.
        others: The ids of every key that there ever was.
    """
    found = _PAYLOAD.fullmatch(key_id)
    if found is not None:
        if found[2] == FOR_EVER:
            return None
        year, month = map(int, found[1].split("-"))
        return _after(year + (month == 12), month % 12 + 1, int(found[2][:-1]))  # noqa: PLR2004
    found = _SUBJECT.fullmatch(key_id)
    if found is None:
        return None
    year = int(found[1])
    return _after(year + 1, 1, max((DEFAULT_YEARS, *_classes(year, others))))


def _classes(year: int, key_ids: Iterable[str]) -> list[int]:
    found = [_PAYLOAD.fullmatch(one) for one in key_ids if one.startswith(f"payload/{year:04d}-")]
    return [int(one[2][:-1]) for one in found if one is not None and one[2] != FOR_EVER]


def _after(year: int, month: int, years: int) -> dt.date:
    return dt.date(year + years, month, 1) + GRACE
