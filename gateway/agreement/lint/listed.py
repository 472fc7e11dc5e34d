"""Which levels a dimension has, as far as the files say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.masks.ages import Age
from gateway.masks.base import Inputs
from gateway.masks.numbers import Band
from gateway.masks.plain import Pass
from gateway.masks.tables import Map, RareToOther
from gateway.values import FieldType

if TYPE_CHECKING:
    from gateway.agreement.dataset import FieldRule
    from gateway.agreement.lint.rule import Case
    from gateway.masks.base import Mask


def levels_of(case: Case, field: FieldRule, mask: Mask) -> frozenset[str] | None:
    """Return the levels that a mask can make of a field; None where the files do not list them."""
    codes = case.folder.codes.model.lists.get(field.codes) if field.codes else None
    match mask:
        case Pass() if field.type is FieldType.BOOLEAN:
            made: tuple[str, ...] | None = ("true", "false")
        case Pass() | Band() | Age():
            made = mask.closed(Inputs(field.type, codes))
        case Map() | RareToOther() if case.dataset and mask.table in case.dataset.maps:
            listed = case.dataset.maps[mask.table]
            made = mask.closed(Inputs(field.type, table=listed.values, unmapped=listed.unmapped))
        case _:
            made = None
    return None if made is None else frozenset(made)
