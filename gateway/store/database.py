"""What the store asks of a database: a connection, as small as SQLite and PostgreSQL share it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Where: TypeAlias = Path | str
"""A SQLite file, or the URL of a PostgreSQL database, `postgresql://…`."""

ABSENT: Final = "the exchange log's database does not exist: `accord serve --create` makes one"
"""What is said where a log was never made; a missing one that was is a rollback."""


class ServerError(Exception):
    """A PostgreSQL server did not do what it was asked, or does not answer.

    Attributes:
        sqlite_errorname: What went wrong in a word, by the name under which SQLite's errors have
            theirs.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.sqlite_errorname = name


class ServerContradictionError(ServerError):
    """A statement contradicts what the database holds: a row is there already."""


ERRORS: Final = (sqlite3.Error, ServerError)
"""What a statement may raise, on either database."""

CONTRADICTIONS: Final = (sqlite3.IntegrityError, ServerContradictionError)
"""Those of them that say: this is in the database already."""


class Cursor(Protocol):
    """What a statement found."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    def fetchone(self) -> Any:  # noqa: ANN401 - a row, or None
        """Return the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""


class Connection(Protocol):
    """A connection, in autocommit: `BEGIN` and `COMMIT` are statements like others."""

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]], /) -> object:
        """Run one statement for each row of parameters."""

    def close(self) -> None:
        """Let the connection go."""
