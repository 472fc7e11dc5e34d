"""Rules about levels: is each a hierarchy, and does a ladder lead down from where the table is?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import quoted
from gateway.agreement.ladder import TOTAL, climb, level_names
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule
from gateway.masks.levels import finest, nested, wider
from gateway.masks.places import GeoArea
from gateway.masks.plain import Pass
from gateway.masks.tables import OTHER, RareToOther

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.dataset import Dataset, FieldRule
    from gateway.masks.base import Mask

_WIDER: Final = "areas that are each wider than the one before: county, region, state"


@provision_rule("level-unknown")
def levels(case: Case) -> Iterator[Fault]:
    """Every value of a level lies in exactly one of each coarser level."""
    table, dataset = case.provision.aggregate, case.dataset
    if table is None or dataset is None:
        return
    for name, coarser in table.levels.items():
        mask, field = case.provision.release.get(name), dataset.fields.get(name)
        if mask is None or field is None:
            continue
        said = _wrong(case, dataset, field, mask, coarser)
        if said:
            yield case.under("aggregate", "levels", name), said
        if any(name == part for item in table.disclosure.impossible for part, _ in item):
            path = case.under("aggregate", "disclosure", "impossible")
            yield path, f"`impossible` speaks of `{name}`, which has coarser levels: of those too?"


def _wrong(
    case: Case, dataset: Dataset, field: FieldRule, mask: Mask, coarser: tuple[str, ...]
) -> str:
    """Return what is wrong with the levels of a dimension, or nothing."""
    if not coarser:
        return f"`{field.name}` has no level here: leave it out"
    if TOTAL in coarser:
        return f"`{TOTAL}` is no level: a margin without `{field.name}` is"
    if isinstance(mask, GeoArea):
        fits = wider(mask, coarser)
        return "" if fits else f"the levels above `{mask.to.value}` are {_WIDER}"
    own = finest(field.name, mask, field.type)
    values = _values(case, dataset, field, mask)
    if own is None or values is None:
        return f"`{field.name}` has no closed list of values that could lie in levels"
    unknown = [name for name in coarser if name not in dataset.maps]
    if unknown:
        return f"{quoted(unknown[0])} is no map of the dataset"
    tables = [(name, dataset.maps[name].values, dataset.maps[name].unmapped) for name in coarser]
    found = nested(own, values, tables)
    return found if isinstance(found, str) else ""


def _values(case: Case, dataset: Dataset, field: FieldRule, mask: Mask) -> set[str] | None:
    """Return every value that a mask of codes gives; None where that is no closed list."""
    if isinstance(mask, Pass):
        listed = case.folder.codes.model.lists.get(field.codes or "")
        return set(listed) if listed is not None else None
    table = dataset.maps.get(getattr(mask, "table", ""))
    if table is None:
        return None
    if isinstance(mask, RareToOther):
        return {*table.values, OTHER}
    return {*table.values.values(), *([] if table.unmapped is None else [table.unmapped])}


@provision_rule("rung-unknown")
def ladder(case: Case) -> Iterator[Fault]:
    """A rung of the ladder begins where the table, or the rung before, stands."""
    if (table := case.provision.aggregate) is None or case.dataset is None:
        return
    path = case.under("aggregate", "disclosure", "coarsen")
    if table.disclosure.ladder.automatic:
        names = {name: _named(case, name) for name in table.dimensions}
        good, said = climb(table, names, case.dataset.event_date)
        if said:
            yield (*path, "rungs", len(good)), said
        return
    known = {word for name in table.dimensions for word in (name, *_named(case, name))}
    for at, (fine, coarse) in enumerate(table.disclosure.ladder.rungs):
        if fine not in known:
            message = f"{quoted(fine)} is no level that the table, or a rung before, has"
            yield (*path, at), message
        known.add(coarse)


def _named(case: Case, name: str) -> tuple[str, ...]:
    """Return the levels of a dimension, the finest first."""
    table, dataset = case.provision.aggregate, case.dataset
    assert table is not None  # noqa: S101 - the callers looked
    assert dataset is not None  # noqa: S101
    return level_names(table, name, case.provision.release, dataset)


RULES: tuple[ProvisionRule, ...] = (levels, ladder)
