"""Which cells of a table its users need most: they are hidden last. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gateway.masks.base import Marker
from gateway.plan.levels import TOTAL, VALUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.disclosure.table import Flags
    from gateway.plan.ops import Group, Suppress


def needed(suppress: Suppress, group: Group, keys: Sequence[tuple[str, ...]]) -> Flags:
    """Return for each cell whether an item of `keep` names it.

    Args:
        suppress: The rule; of an item, every dimension that it names has to be at a level of it.
        group: The dimensions, in the order of the keys.
        keys: Of each cell its level of each dimension, as `Counted` has them.
    """
    items = [
        [(group.dimensions.index(name), _codes(levels)) for name, levels in item]
        for item in suppress.keep
    ]
    kept = [any(all(key[at] in codes for at, codes in item) for item in items) for key in keys]
    return np.array(kept, np.bool_)


def _codes(levels: Sequence[str]) -> frozenset[str]:
    """Return levels as the keys of cells have them; the total by its word."""
    total = {TOTAL} if Marker.TOTAL.value in levels else set()
    return frozenset({VALUE + level for level in levels} | total)
