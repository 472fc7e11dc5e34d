"""Where the log that follows is made, and how it takes the place of the one before.

On SQLite it is made in a file beside the old one, and takes its name. In PostgreSQL it is made in
an empty database that the operator names; the old one stays where it is, and is the evidence.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import LogError, SettingsError
from gateway.library.files import sync_folder
from gateway.store import connect
from gateway.store.lock import Lock
from gateway.store.reads import Reads
from gateway.store.replicas import alive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from gateway.store.database import Where

_SIDES: Final = ("", "-wal", "-shm")
_BEGUN: Final = (
    "SELECT origin FROM log_head WHERE EXISTS (SELECT 1 FROM log_entry WHERE k = 'incident')"
)


class Successor(Protocol):
    """The old store, and the place of the next one.

    Attributes:
        old: Where the old log lies.
        made_in: Where the next log is made.
        settled_in: Where it lies in the end.
    """

    old: Where
    made_in: Where
    settled_in: Where

    def alone(self) -> AbstractContextManager[None]:
        """Hold the old store, so that no gateway appends to it.

        Raises:
            LogError: One has it.
        """

    def clear(self) -> None:
        """Remove what a run that was cut left of a next log that never served.

        Raises:
            SettingsError: There is something that is not ours to remove.
        """

    def take(self) -> None:
        """Put the next log where it stays; of the old one the evidence holds every byte."""


class FileSuccessor:
    """Of a SQLite file: the next one is made beside it, and takes its name."""

    def __init__(self, database: Path) -> None:
        self.old: Where = database
        self.settled_in: Where = database
        self.made_in: Where = database.with_name(f"{database.name}.next")
        self._database = database
        self._next = database.with_name(f"{database.name}.next")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the file's lock."""
        lock = Lock(self._database)
        try:
            yield
        finally:
            lock.close()

    def clear(self) -> None:
        """Remove half a file."""
        for side in _SIDES:
            self._next.with_name(self._next.name + side).unlink(missing_ok=True)

    def take(self) -> None:
        """Give the next file the old one's name.

        A write-ahead log of the old one goes first: beside another database it would be read into
        it.
        """
        with self.alone():
            for side in _SIDES[1:]:
                self._database.with_name(self._database.name + side).unlink(missing_ok=True)
            self._next.replace(self._database)
            sync_folder(self._database.parent)
        self._next.with_name(f"{self._next.name}.lock").unlink(missing_ok=True)


class ServerSuccessor:
    """Of a PostgreSQL database: the next log is made in another, and the settings name that.

    Args:
        old: The old log's.
        made_in: An empty one.
        name: Under which the verb writes, as a replica.
    """

    def __init__(self, old: str, made_in: str, name: str) -> None:
        self._name = name
        self.old: Where = old
        self.settled_in: Where = made_in
        self.made_in: Where = made_in

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Look for signs of life of each replica: all of them must be stopped."""
        if connect.exists(self.old):
            reads = Reads(self.old)
            try:
                found = alive(reads, self._name)
            finally:
                reads.close()
            if found:
                raise LogError("the exchange log is in use: stop every gateway, and wait a minute")
        yield

    def clear(self) -> None:
        """Refuse a database that holds something: nothing is deleted on a server."""
        if connect.exists(self.made_in):
            raise SettingsError("`--database` is not empty: name a new one for the next log")

    def take(self) -> None:
        """Do nothing: it was made where it stays."""


def begun(successor: Successor, origin: str) -> bool:
    """Return whether the next log is there, whole: an earlier run was cut after that."""
    if not connect.exists(successor.settled_in):
        return False
    try:
        reads = Reads(successor.settled_in)
    except LogError:
        return False
    try:
        return [tuple(row) for row in reads.rows(_BEGUN)] == [(origin,)]
    except LogError:
        return False
    finally:
        reads.close()
