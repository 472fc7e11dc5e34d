"""Rules about flows and what the recipient owes: purposes, overlap, limits, retention."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.agreement.conditions import ConsentCondition, OptOutCondition
from gateway.agreement.finding import Level, quoted
from gateway.agreement.lint.rule import (
    Case,
    Fault,
    FolderRule,
    ProvisionRule,
    cases,
    folder_rule,
    provision_rule,
)
from gateway.agreement.strength import longer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.lint.folder import Folder
    from gateway.agreement.places import Path
    from gateway.agreement.yaml import Document


@provision_rule("purpose-unknown")
def purposes(case: Case) -> Iterator[Fault]:
    """A flow names leaves of the closed tree: a broad purpose hides use."""
    leaves = case.folder.purposes.model.leaves
    named = [(case.under("flow", "purpose"), name) for name in case.provision.flow.purposes]
    named += [
        (case.under("when", place), one.purpose)
        for place, one in enumerate(case.provision.when)
        if isinstance(one, (ConsentCondition, OptOutCondition))
    ]
    for path, name in named:
        if name not in leaves:
            branch = any(leaf.startswith(f"{name}.") for leaf in leaves)
            yield path, f"{quoted(name)} is {'a branch: name a leaf' if branch else 'no purpose'}"


@provision_rule("purpose-replaced", Level.WARNING)
def replaced(case: Case) -> Iterator[Fault]:
    """A purpose that was split or renamed is no longer what it says."""
    leaves = case.folder.purposes.model.leaves
    for name in case.provision.flow.purposes:
        if name in leaves and (better := leaves[name].replaced_by) is not None:
            yield case.under("flow", "purpose"), f"`{name}` is replaced by `{better}`"


@provision_rule("retention-over-floor")
def retention(case: Case) -> Iterator[Fault]:
    """Deletion and breach report are due within the floor's ceilings."""
    most, duties = case.folder.floor.model.at_most, case.provision.duties
    for key, given, ceiling in (
        ("delete_after", duties.delete_after, most.delete_after),
        ("breach_notice", duties.breach_notice, most.breach_notice),
    ):
        if longer(given, ceiling):
            yield case.under("duties", key), f"`{key}` is longer than {ceiling.text}"


@provision_rule("limit-over-floor")
def limits(case: Case) -> Iterator[Fault]:
    """No more rows leave in a day than the floor allows, nor in a request than in a day."""
    given, most = case.provision.limits, case.folder.floor.model.at_most.rows_per_day
    if given.rows_per_day > most:
        yield case.under("limits", "rows_per_day"), f"more than {most} rows a day"
    if given.rows_per_request > given.rows_per_day:
        yield case.under("limits", "rows_per_request"), "more rows a request than a day"


@folder_rule("provision-ambiguous")
def ambiguous(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """One flow has one provision, in whatever file; where it has two, both are told."""
    seen: dict[tuple[str, str, str, str], Case] = {}
    for case in cases(folder):
        if case.provider is None or case.recipient is None:
            continue
        for purpose in case.provision.flow.purposes:
            dataset = str(case.provision.flow.dataset)
            other = seen.setdefault((case.provider.id, case.recipient.id, dataset, purpose), case)
            if other is not case:
                yield from (_clash(case, other, purpose), _clash(other, case, purpose))


def _clash(case: Case, other: Case, purpose: str) -> tuple[Document, Path, str]:
    names = " and ".join(f"{one.provision.id} of {one.read.model.ref}" for one in (case, other))
    message = f"{names} cover one flow, {quoted(purpose)}"
    return case.read.document, case.under("flow"), message


RULES: tuple[ProvisionRule, ...] = (purposes, replaced, retention, limits)
FOLDER_RULES: tuple[FolderRule, ...] = (ambiguous,)
