"""The rows of a table in compressed form, and the small systems that are left of them.

Whoever judges a table needs only its hidden cells and the rows that touch them, and each connected
piece of those by itself. Both the search for a pattern and the attacker build on this module; it is
all that they share, but for the solver. Everything is exact integers.

Source of the rules: the project's specification of disclosure control, sections 6.2 and 7.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from gateway.disclosure.table import DisclosureError, Flags, Integers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from gateway.disclosure.table import Row


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """Rows over columns: low <= sum of coefficient * column <= high. No row is empty.

    Attributes:
        columns: How many columns there are.
        start: Where the entries of each row begin, and where the last one ends.
        index: The column of each entry.
        coefficient: What it counts.
        low: The least of each row.
        high: The most of each row.
    """

    columns: int
    start: Integers
    index: Integers
    coefficient: Integers
    low: Integers
    high: Integers

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.low)

    def owners(self) -> Integers:
        """Return the row of each entry."""
        return np.repeat(np.arange(self.rows, dtype=np.int64), np.diff(self.start))

    def activity(self, values: Integers) -> Integers:
        """Return what each row sums to, exactly."""
        return self.gather(self.coefficient * values[self.index])

    def gather(self, entries: Integers) -> Integers:
        """Return the sum of a number per entry over each row."""
        if not self.rows:
            return np.zeros(0, np.int64)
        total: Integers = np.add.reduceat(entries, self.start[:-1])
        return total

    def holds(self, values: Integers) -> bool:
        """Tell whether the values satisfy every row, exactly."""
        sums = self.activity(values)
        return bool(((self.low <= sums) & (sums <= self.high)).all())

    def shifted(self, origin: Integers) -> System:
        """Return the same rows over the differences from an origin."""
        at = self.activity(origin)
        return System(
            self.columns, self.start, self.index, self.coefficient, self.low - at, self.high - at
        )


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A connected piece: columns of the whole, rows of the whole, and the system among them."""

    columns: Integers
    rows: Integers
    system: System


def system_of(rows: Iterable[Row], columns: int) -> System:
    """Return the rows in one order that does not depend on theirs, each of them once.

    Raises:
        DisclosureError: `not_additive` where a row without cells asks for something.
    """
    lines = [(row.cells, row.coefficients, row.low, row.high) for row in rows]
    return _compressed({_canonical(*line) for line in lines}, columns)


def merged(system: System, label: Integers, columns: int) -> System:
    """Return the system over merged columns; a column with a label below 0 stays as it is: 0."""
    lines = set()
    for row in range(system.rows):
        span = slice(system.start[row], system.start[row + 1])
        cells = label[system.index[span]].tolist()
        counts = system.coefficient[span].tolist()
        kept = [(cell, count) for cell, count in zip(cells, counts, strict=True) if cell >= 0]
        line = _canonical(
            tuple(cell for cell, _ in kept),
            tuple(count for _, count in kept),
            int(system.low[row]),
            int(system.high[row]),
        )
        lines.add(line)
    return _compressed(lines, columns)


_Line = tuple[tuple[int, ...], tuple[int, ...], int, int]


def _canonical(cells: Sequence[int], counts: Sequence[int], low: int, high: int) -> _Line:
    """Return a row with its cells in order and once, divided by what its coefficients share."""
    if len(set(cells)) == len(cells):
        pairs = sorted(zip(cells, counts, strict=True))
    else:
        sums: dict[int, int] = {}
        for cell, count in zip(cells, counts, strict=True):
            sums[cell] = sums.get(cell, 0) + count
        pairs = sorted((cell, count) for cell, count in sums.items())
    pairs = [(cell, count) for cell, count in pairs if count]
    share = gcd(*(count for _, count in pairs)) or 1
    if pairs and pairs[0][1] < 0:
        pairs = [(cell, -count) for cell, count in pairs]
        low, high = -high, -low
    return (
        tuple(cell for cell, _ in pairs),
        tuple(count // share for _, count in pairs),
        -(-low // share),
        high // share,
    )


def _compressed(lines: Iterable[_Line], columns: int) -> System:
    """Return lines as a system; those without cells say nothing, or that there is no table."""
    full = sorted(line for line in lines if line[0])
    if any(not line[2] <= 0 <= line[3] for line in lines if not line[0]):
        raise DisclosureError("not_additive", "a total is not the sum of its parts")
    if any(line[2] > line[3] for line in full):
        raise DisclosureError("not_additive", "a relation that no whole numbers satisfy")
    lengths = np.fromiter((len(line[0]) for line in full), np.int64, len(full))
    return System(
        columns=columns,
        start=np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))),
        index=np.fromiter((cell for line in full for cell in line[0]), np.int64),
        coefficient=np.fromiter((count for line in full for count in line[1]), np.int64),
        low=np.fromiter((line[2] for line in full), np.int64, len(full)),
        high=np.fromiter((line[3] for line in full), np.int64, len(full)),
    )


def narrowed(system: System, live: Flags) -> tuple[Integers, System]:
    """Return the rows that are left, and the system, where all other columns stand at 0."""
    owner = system.owners()
    alive = live[system.index]
    rows, lengths = np.unique(owner[alive], return_counts=True)
    return rows, System(
        columns=int(live.sum()),
        start=np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths))),
        index=(np.cumsum(live) - 1)[system.index[alive]],
        coefficient=system.coefficient[alive],
        low=system.low[rows],
        high=system.high[rows],
    )


def parts_of(system: System, live: Flags, fixed: Integers) -> list[Part]:
    """Return the connected pieces of the live columns; all others stand at their fixed value.

    Rows without a live column are checked and dropped; columns without a row make a part of their
    own with an empty system. Parts come in the order of their first column.

    Raises:
        DisclosureError: `not_additive` where a row without a live column does not hold.
    """
    owner = system.owners()
    alive = live[system.index]
    rest = system.gather(np.where(alive, 0, system.coefficient * fixed[system.index]))
    low, high = system.low - rest, system.high - rest
    touched = np.zeros(system.rows, np.bool_)
    touched[owner[alive]] = True
    if ((low > 0) | (high < 0))[~touched].any():
        raise DisclosureError("not_additive", "a total is not the sum of its parts")
    index, row, count = system.index[alive], owner[alive], system.coefficient[alive]
    label = labels(system.columns, index, row)
    return _split(live, label, (row, index, count), (low, high))


def labels(columns: int, index: Integers, row: Integers) -> Integers:
    """Return the least column that each column is connected to."""
    label = np.arange(columns, dtype=np.int64)
    if not len(index):
        return label
    first = np.full(int(row.max()) + 1, columns, np.int64)
    while True:
        before = label
        np.minimum.at(first, row, label[index])
        label = label.copy()
        np.minimum.at(label, index, first[row])
        label = label[label]
        if np.array_equal(before, label):
            return label


def _split(
    live: Flags,
    label: Integers,
    entries: tuple[Integers, Integers, Integers],
    bounds: tuple[Integers, Integers],
) -> list[Part]:
    """Return one part for each label among the live columns."""
    row, index, count = entries
    columns = np.flatnonzero(live)
    columns = columns[np.argsort(label[columns], kind="stable")]
    order = np.lexsort((index, row, label[index]))
    row, index, count = row[order], index[order], count[order]
    place = np.zeros(len(label), np.int64)
    parts = []
    heads, starts = np.unique(label[columns], return_index=True)
    begins = np.searchsorted(label[index], heads, side="left")
    ends = np.searchsorted(label[index], heads, side="right")
    for at, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        stop = starts[at + 1] if at + 1 < len(starts) else len(columns)
        mine = columns[starts[at] : stop]
        place[mine] = np.arange(len(mine))
        rows, first = np.unique(row[begin:end], return_index=True)
        system = System(
            columns=len(mine),
            start=np.append(first, end - begin),
            index=place[index[begin:end]],
            coefficient=count[begin:end],
            low=bounds[0][rows],
            high=bounds[1][rows],
        )
        parts.append(Part(mine, rows, system))
    return parts


def whole_pieces(system: System, values: NDArray[np.float64], noise: float) -> Integers:
    """Return a change without those connected pieces of it that are not whole.

    Each piece of a change that keeps all equations keeps them by itself. What is less than `noise`
    away from a whole number is taken for one; whoever asked checks in exact whole numbers.
    """
    near = np.rint(values)
    live = (near != 0) | (np.abs(values - near) > noise)
    owners = system.owners()
    alive = live[system.index]
    label = labels(system.columns, system.index[alive], owners[alive])
    broken = np.zeros(system.columns, np.bool_)
    broken[label[np.abs(values - near) > noise]] = True
    kept: Integers = np.where(broken[label], 0, near).astype(np.int64)
    return kept
