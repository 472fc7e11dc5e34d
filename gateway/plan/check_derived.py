"""The last look at percentages and rates: each is what the published numbers make it, and no more.

Nothing of how they were made is believed or used again: a figure is held against its definition
(the nearest step, and of two the even one), and its absence against the rules that allow it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gateway.errors import Reason, ReleaseError
from gateway.masks.base import Marker
from gateway.plan.figures import COARSE, RELIABLE_FROM, UNRELIABLE, WHOLE_FROM, PercentNode
from gateway.plan.levels import TOTAL
from gateway.plan.ops import FLAG, WHY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from gateway.plan.figures import RateNode
    from gateway.plan.ops import Group, Suppress


def check_derived(
    group: Group, suppress: Suppress, cells: Sequence[tuple[str, ...]], frame: pl.DataFrame
) -> None:
    """Raise where a derived figure is not what the published counts of its table make it.

    Args:
        group: The plan's measures.
        suppress: The plan's threshold and marker.
        cells: The key of each cell of the frame.
        frame: Columns of the plan's types.

    Raises:
        ReleaseError: A figure stands where none may, is missing where one has to be, or is another.
    """
    for one in group.derived:
        counts = dict(zip(cells, frame[one.of].to_list(), strict=True))
        names = [one.name, one.name + WHY]
        names += [one.name + FLAG] if one.name + FLAG in frame.columns else []
        for key, said in zip(cells, frame.select(names).iter_rows(), strict=True):
            if isinstance(one, PercentNode):
                sound = _percent(group, suppress, one, counts, key, said)
            else:
                sound = _rate(group, suppress, one, counts[key], key, said)
            if not sound:
                message = f"measure `{one.name}` is not what its published counts make it"
                raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)


def _percent(
    group: Group,
    suppress: Suppress,
    one: PercentNode,
    counts: Mapping[tuple[str, ...], int | None],
    key: tuple[str, ...],
    said: tuple[Any, ...],
) -> bool:
    over = tuple(
        TOTAL if name == one.over else level
        for name, level in zip(group.dimensions, key, strict=True)
    )
    part, whole = counts[key], counts.get(over)
    if key == over or whole == 0:
        return said == (None, Marker.MISSING.value)
    value, why = said
    if part is None or whole is None or 0 < whole - part < suppress.min_cell:
        return value is None and why == suppress.marker
    if value is None:
        nearly = _near(0, part, whole) or _near(100, part, whole)
        return one.sensitive and nearly and why == suppress.marker
    bare = one.sensitive and value in (0, 100)
    return why is None and not bare and part <= whole and _near(value, part, whole)


def _near(value: int, part: int, whole: int) -> bool:
    """Return whether a percentage is the multiple that is nearest to part in whole."""
    step = 1 if whole >= WHOLE_FROM else COARSE
    off = abs(200 * part - 2 * value * whole)
    tie = off == step * whole
    return value % step == 0 and (off < step * whole or (tie and value // step % 2 == 0))


def _rate(
    group: Group,
    suppress: Suppress,
    one: RateNode,
    count: int | None,
    key: tuple[str, ...],
    said: tuple[Any, ...],
) -> bool:
    levels = dict(zip(group.dimensions, key, strict=True))
    people = one.everybody if levels[one.by] == TOTAL else one.people.get(levels[one.by])
    if not people or {levels[name] for name in one.cuts} - {TOTAL}:
        return said == (None, Marker.MISSING.value, None)
    # The relative standard error in percent is 100 in the root of the count.
    if count is None or (one.reliable is not None and count * one.reliable**2 <= 100**2):
        return said == (None, suppress.marker, None)
    value, why, flag = said
    if value is None or why is not None or (flag == UNRELIABLE) != (count < RELIABLE_FROM):
        return False
    if not math.isfinite(value):
        return False
    tenths = round(10 * value)
    off: int = abs(20 * count * one.per - 2 * tenths * people)
    sound: bool = value == tenths / 10 and (off < people or (off == people and tenths % 2 == 0))
    return sound
