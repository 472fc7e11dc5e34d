"""The holds in force, read from the log's own entries: a derived row that is deleted ends none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gateway.audit.absent import later
from gateway.audit.entry import parse_leaf, parse_meta
from gateway.audit.fault import AuditError
from gateway.audit.holds import Holds
from gateway.errors import SettingsError
from gateway.store.reads import ENTRIES_MAX, unseal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.audit.entry import Leaf, Payload
    from gateway.store.reads import Reads

    Key = Callable[[str], bytes]

_HOLDS: Final = (
    "SELECT seq, body, key_id, sealed FROM log_entry LEFT JOIN log_payload USING (seq) "
    "WHERE k = 'hold' AND seq >= ? AND seq < ? ORDER BY seq"
)
_RELEASES: Final = (
    "SELECT seq, body, key_id, sealed FROM log_payload JOIN log_entry USING (seq) "
    "WHERE k = 'release' AND seq >= ? AND seq < ? ORDER BY seq"
)
_SIZE: Final = "SELECT size FROM log_head"


class Row(NamedTuple):
    """An entry as it is stored; `sealed` is None where its payload is gone."""

    seq: int
    leaf: Leaf
    body: bytes
    key_id: str
    sealed: bytes | None


def row(seq: int, body: bytes, key_id: str | None, sealed: bytes | None) -> Row:
    """Return a row of the store, its leaf read."""
    leaf = bytes(body)
    return Row(
        int(seq), parse_leaf(leaf), leaf, str(key_id), None if sealed is None else bytes(sealed)
    )


def over(leaf: Leaf, now: str) -> bool:
    """Return whether an entry's class has run out, by the rule that the verifier has."""
    return leaf.retain != "p" and later(leaf.time, leaf.retain) <= now


def log_size(reads: Reads) -> int:
    """Return how many entries the log has."""
    rows = reads.rows(_SIZE)
    return int(rows[0][0]) if rows else 0


def opened(one: Row, key: Key) -> Payload | None:
    """Return an entry's payload, or None where it or its key is gone.

    Raises:
        LogError: It is not what its leaf commits to.
    """
    if one.sealed is None:
        return None
    try:
        found = key(one.key_id)
    except SettingsError:
        return None
    return unseal(found, one.body, one.sealed)


class Holding:
    """Reads holds as the log grows. Not for the event loop, nor for several threads at once.

    Args:
        reads: The store.
        key: Payload keys by id; raises `SettingsError` for one that is gone.

    Attributes:
        read_to: Entries that the log had when it was last read.
    """

    def __init__(self, reads: Reads, key: Key) -> None:
        self.read_to = 0
        self._reads = reads
        self._key = key
        self._rows: list[Row] = []
        self._people = frozenset[bytes]()
        self._theirs: set[str] = set()
        self._theirs_to = 0

    def in_force(self, now: str) -> Holds:
        """Return the holds in force, once more of the log was read.

        Raises:
            LogError: The store cannot be read, or a hold's payload was changed.
        """
        size = log_size(self._reads)
        for start in range(self.read_to, size, ENTRIES_MAX):
            stop = min(start + ENTRIES_MAX, size)
            self._rows += [row(*one) for one in self._reads.many(_HOLDS, start, stop)]
        self.read_to = size
        holds = Holds()
        for one, meta, tokens in self._said():
            # What was taken away within its class, or cannot be read, may hold anything.
            if meta is not None or not over(one.leaf, now):
                holds.read(one.seq, meta, tokens)
        return holds

    def unfinished(self, now: str) -> set[int]:
        """Return the `hold` entries of documents of which some entry is within its class.

        They go together: an end that went before its beginning would begin the hold again.
        """
        by_document: dict[str, list[Row]] = {}
        for one, meta, _ in self._said():
            if meta is not None:
                by_document.setdefault(meta["document"], []).append(one)
        return {
            one.seq
            for rows in by_document.values()
            if not all(over(other.leaf, now) for other in rows)
            for one in rows
        }

    def exchanges_of(self, people: frozenset[bytes]) -> frozenset[str]:
        """Return every exchange with a release that tells of one of these people.

        From the releases themselves, read on from where they were read for the same people; a
        release that does not open any more may tell of them.
        """
        if people != self._people:
            self._people, self._theirs, self._theirs_to = people, set(), 0
        size = log_size(self._reads)
        for start in range(self._theirs_to, size, ENTRIES_MAX):
            stop = min(start + ENTRIES_MAX, size)
            for values in self._reads.many(_RELEASES, start, stop):
                one = row(*values)
                if one.leaf.s is not None and one.leaf.exchange_id is not None:
                    payload = opened(one, self._key)
                    if payload is None or people & set(payload.tokens):
                        self._theirs.add(one.leaf.exchange_id)
        self._theirs_to = size
        return frozenset(self._theirs)

    def _said(self) -> list[tuple[Row, dict[str, Any] | None, tuple[bytes, ...]]]:
        """Return the entries, opened, with what they say where that can be read."""
        found = []
        for one in self._rows:
            payload = opened(one, self._key)
            try:
                meta = None if payload is None else parse_meta("hold", payload.meta)
            except AuditError:
                meta = None
            found.append((one, meta, () if payload is None else payload.tokens))
        return found
