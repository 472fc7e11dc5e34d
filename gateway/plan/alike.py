"""What a provision's `anonymity` asks, as a part of its plan. Pure.

A class is the rows that are alike in every quasi-identifier that the provision releases, masked as
it releases them, whether this request asked for them or not: the rows of one request stand in the
order of another's, so whoever asks for one column at a time could put them side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.strength import tells_nothing
from gateway.errors import Reason, ReleaseError
from gateway.plan.ops import Classes
from gateway.values import FieldClass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gateway.agreement.index import FlowRule
    from gateway.plan.ops import MaskField

LEAST_TOLD: Final = 11
"""The fewest people whose rows stayed behind for their number to be told; k where k is larger."""


def classes_of(
    rule: FlowRule, asked: Collection[str], mask: Callable[[str], MaskField]
) -> Classes | None:
    """Return the classes that a provision asks for; None where it asks for none.

    Args:
        rule: The provision, and the dataset that it is on.
        asked: The fields that leave.
        mask: Makes the mask of a released field.

    Raises:
        ReleaseError: The provision's shape or action is not one that classes are built for.
    """
    given = rule.provision.anonymity
    if given is None:
        return None
    if rule.provision.aggregate is not None:
        raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "`anonymity` of a table is not built")
    alike = telling(rule, FieldClass.QUASI_IDENTIFIER)
    # `l: 1` is how a file says that k alone counts.
    sensitive = telling(rule, FieldClass.SENSITIVE) if given.l > 1 else ()
    return Classes(
        k=given.k,
        l=given.l,
        suppress=_suppresses(given.action),
        person=person_of(rule),
        alike=alike,
        sensitive=sensitive,
        hidden=tuple(mask(name) for name in (*alike, *sensitive) if name not in asked),
        least_told=max(LEAST_TOLD, given.k),
    )


def person_of(rule: FlowRule) -> str:
    """Return the field whose values are people: where the dataset has none, its unit."""
    return rule.dataset.person or rule.dataset.unit


def telling(rule: FlowRule, field_class: FieldClass) -> tuple[str, ...]:
    """Return the released fields of a class whose masks tell something of them."""
    fields = rule.dataset.fields
    return tuple(
        name
        for name, mask in rule.provision.release.items()
        if fields[name].field_class is field_class and not tells_nothing(mask)
    )


def _suppresses(action: str) -> bool:
    match action:
        case "suppress_rows":
            return True
        case "deny":
            return False
        case _:
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "an action that is not built")


def classes_text(
    classes: Classes | None, hidden: Callable[[MaskField], list[object]]
) -> dict[str, object]:
    """Return what a plan's text says of classes: nothing where there are none."""
    if classes is None:
        return {}
    return {
        "classes": {
            "alike": list(classes.alike),
            "hidden": [hidden(one) for one in classes.hidden],
            "k": classes.k,
            "l": classes.l,
            "least_told": classes.least_told,
            "person": classes.person,
            "sensitive": list(classes.sensitive),
            "suppress": classes.suppress,
        }
    }
