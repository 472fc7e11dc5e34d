"""The levels of a table's dimensions: how the key of a cell writes them, and which there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import Reason, ReleaseError
from gateway.masks.levels import Levels, finest, nested
from gateway.masks.places import Area, GeoArea

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.agreement.index import FlowRule
    from gateway.plan.ops import MaskField

TOTAL: Final = "*"
"""The level of a cell that is over all values of a dimension."""
VALUE: Final = "="
"""Before a level that is a value, so that no value is ever read as a marker."""
COARSER: Final = "^"
"""Before a value of a coarser level: `^region=R3`, so that it is never read as one of a finer."""
UNKNOWN: Final = "~"
"""Before a level that is none: `~missing`, `~masked`."""


def levels_above(
    rule: FlowRule, one: MaskField, areas: Callable[[Area], Mapping[str, str]]
) -> Levels | None:
    """Return the levels of a dimension, or None where its table names none.

    Args:
        rule: The provision, and its dataset with its maps.
        one: The dimension.
        areas: For each code of the gateway's areas, the area of a kind that it is or lies in.

    Raises:
        ReleaseError: A value lies in no coarser level, or in two.
    """
    table = rule.provision.aggregate
    coarser = table.levels.get(one.name) if table is not None else None
    if coarser is None:
        return None
    steps: list[tuple[str, Mapping[str, str], str | None]]
    if isinstance(one.mask, GeoArea):
        values = set(map(str, (one.inputs.table or {}).values()))
        steps = [(name, areas(Area(name)), None) for name in coarser]
    else:
        maps = rule.dataset.maps
        values = set(one.mask.closed(one.inputs) or ())
        steps = [(name, maps[name].values, maps[name].unmapped) for name in coarser]
    own = finest(one.name, one.mask, one.inputs.type) or one.name
    found = nested(own, values, steps)
    if isinstance(found, str):
        raise ReleaseError(Reason.RELEASE_CHECK_FAILED, f"dimension `{one.name}`: {found}")
    return found
