"""`accord agreements sign`: one agency's statement beside a file, once it saw what it signs.

Reads and writes local files only. A signature file is replaced whole, so that a gateway that looks
at the same moment reads the old one or the new one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.agreement.finding import Finding, FindingsError, Level
from gateway.agreement.lint.folder import SIGNATURES, is_agreement
from gateway.agreement.lint.inspect import inspect
from gateway.agreement.signatures import read_signatures, write_signatures
from gateway.agreement.signing import (
    STARTS,
    Action,
    SignedFile,
    Statement,
    Verified,
    sign,
    statement,
    verify,
)
from gateway.cli.agreements import TOLD, Subject, subjects, tell
from gateway.cli.given import stem_of
from gateway.cli.officers import BLOCKS_SIGNING, EXIT_FINDINGS, complain, files_of, instant, read
from gateway.cli.reviewed import keep, shown
from gateway.errors import AgreementError, SettingsError
from gateway.library.files import write_synced

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.model import Agreement


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: an agency, its key's file, the key's id if it is not the first, and a role."""

    agency: str
    key: str
    key_id: str = ""
    role: str = "privacy officer"


def asked(question: str) -> bool:
    """Return what whoever sits at the terminal answers; where nobody does, the command is one."""
    somebody = sys.stdin.isatty() and sys.stdout.isatty()
    return not somebody or typer.confirm(question)


def run_sign(
    folder: str,
    name: str,
    signer: Signer,
    act: Action,
    now: str,
    *,
    agreed: Callable[[str], bool] = asked,
) -> int:
    """Add one agency's statement beside a file; exit 1 where findings or tests forbid it.

    Before an activation it is shown what is otherwise than in the version that was signed before,
    and what the tests come to; then `agreed` is asked. A suspension or termination is written
    whatever the findings, also while the YAML is broken: it then names the version that was signed
    last.

    Raises:
        SettingsError: An option is wrong, or the registry does not accept the signature.
        AgreementError: The signature file cannot be read.
    """
    moment, place = instant(now), Path(folder)
    files = files_of(place)
    looked = inspect(files, moment)
    found, blocking = looked.folder, [one for one in looked.findings if _blocks(one, name)]
    if act in STARTS and (found is None or blocking):
        complain("findings forbid signing", blocking or looked.findings, place, files)
        return EXIT_FINDINGS
    before = _statements(place / f"{name}{SIGNATURES}")
    known = subjects(found) if found is not None else {}
    subject = known.get(name) or _last_signed(before, act)
    if subject is None:
        raise SettingsError(f"there is no such file to sign; there are: {', '.join(known)}")
    _may(subject, signer.agency, act)
    signed = sign(_draft(subject, act, signer, moment), _key(Path(signer.key)))
    if found is None:
        sys.stderr.write("accord: the registry cannot be read, so the key was not checked\n")
        return _write(place, name, signed, before, agreed)
    _accepted(found, signed, moment)
    text = _text(found, name) if act is Action.ACTIVATE else None
    if text is not None and not shown(place, found, text):
        return EXIT_FINDINGS
    code = _write(place, name, signed, before, agreed)
    if text is not None and not code:
        keep(place, text)
    again, _ = read(place, moment)
    if again is not None and name in known:
        tell(again, name, subject, moment)
    return code


def _write(
    place: Path,
    name: str,
    signed: Statement,
    before: tuple[Statement, ...],
    agreed: Callable[[str], bool],
) -> int:
    """Put a statement beside a file, once that is wanted; exit 1 where it is not."""
    if _is_there(signed, before):
        sys.stdout.write(f"{signed.subject} bears this signature of {signed.agency} already\n")
        return 0
    if not agreed(f"{signed.action} {signed.subject} for {signed.agency}?"):
        sys.stdout.write("nothing was signed\n")
        return EXIT_FINDINGS
    write_synced(place / f"{name}{SIGNATURES}", write_signatures([*before, signed]))
    sys.stdout.write(f"{signed.action} {signed.subject} for {signed.agency}: {signed.digest}\n")
    return 0


def _accepted(found: Folder, signed: Statement, now: dt.datetime) -> None:
    """Refuse a statement that would not count.

    Raises:
        SettingsError: The registry does not accept it.
    """
    proof = verify(signed, agencies=found.registry.model.agencies, seen=now)
    if not isinstance(proof, Verified):
        raise SettingsError(f"the registry does not accept this signature: {proof}")


def _blocks(one: Finding, name: str) -> bool:
    """Return whether a finding forbids signing a file: another's lack of tests does not."""
    if one.level is Level.SIGNING and is_agreement(f"{stem_of(one.file)}.yaml"):
        return stem_of(one.file) == name
    return one.level in BLOCKS_SIGNING and one.rule not in TOLD


def _text(found: Folder, name: str) -> Read[Agreement] | None:
    return next((one for one in found.agreements if one.model.id == name), None)


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


def _draft(subject: Subject, act: Action, signer: Signer, now: dt.datetime) -> Statement:
    try:
        return statement(
            subject.kind,
            subject.ref,
            bytes.fromhex(subject.digest.removeprefix("sha256:")),
            act,
            agency=signer.agency,
            key=signer.key_id or f"{signer.agency}-1",
            role=signer.role,
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
