"""Terms on the wire and as a value: the limits of a request, path by path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import Reason
from gateway.v1 import common_pb2
from gateway.values import Condition, DatasetId, Operator, Terms
from gateway.wire.convert.faults import AGENCY, NAME, PURPOSE, Faults
from gateway.wire.convert.scalar import from_scalar, to_scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.values import Scalar

FIELDS: Final = 256
CONDITIONS: Final = 32
VALUES: Final = 1000
_KEPT: Final = 512
_KEPT_BYTES: Final = 4096
_kept: dict[bytes, Terms] = {}
_NOWHERE: Final = DatasetId("none.none", 1)
_MANY: Final = frozenset({Operator.IN, Operator.NOT_IN})
_NAME_RULE: Final = "is not a name of at most 63 of a-z, 0-9 and _"

OPERATOR: Final[Mapping[common_pb2.Operator, Operator]] = {
    common_pb2.OPERATOR_EQ: Operator.EQ,
    common_pb2.OPERATOR_NE: Operator.NE,
    common_pb2.OPERATOR_IN: Operator.IN,
    common_pb2.OPERATOR_NOT_IN: Operator.NOT_IN,
    common_pb2.OPERATOR_LT: Operator.LT,
    common_pb2.OPERATOR_LTE: Operator.LTE,
    common_pb2.OPERATOR_GT: Operator.GT,
    common_pb2.OPERATOR_GTE: Operator.GTE,
}
_NUMBER: Final = {operator: number for number, operator in OPERATOR.items()}


def to_terms(message: common_pb2.Terms, faults: Faults) -> Terms:
    """Return the terms of a message, or note what is wrong with them.

    Terms come again and again, so those of the last good ones are kept by their bytes, where they
    are small; the same terms are then also the same object.
    """
    data = message.SerializeToString()
    kept = _kept.get(data)
    if kept is not None:
        return kept
    terms = _to_terms(message, faults, "terms")
    if not faults and len(data) <= _KEPT_BYTES:
        if len(_kept) >= _KEPT:
            _kept.clear()
        _kept[data] = terms
    return terms


def _to_terms(message: common_pb2.Terms, faults: Faults, path: str) -> Terms:
    faults.match(message.provider, AGENCY, f"{path}.provider", "is not an agency id")
    faults.match(message.recipient, AGENCY, f"{path}.recipient", "is not an agency id")
    faults.match(message.purpose, PURPOSE, f"{path}.purpose", "is not a purpose")
    dataset = DatasetId.parse(message.dataset)
    if dataset is None or len(message.dataset) > 127:  # noqa: PLR2004 - as the rule says
        faults.add(f"{path}.dataset", "is not a dataset of at most 127 characters, as name@version")
        dataset = _NOWHERE
    return Terms(
        message.provider,
        message.recipient,
        dataset,
        message.purpose,
        _fields(message, faults, path),
        _conditions(message, faults, path) if message.where else (),
    )


def _fields(message: common_pb2.Terms, faults: Faults, path: str) -> tuple[str, ...]:
    fields = tuple(message.fields)
    if not fields:
        faults.add(f"{path}.fields", "is empty: at least one is asked for", Reason.NO_FIELDS)
    if len(fields) > FIELDS:
        faults.add(f"{path}.fields", "has more than 256 fields")
        return ()
    if len(set(fields)) != len(fields):
        faults.add(f"{path}.fields", "names a field twice")
    for index, name in enumerate(fields):
        if not NAME.fullmatch(name):
            faults.add(f"{path}.fields[{index}]", _NAME_RULE)
    return fields


def _conditions(message: common_pb2.Terms, faults: Faults, path: str) -> tuple[Condition, ...]:
    if len(message.where) > CONDITIONS:
        faults.add(f"{path}.where", "has more than 32 conditions")
        return ()
    return tuple(
        _condition(condition, faults, f"{path}.where[{index}]")
        for index, condition in enumerate(message.where)
    )


def _condition(message: common_pb2.Condition, faults: Faults, path: str) -> Condition:
    faults.match(message.field, NAME, f"{path}.field", _NAME_RULE)
    operator = OPERATOR.get(message.operator)
    if operator is None:
        faults.add(f"{path}.operator", "is not an operator of this version")
        operator = Operator.EQ
    elif operator not in _MANY and len(message.values) != 1:
        faults.add(f"{path}.values", "has not exactly one value")
    return Condition(message.field, operator, _values(message, faults, path))


def _values(message: common_pb2.Condition, faults: Faults, path: str) -> tuple[Scalar, ...]:
    if not 1 <= len(message.values) <= VALUES:
        faults.add(f"{path}.values", "has not 1 to 1,000 values")
        return ()
    found: list[Scalar] = []
    for index, value in enumerate(message.values):
        at = f"{path}.values[{index}]"
        if value.WhichOneof("kind") is None:
            faults.add(at, "is null, which satisfies nothing")
        found.append(to_scalar(value, at, faults))
    return tuple(found)


def from_terms(terms: Terms) -> common_pb2.Terms:
    """Return the message of terms."""
    return common_pb2.Terms(
        provider=terms.provider,
        recipient=terms.recipient,
        dataset=str(terms.dataset),
        purpose=terms.purpose,
        fields=terms.fields,
        where=[from_condition(condition) for condition in terms.where],
    )


def from_condition(condition: Condition) -> common_pb2.Condition:
    """Return the message of one condition."""
    return common_pb2.Condition(
        field=condition.field,
        operator=_NUMBER[condition.op],
        values=[from_scalar(value) for value in condition.values],
    )
