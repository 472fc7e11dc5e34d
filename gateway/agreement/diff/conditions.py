"""Which of two lists of conditions lets more rows and callers through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.agreement.conditions import (
    FieldCondition,
    RoleCondition,
    WithinCondition,
    meets,
    spelled,
)
from gateway.agreement.diff.change import Way
from gateway.agreement.strength import longer
from gateway.values import Operator

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.agreement.conditions import When

_MEMBERS = frozenset({Operator.EQ, Operator.IN})
_OTHERS = frozenset({Operator.NE, Operator.NOT_IN})
_BELOW = frozenset({Operator.LT, Operator.LTE})
_ABOVE = frozenset({Operator.GT, Operator.GTE})


def compare(before: Sequence[When], after: Sequence[When]) -> Iterator[tuple[Way, str, str]]:
    """Yield (way, before, after) of each condition that another does not stand for.

    A condition that is gone lets more through, unless one that is there now lets no more through
    than it did; and the other way round.
    """
    gone = [one for one in before if not any(implies(other, one) for other in after)]
    new = [one for one in after if not any(implies(other, one) for other in before)]
    for one in gone:
        yield Way.WIDENED, spelled(one), "none as strict"
    for one in new:
        yield Way.NARROWED, "none as strict", spelled(one)


def implies(one: When, other: When) -> bool:
    """Return whether whatever meets `one` meets `other`; False where that is not known."""
    if one == other:
        return True
    match one, other:
        case RoleCondition(), RoleCondition():
            return one.roles <= other.roles
        case WithinCondition(), WithinCondition():
            return one.field == other.field and not longer(one.window, other.window)
        case FieldCondition(), FieldCondition():
            return one.field == other.field and _values(one, other)
        case _:
            return False


def _values(one: FieldCondition, other: FieldCondition) -> bool:
    """Return whether every value that meets `one` meets `other`, null meeting none."""
    mine: Any = one.values
    theirs: Any = other.values
    if one.op in _MEMBERS:
        return all(meets(value, other) for value in mine)
    if one.op in _OTHERS:
        return other.op in _OTHERS and set(theirs) <= set(mine)
    if one.op in _BELOW and other.op in _BELOW:
        return bool(mine[0] < theirs[0]) or (
            mine[0] == theirs[0] and not (one.op is Operator.LTE and other.op is Operator.LT)
        )
    if one.op in _ABOVE and other.op in _ABOVE:
        return bool(mine[0] > theirs[0]) or (
            mine[0] == theirs[0] and not (one.op is Operator.GTE and other.op is Operator.GT)
        )
    # A range that leaves a value out: `< 5` implies `!= 7`.
    if other.op in _OTHERS:
        return not any(meets(value, one) for value in theirs)
    return False
