"""Connections to a log in a SQLite file.

Driver autocommit on each. Section 5.2 of the log's specification.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Final

from gateway.errors import LogError
from gateway.store import tables
from gateway.store.database import ABSENT

if TYPE_CHECKING:
    from pathlib import Path

BUSY_MS: Final = 2_000
"""How long a statement waits for another connection."""

# NORMAL would lose acknowledged commits at power loss; an automatic WAL checkpoint would swallow
# its errors.
_PRAGMAS: Final = (
    "PRAGMA synchronous=FULL",
    "PRAGMA fullfsync=ON",
    "PRAGMA checkpoint_fullfsync=ON",
    "PRAGMA secure_delete=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA cache_size=-65536",
    "PRAGMA wal_autocheckpoint=0",
    f"PRAGMA busy_timeout={BUSY_MS}",
)
_STATEMENTS: Final = 256


def create(database: Path) -> None:
    """Make an empty database of this schema: under its name it is whole, or it is not there.

    Whoever is killed in here leaves a file of another name, which the next one takes away.

    Raises:
        LogError: The file cannot be made.
    """
    begun = database.with_name(f".{database.name}.new")
    try:
        for part in (begun, begun.with_name(f"{begun.name}-journal")):
            part.unlink(missing_ok=True)
        _fill(begun)
        begun.rename(database)
        directory = os.open(database.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except (OSError, sqlite3.Error) as error:
        raise LogError("the exchange log's database cannot be created") from error


def _fill(database: Path) -> None:
    """Make the tables, without a write-ahead log: after COMMIT all of it is in the one file."""
    connection = _connect(f"{database.absolute().as_uri()}?mode=rwc")
    try:
        # Before the first table: it cannot be chosen later.
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA fullfsync=ON")
        connection.execute("BEGIN IMMEDIATE")
        for statement in tables.sqlite_statements():
            connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        connection.close()


def writer(database: Path) -> sqlite3.Connection:
    """Return a connection that writes.

    Raises:
        LogError: It cannot be had, or the file does not take a write-ahead log.
    """
    connection = _connect(f"{database.absolute().as_uri()}?mode=rw")
    try:
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    except sqlite3.Error as error:
        connection.close()
        raise LogError("the exchange log's database cannot be opened") from error
    if mode != "wal":
        connection.close()
        raise LogError("the exchange log's database does not take a write-ahead log")
    return connection


def reader(database: Path) -> sqlite3.Connection:
    """Return a connection that reads what is committed, and can write nothing.

    Raises:
        LogError: It cannot be had.
    """
    if not database.exists():
        raise LogError(ABSENT)
    connection = _connect(f"{database.absolute().as_uri()}?mode=ro")
    try:
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
    except sqlite3.Error as error:
        connection.close()
        raise LogError("the exchange log's database cannot be read") from error
    return connection


def _connect(uri: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            uri,
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS,
        )
    except sqlite3.Error as error:
        raise LogError("the exchange log's database cannot be opened") from error
