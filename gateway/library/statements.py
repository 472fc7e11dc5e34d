"""What signatures amount to, with what the gateway remembers of them.

A stop that was once proved is not proved again: a key that has left the registry does not take its
suspension along. Floor, registry and purposes need the quorum that they name themselves and, where
they change, the quorum of the floor in force by the keys of the registry in force: a new floor
cannot appoint its own signers. So a key is changed in two steps: the new one is added while the old
one signs, then the old one is dated out (`until`), and leaves when nothing in force needs it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.agreement import parse
from gateway.agreement.canon import bind, bound_digest
from gateway.agreement.finding import Finding, FindingsError, Level
from gateway.agreement.index import Pact, Signed, pact
from gateway.agreement.lint.folder import AGENCIES, FLOOR, PURPOSES, SIGNATURES, Folder, Read
from gateway.agreement.signing import Action, SignedFile, Verified, recalled, verify
from gateway.agreement.state import Quorum, State, quorum_missing, status
from gateway.agreement.yaml import read as read_yaml
from gateway.errors import SettingsError
from gateway.library.memory import older

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.canon import Bound
    from gateway.agreement.floor import Floor
    from gateway.agreement.model import Agreement
    from gateway.agreement.registry import Registry
    from gateway.library.memory import Memory

BASE: Final = (FLOOR, AGENCIES, PURPOSES)
_NEVER: Final = dt.datetime.max.replace(tzinfo=dt.UTC)
_SIGNED: Final = {
    State.DRAFT: Signed.DRAFT,
    State.IN_REVIEW: Signed.IN_REVIEW,
    State.ACTIVE: Signed.SIGNED,
    State.SUSPENDED: Signed.SUSPENDED,
    State.TERMINATED: Signed.TERMINATED,
}


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may approve: a floor's quorum, by a registry's keys.

    Attributes:
        digests: Of floor, registry and purposes, by file name.
    """

    floor: Floor
    registry: Registry
    digests: Mapping[str, bytes]

    @property
    def quorum(self) -> Quorum:
        """The floor's quorum."""
        return Quorum(self.floor.quorum_signatures, self.floor.quorum_agencies)


class Statements:
    """Judges the statements of one look; what is first seen in it goes into `memory`."""

    def __init__(self, memory: Memory, now: dt.datetime) -> None:
        self._memory = memory
        self._now = now
        self._before = _signers(memory.base)

    # --- floor, registry and purposes ---

    def lacking(self, folder: Folder) -> Mapping[str, Finding]:
        """Return a finding for each of the three files that lacks its quorum, by its name."""
        own = _own(folder)
        found: dict[str, Finding] = {}
        for kind, one in (
            (SignedFile.FLOOR, folder.floor),
            (SignedFile.AGENCIES, folder.registry),
            (SignedFile.PURPOSES, folder.purposes),
        ):
            stem = one.file.removesuffix(".yaml")
            subject = f"{stem}@{one.model.version}"
            missing = self._missing(folder, own, kind, subject, one.model.digest)
            whose = "the floor's quorum"
            if not missing and self._changed(one.file, one.model.digest):
                assert self._before is not None  # noqa: S101 - `_changed` has asked
                missing = self._missing(folder, self._before, kind, subject, one.model.digest)
                whose = "the quorum in force"
            if missing:
                message = f"{missing} signatures of {whose} are missing"
                found[one.file] = Finding("floor-missing", Level.ERROR, one.file, 1, 1, message)
        return found

    def _changed(self, file: str, digest: bytes) -> bool:
        return self._before is not None and digest != self._before.digests[file]

    def _missing(
        self, folder: Folder, by: Signers, kind: SignedFile, subject: str, digest: bytes
    ) -> int:
        return quorum_missing(
            self._proved(folder, subject.partition("@")[0], by.registry),
            kind=kind,
            subject=subject,
            digest=digest,
            quorum=by.quorum,
            needed={agency.id: agency.signatures for agency in by.registry.agencies.values()},
        )

    def _proved(self, folder: Folder, stem: str, registry: Registry) -> list[Verified]:
        answers = (
            verify(one, agencies=registry.agencies, seen=self._memory.first_seen(one, self._now))
            for one in folder.signatures.get(stem, ())
        )
        return [answer for answer in answers if isinstance(answer, Verified)]

    # --- agreements ---

    def age(self, folder: Folder, stem: str) -> tuple[dt.datetime, ...]:
        """Return since when an agreement is signed by anybody: first seen, then as they say."""
        signed = [
            (one.seen, one.statement.time)
            for one in self._proved(folder, stem, folder.registry.model)
            if one.statement.action is Action.ACTIVATE
        ]
        return min(signed, default=(_NEVER, _NEVER))

    def stood(self, folder: Folder, stem: str) -> bool:
        """Return whether this version of an agreement was active, and all who must have signed it.

        Other contents under the version would not have their signatures.
        """
        read = next((one for one in folder.agreements if one.model.id == stem), None)
        if read is None or self._memory.highest.get(stem) != read.model.version:
            return False
        return self._pact(folder, read).signed in {Signed.SIGNED, Signed.SUSPENDED}

    def pacts(self, folder: Folder) -> tuple[Pact, ...]:
        """Return every agreement with its state; what must not be forgotten is kept."""
        made = [self._pact(folder, one) for one in folder.agreements]
        self._memory.ended |= {
            one.agreement.supersedes
            for one in made
            if one.signed is Signed.SIGNED and one.agreement.supersedes and one.starts <= self._now
        }
        return tuple(
            Pact(one.agreement, Signed.TERMINATED, one.starts, one.ends, one.digest)
            if one.agreement.ref in self._memory.ended
            else one
            for one in made
        )

    def _pact(self, folder: Folder, read: Read[Agreement]) -> Pact:
        agreement, registry = read.model, folder.registry.model
        digest = digest_in(folder, read)
        stands = status(
            self._of(folder, agreement),
            subject=agreement.ref,
            digest=digest,
            parties={
                party.agency: registry.agencies[party.agency].signatures
                for party in agreement.parties.values()
            },
            quorum=_own(folder).quorum,
            term=None,
            now=self._now,
            halted=self._memory.halted.get(agreement.ref),
        )
        return pact(agreement, self._known(agreement, _SIGNED[stands.state]), digest)

    def _known(self, agreement: Agreement, signed: Signed) -> Signed:
        """Return the state, unless a higher version of this agreement was once active."""
        highest = self._memory.highest.get(agreement.id)
        if highest is not None and older(agreement.version, highest):
            return Signed.TERMINATED
        if signed is Signed.SIGNED:
            self._memory.highest[agreement.id] = agreement.version
        return signed

    def _of(self, folder: Folder, agreement: Agreement) -> list[Verified]:
        found = self._proved(folder, agreement.id, folder.registry.model)
        for one in found:
            if one.statement.subject == agreement.ref:
                self._memory.keep_stop(agreement.id, one.statement)
        given = {one.statement for one in found}
        return found + [
            recalled(one, seen=self._memory.first_seen(one, self._now))
            for one in self._memory.stops.get(agreement.id, ())
            if one not in given
        ]

    # --- what does not hold ---

    def faults(self, folder: Folder) -> list[Finding]:
        """Return a finding for each statement that does not hold."""
        found = []
        for stem, several in folder.signatures.items():
            for one in several:
                seen = self._memory.first_seen(one, self._now)
                answer = verify(one, agencies=folder.registry.model.agencies, seen=seen)
                if not isinstance(answer, Verified):
                    message = f"statement of `{one.agency}`: {answer}"
                    name = stem + SIGNATURES
                    found.append(Finding("signature-invalid", Level.SIGNING, name, 1, 1, message))
        return found


def digest_in(folder: Folder, read: Read[Agreement]) -> bytes:
    """Return what the parties of an agreement sign: it, and all that it binds in this folder."""
    return bound_digest(read.document.value, bound_in(folder, read))


def bound_in(folder: Folder, read: Read[Agreement]) -> Bound:
    """Return all that an agreement binds in this folder."""
    return bind(
        read.model,
        registry=folder.registry.model,
        purposes=folder.purposes.model,
        datasets=folder.schemas,
        codes=folder.codes.model,
        notices=folder.notices,
    )


def _own(folder: Folder) -> Signers:
    floor, registry, purposes = folder.floor.model, folder.registry.model, folder.purposes.model
    digests = {FLOOR: floor.digest, AGENCIES: registry.digest, PURPOSES: purposes.digest}
    return Signers(floor, registry, digests)


def _signers(base: Mapping[str, bytes]) -> Signers | None:
    """Return the signers of the floor and registry last in force; None before there were any.

    Raises:
        SettingsError: The remembered files cannot be read.
    """
    if not base:
        return None
    try:
        floor = parse.floor(read_yaml(base[FLOOR], file=FLOOR))
        registry = parse.agencies(read_yaml(base[AGENCIES], file=AGENCIES))
        purposes = parse.purposes(read_yaml(base[PURPOSES], file=PURPOSES))
    except (KeyError, FindingsError):
        raise SettingsError(
            "the floor and registry last in force, in the memory of agreements, cannot be read"
        ) from None
    digests = {FLOOR: floor.digest, AGENCIES: registry.digest, PURPOSES: purposes.digest}
    return Signers(floor, registry, digests)
