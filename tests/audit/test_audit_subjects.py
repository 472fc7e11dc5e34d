"""The index of subjects, rebuilt and compared: order and parts do not matter, and a row does."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from gateway.audit.subjects import SPAN, Rebuilt, Sum, sum_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.subjects import Row

KEY = bytes(range(32))


def a_token(number: int) -> bytes:
    """Return the token of a made-up person."""
    return sha256(f"person {number}".encode()).digest()


ROWS: list[Row] = [(a_token(number)[:16], number // 3) for number in range(3 * 3 * SPAN)]
ENTRIES = 3 * SPAN


@dataclass
class Stored:
    """An index in memory, in pages of an odd size; `grown` is how far it goes in the end."""

    kept: list[Row] = field(default_factory=lambda: list(ROWS))
    upto: int = ENTRIES
    grown: int | None = None

    def indexed(self) -> int:
        """Return how far it goes."""
        return self.upto if self.grown is None else self.grown

    def subjects(self) -> Sequence[Sequence[Row]]:
        """Return the rows, in another order than that of the log."""
        rows = sorted(self.kept)
        return [rows[at : at + 100] for at in range(0, len(rows), 100)]


def told(index: Rebuilt, first: int = 0, last: int = ENTRIES) -> Rebuilt:
    """Tell it of the entries of a range."""
    for seq in range(first, last):
        index.holds(seq, [a_token(3 * seq + part) for part in range(3)])
    return index


def places(stored: Stored, index: Rebuilt | None = None) -> list[int]:
    """Return where the findings are."""
    return [
        one.index for one in (index or told(Rebuilt(stored.upto, KEY))).findings(stored, ENTRIES)
    ]


def test_a_sum_does_not_depend_on_the_order_of_rows() -> None:
    """Rows in any order, and in parts, have one sum."""
    mixed = list(ROWS)
    random.Random(3).shuffle(mixed)  # noqa: S311 - an order
    parts = Sum()
    for at in range(0, len(mixed), 77):
        parts = parts.plus(sum_rows(KEY, mixed[at : at + 77]))

    assert sum_rows(KEY, ROWS) == parts


def test_a_sum_is_of_pairs() -> None:
    """The same tokens and the same places, paired otherwise, have another sum."""
    one, other = ROWS[0], ROWS[-1]

    swapped = sum_rows(KEY, [(one[0], other[1]), (other[0], one[1])])

    assert sum_rows(KEY, [one, other]) != swapped


def test_a_sum_is_the_mac_of_each_row() -> None:
    """CBC-MAC of the two blocks, added up, computed here one by one."""
    high = low = 0
    for token, seq in ROWS[:5]:
        blocks = token + seq.to_bytes(16, "big")
        mac = Cipher(AES(KEY), CBC(bytes(16))).encryptor().update(blocks)[16:]
        high += int.from_bytes(mac[:8], "big")
        low += int.from_bytes(mac[8:], "big")

    assert Sum(5, high, low) == sum_rows(KEY, ROWS[:5])


def test_the_index_of_the_entries_has_no_finding() -> None:
    """What follows from the entries is not found wrong."""
    assert [] == places(Stored())


@pytest.mark.parametrize("seq", [0, SPAN - 1, SPAN, ENTRIES - 1])
def test_a_missing_row_is_found_in_its_span(seq: int) -> None:
    """The finding names the span of 256 entries whose row is gone."""
    kept = [row for row in ROWS if row != (a_token(3 * seq)[:16], seq)]

    assert [seq // SPAN * SPAN] == places(Stored(kept))


def test_a_row_that_is_not_of_its_form_is_found() -> None:
    """A token that is not of 16 bytes, or a place that no entry has."""
    kept = [*ROWS, (b"short", 1), (b"\0" * 17, SPAN), (b"\0" * 16, -1), (b"\0" * 16, ENTRIES + 1)]

    assert [0, SPAN, ENTRIES] == places(Stored(kept))


def test_entries_that_nobody_could_open_are_left_out() -> None:
    """What is indexed of them is not judged; of the others it is."""
    stored = Stored([*ROWS, (b"\1" * 16, 5)])
    index = Rebuilt(stored.upto, KEY)
    for seq in range(ENTRIES):
        if seq == 5:
            index.unknown(seq)
        else:
            told(index, seq, seq + 1)
    missing = Stored([row for row in ROWS if row[1] not in {5, 6}])
    other = Rebuilt(missing.upto, KEY)
    other.unknown(5)
    told(other, 0, 5)
    told(other, 6)

    assert [] == places(stored, index)
    assert [0] == places(missing, other)


def test_parts_of_a_run_are_put_together() -> None:
    """Two that saw half of the entries each say what one that saw all of them says."""
    for stored, expected in ((Stored(), []), (Stored(ROWS[1:]), [0]), (Stored(ROWS[:-1]), [512])):
        first, second = Rebuilt(stored.upto, KEY), Rebuilt(stored.upto, KEY)
        told(first, 0, SPAN)
        told(second, SPAN)
        first.merge(second)

        assert expected == places(stored, first)


def test_the_entry_that_is_half_indexed_may_have_a_part_of_its_rows() -> None:
    """One of its people is there and two are not; a stranger is found, and so is what comes after.

    Where the index moved on meanwhile, what was written since is not judged.
    """
    at = SPAN + 9
    below = [row for row in ROWS if row[1] < at]
    part = (a_token(3 * at)[:16], at)
    after = (a_token(3 * at + 3)[:16], at + 1)

    assert [] == places(Stored([*below, part], at))
    assert [SPAN] == places(Stored([*below, (b"\1" * 16, at)], at))
    assert [SPAN] == places(Stored([*below, part, after], at))
    assert [] == places(Stored([*below, part, after], at, grown=at + 1))


def test_an_index_that_claims_more_than_the_log_is_found() -> None:
    """One past the end is too much; the end is not."""
    assert [] == places(Stored(upto=ENTRIES))
    assert [-1] == places(Stored(upto=ENTRIES + 1))


def test_entries_beyond_those_that_were_taken_are_not_judged() -> None:
    """The index of a log that goes on covers more than the checkpoint that is verified."""
    stored = Stored(grown=ENTRIES + 10)
    stored.kept.append((b"\1" * 16, ENTRIES + 3))

    assert [] == places(stored)
