"""A log as its database has it, read only: entries, tiles, payloads, and every row beside them.

Of SQLite and PostgreSQL alike, on a connection that can write nothing. Entries are never changed
once they are there, so a log that a gateway writes to meanwhile can be read as it was at one
moment: its end is read once, in one transaction.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from gateway.audit.checkpoint import Verifier, cosignatures
from gateway.audit.derived import End, Kept
from gateway.audit.fault import AuditError
from gateway.audit.merkle import HASH_BYTES, join_bundle, root_of, split_hashes
from gateway.auditor.place import Log
from gateway.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from gateway.audit.derived import Columns
    from gateway.audit.subjects import Row

POSTGRES: Final = ("postgresql://", "postgres://")
_AHEAD: Final = 4_096  # entries a query; a multiple of a bundle
_SIGNED: Final = "SELECT size, root, note FROM log_signed"
_SUBJECTS: Final = 10_000  # rows a query
_FIRST: Final = "SELECT token, seq FROM log_subject ORDER BY token, seq LIMIT ?"
_NEXT: Final = (
    "SELECT token, seq FROM log_subject WHERE (token, seq) > (?, ?) ORDER BY token, seq LIMIT ?"
)
_NEWEST: Final = "SELECT size, root, note FROM log_checkpoint ORDER BY size DESC LIMIT 10000"


class _Connection(Protocol):
    """A database connection, as far as this module needs one."""

    def execute(self, statement: str, parameters: Sequence[object] = ..., /) -> Any:  # noqa: ANN401
        """Run a statement."""

    def close(self) -> None:
        """Close it."""


class Rows:
    """SELECTs on one database."""

    def __init__(self, connection: _Connection, errors: type[Exception], mark: str) -> None:
        self._connection = connection
        self._errors = errors
        self._mark = mark

    def __call__(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return what a SELECT finds.

        Raises:
            LogError: The database cannot be read.
        """
        try:
            text = statement.replace("?", self._mark)
            return list(self._connection.execute(text, parameters).fetchall())
        except self._errors as error:
            raise LogError("the exchange log's database cannot be read") from error

    def begin(self) -> None:
        """Begin a transaction that sees one moment."""
        again = "" if self._mark == "?" else " ISOLATION LEVEL REPEATABLE READ READ ONLY"
        self._run("BEGIN" + again)

    def end(self) -> None:
        """End it."""
        self._run("COMMIT")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _run(self, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except self._errors as error:
            raise LogError("the exchange log's database cannot be read") from error


def connect(place: str) -> Rows:
    """Return the rows of a database: a PostgreSQL URL, or the path of a SQLite file.

    Raises:
        LogError: It cannot be opened.
    """
    return _postgres(place) if place.startswith(POSTGRES) else _sqlite(Path(place))


def _sqlite(path: Path) -> Rows:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        return _open(uri)
    except sqlite3.Error as error:
        # A copy on a medium that nobody can write to has no write-ahead log, and can get none.
        if path.with_name(path.name + "-wal").exists():
            raise LogError("the exchange log's database cannot be opened") from error
    try:
        return _open(f"{uri}&immutable=1")
    except sqlite3.Error as error:
        raise LogError("the exchange log's database cannot be opened") from error


def _open(uri: str) -> Rows:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute("PRAGMA busy_timeout=2000")
        connection.execute("SELECT size FROM log_head").fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return Rows(connection, sqlite3.Error, "?")


def _postgres(url: str) -> Rows:
    try:
        import psycopg  # noqa: PLC0415 - an extra, and only a log that replicas share needs it
    except ModuleNotFoundError as error:
        raise LogError("a log on PostgreSQL needs the extra `postgres`") from error
    try:
        connection = psycopg.connect(
            url, autocommit=True, options="-c default_transaction_read_only=on"
        )
    except psycopg.Error as error:
        raise LogError("the exchange log's database cannot be opened") from error
    return Rows(connection, psycopg.Error, "%s")


class DatabaseReader:
    """A log's database: a `Reader`, its payloads, and the rows that were derived from it.

    Args:
        rows: The database.
        key: Returns a payload key by its id, or None where there is none.
        witnesses: Keys whose cosignatures count.
        quorum: How many of them the checkpoint should have: with them the newest such is served,
            and without such a one the newest of all.
    """

    def __init__(
        self,
        rows: Rows,
        key: Callable[[str], bytes | None] | None = None,
        witnesses: Sequence[Verifier] = (),
        quorum: int = 0,
    ) -> None:
        self._rows = rows
        self._key = key
        self._witnesses = witnesses
        self._quorum = quorum
        self._note = ""
        self._end: End | None = None
        self._ahead: list[tuple[Any, ...]] = []
        self._from = -_AHEAD

    def checkpoint(self) -> str:
        """Return the checkpoint, the same however often it is asked.

        Raises:
            LogError: The log was never signed.
        """
        if not self._note:
            self._rows.begin()
            try:
                self._note, self._end = self._newest(), self._read_end()
            finally:
                self._rows.end()
        return self._note

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """Return exactly `width` hashes of a tile, or None where there are not so many."""
        found = self._rows("SELECT data FROM log_tile WHERE level = ? AND idx = ?", level, index)
        data = bytes(found[0][0]) if found else self._partial(level, index << 8, width)
        return data[: HASH_BYTES * width] if len(data) >= HASH_BYTES * width else None

    def bundle(self, index: int, width: int) -> bytes | None:
        """Return the bundle of `width` entries, or of those there are up to a gap.

        None where there are none.
        """
        first = index << 8
        return join_bundle(self.bodies(first, width)) or None

    # --- `Payloads` -------------------------------------------------------------------------------

    def sealed(self, first: int, count: int) -> Mapping[int, tuple[str, bytes]]:
        """Return index -> (key id, sealed payload) for those that are there, of a range."""
        found = self._rows(
            "SELECT seq, key_id, sealed FROM log_payload WHERE seq >= ? AND seq < ?",
            first,
            first + count,
        )
        return {seq: (key_id, sealed) for seq, key_id, sealed in found}

    def key(self, key_id: str) -> bytes | None:
        """Return a payload key, or None where it is not given."""
        return None if self._key is None else self._key(key_id)

    # --- `Derived` --------------------------------------------------------------------------------

    def bodies(self, first: int, count: int) -> Sequence[bytes]:
        """Return the entries of a range, in order, up to the first that is missing."""
        return [row[6] for row in self._entries(first, count)]

    def columns(self, first: int, count: int) -> Sequence[Columns]:
        """Return the columns beside the entries of a range, in order."""
        return [row[:6] for row in self._entries(first, count)]

    def kept(self, first: int, count: int) -> Sequence[Kept]:
        """Return the checkpoints kept whose size is above `first` and at most `first + count`."""
        found = self._rows(
            "SELECT size, root, note FROM log_checkpoint WHERE size > ? AND size <= ? "
            "ORDER BY size",
            first,
            first + count,
        )
        return _kept(found)

    def end(self) -> End:
        """Return what the store says of its end, of the moment of its checkpoint."""
        self.checkpoint()
        if self._end is None:
            raise LogError("the exchange log has no head")
        return self._end

    def indexed(self) -> int:
        """Return the first entry whose rows are not all in the index of subjects, as of now."""
        return int(self._rows("SELECT indexed FROM log_head")[0][0])

    def subjects(self) -> Iterator[Sequence[Row]]:
        """Yield the rows of the index of subjects, by token, each page a query of its own."""
        page = self._rows(_FIRST, _SUBJECTS)
        while page:
            yield [(bytes(token), int(seq)) for token, seq in page]
            page = self._rows(_NEXT, *page[-1], _SUBJECTS) if len(page) == _SUBJECTS else []

    # --- Reading ----------------------------------------------------------------------------------

    def _entries(self, first: int, count: int) -> list[tuple[Any, ...]]:
        """Return the rows of entries from `first` on, up to a gap."""
        if not self._from <= first <= first + count <= self._from + _AHEAD:
            self._from = first
            self._ahead = self._rows(
                "SELECT seq, t, k, x, n, leaf, body FROM log_entry "
                "WHERE seq >= ? AND seq < ? ORDER BY seq",
                first,
                first + _AHEAD,
            )
        at = first - self._from
        found = self._ahead[at : at + count]
        if found and (found[0][0], found[-1][0]) == (first, first + len(found) - 1):
            return found
        there = {row[0]: row for row in self._ahead}
        whole = range(first, first + count)
        gap = next((seq for seq in whole if seq not in there), first + count)
        return [there[seq] for seq in range(first, gap)]

    def _partial(self, level: int, first: int, width: int) -> bytes:
        """Return hashes of a tile that is not full, from what is stored below it."""
        if level == 0:
            return b"".join([row[5] for row in self._entries(first, width)])
        below = self._rows(
            "SELECT data FROM log_tile WHERE level = ? AND idx >= ? AND idx < ? ORDER BY idx",
            level - 1,
            first,
            first + width,
        )
        return b"".join([root_of(split_hashes(bytes(data))) for (data,) in below])

    def _newest(self) -> str:
        """Return the newest checkpoint with a quorum, or else the newest."""
        signed = self._rows(_SIGNED)
        if not signed:
            raise LogError("the exchange log was never signed")
        kept = self._rows(_NEWEST) if self._quorum else []
        notes = [str(note) for _, _, note in (*signed, *kept)]
        return next(filter(self._cosigned, notes), notes[0])

    def _cosigned(self, note: str) -> bool:
        try:
            return len(cosignatures(note, self._witnesses)) >= self._quorum
        except AuditError:
            return False

    def _read_end(self) -> End:
        head = self._rows("SELECT origin, size, frontier, t, indexed FROM log_head")
        if not head:
            raise LogError("the exchange log has no head")
        origin, size, frontier, t_ms, indexed = head[0]
        (last,) = self._rows("SELECT coalesce(max(seq), -1) FROM log_entry")[0]
        found = self._rows("SELECT x, seq, chunks FROM log_open")
        is_open = {bytes(x): (int(seq), int(chunks)) for x, seq, chunks in found}
        signed, kept = _kept(self._rows(_SIGNED)), _kept(self._rows(_NEWEST))
        return End(
            origin,
            size,
            bytes(frontier),
            t_ms,
            int(last) + 1,
            signed[0],
            tuple(kept),
            is_open,
            indexed,
        )


def _kept(rows: Sequence[tuple[Any, ...]]) -> list[Kept]:
    return [Kept(size, bytes(root), str(note)) for size, root, note in rows]


@dataclass(frozen=True, slots=True)
class DatabasePlace:
    """A log's database.

    Attributes:
        place: A PostgreSQL URL, or the path of a SQLite file.
        keys: Returns, in whichever process asks, what returns payload keys; None without keys.
        witnesses: Keys whose cosignatures count.
        quorum: How many of them the checkpoint should have.
    """

    place: str
    keys: Callable[[], Callable[[str], bytes | None]] | None = None
    witnesses: tuple[Verifier, ...] = ()
    quorum: int = 0

    def open(self) -> Log:
        """Open the log. Raises: LogError, SettingsError."""
        key = None if self.keys is None else self.keys()
        rows = connect(self.place)
        reader = DatabaseReader(rows, key, self.witnesses, self.quorum)
        payloads = None if key is None else reader
        return Log(reader, payloads=payloads, derived=reader, close=rows.close)
