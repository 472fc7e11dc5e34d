"""Ages of 90 and more under Safe Harbor: how age groups are read, and what masks become.

45 CFR 164.514(b)(2)(i)(C), counsel must confirm: all ages over 89 are one, and every date element
that tells one goes. A file may let a year of birth and a field of age groups leave by the plain
words; this module makes of them what the rule asks, when agreements are compiled. A list of groups
that cannot be joined at 90, as one that ends with `85+`, is refused at load. Pure.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from gateway.agreement.lint.profile_masks import SAFE_HARBOR, inner_profile
from gateway.masks.ages import OLDEST, BirthYear
from gateway.masks.plain import Pass
from gateway.masks.tables import OldestJoined
from gateway.masks.times import Truncate, Unit
from gateway.values import FieldType, Means

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.agreement.dataset import Dataset, FieldRule
    from gateway.agreement.model import Provision
    from gateway.masks.base import Mask

JOINED: Final = f"{OLDEST}+"
_SPAN = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?", re.ASCII)
_OPEN = re.compile(r"([0-9]{1,3})\+", re.ASCII)
_AGELESS: Final = frozenset({"unknown", "other", "missing", "not_recorded"})


def below(label: str) -> bool:
    """Return whether a group ends before 90, or tells no age."""
    found = _SPAN.fullmatch(label)
    return label in _AGELESS or (found is not None and int(found[2] or found[1]) < OLDEST)


def opens(label: str) -> int | None:
    """Return the age from which a group is open, as in `80+`; None where it is not."""
    found = _OPEN.fullmatch(label)
    return int(found[1]) if found is not None else None


def joined(codes: Iterable[str]) -> dict[str, str] | None:
    """Return what each code of a list of age groups leaves as; None where one straddles 90.

    A code that is not read as a group of ages counts as one that straddles.
    """
    table: dict[str, str] = {}
    for code in codes:
        first = opens(code)
        span = _SPAN.fullmatch(code)
        if first is None and span is not None:
            first = int(span[1])
        if below(code):
            table[code] = code
        elif first is not None and first >= OLDEST:
            table[code] = JOINED
        else:
            return None
    return table


def compiled(
    provision: Provision, dataset: Dataset, lists: Mapping[str, tuple[str, ...]]
) -> Provision:
    """Return a provision with the masks that its profile makes of those in the file."""
    if inner_profile(provision.basis) != SAFE_HARBOR:
        return provision
    release = {
        name: _mask(dataset.fields[name], mask, dataset, lists)
        for name, mask in provision.release.items()
    }
    return dataclasses.replace(provision, release=release)


def _mask(
    field: FieldRule, mask: Mask, dataset: Dataset, lists: Mapping[str, tuple[str, ...]]
) -> Mask:
    match mask:
        case Truncate(to=Unit.YEAR) if field.means is Means.DATE_OF_BIRTH and dataset.event_date:
            return BirthYear(dataset.event_date)
        case Pass() if field.means is Means.AGE_GROUP and field.type is FieldType.CODE:
            codes = lists.get(field.codes or "", ())
            table = joined(codes)
            if table is not None and any(code != to for code, to in table.items()):
                return OldestJoined(field.codes or "")
        case _:
            pass
    return mask
