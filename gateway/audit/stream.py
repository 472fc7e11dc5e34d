"""Digests of what left: of a chunk of typed rows, and of the whole stream of chunks.

The recipient computes the same from what it has, so the encoding is strict: one spelling for each
value, and a type that it does not know is an error, never a text of it. Section 3.6 of the log's
specification.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import struct
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.fault import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.values import Scalar

EXCHANGE: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
"""An exchange id: a UUIDv7 in lower case."""

_EXCHANGE_ID = re.compile(EXCHANGE)
_EPOCH_DAY: Final = dt.date(1970, 1, 1).toordinal()
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_INT = struct.Struct(">Bq").pack
_FLOAT = struct.Struct(">Bd").pack
_DAY = struct.Struct(">Bi").pack
_LENGTH = struct.Struct(">BI").pack


def rows_digest(rows: Iterable[Iterable[Scalar]]) -> bytes:
    """Return the SHA-256 of a chunk in form `rows`.

    Args:
        rows: Each row's values, in the order of the output's fields.

    Raises:
        AuditError: `stream-broken`, a value of another type, an integer beyond 64 bits, a time
            without a zone, or a number that is none.
    """
    digest = sha256()
    for row in rows:
        digest.update(b"".join([encode_value(value) for value in row]))
    return digest.digest()


def encode_value(value: Scalar) -> bytes:
    """Return a tag byte and the value's one spelling.

    The type is exact, so that true is no integer, a time no date, and a subclass nothing at all.

    Raises:
        AuditError: `stream-broken`, as above.
    """
    encode = _ENCODERS.get(type(value))
    if encode is None:
        raise AuditError("stream-broken", "a value is of no type that can leave")
    return encode(value)


@lru_cache(maxsize=1_024)
def exchange_bytes(exchange_id: str) -> bytes:
    """Return the 16 bytes of an exchange id.

    Raises:
        AuditError: `leaf-malformed`, not a UUIDv7 in lower case.
    """
    if not _EXCHANGE_ID.fullmatch(exchange_id):
        raise AuditError("leaf-malformed", "`x` is not a UUIDv7 in lower case")
    return bytes.fromhex(exchange_id.replace("-", ""))


def stream_start(exchange_id: str) -> bytes:
    """Return the stream value before the first chunk.

    Raises:
        AuditError: `leaf-malformed`, not an exchange id.
    """
    return stream_of(exchange_bytes(exchange_id))


def stream_of(x: bytes) -> bytes:
    """Return the stream value before the first chunk, of an exchange by its 16 bytes."""
    return sha256(b"accord/stream/v1\x00" + x).digest()


def stream_next(previous: bytes, digest: bytes) -> bytes:
    """Return the stream value after a chunk with this digest."""
    if len(previous) != 32 or len(digest) != 32:  # noqa: PLR2004 - SHA-256
        raise AuditError("stream-broken", "a digest is not 32 bytes")
    return sha256(previous + digest).digest()


def _int64(tag: int, value: int) -> bytes:
    try:
        return _INT(tag, value)
    except struct.error:
        raise AuditError("stream-broken", "a whole number is beyond 64 bits") from None


def _float(value: float) -> bytes:
    # A NaN has many bit patterns; which of them survives a transport is not for us to say.
    if math.isnan(value):
        raise AuditError("stream-broken", "a value is not a number")
    return _FLOAT(3, value)


def _timestamp(value: dt.datetime) -> bytes:
    if value.tzinfo is None:
        raise AuditError("stream-broken", "a timestamp has no zone")
    return _int64(7, (value - _EPOCH) // _MICROSECOND)


def _decimal(value: Decimal) -> bytes:
    if not value.is_finite():
        raise AuditError("stream-broken", "a value is not a number")
    return _sized(8, str(value).encode("ascii"))


def _sized(tag: int, data: bytes) -> bytes:
    return _LENGTH(tag, len(data)) + data


_ENCODERS: Final[Mapping[type, Callable[[Any], bytes]]] = {
    type(None): lambda _: b"\x00",
    bool: lambda value: b"\x01\x01" if value else b"\x01\x00",
    int: lambda value: _int64(2, value),
    float: _float,
    str: lambda value: _sized(4, value.encode()),
    bytes: lambda value: _sized(5, value),
    dt.date: lambda value: _DAY(6, value.toordinal() - _EPOCH_DAY),
    dt.datetime: _timestamp,
    Decimal: _decimal,
}
