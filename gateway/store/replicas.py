"""Replicas of one gateway over one log: their signs of life, and who may still append.

Each replica has an epoch, which it proves with every append. One that gave no sign of life for a
minute may be paused and not dead, so before its open exchanges are closed its epoch is raised: when
it wakes, its next append fails, and nothing leaves without an append. Times are the database's own:
replicas' clocks may differ. Section 5.3 of the log's specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.store.line import Job
from gateway.store.recovery import OPEN_OF, recovered

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.audit.entry import Draft
    from gateway.store.database import Connection
    from gateway.store.reads import Reads

BEAT_S: Final = 5.0
DEAD_MS: Final = 60_000
_NOW: Final = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"
_REGISTER: Final = (
    f"INSERT INTO log_replica (id, epoch, beat) VALUES (?, 1, {_NOW}) "  # noqa: S608 - our own
    "ON CONFLICT (id) DO UPDATE SET epoch = log_replica.epoch + 1, beat = excluded.beat "
    "RETURNING epoch"
)
_EPOCH: Final = "SELECT epoch FROM log_replica WHERE id = ?"
_BEAT: Final = f"UPDATE log_replica SET beat = {_NOW} WHERE id = ? AND epoch = ?"  # noqa: S608
_DEAD: Final = (
    f"SELECT id, epoch FROM log_replica r WHERE id <> ? AND beat < {_NOW} - ? "  # noqa: S608
    "AND EXISTS (SELECT 1 FROM log_open o WHERE o.replica = r.id)"
)
_RAISE: Final = "UPDATE log_replica SET epoch = epoch + 1 WHERE id = ? AND epoch = ?"


_ALIVE: Final = f"SELECT id FROM log_replica WHERE id <> ? AND beat > {_NOW} - ?"  # noqa: S608 - our own


def alive(reads: Reads, name: str, dead_ms: int = DEAD_MS) -> list[str]:
    """Return the other replicas that gave a sign of life not longer ago than `dead_ms`."""
    return [str(one) for (one,) in reads.rows(_ALIVE, name, dead_ms)]


class Replica:
    """One replica, by its name and epoch.

    Args:
        name: The setting `gateway.replica`: two processes of one name shut each other out.
        connection: The writing connection.
        reads: Another one, for looking after the others.
        seal: Makes a draft a job that the log owes.
        put: Puts a job in line.
        beat_s: Seconds between signs of life.
        dead_ms: Milliseconds without one after which a replica's exchanges are closed.
    """

    def __init__(
        self,
        name: str,
        connection: Connection,
        reads: Reads,
        seal: Callable[[Draft], Job],
        put: Callable[[Job], None],
        *,
        beat_s: float = BEAT_S,
        dead_ms: int = DEAD_MS,
    ) -> None:
        self.name = name
        self.beat_s = beat_s
        self._reads = reads
        self._seal = seal
        self._put = put
        self._dead_ms = dead_ms
        self._epoch = int(connection.execute(_REGISTER, (name,)).fetchone()[0])

    def holds(self, connection: Connection) -> bool:
        """Return whether this replica may append; inside the writer's transaction."""
        row = connection.execute(_EPOCH, (self.name,)).fetchone()
        return row is not None and row[0] == self._epoch

    def due(self) -> list[Job]:
        """Return a sign of life, and the shutting out of each replica that gave none."""
        return [Job(chore=self._beat)]

    def _beat(self, connection: Connection) -> None:
        connection.execute(_BEAT, (self.name, self._epoch))
        for name, epoch in connection.execute(_DEAD, (self.name, self._dead_ms)).fetchall():
            connection.execute(_RAISE, (name, epoch))
            self._put(self._closing(name))

    def _closing(self, name: str) -> Job:
        """Return what closes a replica's exchanges, once it is shut out.

        Put in line by the transaction that shuts it out, and done after it: were that one not
        durable, the next sign of life would do both again.
        """

        def close(connection: Connection) -> None:
            for x, body in connection.execute(OPEN_OF, (name,)).fetchall():
                self._put(self._seal(recovered(self._reads.rows, bytes(x), bytes(body))))

        return Job(chore=close)
