"""A table as rows and columns: what a terminal and a page draw alike.

A picture shows what a recipient sees and what he can still believe. No hidden count is in it: a
hidden cell is drawn as its range.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.cli.disclosure.sheet import Sheet
    from gateway.disclosure.table import Key


@dataclass(frozen=True, slots=True)
class Shown:
    """A cell as it is drawn.

    Attributes:
        low: The least that it can be; of a published cell its number.
        high: The most.
        hidden: Whether it is published as a range only.
        mark: `p` where it is small by itself, `s` where it is hidden for another's sake; empty
            where nobody but the publisher knows.
        narrow: Whether it is given away: narrower than asked, or exactly known.
        settled: False where it is known to be at least so wide, and may be wider.
    """

    low: int
    high: int
    hidden: bool = False
    mark: str = ""
    narrow: bool = False
    settled: bool = True

    def text(self) -> str:
        """Return the cell in signs alone: `12`, `[1-10]p`, `!=47`."""
        if not self.hidden:
            return f"{self.low:,}"
        sign = "!" if self.narrow else ""
        if self.low == self.high:
            return f"{sign}={self.low:,}{self.mark}"
        more = "" if self.settled else "+"
        return f"{sign}[{self.low:,}-{self.high:,}{more}]{self.mark}"

    def words(self) -> str:
        """Return the cell in words, for whoever listens to the page."""
        if not self.hidden:
            return f"{self.low:,}"
        kind = {"p": "hidden, small", "s": "hidden for another cell's sake"}.get(
            self.mark, "hidden"
        )
        away = ", given away" if self.narrow else ""
        if self.low == self.high:
            return f"{kind}{away}: exactly {self.low:,}"
        more = "" if self.settled else ", or wider"
        return f"{kind}{away}: between {self.low:,} and {self.high:,}{more}"


@dataclass(frozen=True, slots=True)
class Block:
    """Two dimensions of a table, at one level of each of the others.

    Attributes:
        place: The others: dimension and level.
        rows: The levels down the side.
        columns: The levels across; one without a name where the table has one dimension.
        cells: By row and column; None where the table has no such cell.
    """

    place: tuple[tuple[str, str], ...]
    side: str
    across: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Shown | None, ...], ...]


def blocks(
    sheet: Sheet, shown: Mapping[Key, Shown], columns_max: int | None = None
) -> Iterator[Block]:
    """Yield the blocks of a table, in the order of its file.

    The longest dimension stands at the side, so that a screen scrolls one way; across stands the
    longest of the others that has at most `columns_max` levels, else the shortest.
    """
    levels = [sheet.levels(axis) for axis in range(len(sheet.dimensions))]
    sizes = [len(some) for some in levels]
    side = sizes.index(max(sizes))
    others = [axis for axis in range(len(sizes)) if axis != side]
    fitting = [axis for axis in others if columns_max is None or sizes[axis] <= columns_max]
    if fitting:
        across = max(fitting, key=lambda axis: (sizes[axis], -axis))
    else:
        across = min(others, key=lambda axis: sizes[axis]) if others else -1
    rest = [axis for axis in others if axis != across]
    for place in product(*(levels[axis] for axis in rest)):
        at = dict(zip(rest, place, strict=True))
        columns = levels[across] if others else ("",)
        cells = tuple(
            tuple(shown.get(_key(at, {side: row, across: column})) for column in columns)
            for row in levels[side]
        )
        if any(cell is not None for line in cells for cell in line):
            yield Block(
                tuple((sheet.dimensions[axis], level) for axis, level in at.items()),
                sheet.dimensions[side],
                sheet.dimensions[across] if others else sheet.measure,
                levels[side],
                columns,
                cells,
            )


def _key(at: Mapping[int, str], more: Mapping[int, str]) -> Key:
    levels = {**at, **more}
    return tuple(levels[axis] for axis in sorted(levels) if axis >= 0)
