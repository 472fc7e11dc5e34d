"""The vault of pseudonyms: a random token for each value of a scope, in tables of its own.

A row is a scope, a keyed index of a value, and 128 random bits. Without the scope's key, which lies
in the key folder, the index tells nothing, and the token never told anything. A SQLite vault is a
file beside the exchange log and not in it: tokens for a large exchange would hold up the log's one
writer, and the log is kept, exported and verified by rules of its own. In PostgreSQL it has tables
beside the log's, and a connection of its own, so that all replicas draw from one vault.

A row is never changed and never deleted: one value, one token, whatever restarts, and however many
connections draw at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, Integer, LargeBinary, MetaData, Table, Text, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.schema import CreateTable

from gateway.errors import LogError, SettingsError
from gateway.store.database import ERRORS
from gateway.store.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql import ClauseElement

    from gateway.ports import Entropy
    from gateway.store.database import Connection, Where

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
_POSTGRES: Final[Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]
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
_SERVER_TRIGGERS: Final = (
    """CREATE FUNCTION vault_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'vault_token is insert-only'; END $$""",
    """CREATE TRIGGER vault_token_update BEFORE UPDATE ON vault_token FOR EACH ROW
    WHEN (NEW IS DISTINCT FROM OLD) EXECUTE FUNCTION vault_insert_only()""",
    """CREATE TRIGGER vault_token_delete BEFORE DELETE OR TRUNCATE ON vault_token
    FOR EACH STATEMENT EXECUTE FUNCTION vault_insert_only()""",
)


def _sql(statement: ClauseElement, dialect: Dialect = _SQLITE) -> str:
    return str(statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True}))


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


class StoredVault:
    """The one `Vault`: a connection of its own, worked by a thread of its own.

    Args:
        place: The file, or the URL of the log's PostgreSQL database.
        entropy: What tokens are drawn from.
        create: Make the vault where there is none. Without it a missing one is refused: tokens were
            drawn from it, and another in its place would give people second ones.

    Raises:
        SettingsError: The vault is missing, or is none of a version that is known here.
        LogError: It cannot be opened.
    """

    def __init__(self, place: Where, entropy: Entropy, *, create: bool) -> None:
        self._entropy = entropy
        self._connection, self._begin = _open(place, create=create)
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
                found |= self._rows(_select(len(part)), (scope, *part))
            missing = sorted(one for one in wanted if one not in found)
            if missing:
                # One flush for all of them: it costs more than the rows.
                with _transaction(self._connection, self._begin):
                    for part in _parts(missing):
                        found |= self._draw(scope, part)
        except ERRORS as error:
            raise LogError("the vault of pseudonyms cannot be read or written") from error
        return found

    def _rows(self, statement: str, parameters: Sequence[object]) -> dict[bytes, bytes]:
        found = self._connection.execute(statement, parameters).fetchall()
        return {bytes(index): bytes(token) for index, token in found}

    def _draw(self, scope: str, part: Sequence[bytes]) -> dict[bytes, bytes]:
        """Draw a token for each index, or read the one that another connection drew meanwhile."""
        drawn = self._entropy.random(TOKEN_BYTES * len(part))
        rows = [
            value
            for place, index in enumerate(part)
            for value in (scope, index, drawn[place * TOKEN_BYTES : (place + 1) * TOKEN_BYTES])
        ]
        return self._rows(_insert(len(part)), rows)


def _parts(items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for at in range(0, len(items), BATCH):
        yield items[at : at + BATCH]


def _insert(rows: int) -> str:
    head, row, tail = _INSERT
    return head + ", ".join([row] * rows) + tail


def _select(indexes: int) -> str:
    head, _, tail = _SELECT
    return f"{head}IN ({', '.join('?' * indexes)}){tail}"


def _open(place: Where, *, create: bool) -> tuple[Connection, str]:
    """Return a connection to the vault, and the statement that begins a transaction."""
    if isinstance(place, Path):
        connection: Connection = _file(place, create=create)
        names, begin = "SELECT name FROM sqlite_master", "BEGIN IMMEDIATE"
        made = [_sql(CreateTable(table)) for table in _META.sorted_tables] + list(_TRIGGERS)
    else:
        connection = Postgres(place, write=True, again=True)
        names, begin = "SELECT tablename FROM pg_tables WHERE tablename LIKE 'vault_%'", "BEGIN"
        tables = [_sql(CreateTable(table), _POSTGRES) for table in _META.sorted_tables]
        made = tables + list(_SERVER_TRIGGERS)
    try:
        for pragma in _PRAGMAS if isinstance(place, Path) else ():
            connection.execute(pragma)
        with _transaction(connection, begin):
            _check(connection, names, made, create=create)
    except ERRORS as error:
        connection.close()
        raise LogError("the vault of pseudonyms cannot be opened") from error
    except SettingsError:
        connection.close()
        raise
    return connection, begin


def _file(database: Path, *, create: bool) -> sqlite3.Connection:
    if not create and not database.exists():
        raise SettingsError(
            f"the vault of pseudonyms `{database.name}` is missing, and tokens were drawn from it"
        )
    try:
        # Made for its owner alone, before SQLite would make it for everybody.
        os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        return sqlite3.connect(
            f"{database.absolute().as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
        )
    except (OSError, sqlite3.Error) as error:
        raise LogError("the vault of pseudonyms cannot be opened") from error


def _check(connection: Connection, names: str, made: Sequence[str], *, create: bool) -> None:
    """Make what is empty a vault, in one transaction; raise where it is one of another version."""
    found = {name for (name,) in connection.execute(names).fetchall()}
    if not found and create:
        for statement in made:
            connection.execute(statement)
        connection.execute(_sql(insert(_version)), (SCHEMA_VERSION,))
    elif "vault_version" not in found:
        raise SettingsError("the vault of pseudonyms is empty, or is no vault")
    rows = connection.execute("SELECT version FROM vault_version").fetchall()
    if [tuple(row) for row in rows] != [(SCHEMA_VERSION,)]:
        raise SettingsError("the vault of pseudonyms has a version that is not known here")


@contextlib.contextmanager
def _transaction(connection: Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A commit of unknown fate does no harm: what it drew is read again, or drawn anew.
        with contextlib.suppress(*ERRORS):
            connection.execute("ROLLBACK")
        raise
