"""Rows between tables, and the numbers in them that are no cells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gateway.disclosure.table import Row

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class Links:
    """Rows between tables, and the numbers that stand in them besides cells.

    Attributes:
        rows: In cells, and behind the last cell in numbers.
        numbers: A true value of each; where several would do, one of them.
        told: Whether a number is one that subtraction gives: small ones are to be protected.
        corrected: Whether sums over the same records ever differed.
    """

    size: int
    rows: list[Row] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    told: list[bool] = field(default_factory=list)
    corrected: bool = False

    def number(self, value: int, *, told: bool) -> int:
        """Return the place of one more number."""
        self.numbers.append(value)
        self.told.append(told)
        return self.size + len(self.numbers) - 1

    def differ(self, left: Sequence[int], right: Sequence[int], more: int) -> None:
        """Say that two sums over the same records are equal, or differ by `more`."""
        cells, signs = (*left, *right), [1] * len(left) + [-1] * len(right)
        if more:
            self.corrected = True
            cells += (self.number(abs(more), told=True),)
            signs.append(-1 if more > 0 else 1)
        self.rows.append(Row(cells, tuple(signs)))

    def copy(self) -> Links:
        """Return the same, to be added to."""
        return replace(self, rows=[*self.rows], numbers=[*self.numbers], told=[*self.told])
