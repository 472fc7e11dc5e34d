"""Reading the log back: entries, tiles, attempts, payloads, and the root at an earlier size.

Each connection is used by one thread at a time. Nothing here believes a derived row where the
entries can be asked.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.audit import entry
from gateway.audit.fault import AuditError
from gateway.audit.merkle import TILE_WIDTH, entry_bundle_path, join_bundle, tile_path, tile_width
from gateway.errors import BusyError, LogError, NotFoundError, Reason
from gateway.ports import ATTEMPTS_MAX, Attempt
from gateway.store import connect, database
from gateway.store.batch import instant, millis
from gateway.store.tiles import StoredTiles, frontier_of
from gateway.values import uuid_text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from gateway.audit.entry import Payload
    from gateway.audit.merkle import Tiles
    from gateway.store.database import Connection, Where

ENTRIES_MAX: Final = 10_000
_TILE = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})"
    r"(?:\.p/([1-9][0-9]{0,2}))?"
)


class Stored(NamedTuple):
    """An entry as it is stored."""

    seq: int
    leaf: bytes


class Asking(NamedTuple):
    """One attempt at a request, as it is stored with its intent."""

    x: bytes
    digest: bytes
    at_ms: int


@dataclass(frozen=True, slots=True)
class Opened:
    """An entry with what it says; nothing where its payload was erased."""

    index: int
    leaf: bytes
    meta: bytes
    salt: bytes


class Reads:
    """Reads of the store, each a short transaction of its own.

    Two connections: a look-up of the event loop never waits for an auditor's ten thousand rows.
    """

    def __init__(self, place: Where) -> None:
        self._small = connect.reader(place)
        self._small_lock = threading.Lock()
        self._large = connect.reader(place)
        self._large_lock = threading.Lock()
        self._tiles = StoredTiles(self._large)

    def close(self) -> None:
        """Close the connections."""
        with self._small_lock, self._large_lock:
            self._small.close()
            self._large.close()

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return what a SELECT of a few rows by their key finds; fit for the event loop.

        Raises:
            LogError: The store cannot be read.
        """
        return _rows(self._small, self._small_lock, statement, parameters)

    def many(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return what a SELECT of many rows finds; for other threads than the event loop's.

        Raises:
            LogError: The store cannot be read.
        """
        return _rows(self._large, self._large_lock, statement, parameters)

    def entries(self, start: int, count: int) -> list[Stored]:
        """Return at most `count` entries from `start` on, in order; 10,000 at most."""
        return [
            Stored(seq, body)
            for seq, body in self.many(
                "SELECT seq, body FROM log_entry WHERE seq >= ? AND seq < ? ORDER BY seq",
                start,
                start + min(count, ENTRIES_MAX),
            )
        ]

    def tile(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile: all 256, or those there are."""
        with self._large_lock:
            return self._tiles(level, index)

    def root_at(self, size: int) -> bytes:
        """Return the root that the tree had at a size, from the stored hashes.

        Raises:
            AuditError: The store has not what a tree of that size must have.
        """
        with self._large_lock:
            return frontier_of(size, self._tiles.tails(size)).root()

    def opened(self, start: int, count: int, key: Callable[[str], bytes]) -> list[Opened]:
        """Return at most `count` entries from `start` on, opened.

        Their `access` entry is the caller's to write.
        """
        rows = self.many(
            "SELECT seq, body, key_id, sealed FROM log_entry LEFT JOIN log_payload USING (seq) "
            "WHERE seq >= ? AND seq < ? ORDER BY seq",
            start,
            start + min(count, ENTRIES_MAX),
        )
        found = []
        for seq, leaf, key_id, sealed in rows:
            if sealed is None:
                found.append(Opened(seq, leaf, b"", b""))
            else:
                payload = unseal(key(key_id), leaf, sealed)
                found.append(Opened(seq, leaf, payload.meta, payload.salt_m))
        return found

    def payload(self, index: int) -> tuple[bytes, str, bytes]:
        """Return (leaf, key id, sealed payload) of an entry.

        Raises:
            NotFoundError: There is no such entry, or its payload was erased.
        """
        rows = self.rows(
            "SELECT body, key_id, sealed FROM log_entry JOIN log_payload USING (seq) WHERE seq = ?",
            index,
        )
        if not rows:
            raise NotFoundError(Reason.INDEX_BEYOND_LOG, "no entry with a payload has this index")
        leaf, key_id, sealed = rows[0]
        return leaf, key_id, sealed

    def asked(self, recipient: str, request_id: str, since: dt.datetime) -> list[Asking]:
        """Return the attempts at a request not older than `since`, in order.

        Raises:
            BusyError: There were `ATTEMPTS_MAX` already; the oldest tells when to come again.
        """
        first_ms = millis(since)
        rows = self.rows(
            "SELECT x, digest, at FROM attempt "
            "WHERE recipient = ? AND request_id = ? AND at >= ? ORDER BY seq LIMIT ?",
            *(recipient, request_id, first_ms, ATTEMPTS_MAX),
        )
        if len(rows) == ATTEMPTS_MAX:
            raise BusyError(
                Reason.RATE_LIMIT,
                f"this request id was used {ATTEMPTS_MAX} times within 24 hours",
                retry_after_s=(rows[0][2] - first_ms) / 1000 + 1,
            )
        return [Asking(*row) for row in rows]

    def attempt(self, asked: Sequence[Asking]) -> Attempt:
        """Return the first of some attempts at one request; not for the event loop.

        Its digests are of all that left in any attempt, from the first row on without a gap: a
        resumption goes on where an earlier one was cut.
        """
        first = asked[0]
        left: dict[int, tuple[int, bytes]] = {}
        for one in asked:
            for first_row, count, chunk in self.chunks(one.x):
                left.setdefault(first_row, (count, chunk))
        return Attempt(uuid_text(first.x), first.digest, instant(first.at_ms), _without_gap(left))

    def chunks(self, x: bytes) -> list[tuple[int, int, bytes]]:
        """Return (first row, rows, digest) of each chunk that an exchange released, in order."""
        return [
            (int(first), int(count), bytes(digest))
            for first, count, digest in self.many(
                "SELECT first_row, row_count, digest FROM log_entry "
                "JOIN attempt_chunk USING (seq) WHERE x = ? AND k = 'release' ORDER BY n",
                x,
            )
        ]

    def release_to(self, x: bytes, rows: int) -> int:
        """Return the index of the release that the first `rows` rows end with; -1 for none."""
        found = self.rows(
            "SELECT seq FROM log_entry JOIN attempt_chunk USING (seq) "
            "WHERE x = ? AND k = 'release' AND row_count > 0 AND first_row + row_count = ?",
            x,
            rows,
        )
        return int(found[0][0]) if found else -1


def _without_gap(left: Mapping[int, tuple[int, bytes]]) -> tuple[tuple[int, bytes], ...]:
    """Return (rows, digest) of the chunks that follow one another from the first row on."""
    found: list[tuple[int, bytes]] = []
    row = 0
    while row in left:
        found.append(left[row])
        if left[row][0] == 0:
            break
        row += left[row][0]
    return tuple(found)


def _rows(
    connection: Connection,
    lock: threading.Lock,
    statement: str,
    parameters: tuple[object, ...],
) -> list[tuple[Any, ...]]:
    try:
        with lock:
            return connection.execute(statement, parameters).fetchall()
    except database.ERRORS as error:
        raise LogError("the exchange log cannot be read") from error


def tile_at(reads: Reads, tiles: Tiles, size: int, path: str) -> bytes:
    """Return the bytes of a tlog-tiles path at `size` entries, as static files have them.

    Args:
        reads: The store, for bundles.
        tiles: The tree of that size.
        size: Entries.
        path: As the format spells it.

    Raises:
        NotFoundError: Not a path in its one spelling, or of a tile that such a tree does not have.
    """
    match = _TILE.fullmatch(path)
    if match is not None:
        level = -1 if match[1] == "entries" else int(match[1])
        index = int(match[2].replace("x", "").replace("/", ""))
        width = int(match[3] or TILE_WIDTH)
        spelled = entry_bundle_path(index, width) if level < 0 else tile_path(level, index, width)
        # A partial tile may be asked for at any width that it once had.
        if spelled == path and 0 < width <= tile_width(max(level, 0), index, size):
            return bundle(reads, index, width) if level < 0 else tiles(level, index)[: 32 * width]
    raise NotFoundError(Reason.NOT_FOUND, "the exchange log has no such tile")


def bundle(reads: Reads, index: int, width: int) -> bytes:
    """Return the bundle of `width` entries, as `tile/entries/` has it."""
    return join_bundle([leaf for _, leaf in reads.entries(index * TILE_WIDTH, width)])


def unseal(key: bytes, leaf: bytes, sealed: bytes) -> Payload:
    """Return an entry's payload, opened.

    Raises:
        LogError: It is not what its leaf commits to.
    """
    try:
        read = entry.parse_leaf(leaf)
        return entry.unseal(key, sealed, read.m, read.s)
    except AuditError as error:
        raise LogError(f"a payload of the exchange log does not open: {error.message}") from error
