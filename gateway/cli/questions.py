"""What an officer is asked for a new agreement: by options, or one question after another."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.flows.texts import TEMPLATES
from gateway.errors import SettingsError
from gateway.review.starting import first_of_month

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.agreement.lint.folder import Folder
    from gateway.agreement.registry import Agency

QUESTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "provider": ("--from", "Which agency holds the records, by its id in agencies.yaml?"),
    "recipient": ("--to", "Which agency gets them?"),
    "paper": ("--paper", "What is the signed paper called, as in MOU-2027-001?"),
    "digest": ("--digest", "Its file, or its SHA-256?"),
    "effective": ("--effective", "From which first of a month on, as in 2027-01-01?"),
    "policy": ("--policy", "Which ordinance or policy allows it?"),
    "provider_steward": ("--from-steward", "Whom to write to at the agency that gives?"),
    "recipient_steward": ("--to-steward", "Whom at the agency that gets?"),
    "compelled": ("--compelled", "Who answers subpoenas?"),
}
"""What an officer is asked, in this order, each with the option that answers it."""

_SHA256: Final = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Given:
    """The answers as they came in; empty where there was none."""

    provider: str
    recipient: str
    paper: str
    digest: str
    effective: str
    policy: str
    provider_steward: str
    recipient_steward: str
    compelled: str


def chosen(template: str, ask: Callable[[str], str] | None) -> str:
    """Return a template's name, once a person chose among them where no option did.

    Raises:
        SettingsError: There is none of this name; or none was named, and nobody is there.
    """
    if template or ask is None:
        return _known(template)
    sys.stdout.writelines(f"  {name:20}{about}\n" for name, about in TEMPLATES.items())
    return _until_good(ask, "Which template?", _known)


def _known(template: str) -> str:
    if template not in TEMPLATES:
        raise SettingsError(f"`--template` is one of {', '.join(TEMPLATES)}")
    return template


def asked(found: Folder, given: Given, ask: Callable[[str], str] | None) -> Given:
    """Return the answers, once a person gave those that were missing.

    Raises:
        SettingsError: Nobody is there to be asked.
    """
    told = {one.name: str(getattr(given, one.name)) for one in fields(given)}
    missing = [name for name, text in told.items() if not text]
    if missing and ask is None:
        options = ", ".join(QUESTIONS[name][0] for name in missing)
        raise SettingsError(f"nobody is at a terminal to be asked: give {options}")
    if ask is not None:
        checks: Mapping[str, Callable[[str], object]] = {
            "provider": lambda text: agency_of(found, text, "--from"),
            "recipient": lambda text: agency_of(found, text, "--to"),
            "digest": digest_of,
            "effective": first_day,
        }
        for name in missing:
            told[name] = _until_good(ask, QUESTIONS[name][1], checks.get(name, str))
    return Given(**told)


def _until_good(ask: Callable[[str], str], question: str, check: Callable[[str], object]) -> str:
    """Return the first answer that passes; what is wrong with the others is said at once."""
    while True:
        answer = ask(question)
        try:
            check(answer)
        except SettingsError as error:
            sys.stdout.write(f"  {error}\n")
        else:
            return answer


# --- one answer ---


def agency_of(found: Folder, name: str, option: str) -> Agency:
    """Return the agency that an answer names.

    Raises:
        SettingsError: The registry has none of this id.
    """
    agency = found.registry.model.agencies.get(name)
    if agency is None:
        known = ", ".join(found.registry.model.agencies)
        raise SettingsError(f"`{option}` is an agency of agencies.yaml: {known}")
    return agency


def digest_of(text: str) -> str:
    """Return the SHA-256 of the paper: as given, or of the file that is named.

    Raises:
        SettingsError: It is neither; an answer that is no line of text is refused with the others.
    """
    if Path(text).is_file():
        return hashlib.sha256(Path(text).read_bytes()).hexdigest()
    if text.strip() and text.isprintable() and not _SHA256.fullmatch(text):
        raise SettingsError("`--digest` is a file that can be read, or 64 digits of a SHA-256")
    return text


def first_day(text: str) -> dt.date:
    """Return the first day of the term.

    Raises:
        SettingsError: It is no date, or not the first day of a month.
    """
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise SettingsError("`--effective` is a date such as 2027-01-01") from None
    return first_of_month(day)
