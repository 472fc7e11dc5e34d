"""Group and Suppress as Polars: distinct units in every cell of the product, small ones held back.

People are counted, never rows: a cell with one person in twelve rows is a cell of one. Rows are
counted besides, because a null unit is nobody. With margins `none` no published number is a sum of
others, so nothing can be subtracted and a small cell needs no companion.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import polars as pl

from gateway.errors import Reason, ReleaseError
from gateway.plan.check import ROWS, UNITS, givers
from gateway.plan.lower import POLARS, WHY_TYPE, canonical, dtype_of
from gateway.plan.ops import WHY
from gateway.values import FieldType

if TYPE_CHECKING:
    from gateway.plan.ops import Group, MeasureNode, Plan, Suppress

CELLS_MAX = 20_000
"""Cells of one table; more is refused."""

FOLD_AFTER = 16
_UNIT = ".unit"
_SUM = ".sum."


class Cells:
    """Collects masked batches into a table; memory grows with distinct units a cell.

    Args:
        plan: A plan with Group and Suppress.
    """

    def __init__(self, plan: Plan) -> None:
        assert plan.group is not None  # noqa: S101 - the engine asks only then
        self._plan = plan
        self._group: Group = plan.group
        self._keys = [
            name
            for one in plan.masks
            for name in ([one.name, one.name + WHY] if one.why else [one.name])
        ]
        kinds = dict(plan.scan.columns)
        self._unit_is_text = kinds[plan.group.unit] in {FieldType.STRING, FieldType.CODE}
        self._sums = [one for one in self._group.measures if one.function == "sum"]
        self._counted = {UNITS: None} | {givers(one): one.name for one in self._sums}
        self._units: dict[str, list[pl.DataFrame]] = {name: [] for name in self._counted}
        self._totals: list[pl.DataFrame] = []

    @property
    def keep(self) -> list[pl.Expr]:
        """The original columns that counting needs besides the masked dimensions."""
        unit = pl.col(self._group.unit)
        # By canon@1, as a pseudonym is: two spellings are one person, and a placeholder is nobody.
        text = canonical(unit) if self._unit_is_text else unit.cast(pl.String)
        return [text.alias(_UNIT), *[_summand(one).alias(_SUM + one.name) for one in self._sums]]

    def add(self, masked: pl.DataFrame) -> None:
        """Take one batch of masked rows with the columns of `keep`."""
        rows = masked.filter(pl.col(self._group.time).is_in(self._group.periods))
        people = rows.filter(pl.col(_UNIT).is_not_null())
        for name, measure in self._counted.items():
            # Of a sum only those count who gave a value: eleven people, one of them with a number,
            # would else publish that number.
            gave = (
                people if measure is None else people.filter(pl.col(_SUM + measure).is_not_null())
            )
            self._units[name].append(gave.select(*self._keys, _UNIT).unique())
        self._totals.append(
            rows.group_by(self._keys).agg(
                pl.len().cast(pl.Int64).alias(ROWS),
                *[pl.col(_SUM + one.name).sum() for one in self._sums],
            )
        )
        if len(self._totals) % FOLD_AFTER == 0:
            self._fold()

    def _fold(self) -> None:
        self._units = {name: [pl.concat(kept).unique()] for name, kept in self._units.items()}
        self._totals = [
            pl.concat(self._totals)
            .group_by(self._keys)
            .agg(pl.col(ROWS).sum(), *[pl.col(_SUM + one.name).sum() for one in self._sums])
        ]

    def table(self) -> pl.DataFrame:
        """Return the plan's columns, `UNITS` and `ROWS`, in key order, for `check_table`."""
        self._fold()
        counted = self._totals[0]
        for name, [units] in self._units.items():
            people = units.group_by(self._keys).agg(pl.len().cast(pl.Int64).alias(name))
            counted = counted.join(people, on=self._keys, how="left", nulls_equal=True)
        cells = self._product().join(counted, on=self._keys, how="left", nulls_equal=True)
        cells = cells.with_columns(pl.col(ROWS, *self._counted).fill_null(0))
        suppress = self._plan.suppress
        assert suppress is not None  # noqa: S101
        for one in self._group.measures:
            cells = cells.with_columns(*_published(one, suppress))
        measures = [part for one in self._group.measures for part in (one.name, one.name + WHY)]
        more = [name for name in self._counted if name != UNITS]
        return cells.select(*self._keys, *measures, UNITS, ROWS, *more).sort(self._keys)

    def _product(self) -> pl.DataFrame:
        levels = [self._levels(place) for place in range(len(self._plan.masks))]
        if functools.reduce(lambda n, frame: n * frame.height, levels, 1) > CELLS_MAX:
            raise ReleaseError(Reason.DISCLOSURE_RISK, f"a table of more than {CELLS_MAX} cells")
        return functools.reduce(lambda left, right: left.join(right, how="cross"), levels)

    def _levels(self, place: int) -> pl.DataFrame:
        one = self._plan.masks[place]
        seen = self._totals[0].select(
            [name for name in self._keys if name in {one.name, one.name + WHY}]
        )
        closed = self._group.levels[place]
        known: list[object] = (
            list(self._group.periods) if one.name == self._group.time else list(closed or ())
        )
        listed = pl.DataFrame({one.name: pl.Series(known, dtype=dtype_of(one), strict=True)})
        if one.why:
            listed = listed.with_columns(pl.lit(None, dtype=WHY_TYPE).alias(one.name + WHY))
        return pl.concat([listed, seen]).unique()


def _summand(one: MeasureNode) -> pl.Expr:
    column = pl.col(one.field)
    # A number that is not finite is none, and would make the whole cell none.
    return pl.when(column.is_finite()).then(column) if one.output is FieldType.NUMBER else column


def _published(one: MeasureNode, suppress: Suppress) -> list[pl.Expr]:
    enough = (pl.col(givers(one)) >= suppress.min_cell) & (pl.col(ROWS) >= suppress.min_cell)
    nothing = (pl.col(ROWS) == 0) & pl.lit(suppress.zeros == "publish")
    raw = (
        pl.col(UNITS) if one.function == "count_distinct" else pl.col(_SUM + one.name).fill_null(0)
    )
    leaves = enough | nothing
    marker = pl.Enum([suppress.marker])
    return [
        pl.when(leaves).then(raw).cast(POLARS[one.output]).alias(one.name),
        pl.when(~leaves).then(pl.lit(suppress.marker)).cast(marker).alias(one.name + WHY),
    ]
