"""Cells that are empty by definition: no man is pregnant, whatever was counted.

Their zero is no finding. It is published, and everybody knew it; so the attacker has it in every
problem, and a zero beside it that is a finding stays hidden as a small number does.

Source of the rules: the project's specification of disclosure control, section 5.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gateway.plan.levels import TOTAL, VALUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.plan.counted import Flags
    from gateway.plan.ops import Group, Suppress


def impossible(suppress: Suppress, group: Group, keys: Sequence[tuple[str, ...]]) -> Flags:
    """Return which cells are empty by definition.

    A cell is where some item of the clause names a level of it in each dimension that the item
    speaks of; a total is where all the cells that it is over are.

    Args:
        suppress: The rule, with its items.
        group: The dimensions, in the order of the keys.
        keys: Every cell of the table, totals among them.
    """
    found = np.zeros(len(keys), np.bool_)
    if not suppress.impossible:
        return found
    place = {name: at for at, name in enumerate(group.dimensions)}
    items = [
        [(place[name], {VALUE + level for level in levels}) for name, levels in item]
        for item in suppress.impossible
    ]
    for at, key in enumerate(keys):
        found[at] = any(all(key[where] in levels for where, levels in item) for item in items)
    possible = [keys[at] for at in np.flatnonzero(~found).tolist() if TOTAL not in keys[at]]
    reached: dict[tuple[bool, ...], set[tuple[str, ...]]] = {}
    for at, key in enumerate(keys):
        if TOTAL in key:
            over = tuple(level == TOTAL for level in key)
            if over not in reached:
                reached[over] = {_total(cell, over) for cell in possible}
            found[at] = key not in reached[over]
    return found


def _total(key: tuple[str, ...], over: tuple[bool, ...]) -> tuple[str, ...]:
    """Return the key of the total that a cell lies in."""
    return tuple(TOTAL if all_ else level for level, all_ in zip(key, over, strict=True))
