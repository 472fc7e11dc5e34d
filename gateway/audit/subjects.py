"""The index of subjects as the verifier rebuilds it: which entries hold which token.

The index is derived from payloads, so it is never believed: a row that was taken away would hide a
disclosure from the person that it was about. Both sides are summed up as multisets, in whatever
order rows come, under a key that is drawn for this run, so that nobody could choose rows that
cancel. Section 8, step 5, of the log's specification.
"""

from __future__ import annotations

from collections import defaultdict
from struct import pack, unpack
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from gateway.audit.fault import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

INDEXED_BYTES: Final = 16
"""The first bytes of a token, which the index keeps: half the size, and a hit is confirmed."""

SPAN: Final = 256
"""Entries whose rows are summed together: as near as a finding names what differs."""

_ROWS_AT_ONCE: Final = 4_096

Row: TypeAlias = tuple[bytes, int]
"""(first 16 bytes of a token, place of an entry that holds it)."""


class Index(Protocol):
    """The index as it is stored; a log that is written to meanwhile only moves it forward."""

    def indexed(self) -> int:
        """Return the first entry whose rows are not all there, as of now."""

    def subjects(self) -> Iterable[Sequence[Row]]:
        """Yield the rows, some at a time, in any order."""


class Sum(NamedTuple):
    """A multiset of rows as a number: equal for equal ones, whatever the order of their rows."""

    rows: int = 0
    high: int = 0
    low: int = 0

    def plus(self, other: Sum) -> Sum:
        """Return the sum of both multisets together."""
        return Sum(self.rows + other.rows, self.high + other.high, self.low + other.low)


def sum_rows(key: bytes, rows: Sequence[Row]) -> Sum:
    """Return the sum of some rows, each of 16 bytes and a place from 0 to 2^64-1.

    Each row is two blocks, whose MAC under AES (CBC-MAC of a fixed length) is added as two numbers.
    """
    cipher = Cipher(AES(key), ECB())  # noqa: S305 - single blocks of a MAC, never a text
    places = int.from_bytes(b"".join([pack(">QQ", 0, seq) for _, seq in rows]), "big")
    first = cipher.encryptor().update(b"".join([token for token, _ in rows]))
    mixed = (int.from_bytes(first, "big") ^ places).to_bytes(len(first), "big")
    words = unpack(f">{2 * len(rows)}Q", cipher.encryptor().update(mixed))
    return Sum(len(rows), sum(words[::2]), sum(words[1::2]))


class Rebuilt:
    """The index as the entries say that it must be, built while they are verified.

    Of several processes that verify ranges of one log each builds its own part; `merge` puts them
    together before `findings` compares.

    Args:
        indexed: The first entry whose rows are not all in the stored index, when the run began.
        key: 32 random bytes, drawn for this run, the same for all parts.
    """

    __slots__ = ("_ahead", "_indexed", "_key", "_sums", "_unknown", "_waiting")

    def __init__(self, indexed: int, key: bytes) -> None:
        self._indexed = indexed
        self._key = key
        self._sums: dict[int, Sum] = {}
        self._unknown: set[int] = set()
        self._ahead: set[bytes] = set()  # of the one entry whose rows may be there in part
        self._waiting: list[Row] = []

    def holds(self, seq: int, tokens: Iterable[bytes]) -> None:
        """Take the tokens of an entry, which were found to be what its leaf commits to."""
        if seq < self._indexed:
            self._waiting += [(token[:INDEXED_BYTES], seq) for token in tokens]
            if len(self._waiting) >= _ROWS_AT_ONCE:
                self._settle()
        elif seq == self._indexed:
            self._ahead.update(token[:INDEXED_BYTES] for token in tokens)

    def unknown(self, seq: int) -> None:
        """Take an entry whose tokens cannot be had: its rows are left out of the comparison."""
        self._unknown.add(seq)

    def merge(self, other: Rebuilt) -> None:
        """Take what another part of the same run has built."""
        self._settle()
        other._settle()
        for span, more in other._sums.items():
            self._sums[span] = self._sums.get(span, Sum()).plus(more)
        self._unknown |= other._unknown
        self._ahead |= other._ahead

    def findings(self, index: Index, size: int) -> Iterator[Finding]:
        """Yield where the stored index is not that of the log whose entries were taken, by span.

        Args:
            index: As it is stored.
            size: Entries that were taken. What the index has of later ones is not looked at.
        """
        self._settle()
        total, beyond = Sum(), list[Row]()
        below = min(self._indexed, size)
        for rows in index.subjects():
            known, others = self._sift(rows, below)
            beyond += others
            total = total.plus(sum_rows(self._key, known)) if known else total
        expected = Sum()
        for one in self._sums.values():
            expected = expected.plus(one)
        # Read after the rows: none of them can be of a later entry than it says.
        indexed = index.indexed()
        odd = {max(seq, 0) // SPAN for token, seq in beyond if self._odd(token, seq, indexed, size)}
        if total != expected:
            odd |= self._differing(index, below)
        if self._indexed > size:
            yield Finding("index-mismatch", -1, "the index covers more entries than there are")
        for span in sorted(odd):
            first = span * SPAN
            message = f"the index of subjects is not that of entries {first} to {first + SPAN - 1}"
            yield Finding("index-mismatch", first, message)

    def _settle(self) -> None:
        for span, some in _by_span(self._waiting).items():
            self._sums[span] = self._sums.get(span, Sum()).plus(sum_rows(self._key, some))
        self._waiting = []

    def _sift(self, rows: Sequence[Row], below: int) -> tuple[Sequence[Row], list[Row]]:
        """Return the rows to be compared as a multiset, and those that are looked at singly."""
        shaped = {len(token) for token, _ in rows} == {INDEXED_BYTES}
        places = [seq for _, seq in rows]
        if shaped and not self._unknown and min(places) >= 0 and max(places) < below:
            return rows, []
        known, others = list[Row](), list[Row]()
        for token, seq in rows:
            if len(token) == INDEXED_BYTES and 0 <= seq < below:
                if seq not in self._unknown:
                    known.append((token, seq))
            else:
                others.append((token, seq))
        return known, others

    def _odd(self, token: bytes, seq: int, indexed: int, size: int) -> bool:
        """Return whether a row that was looked at singly cannot be of the index."""
        if len(token) != INDEXED_BYTES or not 0 <= seq <= indexed:
            return True
        # Of the first entry that is not wholly indexed a part may be there; once the index has
        # moved on, what was written since is not judged.
        partly = seq == self._indexed == indexed and seq < size and seq not in self._unknown
        return partly and token not in self._ahead

    def _differing(self, index: Index, below: int) -> set[int]:
        """Return the spans whose rows differ; slow, and only where something does."""
        found: dict[int, Sum] = defaultdict(Sum)
        for rows in index.subjects():
            for span, some in _by_span(self._sift(rows, below)[0]).items():
                found[span] = found[span].plus(sum_rows(self._key, some))
        spans = found.keys() | self._sums.keys()
        return {one for one in spans if found[one] != self._sums.get(one, Sum())}


def _by_span(rows: Sequence[Row]) -> Mapping[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[1] // SPAN].append(row)
    return found
