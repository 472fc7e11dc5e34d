"""What a profile claims, and the masks that contradict it. A profile can only take away.

Safe Harbor is 45 CFR 164.514(b)(2), the limited data set 164.514(e), Part 2 for public health 42
CFR 2.54; counsel must confirm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.index import under
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule
from gateway.agreement.strength import tells_nothing
from gateway.masks.identity import Method, Pseudonym
from gateway.masks.numbers import Band
from gateway.masks.places import Area, GeoArea, GeoGrid, Zip3
from gateway.masks.plain import Pass
from gateway.masks.tables import CountOnly, Map, SumOnly
from gateway.masks.times import Truncate, Unit
from gateway.masks.unbuilt import Age, DateShift, GeoDonut, GeoH3
from gateway.values import FieldClass, FieldType, Means, Regime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gateway.agreement.model import FieldRule
    from gateway.masks.base import Mask

OLDEST: Final = 90
CELLS: Final = (GeoGrid, GeoH3, GeoDonut)
TIMES: Final = frozenset({FieldType.DATE, FieldType.TIMESTAMP})
LDS_PURPOSES: Final = ("public_health", "research")
REGULATED: Final = frozenset({Regime.HIPAA, Regime.PART2})


@provision_rule("profile-contradicted")
def profile(case: Case) -> Iterator[Fault]:
    """The released fields keep to the standard that the provision claims."""
    basis = case.provision.basis
    if basis.profile == "non_hipaa" and case.dataset is not None:
        if case.dataset.regime & REGULATED:
            yield (
                case.under("basis", "profile"),
                "`non_hipaa`, but HIPAA or Part 2 follows the data",
            )
        return
    if basis.profile == "lds":
        trees = LDS_PURPOSES
        if not all(any(under(p, tree) for tree in trees) for p in case.provision.flow.purposes):
            path = case.under("flow", "purpose")
            yield path, f"`lds` is for purposes under {' or '.join(trees)}"
    for field, mask in case.released():
        if tells_nothing(mask) or isinstance(mask, (CountOnly, SumOnly)):
            continue
        for fault in _faults(basis.profile, case.provision.basis.deid, field, mask):
            yield case.under("release", field.name), f"`{field.name}`: {fault}"


def _faults(claimed: str, deid: object, field: FieldRule, mask: Mask) -> Iterator[str]:
    method = getattr(deid, "method", "")
    inner = claimed == "part2_public_health" and method == "safe_harbor"
    if claimed == "safe_harbor" or inner:
        yield from _safe_harbor(field, mask)
    elif claimed in ("expert", "part2_public_health"):
        yield from _no_identifier(claimed, field, mask)
    elif claimed == "lds":
        yield from _no_identifier(claimed, field, mask)
        if isinstance(mask, CELLS) or (
            field.means in (Means.COORDINATES, Means.ADDRESS) and isinstance(mask, Pass)
        ):
            yield "`lds` holds no point, cell or street address"


def _no_identifier(claimed: str, field: FieldRule, mask: Mask) -> Iterator[str]:
    """Yield a fault for a direct identifier that leaves as anything but a pseudonym."""
    if field.field_class is FieldClass.DIRECT_IDENTIFIER and not isinstance(mask, Pseudonym):
        yield f"`{claimed}` lets a direct identifier leave as a pseudonym only"


def _safe_harbor(field: FieldRule, mask: Mask) -> Iterator[str]:
    if isinstance(mask, Pseudonym):
        if mask.method is Method.HMAC:
            yield "a keyed hash is derived from the value; `safe_harbor` takes `token`"
    elif isinstance(mask, (DateShift, *CELLS)):
        yield f"`safe_harbor` has no {mask.name} of this kind"
    elif field.field_class is FieldClass.DIRECT_IDENTIFIER:
        yield "`safe_harbor` lets a direct identifier leave as a random token only"
    elif field.type in TIMES or field.means in (Means.EVENT_TIME, Means.DATE_OF_BIRTH):
        if field.means is Means.DATE_OF_BIRTH or not _is_year(mask):
            yield "`safe_harbor` lets a date leave by its year only"
    elif (need := _NEEDS.get(field.means)) is not None and not need[0](mask):
        yield f"`safe_harbor` {need[1]}"


def _is_year(mask: Mask) -> bool:
    return isinstance(mask, Truncate) and mask.to is Unit.YEAR


def _capped(mask: Mask) -> bool:
    match mask:
        case Band():
            return mask.edges()[-1] <= OLDEST
        case Age():
            return mask.topcode <= OLDEST
        case Map():
            return True
        case _:
            return False


def _is_state(mask: Mask) -> bool:
    return isinstance(mask, GeoArea) and mask.to is Area.STATE


_BY_STATE: Final = (_is_state, "lets no area below the state leave")
_BY_AGE: Final = (_capped, f"joins all ages of {OLDEST} and more")
_NEEDS: Final[Mapping[Means, tuple[Callable[[Mask], bool], str]]] = {
    Means.ZIP: (lambda mask: isinstance(mask, Zip3), "lets a ZIP code leave as `zip3` only"),
    Means.ADDRESS: _BY_STATE,
    Means.COORDINATES: _BY_STATE,
    Means.TRACT: _BY_STATE,
    Means.COUNTY: _BY_STATE,
    Means.PLACE: (lambda mask: isinstance(mask, Map), "lets a place leave as a kind of place only"),
    Means.AGE: _BY_AGE,
    Means.AGE_GROUP: _BY_AGE,
}


RULES: tuple[ProvisionRule, ...] = (profile,)
