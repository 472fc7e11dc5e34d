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
from gateway.plan.check import levels_of
from gateway.plan.check_cells import PEOPLE, ROWS, UNITS, behind, givers, helpers_of, rows_of
from gateway.plan.counted import Counted, Met, Summed, exempt_cells
from gateway.plan.derived import with_derived
from gateway.plan.hierarchy import combinations, left_of
from gateway.plan.lower import POLARS, WHY_TYPE, canonical, cell_type, condition, dtype_of
from gateway.plan.lower_numbers import nearest_multiple
from gateway.plan.ops import LEVEL, WHY
from gateway.plan.product import CELLS_MAX, absent
from gateway.plan.units import CELL, FIRST, GAVE, SECOND, Standing, Units, hashes
from gateway.values import FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.plan.counted import Flags, Integers
    from gateway.plan.ops import Dominance, Group, MaskField, MeasureNode, Plan, Suppress

FOLD_AFTER = 16
_UNIT = ".unit"
_PERSON = ".person"
_SUM = ".sum."
_EACH = ".each"
_GIVEN = ".given."
_SHOWS = ".shows."
_MET = ".met."
_ALL = ".all"
_WIDER = ".wider"


class Cells:
    """Collects masked batches into a table; memory grows with distinct units a cell.

    Args:
        plan: A plan with Group and Suppress.
    """

    def __init__(self, plan: Plan) -> None:
        assert plan.group is not None  # noqa: S101 - the engine asks only then
        self._plan = plan
        self._group: Group = plan.group
        self._leaving = [name for one in plan.masks for name in one.columns]
        self._keys = [name for name in self._leaving if not name.endswith(LEVEL)]
        kinds = dict(plan.scan.columns)
        self._is_text = {
            name: kinds[name] in {FieldType.STRING, FieldType.CODE}
            for name in (plan.group.unit, plan.group.person)
            if name is not None
        }
        self._sums = [one for one in self._group.measures if one.function != "count_distinct"]
        self._kinds = kinds
        self._counted: dict[str, str | None] = {UNITS: None}
        self._counted |= {givers(one): one.name for one in self._sums}
        self._counted |= {PEOPLE: None} if plan.group.person is not None else {}
        self._under = [one for one in self._group.measures if one.where is not None]
        who = [givers, *([behind] if plan.group.person is not None else [])]
        met = [name(one) for one in self._under for name in who]
        self._units = {name: Units() for name in (*self._counted, *met)}
        self._standing: dict[str, Standing] = {}
        self._totals: list[pl.DataFrame] = []
        self._known: pl.DataFrame | None = None
        assert plan.suppress is not None  # noqa: S101
        self._suppress: Suppress = plan.suppress
        self._dominance: Dominance | None = self._suppress.dominance

    @property
    def keep(self) -> list[pl.Expr]:
        """The original columns that counting needs besides the masked dimensions."""
        sums = [_summand(one.field, self._kinds).alias(_SUM + one.name) for one in self._sums]
        met = [condition(one.where).alias(_MET + one.name) for one in self._under if one.where]
        made = [self._named(self._group.unit).alias(_UNIT), *sums, *met]
        if self._group.person is not None:
            made.append(self._named(self._group.person).alias(_PERSON))
        return made

    def _named(self, field: str) -> pl.Expr:
        # By canon@1, as a pseudonym is: two spellings are one person, and a placeholder is nobody.
        column = pl.col(field)
        return canonical(column) if self._is_text[field] else column.cast(pl.String)

    def add(self, masked: pl.DataFrame) -> None:
        """Take masked rows with the columns of `keep`: the more at once, the better.

        Raises:
            ReleaseError: More cells than a table may have.
        """
        rows = masked.filter(pl.col(self._group.time).is_in(self._group.periods))
        named = [name for name in (_UNIT, _PERSON) if name in rows.columns]
        # Twice: within one expression canon@1 would be worked out for each mention of it.
        rows = rows.with_columns(marked for name in named for marked in hashes(name))
        sums = [_SUM + one.name for one in self._sums]
        met = [_MET + one.name for one in self._under]
        each = [name + part for name in named for part in (FIRST, SECOND)]
        groups = rows.group_by(self._keys).agg(
            pl.len().cast(pl.Int64).alias(ROWS),
            *[pl.col(one).sum() for one in sums],
            *[
                pl.col(_SUM + one.name).count().cast(pl.Int64).alias(_GIVEN + one.name)
                for one in self._sums
            ],
            *[
                pl.col(_MET + one.name).sum().cast(pl.Int64).alias(rows_of(one))
                for one in self._under
            ],
            *each,
            *[pl.col(one).alias(_EACH + one) for one in (*sums, *met)],
        )
        each += [_EACH + one for one in (*sums, *met)]
        self._take(self._numbered(groups).select(CELL, *each).explode(each))
        self._totals.append(groups.drop(each))
        if len(self._totals) >= FOLD_AFTER:
            self._fold()

    def _take(self, people: pl.DataFrame) -> None:
        """Take who stands in which cell, row by row, and what they gave."""
        for name, measure in self._counted.items():
            who = _PERSON if name == PEOPLE else _UNIT
            names = {CELL: CELL, who + FIRST: FIRST, who + SECOND: SECOND}
            # Of a sum only those count who gave a value: eleven people, one of them with a number,
            # would else publish that number.
            names |= {_EACH + _SUM + measure: GAVE} if measure is not None else {}
            self._units[name].add(people.select(*names).rename(names).drop_nulls())
        for one in self._under:
            met = people.filter(pl.col(_EACH + _MET + one.name))
            for name, who in ((givers(one), _UNIT), (behind(one), _PERSON)):
                if name in self._units:
                    names = {CELL: CELL, who + FIRST: FIRST, who + SECOND: SECOND}
                    self._units[name].add(met.select(*names).rename(names).drop_nulls())

    def _numbered(self, groups: pl.DataFrame) -> pl.DataFrame:
        """Return cells with their numbers; a cell that is met first gets the next."""
        known = self._known
        met = groups.select(self._keys)
        if known is not None:
            met = met.join(known, on=self._keys, how="anti", nulls_equal=True)
        first = 0 if known is None else known.height
        more = met.with_columns((pl.int_range(pl.len()) + first).alias(CELL))
        self._known = known = more if known is None else pl.concat([known, more])
        if known.height > CELLS_MAX:
            raise _too_many()
        return groups.join(known, on=self._keys, how="left", nulls_equal=True)

    def _fold(self) -> None:
        whole = pl.concat(self._totals)
        self._totals = [whole.group_by(self._keys).agg(pl.exclude(self._keys).sum())]

    def table(self) -> pl.DataFrame:
        """Return every cell, margins included, with what is in it; nothing is held back yet."""
        self._fold()
        self._standing = {name: units.settle() for name, units in self._units.items()}
        group = self._group
        if self._size() > CELLS_MAX:
            raise _too_many()
        margins = [one for one in group.margins if set(one) != set(group.dimensions)]
        several = [
            self._over(kept, at)
            for kept in (group.dimensions, *margins)
            for at in combinations(self._plan.masks, kept)
        ]
        several += [self._over(kept, dict.fromkeys(kept, 0)) for kept in group.known]
        table = pl.concat(several).sort(self._leaving)
        if PEOPLE in table.columns:
            return table
        # Where units are people, they are who the threshold is of.
        under = [pl.col(givers(one)).alias(behind(one)) for one in self._under]
        return table.with_columns(pl.col(UNITS).alias(PEOPLE), *under)

    def _over(self, kept: Sequence[str], at: Mapping[str, int]) -> pl.DataFrame:
        """Return the cells over all values of the dimensions that are not kept.

        Args:
            kept: The dimensions that are.
            at: Of each the level that its values are of.
        """
        keys = [name for name in self._keys if name.removesuffix(WHY) in kept]
        names = keys or [_ALL]
        totals, where = self._onto(names, at)
        places = np.arange(totals.height)
        for name, standing in self._standing.items():
            wider = standing.over(where)
            # By key each time: no join promises the order of its rows.
            counts = pl.DataFrame({CELL: places, name: wider.counts(len(places))})
            totals = totals.join(counts, on=CELL)
            if standing.gave is not None:
                totals = totals.join(self._shows(name, wider), on=CELL, how="left")
        totals = totals.drop(CELL)
        product = self._product(kept, at)
        cells = product.join(totals, on=names, how="left", nulls_equal=True)
        found = [name for name in totals.columns if name not in names]
        flags = [name for name in found if name.startswith(_SHOWS)]
        cells = cells.with_columns(
            pl.col([name for name in found if name not in flags]).fill_null(0),
            pl.col(flags).fill_null(value=False),
        )
        over = [one for one in self._plan.masks if one.name not in kept]
        cells = cells.with_columns(
            *[pl.lit(None, dtype=dtype_of(one)).alias(one.name) for one in over],
            *[pl.lit(Marker.TOTAL.value, dtype=WHY_TYPE).alias(one.name + WHY) for one in over],
        )
        told = [column for one in self._plan.masks for column in _told(one, at.get(one.name, 0))]
        return cells.with_columns(told).select(*self._leaving, *sorted(found))

    def _raised(self, frame: pl.DataFrame, at: Mapping[str, int]) -> pl.DataFrame:
        """Return a frame whose dimensions hold the values of a level, in place of finer ones."""
        return frame.with_columns(
            pl.col(one.name)
            .cast(pl.String)
            .replace_strict(one.levels.of(at[one.name]), return_dtype=pl.String)
            for one in self._plan.masks
            if one.levels is not None and at.get(one.name)
        )

    def _onto(self, names: Sequence[str], at: Mapping[str, int]) -> tuple[pl.DataFrame, Integers]:
        """Return the cells over these columns with their totals, and in which each cell lies."""
        assert self._known is not None  # noqa: S101 - the engine adds at least an empty batch
        all_ = pl.lit(value=True).alias(_ALL)
        whole = self._raised(self._totals[0], at).with_columns(all_)
        totals = whole.group_by(names).agg(pl.exclude(*self._keys, _ALL).sum())
        wider = totals.with_columns(pl.int_range(pl.len()).alias(_WIDER))
        mine = self._raised(self._known, at).with_columns(all_)
        mine = mine.join(wider, on=names, nulls_equal=True).sort(CELL)
        return wider.rename({_WIDER: CELL}), mine[_WIDER].to_numpy()

    def _shows(self, name: str, standing: Standing) -> pl.DataFrame:
        """Return of each cell whether a sum's largest givers show through: (n, k), and p %."""
        held = pl.DataFrame({CELL: standing.cells, GAVE: standing.gave})
        rule = self._dominance
        if rule is None:
            return held.select(CELL).unique().with_columns(pl.lit(value=False).alias(_SHOWS + name))
        gave = pl.col(GAVE).cast(pl.Float64).abs().sort(descending=True)
        total, largest = gave.sum(), gave.first()
        among = gave.head(rule.largest).sum() > total * rule.percent / 100
        near = total - gave.head(2).sum() < largest * rule.p / 100
        return held.group_by(CELL).agg((among | near).alias(_SHOWS + name))

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
            apart=self._standing[UNITS].apart,
            lasting=tuple(self._lasts(one) for one in self._plan.masks),
            met={
                one.name: Met(
                    units=_integers(table, givers(one)),
                    people=_integers(table, behind(one)),
                    rows=_integers(table, rows_of(one)),
                )
                for one in self._under
            },
            apart_at=tuple(
                self._stand_apart(left_of(self._plan.masks, rung.finest))
                for rung in self._suppress.ladder
            ),
        )

    def _lasts(self, one: MaskField) -> bool:
        """Return whether no unit has two of the coarsest levels of a dimension."""
        return self._stand_apart({one.name: len(one.levels.above) if one.levels is not None else 0})

    def _stand_apart(self, at: Mapping[str, int]) -> bool:
        """Return whether no unit stands in two cells of some dimensions, each at some level."""
        _, where = self._onto([n for n in self._keys if n.removesuffix(WHY) in at] or [_ALL], at)
        return self._standing[UNITS].over(where).apart

    def published(self, table: pl.DataFrame, leaves: Mapping[str, Flags]) -> pl.DataFrame:
        """Return the plan's columns and the helpers of the check: a number, or the marker.

        Args:
            table: As `table` returned it.
            leaves: For each measure, the cells whose number leaves.
        """
        word, marker = pl.lit(self._suppress.marker), pl.Enum([self._suppress.marker])
        shown = table.with_columns(
            pl.Series(_LEAVES + one.name, leaves[one.name]) for one in self._group.measures
        )
        columns: list[pl.Expr] = []
        for one in self._group.measures:
            raw = _raw(one, self._suppress)
            kept = pl.col(_LEAVES + one.name)
            columns += [
                pl.when(kept).then(raw).cast(POLARS[one.output]).alias(one.name),
                pl.when(~kept).then(word).cast(marker).alias(one.name + WHY),
            ]
        # What is worked out sees the published numbers alone.
        told = shown.select(*self._leaving, *columns, *helpers_of(self._group.measures))
        keys = levels_of(self._plan, told)
        if self._group.known:
            # What is public elsewhere was counted for the attacker, and is not published here.
            known = exempt_cells(self._group.known, self._group.dimensions, keys)
            told = told.filter(~pl.Series(known, dtype=pl.Boolean))
            keys = levels_of(self._plan, told)
        return with_derived(self._group, self._suppress, keys, told, before=UNITS)

    def _size(self) -> int:
        """Return how many cells the product and its margins have, at every level."""
        heights = {one.name: self._height(at) for at, one in enumerate(self._plan.masks)}
        kept = (self._group.dimensions, *self._group.margins, *self._group.known)
        return sum(functools.reduce(lambda n, d: n * heights[d], names, 1) for names in kept)

    def _height(self, place: int) -> int:
        levels = self._plan.masks[place].levels
        several = range(len(levels.names) if levels is not None else 1)
        return sum(self._values(place, level).height for level in several)

    def _product(self, kept: Sequence[str], at: Mapping[str, int]) -> pl.DataFrame:
        levels = [
            self._values(place, at[one.name])
            for place, one in enumerate(self._plan.masks)
            if one.name in kept
        ] or [pl.DataFrame({_ALL: [True]})]
        return functools.reduce(lambda left, right: left.join(right, how="cross"), levels)

    def _values(self, place: int, level: int) -> pl.DataFrame:
        """Return the values of a level; what is unknown lies in no coarser one."""
        name, finest = self._plan.masks[place].name, self._levels(place)
        if not level:
            return finest
        return self._raised(finest.drop_nulls(name), {name: level}).unique()

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
        if self._suppress.zeros == "suppress" and one.name != self._group.time:
            # Where a zero is not to be told, that nobody's value is absent is not told either.
            listed = pl.concat([listed, absent(one)])
        return pl.concat([listed, seen]).unique()


_LEAVES = ".leaves."


def _told(one: MaskField, level: int) -> list[pl.Expr]:
    """Return a dimension's values as a table has them, and of which level they are."""
    if one.levels is None:
        return []
    value, name = pl.col(one.name), one.levels.names[level]
    told = pl.when(value.is_not_null()).then(pl.lit(name)).cast(pl.Enum(list(one.levels.names)))
    return [value.cast(cell_type(one)), told.alias(one.name + LEVEL)]


def _too_many() -> ReleaseError:
    return ReleaseError(Reason.DISCLOSURE_RISK, f"a table of more than {CELLS_MAX} cells")


def _integers(table: pl.DataFrame, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return table[name].cast(pl.Int64).to_numpy().astype(np.int64)


def _raw(one: MeasureNode, suppress: Suppress) -> pl.Expr:
    """Return the number of a measure in each cell, as it leaves where it does."""
    match one.function:
        case "count_distinct":
            base, units = suppress.rounded_to, pl.col(givers(one))
            return nearest_multiple(units, base) if base else units
        case "mean":
            given = pl.col(_GIVEN + one.name).clip(1)
            return pl.col(_SUM + one.name).cast(pl.Float64) / given.cast(pl.Float64)
        case _:
            return pl.col(_SUM + one.name)


def _summand(field: str, kinds: Mapping[str, FieldType]) -> pl.Expr:
    column = pl.col(field)
    # A number that is not finite is none, and would make the whole cell none.
    return pl.when(column.is_finite()).then(column) if kinds[field] is FieldType.NUMBER else column
