"""Retention: which payloads are past their class and under no hold, and what is left under a key.

Read from the entries themselves, never from a derived row: a leaf says when it was written and how
long its payload is kept, and a `hold` entry what is kept longer. Section 6 of the log's
specification.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.audit.absent import later
from gateway.errors import LogError
from gateway.store.holding import Holding, log_size, opened, over, row
from gateway.store.reads import ENTRIES_MAX

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.store.holding import Key, Row
    from gateway.store.reads import Reads

_KEY = re.compile(r"payload/([0-9]{4}-[0-9]{2})\.([0-9]+y)(?:#[0-9]+)?")
_SLICE: Final = (
    "SELECT seq, body, key_id, sealed FROM log_entry LEFT JOIN log_payload USING (seq) "
    "WHERE seq >= ? AND seq < ? ORDER BY seq"
)
_ANY: Final = "SELECT 1 FROM log_payload WHERE seq >= ? AND seq < ? AND key_id IN ({}) LIMIT 1"
_USED: Final = "SELECT key_id FROM log_key ORDER BY key_id"
_CELLS: Final = "SELECT 1 FROM released_cells WHERE key_id = ? LIMIT 1"


class Past(NamedTuple):
    """Payloads of one class that may go.

    Attributes:
        retain: The class.
        ranges: [first, last] of those that go, unbroken by an entry of the class that does not.
        indexes: The entries.
        tokens: (subject token, entry) of those that have any.
        read_to: Entries that the log had when the holds were read.
    """

    retain: str
    ranges: list[list[int]]
    indexes: list[int]
    tokens: list[tuple[bytes, int]]
    read_to: int


class Retention:
    """Looks, and changes nothing. Not for the event loop, nor for several threads at once.

    Args:
        reads: The store.
        key: Payload keys by id; raises `SettingsError` for one that is gone.
        entries: Looked at in one transaction, so that the WAL can be reset.
    """

    def __init__(self, reads: Reads, key: Key, entries: int = ENTRIES_MAX) -> None:
        self._reads = reads
        self._key = key
        self._entries = entries
        self._holding = Holding(reads, key)

    def past(self, now: str) -> Iterator[Past]:
        """Yield what may go, class by class within each slice of entries, the oldest first.

        The holds are read anew before each slice.

        Args:
            now: The instant, as a leaf has it.

        Raises:
            LogError: The store cannot be read, or a hold's payload was changed.
        """
        keys = self._run_out(now)
        if not keys:
            return
        for start in range(0, log_size(self._reads), self._entries):
            stop = start + self._entries
            if self._any(start, stop, keys):
                rows = [row(*one) for one in self._reads.many(_SLICE, start, stop)]
                yield from self._going(rows, now)

    def under(self, key_id: str) -> bool:
        """Return whether anything is left that is sealed under a key."""
        return bool(self._reads.many(_CELLS, key_id)) or any(
            self._any(start, start + ENTRIES_MAX, [key_id])
            for start in range(0, log_size(self._reads), ENTRIES_MAX)
        )

    def _run_out(self, now: str) -> list[str]:
        """Return the keys under which a payload may be past its class, by their month and class."""
        found = []
        for (key_id,) in self._reads.many(_USED):
            parts = _KEY.fullmatch(str(key_id))
            if parts and later(f"{parts[1]}-01T00:00:00.000Z", parts[2]) <= now:
                found.append(str(key_id))
        return found

    def _any(self, start: int, stop: int, keys: Sequence[str]) -> bool:
        return bool(self._reads.many(_ANY.format(", ".join("?" * len(keys))), start, stop, *keys))

    def _going(self, rows: list[Row], now: str) -> Iterator[Past]:
        """Yield what goes of one slice, by class."""
        due = {one.seq: one for one in rows if one.sealed is not None and over(one.leaf, now)}
        if not due:
            return
        tokens: dict[int, tuple[bytes, ...]] = {}
        gone = set(due) - self._kept(due, tokens, now)
        for retain in sorted({due[index].leaf.retain for index in gone}):
            of_class = [one.seq for one in rows if one.leaf.retain == retain]
            indexes = [index for index in of_class if index in gone]
            some = [(token, index) for index in indexes for token in tokens.get(index, ())]
            ranges = _ranges(of_class, gone)
            yield Past(retain, ranges, indexes, some, self._holding.read_to)

    def _kept(
        self, due: dict[int, Row], tokens: dict[int, tuple[bytes, ...]], now: str
    ) -> set[int]:
        """Return what stays of what is due; fill in the tokens of what was opened."""
        holds = self._holding.in_force(now)
        people = holds.people
        theirs = self._holding.exchanges_of(people) if people else frozenset()
        kept = self._holding.unfinished(now)
        for index, one in due.items():
            leaf = one.leaf
            if holds.keeps(index, leaf.agreement, leaf.exchange_id) or leaf.exchange_id in theirs:
                kept.add(index)
            elif leaf.s is not None:
                try:
                    payload = opened(one, self._key)
                except LogError:
                    # It was changed: that is evidence, and stays for whoever looks into it.
                    kept.add(index)
                    continue
                if payload is None and people:
                    kept.add(index)
                elif payload is not None:
                    tokens[index] = payload.tokens
                    if people & set(payload.tokens):
                        kept.add(index)
        return kept


def _ranges(indexes: list[int], gone: set[int]) -> list[list[int]]:
    """Return [first, last] of those that go, unbroken by one of the same class that stays.

    Nor by one that is gone already: what was taken early is not explained by a later entry.
    """
    found: list[list[int]] = []
    going = False
    for index in indexes:
        if index in gone and going:
            found[-1][1] = index
        elif index in gone:
            found.append([index, index])
        going = index in gone
    return found
