"""Changes of a table that are known to fit: witnesses that outlive the pattern they were found for.

A whole change that keeps every row is a line through the true table: it can be gone as far, and
as far back, as what it touches may move. Under another pattern it is a witness again if all that it
touches is hidden there; under fractions it is one that goes less far. Most of a pattern's cells are
settled so, without a program.

Source of the rules: the project's specification of disclosure control, section 6.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.disclosure.relations import labels

if TYPE_CHECKING:
    from gateway.disclosure.merge import Merged
    from gateway.disclosure.relations import Part
    from gateway.disclosure.solver import Floats
    from gateway.disclosure.table import Integers

LONG: Final = 64
"""A change of more cells is hardly ever one under another pattern, and is not kept."""

ENTRIES_MAX: Final = 4_000_000
"""Beyond so many entries the oldest half is forgotten; nothing is wrong then, only slower."""


class Known:
    """Lines of whole tables through the true one, over the variables of a problem.

    What a row sums to along a line stands beside the variables as if it were one that may always
    move, so that rows with slack bind a line as bounds do, and an equation that a line breaks lets
    it go nowhere.
    """

    def __init__(self, merged: Merged) -> None:
        self._size = merged.size
        self._rows = merged.system.rows
        self._low = np.concatenate((merged.low, merged.system.low))
        self._high = np.concatenate((merged.high, merged.system.high))
        self._index, self._step = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._start = np.zeros(0, np.int64)
        self._fresh: list[tuple[Integers, Integers]] = []

    def add(self, part: Part, values: Integers) -> None:
        """Take a change of the columns of a part, each of its connected pieces by itself.

        It need not fit, and is then of no use.
        """
        system, live = part.system, values != 0
        sums, owners = system.activity(values), system.owners()
        alive = live[system.index]
        label = labels(system.columns, system.index[alive], owners[alive])
        moved = np.flatnonzero(live)
        if not len(moved):
            return
        moved = moved[np.argsort(label[moved], kind="stable")]
        heads, starts = np.unique(label[moved], return_index=True)
        kept, first = np.unique(owners[alive], return_index=True)
        belongs = label[system.index[alive][first]]
        for head, columns in zip(heads, np.split(moved, starts[1:]), strict=True):
            bound = kept[(belongs == head) & (sums[kept] != 0)]
            if len(columns) > LONG:
                continue
            step = np.concatenate((values[columns], sums[bound]))
            index = np.concatenate((part.columns[columns], self._size + part.rows[bound]))
            self._fresh.append((index, step // np.gcd.reduce(step)))

    def ends(self, chosen: Floats, *, whole: bool) -> tuple[Floats, Floats]:
        """Return how far below and above its value some line takes each variable.

        Args:
            chosen: How much of each variable is hidden, 0 to 1.
            whole: Whether only whole numbers count; the answer is then exact, and `chosen` is read
                as all or nothing.
        """
        self._stack()
        share = np.concatenate((chosen, np.ones(self._rows)))[self._index]
        low, high = self._low[self._index], self._high[self._index]
        return self._along((low, high), share, whole=whole)

    def _along(
        self, bounds: tuple[Integers, Integers], share: Floats, *, whole: bool
    ) -> tuple[Floats, Floats]:
        least, most = np.zeros(self._size), np.zeros(self._size)
        if not len(self._start):
            return least, most
        upwards = self._step > 0
        size = np.abs(self._step)
        lengths = np.diff(np.append(self._start, len(self._step)))
        kept = self._index < self._size
        index = self._index[kept]
        for sign in (1, -1):
            rises = upwards if sign > 0 else ~upwards
            room = np.where(rises, bounds[1], -bounds[0])
            if whole:
                far = np.where(share > 0, room, 0) // size
                times = np.repeat(np.minimum.reduceat(far, self._start), lengths)
            else:
                far = room * share / size
                times = np.repeat(np.minimum.reduceat(far, self._start), lengths)
            gone = (sign * self._step * times)[kept]
            np.minimum.at(least, index, gone)
            np.maximum.at(most, index, gone)
        return least, most

    def _stack(self) -> None:
        if not self._fresh:
            return
        if len(self._index) > ENTRIES_MAX:
            half = len(self._start) // 2
            at = self._start[half]
            self._index, self._step = self._index[at:], self._step[at:]
            self._start = self._start[half:] - at
        lengths = np.array([len(index) for index, _ in self._fresh])
        begin = len(self._index) + np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)[:-1]))
        self._start = np.concatenate((self._start, begin))
        self._index = np.concatenate((self._index, *(index for index, _ in self._fresh)))
        self._step = np.concatenate((self._step, *(step for _, step in self._fresh)))
        self._fresh = []
