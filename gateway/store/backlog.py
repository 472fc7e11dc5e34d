"""What the index of subjects still owes: tokens of entries that are durable, not yet indexed.

The index is derived: a row says that an entry holds a token, by its first 16 bytes. Rows are
written in the order of the log, a few with each commit, so that a chunk of thousands of people
holds nobody up; `log_head.indexed` is the first entry whose rows are not all there. What is lost
with the process is read again from the sealed payloads. Belongs to the writer's thread. Section 4.3
of the log's specification.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.audit.subjects import INDEXED_BYTES
from gateway.errors import LogError, SettingsError
from gateway.store.reads import unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from gateway.store.database import Connection

ROWS: Final = 256
"""Rows that one commit takes along."""

HELD_TOKENS: Final = 65_536
"""Tokens that are kept in memory; what is beyond is read again when its turn comes."""

_READ_ENTRIES: Final = 32
_ENTRIES: Final = """
SELECT seq, body, key_id, sealed FROM log_entry JOIN log_payload USING (seq)
WHERE seq >= ? AND seq < ? AND k IN ('release', 'access', 'suspend', 'hold', 'consent')
ORDER BY seq LIMIT ?
"""
"""Entries of the kinds that may carry tokens (`audit.kinds.TOKEN_KINDS`)."""

Named = tuple[int, "Sequence[bytes]"]
"""An entry's place, and the tokens that it holds."""


class Step(NamedTuple):
    """What one transaction adds to the index.

    Attributes:
        rows: (first 16 bytes of a token, place of its entry).
        indexed: The first entry whose rows are not all there, after these.
        upto: Entries below this are in the index or in memory, after the transaction.
        added: Entries that the transaction brings, to be kept in memory.
        offset: Tokens of the entry at `indexed` whose rows are there.
    """

    rows: list[tuple[bytes, int]]
    indexed: int
    upto: int
    added: Sequence[Named]
    offset: int


class Backlog:
    """Tokens between the index and the end of the log.

    Args:
        indexed: The first entry whose rows are not all in the index.
        key: Returns the payload key of an id, for what must be read again.
    """

    def __init__(self, indexed: int, key: Callable[[str], bytes]) -> None:
        self.stuck = False  # a payload does not open: looking somebody up meets it too, and says so
        self._indexed = indexed
        self._key = key
        self._upto = indexed
        self._offset = 0
        self._queue: deque[Named] = deque()
        self._held = 0

    @property
    def indexed(self) -> int:
        """The first entry whose rows are not all in the index."""
        return self._indexed

    def owes(self, size: int) -> bool:
        """Return whether rows can be written for a log of `size` entries."""
        return self._indexed < size and not (self.stuck and not self._queue)

    def resume(self, indexed: int) -> None:
        """Take note of how far the index is: where several write, another may have gone on."""
        if indexed <= self._indexed:
            return
        while self._queue and self._queue[0][0] < indexed:
            self._held -= len(self._queue.popleft()[1])
        self._indexed, self._upto, self._offset = indexed, max(self._upto, indexed), 0

    def fill(self, connection: Connection, size: int) -> None:
        """Read what is not in memory, a few entries at a time, once memory has room."""
        if self._queue or self._upto >= size or self.stuck:
            return
        rows = connection.execute(_ENTRIES, (self._upto, size, _READ_ENTRIES)).fetchall()
        for seq, body, key_id, sealed in rows:
            try:
                tokens = unseal(self._key(key_id), body, sealed).tokens
            except SettingsError:
                tokens = ()  # its key was destroyed: whom it was about, nobody can tell any more
            except LogError:
                self.stuck = True
                self._upto = seq
                return
            self._keep((seq, tokens))
        self._upto = rows[-1][0] + 1 if len(rows) == _READ_ENTRIES else size

    def step(self, new: Sequence[Named], before: int, after: int) -> Step:
        """Return what the transaction that brings the log from one size to another takes along.

        Args:
            new: Its own entries with tokens.
            before: Entries before it.
            after: Entries after it.
        """
        near = self._upto == before and self._held < HELD_TOKENS
        upto, added = (after, new) if near else (self._upto, ())
        rows: list[tuple[bytes, int]] = []
        offset = self._offset
        for seq, tokens in chain(self._queue, added):
            part = tokens[offset : offset + ROWS - len(rows)]
            rows += [(token[:INDEXED_BYTES], seq) for token in part]
            offset += len(part)
            if offset < len(tokens):
                return Step(rows, seq, upto, added, offset)
            offset = 0
        return Step(rows, upto, upto, added, 0)

    def took(self, step: Step) -> None:
        """Take note that a step is durable."""
        for one in step.added:
            self._keep(one)
        while self._queue and self._queue[0][0] < step.indexed:
            self._held -= len(self._queue.popleft()[1])
        self._indexed, self._upto, self._offset = step.indexed, step.upto, step.offset

    def forget(self, entries: Collection[int]) -> None:
        """Drop the tokens of entries that are erased: what waits must not be written after that."""
        kept = [(seq, () if seq in entries else tokens) for seq, tokens in self._queue]
        self._queue = deque[Named](kept)
        self._held = sum(len(tokens) for _, tokens in kept)

    def _keep(self, one: Named) -> None:
        self._queue.append(one)
        self._held += len(one[1])
