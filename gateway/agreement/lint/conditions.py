"""Rules about conditions: can they be asked of the field, and can they ever hold together?"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
    meets,
)
from gateway.agreement.finding import Level, quoted
from gateway.agreement.lint.rule import Case, Fault, ProvisionRule, provision_rule
from gateway.agreement.literal import fits
from gateway.values import FieldType, Means, Operator, Scalar, Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.dataset import FieldRule

EQUAL: Final = frozenset({Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN})
ORDERED: Final = frozenset(
    {FieldType.INTEGER, FieldType.NUMBER, FieldType.DATE, FieldType.TIMESTAMP}
)
TIMES: Final = frozenset({FieldType.DATE, FieldType.TIMESTAMP})


@provision_rule("condition-type")
def types(case: Case) -> Iterator[Fault]:
    """A condition can be asked: operator and literal fit the field, somebody can hold a role."""
    for place, condition in enumerate(case.provision.when):
        path = case.under("when", place)
        match condition:
            case RoleCondition() if case.provision.delivery.mode == "push":
                yield path, "a push has no caller who could hold a role"
            case FieldCondition() | WithinCondition():
                field = case.dataset.fields.get(condition.field) if case.dataset else None
                if field is not None and (problem := _unfit(case, field, condition)):
                    yield path, f"`{condition.field}`: {problem}"
            case _:
                pass


def _unfit(case: Case, field: FieldRule, condition: FieldCondition | WithinCondition) -> str | None:
    if isinstance(condition, WithinCondition):
        return None if field.type in TIMES else f"`within` does not read {field.type}"
    if condition.op in EQUAL:
        if field.type is FieldType.LIST or field.free_text:
            return f"`{condition.op}` does not read a list or free text"
    elif field.type not in ORDERED:
        return f"`{condition.op}` does not read {field.type}"
    if not all(fits(one, field.type) for one in condition.values):
        return f"a literal is no {field.type}"
    codes = case.folder.codes.model.lists.get(field.codes or "")
    if codes is not None and not all(one in codes for one in condition.values):
        return f"a literal is not in `{field.codes}`"
    return None


@provision_rule("condition-unsatisfiable")
def satisfiable(case: Case) -> Iterator[Fault]:
    """The conditions can hold together; else the provision could never fire."""
    by_field: dict[str, list[FieldCondition]] = defaultdict(list)
    for condition in case.provision.when:
        if isinstance(condition, FieldCondition):
            by_field[condition.field].append(condition)
    for name, conditions in by_field.items():
        codes = _codes(case, name)
        try:
            possible = _possible(conditions, codes)
        except TypeError:  # literals of several types: `condition-type` says so
            continue
        if not possible:
            yield case.under("when"), f"no value of {quoted(name)} meets its conditions"
    roles = [one.roles for one in case.provision.when if isinstance(one, RoleCondition)]
    if len(roles) > 1:
        yield case.under("when"), "two role conditions: write one list"


def _codes(case: Case, name: str) -> tuple[str, ...] | None:
    field = case.dataset.fields.get(name) if case.dataset is not None else None
    if field is None:
        return None
    return case.folder.codes.model.lists.get(field.codes or "")


def _possible(conditions: list[FieldCondition], codes: tuple[str, ...] | None) -> bool:
    """Return whether some value meets all conditions, as far as literals alone can tell."""
    allowed: set[Scalar] | None = set(codes) if codes is not None else None
    for one in conditions:
        if one.op in (Operator.EQ, Operator.IN):
            allowed = set(one.values) if allowed is None else allowed & set(one.values)
    if allowed is not None:
        return any(all(meets(value, one) for one in conditions) for value in allowed)
    low = [(v, one.op) for one in conditions if one.op in _LOW for v in one.values]
    high = [(v, one.op) for one in conditions if one.op in _HIGH for v in one.values]
    return all(_room(a, b) for a in low for b in high)


_LOW: Final = (Operator.GT, Operator.GTE)
_HIGH: Final = (Operator.LT, Operator.LTE)


def _room(low: tuple[Scalar, Operator], high: tuple[Scalar, Operator]) -> bool:
    if low[1] is Operator.GTE and high[1] is Operator.LTE:
        return bool(low[0] <= high[0])  # type: ignore[operator]
    return bool(low[0] < high[0])  # type: ignore[operator]


@provision_rule("condition-on-withheld", Level.WARNING)
def on_withheld(case: Case) -> Iterator[Fault]:
    """At record level the presence of a row tells the value of a field that it was chosen by."""
    if case.provision.delivery.shape is not Shape.RECORD:
        return
    for place, condition in enumerate(case.provision.when):
        match condition:
            case FieldCondition() | WithinCondition() if condition.field in case.provision.withhold:
                yield case.under("when", place), f"`{condition.field}` is withheld"
            case _:
                pass


@provision_rule("condition-unanswerable", Level.WARNING)
def answerable(case: Case) -> Iterator[Fault]:
    """A field answers for consent and opt-out, or the register for whoever a row is about."""
    if case.dataset is None or case.dataset.subjects:
        return
    means = {field.means for field in case.dataset.fields.values()}
    for place, condition in enumerate(case.provision.when):
        consent = isinstance(condition, ConsentCondition) and Means.CONSENT not in means
        opt_out = isinstance(condition, OptOutCondition) and Means.OPT_OUT not in means
        if consent or opt_out:
            message = "no field of the dataset can answer, and no row names anybody: no row leaves"
            yield case.under("when", place), message


RULES: tuple[ProvisionRule, ...] = (types, satisfiable, on_withheld, answerable)
