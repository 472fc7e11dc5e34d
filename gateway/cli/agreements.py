"""`accord agreements sign` and `verify`: one agency's statement beside a file, and who is missing.

Reads and writes local files only. A signature file is replaced whole, so that a gateway that looks
at the same moment reads the old one or the new one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.agreement.canon import digest_text
from gateway.agreement.finding import FindingsError
from gateway.agreement.lint.folder import SIGNATURES
from gateway.agreement.signing import (
    STARTS,
    Action,
    Quorum,
    SignedFile,
    State,
    Statement,
    Verified,
    force,
    quorum_missing,
    read_signatures,
    sign,
    statement,
    status,
    verify,
    write_signatures,
)
from gateway.cli.officers import (
    BLOCKS_SIGNING,
    EXIT_FINDINGS,
    EXIT_MISSING,
    complain,
    good,
    instant,
    read,
)
from gateway.errors import AgreementError, SettingsError
from gateway.library.files import write_synced
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


def run_sign(  # noqa: PLR0917 - one argument an option
    folder: str, name: str, agency: str, key: str, key_id: str, role: str, action: str, now: str
) -> int:
    """Add one agency's statement beside a file; exit 1 where findings forbid it.

    A suspension or termination is written whatever the findings, also while the YAML is broken:
    it then names the version that was signed last.

    Raises:
        SettingsError: An option is wrong, or the registry does not accept the signature.
        AgreementError: The signature file cannot be read.
    """
    moment, place = instant(now), Path(folder)
    act = _action(action)
    found, findings = read(place, moment)
    blocking = [one for one in findings if one.level in BLOCKS_SIGNING and one.rule not in TOLD]
    if act in STARTS and (found is None or blocking):
        complain("findings forbid signing", blocking or findings)
        return EXIT_FINDINGS
    file = place / f"{name}{SIGNATURES}"
    before = _statements(file)
    known = subjects(found) if found is not None else {}
    subject = known.get(name) or _last_signed(before, act)
    if subject is None:
        raise SettingsError(f"there is no such file to sign; there are: {', '.join(known)}")
    _may(subject, agency, act)
    signed = sign(_draft(subject, act, agency, key_id, role, moment), _key(Path(key)))
    if found is None:
        sys.stderr.write("accord: the registry cannot be read, so the key was not checked\n")
    elif not isinstance(
        proof := verify(signed, agencies=found.registry.model.agencies, seen=moment), Verified
    ):
        raise SettingsError(f"the registry does not accept this signature: {proof}")
    if _is_there(signed, before):
        sys.stdout.write(f"{subject.ref} bears this signature of {agency} already\n")
    else:
        write_synced(file, write_signatures([*before, signed]))
        sys.stdout.write(f"{action} {subject.ref} for {agency}: {subject.digest}\n")
    again, _ = read(place, moment)
    if again is not None and name in known:
        tell(again, name, subject, moment)
    return 0


def _action(text: str) -> Action:
    try:
        return Action(text)
    except ValueError:
        known = ", ".join(one.value for one in Action)
        raise SettingsError(f"`--action` is one of {known}") from None


def _statements(file: Path) -> tuple[Statement, ...]:
    if not file.exists():
        return ()
    try:
        return read_signatures(file.read_bytes(), file=file.name)
    except (FindingsError, OSError) as error:
        lines = [one.text() for one in getattr(error, "findings", ())]
        raise AgreementError(
            f"{file} cannot be read, and is not replaced", findings=lines
        ) from None


def _last_signed(before: tuple[Statement, ...], act: Action) -> Subject | None:
    """Return what was signed last, for a stop of a file that cannot be read."""
    if act in STARTS or not before:
        return None
    last = before[-1]
    return Subject(last.kind, last.subject, last.digest, frozenset({*(s.agency for s in before)}))


def _may(subject: Subject, agency: str, act: Action) -> None:
    """Refuse a statement that nothing would ever count."""
    if subject.kind is not SignedFile.AGREEMENT and act is not Action.ACTIVATE:
        raise SettingsError(f"{subject.ref} is signed by a quorum; `{act}` is for agreements")
    counts = subject.signers | (subject.stoppers if act is Action.SUSPEND else frozenset())
    if agency not in counts:
        raise SettingsError(f"`{agency}` is no party to {subject.ref}: its word would not count")


def _draft(
    subject: Subject, act: Action, agency: str, key_id: str, role: str, now: dt.datetime
) -> Statement:
    try:
        return statement(
            subject.kind,
            subject.ref,
            bytes.fromhex(subject.digest.removeprefix("sha256:")),
            act,
            agency=agency,
            key=key_id or f"{agency}-1",
            role=role,
            time=now.replace(microsecond=0),
        )
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _key(path: Path) -> Ed25519PrivateKey:
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        raise SettingsError(f"`--key`: {path} is no private key in PEM") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise SettingsError(f"`--key`: {path} is not an Ed25519 key")
    return private


def _is_there(signed: Statement, before: tuple[Statement, ...]) -> bool:
    """Return whether a signature says nothing new: a suspension may follow a resumption."""
    if signed.action is not Action.ACTIVATE:
        return False
    return any(
        (one.subject, one.digest, one.action, one.agency, one.key)
        == (signed.subject, signed.digest, signed.action, signed.agency, signed.key)
        for one in before
    )


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
    if subject.kind is SignedFile.AGREEMENT:
        line, lack = _agreement_line(found, stem, proved, now)
    else:
        lack = quorum_missing(
            proved,
            kind=subject.kind,
            subject=subject.ref,
            digest=bytes.fromhex(subject.digest.removeprefix("sha256:")),
            quorum=_quorum(found),
            needed={one.id: one.signatures for one in found.registry.model.agencies.values()},
        )
        line = "quorum reached" if not lack else f"{lack} of the quorum missing"
    sys.stdout.write(f"{subject.ref:40} {line}\n")
    sys.stdout.writelines(f"  invalid: {one}\n" for one in bad)
    return lack + len(bad)


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
