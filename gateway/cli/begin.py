"""`accord agreements init`: a new agreement from a template, with tests, both looked at first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.agreement.cursor import ID
from gateway.agreement.finding import Level
from gateway.agreement.layout.fmt import formatted
from gateway.agreement.lint.run import check
from gateway.agreement.yaml import read
from gateway.cli.explain import as_signed
from gateway.cli.flows.texts import texts
from gateway.cli.officers import EXIT_FINDINGS, complain, files_of, instant
from gateway.cli.questions import agency_of, asked, chosen, digest_of, first_day
from gateway.cli.testing import results
from gateway.errors import SettingsError
from gateway.review.starting import Answers, agreement_text
from gateway.review.starting_tests import tests_text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from gateway.agreement.lint.folder import Folder
    from gateway.cli.questions import Given

_TAKEN: Final = "provision-ambiguous"


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
    template = chosen(template, ask)
    place, moment = Path(folder), instant(now)
    files = files_of(place)
    found, _ = check(files, moment)
    if found is None:
        raise SettingsError(f"{folder}: floor, registry, purposes and codes are to be there first")
    answers = _answers(found, template, asked(found, given, ask), name, title, timezone)
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


def _answers(
    found: Folder, template: str, given: Given, name: str, title: str, timezone: str
) -> Answers:
    provider = agency_of(found, given.provider, "--from")
    recipient = agency_of(found, given.recipient, "--to")
    words = f"{template} from {provider.name} to {recipient.name}"
    stem = name or f"{provider.id}-{recipient.id}-{template}"
    if not ID.fullmatch(stem):
        raise SettingsError(f"`--id` is of the form {ID.pattern}")
    return Answers(
        id=stem,
        title=title or words[:1].upper() + words[1:],
        provider=provider,
        recipient=recipient,
        paper=given.paper,
        sha256=digest_of(given.digest),
        effective=first_day(given.effective),
        timezone=timezone,
        provider_steward=given.provider_steward,
        recipient_steward=given.recipient_steward,
        compelled=given.compelled,
        policy=given.policy,
    )


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
