"""Bringing the log's database from one schema to another, with Alembic.

A new database is made from `store.tables` at once; these are for one that is there already. They
add and take away tables that are derived or empty, and never touch an entry.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import LogError
from gateway.store.database import ABSENT
from gateway.store.lock import Lock
from gateway.store.tables import REVISION

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from gateway.store.database import Where

SCRIPTS: Final = Path(__file__).parent / "migrations"
_FIRST: Final = "0001"
_BEFORE: Final = 5
"""The one number under which the first schema was known before it had migrations."""


def migrate(database: Where, revision: str = REVISION) -> tuple[str, str]:
    """Bring a database to a revision, up or down; return (the one it had, the one it has).

    All of it is done in one transaction, or nothing. No gateway may run meanwhile: on SQLite the
    lock file sees to that.

    Raises:
        LogError: It cannot be opened, is in use, or cannot be brought there.
    """
    if revision < _FIRST:
        raise LogError("below the first schema there is no exchange log")
    lock = Lock(database) if isinstance(database, Path) else None
    engine = _engine(database)
    try:
        with engine.begin() as connection:
            found = _revision(connection)
            config = Config()
            config.set_main_option("script_location", str(SCRIPTS))
            config.attributes["connection"] = connection
            if revision >= found:
                command.upgrade(config, revision)
            else:
                command.downgrade(config, revision)
            return found, revision
    except (SQLAlchemyError, CommandError, RuntimeError) as error:
        raise LogError("the exchange log's database cannot be brought to that schema") from error
    finally:
        engine.dispose()
        if lock is not None:
            lock.close()


def _engine(database: Where) -> Engine:
    if isinstance(database, Path):
        if not database.exists():
            raise LogError(ABSENT)
        return create_engine(f"sqlite:///{database.absolute()}")
    return create_engine(database.replace("postgresql://", "postgresql+psycopg://", 1))


def _revision(connection: Connection) -> str:
    """Return the revision that a database has, stamped where it is from before there were any.

    Raises:
        LogError: It is no exchange log's.
    """
    names = set(inspect(connection).get_table_names())
    if "alembic_version" in names:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found is not None:
            return str(found)
    if "schema_version" in names and "log_entry" in names:
        version = connection.execute(text("SELECT version FROM schema_version")).scalar()
        if version == _BEFORE:
            connection.execute(text("DROP TABLE schema_version"))
            connection.execute(
                text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
            )
            connection.execute(text(f"INSERT INTO alembic_version VALUES ('{_FIRST}')"))  # noqa: S608
            return _FIRST
    raise LogError("this is no database of an exchange log, or of one too old")
