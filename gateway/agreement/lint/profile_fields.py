"""What Safe Harbor and the limited data set ask of a field, by what it says: the kinds they remove.

45 CFR 164.514(b)(2)(i)(A) to (R) and 164.514(e)(2)(i) to (xvi); counsel must confirm. Whether a
profile takes a kind of mask at all is `profile_masks`; here is on which field it suffices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.lint.profile_masks import word
from gateway.agreement.oldest import below, joined, opens
from gateway.masks.ages import OLDEST, Age
from gateway.masks.numbers import Band
from gateway.masks.places import Area, GeoArea
from gateway.masks.plain import Pass
from gateway.masks.tables import Map, OldestJoined
from gateway.values import FieldClass, FieldType, Means

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.agreement.dataset import Dataset, FieldRule
    from gateway.masks.base import Mask

TOKEN: Final = "pseudonym token"  # noqa: S105 - a word of the language
TIMES: Final = frozenset({FieldType.DATE, FieldType.TIMESTAMP})
STATES: Final = frozenset({"US state FIPS", "USPS state"})
UNIQUE: Final = frozenset({Means.PERSON_ID, Means.RECORD_ID, Means.INCIDENT_ID, Means.CONSENT})
AREAS: Final = frozenset({Means.ADDRESS, Means.COORDINATES, Means.TRACT, Means.COUNTY})
DATES: Final = frozenset({Means.EVENT_TIME, Means.DATE_OF_BIRTH})
AGES: Final = frozenset({Means.AGE, Means.AGE_GROUP})

SAFE_HARBOR_KINDS: Final = "45 CFR 164.514(b)(2)(i)"
_LETTERS: Final[Mapping[Means, str]] = {
    Means.NAME: "(A)",
    Means.ADDRESS: "(B)",
    Means.DATE_OF_BIRTH: "(C)",
    Means.PHONE: "(D)",
    Means.PERSON_ID: "(R)",
    Means.RECORD_ID: "(R)",
    Means.INCIDENT_ID: "(R)",
    Means.CONSENT: "(R)",
}
LDS_KINDS: Final = "45 CFR 164.514(e)(2)"
_NUMERALS: Final[Mapping[Means, str]] = {
    Means.NAME: "(i)",
    Means.ADDRESS: "(ii)",
    Means.PHONE: "(iii)",
}


def safe_harbor(  # noqa: C901 - one branch a kind, the order of the regulation
    dataset: Dataset, lists: Mapping[str, tuple[str, ...]], field: FieldRule, mask: Mask
) -> Iterator[tuple[str, str]]:
    """Yield what Safe Harbor finds wrong with a mask on this field, and the clause."""
    kinds = SAFE_HARBOR_KINDS
    if field.free_text:
        yield "lets no free text leave", kinds
    elif field.means in DATES or field.type in TIMES:
        yield from _safe_date(dataset, field, mask)
    elif field.field_class is FieldClass.DIRECT_IDENTIFIER or field.means in UNIQUE:
        if word(mask) != TOKEN:
            clause = kinds + _LETTERS.get(field.means, "")
            yield "lets what identifies leave as a random token only", clause
    elif field.means is Means.ZIP:
        if word(mask) != "zip3":
            yield "lets a ZIP code leave as `zip3` only", kinds + "(B)"
    elif field.means in AREAS:
        if not _is_state(field, mask):
            yield "lets no area below the state leave", kinds + "(B)"
    elif field.means is Means.PLACE:
        if not isinstance(mask, Map) and not _is_state(field, mask):
            yield "lets a place leave as a kind of place only", kinds + "(B)"
    elif field.means in AGES and not _joins_the_oldest(dataset, lists, field, mask):
        yield f"joins all ages of {OLDEST} and more in `{OLDEST}+`", kinds + "(C)"


def _safe_date(dataset: Dataset, field: FieldRule, mask: Mask) -> Iterator[tuple[str, str]]:
    clause = SAFE_HARBOR_KINDS + "(C)"
    if field.means is not Means.DATE_OF_BIRTH:
        if word(mask) != "truncate year":
            yield "lets a date leave by its year only", clause
    elif word(mask) == "truncate year":
        # Of whom the year tells an age over 89 hangs on the event: `agreement/oldest`.
        if dataset.event_date is None:
            yield "lets a birth year leave only where the dataset has the date of an event", clause
    elif not isinstance(mask, Age) or mask.topcode != OLDEST:
        yield f"lets a birth date leave by its year, or as an age with `{OLDEST}+`, only", clause


def _is_state(field: FieldRule, mask: Mask) -> bool:
    if isinstance(mask, GeoArea):
        return mask.to is Area.STATE
    return isinstance(mask, Pass) and field.codes in STATES


def _joins_the_oldest(
    dataset: Dataset, lists: Mapping[str, tuple[str, ...]], field: FieldRule, mask: Mask
) -> bool:
    """Return whether no age over 89 can be told, whatever the mask lets leave."""
    if isinstance(mask, Band):
        return field.means is Means.AGE and mask.edges()[-1] == OLDEST
    if isinstance(mask, Map):
        table = dataset.maps.get(mask.table)
        if table is None:
            return False
        rest = () if table.unmapped is None else (table.unmapped,)
        # What the file itself joins from below, as in `80+`, tells less than `90+`.
        return all(_alone(label) for label in (*table.values.values(), *rest))
    if isinstance(mask, Pass) and field.means is Means.AGE_GROUP and field.type is FieldType.CODE:
        # A text that is no code is not held to its list.
        codes = lists.get(field.codes or "")
        return codes is not None and joined(codes) is not None
    return isinstance(mask, OldestJoined)


def _alone(label: str) -> bool:
    """Return whether a label ends below 90, or is the one that holds all above."""
    first = opens(label)
    return below(label) or (first is not None and first <= OLDEST)


def limited(field: FieldRule, mask: Mask) -> Iterator[tuple[str, str]]:
    """Yield what a limited data set finds wrong with a mask on this field, and the clause."""
    if field.free_text:
        yield "lets no free text leave", LDS_KINDS
    elif field.means in (Means.ADDRESS, Means.COORDINATES):
        yield "lets no street address and no point leave", LDS_KINDS + "(ii)"
    elif field.means is Means.TRACT:
        if not isinstance(mask, GeoArea):
            yield "lets no area below town, city or ZIP code leave", LDS_KINDS + "(ii)"
    elif field.field_class is FieldClass.DIRECT_IDENTIFIER:
        dated = field.means is Means.DATE_OF_BIRTH and not isinstance(mask, Pass)
        if not dated and not word(mask).startswith("pseudonym"):
            clause = LDS_KINDS + _NUMERALS.get(field.means, "")
            yield "lets a direct identifier leave as a pseudonym only", clause
