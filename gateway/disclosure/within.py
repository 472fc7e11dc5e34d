"""What holds inside one table: each total against the cells that it is over."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from gateway.disclosure.depths import Tree, next_finer, patterns
from gateway.disclosure.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.disclosure.parts import Counts
    from gateway.disclosure.table import Integers, Key

FAR: Final = 2**53
"""No end."""


def within(table: Counts, first: int) -> Iterator[Row]:
    """Yield what holds inside a table, whose cells begin at `first`.

    Of counts that do not add up (people who stand in several cells) a total is between the largest
    of its parts and their sum. Where it happens to be the sum, the attacker is given that: nobody
    changes his sex or his year of birth between two cells, and whoever knows that subtracts.
    """
    place = {key: first + at for at, key in enumerate(table.keys)}
    trees = [Tree(part) for part in table.parts]
    grouped = patterns(table.parts, table.keys)
    for coarse in grouped:
        for fine in next_finer(grouped, coarse):
            groups: dict[Key, list[int]] = defaultdict(list)
            for key in grouped[fine]:
                over = tuple(
                    tree.at(level, depth)
                    for tree, level, depth in zip(trees, key, coarse, strict=True)
                )
                groups[over].append(place[key])
            for over, parts in sorted(groups.items()):
                # What is unknown lies in no coarser level: it is its own.
                if parts != [place[over]]:
                    yield from _sum(table, first, place[over], parts)


def _sum(table: Counts, first: int, total: int, parts: Sequence[int]) -> Iterator[Row]:
    values: Integers = table.values
    if table.additive or values[total - first] == sum(int(values[at - first]) for at in parts):
        yield Row((total, *parts), (1, *[-1] * len(parts)))
        return
    yield at_most(total, parts)
    for part in parts:
        # Whoever meets no condition in one cell may do so in another: of what is left over there
        # can be more in a part than in the whole.
        if values[part - first] <= values[total - first]:
            yield Row((total, part), (1, -1), 0, FAR)


def at_most(total: int, parts: Sequence[int]) -> Row:
    """Return that a total is no more than the sum of its parts."""
    return Row((*parts, total), (*[1] * len(parts), -1), 0, FAR)
