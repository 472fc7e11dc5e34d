"""The tree over the exchange log: hashes, frontier, tiles and proofs.

Hashing is RFC 6962 section 2.1, proofs are verified as RFC 9162 section 2.1 says, tiles are C2SP
tlog-tiles of height 8. Nothing here knows what a leaf says, or where a tile is kept: whoever builds
a proof brings a function that returns tiles.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.audit.fault import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

HASH_BYTES: Final = 32
TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
EMPTY_ROOT: Final = sha256(b"").digest()

Tiles: TypeAlias = "Callable[[int, int], bytes]"
"""(level, index) -> the hashes of that tile, joined; of a partial tile, those there are."""

_MAX_SIZE: Final = 1 << 63
_MAX_LEVEL: Final = 63


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf's bytes."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two hashes."""
    return sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, or over the roots of full tiles (`EMPTY_ROOT` over none).

    Level by level, and a lone last node goes up as it is: the same tree as the recursive
    definition, since every subtree but the right edge's is complete.
    """
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        odd = [level[-1]] if len(level) & 1 else []
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs] + odd
    return level[0]


def split_hashes(data: bytes) -> list[bytes]:
    """Return the hashes of a tile's bytes.

    Raises:
        AuditError: `tile-mismatch`, not a whole number of hashes.
    """
    if len(data) % HASH_BYTES:
        raise AuditError("tile-mismatch", "a tile is not a whole number of hashes")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


class Frontier:
    """The writer's state: the roots of the complete subtrees on the right edge, largest first.

    Mutable, at most 63 hashes; `to_bytes` and `size` are all that a store keeps of it.
    """

    __slots__ = ("_roots", "size")

    def __init__(self) -> None:
        self._roots: list[bytes] = []
        self.size = 0

    def append(self, leaf: bytes) -> None:
        """Extend the tree by one leaf hash."""
        roots, size = self._roots, self.size
        self.size = size + 1
        while size & 1:
            leaf = sha256(b"\x01" + roots.pop() + leaf).digest()
            size >>= 1
        roots.append(leaf)

    def root(self, tail: bytes | None = None) -> bytes:
        """Return the root of the tree.

        Args:
            tail: The root of what follows on the right and is not complete, where a caller appends
                the roots of full tiles and holds the last tile apart.
        """
        top = tail
        for left in reversed(self._roots):
            top = left if top is None else sha256(b"\x01" + left + top).digest()
        return EMPTY_ROOT if top is None else top

    def copy(self) -> Frontier:
        """Return a frontier that goes its own way from here."""
        twin = Frontier()
        twin._roots, twin.size = list(self._roots), self.size
        return twin

    def to_bytes(self) -> bytes:
        """Return the hashes, largest subtree first; with `size` they are the whole state."""
        return b"".join(self._roots)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> Frontier:
        """Return the frontier that `to_bytes` wrote at `size`.

        Raises:
            AuditError: `head-mismatch`, not as many hashes as the size has complete subtrees.
        """
        if not 0 <= size < _MAX_SIZE or len(data) != HASH_BYTES * size.bit_count():
            raise AuditError("head-mismatch", "the frontier does not fit the size of the tree")
        frontier = cls()
        frontier._roots, frontier.size = split_hashes(data), size
        return frontier


# --- Tiles ----------------------------------------------------------------------------------------


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile of hashes: `tile/<L>/<N>[.p/<W>]`."""
    if not 0 <= level <= _MAX_LEVEL:
        raise AuditError("tile-missing", "a tile's level is from 0 to 63")
    return f"tile/{level}/{_number(index)}{_partial(width)}"


def entry_bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a bundle of entries: `tile/entries/<N>[.p/<W>]`."""
    return f"tile/entries/{_number(index)}{_partial(width)}"


def join_bundle(leaves: Iterable[bytes]) -> bytes:
    """Return the bundle of these entries: each after its length, a big-endian 16-bit number."""
    return b"".join([len(leaf).to_bytes(2, "big") + leaf for leaf in leaves])


def split_bundle(data: bytes) -> tuple[list[bytes], bytes]:
    """Return a bundle's entries, and the bytes of an entry that is cut off at the end."""
    entries: list[bytes] = []
    at, end = 0, len(data)
    while at + 2 <= end:
        upto = at + 2 + (data[at] << 8 | data[at + 1])
        if upto > end:
            break
        entries.append(data[at + 2 : upto])
        at = upto
    return entries, data[at:]


def tiles_at(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (level, index, width) of every tile of a tree, lowest level first."""
    level, count = 0, size
    while count:
        full, partial = divmod(count, TILE_WIDTH)
        yield from ((level, index, TILE_WIDTH) for index in range(full))
        if partial:
            yield level, full, partial
        level, count = level + 1, full


def tile_width(level: int, index: int, size: int) -> int:
    """Return how many hashes a tile holds in a tree of `size` leaves; 0 where it does not exist."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * level)) - index * TILE_WIDTH))


def _number(index: int) -> str:
    if not 0 <= index < _MAX_SIZE:
        raise AuditError("tile-missing", "a tile's index is not negative and below 2^63")
    text = f"{index % 1000:03d}"
    while index := index // 1000:
        text = f"x{index % 1000:03d}/{text}"
    return text


def _partial(width: int) -> str:
    if not 1 <= width <= TILE_WIDTH:
        raise AuditError("tile-missing", "a tile's width is from 1 to 256")
    return "" if width == TILE_WIDTH else f".p/{width}"


# --- Proofs ---------------------------------------------------------------------------------------


def inclusion_proof(index: int, size: int, tiles: Tiles) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size` leaves, the leaf's sibling first.

    Raises:
        AuditError: `receipt-mismatch` where the index is not below the size, `tile-missing` where a
            tile has fewer hashes than a tree of that size.
    """
    if not 0 <= index < size < _MAX_SIZE:
        raise AuditError("receipt-mismatch", "the index is not below the size of the tree")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_root(middle, high, tiles))
            high = middle
        else:
            path.append(_range_root(low, middle, tiles))
            low = middle
    return path[::-1]


def consistency_proof(old: int, new: int, tiles: Tiles) -> list[bytes]:
    """Return the proof that the tree of `old` leaves is a prefix of the tree of `new`.

    Empty from size 0, and from a size to itself.

    Raises:
        AuditError: `rollback` where the old size is above the new, `tile-missing` as above.
    """
    if not 0 <= old <= new < _MAX_SIZE:
        raise AuditError("rollback", "the old size is above the new size")
    if old in {0, new}:
        return []
    proof: list[bytes] = []
    low, high, known = 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_range_root(middle, high, tiles))
            high = middle
        else:
            proof.append(_range_root(low, middle, tiles))
            low, known = middle, False
    # The verifier has the old root: it is left out where the old tree is a node of the new one.
    if not known:
        proof.append(_range_root(low, high, tiles))
    return proof[::-1]


def root_at(size: int, tiles: Tiles) -> bytes:
    """Return the root of the tree of the first `size` leaves.

    Raises:
        AuditError: `tile-missing`, a tile has fewer hashes than a tree of that size.
    """
    return _range_root(0, size, tiles) if size else EMPTY_ROOT


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Raise unless `leaf` is the hash of leaf `index` in the tree of `size` leaves under `root`.

    Raises:
        AuditError: `root-mismatch`. RFC 9162 section 2.1.3.2.
    """
    _exact(leaf, root, *proof)
    if not 0 <= index < size:
        raise AuditError("root-mismatch", "the index is not below the size of the tree")
    node, last, top = index, size - 1, leaf
    for part in proof:
        if last == 0:
            raise AuditError("root-mismatch", "the inclusion proof is too long")
        if node & 1 or node == last:
            top = node_hash(part, top)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            top = node_hash(top, part)
        node, last = node >> 1, last >> 1
    if last:
        raise AuditError("root-mismatch", "the inclusion proof is too short")
    if top != root:
        raise AuditError("root-mismatch", "the inclusion proof does not lead to the root")


def verify_consistency(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise unless the tree of `old` leaves is a prefix of the tree of `new` leaves.

    Size 0 is refused as the old size, but for the root of the empty tree with an empty proof
    (section 2.1 of the log's specification: public code disagrees here).

    Raises:
        AuditError: `rollback` where the old size is above the new, else `fork`. RFC 9162 section
            2.1.4.2.
    """
    _exact(old_root, new_root, *proof)
    if old < 0 or new < old:
        raise AuditError("rollback", "the old size is above the new size")
    if old in {0, new}:
        _no_step(old, new, (old_root, new_root), proof)
        return
    if not proof:
        raise AuditError("fork", "the consistency proof is empty")
    # The old tree is a node of the new one where its size is a power of two: its root is the start.
    first, *rest = proof if old & (old - 1) else (old_root, *proof)
    before, after = _climb(old, new, first, rest)
    if before != old_root:
        raise AuditError("fork", "the consistency proof does not lead to the old root")
    if after != new_root:
        raise AuditError("fork", "the consistency proof does not lead to the new root")


def _climb(old: int, new: int, first: bytes, rest: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the old and the new root that a consistency proof leads to."""
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before = after = first
    for part in rest:
        if last == 0:
            raise AuditError("fork", "the consistency proof is too long")
        if node & 1 or node == last:
            before, after = node_hash(part, before), node_hash(part, after)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            after = node_hash(after, part)
        node, last = node >> 1, last >> 1
    if last:
        raise AuditError("fork", "the consistency proof is too short")
    return before, after


def _no_step(old: int, new: int, roots: tuple[bytes, bytes], proof: Sequence[bytes]) -> None:
    """Check a consistency claim that needs no hash: from size 0, or from a size to itself."""
    if proof:
        raise AuditError("fork", "the consistency proof is not empty")
    if old == 0 and roots[0] != EMPTY_ROOT:
        raise AuditError("fork", "the root of size 0 is not the root of the empty tree")
    if old == new and roots[0] != roots[1]:
        raise AuditError("fork", "two roots at one size")


def _exact(*hashes: bytes) -> None:
    for value in hashes:
        if len(value) != HASH_BYTES:
            raise AuditError("root-mismatch", "a hash is not 32 bytes")


def _split(count: int) -> int:
    """Return the largest power of two below `count`, which is at least 2."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(low: int, high: int, tiles: Tiles) -> bytes:
    """Return the root over leaves low … high-1; low is a multiple of the split above the range."""
    parts: list[bytes] = []
    while low < high:
        height = (high - low).bit_length() - 1
        parts.append(_subtree(height, low >> height, tiles))
        low += 1 << height
    top = parts.pop()
    while parts:
        top = node_hash(parts.pop(), top)
    return top


def _subtree(height: int, index: int, tiles: Tiles) -> bytes:
    """Return the root of the complete subtree of 2^height leaves, the `index`-th of its height."""
    level, rest = divmod(height, TILE_HEIGHT)
    first = index << rest
    tile, start = divmod(first, TILE_WIDTH)
    data = tiles(level, tile)
    part = data[start * HASH_BYTES : (start + (1 << rest)) * HASH_BYTES]
    if len(part) != HASH_BYTES << rest:
        raise AuditError("tile-missing", f"`tile/{level}/{tile}` has fewer hashes than the tree")
    return root_of(split_hashes(part))
