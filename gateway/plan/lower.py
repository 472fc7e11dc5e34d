"""A plan as Polars expressions: the speed of the masks whose specification is in `masks`.

Every value comes by expression over one frame, never by position between frames. A closed set of
texts is lowered to an `Enum`, so that what leaves is closed by its very type and `plan/check` need
only look at types. Expressions are built here; running them is the engine's.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, assert_never

import polars as pl
import polars_hash  # noqa: F401 - registers the `chash` name space

from gateway.masks.base import WHITE_SPACE, Marker
from gateway.masks.identity import PLACEHOLDERS, Pseudonym, hmac_key_text
from gateway.masks.numbers import AGE_DIVISORS, Band, Round, whole_multiples
from gateway.masks.places import (
    AREA_DIGITS,
    E7,
    LAT_MAX,
    LON_MAX,
    ZIP_PATTERN,
    GeoArea,
    GeoGrid,
    Zip3,
)
from gateway.masks.plain import Constant, Pass, Redact, list_pattern
from gateway.masks.tables import Map
from gateway.masks.times import (
    CLOCK_UNITS,
    FIRST_INSTANT,
    LAST_INSTANT,
    PARTS_OF_DAY,
    Truncate,
    Unit,
    fine_enough,
)
from gateway.plan.ops import WHY
from gateway.values import LIST_PATTERN, FieldType, Operator, Scalar, list_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.masks.base import Inputs
    from gateway.plan.ops import MaskField, Plan, Where
    from gateway.values import Condition

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
    parts = [_condition(one) for one in where.conditions]
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


def _condition(one: Condition) -> pl.Expr:
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


def literal(value: Scalar) -> pl.Expr:
    """Return a literal in the frame's own type."""
    if isinstance(value, dt.datetime):
        return pl.lit(value.astimezone(dt.UTC)).cast(pl.Datetime("us", "UTC"))
    return pl.lit(value)


def expression(one: MaskField) -> pl.Expr:  # noqa: C901 - one line a mask
    """Return the value of a mask over its original column; null where a marker would stand."""
    column, inputs, mask = pl.col(one.name), one.inputs, one.mask
    beside = pl.col(one.beside) if one.beside else None
    match mask:
        case Pass():
            return _pass(column, inputs)
        case Redact():
            return _every(column, pl.lit(None, dtype=POLARS[one.output]))
        case Constant():
            return _every(column, pl.lit(mask.literal(inputs.type)))
        case Truncate():
            return _truncate(mask, column, beside, inputs)
        case Band():
            return _band(mask, column, beside, inputs)
        case Round():
            return _round(mask, column, inputs)
        case Zip3():
            return _zip3(column, inputs)
        case GeoArea():
            return _area(mask, column)
        case GeoGrid():
            assert beside is not None  # noqa: S101 - `plan/build` pairs the coordinates
            return _grid(mask, column, beside, inputs)
        case Pseudonym():
            return _pseudonym(column, inputs)
        case Map():
            return (
                _map_list(column, inputs) if inputs.type is FieldType.LIST else _map(column, inputs)
            )
        case _:
            # Unknown at evaluation as at load: a mask without a lowering is an error, not a pass.
            raise NotImplementedError(mask.name)


def _every(column: pl.Expr, literal: pl.Expr) -> pl.Expr:
    # A bare literal would be one row where a frame has no other column.
    return pl.when(column.is_null()).then(literal).otherwise(literal)


def _pass(column: pl.Expr, inputs: Inputs) -> pl.Expr:
    match inputs.type:
        case FieldType.NUMBER:
            return pl.when(column.is_finite()).then(column)
        case FieldType.CODE if inputs.codes is not None:
            return column  # the cast to its Enum drops what is not listed
        case FieldType.LIST if inputs.codes is not None:
            return pl.when(column.str.contains(list_pattern(inputs.codes))).then(column)
        case FieldType.LIST:
            return pl.when(column.str.contains(LIST_PATTERN)).then(column)
        case FieldType.STRING | FieldType.CODE:
            return pl.when(column.str.strip_chars(WHITE_SPACE).str.len_bytes() > 0).then(column)
        case _:
            return column


_EVERY = {
    Unit.MINUTE: "1m",
    Unit.HOUR: "1h",
    Unit.WEEK_ISO: "1w",
    Unit.MONTH: "1mo",
    Unit.QUARTER: "1q",
    Unit.YEAR: "1y",
}


def _truncate(mask: Truncate, column: pl.Expr, beside: pl.Expr | None, inputs: Inputs) -> pl.Expr:
    if inputs.type is FieldType.TIMESTAMP and mask.to not in CLOCK_UNITS:
        inside = (column >= literal(FIRST_INSTANT)) & (column < literal(LAST_INSTANT))
        column = pl.when(inside).then(column)
        local = column.dt.convert_time_zone(mask.zone or "UTC")
        value = _civil(mask.to, local)
    elif inputs.type is FieldType.TIMESTAMP:
        value = column.dt.truncate(_EVERY[mask.to])
    else:
        value = _floor(mask.to, column)
    fine = sorted(fine_enough(mask.to))
    if beside is not None:
        return pl.when(beside.is_in(fine).fill_null(value=False)).then(value)
    if inputs.precision is not None and inputs.precision not in fine:
        return pl.when(pl.lit(value=False)).then(value)
    return value


def _civil(unit: Unit, local: pl.Expr) -> pl.Expr:
    day = local.dt.date()
    if unit is not Unit.PART_OF_DAY:
        return _floor(unit, day)
    part = (
        (local.dt.hour() // 6)
        .cast(pl.Int64)
        .replace_strict(list(range(len(PARTS_OF_DAY))), list(PARTS_OF_DAY), return_dtype=pl.String)
    )
    return pl.format("{} {}", day.dt.to_string("%Y-%m-%d"), part)


def _floor(unit: Unit, day: pl.Expr) -> pl.Expr:
    if unit is Unit.DAY:
        return day
    if unit is Unit.WEEK_MMWR:
        sunday = day.dt.offset_by("1d").dt.truncate("1w").dt.offset_by("-1d")
        return pl.when(day.is_not_null()).then(pl.max_horizontal(sunday, pl.lit(dt.date.min)))
    return day.dt.truncate(_EVERY[unit])


def _band(mask: Band, column: pl.Expr, beside: pl.Expr | None, inputs: Inputs) -> pl.Expr:
    edges, labels = mask.edges(), mask.labels(inputs.type)
    if beside is not None:
        units, divisors = list(AGE_DIVISORS), list(AGE_DIVISORS.values())
        column = column // beside.replace_strict(
            units, divisors, default=None, return_dtype=pl.Int64
        )
    if inputs.type is FieldType.NUMBER:
        column = pl.when(column.is_finite()).then(column)
    column = pl.when(column >= edges[0]).then(column)
    if mask.width is not None and edges[-1] % mask.width == 0:
        place = (column // mask.width).clip(0, len(labels) - 1)
    else:
        place = pl.sum_horizontal([(column >= edge).cast(pl.UInt32) for edge in edges[1:]])
        place = pl.when(column.is_not_null()).then(place)
    # The physical number of an Enum is the place of its category: no look-up by text.
    return place.cast(pl.UInt32).cat.to(pl.Enum(list(labels)))


def _round(mask: Round, column: pl.Expr, inputs: Inputs) -> pl.Expr:
    up, down = mask.ratio()
    if inputs.type is FieldType.INTEGER:
        multiple, rest = column // up, column % up
        over = (2 * rest > up) | ((2 * rest == up) & (multiple % 2 == 1))
        return (multiple + over.cast(pl.Int64)).clip(*whole_multiples(up)) * up

    def whole(number: int) -> pl.Expr:
        # As a column: a frame divides by a literal through its reciprocal, and 3 / 10 is then not
        # 0.3.
        return _every(column, pl.lit(float(number)))

    finite = pl.when(column.is_finite()).then(column)
    multiple = (finite * down / whole(up)).round(0, mode="half_to_even")
    nearest = multiple * float(up) / whole(down)
    # A negative zero says which side a value came from.
    return pl.when(nearest == 0).then(0.0).when(nearest.is_finite()).then(nearest)


def _zip3(column: pl.Expr, inputs: Inputs) -> pl.Expr:
    prefix = column.str.extract(ZIP_PATTERN, 1)
    permitted = pl.Series(sorted(inputs.table or {}), dtype=pl.String)
    listed = prefix.is_in(permitted.implode())
    return pl.when(listed).then(prefix).when(prefix.is_not_null()).then(pl.lit("000"))


def _area(mask: GeoArea, column: pl.Expr) -> pl.Expr:
    pattern = mask.pattern().replace("\\d", "[0-9]")
    whole = ~column.str.contains("\n", literal=True)
    digits = AREA_DIGITS[mask.to]
    return pl.when(column.str.contains(pattern) & whole).then(column.str.slice(0, digits))


def _grid(mask: GeoGrid, column: pl.Expr, beside: pl.Expr, inputs: Inputs) -> pl.Expr:
    lat, lon = (column, beside) if inputs.latitude else (beside, column)
    good = (
        lat.is_finite()
        & lon.is_finite()
        & ~((lat == 0) & (lon == 0))
        & (lat.abs() <= LAT_MAX)
        & (lon.abs() <= LON_MAX)
    ).fill_null(value=False)
    step = mask.step_e7()

    def cell(degrees: pl.Expr) -> pl.Expr:
        safe = pl.when(good).then(degrees)
        return (safe * E7).round(0, mode="half_to_even").cast(pl.Int64) // step

    lived = sorted(
        name
        for name, people in (inputs.table or {}).items()
        if people >= mask.min_people  # type: ignore[operator]
    )
    name = pl.format("{}:{}", cell(lat), cell(lon))
    listed = name.is_in(pl.Series(lived, dtype=pl.String).implode()).fill_null(value=False)
    return pl.when(listed).then(cell(column))


def _pseudonym(column: pl.Expr, inputs: Inputs) -> pl.Expr:
    value = pl.concat_str([pl.lit(inputs.domain + "\x1f"), canonical(column)])
    key = hmac_key_text(inputs.key).decode("ascii")
    made: pl.Expr = value.chash.hmac_sha256(key=key)  # type: ignore[attr-defined]
    return made


_WORDS = "|".join(re.escape(word) for word in PLACEHOLDERS if word)
# One expression for all: most identifiers are longer than any placeholder and fail at once.
_PLACEHOLDER = rf"(?i)^(?:{_WORDS}|9+|x+)?$"


def canonical(column: pl.Expr) -> pl.Expr:
    """Return canon@1 of identifiers, as `masks.identity.canon`: null for a placeholder."""
    composed = column.map_batches(_composed, return_dtype=pl.String(), is_elementwise=True)
    text = composed.str.strip_chars(WHITE_SPACE)
    return pl.when(~text.str.contains(_PLACEHOLDER)).then(text)


def _composed(texts: pl.Series) -> pl.Series:
    """Return texts in NFC; ASCII is so already, and looking for it costs a fraction."""
    if texts.str.len_chars().sum() == texts.str.len_bytes().sum():
        return texts
    return texts.str.normalize("NFC")


def _map(column: pl.Expr, inputs: Inputs) -> pl.Expr:
    table = {key: str(to) for key, to in (inputs.table or {}).items()}
    mapped = column.replace_strict(
        list(table), list(table.values()), default=inputs.unmapped, return_dtype=pl.String
    )
    return pl.when(column.is_not_null()).then(mapped)


def _map_list(column: pl.Expr, inputs: Inputs) -> pl.Expr:
    table = {key: str(to) for key, to in (inputs.table or {}).items()}
    # Sorted as they are, and only then quoted: a quote sorts behind a space. Each result is quoted
    # once here, so that the list is written without a step for each row.
    results = sorted({*table.values(), *([inputs.unmapped] if inputs.unmapped is not None else [])})
    quoted = [list_text([to])[1:-1] for to in results]
    items = (
        pl.when(column.str.contains(LIST_PATTERN))
        .then(column)
        .str.json_decode(pl.List(pl.String))
        .list.eval(
            pl.element()
            .replace_strict(
                list(table), list(table.values()), default=inputs.unmapped, return_dtype=pl.String
            )
            .drop_nulls()
            .unique()
            .sort()
            .replace_strict(results, quoted, return_dtype=pl.String)
        )
    )
    return pl.format("[{}]", items.list.join(","))
