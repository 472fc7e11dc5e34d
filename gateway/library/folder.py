"""The officers' folder, looked at and put in force: the only way that rules reach the gateway.

A bad file never replaces a good one: the version that was in force stays, and `findings` say so.
A removed agreement stops its traffic, and so does a signature file that cannot be read, for there
may be a suspension in it. Signature files are read apart from the YAML, so that a suspension works
while a YAML is broken.

A look changes nothing: it may run in a thread, its result may be dropped, and the next look starts
from what is in force. `swap` puts a look in force by one assignment.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from gateway.agreement.compiling import compile_agreements, within
from gateway.agreement.finding import Finding, Level
from gateway.agreement.lint.folder import SIGNATURES, TESTS
from gateway.errors import AgreementError, NotFoundError, Reason
from gateway.library.anchor import anchor
from gateway.library.files import contents, stamp
from gateway.library.memory import Memory, recall, remember
from gateway.library.settle import Settler
from gateway.library.statements import BASE, Statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from gateway.agreement.index import Agreements, Pact
    from gateway.audit.stood import Stood
    from gateway.library.settle import Settled

AGE: Final = dt.timedelta(hours=1)
"""A look is repeated after this long, as some rules hang on the day: a determination runs out."""

_LONG_AGO: Final = dt.datetime.min.replace(tzinfo=dt.UTC)
_NEVER: Final = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Loaded:
    """One look at the folder.

    Attributes:
        agreements: The set to put in force; None where there never was a good one.
        findings: Everything that is wrong, whether or not it kept something from loading.
        states: (id, version, digest, state) of each agreement, for the log.
        files: The bytes in force, by file name.
        memory: What must not be forgotten, this look included.
        turns: The first instant after it at which a term begins or ends, so that states change.
    """

    agreements: Agreements | None = None
    findings: tuple[Finding, ...] = ()
    states: tuple[tuple[str, str, bytes, str], ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    stamp: object = None
    at: dt.datetime = _LONG_AGO
    turns: dt.datetime = _NEVER


class FolderLibrary:
    """Reads a folder of agreements; what is in force is one attribute.

    Args:
        folder: The officers' folder.
        memory: The gateway's own file of what must not be forgotten; None keeps it in memory only.
        tables: References of the tables that masks may name.

    Raises:
        SettingsError: The memory's file cannot be read.
    """

    def __init__(
        self, folder: Path, memory: Path | None, tables: frozenset[str] = frozenset()
    ) -> None:
        self._folder = folder
        self._memory = memory
        self._tables = tables
        self._force = Loaded(memory=recall(memory) if memory is not None else Memory())

    def anchor(self, told: Iterable[Stood]) -> bool:
        """Add to the memory what the log says and it has lost; return whether there was anything.

        Asked once, before anything is in force: another look is due where it returns True.
        """
        return anchor(self._force.memory, told)

    def current(self) -> Agreements:
        """Return the set in force.

        Raises:
            AgreementError: No good set was ever loaded.
        """
        force = self._force
        if force.agreements is None:
            lines = [finding.text() for finding in force.findings]
            raise AgreementError("no good set of agreements", findings=lines)
        return force.agreements

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that was wrong at the last look that was put in force."""
        return self._force.findings

    @property
    def healthy(self) -> bool:
        """Whether everything in the folder is in force as it lies there."""
        errors = [one for one in self.findings if one.level is Level.ERROR]
        return self._force.agreements is not None and not errors

    def files(self, one: Pact) -> tuple[bytes, bytes]:
        """Return the bytes of an agreement in force and of the signatures beside it.

        Raises:
            NotFoundError: It is no longer in force.
        """
        force, name = self._force, one.agreement.id
        source = force.files.get(f"{name}.yaml")
        if source is None:
            raise NotFoundError(Reason.NOT_FOUND, "no such agreement")
        return source, force.files.get(name + SIGNATURES, b"")

    def changed(self, now: dt.datetime) -> bool:
        """Return whether a look is due: a file changed, a term began or ended, an hour passed.

        Also where a look fell through.
        """
        force = self._force
        # The clock may also have been set back.
        due = min(force.at + AGE, force.turns)
        return force.stamp != stamp(self._folder) or not force.at <= now < due

    def look(self, now: dt.datetime) -> Loaded:
        """Return what the folder amounts to at `now`, without putting it in force."""
        # Before the files: what changes after this is seen by the next look.
        before = stamp(self._folder)
        force, memory = self._force, self._force.memory.copy()
        statements = Statements(memory, now)
        settler = Settler(
            force.files, self._tables, now, statements.lacking, statements.age, statements.stood
        )
        settled, findings = settler.settle(_rules(contents(self._folder)))
        if settled is None:
            return replace(force, findings=tuple(findings), stamp=before, at=now, turns=_NEVER)
        findings += statements.faults(settled.folder)
        floor = settled.folder.floor.model
        pacts = tuple(within(one, floor) for one in statements.pacts(settled.folder))
        memory.base = {name: settled.files[name] for name in BASE}
        states = tuple(
            (one.agreement.id, one.agreement.version, one.digest, one.state(now)) for one in pacts
        )
        agreements = force.agreements
        if agreements is None or (force.files, force.states) != (settled.files, states):
            agreements = _compile(settled, pacts, 1 + (agreements.generation if agreements else 0))
        turns = min((edge for one in pacts for edge in one.turns() if edge > now), default=_NEVER)
        return Loaded(
            agreements,
            tuple(findings),
            states,
            settled.files,
            memory,
            stamp=before,
            at=now,
            turns=turns,
        )

    def news(self, loaded: Loaded) -> bool:
        """Return whether the look changes a rule or a state: then it is an entry of the log."""
        return loaded.agreements is not self._force.agreements

    def swap(self, loaded: Loaded) -> None:
        """Put a look in force; what must not be forgotten is written first.

        Where that cannot be written, the look is in force all the same, since there may be a
        suspension in it; `findings` say so, and another look is due at once.
        """
        if self._memory is not None:
            try:
                remember(self._memory, loaded.memory)
            except OSError:
                loaded = replace(
                    loaded, findings=(*loaded.findings, _unwritten(self._memory)), stamp=None
                )
        self._force = loaded


def _rules(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return a folder's files but the officers' tests, which are no rule: no swap tells of them."""
    return {name: data for name, data in files.items() if not name.endswith(TESTS)}


def _compile(settled: Settled, pacts: tuple[Pact, ...], generation: int) -> Agreements:
    folder = settled.folder
    return compile_agreements(
        generation=generation,
        floor=folder.floor.model,
        registry=folder.registry.model,
        purposes=folder.purposes.model,
        datasets=folder.schemas,
        codes=folder.codes.model,
        pacts=pacts,
        notices=folder.notice_texts,
    )


def _unwritten(path: Path) -> Finding:
    message = "suspensions and versions cannot be written: a restart would forget them"
    return Finding("memory-unwritten", Level.ERROR, path.name, 1, 1, message)
