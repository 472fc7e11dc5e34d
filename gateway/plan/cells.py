"""Group and Suppress as Polars: distinct units in every cell of the product, and in its margins.

People are counted, never rows: a cell with one person in twelve rows is a cell of one. Rows are
counted besides, because a null unit is nobody. Which cells leave is not decided here: a small cell
can be a neighbour's difference from a total, in this table or in an earlier one.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gateway.errors import Reason, ReleaseError
from gateway.masks.base import Marker
from gateway.plan.check import PEOPLE, ROWS, UNITS, givers, levels_of
from gateway.plan.counted import Counted, Summed
from gateway.plan.derived import with_derived
from gateway.plan.lower import POLARS, WHY_TYPE, canonical, dtype_of
from gateway.plan.lower_numbers import nearest_multiple
from gateway.plan.ops import WHY
from gateway.plan.product import CELLS_MAX
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.plan.counted import Flags
    from gateway.plan.ops import Dominance, Group, MaskField, MeasureNode, Plan, Suppress

FOLD_AFTER = 16
_UNIT = ".unit"
_PERSON = ".person"
_SUM = ".sum."
_GAVE = ".gave."
_GIVEN = ".given."
_SHOWS = ".shows."


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
        self._is_text = {
            name: kinds[name] in {FieldType.STRING, FieldType.CODE}
            for name in (plan.group.unit, plan.group.person)
            if name is not None
        }
        self._sums = [one for one in self._group.measures if one.function != "count_distinct"]
        self._kinds = kinds
        self._counted = {UNITS: None} | {givers(one): one.name for one in self._sums}
        self._units: dict[str, list[pl.DataFrame]] = {name: [] for name in self._counted}
        self._totals: list[pl.DataFrame] = []
        self._waiting = self._held = 0
        self._apart = False
        suppress = plan.suppress
        assert suppress is not None  # noqa: S101
        self._dominance: Dominance | None = suppress.dominance

    @property
    def keep(self) -> list[pl.Expr]:
        """The original columns that counting needs besides the masked dimensions."""
        sums = [_summand(one.field, self._kinds).alias(_SUM + one.name) for one in self._sums]
        made = [self._named(self._group.unit).alias(_UNIT), *sums]
        if self._group.person is not None:
            made.append(self._named(self._group.person).alias(_PERSON))
        return made

    def _named(self, field: str) -> pl.Expr:
        # By canon@1, as a pseudonym is: two spellings are one person, and a placeholder is nobody.
        column = pl.col(field)
        return canonical(column) if self._is_text[field] else column.cast(pl.String)

    def add(self, masked: pl.DataFrame) -> None:
        """Take one batch of masked rows with the columns of `keep`."""
        rows = masked.filter(pl.col(self._group.time).is_in(self._group.periods))
        people = rows.filter(pl.col(_UNIT).is_not_null())
        for name, measure in self._counted.items():
            # Of a sum only those count who gave a value: eleven people, one of them with a number,
            # would else publish that number.
            if measure is None:
                self._units[name].append(people.select(*self._keys, _UNIT).unique())
            else:
                given = pl.col(_SUM + measure)
                self._units[name].append(
                    people.filter(given.is_not_null())
                    .group_by(*self._keys, _UNIT)
                    .agg(given.sum().alias(_GAVE))
                )
        if self._group.person is not None:
            seen = rows.filter(pl.col(_PERSON).is_not_null())
            who = seen.select(*self._keys, pl.col(_PERSON).alias(_UNIT)).unique()
            self._units.setdefault(PEOPLE, []).append(who)
        self._totals.append(
            rows.group_by(self._keys).agg(
                pl.len().cast(pl.Int64).alias(ROWS),
                *[pl.col(_SUM + one.name).sum() for one in self._sums],
                *[
                    pl.col(_SUM + one.name).count().cast(pl.Int64).alias(_GIVEN + one.name)
                    for one in self._sums
                ],
            )
        )
        self._waiting += people.height
        # Folding costs what is held; so it waits until as much again has come.
        if len(self._totals) >= FOLD_AFTER and self._waiting >= self._held:
            self._fold()

    def _fold(self) -> None:
        self._units = {
            name: [_people(pl.concat(kept), self._keys)] for name, kept in self._units.items()
        }
        self._totals = [
            pl.concat(self._totals).group_by(self._keys).agg(pl.exclude(self._keys).sum())
        ]
        self._waiting, self._held = 0, self._units[UNITS][0].height

    def table(self) -> pl.DataFrame:
        """Return every cell, margins included, with what is in it; nothing is held back yet."""
        self._fold()
        # From here on a unit is only ever told from another: a number does that as well as a text.
        number = pl.col(_UNIT).cast(pl.Categorical).to_physical()
        self._units = {name: [units.with_columns(number)] for name, [units] in self._units.items()}
        self._apart = not self._units[UNITS][0][_UNIT].is_duplicated().any()
        group = self._group
        if self._size() > CELLS_MAX:
            raise ReleaseError(Reason.DISCLOSURE_RISK, f"a table of more than {CELLS_MAX} cells")
        margins = [one for one in group.margins if set(one) != set(group.dimensions)]
        several = [self._over(kept) for kept in (group.dimensions, *margins)]
        table = pl.concat(several).sort(self._keys)
        # Where units are people, they are who the threshold is of.
        return table if PEOPLE in table.columns else table.with_columns(_as_people())

    def _over(self, kept: Sequence[str]) -> pl.DataFrame:
        """Return the cells over all values of the dimensions that are not kept."""
        keys = [name for name in self._keys if name.removesuffix(WHY) in kept]
        by: list[str | pl.Expr] = [*keys] or [pl.lit(value=True).alias(".all")]
        names = keys or [".all"]
        totals = self._totals[0].group_by(by).agg(pl.exclude(self._keys).sum())
        for name, [units] in self._units.items():
            # Where each unit stands in one cell alone, no total can count one twice.
            people = units if self._apart and name != PEOPLE else _people(units, keys)
            more = [] if name in {UNITS, PEOPLE} else self._shows(name)
            counted = people.group_by(by).agg(pl.len().cast(pl.Int64).alias(name), *more)
            totals = totals.join(counted, on=names, how="left", nulls_equal=True)
        product = self._product(kept)
        cells = product.join(totals, on=names, how="left", nulls_equal=True)
        numbers = [name for name in totals.columns if name not in names]
        flags = [name for name in numbers if name.startswith(_SHOWS)]
        cells = cells.with_columns(
            pl.col([name for name in numbers if name not in flags]).fill_null(0),
            pl.col(flags).fill_null(value=False),
        )
        over = [one for one in self._plan.masks if one.name not in kept]
        cells = cells.with_columns(
            *[pl.lit(None, dtype=dtype_of(one)).alias(one.name) for one in over],
            *[pl.lit(Marker.TOTAL.value, dtype=WHY_TYPE).alias(one.name + WHY) for one in over],
        )
        return cells.select(*self._keys, *sorted(numbers))

    def _shows(self, name: str) -> list[pl.Expr]:
        """Return whether the largest givers of a sum show through: (n, k), and p %."""
        rule = self._dominance
        if rule is None:
            return [pl.lit(value=False).alias(_SHOWS + name)]
        gave = pl.col(_GAVE).cast(pl.Float64).abs().sort(descending=True)
        total, largest = gave.sum(), gave.first()
        among = gave.head(rule.largest).sum() > total * rule.percent / 100
        near = total - gave.head(2).sum() < largest * rule.p / 100
        return [(among | near).alias(_SHOWS + name)]

    def counted(self, table: pl.DataFrame) -> Counted:
        """Return the numbers of a table, cell by cell in its order."""
        return Counted(
            keys=levels_of(self._plan, table),
            units=_integers(table, UNITS),
            people=_integers(table, PEOPLE),
            rows=_integers(table, ROWS),
            sums={
                one.name: Summed(
                    values=table[_SUM + one.name].cast(pl.Float64).to_numpy(),
                    givers=_integers(table, givers(one)),
                    dominated=table[_SHOWS + givers(one)].to_numpy(),
                    exact=self._kinds[one.field] is FieldType.INTEGER,
                    given=_integers(table, _GIVEN + one.name),
                )
                for one in self._sums
            },
            apart=self._apart,
            lasting=tuple(self._lasts(one) for one in self._plan.masks),
        )

    def _lasts(self, one: MaskField) -> bool:
        """Return whether no unit has two levels of a dimension."""
        if self._apart:
            return True
        names = [name for name in self._keys if name.removesuffix(WHY) == one.name]
        [units] = self._units[UNITS]
        return bool(units.select(*names, _UNIT).unique()[_UNIT].is_unique().all())

    def published(self, table: pl.DataFrame, leaves: Mapping[str, Flags]) -> pl.DataFrame:
        """Return the plan's columns and the helpers of the check: a number, or the marker.

        Args:
            table: As `table` returned it.
            leaves: For each measure, the cells whose number leaves.
        """
        suppress = self._plan.suppress
        assert suppress is not None  # noqa: S101
        marker = pl.Enum([suppress.marker])
        shown = table.with_columns(
            pl.Series(_LEAVES + one.name, leaves[one.name]) for one in self._group.measures
        )
        columns: list[pl.Expr] = []
        for one in self._group.measures:
            raw = _raw(one, suppress)
            kept = pl.col(_LEAVES + one.name)
            columns += [
                pl.when(kept).then(raw).cast(POLARS[one.output]).alias(one.name),
                pl.when(~kept).then(pl.lit(suppress.marker)).cast(marker).alias(one.name + WHY),
            ]
        more = [name for name in self._counted if name != UNITS]
        # What is worked out sees the published numbers alone.
        told = shown.select(*self._keys, *columns, UNITS, PEOPLE, ROWS, *more)
        keys = levels_of(self._plan, told)
        return with_derived(self._group, suppress, keys, told, before=UNITS)

    def _size(self) -> int:
        """Return how many cells the product and its margins have."""
        heights = {one.name: self._levels(at).height for at, one in enumerate(self._plan.masks)}
        kept = (self._group.dimensions, *self._group.margins)
        return sum(functools.reduce(lambda n, d: n * heights[d], names, 1) for names in kept)

    def _product(self, kept: Sequence[str]) -> pl.DataFrame:
        levels = [
            self._levels(at) for at, one in enumerate(self._plan.masks) if one.name in kept
        ] or [pl.DataFrame({".all": [True]})]
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


_LEAVES = ".leaves."


def _people(units: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """Return distinct units by these keys, with what each gave in all where they gave."""
    if _GAVE not in units.columns:
        return units.select(*keys, _UNIT).unique()
    return units.group_by(*keys, _UNIT).agg(pl.col(_GAVE).sum())


def _as_people() -> pl.Expr:
    return pl.col(UNITS).alias(PEOPLE)


def _integers(table: pl.DataFrame, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return table[name].cast(pl.Int64).to_numpy().astype(np.int64)


def _raw(one: MeasureNode, suppress: Suppress) -> pl.Expr:
    """Return the number of a measure in each cell, as it leaves where it does."""
    match one.function:
        case "count_distinct":
            base = suppress.rounded_to
            return nearest_multiple(pl.col(UNITS), base) if base else pl.col(UNITS)
        case "mean":
            given = pl.col(_GIVEN + one.name).clip(1)
            return pl.col(_SUM + one.name).cast(pl.Float64) / given.cast(pl.Float64)
        case _:
            return pl.col(_SUM + one.name)


def _summand(field: str, kinds: Mapping[str, FieldType]) -> pl.Expr:
    column = pl.col(field)
    # A number that is not finite is none, and would make the whole cell none.
    return pl.when(column.is_finite()).then(column) if kinds[field] is FieldType.NUMBER else column
