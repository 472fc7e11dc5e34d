"""A ladder of coarser tables, rung by rung: which levels still leave behind each. Pure.

A rung takes the finest level of a dimension away, or the dimension as a whole. What a rung leaves
is cells of the very table that the agreement names, so nothing is counted for it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.masks.levels import finest
from gateway.masks.times import Truncate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.agreement.aggregate import Aggregate
    from gateway.agreement.dataset import Dataset
    from gateway.masks.base import Mask

TOTAL: Final = "total"
"""What a dimension is coarsened to that only its totals are left of."""

Finest: TypeAlias = "tuple[int | None, ...]"
"""Of each dimension the finest level that leaves, its own values being 0; None: only its totals."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung, and what of the table still leaves behind it."""

    text: str
    finest: Finest


def level_names(
    table: Aggregate, name: str, release: Mapping[str, Mask], dataset: Dataset
) -> tuple[str, ...]:
    """Return what the levels of a dimension are called, the finest first."""
    mask, field = release.get(name), dataset.fields.get(name)
    if isinstance(mask, Truncate):
        return (mask.to.value,)
    own = finest(name, mask, field.type) if mask is not None and field is not None else None
    return (own or name, *table.levels.get(name, ()))


def climb(
    table: Aggregate, names: Mapping[str, Sequence[str]], date: str | None
) -> tuple[tuple[Rung, ...], str]:
    """Return the rungs of a table, and what is wrong with the one behind them, or nothing.

    Args:
        table: With the rungs as they are written.
        names: Of each dimension its levels, the finest first.
        date: The dimension that periods are cut by.
    """
    rungs: list[Rung] = []
    stand: list[int | None] = [0] * len(table.dimensions)
    for fine, coarse in table.disclosure.ladder.rungs:
        found = [
            at
            for at, (name, stands) in enumerate(zip(table.dimensions, stand, strict=True))
            if stands is not None and fine in {name, names[name][stands]}
        ]
        if fine in table.dimensions:
            found = [at for at in found if table.dimensions[at] == fine]
        if len(found) != 1:
            said = "is the finest level left of no dimension"
            wrong = "is a level of two dimensions: name the dimension" if found else said
            return tuple(rungs), f"`{fine}` {wrong}"
        at, name = found[0], table.dimensions[found[0]]
        if name == date:
            return tuple(rungs), "periods are what a request asks for: people climb them"
        left = list(names[name][(stand[at] or 0) + 1 :])
        if coarse == TOTAL:
            stand[at] = None
        elif coarse in left:
            stand[at] = names[name].index(coarse)
        else:
            return tuple(rungs), f"`{coarse}` is no coarser level of `{name}`"
        if not _whole(table, stand):
            return tuple(rungs), f"no margin keeps all that is left without `{name}`"
        if any(kind.get(name, TOTAL) != TOTAL for kind in table.disclosure.known):
            return tuple(rungs), f"it takes away `{name}`, by which `known` says totals are public"
        rungs.append(Rung(f"{fine} -> {coarse}", tuple(stand)))
    return tuple(rungs), ""


def _whole(table: Aggregate, stand: Sequence[int | None]) -> bool:
    """Return whether a table or margin is left that keeps all dimensions that are."""
    left = {
        name for name, stands in zip(table.dimensions, stand, strict=True) if stands is not None
    }
    return left in [set(kept) for kept in (table.dimensions, *table.margins)]
