"""`accord agreements status` and `digest`: what runs out, what is unsigned, and what is signed."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.agreement.canon import bound_canonical, canonical, digest_text
from gateway.agreement.finding import printable
from gateway.agreement.lint.unbuilt import pushes
from gateway.agreement.spans import add
from gateway.cli.agreements import TOLD, subjects, tell_all
from gateway.cli.officers import EXIT_ATTENTION, EXIT_FINDINGS, good, instant
from gateway.errors import SettingsError
from gateway.library.statements import bound_in

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from gateway.agreement.lint.folder import Folder

SOON_DAYS: Final = 60
"""What runs out within so many days wants attention: people need time to sign."""


def run_status(folder: str, now: str, log: str = "") -> int:
    """Print where each file stands and what runs out; 6 where anything wants attention.

    Args:
        folder: The officers' folder.
        now: This instant; the clock's where it is empty.
        log: gateway.toml, to tell which duties and reviews are overdue too; or empty.

    Raises:
        SettingsError: It is no folder, or the time is none.
        LogError: The log cannot be read.
    """
    moment = instant(now)
    found = good(Path(folder), moment, but=TOLD | {"review-overdue"})
    if found is None:
        return EXIT_FINDINGS
    wants = any(one.lacking or one.stopped for one in tell_all(found, moment))
    due = [*_due(found, moment.date()), *_late(log, moment)]
    sys.stdout.writelines(printable(line) + "\n" for line in (*due, *_waiting(found)))
    if not due and not wants:
        sys.stdout.write(f"nothing runs out within {SOON_DAYS} days\n")
    return EXIT_ATTENTION if due or wants else 0


def _due(found: Folder, today: dt.date) -> Iterator[str]:
    """Yield what ran out, or does so soon, each with its day."""
    for one in found.agreements:
        term = one.model.term
        yield from _day(f"{one.model.ref} ends", term.expires, today)
        yield from _day(f"{one.model.ref} is to be reviewed", term.review_by, today)
        for provision in one.model.provisions:
            if (deid := provision.basis.deid) is not None:
                what = f"{one.model.ref} {provision.id}: its determination ends"
                yield from _day(what, deid.expires, today)
    for agency in found.registry.model.agencies.values():
        until = add(agency.attested_at, agency.attested_for)
        yield from _day(f"{agency.id}: its attestation ends", until, today)
        last = max((key.until for key in agency.signing_keys), default=None)
        if last is not None:
            yield from _day(f"{agency.id}: its last signing key ends", last, today)


def _late(log: str, now: dt.datetime) -> Iterator[str]:
    """Yield each duty that is overdue, the review of an emergency above all."""
    if log:
        # Most look at the files alone, and do not wait for what reads a log.
        from gateway.cli.standings.duties import owed_in, told

        yield from (told(one, now) for one in owed_in(Path(log)) if one.due < now)


def _waiting(found: Folder) -> Iterator[str]:
    """Yield what no gateway loads yet, whoever signed it."""
    for one in found.agreements:
        if pushes(one.model):
            yield f"not loaded {one.model.ref}: it delivers by push, which no gateway does yet"


def _day(what: str, day: dt.date, today: dt.date) -> Iterator[str]:
    left = (day - today).days
    if left < 0:
        yield f"overdue   {what}: {day}, {-left} days ago"
    elif left < SOON_DAYS:
        yield f"due       {what}: {day}, in {left} days"


def run_digest(folder: str, name: str, now: str, *, spelled: bool) -> int:
    """Print what is signed of a file: its digest and what is bound in, or the canonical bytes.

    Raises:
        SettingsError: There is no such file.
    """
    found = good(Path(folder), instant(now), but=TOLD)
    if found is None:
        return EXIT_FINDINGS
    known = subjects(found)
    if name not in known:
        raise SettingsError(f"there is no `{name}`: {', '.join(sorted(known))}")
    data, parts = _signed(found, name)
    if spelled:
        sys.stdout.buffer.write(data)
        return 0
    assert known[name].digest == digest_text(hashlib.sha256(data).digest())  # noqa: S101 - one spelling
    sys.stdout.write(f"{known[name].digest}  {known[name].ref}\n")
    sys.stdout.writelines(f"  {part}\n" for part in parts)
    return 0


def _signed(found: Folder, name: str) -> tuple[bytes, list[str]]:
    """Return the bytes that a signature is over, and a line for each part that is bound in."""
    for one in found.agreements:
        if one.model.id == name:
            bound = bound_in(found, one)
            value = bound.value()
            parts = [
                f"{kind[:-1]:9} {ref:44} {digest}"
                for kind in ("datasets", "notices", "purposes", "codes")
                for ref, digest in sorted(value[kind].items())
            ]
            parts += [
                f"party     {alias:10} {party['agency']}, {party['kind']}, hipaa {party['hipaa']}, "
                f"part2 {party['part2']}"
                for alias, party in sorted(value["parties"].items())
            ]
            return bound_canonical(one.document.value, bound), parts
    alone = {
        "_floor": found.floor.document,
        "agencies": found.registry.document,
        "purposes": found.purposes.document,
    }
    return canonical(alone[name].value), []
