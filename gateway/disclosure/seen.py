"""How far each column has been seen to go, and whether that is as far as it has to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gateway.disclosure.merge import Merged
    from gateway.disclosure.solver import Floats
    from gateway.disclosure.table import Flags, Integers


@dataclass(frozen=True, slots=True, eq=False)
class Needs:
    """How wide the range of each column has to be, and how far it has to reach up and down."""

    width: Floats
    up: Floats
    down: Floats

    def usual(self) -> int:
        """Return how wide a range usually has to be; at least 1."""
        asked = self.width[self.width > 0]
        return max(1, int(np.median(asked))) if len(asked) else 1


def needs_of(merged: Merged, columns: Integers, share: float = 1.0) -> Needs:
    """Return a share of what some variables need."""

    def part(need: Integers) -> Floats:
        return (need[columns] * share).astype(np.float64)

    return Needs(part(merged.width), part(merged.up), part(merged.down))


class Seen:
    """How far below and above its value each column has been seen."""

    def __init__(self, needs: Needs, least: Floats, most: Floats) -> None:
        self._needs = needs
        self.least, self.most = least, most

    def take(self, least: Floats, most: Floats) -> None:
        """Take a witness."""
        np.minimum(self.least, least, out=self.least)
        np.maximum(self.most, most, out=self.most)

    def wanting(self) -> Flags:
        """Return which columns have not been seen wide enough."""
        needs = self._needs
        wanting: Flags = (
            (self.most - self.least < needs.width)
            | (self.most < needs.up)
            | (-self.least < needs.down)
        )
        return wanting

    def wants(self, cell: int) -> bool:
        """Tell whether one column has not been seen wide enough."""
        needs, least, most = self._needs, self.least[cell], self.most[cell]
        return bool(
            most - least < needs.width[cell] or most < needs.up[cell] or -least < needs.down[cell]
        )

    def above(self, cell: int, over: float) -> int:
        """Return how far up to look for what is lacking, where a column goes at most so far."""
        lacks = self._needs.width[cell] + self.least[cell]
        return int(min(over, max(self._needs.up[cell], lacks)))

    def below(self, cell: int, under: float) -> int:
        """Return how far down to look for what is lacking, likewise."""
        lacks = self._needs.width[cell] - self.most[cell]
        return int(min(under, max(self._needs.down[cell], lacks)))
