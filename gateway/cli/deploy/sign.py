"""Signs a deployment's files with the development keys of its agencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.agreement.canon import bind, bound_digest
from gateway.agreement.lint.folder import read_folder
from gateway.agreement.signatures import write_signatures
from gateway.agreement.signing import Action, SignedFile, Statement, sign, statement
from gateway.errors import AgreementError

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from gateway.agreement.lint.folder import Folder

ROLE = "development signer"


def sign_all(folder: Path, now: dt.datetime) -> None:
    """Sign floor, registry, purposes and every agreement for every agency that must.

    Raises:
        AgreementError: A file cannot be read.
    """
    from gateway.library.files import contents

    home = folder / "agreements"
    read, findings = read_folder(contents(home))
    if read is None or findings:
        lines = [one.text() for one in findings]
        raise AgreementError("the agreements cannot be signed", findings=lines)
    for name, kind, subject, digest, agencies in _wanted(read):
        statements = [_signed(folder, agency, kind, subject, digest, now) for agency in agencies]
        (home / f"{name}.sig.json").write_bytes(write_signatures(statements))


def _wanted(read: Folder) -> list[tuple[str, SignedFile, str, bytes, list[str]]]:
    floor, registry, purposes = read.floor.model, read.registry.model, read.purposes.model
    quorum = sorted(floor.quorum_agencies)
    wanted = [
        ("_floor", SignedFile.FLOOR, f"_floor@{floor.version}", floor.digest, quorum),
        ("agencies", SignedFile.AGENCIES, f"agencies@{registry.version}", registry.digest, quorum),
        ("purposes", SignedFile.PURPOSES, f"purposes@{purposes.version}", purposes.digest, quorum),
    ]
    for one in read.agreements:
        bound = bind(
            one.model,
            registry=registry,
            purposes=purposes,
            datasets=read.schemas,
            codes=read.codes.model,
            notices=read.notices,
        )
        digest = bound_digest(one.document.value, bound)
        parties = sorted({party.agency for party in one.model.parties.values()})
        wanted.append((one.model.id, SignedFile.AGREEMENT, one.model.ref, digest, parties))
    return wanted


def _signed(
    folder: Path, agency: str, kind: SignedFile, subject: str, digest: bytes, now: dt.datetime
) -> Statement:
    draft = statement(
        kind,
        subject,
        digest,
        Action.ACTIVATE,
        agency=agency,
        key=f"{agency}-1",
        role=ROLE,
        time=now.replace(microsecond=0),
    )
    path = folder / "agencies" / agency / "signing.key"
    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, Ed25519PrivateKey)  # noqa: S101 - `pki.signing_key` wrote it
    return sign(draft, key)
