"""`accord agreements init`: a new agreement from a template, with tests, both looked at first."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.agreement.cursor import ID
from gateway.agreement.finding import Level
from gateway.agreement.layout.fmt import formatted
from gateway.agreement.lint.run import check
from gateway.agreement.yaml import read
from gateway.cli.explain import as_signed
from gateway.cli.flows.texts import TEMPLATES, texts
from gateway.cli.officers import EXIT_FINDINGS, complain, files_of, instant
from gateway.cli.testing import results
from gateway.errors import SettingsError
from gateway.review.starting import Answers, agreement_text, first_of_month, tests_text

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
_TAKEN: Final = "provision-ambiguous"


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


def run_begin(  # noqa: PLR0917 - one argument an option
    folder: str,
    template: str,
    given: Given,
    name: str,
    title: str,
    timezone: str,
    now: str,
    ask: Callable[[str], str] | None,
) -> int:
    """Write an agreement and its tests beside the others; exit 1, and write nothing, if unsound.

    What no option answers is asked with `ask`; None where nobody is there.

    Raises:
        SettingsError: An answer is missing or wrong, or the file is there already.
        OSError: The files cannot be written.
    """
    template = _chosen(template, ask)
    place, moment = Path(folder), instant(now)
    files = files_of(place)
    found, _ = check(files, moment)
    if found is None:
        raise SettingsError(f"{folder}: floor, registry, purposes and codes are to be there first")
    answers = _answers(found, template, _asked(found, given, ask), name, title, timezone)
    if f"{answers.id}.yaml" in files:
        raise SettingsError(f"{answers.id}.yaml is there already: choose another `--id`")
    made = _made(files, template, answers, moment)
    if made is None:
        return EXIT_FINDINGS
    for file, data in made.items():
        (place / file).write_bytes(data)
        sys.stdout.write(f"wrote     {place / file}\n")
    sys.stdout.write(
        f"next      read {answers.id}.yaml, change what is not yours, and run\n"
        f"          accord agreements lint {folder} --for sign\n"
        f"          accord agreements test {folder} --min 100\n"
        f"          then each party signs: accord agreements sign {folder} {answers.id}\n"
    )
    return 0


def _chosen(template: str, ask: Callable[[str], str] | None) -> str:
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


def _asked(found: Folder, given: Given, ask: Callable[[str], str] | None) -> Given:
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
            "provider": lambda text: _agency(found, text, "--from"),
            "recipient": lambda text: _agency(found, text, "--to"),
            "digest": _digest,
            "effective": _date,
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


def _answers(
    found: Folder, template: str, given: Given, name: str, title: str, timezone: str
) -> Answers:
    provider = _agency(found, given.provider, "--from")
    recipient = _agency(found, given.recipient, "--to")
    words = f"{template} from {provider.name} to {recipient.name}"
    chosen = name or f"{provider.id}-{recipient.id}-{template}"
    if not ID.fullmatch(chosen):
        raise SettingsError(f"`--id` is of the form {ID.pattern}")
    return Answers(
        id=chosen,
        title=title or words[:1].upper() + words[1:],
        provider=provider,
        recipient=recipient,
        paper=given.paper,
        sha256=_digest(given.digest),
        effective=_date(given.effective),
        timezone=timezone,
        provider_steward=given.provider_steward,
        recipient_steward=given.recipient_steward,
        compelled=given.compelled,
        policy=given.policy,
    )


def _agency(found: Folder, name: str, option: str) -> Agency:
    agency = found.registry.model.agencies.get(name)
    if agency is None:
        known = ", ".join(found.registry.model.agencies)
        raise SettingsError(f"`{option}` is an agency of agencies.yaml: {known}")
    return agency


def _digest(text: str) -> str:
    """Return the SHA-256 of the paper: as given, or of the file that is named."""
    if Path(text).is_file():
        return hashlib.sha256(Path(text).read_bytes()).hexdigest()
    if text.strip() and text.isprintable() and not _SHA256.fullmatch(text):
        raise SettingsError("`--digest` is a file that can be read, or 64 digits of a SHA-256")
    return text


def _date(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise SettingsError("`--effective` is a date such as 2027-01-01") from None
    return first_of_month(day)


def _made(
    files: Mapping[str, bytes], template: str, answers: Answers, now: dt.datetime
) -> dict[str, bytes] | None:
    """Return the two files, or None once it is said what is wrong with them.

    A test is read, carried out and counted before it is written: what `init` leaves is sound.
    """
    parts = texts(template)
    name, tests = f"{answers.id}.yaml", f"{answers.id}.test.yaml"
    made = {name: _laid_out(name, agreement_text(parts, answers))}
    found = _sound({**files, **made}, name, now)
    if found is None:
        return None
    ref = next(one.model.ref for one in found.agreements if one.file == name)
    made[tests] = _laid_out(tests, tests_text(parts, as_signed(found), ref))
    found = _sound({**files, **made}, name, now, tested=True)
    if found is None:
        return None
    [done] = results(found, [one for one in found.agreements if one.file == name])
    wrong = [finding for each in done.judged for finding in each.findings]
    if wrong:
        complain("the tests of the template do not hold in this folder", wrong)
        return None
    return made


def _laid_out(name: str, text: str) -> bytes:
    data = text.encode()
    return formatted(data, read(data, file=name))


def _sound(
    files: Mapping[str, bytes], name: str, now: dt.datetime, *, tested: bool = False
) -> Folder | None:
    """Return the folder with what is new in it; None once its errors were printed."""
    found, findings = check(files, now, tested=tested)
    errors = [one for one in findings if one.level is Level.ERROR]
    if found is None or errors:
        complain(f"{name} would not lint in this folder: nothing is written", errors or findings)
        if any(one.rule == _TAKEN for one in errors):
            sys.stderr.write("  next: the flow is agreed on already, so amend that agreement\n")
        return None
    return found
