"""Walk the tree from its entries up, compare every tile on the way, and say which side is wrong.

Where entries and tiles disagree, the signed root is the judge: whichever side leads to it is right.
That costs a proof for each disagreement and nothing where there is none. Bounded in memory: at most
256 hashes a level. Section 8, step 2, of the log's specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.audit.fault import AuditError, Finding
from gateway.audit.merkle import (
    HASH_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Frontier,
    consistency_proof,
    inclusion_proof,
    root_of,
    split_hashes,
    tile_path,
    tile_width,
    verify_consistency,
    verify_inclusion,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.checkpoint import Checkpoint

_NO_HASH = bytes(HASH_BYTES)


class Reader(Protocol):
    """A log as anybody may hold it: a signed checkpoint, tiles and bundles."""

    def checkpoint(self) -> str:
        """Return the newest signed checkpoint."""

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        """Return exactly `width` hashes of a tile, or None where there is no such tile."""

    def bundle(self, index: int, width: int) -> bytes | None:
        """Return the bundle of exactly `width` entries, or None where there is none."""


class Tree:
    """The tree over the entries read so far, held against the tiles."""

    __slots__ = ("_checkpoint", "_filled", "_levels", "_reader", "agreed")

    def __init__(self, reader: Reader, checkpoint: Checkpoint) -> None:
        self._reader = reader
        self._checkpoint = checkpoint
        self._levels: list[list[bytes]] = [[]]  # what each level has beyond its full tiles
        self._filled: list[int] = [0]  # full tiles of each level so far
        self.agreed: list[bytes] = []  # the last bundle's leaf hashes, after the root had judged

    def go_on(self, first: int) -> bool:
        """Begin at a leaf, a multiple of 256, with what the tiles say of the right edge there.

        It is the tiles' word: whoever walks the leaves before must find that `levels` says the
        same. False where there is no such word.
        """
        self._levels, self._filled = [[]], [first // TILE_WIDTH]
        while below := self._filled[-1]:
            level, (index, width) = len(self._levels), divmod(below, TILE_WIDTH)
            whole = tile_width(level, index, self._checkpoint.size)
            data = self._reader.tile(level, index, whole) if width else b""
            if data is None or len(data) < width * HASH_BYTES:
                return False
            self._levels.append(split_hashes(data[: width * HASH_BYTES]))
            self._filled.append(index)
        return True

    def reach(self, size: int, levels: Sequence[Sequence[bytes]]) -> None:
        """Stand after `size` leaves, with the right edge that others walked to."""
        self._levels, self._filled = [list(hashes) for hashes in levels] or [[]], []
        for level in range(len(self._levels)):
            self._filled.append(size >> (TILE_HEIGHT * (level + 1)))

    @property
    def levels(self) -> list[list[bytes]]:
        """What each level has beyond its full tiles, the lowest first, the highest not empty."""
        levels = [list(hashes) for hashes in self._levels]
        while levels and not levels[-1]:
            levels.pop()
        return levels

    def frontier(self) -> Frontier:
        """Return the frontier of the leaves so far, as a writer goes on from it."""
        roots = b""
        for hashes in reversed(self._levels):
            level = Frontier()
            for node in hashes:
                level.append(node)
            roots += level.to_bytes()
        return Frontier.from_bytes(self._filled[0] * TILE_WIDTH + len(self._levels[0]), roots)

    def add(self, hashes: Sequence[bytes | None]) -> list[Finding]:
        """Take the leaf hashes of the next bundle, None where an entry is missing.

        Full bundles come first; the last may be partial.
        """
        index, width = self._filled[0], len(hashes)
        known = [one for one in hashes if one is not None]
        if len(known) < width:
            # The tile's word for what is missing lets the tree above it be checked all the same.
            tile = self._tile(0, index)
            parts = split_hashes(tile) if len(tile) == width * HASH_BYTES else []
            known = [one or (parts[at] if parts else _NO_HASH) for at, one in enumerate(hashes)]
        self.agreed = known
        if width == TILE_WIDTH:
            return self._full(0, known)
        self._levels[0] = known
        return self._compare(0, index, known)

    def proves(self, held: Checkpoint) -> bool:
        """Say whether the tiles prove a held checkpoint to be a prefix of the signed one."""
        served = self._checkpoint
        try:
            proof = consistency_proof(held.size, served.size, self._tile)
            verify_consistency(held.size, served.size, held.root, served.root, proof)
        except AuditError:
            return False
        return True

    def edge(self) -> list[list[bytes]]:
        """Return what each level but the lowest has beyond its full tiles, as it is now."""
        return [list(hashes) for hashes in self._levels[1:]]

    def finish(self) -> list[Finding]:
        """Compare the right edge above the entries, and the root; every bundle has been added."""
        found: list[Finding] = []
        for level, hashes in enumerate(self._levels[1:], 1):
            if hashes:
                found += self._compare(level, self._filled[level], hashes)
        if edge_root(self._levels) != self._checkpoint.root:
            message = "the entries do not lead to the signed root"
            found.append(Finding("root-mismatch", -1, message))
        return found

    def _full(self, level: int, hashes: list[bytes]) -> list[Finding]:
        """Take a level's full tile; its root goes one level up, and may fill that."""
        found = self._compare(level, self._filled[level], hashes)
        self._filled[level] += 1
        if level + 1 == len(self._levels):
            self._levels.append([])
            self._filled.append(0)
        above = self._levels[level + 1]
        above.append(root_of(hashes))
        if len(above) == TILE_WIDTH:
            self._levels[level + 1] = []
            found += self._full(level + 1, above)
        return found

    def _compare(self, level: int, index: int, hashes: list[bytes]) -> list[Finding]:
        """Compare one tile with what was computed; where the tile is right, go on with it."""
        width = len(hashes)
        data = self._reader.tile(level, index, width)
        if data == b"".join(hashes):
            return []
        path = tile_path(level, index, width)
        first = index * TILE_WIDTH << (TILE_HEIGHT * level)
        if data is None:
            return [Finding("tile-missing", first, f"`{path}` is missing")]
        if len(data) != width * HASH_BYTES:
            return [Finding("tile-mismatch", first, f"`{path}` is not of its length")]
        tile = split_hashes(data)
        wrong = [at for at in range(width) if tile[at] != hashes[at]]
        if not self._leads_to_root(level, index, tile):
            first = (index * TILE_WIDTH + wrong[0]) << (TILE_HEIGHT * level)
            return [Finding("tile-mismatch", first, f"`{path}` is not of the hashes below it")]
        hashes[:] = tile
        return [self._below(level, index * TILE_WIDTH + at) for at in wrong]

    @staticmethod
    def _below(level: int, place: int) -> Finding:
        """Say that what lies below a hash that leads to the root is not what was signed."""
        if level == 0:
            return Finding("leaf-mismatch", place, "the entry is not the one that was signed")
        path = tile_path(level - 1, place)
        first = place << (TILE_HEIGHT * level)
        return Finding("tile-mismatch", first, f"`{path}` and what is below it were not signed")

    def _leads_to_root(self, level: int, index: int, hashes: list[bytes]) -> bool:
        """Say whether a tile of these hashes leads to the signed root, by the other tiles."""
        if len(hashes) < TILE_WIDTH:
            levels = list(self._levels)
            levels[level] = hashes
            return edge_root(levels) == self._checkpoint.root
        height, size = TILE_HEIGHT * (level + 1), self._checkpoint.size
        # The path of the tile's first leaf, without its part inside the tile, is the tile's own.
        path = inclusion_proof(index << height, size, self._tile)[height:]
        try:
            verify_inclusion(
                root_of(hashes), index, -(-size >> height), path, self._checkpoint.root
            )
        except AuditError:
            return False
        return True

    def _tile(self, level: int, index: int) -> bytes:
        """Return a tile as the reader has it, or what can match nothing."""
        width = tile_width(level, index, self._checkpoint.size)
        data = self._reader.tile(level, index, width)
        return data if data and len(data) == width * HASH_BYTES else bytes(width * HASH_BYTES)


def edge_root(levels: Sequence[Sequence[bytes]]) -> bytes:
    """Return the root over a right edge: each level's hashes, then all that is below them."""
    tail: list[bytes] = []
    for hashes in levels:
        if hashes or tail:
            tail = [root_of([*hashes, *tail])]
    return root_of(tail)
