"""The vault on SQLite and PostgreSQL: the contract, what it holds, and what it refuses."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import stat
from contextlib import asynccontextmanager, closing
from typing import TYPE_CHECKING

import pytest

from gateway.errors import LogError, SettingsError
from gateway.keys.folder import KeyFolder
from gateway.store.database import ServerError
from gateway.store.postgres import Postgres
from gateway.store.vault import BATCH, StoredVault
from tests.store.server import new_database
from tests.store.town import TrueEntropy
from tests.store.vault_contract import CLAIMS, MANY, OTHER, SCOPE, an_index

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
    from pathlib import Path

    from tests.store.vault_contract import Make


def a_vault(folder: Path, *, create: bool = True) -> StoredVault:
    """Return the vault of a folder."""
    return StoredVault(folder / "vault.sqlite", TrueEntropy(), create=create)


def drawn(folder: Path, scope: str, indexes: list[str], *, create: bool = True) -> dict[str, str]:
    """Return the tokens of some indexes, from a vault that is opened for them."""
    with closing(a_vault(folder, create=create)) as vault:
        return dict(asyncio.run(vault.tokens(scope, indexes)))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_the_vault_on_sqlite(
    claim: Callable[[Make], Coroutine[None, None, None]], tmp_path: Path
) -> None:
    """Each claim of the contract holds."""

    @asynccontextmanager
    async def make() -> AsyncIterator[StoredVault]:
        with closing(a_vault(tmp_path)) as vault:
            yield vault

    asyncio.run(claim(make))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_the_vault_on_postgresql(claim: Callable[[Make], Coroutine[None, None, None]]) -> None:
    """Each claim of the contract holds there too, where replicas draw from one vault."""
    url = new_database()

    @asynccontextmanager
    async def make() -> AsyncIterator[StoredVault]:
        with closing(StoredVault(url, TrueEntropy(), create=True)) as vault:
            yield vault

    asyncio.run(claim(make))


def test_a_vault_in_postgresql_is_insert_only_and_never_made_twice() -> None:
    """A token stays what it is, and a vault that should be there and is not is refused."""
    url = new_database()
    with pytest.raises(SettingsError, match="empty"):
        StoredVault(url, TrueEntropy(), create=False)
    with closing(StoredVault(url, TrueEntropy(), create=True)) as vault:
        first = asyncio.run(vault.tokens(SCOPE, MANY[:3]))
    connection = Postgres(url, write=True)
    for verb in (
        "UPDATE vault_token SET token = idx",
        "DELETE FROM vault_token",
        "TRUNCATE vault_token",
    ):
        with pytest.raises(ServerError):
            connection.execute(verb)
    connection.close()
    with closing(StoredVault(url, TrueEntropy(), create=False)) as vault:
        assert first == asyncio.run(vault.tokens(SCOPE, MANY[:3]))


def _draw(folder: Path, numbers: range, found: Mapping[int, str], place: int) -> None:
    said = drawn(folder, SCOPE, [an_index(number) for number in numbers])
    found[place] = ",".join(said[an_index(number)] for number in range(2000, 4000))  # type: ignore[index]


def test_two_processes_that_backfill_draw_one_token(tmp_path: Path) -> None:
    """Whatever the order, of values that both hold each gets one token."""
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        found = manager.dict()
        jobs = [(range(4000), 0), (range(5999, 1999, -1), 1)]
        several = [
            context.Process(target=_draw, args=(tmp_path, numbers, found, place))
            for numbers, place in jobs
        ]
        for one in several:
            one.start()
        for one in several:
            one.join(60)

        assert [0, 0] == [one.exitcode for one in several]
        assert found[0] == found[1]
    assert 6000 == _count(tmp_path)


def _count(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "vault.sqlite")) as connection:
        return int(connection.execute("SELECT count(*) FROM vault_token").fetchone()[0])


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, BATCH + 1])
def test_every_size_of_an_asking_is_covered(tmp_path: Path, count: int) -> None:
    """On both sides of what one statement holds, each index has its token."""
    assert set(MANY[:count]) == set(drawn(tmp_path, SCOPE, MANY[:count]))
    assert count == _count(tmp_path)


def test_the_file_is_read_by_its_owner_alone(tmp_path: Path) -> None:
    """Nobody else may link tokens to indexes, whatever the process's own mask says."""
    drawn(tmp_path, SCOPE, MANY[:1])

    assert stat.S_IMODE((tmp_path / "vault.sqlite").stat().st_mode) == 0o600


def test_no_row_is_changed_or_deleted(tmp_path: Path) -> None:
    """The database itself refuses: a value that got another token would be another person."""
    drawn(tmp_path, SCOPE, MANY[:2])

    with closing(sqlite3.connect(tmp_path / "vault.sqlite")) as connection:
        for statement in (
            "UPDATE vault_token SET token = x'00'",
            "UPDATE vault_token SET scope = 'other'",
            "DELETE FROM vault_token",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
                connection.execute(statement)


def test_a_lost_vault_is_refused(tmp_path: Path) -> None:
    """A file that is gone is an error, never a reason to make another."""
    with pytest.raises(SettingsError, match="is missing"):
        a_vault(tmp_path, create=False)
    assert [] == list(tmp_path.iterdir())

    first = drawn(tmp_path, SCOPE, MANY[:3])

    assert first == drawn(tmp_path, SCOPE, MANY[:3], create=False)


def test_an_empty_or_foreign_file_is_no_vault(tmp_path: Path) -> None:
    """A file without its tables, or of another version, is refused; of none, it is no database."""
    (tmp_path / "vault.sqlite").touch()
    with pytest.raises(SettingsError, match="empty"):
        a_vault(tmp_path, create=False)
    drawn(tmp_path, SCOPE, MANY[:1])
    with closing(sqlite3.connect(tmp_path / "vault.sqlite")) as connection:
        connection.execute("UPDATE vault_version SET version = 2")
        connection.commit()
    with pytest.raises(SettingsError, match="version"):
        a_vault(tmp_path)
    (tmp_path / "vault.sqlite").write_bytes(b"synthetic and no database" * 100)
    for more in ("-wal", "-shm"):
        (tmp_path / f"vault.sqlite{more}").unlink(missing_ok=True)

    with pytest.raises(LogError, match="cannot be opened"):
        a_vault(tmp_path)


def test_a_vault_that_cannot_write_gives_nothing(tmp_path: Path) -> None:
    """What is not durable is not given out; what was drawn before still is."""
    drawn(tmp_path, SCOPE, MANY[:1])
    with closing(sqlite3.connect(tmp_path / "vault.sqlite")) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON vault_token"
            " BEGIN SELECT RAISE(ABORT, 'synthetic'); END"
        )
        connection.commit()

    with closing(a_vault(tmp_path)) as vault:
        with pytest.raises(LogError, match="vault"):
            asyncio.run(vault.tokens(SCOPE, MANY[:2]))
        assert MANY[:1] == list(asyncio.run(vault.tokens(SCOPE, MANY[:1])))


def test_the_file_holds_scopes_indexes_and_tokens_alone(tmp_path: Path) -> None:
    """Of what was asked, the file has the index and nothing that it was made of."""
    found = drawn(tmp_path, OTHER, MANY[:50])

    with closing(sqlite3.connect(tmp_path / "vault.sqlite")) as connection:
        rows = connection.execute("SELECT * FROM vault_token").fetchall()
    assert {(OTHER, bytes.fromhex(one), bytes.fromhex(token)) for one, token in found.items()} == (
        set(rows)
    )


def test_the_keys_know_whether_there_must_be_a_vault(tmp_path: Path) -> None:
    """With the first key of an index there must be one from then on; other keys ask for none."""
    keys = KeyFolder.create(tmp_path / "keys", TrueEntropy())
    keys.pseudonym("synthetic-mou/P1-runs", "never")
    before = keys.vaulted()
    keys.pseudonym("vault/synthetic-mou/P1-runs", "never")

    assert [False, True] == [before, keys.vaulted()]
    assert KeyFolder(tmp_path / "keys", TrueEntropy()).vaulted()
