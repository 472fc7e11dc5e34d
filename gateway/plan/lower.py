"""A plan as Polars expressions: the speed of the masks whose specification is in `masks`.

Every value comes by expression over one frame, never by position between frames. A closed set of
texts is lowered to an `Enum`, so that what leaves is closed by its very type and `plan/check` need
only look at types. Expressions are built here; running them is the engine's.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, assert_never

import polars as pl

from gateway.masks.ages import Age, BirthYear
from gateway.masks.base import WHITE_SPACE, Marker
from gateway.masks.cells import GeoGrid, GeoH3
from gateway.masks.donut import GeoDonut
from gateway.masks.identity import Pseudonym
from gateway.masks.lists import CountList, HasAny
from gateway.masks.numbers import Band, Clip, Round
from gateway.masks.places import GeoArea, Zip3
from gateway.masks.plain import Constant, Pass, Redact
from gateway.masks.shift import DateShift
from gateway.masks.tables import Map, OldestJoined, RareToOther
from gateway.masks.texts import Partial
from gateway.masks.times import Truncate
from gateway.plan import lower_numbers as numbers
from gateway.plan import lower_places as places
from gateway.plan import lower_texts as texts
from gateway.plan import lower_times as times
from gateway.plan.lower_base import Seen, every, literal
from gateway.plan.lower_texts import canonical
from gateway.plan.ops import WHY
from gateway.values import FieldType, Operator, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.masks.base import Mask
    from gateway.plan.ops import MaskField, Plan, Where
    from gateway.values import Condition

__all__ = [
    "POLARS",
    "WHY_TYPE",
    "Program",
    "canonical",
    "cell_type",
    "dtype_of",
    "expression",
    "row_filter",
]

WHY_TYPE = pl.Enum([marker.value for marker in Marker])
NULL = ".null"

POLARS: dict[FieldType, pl.DataType] = {
    FieldType.STRING: pl.String(),
    FieldType.CODE: pl.String(),
    FieldType.INTEGER: pl.Int64(),
    FieldType.NUMBER: pl.Float64(),
    FieldType.BOOLEAN: pl.Boolean(),
    FieldType.DATE: pl.Date(),
    FieldType.TIMESTAMP: pl.Datetime("us", "UTC"),
    FieldType.LIST: pl.String(),
}
"""What each type is inside a frame; a closed text is an `Enum` instead."""


def dtype_of(one: MaskField) -> pl.DataType:
    """Return the type that a masked column has in a frame."""
    closed = one.mask.closed(one.inputs)
    return pl.Enum(list(closed)) if closed is not None else POLARS[one.output]


def cell_type(one: MaskField) -> pl.DataType:
    """Return the type of a table's dimension: text where coarser levels stand among its values."""
    return dtype_of(one) if one.levels is None else pl.String()


class Program:
    """The masks of a plan as two lists of expressions: values first, then why they are absent.

    Args:
        plan: Its row filter and limit may change between runs, its masks may not.
        masks: Those of its masks to run; all of them where left out.
    """

    def __init__(self, plan: Plan, masks: Sequence[MaskField] | None = None) -> None:
        masks = plan.masks if masks is None else masks
        self.values = [
            expression(one).cast(dtype_of(one), strict=False).alias(one.name) for one in masks
        ]
        self.nulls = [pl.col(one.name).is_null().alias(one.name + NULL) for one in masks if one.why]
        self.finish = [column for one in masks for column in _with_why(one)]

    def mask(self, frame: pl.DataFrame, keep: list[pl.Expr]) -> pl.DataFrame:
        """Return the masked columns and their companions, the originals of `keep` behind."""
        staged = frame.select(*self.values, *self.nulls, *keep)
        return staged.select(*self.finish, *[pl.col(one.meta.output_name()) for one in keep])


def _with_why(one: MaskField) -> list[pl.Expr]:
    value = pl.col(one.name)
    if not one.why:
        return [value]
    why = (
        pl.when(value.is_not_null())
        .then(None)
        .when(pl.col(one.name + NULL))
        .then(pl.lit(Marker.MISSING.value))
        .otherwise(pl.lit(Marker.MASKED.value))
        .cast(WHY_TYPE)
        .alias(one.name + WHY)
    )
    return [value, why]


def row_filter(where: Where) -> pl.Expr | None:
    """Return the row filter, true or false for every row; None keeps all."""
    if where.unanswerable:
        return pl.lit(value=False)
    parts = [condition(one) for one in where.conditions]
    if where.consent:
        parts.append(pl.any_horizontal([_filled(name) for name in where.consent]))
    for name, kind in where.opt_out:
        column = pl.col(name)
        parts.append(
            ~column.fill_null(value=True) if kind is FieldType.BOOLEAN else column.is_null()
        )
    return pl.all_horizontal(parts) if parts else None


def _filled(name: str) -> pl.Expr:
    return (
        pl.col(name).cast(pl.String).str.strip_chars(WHITE_SPACE).str.len_bytes().fill_null(0) > 0
    )


def condition(one: Condition) -> pl.Expr:
    """Return whether a comparison holds; of what is unknown none does."""
    column = pl.col(one.field)
    if any(isinstance(value, (int, float)) and not isinstance(value, bool) for value in one.values):
        # Numbers that are not finite satisfy nothing; comparisons of frames would order them.
        column = pl.when(column.is_finite()).then(column)
    first = literal(one.values[0])
    several = pl.Series(_alike(one.values)) if len(one.values) > 1 else None
    match one.op:
        case Operator.EQ:
            held = column == first
        case Operator.NE:
            held = column != first
        case Operator.IN:
            held = column.is_in(several.implode()) if several is not None else column == first
        case Operator.NOT_IN:
            held = ~column.is_in(several.implode()) if several is not None else column != first
        case Operator.LT:
            held = column < first
        case Operator.LTE:
            held = column <= first
        case Operator.GT:
            held = column > first
        case Operator.GTE:
            held = column >= first
        case _:
            assert_never(one.op)
    return held.fill_null(value=False)


def _alike(values: tuple[Scalar, ...]) -> list[Scalar]:
    """Return literals of one type: 1 beside 0.5 is a number, and an instant is UTC."""
    if any(isinstance(value, float) for value in values):
        return [float(value) for value in values]  # type: ignore[arg-type]
    return [v.astimezone(dt.UTC) if isinstance(v, dt.datetime) else v for v in values]


def _redact(_mask: Redact, seen: Seen) -> pl.Expr:
    return every(seen.own, pl.lit(None))


def _constant(mask: Constant, seen: Seen) -> pl.Expr:
    return every(seen.own, pl.lit(mask.literal(seen.inputs.type)))


_LOWERED: Mapping[type[Mask], Callable[[Any, Seen], pl.Expr]] = {
    Pass: texts.pass_,
    Redact: _redact,
    Constant: _constant,
    Truncate: times.truncate,
    Age: times.age,
    BirthYear: times.birth_year,
    DateShift: times.date_shift,
    Band: numbers.band,
    Round: numbers.round_,
    Clip: numbers.clip,
    Zip3: places.zip3,
    GeoArea: places.area,
    GeoGrid: places.grid,
    GeoH3: places.hexagon,
    GeoDonut: places.donut,
    Pseudonym: texts.pseudonym,
    Partial: texts.partial,
    Map: texts.map_,
    RareToOther: texts.map_,
    OldestJoined: texts.map_,
    CountList: texts.count_list,
    HasAny: texts.has_any,
}
"""One line a mask; those that leave only within a count or a sum have none."""


def expression(one: MaskField) -> pl.Expr:
    """Return the value of a mask over its original column; null where a marker would stand.

    Raises:
        NotImplementedError: The mask has no lowering: an error, never a pass.
    """
    lowered = _LOWERED.get(type(one.mask))
    if lowered is None:
        raise NotImplementedError(one.mask.name)
    beside = pl.col(one.beside) if one.beside else None
    also = pl.col(one.also) if one.also else None
    return lowered(one.mask, Seen(pl.col(one.name), beside, also, one.inputs))
