"""Masks of places as expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

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

if TYPE_CHECKING:
    from gateway.plan.lower_base import Seen


def zip3(_mask: Zip3, seen: Seen) -> pl.Expr:
    """Return the prefix, `000` for an unlisted one."""
    column, inputs = seen.own, seen.inputs
    prefix = column.str.extract(ZIP_PATTERN, 1)
    permitted = pl.Series(sorted(inputs.table or {}), dtype=pl.String)
    listed = prefix.is_in(permitted.implode())
    return pl.when(listed).then(prefix).when(prefix.is_not_null()).then(pl.lit("000"))


def area(mask: GeoArea, seen: Seen) -> pl.Expr:
    """Return the parent area of a code."""
    column = seen.own
    pattern = mask.pattern().replace("\\d", "[0-9]")
    whole = ~column.str.contains("\n", literal=True)
    digits = AREA_DIGITS[mask.to]
    return pl.when(column.str.contains(pattern) & whole).then(column.str.slice(0, digits))


def grid(mask: GeoGrid, seen: Seen) -> pl.Expr:
    """Return the cell of this coordinate."""
    column, beside, inputs = seen.own, seen.beside, seen.inputs
    assert beside is not None  # noqa: S101 - `plan/build` pairs the coordinates
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
