"""The signed tree in memory: its frontier, and the nodes near its right edge.

A receipt is asked for within milliseconds of its entry, so nearly every proof lies in the last few
thousand leaves. Built from tiles it costs some 200 hashes; read off nodes that were computed while
appending, none.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final, TypeAlias

from gateway.audit.merkle import EMPTY_ROOT, Frontier, split_hashes

WINDOW_LEAVES: Final = 16_384
_LEVEL_BITS: Final = 6

Edges: TypeAlias = tuple[bytes | None, ...]


def _key(level: int, index: int) -> int:
    return index << _LEVEL_BITS | level


class Nodes:
    """A growing tree that remembers its recent complete subtrees.

    One thread appends; another may ask for paths meanwhile: what it needs is never changed, and
    what was forgotten is told by None.
    """

    def __init__(self, frontier: Frontier, window: int = WINDOW_LEAVES) -> None:
        self.size = frontier.size
        self._window = window
        self._roots = split_hashes(frontier.to_bytes())
        self._nodes: dict[int, bytes] = {}
        end = self.size
        for start, root in reversed(self._starts()):
            level = (end - start).bit_length() - 1
            self._nodes[_key(level, start >> level)] = root
            end = start

    @property
    def remembered(self) -> int:
        """How many nodes are in memory."""
        return len(self._nodes)

    def append(self, node: bytes) -> None:
        """Extend the tree by one leaf hash."""
        index, level, nodes, roots = self.size, 0, self._nodes, self._roots
        self.size = index + 1
        nodes[index << _LEVEL_BITS] = node
        while index & 1:
            node = sha256(b"\x01" + roots.pop() + node).digest()
            index >>= 1
            level += 1
            nodes[index << _LEVEL_BITS | level] = node
        roots.append(node)

    def frontier(self) -> bytes:
        """Return the frontier's bytes, as `merkle.Frontier` writes them."""
        return b"".join(self._roots)

    def edges(self) -> Edges:
        """Return, by level, the root over the last (perhaps incomplete) subtree of 2^level leaves.

        The last of them is the root of the tree; None stands for a node that was never computed
        here.
        """
        if not self.size:
            return (EMPTY_ROOT,)
        edges: list[bytes | None] = []
        top, last, rest = None, self.size - 1, self._starts()
        for level in range(last.bit_length() + 1):
            low = last >> level << level
            while rest and rest[-1][0] >= low:
                left = rest.pop()[1]
                top = left if top is None else sha256(b"\x01" + left + top).digest()
            # Below the smallest subtree of the frontier, the last node of a level is complete.
            edges.append(self._nodes.get(_key(level, last >> level)) if top is None else top)
        return tuple(edges)

    def _starts(self) -> list[tuple[int, bytes]]:
        """Return (first leaf, root) of the frontier's subtrees."""
        found, start, roots = [], 0, iter(self._roots)
        for level in range(self.size.bit_length() - 1, -1, -1):
            if self.size >> level & 1:
                found.append((start, next(roots)))
                start += 1 << level
        return found

    def path(self, index: int, size: int, edges: Edges) -> list[bytes] | None:
        """Return the inclusion proof of leaf `index` at `size`, or None where a node was forgotten.

        Args:
            index: Below `size`.
            size: A size that the tree had.
            edges: What `edges` said then.
        """
        last, level, path = size - 1, 0, []
        while last:
            sibling: bytes | None
            if index & 1:
                sibling = self._nodes.get(_key(level, index - 1))
            elif index < last:
                at_edge = index + 1 == last
                sibling = edges[level] if at_edge else self._nodes.get(_key(level, index + 1))
            else:
                index, last, level = index >> 1, last >> 1, level + 1
                continue
            if sibling is None:
                return None
            path.append(sibling)
            index, last, level = index >> 1, last >> 1, level + 1
        return path

    def forget(self) -> None:
        """Drop what lies further back than the window, once there is twice as much."""
        if len(self._nodes) < 4 * self._window:
            return
        cut = self.size - self._window
        kept = {}
        for key, node in self._nodes.items():
            level, index = key & (1 << _LEVEL_BITS) - 1, key >> _LEVEL_BITS
            # A node serves as sibling of whatever its parent covers.
            if ((index >> 1) + 1) << level + 1 > cut:
                kept[key] = node
        self._nodes = kept
