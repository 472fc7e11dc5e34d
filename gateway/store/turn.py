"""Whose turn it is to append: always this process's, or that of whoever holds the head's row.

A SQLite log has one owner, which knows where the log ends. A log in PostgreSQL has several: each
locks the row of the head, reads where the log ends by then, and asks once more what other replicas
may have spent or begun since the request was judged. The lock, and each read after it, is a
statement of its own: in one statement the read would be older than the lock. Section 5.3 of the
log's specification.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from gateway.errors import AccordError, BusyError, ConflictError, Reason
from gateway.store.batch import Head
from gateway.store.cells import VERSION
from gateway.store.database import ServerError
from gateway.store.faults import DamagedError, FencedError, UnknownFateError
from gateway.store.lite import BUSY_MS
from gateway.store.spending import RETRY_AFTER_S, Spending
from gateway.store.tiles import extend

if TYPE_CHECKING:
    from gateway.store.database import Connection
    from gateway.store.line import Job
    from gateway.store.replicas import Replica

READ_ROWS: Final = 10_000
_Asked: TypeAlias = "dict[tuple[str, str], list[tuple[bytes, bool]]]"
"""By recipient and request id: the digest of each attempt, and whether another replica has it."""

SWEEP_MS: Final = 20
"""How long emptying the WAL waits for readers."""
_DAY_MS: Final = 86_400_000
_LEAVES: Final = "SELECT leaf FROM log_entry WHERE seq >= ? AND seq < ? ORDER BY seq"
_HEAD: Final = "SELECT size, frontier, t, indexed FROM log_head WHERE id = 1 FOR UPDATE"
# All of a batch at once: each statement is a journey to the server, with everybody else waiting.
_ASKED: Final = """
SELECT a.recipient, a.request_id, a.digest, o.x IS NOT NULL FROM attempt a
LEFT JOIN log_open o ON o.x = a.x AND o.replica <> ?
WHERE a.recipient = ANY(?) AND a.request_id = ANY(?) AND a.at >= ?
"""


class Turn(Protocol):
    """How a writer comes to append, and what it does beside."""

    def begin(self, connection: Connection) -> None:
        """Begin a transaction.

        Raises:
            UnknownFateError: The connection is lost.
        """

    def take(self, connection: Connection, head: Head) -> Head:
        """Keep everybody else from appending; return where the log ends.

        Raises:
            FencedError: Another replica took this one's place.
            DamagedError: The log does not end where its head says.
        """

    def admit(self, connection: Connection, jobs: list[Job], size: int) -> list[Job]:
        """Return the jobs that may be written; the others have their error."""

    def copy(self, connection: Connection) -> None:
        """Do what a database needs about every 4 MiB; nothing is lost where it fails."""

    def abandon(self, connection: Connection) -> None:
        """Leave a connection whose last commit is unknown."""

    def sweep(self, connection: Connection) -> bool:
        """Return whether nothing that was deleted is left in the files, as far as it can see to."""

    def due(self) -> list[Job]:
        """Return what is to be written without anybody asking for it, from time to time."""


class Sole:
    """One process owns the log, and what it remembers is all there is."""

    def begin(self, connection: Connection) -> None:
        """Begin a transaction, in which nobody else writes."""
        connection.execute("BEGIN IMMEDIATE")

    def take(self, _connection: Connection, head: Head) -> Head:
        """Return where this process left the log."""
        return head

    def admit(self, _connection: Connection, jobs: list[Job], _size: int) -> list[Job]:
        """Return all of them: they were judged by all that there is."""
        return jobs

    def copy(self, connection: Connection) -> None:
        """Copy the WAL into the database; an automatic checkpoint would swallow its errors."""
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def abandon(self, connection: Connection) -> None:
        """Let the process's end close it: to close it here would write to the file once more."""

    def sweep(self, connection: Connection) -> bool:
        """Empty the WAL, which has pages as they were; in the database `secure_delete` saw to it.

        False where somebody reads just then: entries do not wait for readers.
        """
        connection.execute(f"PRAGMA busy_timeout={SWEEP_MS}")
        try:
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        return not busy

    def due(self) -> list[Job]:
        """Return nothing."""
        return []


class Shared:
    """Several replicas append to one log, one at a time.

    Args:
        replica: This one.
    """

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._next = 0.0

    def begin(self, connection: Connection) -> None:
        """Begin a transaction."""
        try:
            connection.execute("BEGIN")
        except ServerError as error:
            raise UnknownFateError("the exchange log's PostgreSQL does not answer") from error

    def take(self, connection: Connection, head: Head) -> Head:
        """Lock the head, see that this replica is not shut out, and read on from there."""
        size, frontier, t_ms, indexed = connection.execute(_HEAD).fetchone()
        if not self._replica.holds(connection):
            raise FencedError("another gateway took the place of this replica")
        if size != head.size:
            head = _read_on(connection, head, size, bytes(frontier), t_ms)
        return head._replace(indexed=min(indexed, size))

    def admit(self, connection: Connection, jobs: list[Job], size: int) -> list[Job]:
        """Hold each job against what other replicas wrote since it was judged."""
        spending = Spending(_Within(connection))
        asked = self._asked(connection, jobs)
        admitted = []
        for job in jobs:
            if job.entry is not None and job.entry.draft.kind == "genesis" and size:
                # Another replica made the log in the same moment.
                continue
            try:
                _check_asked(job, asked)
                _check_seen(connection, job)
                if job.keep is not None and job.entry is not None:
                    # Held until the batch is written: what lies before it in the batch counts.
                    spending.hold(job.keep, job.entry.draft.agreement or "")
            except AccordError as error:
                job.error, job.done = error, True
            else:
                admitted.append(job)
        return admitted

    def _asked(self, connection: Connection, jobs: list[Job]) -> _Asked:
        """Return earlier attempts at the requests of these jobs, within 24 hours of the first."""
        asked = [job.asked for job in jobs if job.asked is not None]
        found: _Asked = {}
        if asked:
            names = [one.recipient for one in asked], [one.request_id for one in asked]
            since = min(one.at_ms for one in asked) - _DAY_MS
            rows = connection.execute(_ASKED, (self._replica.name, *names, since)).fetchall()
            for recipient, request_id, digest, open_ in rows:
                found.setdefault((recipient, request_id), []).append((bytes(digest), open_))
        return found

    def copy(self, _connection: Connection) -> None:
        """Do nothing: the server sees to it."""

    def sweep(self, _connection: Connection) -> bool:
        """Do nothing: the server's own vacuum sees to it, in its time."""
        return True

    def abandon(self, connection: Connection) -> None:
        """Close it: the server knows what became of the commit."""
        connection.close()

    def due(self) -> list[Job]:
        """Return a sign of life, and what closes exchanges of replicas that gave none."""
        now = time.monotonic()
        if now < self._next:
            return []
        self._next = now + self._replica.beat_s
        return self._replica.due()


class _Within:
    """Reads inside the writer's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return what a SELECT finds."""
        return self._connection.execute(statement, parameters).fetchall()


def _read_on(connection: Connection, head: Head, size: int, frontier: bytes, t_ms: int) -> Head:
    """Return where other replicas left the log, going on from where this one knew it.

    It is read while all others wait, so no more than what is new is read and hashed.

    Raises:
        DamagedError: Its entries do not lead to its head.
    """
    ends, tails = head.frontier.copy(), head.tails
    for first in range(head.size, size, READ_ROWS):
        found = connection.execute(_LEAVES, (first, min(size, first + READ_ROWS))).fetchall()
        leaves = [bytes(leaf) for (leaf,) in found]
        tails, _ = extend(tails, first, leaves)
        for leaf in leaves:
            ends.append(leaf)
    if ends.size != size or ends.to_bytes() != frontier:
        raise DamagedError("the entries of the exchange log do not lead to its head")
    return Head(size, t_ms, ends, tails, 0)


def _check_asked(job: Job, asked: _Asked) -> None:
    """Raise where a request id is another replica's just now, or was used for other terms."""
    if job.asked is None:
        return
    before = asked.get((job.asked.recipient, job.asked.request_id), [])
    if any(digest != job.asked.digest for digest, _ in before):
        raise ConflictError(Reason.REQUEST_ID_USED, "this request id was used for other terms")
    if any(open_ for _, open_ in before):
        raise BusyError(
            Reason.BUSY, "this request is being carried out", retry_after_s=RETRY_AFTER_S
        )


def _check_seen(connection: Connection, job: Job) -> None:
    """Raise where a table was judged beside less than what left of its source by now."""
    keep = job.keep
    if keep is None or job.seen is None:
        return
    found = connection.execute(VERSION, (keep.source, keep.attempt, keep.source)).fetchone()
    if tuple(found) != job.seen:
        raise BusyError(
            Reason.BUSY,
            "another table of this source was released in the meantime",
            retry_after_s=RETRY_AFTER_S,
        )
