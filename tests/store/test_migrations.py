"""Migrations: a database that was there before comes to this schema, and back, with its entries."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from gateway.errors import LogError
from gateway.store import connect, migrate
from gateway.store.lock import Lock
from gateway.store.migrate import migrate as bring
from gateway.store.tables import REVISION
from tests.store.server import SharedTown, new_database
from tests.store.town import Town, a_refusal, an_id

if TYPE_CHECKING:
    from pathlib import Path

_COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, collation_name
FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2
"""
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
_TRIGGERS = """
SELECT event_object_table, event_manipulation, action_statement
FROM information_schema.triggers ORDER BY 1, 2
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Town:
    """Return a town on either database."""
    return Town(tmp_path) if request.param == "sqlite" else SharedTown(tmp_path)


def _from_nothing(url: str) -> None:
    """Run every migration on an empty database."""
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(migrate.SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def test_migrations_come_to_what_is_made_at_once_on_sqlite(tmp_path: Path) -> None:
    """Tables, indexes and triggers are the same to the letter."""
    made, migrated = tmp_path / "made.db", tmp_path / "migrated.db"
    connect.create(made)
    _from_nothing(f"sqlite:///{migrated}")

    def shape(database: Path) -> set[tuple[str, str, str]]:
        with closing(sqlite3.connect(database)) as connection:
            return set(
                connection.execute(
                    "SELECT type, name, sql FROM sqlite_master "
                    "WHERE tbl_name <> 'alembic_version' AND sql IS NOT NULL"
                )
            )

    assert shape(made) == shape(migrated)


def test_migrations_come_to_what_is_made_at_once_on_postgresql(tmp_path: Path) -> None:
    """Columns, indexes and triggers are the same."""
    made, migrated = SharedTown(tmp_path / "a"), SharedTown(tmp_path / "b")
    connect.create(made.url)
    _from_nothing(migrated.url.replace("postgresql://", "postgresql+psycopg://", 1))

    for statement in (_COLUMNS, _INDEXES, _TRIGGERS):
        found = [row for row in made.rows(statement) if "alembic_version" not in str(row)]
        assert found
        assert found == [r for r in migrated.rows(statement) if "alembic_version" not in str(r)]


def test_down_and_up_again_loses_no_entry(town: Town) -> None:
    """A log with entries goes to the first schema and back, and verifies."""

    async def refuse() -> None:
        async with town.log() as log:
            await log.refusal(a_refusal(an_id(1)))

    asyncio.run(refuse())
    before = town.rows("SELECT seq, leaf, body FROM log_entry ORDER BY seq")

    assert (REVISION, "0001") == bring(town.place.database, "0001")
    with pytest.raises(LogError, match="accord log migrate"):
        town.open()
    assert ("0001", REVISION) == bring(town.place.database)

    assert before == town.rows("SELECT seq, leaf, body FROM log_entry ORDER BY seq")
    assert [] == town.findings()
    asyncio.run(refuse_again(town))


async def refuse_again(town: Town) -> None:
    """Log one more refusal."""
    async with town.log() as log:
        await log.refusal(a_refusal(an_id(2)))


def test_a_log_from_before_there_were_migrations_is_known(tmp_path: Path) -> None:
    """The first schema said its version in a table of its own."""
    town = Town(tmp_path)
    asyncio.run(refuse_again(town))
    bring(town.database, "0001")
    with closing(sqlite3.connect(town.database)) as connection, connection:
        connection.execute("DROP TABLE alembic_version")
        connection.execute("CREATE TABLE schema_version (id INTEGER, version INTEGER)")
        connection.execute("INSERT INTO schema_version VALUES (1, 5)")

    assert ("0001", REVISION) == bring(town.database)
    assert [] == town.findings()


def test_below_the_first_schema_there_is_nothing(town: Town) -> None:
    """To take the log away is no migration."""
    asyncio.run(refuse_again(town))
    before = town.kinds()

    with pytest.raises(LogError):
        bring(town.place.database, "")

    assert before == town.kinds()


def test_a_log_in_use_is_not_migrated(tmp_path: Path) -> None:
    """The lock file keeps a gateway and a migration apart."""
    town = Town(tmp_path)
    asyncio.run(refuse_again(town))
    lock = Lock(town.database)

    with pytest.raises(LogError, match="in use"):
        bring(town.database)
    lock.close()


def test_a_database_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """What has none of the log's tables is refused, and stays as it was."""
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")

    with pytest.raises(LogError, match="no database of an exchange log"):
        bring(other)
    with pytest.raises(LogError, match="no database of an exchange log"):
        bring(new_database())
