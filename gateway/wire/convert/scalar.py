"""One value on the wire and in Python: the tags of the log, exact types, bounded ranges."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import Reason, ReleaseError
from gateway.v1.common_pb2 import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.values import Scalar
    from gateway.wire.convert.faults import Faults

TEXT_BYTES: Final = 4096
_DECIMAL = re.compile(r"-?[0-9]{1,38}(?:\.[0-9]{1,38})?")
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
_FIRST_DAY: Final = dt.date.min.toordinal() - _EPOCH_DAY
_LAST_DAY: Final = dt.date.max.toordinal() - _EPOCH_DAY
_FIRST_MICRO: Final = (dt.datetime.min.replace(tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND
_LAST_MICRO: Final = (dt.datetime.max.replace(tzinfo=dt.UTC) - _EPOCH) // _MICROSECOND


def to_scalar(  # noqa: C901 - one arm a kind
    message: Value, path: str, faults: Faults, *, literal: bool = True
) -> Scalar:
    """Return a value; null where there is none, or where a fault was noted.

    Args:
        message: The value on the wire.
        path: Where it stands.
        faults: Takes what is wrong with it.
        literal: Whether it is a literal of a condition, which is finite and at most 4 KiB;
            values of records are not bounded one by one.
    """
    match message.WhichOneof("kind"):
        case "text":
            if literal and len(message.text.encode()) > TEXT_BYTES:
                faults.add(f"{path}.text", "is longer than 4 KiB")
            return message.text
        case "integer":
            return message.integer
        case "truth":
            return message.truth
        case "real":
            if literal and not math.isfinite(message.real):
                faults.add(f"{path}.real", "is not finite")
            return message.real
        case "date":
            return _date(message.date, f"{path}.date", faults)
        case "timestamp":
            return _timestamp(message.timestamp, f"{path}.timestamp", faults)
        case "binary":
            if literal and len(message.binary) > TEXT_BYTES:
                faults.add(f"{path}.binary", "is longer than 4 KiB")
            return message.binary
        case "decimal":
            return _decimal(message.decimal, f"{path}.decimal", faults)
        case _:
            return None


def _date(days: int, path: str, faults: Faults) -> Scalar:
    if _FIRST_DAY <= days <= _LAST_DAY:
        return dt.date.fromordinal(days + _EPOCH_DAY)
    faults.add(path, "is not in the years 1 to 9999")
    return None


def _timestamp(micros: int, path: str, faults: Faults) -> Scalar:
    if _FIRST_MICRO <= micros <= _LAST_MICRO:
        return _EPOCH + dt.timedelta(microseconds=micros)
    faults.add(path, "is not in the years 1 to 9999")
    return None


def _decimal(text: str, path: str, faults: Faults) -> Scalar:
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    faults.add(path, "is not a plain decimal number")
    return None


def from_scalar(value: Scalar) -> Value:
    """Return the message of a value.

    Raises:
        ReleaseError: A value of a type that cannot leave; a subclass is one.
    """
    fill = _FILLERS.get(type(value))
    if fill is None:
        raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "a value is of no type that can leave")
    return fill(value)


_FILLERS: Final[Mapping[type, Callable[[Any], Value]]] = {
    type(None): lambda _: Value(),
    bool: lambda value: Value(truth=value),
    int: lambda value: Value(integer=value),
    float: lambda value: Value(real=value),
    str: lambda value: Value(text=value),
    bytes: lambda value: Value(binary=value),
    dt.date: lambda value: Value(date=value.toordinal() - _EPOCH_DAY),
    dt.datetime: lambda value: Value(timestamp=(value - _EPOCH) // _MICROSECOND),
    # The same text as in the row digest.
    Decimal: lambda value: Value(decimal=str(value)),
}
