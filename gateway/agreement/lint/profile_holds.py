"""Whether a profile lets a mask leave on a field: one answer, at load and at the last look.

The loader asks it of what the file says, and `plan/check` of what a plan is about to let leave, so
that a plan that was made otherwise does not pass for one of its provision. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.finding import quoted
from gateway.agreement.lint.profile_fields import limited, safe_harbor
from gateway.agreement.lint.profile_masks import (
    EXPERT,
    IDENTIFIED,
    LDS,
    NON_HIPAA,
    SAFE_HARBOR,
    inner_profile,
    taken,
    why_not,
    word,
)
from gateway.agreement.strength import as_strong, tells_nothing
from gateway.masks.tables import CountOnly, SumOnly
from gateway.values import FieldClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.agreement.dataset import Dataset, FieldRule
    from gateway.agreement.model import Basis
    from gateway.masks.base import Mask

UNREADABLE: Final = frozenset({"pass", "rare_to_other"})
"""Masks under which a direct identifier could be read: no expert finds that risk very small."""
NAMED_BY: Final = "45 CFR 164.514(b)(1)(ii)"


def contradictions(
    basis: Basis,
    dataset: Dataset,
    lists: Mapping[str, tuple[str, ...]],
    field: FieldRule,
    mask: Mask,
) -> Iterator[tuple[str, str]]:
    """Yield what a provision's profile finds wrong with a mask on a field, and the clause.

    Args:
        basis: What the provision rests on, with the profile that it claims.
        dataset: The dataset of the field.
        lists: Closed code lists by name.
        field: The field.
        mask: How it leaves.
    """
    if tells_nothing(mask) or isinstance(mask, (CountOnly, SumOnly)):
        return
    inner = inner_profile(basis)
    if not taken(inner, mask):
        yield why_not(inner, mask)
    elif inner == SAFE_HARBOR:
        yield from safe_harbor(dataset, lists, field, mask)
    elif inner == LDS:
        yield from limited(field, mask)
    elif inner == EXPERT:
        if field.field_class is FieldClass.DIRECT_IDENTIFIER and word(mask) in UNREADABLE:
            yield "lets no direct identifier leave as it is", "45 CFR 164.514(b)(1)"
    else:
        assert inner in (IDENTIFIED, NON_HIPAA)  # noqa: S101 - the reader's closed set


def unnamed(basis: Basis, dataset: Dataset, field: FieldRule, mask: Mask) -> str:
    """Return how a field leaves otherwise than the expert's determination names it, or nothing."""
    deid = basis.deid
    if deid is None or deid.fields is None or tells_nothing(mask):
        return ""
    least = deid.fields.get(field.name)
    if least is None:
        return f"`{field.name}` is not named in {quoted(deid.ref)}"
    if not as_strong(mask, least, dataset.maps):
        return f"`{field.name}`: `{word(mask)}` tells more than {quoted(deid.ref)} names"
    return ""
