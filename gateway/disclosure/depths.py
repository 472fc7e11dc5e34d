"""How deep a cell lies in each dimension: in the total, in a coarser level, or in the finest one.

Depth 0 is the total, 1 the coarsest level of a dimension, and its finest one is the deepest. What
is unknown (`~missing`, `~masked`) lies in no coarser level: it is its own value at each depth below
the total, so that what a total is over is, at each depth, the levels and the unknown beside them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Final

from gateway.disclosure.parts import PARENT, TOTAL, UNKNOWN, Part
from gateway.disclosure.table import DisclosureError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gateway.disclosure.table import Key

_UNLISTED: Final = "a level of a dimension with coarser levels lies in none of them"


class Tree:
    """The levels of one dimension, by depth."""

    def __init__(self, part: Part) -> None:
        self._above = dict(part.parents)
        self._known = {*self._above, *self._above.values()}
        self._whole = tuple(range(1, 1 + max(map(self._depth, self._above), default=1)))

    @property
    def deepest(self) -> int:
        """The depth of the finest level."""
        return len(self._whole)

    def depths(self, level: str) -> tuple[int, ...]:
        """Return the depths that a level stands at: one, or every one for what is unknown.

        Raises:
            DisclosureError: `shape`, for a level that lies in no coarser one where there are some.
        """
        if level == TOTAL:
            return (0,)
        if level[0] == UNKNOWN:
            return self._whole
        if self._known and level not in self._known:
            raise DisclosureError("shape", _UNLISTED)
        return (self._depth(level),)

    def at(self, level: str, depth: int) -> str:
        """Return the level of a depth that another, which is no coarser, lies in."""
        if depth == 0:
            return TOTAL
        if level[0] != UNKNOWN:
            for _ in range(self._depth(level) - depth):
                level = self._above[level]
        return level

    def _depth(self, level: str) -> int:
        depth = 1
        while level in self._above:
            level, depth = self._above[level], depth + 1
        return depth


def patterns(parts: Sequence[Part], keys: Iterable[Key]) -> dict[tuple[int, ...], list[Key]]:
    """Return the keys by how deep they lie in each dimension, the deepest first."""
    trees = [Tree(part) for part in parts]
    found: dict[tuple[int, ...], list[Key]] = defaultdict(list)
    own: set[tuple[int, ...]] = set()
    for key in keys:
        depths = [tree.depths(level) for tree, level in zip(trees, key, strict=True)]
        own.add(tuple(several[-1] for several in depths))
        for pattern in product(*depths):
            found[pattern].append(key)
    # Where a table has nothing but the unknown of a depth, it has no cells of that depth.
    return {pattern: found[pattern] for pattern in sorted(own, reverse=True)}


def stacked(parts: Sequence[Part], keys: Iterable[Key]) -> bool:
    """Return whether some cells of a table are over others of it."""
    return len(patterns(parts, keys)) > 1


def next_finer(
    several: Mapping[tuple[int, ...], object], coarse: tuple[int, ...]
) -> Iterator[tuple[int, ...]]:
    """Yield the patterns that lie deeper, and that no other one stands between."""
    finer = [one for one in several if _covers(one, coarse)]
    for fine in finer:
        # What follows from two steps needs no row of its own.
        if not any(_covers(fine, between) for between in finer):
            yield fine


def _covers(fine: tuple[int, ...], coarse: tuple[int, ...]) -> bool:
    """Return whether `fine` lies nowhere less deep than `coarse`, and somewhere deeper."""
    return fine != coarse and all(f >= c for f, c in zip(fine, coarse, strict=True))


def coarser(part: Part, name: str) -> Part:
    """Return how a table is cut of which nothing finer left than one of its coarser levels.

    Args:
        part: How it would be cut in full.
        name: The coarser level, as in `^name=value`.
    """
    tree = Tree(part)
    prefix = f"{PARENT}{name}="
    several = {tree.depths(up)[0] for _, up in part.parents if up.startswith(prefix)}
    if not several:
        return part  # there is no value at all: nothing left, and nothing stays
    [depth] = several
    codes: dict[str, list[str]] = defaultdict(list)
    for level, listed in part.codes:
        codes[tree.at(level, depth)] += listed
    return replace(
        part,
        cut=f"{part.cut} {prefix}",
        codes=tuple((level, tuple(sorted(codes[level]))) for level in sorted(codes)),
        rest=tree.at(part.rest, depth) if part.rest else "",
        plain=False,
        parents=tuple((one, above) for one, above in part.parents if tree.depths(one)[0] <= depth),
    )
