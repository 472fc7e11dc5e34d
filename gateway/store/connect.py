"""Connections to the log's database, SQLite or PostgreSQL: one that writes, readers that cannot.

The part of a connection that the store uses is small enough to be one port: a statement with its
parameters as `?`, and the rows that it found. A transaction begins and ends where the store says
so, and nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.errors import LogError
from gateway.store import lite, postgres, tables
from gateway.store.database import ERRORS

if TYPE_CHECKING:
    from gateway.store.database import Connection, Where

POSTGRES: Final = "postgresql://"


def shared(database: Where) -> bool:
    """Return whether several gateways may append to this log.

    Raises:
        LogError: It is neither a file nor a URL of PostgreSQL.
    """
    if isinstance(database, Path):
        return False
    if not database.startswith(POSTGRES):
        raise LogError("the exchange log's database is neither a file nor a `postgresql://` URL")
    return True


def exists(database: Where) -> bool:
    """Return whether there is a database of a log, of whatever version.

    Raises:
        LogError: The server cannot be asked.
    """
    if isinstance(database, Path):
        return database.exists()
    return postgres.exists(database)


def create(database: Where) -> None:
    """Make an empty database of this schema; on PostgreSQL, in the empty one that is there.

    Raises:
        LogError: It cannot be made.
    """
    if isinstance(database, Path):
        lite.create(database)
    else:
        postgres.create(database)


def writer(database: Where) -> Connection:
    """Return the writing connection of a database of this schema.

    Raises:
        LogError: It is no such database, its schema has another version, or it is set up so that
            what it acknowledges may be lost.
    """
    return _checked(_connection(database, write=True))


def reader(database: Where) -> Connection:
    """Return a connection that reads what is committed, and can write nothing.

    Raises:
        LogError: As of `writer`.
    """
    return _checked(_connection(database, write=False))


def _connection(database: Where, *, write: bool) -> Connection:
    if isinstance(database, Path):
        return lite.writer(database) if write else lite.reader(database)
    return postgres.Postgres(database, write=write)


def _checked(connection: Connection) -> Connection:
    try:
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except ERRORS as error:
        connection.close()
        raise LogError("the exchange log's database is none that this build knows") from error
    if [tuple(row) for row in rows] != [(tables.REVISION,)]:
        connection.close()
        raise LogError(
            "the exchange log's schema is of another version: `accord log migrate` brings it here"
        )
    return connection
