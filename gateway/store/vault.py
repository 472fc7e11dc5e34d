"""The vault of pseudonyms: a random token for each value of a scope, in a SQLite file of its own.

A row is a scope, a keyed index of a value, and 128 random bits. Without the scope's key, which lies
in the key folder, the index tells nothing, and the token never told anything. The file stands
beside the exchange log and not in it: tokens for a large exchange would hold up the log's one
writer, and the log is kept, exported and verified by rules of its own.

A row is never changed and never deleted: one value, one token, whatever restarts, and however many
connections draw at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.schema import CreateTable

from gateway.errors import LogError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy.sql import ClauseElement

    from gateway.ports import Entropy

SCHEMA_VERSION: Final = 1
TOKEN_BYTES: Final = 16
BATCH: Final = 1024
"""Rows of one statement."""

_META: Final = MetaData()
_version: Final = Table(
    "vault_version", _META, Column("version", Integer, primary_key=True), sqlite_strict=True
)
_token: Final = Table(
    "vault_token",
    _META,
    Column("scope", Text, primary_key=True),
    Column("idx", LargeBinary, primary_key=True),
    Column("token", LargeBinary, nullable=False),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
_SQLITE: Final = sqlite.dialect(paramstyle="qmark")
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA fullfsync=ON",
    "PRAGMA trusted_schema=OFF",
    "PRAGMA busy_timeout=10000",
)
_TRIGGERS: Final = (
    # The one update is that of the statement which reads what another connection drew first.
    """CREATE TRIGGER vault_token_update BEFORE UPDATE ON vault_token
    WHEN NEW.scope <> OLD.scope OR NEW.idx <> OLD.idx OR NEW.token <> OLD.token
    BEGIN SELECT RAISE(ABORT, 'vault_token is insert-only'); END""",
    """CREATE TRIGGER vault_token_delete BEFORE DELETE ON vault_token
    BEGIN SELECT RAISE(ABORT, 'vault_token is insert-only'); END""",
)


def _sql(statement: ClauseElement) -> str:
    return str(statement.compile(dialect=_SQLITE, compile_kwargs={"render_postcompile": True}))


def _insert_or_read() -> ClauseElement:
    statement = upsert(_token)
    return statement.on_conflict_do_update(
        index_elements=[_token.c.scope, _token.c.idx], set_={"token": _token.c.token}
    ).returning(_token.c.idx, _token.c.token)


_ROW: Final = "(?, ?, ?)"
_INSERT: Final = _sql(_insert_or_read()).partition(_ROW)
_SELECT: Final = _sql(
    _token.select()
    .with_only_columns(_token.c.idx, _token.c.token)
    .where(_token.c.scope == "", _token.c.idx.in_([b""]))
).partition("IN (?)")


class SqliteVault:
    """The one `Vault`: a connection of its own, worked by a thread of its own.

    Args:
        database: The file.
        entropy: What tokens are drawn from.
        create: Make the file where there is none. Without it a missing file is refused: tokens were
            drawn from it, and another in its place would give people second ones.

    Raises:
        SettingsError: The file is missing, or is no vault of a version that is known here.
        LogError: It cannot be opened.
    """

    def __init__(self, database: Path, entropy: Entropy, *, create: bool) -> None:
        self._entropy = entropy
        self._connection = _open(database, create=create)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="accord-vault")

    def close(self) -> None:
        """Let what is at work end, and close the file."""
        self._pool.shutdown()
        self._connection.close()

    async def tokens(self, scope: str, indexes: Collection[str]) -> Mapping[str, str]:
        """Return the token of each index; see `ports.Vault`."""
        wanted = [bytes.fromhex(one) for one in indexes]
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._pool, self._tokens, scope, wanted)
        return {index.hex(): token.hex() for index, token in found.items()}

    def _tokens(self, scope: str, wanted: Sequence[bytes]) -> dict[bytes, bytes]:
        try:
            found: dict[bytes, bytes] = {}
            for part in _parts(wanted):
                found |= self._connection.execute(_select(len(part)), (scope, *part))
            missing = sorted(one for one in wanted if one not in found)
            if missing:
                # One flush for all of them: it costs more than the rows.
                with _transaction(self._connection):
                    for part in _parts(missing):
                        found |= self._draw(scope, part)
        except sqlite3.Error as error:
            raise LogError("the vault of pseudonyms cannot be read or written") from error
        return found

    def _draw(self, scope: str, part: Sequence[bytes]) -> dict[bytes, bytes]:
        """Draw a token for each index, or read the one that another connection drew meanwhile."""
        drawn = self._entropy.random(TOKEN_BYTES * len(part))
        rows = [
            value
            for place, index in enumerate(part)
            for value in (scope, index, drawn[place * TOKEN_BYTES : (place + 1) * TOKEN_BYTES])
        ]
        return dict(self._connection.execute(_insert(len(part)), rows).fetchall())


def _parts(items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for at in range(0, len(items), BATCH):
        yield items[at : at + BATCH]


def _insert(rows: int) -> str:
    head, row, tail = _INSERT
    return head + ", ".join([row] * rows) + tail


def _select(indexes: int) -> str:
    head, _, tail = _SELECT
    return f"{head}IN ({', '.join('?' * indexes)}){tail}"


def _open(database: Path, *, create: bool) -> sqlite3.Connection:
    if not create and not database.exists():
        raise SettingsError(
            f"the vault of pseudonyms `{database.name}` is missing, and tokens were drawn from it"
        )
    try:
        # Made for its owner alone, before SQLite would make it for everybody.
        os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(
            f"{database.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
    except (OSError, sqlite3.Error) as error:
        raise LogError("the vault of pseudonyms cannot be opened") from error
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        _check(connection, create=create)
    except sqlite3.Error as error:
        connection.close()
        raise LogError("the vault of pseudonyms cannot be opened") from error
    except SettingsError:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, *, create: bool) -> None:
    """Make an empty file a vault, in one transaction; raise where it is one of another version."""
    with _transaction(connection):
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not names and create:
            for table in _META.sorted_tables:
                connection.execute(_sql(CreateTable(table)))
            for trigger in _TRIGGERS:
                connection.execute(trigger)
            connection.execute(_sql(insert(_version)), (SCHEMA_VERSION,))
        elif "vault_version" not in names:
            raise SettingsError("the vault of pseudonyms is empty, or is no vault")
        rows = connection.execute("SELECT version FROM vault_version").fetchall()
        if rows != [(SCHEMA_VERSION,)]:
            raise SettingsError("the vault of pseudonyms has a version that is not known here")


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A commit of unknown fate does no harm: what it drew is read again, or drawn anew.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
