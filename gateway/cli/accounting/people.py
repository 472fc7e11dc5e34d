"""Whom a verb is about, and of which days, as its options say it."""

from __future__ import annotations

import datetime as dt
import sys
from typing import TYPE_CHECKING, Final

from gateway.agreement.lint.folder import read_folder
from gateway.audit.accounting import years_before
from gateway.broker.subjects import Person, check_person
from gateway.errors import SettingsError
from gateway.library.files import contents
from gateway.settings import beside, gateway_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.agreement.lint.folder import Folder

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


def people_of(given: Sequence[str], officers: Folder) -> tuple[Person, ...]:
    """Return the identifiers of one person.

    Raises:
        SettingsError: There is none, or one is not of its form.
        RequestError: Nobody could be found by one.
    """
    people = tuple(map(parts_of, given))
    if not people:
        raise SettingsError("`--person` names at least one identifier")
    for person in people:
        agencies = officers.registry.model.agencies
        check_person(person, "--person", agencies, officers.schemas.values())
    return people


def officers_of(path: Path) -> Folder:
    """Return the officers' folder of a deployment.

    Raises:
        SettingsError: The settings are wrong, or it cannot be read.
    """
    folder = beside(path, gateway_settings(path).agreements.folder)
    found, findings = read_folder(contents(folder))
    if found is None:
        raise SettingsError(f"{folder}: {'; '.join(one.text() for one in findings[:3])}")
    return found
