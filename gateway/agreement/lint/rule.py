"""What a rule is: an id, a level, and a function that yields path and message of each fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from gateway.agreement.finding import Finding, Level

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from gateway.agreement.dataset import Dataset, FieldRule
    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.model import Agreement, Party, Provision
    from gateway.agreement.places import Path
    from gateway.agreement.registry import Agency
    from gateway.agreement.yaml import Document
    from gateway.masks.base import Mask

Fault: TypeAlias = "tuple[Path, str]"


@dataclass(frozen=True, slots=True)
class Case:
    """One provision with all that it names, as far as that is known.

    Attributes:
        read: The agreement that it stands in.
        place: Its place in `provisions`.
        dataset: None where the folder has none of this name: `dataset-unknown` says so, other rules
            pass.
        provider: None where the alias or the agency is unknown: `party-undeclared` says so.
        recipient: The same.
    """

    folder: Folder
    read: Read[Agreement]
    place: int
    provision: Provision
    dataset: Dataset | None
    provider: Agency | None
    recipient: Agency | None

    @property
    def path(self) -> Path:
        """The provision's place in its file."""
        return ("provisions", self.place)

    def under(self, *path: str | int) -> Path:
        """Return the path of something in the provision."""
        return ("provisions", self.place, *path)

    def released(self) -> Iterator[tuple[FieldRule, Mask]]:
        """Yield each released field that the dataset has, with its mask."""
        if self.dataset is not None:
            for name, mask in self.provision.release.items():
                if name in self.dataset.fields:
                    yield self.dataset.fields[name], mask


@dataclass(frozen=True, slots=True)
class ProvisionRule:
    """A rule about one provision."""

    id: str
    level: Level
    check: Callable[[Case], Iterator[Fault]]

    def findings(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each fault, naming provision and clause."""
        for path, message in self.check(case):
            provision = case.provision
            text = f"{provision.id}: {message} (clause {provision.clause})"
            yield case.read.document.finding(self.id, path, text, self.level)


@dataclass(frozen=True, slots=True)
class AgreementRule:
    """A rule about one agreement; `now` is the instant of the linting."""

    id: str
    level: Level
    check: Callable[[Folder, Read[Agreement], dt.datetime], Iterator[Fault]]

    def findings(
        self, folder: Folder, read: Read[Agreement], now: dt.datetime
    ) -> Iterator[Finding]:
        """Yield a finding for each fault."""
        for path, message in self.check(folder, read, now):
            yield read.document.finding(self.id, path, message, self.level)


@dataclass(frozen=True, slots=True)
class FolderRule:
    """A rule about the folder as a whole: it says itself in which file a fault stands."""

    id: str
    level: Level
    check: Callable[[Folder], Iterator[tuple[Document, Path, str]]]

    def findings(self, folder: Folder) -> Iterator[Finding]:
        """Yield a finding for each fault."""
        for document, path, message in self.check(folder):
            yield document.finding(self.id, path, message, self.level)


def provision_rule(
    id_: str, level: Level = Level.ERROR
) -> Callable[[Callable[[Case], Iterator[Fault]]], ProvisionRule]:
    """Make a rule of a function over a provision."""
    return lambda check: ProvisionRule(id_, level, check)


def agreement_rule(
    id_: str, level: Level = Level.ERROR
) -> Callable[[Callable[[Folder, Read[Agreement], dt.datetime], Iterator[Fault]]], AgreementRule]:
    """Make a rule of a function over an agreement."""
    return lambda check: AgreementRule(id_, level, check)


def folder_rule(
    id_: str, level: Level = Level.ERROR
) -> Callable[[Callable[[Folder], Iterator[tuple[Document, Path, str]]]], FolderRule]:
    """Make a rule of a function over the folder."""
    return lambda check: FolderRule(id_, level, check)


def agency_of(folder: Folder, agreement: Agreement, alias: str) -> Agency | None:
    """Return the agency behind an alias, or None where either is unknown."""
    party: Party | None = agreement.parties.get(alias)
    return folder.registry.model.agencies.get(party.agency) if party is not None else None


def cases(folder: Folder, *, dataset: str = "") -> Iterator[Case]:
    """Yield every provision of the folder, or those of a dataset's versions alone."""
    for read in folder.agreements:
        for place, provision in enumerate(read.model.provisions):
            if dataset and provision.flow.dataset.name != dataset:
                continue
            known = folder.datasets.get(str(provision.flow.dataset))
            yield Case(
                folder,
                read,
                place,
                provision,
                known.model if known is not None else None,
                agency_of(folder, read.model, provision.flow.provider),
                agency_of(folder, read.model, provision.flow.recipient),
            )
