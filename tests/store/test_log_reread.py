"""What the signer reads back is what is stored, on SQLite in one row: nothing else passes."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

import pytest

from gateway.audit.merkle import leaf_hash
from gateway.store import statements, tables
from gateway.store.faults import DamagedError
from gateway.store.reread import READ_ROWS, read_on

if TYPE_CHECKING:
    from collections.abc import Iterator

BODIES: Final = [f'{{"n":{at}}}'.encode() for at in range(READ_ROWS + 3)]


@pytest.fixture
def held() -> Iterator[sqlite3.Connection]:
    """Yield a log's tables with one chunk of entries and three more."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in tables.sqlite_statements():
        connection.execute(statement)
    rows = [(at, 0, "config", None, 0, leaf_hash(body), body) for at, body in enumerate(BODIES)]
    statements.INSERT_ENTRY.run(connection, rows)
    head = ("town.example/log", len(BODIES), bytes(32), 7, 0)
    connection.execute(
        "INSERT INTO log_head (id, origin, size, frontier, t, indexed) VALUES (1, ?, ?, ?, ?, ?)",
        head,
    )
    # Whoever damages a log does not ask its guards.
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        connection.execute(f"DROP TRIGGER {name}")
    yield connection
    connection.close()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("first", [0, 3, 4, len(BODIES) - 1])
def test_what_is_stored_is_hashed_anew(
    held: sqlite3.Connection, first: int, *, shared: bool
) -> None:
    """From any entry on, at most a chunk; both ways of reading say the same."""
    found = read_on(held, first, shared=shared)

    assert (len(BODIES), bytes(32), 7) == found[:3]
    assert [leaf_hash(one) for one in BODIES[first : first + READ_ROWS]] == found.leaves


@pytest.mark.parametrize("shared", [False, True])
def test_at_the_end_there_is_nothing(held: sqlite3.Connection, *, shared: bool) -> None:
    """Nothing is read past the head, and that is no damage."""
    assert [] == read_on(held, len(BODIES), shared=shared).leaves
    held.execute("UPDATE log_head SET size = 2")

    assert [leaf_hash(one) for one in BODIES[:2]] == read_on(held, 0, shared=shared).leaves


DAMAGES: Final = (
    "UPDATE log_entry SET body = CAST('{\"n\":9}' AS BLOB) WHERE seq = 1",
    "UPDATE log_entry SET body = x'ff00' WHERE seq = 1",
    "UPDATE log_entry SET body = x'' WHERE seq = 1",
    "UPDATE log_entry SET leaf = x'' WHERE seq = 1",
    "UPDATE log_entry SET leaf = zeroblob(31) WHERE seq = 1",
    "UPDATE log_entry SET leaf = zeroblob(33) WHERE seq = 1",
    "DELETE FROM log_entry WHERE seq = 0",
    "DELETE FROM log_entry WHERE seq = 1",
    "UPDATE log_entry SET seq = -1 WHERE seq = 1",
)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_differs_is_never_hashed_past(
    held: sqlite3.Connection, damage: str, *, shared: bool
) -> None:
    """An entry that was changed, or that is not there, stops the signer before it signs."""
    held.execute(damage)

    with pytest.raises(DamagedError):
        read_on(held, 0, shared=shared)


def test_the_shift_of_a_byte_between_hash_and_body_is_seen(held: sqlite3.Connection) -> None:
    """Hash and body are read as one text: where one ends the other begins, at 32 bytes."""
    held.execute("UPDATE log_entry SET leaf = substr(leaf, 1, 31) WHERE seq = 1")
    body = held.execute("SELECT body FROM log_entry WHERE seq = 1").fetchone()[0]
    held.execute("UPDATE log_entry SET body = ? WHERE seq = 1", (b"x" + body,))

    with pytest.raises(DamagedError, match="not stored as it was written"):
        read_on(held, 1, shared=False)


def test_a_chunk_that_ends_early_is_a_short_chunk(held: sqlite3.Connection) -> None:
    """What is missing at the end is not invented: the caller compares with the head."""
    held.execute("DELETE FROM log_entry WHERE seq >= 5")

    assert 5 == len(read_on(held, 0, shared=False).leaves)
    assert [] == read_on(held, 5, shared=False).leaves
