"""`accord agreements verify`: what can be signed, who signed it, and who is missing.

Reads local files only.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.agreement.canon import digest_text
from gateway.agreement.signing import SignedFile, Verified, verify
from gateway.agreement.state import Quorum, State, force, quorum_missing, status
from gateway.cli.officers import (
    EXIT_FINDINGS,
    EXIT_MISSING,
    good,
    instant,
)
from gateway.library.statements import digest_in

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from gateway.agreement.lint.folder import Folder
    from gateway.agreement.state import Status

TOLD = frozenset({"signature-invalid"})
"""Rules that `verify` tells of itself; they forbid no signature either."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What can be signed.

    Attributes:
        ref: `<id>@<version>`.
        digest: As a statement writes it.
        signers: Agencies whose statement counts, and those who may suspend beside them.
    """

    kind: SignedFile
    ref: str
    digest: str
    signers: frozenset[str]
    stoppers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a file stands.

    Attributes:
        line: In words.
        lacking: How many signatures are missing or do not hold.
        stopped: Whether somebody suspended it, or asks for that.
    """

    line: str
    lacking: int
    stopped: bool = False


def subjects(found: Folder) -> dict[str, Subject]:
    """Return what can be signed, by the stem of its file's name."""
    floor, registry, purposes = found.floor.model, found.registry.model, found.purposes.model
    quorum = floor.quorum_agencies
    subjects = {
        stem: Subject(kind, f"{stem}@{version}", digest_text(digest), quorum)
        for stem, kind, version, digest in (
            ("_floor", SignedFile.FLOOR, floor.version, floor.digest),
            ("agencies", SignedFile.AGENCIES, registry.version, registry.digest),
            ("purposes", SignedFile.PURPOSES, purposes.version, purposes.digest),
        )
    }
    for one in found.agreements:
        parties = frozenset(party.agency for party in one.model.parties.values())
        digest = digest_text(digest_in(found, one))
        subjects[one.model.id] = Subject(
            SignedFile.AGREEMENT, one.model.ref, digest, parties, quorum
        )
    return subjects


def run_verify(folder: str, now: str) -> int:
    """Print who signed what and who is missing; exit 5 where a signature is missing or invalid."""
    moment = instant(now)
    found = good(Path(folder), moment, but=TOLD)
    if found is None:
        return EXIT_FINDINGS
    return EXIT_MISSING if any(one.lacking for one in tell_all(found, moment)) else 0


def tell_all(found: Folder, now: dt.datetime) -> list[Standing]:
    """Print where each file stands, one below another; return that."""
    several = subjects(found)
    width = max(len(one.ref) for one in several.values())
    return [tell(found, stem, one, now, width) for stem, one in several.items()]


def tell(found: Folder, stem: str, subject: Subject, now: dt.datetime, width: int = 0) -> Standing:
    """Print where one file stands; return that."""
    proved, bad = _proved(found, stem, now)
    stands = _standing(found, stem, subject, proved, now)
    sys.stdout.write(f"{subject.ref:{width}}  {stands.line}\n")
    sys.stdout.writelines(f"  invalid: {one}\n" for one in bad)
    return replace(stands, lacking=stands.lacking + len(bad))


def _standing(
    found: Folder, stem: str, subject: Subject, proved: list[Verified], now: dt.datetime
) -> Standing:
    if subject.kind is SignedFile.AGREEMENT:
        return _of_agreement(found, stem, proved, now)
    lack = quorum_missing(
        proved,
        kind=subject.kind,
        subject=subject.ref,
        digest=bytes.fromhex(subject.digest.removeprefix("sha256:")),
        quorum=_quorum(found),
        needed={one.id: one.signatures for one in found.registry.model.agencies.values()},
    )
    return Standing("quorum reached" if not lack else f"{lack} of the quorum missing", lack)


def _quorum(found: Folder) -> Quorum:
    floor = found.floor.model
    return Quorum(floor.quorum_signatures, floor.quorum_agencies)


def _proved(found: Folder, stem: str, now: dt.datetime) -> tuple[list[Verified], list[str]]:
    """Return the statements that hold; when they were first seen only a gateway knows."""
    proved, bad = [], []
    for one in found.signatures.get(stem, ()):
        answer = verify(one, agencies=found.registry.model.agencies, seen=min(one.time, now))
        if isinstance(answer, Verified):
            proved.append(answer)
        else:
            bad.append(f"{one.agency}: {answer}")
    return proved, bad


def _of_agreement(found: Folder, stem: str, proved: list[Verified], now: dt.datetime) -> Standing:
    one = next(one for one in found.agreements if one.model.id == stem)
    agreement, agencies, quorum = one.model, found.registry.model.agencies, _quorum(found)
    stands = status(
        proved,
        subject=agreement.ref,
        digest=digest_in(found, one),
        parties={p.agency: agencies[p.agency].signatures for p in agreement.parties.values()},
        quorum=quorum,
        term=force(agreement.term.effective, agreement.term.expires, agreement.term.timezone),
        now=now,
    )
    lacking = len(stands.missing) or int(stands.alone)
    line = "; ".join(_words(stands, quorum))
    return Standing(line, lacking, bool(stands.asking) or stands.state is State.SUSPENDED)


def _words(stands: Status, quorum: Quorum) -> Iterator[str]:
    """Yield what is to be said of an agreement: where it stands, and who has to do what."""
    by = f" by {', '.join(stands.by)}" if stands.by else ""
    total = len(stands.signed) + len(stands.missing)
    yield f"{stands.state}{by}, {len(stands.signed)} of {total} parties"
    if stands.missing:
        yield f"missing: {', '.join(stands.missing)}"
    elif stands.alone:
        yield "missing: another key, as who wrote it and who signs last are two"
    if stands.resuming:
        yield f"goes on once `resume` is signed by {', '.join(stands.resuming)}"
    if stands.asking:
        who, more = ", ".join(stands.asking), quorum.signatures - len(stands.asking)
        yield f"{who} would suspend it: {more} more of the floor's quorum have to"
    if not stands.in_term:
        yield "outside its term"
