"""Whom an accounting is about, and of which days, as options of a verb say it."""

from __future__ import annotations

import datetime as dt
import sys
from typing import Final

from gateway.audit.accounting import years_before
from gateway.broker.subjects import Person
from gateway.errors import SettingsError

_PARTS: Final = "|"
_ASK: Final = "-"


def period(first: str, last: str, today: dt.date) -> tuple[dt.date, dt.date]:
    """Return the days that are asked for, both included: six years up to today.

    Raises:
        SettingsError: One is no date, or the first comes after the last.
    """
    end = day_of("--to", last) or today
    start = day_of("--from", first) or years_before(today)
    if start > end:
        raise SettingsError("`--from` comes after `--to`")
    return start, end


def parts_of(given: str) -> Person:
    """Return the identifier that `SYSTEM=ID` gives; its parts stand between `|`.

    Raises:
        SettingsError: It is not of that form; the message holds nothing of it.
    """
    system, equals, identifier = given.partition("=")
    if identifier == _ASK:
        # Neither in the shell's history nor in the list of processes.
        identifier = sys.stdin.readline().rstrip("\n")
    if not equals or not system or not identifier:
        raise SettingsError("`--person` is <agency>/<system>=<identifier>, its parts between `|`")
    return Person(system, tuple(identifier.split(_PARTS)))


def day_of(option: str, text: str) -> dt.date | None:
    """Return the day that an option names; None where it is empty.

    Raises:
        SettingsError: It is no date.
    """
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"`{option}` is a day, as in 2026-11-20") from None
