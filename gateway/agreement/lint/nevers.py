"""Rules about prohibitions: the floor has them, they speak, and nothing goes around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.conditions import FieldCondition, WithinCondition
from gateway.agreement.finding import quoted
from gateway.agreement.index import field_meets, flow_meets
from gateway.agreement.lint.rule import (
    Case,
    Fault,
    FolderRule,
    ProvisionRule,
    agency_of,
    cases,
    folder_rule,
    provision_rule,
)
from gateway.agreement.unmatched import unmatched
from gateway.values import AgencyKind, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.agreement.dataset import FieldRule
    from gateway.agreement.lint.folder import Folder
    from gateway.agreement.model import Never, Selectors
    from gateway.agreement.places import Path
    from gateway.agreement.yaml import Document

ENFORCEMENT: Final = AgencyKind.LAW_ENFORCEMENT


@folder_rule("floor-missing")
def floor_speaks(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """The floor says something about law enforcement: hard limits must exist."""
    rules = folder.floor.model.never
    if not any(ENFORCEMENT in rule.when.to_kind for rule in rules):
        yield folder.floor.document, ("never",), f"nothing is forbidden towards {ENFORCEMENT}"
    members = folder.floor.model.quorum_agencies
    for name in sorted(members - folder.registry.model.agencies.keys()):
        message = f"{quoted(name)} is not in the registry"
        yield folder.floor.document, ("quorum", "agencies"), message


@folder_rule("never-empty")
def speaks(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """A selector names what exists: one that matches nothing forbids nothing."""
    floor = folder.floor
    rules: list[tuple[Document, Path, str, Selectors]] = [
        (floor.document, ("never", place), one.id, one.when)
        for place, one in enumerate(floor.model.never)
    ]
    rules += [
        (floor.document, ("masks", place), one.id, one.when)
        for place, one in enumerate(floor.model.masks)
    ]
    rules += [
        (read.document, ("never", place), one.id, one.when)
        for read in folder.agreements
        for place, one in enumerate(read.model.never)
    ]
    datasets, leaves = folder.schemas.values(), folder.purposes.model.leaves
    for document, path, name, when in rules:
        for message in unmatched(when, datasets, leaves):
            yield document, path, f"{name}: {message}"


def all_nevers(folder: Folder) -> Iterator[Never]:
    """Yield every prohibition of the floor and of every agreement."""
    yield from folder.floor.model.never
    for read in folder.agreements:
        yield from read.model.never


def _forbids(
    never: Never,
    case: Case,
    to_kind: AgencyKind,
    *,
    by: Case | None = None,
    fields: Iterable[FieldRule] | None = None,
) -> bool:
    """Return whether a prohibition meets the flow to such a recipient, by one of these fields.

    Args:
        never: The prohibition.
        case: The provision by which the data leave their provider.
        to_kind: Who gets them at last.
        by: The provision by which they get there; the same where nobody gives them on.
        fields: Those that are told; the ones that both release where none are given.
    """
    if case.dataset is None or case.provider is None:
        return False
    dataset, last = case.dataset, (by or case).provision
    shapes = {case.provision.delivery.shape, last.delivery.shape}
    # Who got records and gives a table on gives no record on; and the other way round.
    shape = Shape.AGGREGATE if Shape.AGGREGATE in shapes else Shape.RECORD
    purposes = {*case.provision.flow.purposes, *last.flow.purposes}
    flow = (case.provider.kind, to_kind)
    if not any(flow_meets(never.when, *flow, one, shape, dataset) for one in purposes):
        return False
    told = fields or (field for field, _ in case.released() if field.name in last.release)
    return any(field_meets(never.when, dataset, field) for field in told)


@provision_rule("never-contradicted")
def contradicted(case: Case) -> Iterator[Fault]:
    """No provision releases what a prohibition of any file forbids: it could never fire."""
    if case.recipient is None or case.dataset is None or case.provider is None:
        return
    for never in all_nevers(case.folder):
        if _forbids(never, case, case.recipient.kind):
            fields = [
                f"`{field.name}`"
                for field, _ in case.released()
                if field_meets(never.when, case.dataset, field)
            ]
            some = ", ".join(fields[:3]) + (" and more" if len(fields) > 3 else "")  # noqa: PLR2004
            yield case.under("flow"), f"{never.id} (clause {never.clause}) forbids {some}"


@provision_rule("never-contradicted")
def told_by_choice(case: Case) -> Iterator[Fault]:
    """No provision chooses rows by what a prohibition keeps: each row that comes tells it."""
    if case.recipient is None or case.dataset is None:
        return
    for place, condition in enumerate(case.provision.when):
        if not isinstance(condition, FieldCondition | WithinCondition):
            continue
        field = case.dataset.fields.get(condition.field)
        if field is None:
            continue
        for never in all_nevers(case.folder):
            if _forbids(never, case, case.recipient.kind, fields=(field,)):
                message = f"{never.id} (clause {never.clause}) forbids `{condition.field}`"
                yield case.under("when", place), f"{message}, and each row would tell it"


@provision_rule("onward-to-prohibited")
def onward(case: Case) -> Iterator[Fault]:
    """Nobody whom a prohibition bars gets the data by redisclosure, at one remove or more."""
    if case.provider is None or case.dataset is None:
        return
    first = case.provision.duties.onward
    todo = [(case, alias, f"`{alias}`") for alias in first]
    todo += [(step, alias, way) for step, alias, way in _further(case)]
    said: set[tuple[str, str]] = set()
    for step, alias, way in todo:
        agency = agency_of(step.folder, step.read.model, alias)
        if agency is None or agency.id == case.provider.id:
            continue
        for never in all_nevers(case.folder):
            # Once for each agency: it may be reached by several ways, and barred on one of them.
            barred = never.onward and (agency.id, never.id) not in said
            if barred and _forbids(never, case, agency.kind, by=step):
                said.add((agency.id, never.id))
                message = f"{way} is {agency.kind}, barred by {never.id} (clause {never.clause})"
                yield case.under("duties", "onward"), message


def _further(case: Case) -> Iterator[tuple[Case, str, str]]:
    """Yield whom the data can reach by provisions of those who got it and give the like of it.

    Whether what they give is their own or what they got, no gateway can see.
    """
    if case.dataset is None:
        return
    others = list(cases(case.folder, dataset=case.dataset.id.name))
    model = case.read.model
    holders = {case.provision.flow.recipient, *case.provision.duties.onward}
    held = {agency.id for one in holders if (agency := agency_of(case.folder, model, one))}
    seen: set[tuple[str, str]] = set()
    grown = True
    while grown:
        grown = False
        for other in others:
            key = (other.read.file, other.provision.id)
            if key in seen or other.provider is None or other.provider.id not in held:
                continue
            seen.add(key)
            grown = True
            for alias in (other.provision.flow.recipient, *other.provision.duties.onward):
                agency = agency_of(other.folder, other.read.model, alias)
                if agency is not None:
                    held.add(agency.id)
                    yield (
                        other,
                        alias,
                        f"`{alias}` by {other.provision.id} of {other.read.model.id}",
                    )


RULES: tuple[ProvisionRule, ...] = (contradicted, told_by_choice, onward)
FOLDER_RULES: tuple[FolderRule, ...] = (floor_speaks, speaks)
