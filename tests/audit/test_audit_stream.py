"""Digests of typed rows: every value has one spelling, and a stranger is refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.fault import AuditError
from gateway.audit.stream import (
    encode_value,
    exchange_bytes,
    rows_digest,
    stream_next,
    stream_start,
)
from tests.audit.build import exchange_id

if TYPE_CHECKING:
    from gateway.values import Scalar

EAST = dt.timezone(dt.timedelta(hours=-5))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "00"),
        (False, "0100"),
        (True, "0101"),
        (1, "020000000000000001"),
        (-1, "02ffffffffffffffff"),
        ((1 << 63) - 1, "027fffffffffffffff"),
        (1.0, "033ff0000000000000"),
        (-0.0, "038000000000000000"),
        ("", "0400000000"),
        ("é", "0400000002c3a9"),
        (b"\x00\xff", "050000000200ff"),
        (dt.date(1970, 1, 2), "0600000001"),
        (dt.date(1969, 12, 31), "06ffffffff"),
        (dt.datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=dt.UTC), "0700000000000f4245"),
        (dt.datetime(1969, 12, 31, 19, tzinfo=EAST), "070000000000000000"),
        (dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.UTC), "07ffffffffffffffff"),
        (Decimal("1.50"), "0800000004312e3530"),
    ],
)
def test_a_value_has_the_spelling_of_the_specification(value: Scalar, expected: str) -> None:
    """Section 3.6: a tag byte, then the value by its type; instants in UTC whatever their zone."""
    assert expected == encode_value(value).hex()


class Word(StrEnum):
    """Text that is not quite text."""

    ONE = "one"


class Stamp(dt.datetime):
    """An instant that is not quite one."""


@pytest.mark.parametrize(
    "value",
    [
        1 << 63,
        -(1 << 63) - 1,
        float("nan"),
        Decimal("NaN"),
        Decimal("Infinity"),
        dt.datetime(2026, 1, 1),  # noqa: DTZ001 - it must be refused
        Word.ONE,
        Stamp(2026, 1, 1, tzinfo=dt.UTC),
        bytearray(b"x"),
        ["a"],
        {"a": 1},
        1j,
        dt.timedelta(1),
        dt.time(1),
    ],
)
def test_a_value_of_another_type_or_range_is_refused(value: Any) -> None:  # noqa: ANN401
    """Nothing is digested by its text, and no subclass passes for its parent."""
    with pytest.raises(AuditError) as caught:
        encode_value(value)

    assert "stream-broken" == caught.value.code


def test_values_of_several_types_are_apart() -> None:
    """1, true, 1.0, "1" and a decimal 1 are five values."""
    values: list[Scalar] = [1, True, 1.0, "1", b"1", Decimal(1), None]

    assert 7 == len({rows_digest([[value]]) for value in values})


def test_rows_are_digested_in_order() -> None:
    """The digest is that of the values' spellings, row by row."""
    rows: list[list[Scalar]] = [["a", 1], [None, True]]

    assert sha256(bytes.fromhex("0400000001610200000000000000010001 01")).digest() == rows_digest(
        rows
    )
    assert rows_digest(rows) != rows_digest(rows[::-1])
    assert sha256().digest() == rows_digest([])


def test_a_stream_value_commits_to_exchange_order_and_count() -> None:
    """Another exchange, another order, one chunk less: another value."""
    first, second = sha256(b"1").digest(), sha256(b"2").digest()
    start = stream_start(exchange_id(1))

    assert start != stream_start(exchange_id(2))
    assert stream_next(stream_next(start, first), second) != stream_next(
        stream_next(start, second), first
    )
    assert sha256(start + first).digest() == stream_next(start, first)
    for short in (b"", first[:31]):
        for one, two in ((start, short), (short, first)):
            with pytest.raises(AuditError, match="32 bytes"):
                stream_next(one, two)


@pytest.mark.parametrize("text", ["", "x", exchange_id(1).upper(), exchange_id(1)[:-1], "0" * 36])
def test_an_exchange_id_is_a_uuid_of_version_7(text: str) -> None:
    """In lower case, with its hyphens."""
    assert 16 == len(exchange_bytes(exchange_id(1)))
    with pytest.raises(AuditError, match="UUIDv7"):
        exchange_bytes(text)
