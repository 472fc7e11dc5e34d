"""Counting for noise: each person in a few cells at most, and every cell of the product.

What is published must hang on no single person but through a few counts. So the cells are the
plan's, whatever the data hold, and which of a person's cells are counted hangs on that person's own
rows alone: whoever else is in the data, the choice is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl
import polars_hash  # noqa: F401 - registers the `chash` name space

from gateway.plan.check import levels_of
from gateway.plan.check_cells import UNITS
from gateway.plan.lower import POLARS, canonical
from gateway.plan.ops import WHY
from gateway.plan.product import product
from gateway.values import FieldType

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from gateway.plan.ops import Group, Plan

FOLD_AFTER: Final = 16
_UNIT: Final = ".unit"
_ORDER: Final = ".order"


def with_numbers(plan: Plan, cells: pl.DataFrame, numbers: Sequence[int]) -> pl.DataFrame:
    """Return the columns of a plan with noise: every cell of its product, and its number."""
    assert plan.group is not None  # noqa: S101 - the engine asks only then
    made = [
        pl.Series(one.name, numbers, POLARS[one.output], strict=True) for one in plan.group.measures
    ]
    return cells.with_columns(made)


class NoisedCells:
    """Collects masked batches into bounded counts of people; memory grows with their cells.

    Args:
        plan: A plan whose Suppress has noise.
        periods: Those that are counted; rows of others are passed over.

    Raises:
        ReleaseError: A dimension has no closed list of levels, or there are too many cells.
    """

    def __init__(self, plan: Plan, periods: Sequence[dt.date]) -> None:
        assert plan.group is not None  # noqa: S101 - the engine asks only then
        assert plan.suppress is not None  # noqa: S101
        assert plan.suppress.noise is not None  # noqa: S101
        self._plan = plan
        self._group: Group = plan.group
        self._bound = plan.suppress.noise.bound
        self._periods = tuple(periods)
        self._keys = [
            name
            for one in plan.masks
            for name in ([one.name, one.name + WHY] if one.why else [one.name])
        ]
        self._product = product(plan, periods)
        text = dict(plan.scan.columns)[plan.group.unit] in {FieldType.STRING, FieldType.CODE}
        column = pl.col(plan.group.unit)
        # By canon@1, as a pseudonym is: two spellings are one person, and a placeholder is nobody.
        self._person = canonical(column) if text else column.cast(pl.String)
        self._pairs: list[pl.DataFrame] = []
        self._waiting = self._held = 0

    @property
    def keep(self) -> list[pl.Expr]:
        """The original columns that counting needs besides the masked dimensions."""
        return [self._person.alias(_UNIT)]

    def add(self, masked: pl.DataFrame) -> None:
        """Take one batch of masked rows with the columns of `keep`."""
        inside = pl.col(self._group.time).is_in(self._periods) & pl.col(_UNIT).is_not_null()
        pairs = masked.filter(inside).select(*self._keys, _UNIT).unique()
        self._pairs.append(pairs)
        self._waiting += pairs.height
        # Folding costs what is held; so it waits until as much again has come.
        if len(self._pairs) >= FOLD_AFTER and self._waiting >= self._held:
            self._fold()

    def _fold(self) -> None:
        self._pairs = [pl.concat(self._pairs).unique()]
        self._waiting, self._held = 0, self._pairs[0].height

    def counted(self) -> tuple[tuple[tuple[str, ...], ...], list[int]]:
        """Return the key of every cell of the product, and how many people are counted in it."""
        self._fold()
        counts = self._bounded().group_by(self._keys).agg(pl.len().cast(pl.Int64).alias(UNITS))
        table = self._product.join(counts, on=self._keys, how="left", nulls_equal=True)
        table = table.with_columns(pl.col(UNITS).fill_null(0))
        return levels_of(self._plan, table), table[UNITS].to_list()

    def _bounded(self) -> pl.DataFrame:
        """Return (person, cell), at most `bound` of a person: those of the least SHA-256."""
        [pairs] = self._pairs
        over = pairs.select((pl.len().over(_UNIT) > self._bound).alias(_ORDER))[_ORDER]
        if not over.any():
            return pairs
        many, few = pairs.filter(over), pairs.filter(~over)
        order = self._order(many)
        kept = order.sort(_UNIT, _ORDER).group_by(_UNIT, maintain_order=True).head(self._bound)
        return pl.concat([few, kept.select(few.columns)])

    def _order(self, pairs: pl.DataFrame) -> pl.DataFrame:
        # By a hash, or the first levels of the list would always win over the last. A cell is
        # spelled out once, and not for each person in it.
        levels = levels_of(self._plan, self._product)
        spelled = pl.Series(_ORDER, ["\x1f".join(key) for key in levels], pl.String)
        cells = self._product.with_columns(spelled)
        text = pl.col(_UNIT) + "\x1f" + pl.col(_ORDER)
        return pairs.join(cells, on=self._keys, nulls_equal=True).with_columns(
            text.chash.sha2_256().alias(_ORDER)  # type: ignore[attr-defined]
        )
