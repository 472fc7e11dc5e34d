"""Entries as they are stored, for whoever hashes them again before signing.

Section 4.5 of the specification: what is signed was read back from the store, never from memory.
"""

from __future__ import annotations

from itertools import starmap
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.audit.merkle import leaf_hash
from gateway.store.faults import DamagedError

if TYPE_CHECKING:
    from gateway.store.database import Connection

READ_ROWS: Final = 1_024
"""At most so many at once: hashing them keeps the interpreter from everybody else for 2 ms."""

_HASH_CHARACTERS: Final = 64
_HEAD: Final = "SELECT size, frontier, t FROM log_head"
_ROWS: Final = "SELECT seq, leaf, body FROM log_entry WHERE seq >= ? AND seq < ? ORDER BY seq"
# One row in place of a thousand: with each row a connection to SQLite lets go of the interpreter's
# lock, and waits until the event loop and the writer give it back.
_JOINED: Final = """
SELECT count(*), min(seq), max(seq), group_concat(hex(leaf) || hex(body), ' ')
FROM (SELECT seq, leaf, body FROM log_entry WHERE seq >= ? AND seq < ? ORDER BY seq)
"""


class Stored(NamedTuple):
    """The end of the log as its head says it, and the leaf hashes of what is stored before that.

    Attributes:
        size: Entries that the head counts.
        frontier: The head's own hashes of them.
        t_ms: The newest entry's time.
        leaves: Hashes of the entries from the first that was asked for on, computed anew.
    """

    size: int
    frontier: bytes
    t_ms: int
    leaves: list[bytes]


def read_on(connection: Connection, first: int, *, shared: bool) -> Stored:
    """Read the head, and hash what is stored from an entry on, at most `READ_ROWS`.

    It is one short transaction, so that the write-ahead log can be reset.

    Args:
        connection: A reading connection.
        first: The first entry that is wanted.
        shared: The log lies in PostgreSQL; else in an SQLite file.

    Raises:
        DamagedError: An entry is missing, or differs from the hash that was stored with it.
    """
    connection.execute("BEGIN")
    try:
        size, frontier, t_ms = connection.execute(_HEAD).fetchone()
        window = first, min(size, first + READ_ROWS)
        read = _rows if shared else _joined
        found = read(connection, window) if window[0] < window[1] else []
    finally:
        connection.execute("COMMIT")
    return Stored(size, bytes(frontier), t_ms, list(starmap(_leaf, found)))


def _rows(connection: Connection, window: tuple[int, int]) -> list[tuple[bytes, bytes]]:
    found = connection.execute(_ROWS, window).fetchall()
    if [seq for seq, _, _ in found] != list(range(window[0], window[0] + len(found))):
        raise _damaged()
    return [(bytes(stored), bytes(body)) for _, stored, body in found]


def _joined(connection: Connection, window: tuple[int, int]) -> list[tuple[bytes, bytes]]:
    count, least, most, joined = connection.execute(_JOINED, window).fetchone()
    if not count:
        return []
    parts = joined.split(" ")
    if (least, most, len(parts)) != (window[0], window[0] + count - 1, count):
        raise _damaged()
    read = bytes.fromhex
    return [(read(one[:_HASH_CHARACTERS]), read(one[_HASH_CHARACTERS:])) for one in parts]


def _leaf(stored: bytes, body: bytes) -> bytes:
    leaf = leaf_hash(body)
    if leaf != stored:
        raise _damaged()
    return leaf


def _damaged() -> DamagedError:
    return DamagedError("an entry of the exchange log is not stored as it was written")
