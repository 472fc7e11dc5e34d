"""The officers' folder, read, judged and swapped in at once; the only way that rules reach the gateway.

A bad file never replaces a good one: the version that was in force stays, and health says so. A removed file
stops its traffic. Signature files are read apart from the YAML, so that a suspension works while a
YAML is broken. What must not be forgotten (when a signature was first seen, suspensions and
terminations, the highest version of each agreement) lives in a small file of the gateway's own: putting
back an old file, or deleting a statement, revives nothing.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.agreement import parse, yaml
from gateway.agreement.canon import bind, bound_digest
from gateway.agreement.finding import Finding, FindingsError, Level
from gateway.agreement.index import Pact, Signed, compile_agreements, pact
from gateway.agreement.lint import Folder, lint
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
from gateway.errors import AgreementError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gateway.agreement.index import Agreements
    from gateway.agreement.model import Agreement, CodeLists, Dataset, Floor, Purposes, Registry

BASE = ("_floor.yaml", "agencies.yaml", "purposes.yaml", "codes.yaml")
SIGNED_BASE = {
    "_floor": SignedFile.FLOOR,
    "agencies": SignedFile.AGENCIES,
    "purposes": SignedFile.PURPOSES,
}


@dataclass(frozen=True, slots=True)
class Base:
    """The files that every agreement leans on."""

    floor: Floor
    registry: Registry
    purposes: Purposes
    codes: CodeLists
    datasets: Mapping[str, Dataset]
    notices: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Text:
    """One agreement file: what it says, its parsed form for digests, and its places for findings."""

    agreement: Agreement
    document: yaml.Document


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
        self._base: Base | None = None
        self._texts: dict[str, Text] = {}
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
        errors = [f for f in self.findings if f.level is Level.ERROR]
        return self._agreements is not None and not errors

    def changed(self) -> bool:
        """Return whether a file of the folder changed since the last look."""
        return self._stamp != _stamp(self._folder)

    def look(self, now: dt.datetime) -> Loaded:
        """Return what the folder amounts to at `now`, without putting it in force."""
        self._stamp = _stamp(self._folder)
        findings: list[Finding] = []
        base = self._read_base(findings)
        if base is not None and not self._quorum(base, now, findings):
            base = None
        base = base or self._base
        if base is None:
            self.findings = tuple(findings)
            return Loaded(None, self.findings, ())
        texts = self._read_texts(base, findings)
        texts = self._judge(base, texts, findings)
        pacts = [self._pact(base, name, text, now, findings) for name, text in texts.items()]
        agreements = compile_agreements(
            generation=self._generation + 1,
            floor=base.floor,
            registry=base.registry,
            purposes=base.purposes,
            datasets=base.datasets,
            codes=base.codes,
            pacts=_newest(pacts),
        )
        self._base, self._texts = base, texts
        states = tuple(
            (one.agreement.id, one.agreement.version, one.digest, one.signed.value) for one in pacts
        )
        return Loaded(agreements, tuple(findings), states)

    def swap(self, loaded: Loaded) -> None:
        """Put a look in force; what it must not forget is written first."""
        _remember(self._memory_path, self._memory)
        self.findings = loaded.findings
        if loaded.agreements is not None:
            self._generation = loaded.agreements.generation
            self._agreements = loaded.agreements

    # --- reading ---

    def _read_base(self, findings: list[Finding]) -> Base | None:
        fresh: list[Finding] = []

        def read(name: str) -> yaml.Document | None:
            return _document(self._folder, name, fresh)

        def each(read_one: Any, document: yaml.Document | None) -> Any:  # noqa: ANN401
            return _parsed(read_one, document, fresh)

        floor = each(parse.floor, read("_floor.yaml"))
        registry = each(parse.agencies, read("agencies.yaml"))
        purposes = each(parse.purposes, read("purposes.yaml"))
        codes = each(parse.codes, read("codes.yaml"))
        datasets: dict[str, Dataset] = {}
        for path in sorted((self._folder / "datasets").glob("*.yaml")):
            one = each(parse.dataset, read(f"datasets/{path.name}"))
            if one is not None:
                datasets[str(one.id)] = one
        notices = {
            path.stem: path.read_bytes() for path in sorted((self._folder / "notices").glob("*.md"))
        }
        findings += fresh
        if fresh or None in (floor, registry, purposes, codes):
            return None
        return Base(floor, registry, purposes, codes, datasets, notices)

    def _read_texts(self, base: Base, findings: list[Finding]) -> dict[str, Text]:
        texts: dict[str, Text] = {}
        for path in sorted(self._folder.glob("*.yaml")):
            if path.name in BASE or path.name.endswith(".test.yaml"):
                continue
            document = _document(self._folder, path.name, findings)
            agreement = _parsed(lambda one: parse.agreement(one, base.datasets), document, findings)
            if agreement is not None and document is not None:
                texts[path.stem] = Text(agreement, document)
            elif path.stem in self._texts:
                # A bad file never replaces a good one.
                texts[path.stem] = self._texts[path.stem]
        return texts

    def _judge(
        self, base: Base, texts: dict[str, Text], findings: list[Finding]
    ) -> dict[str, Text]:
        """Return the texts without an error; the version before, where a new text has one."""
        found = self._lint(base, texts)
        findings += found
        bad = _bad(found, texts)
        if not bad:
            return texts
        kept = dict(texts)
        for name in bad:
            before = self._texts.get(name)
            if before is not None and before is not texts[name]:
                kept[name] = before
            else:
                del kept[name]
        # The versions that were put back must stand beside the others; what does not is dropped.
        for name in _bad(self._lint(base, kept), kept):
            del kept[name]
        return kept

    def _lint(self, base: Base, texts: Mapping[str, Text]) -> list[Finding]:
        return lint(
            Folder(
                floor=base.floor,
                registry=base.registry,
                purposes=base.purposes,
                codes=base.codes,
                datasets=base.datasets,
                notices=base.notices,
                agreements={name: (text.agreement, text.document) for name, text in texts.items()},
                tables=self._tables,
            )
        )

    # --- signatures ---

    def _pact(
        self, base: Base, name: str, text: Text, now: dt.datetime, findings: list[Finding]
    ) -> Pact:
        agreement = text.agreement
        bound = bind(
            agreement,
            registry=base.registry,
            purposes=base.purposes,
            datasets=base.datasets,
            notices=base.notices,
        )
        digest = bound_digest(text.document.value, bound)
        verified = self._statements(base, name, now, findings)
        agencies = base.registry.agencies
        needed = {p.agency: agencies[p.agency].signatures for p in agreement.parties.values()}
        quorum = Quorum(base.floor.quorum_signatures, base.floor.quorum_agencies)
        stands = status(
            verified,
            subject=agreement.ref,
            digest=digest,
            parties=needed,
            quorum=quorum,
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

    def _quorum(self, base: Base, now: dt.datetime, findings: list[Finding]) -> bool:
        """Return whether the floor, the registry and the purposes bear their quorum's signatures."""
        quorum = Quorum(base.floor.quorum_signatures, base.floor.quorum_agencies)
        needed = {one.id: one.signatures for one in base.registry.agencies.values()}
        versions = {
            "_floor": (base.floor.version, base.floor.digest),
            "agencies": (base.registry.version, base.registry.digest),
            "purposes": (base.purposes.version, base.purposes.digest),
        }
        good = True
        for name, (version, digest) in versions.items():
            missing = quorum_missing(
                self._statements(base, name, now, findings),
                kind=SIGNED_BASE[name],
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
        self, base: Base, name: str, now: dt.datetime, findings: list[Finding]
    ) -> list[Verified]:
        path = self._folder / f"{name}.sig.json"
        given: list[Statement] = []
        try:
            given = list(read_signatures(path.read_bytes(), file=path.name))
        except FileNotFoundError:
            pass
        except FindingsError as error:
            findings += error.findings
        given += [one for one in self._memory.stops.get(name, ()) if one not in given]
        proved = []
        for one in given:
            seen = self._memory.seen.setdefault(_fingerprint(one), now)
            answer = verify(one, agencies=base.registry.agencies, seen=seen)
            if isinstance(answer, Verified):
                proved.append(answer)
                self._keep_stop(name, one)
            else:
                message = f"statement of `{one.agency}`: {answer}"
                findings.append(
                    Finding("signature-invalid", Level.SIGNING, path.name, 1, 1, message)
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


def _bad(findings: Iterable[Finding], texts: Mapping[str, Text]) -> list[str]:
    files = {finding.file for finding in findings if finding.level is Level.ERROR}
    return [name for name in texts if f"{name}.yaml" in files]


def _document(folder: Path, name: str, findings: list[Finding]) -> yaml.Document | None:
    try:
        return yaml.read((folder / name).read_bytes(), file=name)
    except OSError:
        findings.append(Finding("missing-file", Level.ERROR, name, 1, 1, "cannot be read"))
    except FindingsError as error:
        findings += error.findings
    return None


def _parsed(read: Any, document: yaml.Document | None, findings: list[Finding]) -> Any:  # noqa: ANN401
    if document is None:
        return None
    try:
        return read(document)
    except FindingsError as error:
        findings += error.findings
        return None


def _stamp(folder: Path) -> object:
    """Return what changes when a file does: names, times and sizes."""
    found = []
    for root in (folder, folder / "datasets", folder / "notices"):
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
