"""Which masks a profile lets leave: one table, from a mask's word to the profiles that take it.

A mask owns what it does and what it guarantees; which law that satisfies is not the mask's to say,
and stands here, beside the rule that holds it. A word that is not in the table is taken by no
profile. The source is the table of masks in the specification of disclosure control; counsel must
confirm each line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.masks.ages import BirthYear
from gateway.masks.identity import Method, Pseudonym
from gateway.masks.times import Truncate, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.model import Basis
    from gateway.masks.base import Mask

IDENTIFIED: Final = "identified"
SAFE_HARBOR: Final = "safe_harbor"
LDS: Final = "lds"
EXPERT: Final = "expert"
PART2: Final = "part2_public_health"
NON_HIPAA: Final = "non_hipaa"

EVERY: Final = frozenset({IDENTIFIED, SAFE_HARBOR, LDS, EXPERT, NON_HIPAA})
"""All but `part2_public_health`, which takes what its inner profile takes."""
NOT_SAFE_HARBOR: Final = EVERY - {SAFE_HARBOR}
DETERMINED: Final = NOT_SAFE_HARBOR - {LDS}
"""An expert's word, or no law that asks for one."""

PROFILES_OF: Final[Mapping[str, frozenset[str]]] = {
    "pass": EVERY,  # by class and meaning of the field: `profile_fields`
    "redact": EVERY,
    "constant": EVERY,
    "partial": DETERMINED,
    "pseudonym hmac": NOT_SAFE_HARBOR,
    "pseudonym token": EVERY,
    "truncate year": EVERY,
    "truncate": NOT_SAFE_HARBOR,
    "age": EVERY,
    "band": EVERY,
    "date_shift": DETERMINED,
    "zip3": EVERY,
    "geo state": EVERY,
    "geo region": NOT_SAFE_HARBOR,  # a region here lies inside a state
    "geo county": NOT_SAFE_HARBOR,
    "geo tract": DETERMINED,
    "geo grid": DETERMINED,
    "geo h3": DETERMINED,
    "geo donut": DETERMINED,
    "round": EVERY,
    "clip": EVERY,
    "map": EVERY,
    "rare_to_other": EVERY,
    "count_list": EVERY,
    "has_any": EVERY,
    "count_only": EVERY,
    "sum_only": EVERY,
}

_ANY_CODE: Final = "45 CFR 164.514(b)(2)(i)(R) and (c)(1)"
_GEOCODE: Final = "45 CFR 164.514(b)(2)(i)(B)"
_DATE: Final = "45 CFR 164.514(b)(2)(i)(C)"
_LDS_PLACE: Final = "45 CFR 164.514(e)(2)(ii)"

WHY_NOT: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    (SAFE_HARBOR, "partial"): ("lets no part of an identifier leave", _ANY_CODE),
    (SAFE_HARBOR, "pseudonym hmac"): (
        "takes `token`: a keyed hash is derived from the value",
        _ANY_CODE,
    ),
    (SAFE_HARBOR, "truncate"): ("lets a date leave by its year only", _DATE),
    (SAFE_HARBOR, "date_shift"): ("takes no shifted date: it is derived from a date", _DATE),
    (SAFE_HARBOR, "geo region"): ("lets no area below the state leave", _GEOCODE),
    (SAFE_HARBOR, "geo county"): ("lets no area below the state leave", _GEOCODE),
    (SAFE_HARBOR, "geo tract"): ("lets no area below the state leave", _GEOCODE),
    (SAFE_HARBOR, "geo grid"): ("lets no cell leave: it is an equivalent geocode", _GEOCODE),
    (SAFE_HARBOR, "geo h3"): ("lets no cell leave: it is an equivalent geocode", _GEOCODE),
    (SAFE_HARBOR, "geo donut"): ("lets no point leave: it is an equivalent geocode", _GEOCODE),
    (LDS, "partial"): ("lets no part of an identifier leave", "45 CFR 164.514(e)(2)"),
    (LDS, "date_shift"): ("takes dates as they are, not shifted ones", "45 CFR 164.514(e)(2)"),
    (LDS, "geo tract"): ("lets no area below town, city or ZIP code leave", _LDS_PLACE),
    (LDS, "geo grid"): ("lets no cell leave", _LDS_PLACE),
    (LDS, "geo h3"): ("lets no cell leave", _LDS_PLACE),
    (LDS, "geo donut"): ("lets no point leave", _LDS_PLACE),
}
"""What a profile says of a mask that it does not take, and the clause that it rests on."""


def word(mask: Mask) -> str:
    """Return the word by which the table knows a mask: its name, and its kind where it has one."""
    match mask:
        case Pseudonym():
            return f"pseudonym {Method(mask.method)}"
        case BirthYear():
            return "truncate year"
        case Truncate():
            return "truncate year" if mask.to is Unit.YEAR else "truncate"
        case _:
            kind = getattr(mask, "to", None) if mask.name == "geo" else None
            return f"geo {kind}" if kind is not None else mask.name


def inner_profile(basis: Basis) -> str:
    """Return the profile whose rules hold the fields: under Part 2, that of the determination."""
    if basis.profile != PART2:
        return basis.profile
    # Without a determination nothing is de-identified, and the stricter of the two holds.
    return EXPERT if basis.deid is not None and basis.deid.method == EXPERT else SAFE_HARBOR


def taken(profile: str, mask: Mask) -> bool:
    """Return whether a profile lets a mask of this kind leave, on any field."""
    return profile in PROFILES_OF.get(word(mask), frozenset())


def why_not(profile: str, mask: Mask) -> tuple[str, str]:
    """Return what to say of a mask that a profile does not take, and the clause."""
    kind = word(mask)
    return WHY_NOT.get((profile, kind), (f"does not take `{kind}`", "45 CFR 164.514"))
