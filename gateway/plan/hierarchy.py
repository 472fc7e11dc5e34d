"""A table's dimensions by level: from which tables, which cells leave behind a rung, the last look.

Numbers are counted at each level by itself, since a person of two counties is one in their region.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gateway.errors import Reason, ReleaseError
from gateway.plan.check_cells import ROWS, UNITS
from gateway.plan.levels import COARSER, TOTAL, UNKNOWN
from gateway.plan.ops import LEVEL
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.agreement.ladder import Finest
    from gateway.masks.levels import Levels
    from gateway.plan.counted import Flags
    from gateway.plan.ops import Group, MaskField, Plan


def combinations(masks: Sequence[MaskField], kept: Sequence[str]) -> Iterator[dict[str, int]]:
    """Yield every choice of one level for each dimension that is kept, the finest being 0."""
    names = [one.name for one in masks if one.name in kept]
    sizes = [
        len(one.levels.names) if one.levels is not None else 1 for one in masks if one.name in kept
    ]
    for choice in itertools.product(*map(range, sizes)):
        yield dict(zip(names, choice, strict=True))


def left_of(masks: Sequence[MaskField], finest_: Finest) -> dict[str, int]:
    """Return of each dimension that is left behind a rung the finest level that leaves."""
    both = zip(masks, finest_, strict=True)
    return {one.name: level for one, level in both if level is not None}


def standing(one: MaskField, level: str) -> int | None:
    """Return which level of its dimension a part of a key is of; None for a total.

    What is unknown is of the finest level, and leaves wherever any does.
    """
    if level == TOTAL:
        return None
    if level.startswith(COARSER) and one.levels is not None:
        return one.levels.names.index(level[1:].partition("=")[0])
    return 0


def leaving(masks: Sequence[MaskField], finest_: Finest, keys: Sequence[tuple[str, ...]]) -> Flags:
    """Return the cells of which nothing is finer than what leaves behind a rung.

    Args:
        masks: The dimensions.
        finest_: The finest level of each that leaves.
        keys: Of each cell.
    """
    return np.array([_leaves(masks, finest_, key) for key in keys], np.bool_)


def _leaves(masks: Sequence[MaskField], finest_: Finest, key: tuple[str, ...]) -> bool:
    for one, least, level in zip(masks, finest_, key, strict=True):
        stands = standing(one, level)
        if stands is None:
            continue
        if least is None or (stands < least and not level.startswith(UNKNOWN)):
            return False
    return True


# --- the last look ---


def check_levels(plan: Plan, group: Group, frame: pl.DataFrame) -> None:
    """Raise where a value is not one of its level, or a level is not made of the next finer one.

    Rows add up from level to level; distinct units are between the most of a part and the sum of
    the parts; a sum of whole numbers, where all of it was published, adds up.

    Raises:
        ReleaseError: As above.
    """
    for one in plan.masks:
        if one.levels is None:
            continue
        value, level = pl.col(one.name), pl.col(one.name + LEVEL).cast(pl.String)
        good = value.is_null() & level.is_null()
        for index, name in enumerate(one.levels.names):
            listed = pl.Series(sorted(one.levels.values(index)), dtype=pl.String)
            good |= (level == name).fill_null(value=False) & value.is_in(listed.implode())
        if not frame.select(good.all()).item():
            raise _broken(f"dimension `{one.name}` holds a value that is none of its level")
        sums = [
            measure.name
            for measure in group.measures
            if measure.function == "sum" and measure.output is FieldType.INTEGER
        ]
        for index in range(len(one.levels.above)):
            _check_step(plan, one, one.levels, index, frame, sums)


def _check_step(
    plan: Plan, one: MaskField, levels: Levels, index: int, frame: pl.DataFrame, sums: list[str]
) -> None:
    level = pl.col(one.name + LEVEL).cast(pl.String)
    fine = frame.filter(level == levels.names[index])
    coarse = frame.filter(level == levels.names[index + 1])
    if fine.is_empty():
        return
    step = levels.above[index]
    by = [name for other in plan.masks if other is not one for name in other.columns]
    parts = (
        fine.with_columns(pl.col(one.name).replace_strict(step, return_dtype=pl.String))
        .group_by(*by, one.name)
        .agg(
            pl.col(ROWS).sum().alias(".all"),
            pl.col(UNITS).sum().alias(".sum"),
            pl.col(UNITS).max().alias(".most"),
            *[
                pl.when(pl.col(name).is_not_null().all()).then(pl.col(name).sum()).alias(f".{name}")
                for name in sums
            ],
        )
    )
    both = coarse.join(parts, on=[*by, one.name], how="left", nulls_equal=True)
    good = (pl.col(ROWS) == pl.col(".all")) & pl.col(UNITS).is_between(".most", ".sum")
    for name in sums:
        good &= (pl.col(name) == pl.col(f".{name}")).fill_null(value=True)
    if coarse.height != parts.height or not both.select(good.fill_null(value=False).all()).item():
        raise _broken(f"a level of `{one.name}` is not made of the level below it")


def _broken(message: str) -> ReleaseError:
    return ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
