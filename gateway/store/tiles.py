"""The tree as the store keeps it: full tiles in a table, the partial tile of each level in memory.

A level's partial tile follows from what is stored: at level 0 from the last leaf hashes, above
from the roots of the full tiles below. So only full tiles are rows, written in the transaction of
their last leaf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.audit.fault import AuditError
from gateway.audit.merkle import (
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Frontier,
    root_of,
    split_hashes,
    tile_width,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.database import Connection

Tails: TypeAlias = tuple[bytes, ...]
"""By level, lowest first: the hashes of the partial tile on the right edge, often none."""

TILE_BYTES: Final = HASH_BYTES * TILE_WIDTH


def extend(
    tails: Tails, size: int, leaves: Sequence[bytes]
) -> tuple[Tails, list[tuple[int, int, bytes]]]:
    """Return the tails after `leaves` are appended to a tree of `size`, and the tiles now full.

    Each of these as (level, index, data).
    """
    edges, full, level, fresh = list(tails), [], 0, b"".join(leaves)
    while fresh:
        if level == len(edges):
            edges.append(b"")
        data = edges[level] + fresh
        whole = len(data) // TILE_BYTES
        first = size >> TILE_HEIGHT * (level + 1)
        tiles = [data[at * TILE_BYTES : (at + 1) * TILE_BYTES] for at in range(whole)]
        full += [(level, first + at, tile) for at, tile in enumerate(tiles)]
        edges[level] = data[whole * TILE_BYTES :]
        fresh = b"".join([root_of(split_hashes(tile)) for tile in tiles])
        level += 1
    return tuple(edges), full


def frontier_of(size: int, tails: Tails) -> Frontier:
    """Return the frontier of the tree whose partial tiles these are."""
    roots = b""
    for tail in reversed(tails):
        level = Frontier()
        for node in split_hashes(tail):
            level.append(node)
        roots += level.to_bytes()
    return Frontier.from_bytes(size, roots)


class StoredTiles:
    """Tiles read back from the database, as `merkle`'s proofs ask for them.

    A full tile never changes, so its root is worked out once: of the partial tile above it, which
    may stand for 65,536 hashes, only what is new is read and hashed.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._above: dict[int, tuple[int, bytes]] = {}  # a level's last partial tile, and where

    def __call__(self, level: int, index: int) -> bytes:
        """Return the hashes of a tile: all 256, or those that there are, or none."""
        row = self._connection.execute(
            "SELECT data FROM log_tile WHERE level = ? AND idx = ?", (level, index)
        ).fetchone()
        return bytes(row[0]) if row else self._partial(level, index)

    def tails(self, size: int) -> Tails:
        """Return the partial tiles of the tree at `size`, recomputed from what is below them.

        Raises:
            AuditError: `tile-missing`, the store has not what a tree of that size must have.
        """
        tails, level = [], 0
        while size >> TILE_HEIGHT * level:
            index = size >> TILE_HEIGHT * (level + 1)
            width = tile_width(level, index, size)
            tail = self._partial(level, index, width) if width else b""
            if len(tail) != width * HASH_BYTES:
                raise AuditError(
                    "tile-missing", f"`tile/{level}/{index}` has fewer hashes than the tree"
                )
            tails.append(tail)
            level += 1
        return tuple(tails)

    def _partial(self, level: int, index: int, width: int = TILE_WIDTH) -> bytes:
        first = index * TILE_WIDTH
        if level == 0:
            found = self._connection.execute(
                "SELECT leaf FROM log_entry WHERE seq >= ? AND seq < ? ORDER BY seq",
                (first, first + width),
            ).fetchall()
            return b"".join([leaf for (leaf,) in found])
        at, data = self._above.get(level, (index, b""))
        if at != index:
            data = b""
        known = len(data) // HASH_BYTES
        if known < width:
            below = self._connection.execute(
                "SELECT idx, data FROM log_tile WHERE level = ? AND idx >= ? AND idx < ? "
                "ORDER BY idx",
                (level - 1, first + known, first + width),
            ).fetchall()
            # Up to a gap: what comes after one has no place in this tile.
            whole = [tile for place, (idx, tile) in enumerate(below, first + known) if idx == place]
            data += b"".join([root_of(split_hashes(tile)) for tile in whole])
            self._above[level] = index, data
        return data[: width * HASH_BYTES]
