"""Rules about fields: each is accounted for, none twice, and none undoes the mask of another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.agreement.conditions import FieldCondition, WithinCondition
from gateway.agreement.finding import Level, quoted
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule
from gateway.agreement.purposes import Identity
from gateway.agreement.strength import tells_nothing
from gateway.masks.ages import Age
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.donut import GeoDonut
from gateway.masks.numbers import Band
from gateway.masks.places import Area, GeoArea, Zip3
from gateway.masks.plain import Pass, Redact
from gateway.masks.shift import DateShift
from gateway.masks.tables import CountOnly, SumOnly
from gateway.masks.times import Truncate, Unit
from gateway.values import FieldClass, FieldType, Means, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.dataset import FieldRule
    from gateway.agreement.model import Provision
    from gateway.agreement.places import Path
    from gateway.masks.base import Mask

COMBINATION: Final = 3


@provision_rule("dataset-unknown")
def dataset_known(case: Case) -> Iterator[Fault]:
    """A flow's dataset is in the folder."""
    if case.dataset is None:
        named = quoted(str(case.provision.flow.dataset))
        yield case.under("flow", "dataset"), f"there is no dataset {named}"


@provision_rule("field-unclassified")
def unclassified(case: Case) -> Iterator[Fault]:
    """A field of the dataset is released or withheld: a new one must never flow unseen."""
    if case.dataset is None:
        return
    said = case.provision.release.keys() | set(case.provision.withhold)
    for name in case.dataset.fields:
        if name not in said:
            yield case.under("release"), f"`{name}` is neither released nor withheld"


@provision_rule("field-unknown")
def unknown(case: Case) -> Iterator[Fault]:
    """A field that is named is one of the dataset: a renamed field must not vanish."""
    if case.dataset is None:
        return
    for path, name in _named(case.provision):
        if name not in case.dataset.fields:
            yield case.under(*path), f"{quoted(name)} is no field of {case.dataset.id}"


def _named(provision: Provision) -> Iterator[tuple[Path, str]]:
    """Yield each field that a provision names, and where in it."""
    for name in provision.release:
        yield ("release", name), name
    for place, name in enumerate(provision.withhold):
        yield ("withhold", place), name
    for place, condition in enumerate(provision.when):
        if isinstance(condition, (FieldCondition, WithinCondition)):
            yield ("when", place, "field"), condition.field
    if (table := provision.aggregate) is not None:
        yield ("aggregate", "unit"), table.unit
        for place, name in enumerate(table.dimensions):
            yield ("aggregate", "dimensions", place), name
        for measure in table.measures:
            if measure.field:
                yield ("aggregate", "measures", measure.name), measure.field
            if measure.where is not None and measure.where.field:
                yield ("aggregate", "measures", measure.name), measure.where.field


@provision_rule("field-in-both")
def in_both(case: Case) -> Iterator[Fault]:
    """A field is released or withheld, not both."""
    for place, name in enumerate(case.provision.withhold):
        if name in case.provision.release:
            yield case.under("withhold", place), f"`{name}` is released and withheld"


@provision_rule("identifier-without-need")
def without_need(case: Case) -> Iterator[Fault]:
    """A purpose that needs no identity gets none."""
    leaves = case.folder.purposes.model.leaves
    barred = [
        name
        for name in case.provision.flow.purposes
        if name in leaves and leaves[name].identity is Identity.FORBIDDEN
    ]
    if not barred:
        return
    for field, mask in case.released():
        if field.field_class is FieldClass.DIRECT_IDENTIFIER and isinstance(mask, Pass):
            message = f"`{field.name}` identifies, and `{barred[0]}` forbids identity"
            yield case.under("release", field.name), message


@provision_rule("free-text-released")
def free_text(case: Case) -> Iterator[Fault]:
    """What was typed by hand is withheld or redacted: narratives carry names."""
    for field, mask in case.released():
        if field.free_text and not isinstance(mask, Redact):
            yield case.under("release", field.name), f"`{field.name}` is free text"


@provision_rule("quasi-identifier-combo", Level.WARNING)
def combination(case: Case) -> Iterator[Fault]:
    """Three or more quasi-identifiers on one row single people out, but in classes of k people."""
    if case.provision.delivery.shape is not Shape.RECORD or case.provision.anonymity is not None:
        return
    names = [
        field.name
        for field, mask in case.released()
        if field.field_class is FieldClass.QUASI_IDENTIFIER and not tells_nothing(mask)
    ]
    if len(names) >= COMBINATION:
        yield case.under("release"), f"{len(names)} quasi-identifiers on one row"


# --- one fact twice ---


@provision_rule("coarsening-undone")
def undone(case: Case) -> Iterator[Fault]:
    """No field says more finely what another is masked to hide."""
    fields = [
        (field, mask)
        for field, mask in case.released()
        if not tells_nothing(mask) and not isinstance(mask, (CountOnly, SumOnly))
    ]
    for name, by in (*_times(fields), *_ages(fields), *_places(fields)):
        yield case.under("release", name), f"`{name}` undoes the mask of `{by}`"


_FINENESS: Final = {
    Unit.MINUTE: 1,
    Unit.HOUR: 2,
    Unit.PART_OF_DAY: 3,
    Unit.DAY: 4,
    Unit.WEEK_ISO: 5,
    Unit.WEEK_MMWR: 5,
    Unit.MONTH: 6,
    Unit.QUARTER: 7,
    Unit.YEAR: 8,
}


def _fineness(field: FieldRule, mask: Mask) -> int | None:
    """Return how fine a time leaves, finest 0; None where it is no time."""
    if isinstance(mask, Truncate):
        return _FINENESS[mask.to]
    if isinstance(mask, DateShift):
        return None
    match field.type:
        case FieldType.TIMESTAMP:
            return 0
        case FieldType.DATE:
            return _FINENESS[Unit.DAY]
        case FieldType.CODE:
            return _FINENESS[Unit.PART_OF_DAY]
        case _:
            return None


def _times(fields: list[tuple[FieldRule, Mask]]) -> Iterator[tuple[str, str]]:
    """Yield each time that is finer than a truncated one: the times of a row lie close together."""
    times = [
        (field, mask, fine)
        for field, mask in fields
        if field.means is Means.EVENT_TIME and (fine := _fineness(field, mask)) is not None
    ]
    cut = [(field, fine) for field, mask, fine in times if isinstance(mask, Truncate)]
    for field, _, fine in times:
        for other, coarse in cut:
            # A day beside an hour is coarser by nature; an hour beside a day says the hour.
            # A part of the day says nothing of a civil date, which has no hours.
            hourless = field.type is FieldType.CODE and other.type is FieldType.DATE
            if fine < coarse and other.name != field.name and not hourless:
                yield field.name, other.name
                break


_LIVED: Final = frozenset({Means.AGE, Means.AGE_GROUP, Means.DATE_OF_BIRTH})


def _ages(every: list[tuple[FieldRule, Mask]]) -> Iterator[tuple[str, str]]:
    """Yield each field that says an age more finely than another's mask."""
    fields = [
        (field, mask) for field, mask in every if field.means in _LIVED or isinstance(mask, Age)
    ]
    banded = [field.name for field, mask in fields if _is(field, mask, Means.AGE, Band)]
    for field, _ in fields:
        if banded and field.means in (Means.DATE_OF_BIRTH, Means.AGE_GROUP):
            yield field.name, banded[0]
    aged = [field.name for field, mask in fields if isinstance(mask, Age)]
    for field, mask in fields:
        # With the day of the event, an age and any other word of the birth give the birthday.
        born = field.means is Means.DATE_OF_BIRTH and field.name not in aged
        finer = field.means is Means.AGE and not isinstance(mask, Band)
        if aged and (born or finer):
            yield field.name, aged[0]
    groups = [field.name for field, mask in fields if field.means is Means.AGE_GROUP
              and not isinstance(mask, Pass)]  # fmt: skip
    for field, _ in fields:
        if groups and field.means in (Means.DATE_OF_BIRTH, Means.AGE):
            yield field.name, groups[0]


def _is(field: FieldRule, mask: Mask, means: Means, kind: type[Mask]) -> bool:
    return field.means is means and isinstance(mask, kind)


_STEM = re.compile(r"_?(?:zip|county_fips|census_tract|lat|lon|address|city)$")
_SPREAD: Final = {
    Means.ADDRESS: 0,
    Means.COORDINATES: 0,
    Means.TRACT: 1,
    Means.ZIP: 2,
    Means.COUNTY: 3,
}
_AREA_SPREAD: Final = {Area.TRACT: 1, Area.COUNTY: 3, Area.REGION: 5, Area.STATE: 6}
ZIP3_SPREAD: Final = 4
POINT_SPREAD: Final = 1
"""A cell or a ring is about as wide as a tract, and wider than an address."""
POINTS: Final = (GeoGrid, GeoH3, GeoDonut)


def _places(fields: list[tuple[FieldRule, Mask]]) -> Iterator[tuple[str, str]]:
    """Yield each place that is finer than a mask of another field about the same place.

    A ZIP prefix beside a state is let by: its own guarantee, 20,000 people, stands whatever the
    state.
    """
    spreads = [
        (_STEM.sub("", field.name), field.name, mask, spread)
        for field, mask in fields
        if (spread := _spread(field, mask)) is not None
    ]
    for stem, name, own, spread in spreads:
        if isinstance(own, Zip3):
            continue
        for other_stem, other, mask, coarse in spreads:
            masked = isinstance(mask, (Zip3, GeoArea, *POINTS))
            if masked and stem == other_stem and name != other and spread < coarse:
                yield name, other
                break


def _spread(field: FieldRule, mask: Mask) -> int | None:
    """Return how wide a place leaves, narrowest 0; None where it is no place."""
    if isinstance(mask, Zip3):
        return ZIP3_SPREAD
    if isinstance(mask, GeoArea):
        return _AREA_SPREAD[mask.to]
    return POINT_SPREAD if isinstance(mask, POINTS) else _SPREAD.get(field.means)


RULES: tuple[ProvisionRule, ...] = (
    dataset_known,
    unclassified,
    unknown,
    in_both,
    without_need,
    free_text,
    combination,
    undone,
)
