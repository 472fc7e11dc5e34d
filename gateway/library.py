"""The officers' folder, read, judged and swapped in at once.

The only way that rules reach the gateway.

A bad file never replaces a good one: the version that was in force stays, and health says so. A
removed file stops its traffic. Signature files are read apart from the YAML, so that a suspension
works while a YAML is broken. What must not be forgotten (when a signature was first seen,
suspensions and terminations, the highest version of each agreement) lives in a small file of the
gateway's own: putting back an old file, or deleting a statement, revives nothing.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.agreement.canon import bind, bound_digest
from gateway.agreement.finding import Finding, Level
from gateway.agreement.index import Pact, Signed, compile_agreements, pact
from gateway.agreement.lint.folder import SIGNATURES, Folder, Read, read_folder
from gateway.agreement.lint.run import lint
from gateway.agreement.signing import (
    Action,
    Quorum,
    SignedFile,
    State,
    Statement,
    Verified,
    quorum_missing,
    read_signatures,
    status,
    verify,
    write_signatures,
)
from gateway.errors import AgreementError, NotFoundError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gateway.agreement.index import Agreements
    from gateway.agreement.model import Agreement

FOLDERS = ("datasets", "notices")
ROUNDS = 8
"""How often the older version of a bad file is put back before the set is given up."""


@dataclass(slots=True)
class Memory:
    """What the gateway refuses to forget.

    Attributes:
        seen: When a signature was first seen, by the SHA-256 of its statement and signature.
        stops: Suspensions and terminations that once stood, by agreement file.
        highest: The highest version that was ever active, by agreement id.
    """

    seen: dict[str, dt.datetime] = field(default_factory=dict)
    stops: dict[str, list[Statement]] = field(default_factory=dict)
    highest: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Loaded:
    """One look at the folder.

    Attributes:
        agreements: The set that is in force from now on, or None where there never was a good one.
        findings: Everything that is wrong, whether or not it kept something from loading.
        states: (id, version, digest, state) of each agreement, for the log.
    """

    agreements: Agreements | None
    findings: tuple[Finding, ...]
    states: tuple[tuple[str, str, bytes, str], ...]


class FolderLibrary:
    """Reads a folder of agreements; `current` is one attribute, swapped by one assignment.

    Args:
        folder: The officers' folder.
        memory: The gateway's own file of what must not be forgotten; None keeps it in memory only.
        tables: References of the tables that masks may name.
    """

    def __init__(
        self, folder: Path, memory: Path | None, tables: frozenset[str] = frozenset()
    ) -> None:
        self._folder = folder
        self._memory_path = memory
        self._memory = _recall(memory)
        self._tables = tables
        self._good: dict[str, bytes] = {}
        self._agreements: Agreements | None = None
        self._generation = 0
        self._stamp: object = None
        self.findings: tuple[Finding, ...] = ()

    def current(self) -> Agreements:
        """Return the set in force.

        Raises:
            AgreementError: No good set was ever loaded.
        """
        if self._agreements is None:
            lines = [finding.text() for finding in self.findings]
            raise AgreementError("no good set of agreements", findings=lines)
        return self._agreements

    @property
    def healthy(self) -> bool:
        """Whether everything in the folder is in force as it lies there."""
        errors = [one for one in self.findings if one.level is Level.ERROR]
        return self._agreements is not None and not errors

    def files(self, one: Pact) -> tuple[bytes, bytes]:
        """Return the bytes of an agreement in force and of the signatures beside it."""
        name = one.agreement.id
        source = self._good.get(f"{name}.yaml")
        if source is None:
            raise NotFoundError(Reason.NOT_FOUND, "no such agreement")
        return source, self._good.get(name + SIGNATURES, b"")

    def changed(self) -> bool:
        """Return whether a file of the folder changed since the last look."""
        return self._stamp != _stamp(self._folder)

    def look(self, now: dt.datetime) -> Loaded:
        """Return what the folder amounts to at `now`, without putting it in force."""
        self._stamp = _stamp(self._folder)
        files, folder, findings = self._readable(contents(self._folder), now)
        if folder is None or not self._quorum(folder, now, findings):
            # The old set stays, but a suspension must work while another file is broken.
            files, folder, _ = self._readable(self._with_signatures(), now)
        if folder is None:
            self.findings = tuple(findings)
            return Loaded(None, self.findings, ())
        pacts = [self._pact(folder, read, now, findings) for read in folder.agreements]
        pacts = _newest(pacts)
        agreements = compile_agreements(
            generation=self._generation + 1,
            floor=folder.floor.model,
            registry=folder.registry.model,
            purposes=folder.purposes.model,
            datasets=folder.schemas,
            codes=folder.codes.model,
            pacts=pacts,
        )
        self._good = files
        states = tuple(
            (one.agreement.id, one.agreement.version, one.digest, one.signed.value) for one in pacts
        )
        return Loaded(agreements, tuple(findings), states)

    def swap(self, loaded: Loaded) -> None:
        """Put a look in force; what must not be forgotten is written first."""
        _remember(self._memory_path, self._memory)
        self.findings = loaded.findings
        if loaded.agreements is not None:
            self._generation = loaded.agreements.generation
            self._agreements = loaded.agreements

    # --- reading ---

    def _readable(
        self, files: dict[str, bytes], now: dt.datetime
    ) -> tuple[dict[str, bytes], Folder | None, list[Finding]]:
        """Return the files without an error, each bad one replaced by its last good version.

        What has no good version is left out; where that is a file that everything rests on, the
        next round finds no folder. The findings are those of the files as they lie there.
        """
        first: list[Finding] | None = None
        for _ in range(ROUNDS):
            folder, found = read_folder(files, tables=self._tables)
            found = (*found, *(lint(folder, now) if folder is not None else ()))
            first = list(found) if first is None else first
            bad = {one.file for one in found if one.level is Level.ERROR}
            if not bad:
                return files, folder, first
            files = {name: data for name in files if (data := self._instead(name, files, bad))}
        return files, None, first or []

    def _instead(self, name: str, files: Mapping[str, bytes], bad: set[str]) -> bytes | None:
        if name not in bad:
            return files[name]
        if name.endswith(SIGNATURES):
            # A signature file that cannot be read proves nothing, so nothing of it counts.
            return None
        before = self._good.get(name)
        return before if before is not None and before != files[name] else None

    def _with_signatures(self) -> dict[str, bytes]:
        """Return the last good files with the signature files as they lie there now."""
        fresh = contents(self._folder)
        good = {name: data for name, data in self._good.items() if not name.endswith(SIGNATURES)}
        kept = {name: data for name, data in good.items() if name in fresh or "/" in name}
        return kept | {n: data for n, data in fresh.items() if n.endswith(SIGNATURES)}

    # --- signatures ---

    def _pact(
        self, folder: Folder, read: Read[Agreement], now: dt.datetime, findings: list[Finding]
    ) -> Pact:
        agreement = read.model
        registry, floor = folder.registry.model, folder.floor.model
        bound = bind(
            agreement,
            registry=registry,
            purposes=folder.purposes.model,
            datasets=folder.schemas,
            codes=folder.codes.model,
            notices=folder.notices,
        )
        digest = bound_digest(read.document.value, bound)
        agencies = registry.agencies
        stands = status(
            self._statements(folder, agreement.id, now, findings),
            subject=agreement.ref,
            digest=digest,
            parties={p.agency: agencies[p.agency].signatures for p in agreement.parties.values()},
            quorum=Quorum(floor.quorum_signatures, floor.quorum_agencies),
            term=None,
            now=now,
        )
        signed = _SIGNED[stands.state]
        highest = self._memory.highest.get(agreement.id)
        if signed is Signed.SIGNED:
            if highest is not None and _older(agreement.version, highest):
                signed = Signed.TERMINATED
            else:
                self._memory.highest[agreement.id] = agreement.version
        return pact(agreement, signed, digest)

    def _quorum(self, folder: Folder, now: dt.datetime, findings: list[Finding]) -> bool:
        """Return whether floor, registry and purposes bear the quorum's signatures."""
        floor, registry = folder.floor.model, folder.registry.model
        purposes = folder.purposes.model
        quorum = Quorum(floor.quorum_signatures, floor.quorum_agencies)
        needed = {one.id: one.signatures for one in registry.agencies.values()}
        versions = {
            SignedFile.FLOOR: ("_floor", floor.version, floor.digest),
            SignedFile.AGENCIES: ("agencies", registry.version, registry.digest),
            SignedFile.PURPOSES: ("purposes", purposes.version, purposes.digest),
        }
        good = True
        for kind, (name, version, digest) in versions.items():
            missing = quorum_missing(
                self._statements(folder, name, now, findings),
                kind=kind,
                subject=f"{name}@{version}",
                digest=digest,
                quorum=quorum,
                needed=needed,
            )
            if missing:
                good = False
                message = f"{missing} signatures of the floor's quorum are missing"
                findings.append(
                    Finding("floor-missing", Level.ERROR, f"{name}.yaml", 1, 1, message)
                )
        return good

    def _statements(
        self, folder: Folder, name: str, now: dt.datetime, findings: list[Finding]
    ) -> list[Verified]:
        given = list(folder.signatures.get(name, ()))
        given += [one for one in self._memory.stops.get(name, ()) if one not in given]
        proved = []
        for one in given:
            seen = self._memory.seen.setdefault(_fingerprint(one), now)
            answer = verify(one, agencies=folder.registry.model.agencies, seen=seen)
            if isinstance(answer, Verified):
                proved.append(answer)
                self._keep_stop(name, one)
            else:
                message = f"statement of `{one.agency}`: {answer}"
                findings.append(
                    Finding("signature-invalid", Level.SIGNING, name + SIGNATURES, 1, 1, message)
                )
        return proved

    def _keep_stop(self, name: str, one: Statement) -> None:
        kept = self._memory.stops.setdefault(name, [])
        if one.action in (Action.SUSPEND, Action.TERMINATE) and one not in kept:
            kept.append(one)


_SIGNED = {
    State.DRAFT: Signed.DRAFT,
    State.IN_REVIEW: Signed.IN_REVIEW,
    State.ACTIVE: Signed.SIGNED,
    State.SUSPENDED: Signed.SUSPENDED,
    State.TERMINATED: Signed.TERMINATED,
}


_STATE = {
    Signed.DRAFT: "draft",
    Signed.IN_REVIEW: "in_review",
    Signed.SIGNED: "active",
    Signed.SUSPENDED: "suspended",
    Signed.TERMINATED: "terminated",
}
"""The words of the log's `agreement` entries."""


def _newest(pacts: Iterable[Pact]) -> list[Pact]:
    """Return the pacts, those superseded by an active newer one as terminated."""
    several = list(pacts)
    replaced = {
        one.agreement.supersedes
        for one in several
        if one.signed is Signed.SIGNED and one.agreement.supersedes
    }
    return [
        Pact(one.agreement, Signed.TERMINATED, one.starts, one.ends, one.digest)
        if one.agreement.ref in replaced
        else one
        for one in several
    ]


def _older(version: str, than: str) -> bool:
    return [int(part) for part in version.split(".")] < [int(part) for part in than.split(".")]


def contents(folder: Path) -> dict[str, bytes]:
    """Return the folder's files by their name inside it; what cannot be read is as if absent."""
    found: dict[str, bytes] = {}
    for root in (folder, *(folder / name for name in FOLDERS)):
        prefix = "" if root == folder else f"{root.name}/"
        for path in sorted(root.glob("*")):
            try:
                if path.is_file():
                    found[prefix + path.name] = path.read_bytes()
            except OSError:
                continue
    return found


def _stamp(folder: Path) -> object:
    """Return what changes when a file does: names, times and sizes."""
    found = []
    for root in (folder, *(folder / name for name in FOLDERS)):
        if not root.is_dir():
            continue
        for entry in os.scandir(root):
            if entry.is_file():
                about = entry.stat()
                found.append((root.name, entry.name, about.st_mtime_ns, about.st_size))
    return tuple(sorted(found))


def _fingerprint(one: Statement) -> str:
    return hashlib.sha256(one.message() + one.sig).hexdigest()


# --- what must not be forgotten ---


def _recall(path: Path | None) -> Memory:
    if path is None or not path.exists():
        return Memory()
    value = json.loads(path.read_text())
    return Memory(
        {key: dt.datetime.fromisoformat(text) for key, text in value["seen"].items()},
        {
            name: list(read_signatures(base64.b64decode(text), file=path.name))
            for name, text in value["stops"].items()
        },
        dict(value["highest"]),
    )


def _remember(path: Path | None, memory: Memory) -> None:
    """Write the memory whole: to a temporary file, synced, then renamed."""
    if path is None:
        return
    value = {
        "seen": {key: time.isoformat() for key, time in memory.seen.items()},
        "stops": {
            name: base64.b64encode(write_signatures(several)).decode()
            for name, several in memory.stops.items()
            if several
        },
        "highest": memory.highest,
    }
    text = json.dumps(value, sort_keys=True, indent=1)
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
