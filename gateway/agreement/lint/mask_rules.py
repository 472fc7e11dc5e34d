"""Rules about masks: does it fit the field, are its parameters sound, does it reach the floor?"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import Level, quoted
from gateway.agreement.index import field_meets, flow_meets
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule
from gateway.agreement.strength import as_strong, tells_nothing
from gateway.masks.ages import OLDEST, Age
from gateway.masks.cells import H3_FINEST, GeoGrid, GeoH3
from gateway.masks.donut import GeoDonut
from gateway.masks.identity import Pseudonym, Scope
from gateway.masks.lists import HasAny
from gateway.masks.numbers import Band, Clip, Round
from gateway.masks.places import GeoArea, Zip3
from gateway.masks.plain import Constant
from gateway.masks.shift import DateShift
from gateway.masks.tables import Map, RareToOther
from gateway.masks.times import CLOCK_UNITS, Truncate, Unit
from gateway.values import FieldType, Means

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.agreement.dataset import FieldRule
    from gateway.masks.base import Mask

ZIP: Final = "US ZIP"
AREAS: Final = frozenset({"US county FIPS", "US state FIPS", "US census tract"})
AREAS_REF: Final = "areas@"
PART_OF_DAY: Final = "part_of_day"


@provision_rule("mask-type")
def fits(case: Case) -> Iterator[Fault]:
    """A mask stands on a field of a type that it reads."""
    for field, mask in case.released():
        problem = _unfit(field, mask)
        if problem is not None:
            yield case.under("release", field.name), f"`{mask.name}` on `{field.name}`: {problem}"


def _unfit(field: FieldRule, mask: Mask) -> str | None:
    if field.type not in mask.accepts:
        return f"it does not read {field.type}"
    match mask:
        case Zip3() if field.codes != ZIP:
            return f"the field's codes are not {ZIP}"
        case GeoArea() if field.codes not in AREAS:
            return "the field holds no area code"
        case GeoGrid() | GeoH3() | GeoDonut() if field.means is not Means.COORDINATES:
            return "the field is no coordinate"
        case Age() if field.means is not Means.DATE_OF_BIRTH:
            return "the field is no date of birth"
        case Constant() if not _literal_fits(mask.value, field.type):
            return f"the literal is no {field.type}"
        case _:
            return None


def _literal_fits(value: object, type_: FieldType) -> bool:
    match type_:
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.INTEGER | FieldType.NUMBER:
            return isinstance(value, int) and not isinstance(value, bool)
        case _:
            return isinstance(value, str)


@provision_rule("mask-parameter")
def parameters(case: Case) -> Iterator[Fault]:
    """The parameters of a mask are sound, and the tables that it names exist."""
    for field, mask in case.released():
        problem = _unsound(case, field, mask)
        if problem is not None:
            yield case.under("release", field.name), f"`{mask.name}` on `{field.name}`: {problem}"


def _unsound(case: Case, field: FieldRule, mask: Mask) -> str | None:  # noqa: C901, PLR0911, PLR0912
    match mask:
        case Truncate():
            return _unsound_unit(field, mask)
        case Band():
            return _unsound_band(field, mask)
        case Age():
            return _unsound_age(case, mask)
        case DateShift() if not mask.steps[0]:
            return "`max_days` is less than the week that `weekday: keep` moves by"
        case Zip3() if case.folder.tables is not None and mask.table not in case.folder.tables:
            return f"there is no reference table {quoted(mask.table)}"
        case Map():
            return _unsound_map(case, field, mask.table)
        case RareToOther():
            return _unsound_map(case, field, mask.table) or _unfrozen(case, mask.table)
        case Round() if field.type is FieldType.INTEGER and Fraction(mask.base).denominator != 1:
            return "an integer takes an integer base"
        case Clip():
            return _unsound_clip(field, mask)
        case GeoArea() if not _has(case, lambda ref: ref.startswith(AREAS_REF)):
            return "there is no reference table of areas"
        case GeoGrid() | GeoH3():
            return _unsound_cells(case, mask) or _unpaired(case, field, mask)
        case GeoDonut():
            return _unsound_ring(case, mask) or _unpaired(case, field, mask)
        case Pseudonym() if (mask.group is not None) != (mask.scope is Scope.LINK_GROUP):
            return "`group` goes with the scope `link_group`, and only with it"
        case Constant() | HasAny():
            return _unlisted(case, field, mask)
        case _:
            return None


def _has(case: Case, wanted: Callable[[str], bool]) -> bool:
    """Return whether the gateway has a table of such a name; of unknown tables it may."""
    return case.folder.tables is None or any(map(wanted, case.folder.tables))


def _unsound_cells(case: Case, mask: GeoGrid | GeoH3) -> str | None:
    if isinstance(mask, GeoGrid):
        if mask.step_e7() < 1:
            return "the step is below a ten-millionth of a degree"
    elif not mask.step.isdecimal() or int(mask.step) > H3_FINEST:
        return f"the step is no resolution from 1 to {H3_FINEST}"
    # People by cell for this very step, which tables name `grid:` and `h3:`.
    if not _has(case, lambda ref: ref == f"{mask.to}:{mask.step}"):
        return f"there is no population table for {mask.to} of step {quoted(mask.step)}"
    return None


def _unsound_ring(case: Case, mask: GeoDonut) -> str | None:
    if mask.rmin >= mask.rmax:
        return "`rmin` is not below `rmax`"
    unit = case.dataset.fields.get(case.dataset.unit) if case.dataset is not None else None
    if unit is None or unit.type is not FieldType.STRING:
        return "the dataset's unit is no text to key the displacement by"
    if case.provider is not None and case.provider.box is None:
        # No table of cells catches a point that is no place of the provider's.
        return f"`{case.provider.id}` declares no `box` that its points lie in"
    return None


def _unsound_unit(field: FieldRule, mask: Truncate) -> str | None:
    clock = mask.to in CLOCK_UNITS
    if field.type is FieldType.DATE:
        if clock or mask.to is Unit.PART_OF_DAY:
            return f"a date has no {mask.to}"
        return "a date has no zone" if mask.zone is not None else None
    if clock and mask.zone is not None:
        return f"{mask.to} is cut in UTC and has no zone"
    return f"{mask.to} needs a zone on a timestamp" if not clock and mask.zone is None else None


def _unsound_band(field: FieldRule, mask: Band) -> str | None:
    cuts = mask.cuts or ()
    if any(one >= other for one, other in pairwise(cuts)):
        return "the cuts do not ascend"
    if mask.topcode is not None and cuts and mask.topcode <= cuts[-1]:
        return "`topcode` is not above the last cut"
    if mask.width is not None and mask.topcode is not None and mask.topcode % mask.width:
        return "`topcode` is not a multiple of `width`"
    if field.means is Means.AGE and mask.edges()[-1] > OLDEST:
        return f"ages are topcoded at {OLDEST}"
    return None


def _unsound_age(case: Case, mask: Age) -> str | None:
    if mask.topcode > OLDEST:
        return f"ages are topcoded at {OLDEST}"
    event = case.dataset.fields.get(mask.at) if case.dataset is not None else None
    if event is None or event.type is not FieldType.DATE or event.means is not Means.EVENT_TIME:
        return f"{quoted(mask.at)} is no date of an event of the dataset"
    return None


def _unsound_clip(field: FieldRule, mask: Clip) -> str | None:
    if mask.low >= mask.high:
        return "`low` is not below `high`"
    if field.means is Means.AGE and mask.high > OLDEST:
        return f"ages are topcoded at {OLDEST}"
    if (field.unit or "").startswith("see "):
        return "the number means nothing without its unit, which stands in another field"
    return None


def _unfrozen(case: Case, name: str) -> str | None:
    """Return a fault where the table is no list of categories, but turns one into another."""
    table = case.dataset.maps.get(name) if case.dataset is not None else None
    if table is not None and any(code != to for code, to in table.values.items()):
        return f"{quoted(name)} is no vocabulary: it turns one category into another"
    return None


def _unsound_map(case: Case, field: FieldRule, name: str) -> str | None:
    table = case.dataset.maps.get(name) if case.dataset is not None else None
    if table is None:
        return f"the dataset has no map {quoted(name)}"
    codes = case.folder.codes.model.lists.get(field.codes or "")
    if codes is not None and not set(table.values) <= set(codes):
        return f"the map {quoted(name)} speaks of codes that the field does not have"
    return None


def _unpaired(case: Case, field: FieldRule, mask: Mask) -> str | None:
    """Return a fault where the other coordinate does not leave by the same mask."""
    stem, _, last = field.name.rpartition("_")
    other = f"{stem}_{'lon' if last == 'lat' else 'lat'}"
    if last not in ("lat", "lon") or case.provision.release.get(other) != mask:
        return f"`{other}` does not leave by the same mask"
    return None


def _unlisted(case: Case, field: FieldRule, mask: Constant | HasAny) -> str | None:
    codes = case.folder.codes.model.lists.get(field.codes or "")
    wanted = mask.codes if isinstance(mask, HasAny) else (mask.value,)
    if codes is not None and not set(wanted) <= set(codes):
        return f"a code is not in `{field.codes}`"
    return None


@provision_rule("mask-below-floor")
def floor(case: Case) -> Iterator[Fault]:
    """Each released field has at least the form that the floor asks."""
    if case.dataset is None or case.provider is None or case.recipient is None:
        return
    dataset, flow = case.dataset, case.provision.flow
    for rule in case.folder.floor.model.masks:
        meets = any(
            flow_meets(
                rule.when,
                case.provider.kind,
                case.recipient.kind,
                purpose,
                case.provision.delivery.shape,
                dataset,
            )
            for purpose in flow.purposes
        )
        for field, mask in case.released() if meets else ():
            if not field_meets(rule.when, dataset, field):
                continue
            if not as_strong(mask, rule.at_least, dataset.maps):
                least = rule.at_least.name if rule.at_least is not None else "withhold"
                message = f"`{field.name}`: `{mask.name}` is below {rule.id}, which asks `{least}`"
                yield case.under("release", field.name), message


@provision_rule("shift-recoverable")
def shift(case: Case) -> Iterator[Fault]:
    """A shifted date leaves with nothing that tells when it was, and of a known person."""
    leaving = [(field, mask) for field, mask in case.released() if not tells_nothing(mask)]
    shifted = [field.name for field, mask in leaving if isinstance(mask, DateShift)]
    if not shifted:
        return
    if case.dataset is not None:
        person = case.dataset.fields.get(case.dataset.person or "")
        if person is None or person.type is not FieldType.STRING:
            yield case.under("release", shifted[0]), "the dataset names no person to shift by"
    for field, mask in leaving:
        if not isinstance(mask, DateShift) and (said := _tells_when(field, mask)) is not None:
            message = f"`{field.name}` leaves {said} beside `{shifted[0]}`"
            yield case.under("release", field.name), message


def _tells_when(field: FieldRule, mask: Mask) -> str | None:
    """Return how a field says when something was, and so the offset; None where it does not."""
    if isinstance(mask, Age) or field.means in (Means.AGE, Means.AGE_GROUP):
        return "an age at the event"
    if field.type in (FieldType.DATE, FieldType.TIMESTAMP):
        return "unshifted"
    # A part of the day is the same on the day that the record moves to; a season is not.
    if field.means is Means.EVENT_TIME and field.codes != PART_OF_DAY:
        return "unshifted"
    return None


@provision_rule("pseudonym-linkable", Level.WARNING)
def linkable(case: Case) -> Iterator[Fault]:
    """A pseudonym that lasts for ever, or is shared, links what agencies hold."""
    for field, mask in case.released():
        if not isinstance(mask, Pseudonym):
            continue
        path = case.under("release", field.name)
        if mask.rotate == "never":
            yield path, f"the pseudonym of `{field.name}` never rotates"
        if mask.scope is Scope.LINK_GROUP:
            yield path, f"the pseudonym of `{field.name}` links recipients"
        elif mask.scope is Scope.AGREEMENT and _recipients(case) > 1:
            yield path, f"the pseudonym of `{field.name}` is the same for several recipients"


def _recipients(case: Case) -> int:
    """Return how many recipients get this dataset from this provider under the agreement."""
    flow = case.provision.flow
    return len(
        {
            one.flow.recipient
            for one in case.read.model.provisions
            if one.flow.dataset == flow.dataset and one.flow.provider == flow.provider
        }
    )


RULES: tuple[ProvisionRule, ...] = (fits, parameters, floor, shift, linkable)
