"""`accord agreements`: lint, explain, sign and verify the officers' files.

Reads local files only.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.agreement.canon import bind, bound_digest, digest_text
from gateway.agreement.finding import Finding, Level
from gateway.agreement.index import Signed as SignedState
from gateway.agreement.index import compile_agreements, pact
from gateway.agreement.lint.folder import read_folder
from gateway.agreement.lint.run import lint
from gateway.agreement.signing import (
    Action,
    Quorum,
    SignedFile,
    State,
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
from gateway.broker.explain import explain
from gateway.cli.clock import SystemClock
from gateway.errors import AgreementError, SettingsError
from gateway.library.files import contents
from gateway.plan.build import Builder, Table
from gateway.values import Caller, DatasetId, Request, Terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.index import Agreements
    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.model import Agreement
    from gateway.broker.explain import Explanation

EXIT_FINDINGS = 1
EXIT_MISSING = 5
EXIT_REFUSED = 7
BLOCKS_SIGNING = frozenset({Level.ERROR, Level.SIGNING})


def instant(now: str) -> dt.datetime:
    """Return the instant that `--now` fixes, or the clock's.

    Raises:
        SettingsError: It is not an ISO 8601 time with a zone.
    """
    if not now:
        return SystemClock().now()
    try:
        read = dt.datetime.fromisoformat(now)
    except ValueError:
        raise SettingsError("`--now` is a time such as 2027-06-15T12:00:00Z") from None
    if read.tzinfo is None:
        raise SettingsError("`--now` needs a zone, as in 2027-06-15T12:00:00Z")
    return read.astimezone(dt.UTC)


def _read(folder: Path, now: dt.datetime) -> tuple[Folder | None, list[Finding]]:
    if not folder.is_dir():
        raise SettingsError(f"{folder} is not a folder of agreements")
    read, found = read_folder(contents(folder))
    return read, [*found, *(lint(read, now) if read is not None else ())]


def _good(folder: Path, now: dt.datetime) -> Folder:
    read, found = _read(folder, now)
    errors = [one.text() for one in found if one.level is Level.ERROR]
    if read is None or errors:
        raise AgreementError("the folder does not lint", findings=errors)
    return read


# --- lint ---


def run_lint(folders: Sequence[str], now: str, *, for_sign: bool, as_json: bool) -> int:
    """Print what is wrong; exit 1 where a finding refuses loading, or, `--for sign`, signing."""
    moment = instant(now)
    blocks = BLOCKS_SIGNING if for_sign else frozenset({Level.ERROR})
    worst = 0
    for name in folders:
        folder = Path(name)
        _, found = _read(folder, moment)
        worst = max(worst, int(any(one.level in blocks for one in found)))
        _print_lint(folder, found, as_json=as_json)
    return worst


def _print_lint(folder: Path, found: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "column": one.column,
                "file": one.file,
                "level": one.level.value,
                "line": one.line,
                "message": one.message,
                "rule": one.rule,
            }
            for one in found
        ]
        sys.stdout.write(json.dumps(rows, sort_keys=True) + "\n")
        return
    for one in found:
        sys.stdout.write(f"{folder}/{one.text()}\n{_excerpt(folder, one)}")
    counts = {level: sum(one.level is level for one in found) for level in Level}
    words = ", ".join(f"{count} {level.name.lower()}" for level, count in counts.items() if count)
    sys.stdout.write(f"{folder}: {words or 'nothing to say'}\n")


def _excerpt(folder: Path, one: Finding) -> str:
    """Return the line of a finding with a caret under its column."""
    path = folder / one.file
    if one.line < 1 or not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if one.line > len(lines):
        return ""
    text = lines[one.line - 1]
    start = max(0, one.column - 60)
    cut = text[start : start + 96]
    return f"    {cut}\n    {' ' * (one.column - 1 - start)}^\n"


# --- explain ---


def run_explain(  # noqa: PLR0917 - one argument an option
    folder: str,
    provider: str,
    recipient: str,
    dataset: str,
    purpose: str,
    fields: str,
    roles: Sequence[str],
    now: str,
) -> int:
    """Print what would be decided, from the files alone, as if every signature were there."""
    moment = instant(now)
    read = _good(Path(folder), moment)
    named = DatasetId.parse(dataset)
    if named is None:
        raise SettingsError("`--dataset` is of the form `name@version`, as in ems.overdose_run@1")
    agreements = _as_signed(read)
    names = tuple(name for name in fields.split(",") if name) or _all(
        agreements, provider, recipient, dataset, purpose
    )
    caller = Caller(recipient, bytes(32), roles=frozenset(roles))
    terms = Terms(provider, recipient, named, purpose, names)
    answer = explain(agreements, _builder(read), Request("", terms, caller), moment)
    _print_explanation(answer)
    return EXIT_REFUSED if answer.refusal else 0


def _as_signed(read: Folder) -> Agreements:
    return compile_agreements(
        generation=1,
        floor=read.floor.model,
        registry=read.registry.model,
        purposes=read.purposes.model,
        datasets=read.schemas,
        codes=read.codes.model,
        pacts=[pact(one.model, SignedState.SIGNED, _digest(read, one)) for one in read.agreements],
    )


class _AnyTable(dict[str, Table]):
    """Stands in for the gateway's reference tables: explaining needs their names alone."""

    def get(self, ref: str, default: Table | None = None) -> Table | None:  # type: ignore[override]
        del default
        return Table(ref, "", {})


def _builder(read: Folder) -> Builder:
    del read
    return Builder(_AnyTable(), lambda domain, period: (f"{domain}/{period}", bytes(32)))


def _all(
    agreements: Agreements, provider: str, recipient: str, dataset: str, purpose: str
) -> tuple[str, ...]:
    """Return every released field of the flow; one name that nobody has where there is no flow."""
    for key, rules in agreements.flows.items():
        if tuple(key) == (provider, recipient, dataset, purpose):
            return tuple(rules[0].provision.release)
    known = agreements.datasets.get(dataset)
    return tuple(known.fields) if known else ("any",)


def _print_explanation(answer: Explanation) -> None:
    write = sys.stdout.write
    if answer.refusal is not None:
        no = answer.refusal
        write(f"refused at step {no.step}: {no.message}\n  reason   {no.reason}\n")
        if no.clause:
            write(f"  clause   {no.clause}\n")
        if no.provision:
            write(f"  rule     {no.provision} of {no.agreement}\n")
        return
    header = answer.header
    assert header is not None  # noqa: S101 - one of the two is there
    write(f"permitted by {header.provision} of {header.agreement}, clause {header.clause}\n")
    for column in header.columns:
        if "." not in column.name:
            mask = " ".join((column.mask.name, *column.mask.arguments))
            write(f"  leaves    {column.name:28} {column.field_class.value:18} {mask}\n")
    write(f"  reads     {', '.join(answer.reads)}\n")
    write(f"  withheld  {', '.join(answer.withheld)}\n")
    for line in answer.undecided:
        write(f"  hangs on  {line}\n")
    for duty in header.duties:
        write(f"  duty      {duty.kind}: {duty.text}\n")


# --- sign and verify ---


def _digest(read: Folder, one: Read[Agreement]) -> bytes:
    bound = bind(
        one.model,
        registry=read.registry.model,
        purposes=read.purposes.model,
        datasets=read.schemas,
        codes=read.codes.model,
        notices=read.notices,
    )
    return bound_digest(one.document.value, bound)


def _subjects(read: Folder) -> dict[str, tuple[SignedFile, str, bytes]]:
    """Return what can be signed, by file stem: its kind, subject and digest."""
    floor, registry, purposes = read.floor.model, read.registry.model, read.purposes.model
    found = {
        "_floor": (SignedFile.FLOOR, f"_floor@{floor.version}", floor.digest),
        "agencies": (SignedFile.AGENCIES, f"agencies@{registry.version}", registry.digest),
        "purposes": (SignedFile.PURPOSES, f"purposes@{purposes.version}", purposes.digest),
    }
    for one in read.agreements:
        found[one.model.id] = (SignedFile.AGREEMENT, one.model.ref, _digest(read, one))
    return found


def run_sign(  # noqa: PLR0917
    folder: str, name: str, agency: str, key: str, key_id: str, role: str, action: str, now: str
) -> int:
    """Add one agency's statement beside a file; refuses what has findings that forbid signing.

    Raises:
        SettingsError, AgreementError: It cannot be signed so.
    """
    moment, place = instant(now), Path(folder)
    read, found = _read(place, moment)
    # The file that is signed is not signed yet: that alone forbids nothing.
    blocking = [
        one.text()
        for one in found
        if one.level in BLOCKS_SIGNING and one.rule != "signature-invalid"
    ]
    if read is None or (blocking and action == Action.ACTIVATE.value):
        raise AgreementError("findings forbid signing", findings=blocking)
    subjects = _subjects(read)
    if name not in subjects:
        raise SettingsError(f"there is no such file to sign; there are: {', '.join(subjects)}")
    kind, subject, digest = subjects[name]
    private = load_pem_private_key(Path(key).read_bytes(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        raise SettingsError("`--key` is not an Ed25519 key")
    draft = statement(
        kind,
        subject,
        digest,
        Action(action),
        agency=agency,
        key=key_id or f"{agency}-1",
        role=role,
        time=moment.replace(microsecond=0),
    )
    signed = sign(draft, private)
    proof = verify(signed, agencies=read.registry.model.agencies, seen=moment)
    if not isinstance(proof, Verified):
        raise SettingsError(f"the registry does not accept this signature: {proof}")
    file = place / f"{name}.sig.json"
    before = read_signatures(file.read_bytes(), file=file.name) if file.exists() else ()
    file.write_bytes(write_signatures([*before, signed]))
    sys.stdout.write(f"{action} {subject} for {agency}: {digest_text(digest)}\n")
    return run_verify(folder, now, quiet=name)


def run_verify(folder: str, now: str, *, quiet: str = "") -> int:
    """Print who signed what and who is missing; exit 5 where a signature is missing or invalid."""
    moment = instant(now)
    read = _good(Path(folder), moment)
    floor, registry = read.floor.model, read.registry.model
    quorum = Quorum(floor.quorum_signatures, floor.quorum_agencies)
    needed = {one.id: one.signatures for one in registry.agencies.values()}
    missing = 0
    for name, (kind, subject, digest) in _subjects(read).items():
        proved, bad = _proved(read, name, moment)
        if kind is not SignedFile.AGREEMENT:
            lack = quorum_missing(
                proved, kind=kind, subject=subject, digest=digest, quorum=quorum, needed=needed
            )
            line = "quorum reached" if not lack else f"{lack} of the quorum missing"
        else:
            line, lack = _agreement_line(read, name, proved, digest, moment)
        missing += lack + len(bad)
        if quiet in {"", name}:
            sys.stdout.write(f"{subject:40} {line}\n")
            sys.stdout.writelines(f"  invalid: {one}\n" for one in bad)
    return EXIT_MISSING if missing and not quiet else 0


def _proved(read: Folder, name: str, now: dt.datetime) -> tuple[list[Verified], list[str]]:
    proved, bad = [], []
    for one in read.signatures.get(name, ()):
        answer = verify(one, agencies=read.registry.model.agencies, seen=now)
        if isinstance(answer, Verified):
            proved.append(answer)
        else:
            bad.append(f"{one.agency}: {answer}")
    return proved, bad


def _agreement_line(
    read: Folder, name: str, proved: list[Verified], digest: bytes, now: dt.datetime
) -> tuple[str, int]:
    agreement = next(one.model for one in read.agreements if one.model.id == name)
    agencies = read.registry.model.agencies
    stands = status(
        proved,
        subject=agreement.ref,
        digest=digest,
        parties={p.agency: agencies[p.agency].signatures for p in agreement.parties.values()},
        quorum=Quorum(read.floor.model.quorum_signatures, read.floor.model.quorum_agencies),
        term=force(agreement.term.effective, agreement.term.expires, agreement.term.timezone),
        now=now,
    )
    total = len(stands.signed) + len(stands.missing)
    line = f"{stands.state}, {len(stands.signed)} of {total} parties"
    if stands.missing:
        line += f"; missing: {', '.join(stands.missing)}"
    if stands.state in (State.SUSPENDED, State.TERMINATED) and stands.by:
        line += f"; by {', '.join(stands.by)}"
    return line, len(stands.missing)
