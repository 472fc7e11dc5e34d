"""What a caller and a row must meet for a provision to let anything leave, as the file says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from gateway.values import Operator

if TYPE_CHECKING:
    from gateway.agreement.spans import Duration
    from gateway.values import Scalar


@dataclass(frozen=True, slots=True)
class RoleCondition:
    """A request condition: the caller holds one of these roles (step 5)."""

    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class ConsentCondition:
    """A row condition: consent to this purpose is granted.

    What cannot be answered removes the row.
    """

    purpose: str


@dataclass(frozen=True, slots=True)
class OptOutCondition:
    """A row condition: no opt-out from this purpose; what cannot be answered removes the row."""

    purpose: str


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """A row condition by value; null satisfies none."""

    field: str
    op: Operator
    values: tuple[Scalar, ...]  # in the field's type, checked by lint


@dataclass(frozen=True, slots=True)
class WithinCondition:
    """A row condition: not older than `window` before now, and not in the future."""

    field: str
    window: Duration


When = RoleCondition | ConsentCondition | OptOutCondition | FieldCondition | WithinCondition


def meets(value: Scalar, condition: FieldCondition) -> bool:
    """Return whether a value of the field's type meets a condition by value."""
    first = condition.values[0] if condition.values else None
    match condition.op:
        case Operator.EQ | Operator.IN:
            return value in condition.values
        case Operator.NE | Operator.NOT_IN:
            return value not in condition.values
        case Operator.LT:
            return bool(value < first)  # type: ignore[operator]
        case Operator.LTE:
            return bool(value <= first)  # type: ignore[operator]
        case Operator.GT:
            return bool(value > first)  # type: ignore[operator]
        case Operator.GTE:
            return bool(value >= first)  # type: ignore[operator]
        case _:
            assert_never(condition.op)


def spelled(one: When) -> str:
    """Return a condition in a few words."""
    match one:
        case RoleCondition():
            return "role " + " or ".join(sorted(one.roles))
        case ConsentCondition():
            return f"consent to {one.purpose}"
        case OptOutCondition():
            return f"no opt-out from {one.purpose}"
        case WithinCondition():
            return f"{one.field} within {one.window.text}"
        case FieldCondition():
            return f"{one.field} {one.op.value} {', '.join(map(str, one.values))}"
        case _:
            assert_never(one)
