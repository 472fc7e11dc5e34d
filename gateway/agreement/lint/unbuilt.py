"""What the language can say and this version does not enforce: refused by name, never passed over.

Each line here goes when its issue is done; until then a provision that relies on it cannot load.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from gateway.agreement.lint.rule import (
    AgreementRule,
    Case,
    Fault,
    FolderRule,
    ProvisionRule,
    agreement_rule,
    cases,
    folder_rule,
    provision_rule,
)
from gateway.masks import Area, GeoArea, Mask, Method, Pseudonym
from gateway.values import Shape

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from gateway.agreement.lint.folder import Folder, Read
    from gateway.agreement.model import Aggregate, Agreement
    from gateway.agreement.yaml import Document, Path

ID: Final = "not-enforced-yet"
NOT_YET: Final = "is not enforced yet by this version, so it cannot load"
AREAS: Final = frozenset({Area.COUNTY, Area.STATE})
MEASURES: Final = frozenset({"count_distinct", "sum"})


@agreement_rule(ID)
def witness(_folder: Folder, read: Read[Agreement], _now: dt.datetime) -> Iterator[Fault]:
    """A witness is not waited for yet."""
    if read.model.log.witness != "none":
        yield ("log", "witness"), f"`witness: required` {NOT_YET}"


@provision_rule(ID)
def provision(case: Case) -> Iterator[Fault]:
    """Push, deadlines of a pull, review and anonymity are not carried out yet."""
    given = case.provision
    if given.delivery.mode != "pull":
        yield case.under("delivery", "mode"), f"`mode: {given.delivery.mode}` {NOT_YET}"
    else:
        for key in ("deadline", "hold"):
            if getattr(given.delivery, key) is not None:
                yield case.under("delivery", key), f"`{key}` of a pull {NOT_YET}"
    if given.anonymity is not None:
        yield case.under("anonymity"), f"`anonymity` {NOT_YET}"
    if given.duties.review is not None:
        yield case.under("duties", "review"), f"`review` {NOT_YET}"
    for name, mask in given.release.items():
        if (word := _unbuilt(mask)) is not None:
            yield case.under("release", name), f"the mask `{word}` on `{name}` {NOT_YET}"
    if given.aggregate is not None:
        yield from _table(case, given.aggregate)


def _unbuilt(mask: Mask) -> str | None:
    """Return the words for a mask that this version cannot carry out."""
    match mask:
        case GeoArea() if mask.to not in AREAS:
            return f"geo {mask.to}"
        case Pseudonym() if mask.method is Method.TOKEN:
            return "pseudonym token"
        case _ if not mask.built:
            return f"geo {getattr(mask, 'to', '')}" if mask.name == "geo" else mask.name
        case _:
            return None


def _table(case: Case, table: Aggregate) -> Iterator[Fault]:
    path = case.under("aggregate")
    if table.margins:
        yield (*path, "margins"), f"`margins` other than none {NOT_YET}"
    for one in table.measures:
        if one.function not in MEASURES:
            yield (*path, "measures", one.name), f"the measure `{one.function}` {NOT_YET}"
    given = table.disclosure
    if given.dominance is not None:
        yield (*path, "disclosure", "dominance"), f"`dominance` other than none {NOT_YET}"
    if given.zeros == "structural":
        yield (*path, "disclosure", "zeros"), f"`zeros: structural` {NOT_YET}"
    if given.colluding is not None:
        yield (*path, "disclosure", "colluding"), f"`colluding` other than all {NOT_YET}"
    for key in given.options:
        yield (*path, "disclosure", key), f"`{key}` {NOT_YET}"


@folder_rule(ID)
def second_table(folder: Folder) -> Iterator[tuple[Document, Path, str]]:
    """Two tables of one dataset of one provider could be subtracted, and nobody links them yet."""
    tables: dict[tuple[str, str], list[Case]] = defaultdict(list)
    for case in cases(folder):
        if case.provision.delivery.shape is Shape.AGGREGATE and case.provider is not None:
            tables[case.provider.id, case.provision.flow.dataset.name].append(case)
    for (_, dataset), several in sorted(tables.items()):
        for case in several[1:]:
            first = f"{several[0].provision.id} of {several[0].read.model.ref}"
            message = f"{case.provision.id}: a second table of `{dataset}` beside {first} {NOT_YET}"
            yield case.read.document, case.under("aggregate"), message


RULES: tuple[ProvisionRule, ...] = (provision,)
AGREEMENT_RULES: tuple[AgreementRule, ...] = (witness,)
FOLDER_RULES: tuple[FolderRule, ...] = (second_table,)
