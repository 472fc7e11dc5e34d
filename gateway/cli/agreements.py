"""`accord agreements verify`: what can be signed, who signed it, and who is missing.

Reads local files only.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
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

    from gateway.agreement.lint.folder import Folder

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
    lacking = [tell(found, stem, one, moment) for stem, one in subjects(found).items()]
    return EXIT_MISSING if any(lacking) else 0


def tell(found: Folder, stem: str, subject: Subject, now: dt.datetime) -> int:
    """Print where one file stands; return how many signatures are missing or do not hold."""
    proved, bad = _proved(found, stem, now)
    line, lack = _standing(found, stem, subject, proved, now)
    sys.stdout.write(f"{subject.ref:40} {line}\n")
    sys.stdout.writelines(f"  invalid: {one}\n" for one in bad)
    return lack + len(bad)


def missing(found: Folder, stem: str, subject: Subject, now: dt.datetime) -> int:
    """Return how many signatures of a file are missing."""
    proved, _ = _proved(found, stem, now)
    return _standing(found, stem, subject, proved, now)[1]


def _standing(
    found: Folder, stem: str, subject: Subject, proved: list[Verified], now: dt.datetime
) -> tuple[str, int]:
    if subject.kind is SignedFile.AGREEMENT:
        return _agreement_line(found, stem, proved, now)
    lack = quorum_missing(
        proved,
        kind=subject.kind,
        subject=subject.ref,
        digest=bytes.fromhex(subject.digest.removeprefix("sha256:")),
        quorum=_quorum(found),
        needed={one.id: one.signatures for one in found.registry.model.agencies.values()},
    )
    return ("quorum reached" if not lack else f"{lack} of the quorum missing"), lack


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


def _agreement_line(
    found: Folder, stem: str, proved: list[Verified], now: dt.datetime
) -> tuple[str, int]:
    one = next(one for one in found.agreements if one.model.id == stem)
    agreement, agencies = one.model, found.registry.model.agencies
    stands = status(
        proved,
        subject=agreement.ref,
        digest=digest_in(found, one),
        parties={p.agency: agencies[p.agency].signatures for p in agreement.parties.values()},
        quorum=_quorum(found),
        term=force(agreement.term.effective, agreement.term.expires, agreement.term.timezone),
        now=now,
    )
    total = len(stands.signed) + len(stands.missing)
    line = f"{stands.state}, {len(stands.signed)} of {total} parties"
    if stands.missing:
        line += f"; missing: {', '.join(stands.missing)}"
    if stands.state in (State.SUSPENDED, State.TERMINATED) and stands.by:
        line += f"; by {', '.join(stands.by)}"
    if not stands.in_term:
        line += "; outside its term"
    return line, len(stands.missing)
