"""The tree in the store and in memory is the tree of the specification."""

from __future__ import annotations

import random
import sqlite3
from hashlib import sha256
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.fault import AuditError
from gateway.audit.merkle import (
    Frontier,
    inclusion_proof,
    root_of,
    verify_inclusion,
)
from gateway.store.nodes import Nodes
from gateway.store.tiles import TILE_BYTES, StoredTiles, extend, frontier_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LEAVES = [sha256(bytes([number % 256, number >> 8])).digest() for number in range(1_200)]


class _Table:
    """`log_tile` and `log_entry` in memory, which count the tiles that are read."""

    def __init__(self) -> None:
        connection = sqlite3.connect(":memory:")
        connection.execute("CREATE TABLE log_tile (level, idx, data)")
        connection.execute("CREATE TABLE log_entry (seq, leaf)")
        self.rows = connection
        self.tiles_read = 0

    def grow(self, size: int) -> None:
        """Hold the full tiles, and the last leaves, of a tree of leaves that are all alike."""
        tile = bytes(TILE_BYTES)
        self.rows.execute("DELETE FROM log_tile")
        self.rows.executemany(
            "INSERT INTO log_tile VALUES (0, ?, ?)", [(idx, tile) for idx in range(size // 256)]
        )
        self.rows.executemany(
            "INSERT INTO log_entry VALUES (?, ?)", [(seq, bytes(32)) for seq in range(size % 256)]
        )

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Any:  # noqa: ANN401
        """Run a statement."""
        found = self.rows.execute(statement, parameters).fetchall()
        self.tiles_read += len(found) if "log_tile" in statement else 0
        return SimpleNamespace(fetchall=lambda: found, fetchone=lambda: next(iter(found), None))

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]], /) -> Any:  # noqa: ANN401
        """Run a statement over rows."""
        return self.rows.executemany(statement, rows)

    def close(self) -> None:
        """Close it."""


def test_a_partial_tile_is_worked_out_once() -> None:
    """Asked for again after two more tiles are full, it reads these two, and says the same."""
    table, root = _Table(), root_of([bytes(32)] * 256)
    table.grow(256 * 10)
    tiles = StoredTiles(table)

    assert root * 10 == tiles(1, 0)
    table.grow(256 * 12)
    table.tiles_read = 0
    assert root * 12 == tiles(1, 0)
    assert 2 == table.tiles_read
    assert root * 11 == tiles.tails(256 * 11)[1]
    assert root * 12 == StoredTiles(table)(1, 0)


def test_a_partial_tile_ends_at_a_gap() -> None:
    """A full tile that is gone leaves no room for those after it, however often one asks."""
    table, root = _Table(), root_of([bytes(32)] * 256)
    table.grow(256 * 5)
    table.rows.execute("DELETE FROM log_tile WHERE idx = 2")
    tiles = StoredTiles(table)

    assert [root * 2, root * 2] == [tiles(1, 0), tiles(1, 0)]
    with pytest.raises(AuditError, match="fewer hashes"):
        tiles.tails(256 * 5)


def _frontier(size: int) -> Frontier:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.append(leaf)
    return frontier


def test_nodes_say_the_root_and_the_frontier_of_every_size() -> None:
    """Appending one by one, root and frontier are those of the definition."""
    nodes, frontier = Nodes(Frontier()), Frontier()
    for leaf in LEAVES[:600]:
        nodes.append(leaf)
        frontier.append(leaf)

        assert root_of(LEAVES[: nodes.size]) == nodes.edges()[-1]
        assert frontier.to_bytes() == nodes.frontier()


def test_paths_from_nodes_are_the_paths_from_tiles() -> None:
    """Every path that nodes give is the inclusion proof, at every size."""
    nodes = Nodes(Frontier())
    tails: tuple[bytes, ...] = ()
    full: dict[tuple[int, int], bytes] = {}
    dice = random.Random(7)  # noqa: S311 - a choice of examples
    for at, leaf in enumerate(LEAVES[:700]):
        tails, rows = extend(tails, at, [leaf])
        full |= {(level, index): data for level, index, data in rows}
        nodes.append(leaf)
        tiles, edges = _tiles(full, tails), nodes.edges()
        for index in {0, at, dice.randrange(at + 1)}:
            assert inclusion_proof(index, at + 1, tiles) == nodes.path(index, at + 1, edges)


def _tiles(
    full: dict[tuple[int, int], bytes], tails: tuple[bytes, ...]
) -> Callable[[int, int], bytes]:
    return lambda level, index: full.get((level, index)) or tails[level]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 255, 256, 257, 600, 1_023])
def test_nodes_that_begin_at_a_frontier_prove_all_that_is_new(size: int) -> None:
    """After a restart each new leaf has its path.

    An old one its path or none, never a wrong one.
    """
    nodes = Nodes(_frontier(size))
    for leaf in LEAVES[size:1_150]:
        nodes.append(leaf)
    edges = nodes.edges()
    root = edges[-1]
    assert root is not None

    for index in range(1_150):
        path = nodes.path(index, 1_150, edges)
        assert path is not None or index < size
        if path is not None:
            verify_inclusion(LEAVES[index], index, 1_150, path, root)


def test_forgotten_nodes_are_not_missed_within_the_window() -> None:
    """Memory is bounded, and every leaf of the window still has its path."""
    nodes = Nodes(Frontier(), window=64)
    most = 0
    for leaf in LEAVES:
        nodes.append(leaf)
        nodes.forget()
        most = max(most, nodes.remembered)
    edges = nodes.edges()

    assert 4 * 64 + 2 >= most
    for index in range(len(LEAVES) - 64, len(LEAVES)):
        assert nodes.path(index, len(LEAVES), edges) is not None


@pytest.mark.parametrize("step", [1, 3, 255, 256, 257, 700])
def test_tiles_do_not_depend_on_how_leaves_come(step: int) -> None:
    """In batches of any width the same tiles fill, and the tails lead to the same frontier."""
    one_by_one = _extended(1)

    tails, full = _extended(step)

    assert one_by_one == (tails, full)
    assert _frontier(len(LEAVES)).to_bytes() == frontier_of(len(LEAVES), tails).to_bytes()


def _extended(step: int) -> tuple[tuple[bytes, ...], dict[tuple[int, int], bytes]]:
    tails: tuple[bytes, ...] = ()
    full: dict[tuple[int, int], bytes] = {}
    for at in range(0, len(LEAVES), step):
        tails, rows = extend(tails, at, LEAVES[at : at + step])
        for level, index, data in rows:
            assert (level, index) not in full
            full[level, index] = data
    return tails, full
