"""Masks of places as expressions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

from gateway.masks.cells import GeoGrid, GeoH3, county_label, degrees, joined
from gateway.masks.donut import (
    E5_OF_RADIANS,
    FRACTION,
    FRACTION_SHIFT,
    HALF_E5,
    RADIANS_OF_E7,
    RADIUS_M,
    ROUND_E5,
    GeoDonut,
)
from gateway.masks.places import ZIP_PATTERN, GeoArea, Zip3
from gateway.masks.points import E7, HALF_E7, LAT_MAX, LON_MAX, POLE_E7
from gateway.plan.lower_base import Stage, staged
from gateway.plan.lower_texts import keyed

if TYPE_CHECKING:
    from gateway.masks.points import Box
    from gateway.plan.lower_base import Seen


def zip3(_mask: Zip3, seen: Seen) -> pl.Expr:
    """Return the prefix, `000` for an unlisted one."""
    column, inputs = seen.own, seen.inputs
    prefix = column.str.extract(ZIP_PATTERN, 1)
    permitted = pl.Series(sorted(inputs.table or {}), dtype=pl.String)
    listed = prefix.is_in(permitted.implode())
    return pl.when(listed).then(prefix).when(prefix.is_not_null()).then(pl.lit("000"))


def area(_mask: GeoArea, seen: Seen) -> pl.Expr:
    """Return the area that a listed code is, or lies in."""
    table = seen.inputs.table or {}
    codes, areas = list(table), [str(to) for to in table.values()]
    return seen.own.replace_strict(codes, areas, default=None, return_dtype=pl.String)


# --- points ---


LAT, LON = pl.col("lat"), pl.col("lon")


def _point(seen: Seen) -> tuple[Stage, Stage, Stage]:
    """Return the stages that end in `lat` and `lon` in 1e-7 degrees, null for what is no point."""
    assert seen.beside is not None  # noqa: S101 - `plan/build` pairs the coordinates
    pair = (seen.own, seen.beside) if seen.inputs.latitude else (seen.beside, seen.own)
    on_globe = (
        LAT.is_finite() & LON.is_finite() & (LAT.abs() <= LAT_MAX) & (LON.abs() <= LON_MAX)
    ).fill_null(value=False)
    whole = {
        name: (pl.when(on_globe).then(one) * E7).round(0, mode="half_to_even").cast(pl.Int64)
        for name, one in (("lat", LAT), ("lon", LON))
    }
    good = ~((LAT == 0) & (LON == 0))
    if seen.inputs.box is not None:
        good &= _in_box(seen.inputs.box, LAT, LON)
    at_pole, one_meridian = LAT.abs() == POLE_E7, LON.replace(HALF_E7, -HALF_E7)
    kept = {
        "lat": pl.when(good).then(LAT),
        "lon": pl.when(good & at_pole).then(0).when(good).then(one_meridian),
    }
    return {"lat": pair[0], "lon": pair[1]}, whole, kept


def _in_box(box: Box, lat: pl.Expr, lon: pl.Expr) -> pl.Expr:
    def between(lon: pl.Expr) -> pl.Expr:
        if box.west <= box.east:
            return lon.is_between(box.west, box.east)
        return (lon >= box.west) | (lon <= box.east)

    meridian = (lon.abs() == HALF_E7) & between(-lon)
    around = (lat.abs() == POLE_E7) | between(lon) | meridian
    return lat.is_between(box.south, box.north) & around


def grid(mask: GeoGrid, seen: Seen) -> pl.Expr:
    """Return the narrowest cell of this coordinate that may be named, else the county."""
    cells = seen.inputs.cells
    assert cells is not None  # noqa: S101 - `plan/build` made them
    own = LAT if seen.inputs.latitude else LON
    labels: list[pl.Expr] = []
    for level, named in cells.named:
        here = _joined(LAT // level, LON // level).is_in(_listed(named))
        label = pl.format("{}:{}", pl.lit(degrees(level)), own // level)
        labels.append(pl.when(here).then(label))
    step = mask.step_e7()
    if cells.counties:
        county = [county_label(code) for code in cells.counties.values()]
        finest = _joined(LAT // step, LON // step)
        labels.append(
            finest.replace_strict(
                list(cells.counties), county, default=None, return_dtype=pl.String
            )
        )
    return staged(*_point(seen), then=pl.coalesce(labels), kind=pl.String())


def _joined(lat: pl.Expr, lon: pl.Expr) -> pl.Expr:
    """Return two numbers of a cell as one, as `masks.cells.joined`."""
    return lat * joined(1, 0) + lon


def _listed(cells: frozenset[int]) -> pl.Series:
    return pl.Series(sorted(cells), dtype=pl.Int64).implode()


def hexagon(mask: GeoH3, seen: Seen) -> pl.Expr:
    """Return the narrowest H3 cell that may be named, else the county: point by point."""
    find = mask.at(seen.inputs)

    def each(points: pl.Series) -> pl.Series:
        pairs = points.struct.unnest().iter_rows()
        said = [None if lat is None else find(lat, lon) for lat, lon in pairs]
        return pl.Series(points.name, said, dtype=pl.String)

    # No engine of frames knows H3: the library is asked for each point, as in a single row.
    asked = pl.struct(LAT, LON).map_batches(each, return_dtype=pl.String(), is_elementwise=True)
    return staged(*_point(seen), then=asked, kind=pl.String())


_WORD_DIGITS = 8


def donut(mask: GeoDonut, seen: Seen) -> pl.Expr:
    """Return this coordinate of the displaced point, step by step as `GeoDonut.moved`."""
    assert seen.also is not None  # noqa: S101 - `plan/build` names the event
    first, whole, kept = _point(seen)
    inner, more = mask.squares
    digest, far, turn = pl.col("digest"), pl.col("far"), pl.col("turn")
    polar = {
        "far": (_fraction(digest, 0) * more + inner).sqrt() * (1 / RADIUS_M),
        "turn": _fraction(digest, 1) * math.tau,
        "lat": LAT.cast(pl.Float64) * RADIANS_OF_E7,
        "lon": LON.cast(pl.Float64) * RADIANS_OF_E7,
    }
    legs = {"north": far.sin() * turn.cos(), "east": far.sin() * turn.sin()}
    north, east, up, out = map(pl.col, ("north", "east", "up", "out"))
    ahead = {
        "up": LAT.sin() * far.cos() + LAT.cos() * north,
        "out": LAT.cos() * far.cos() - LAT.sin() * north,
    }
    if seen.inputs.latitude:
        last = _whole(pl.arctan2(up, (out * out + east * east).sqrt()) * E5_OF_RADIANS)
    else:
        turned = _whole((LON + pl.arctan2(east, out)) * E5_OF_RADIANS)
        last = (turned + HALF_E5) % ROUND_E5 - HALF_E5
    keyed_too = {**first, "digest": keyed(seen.also, seen.inputs)}
    return staged(keyed_too, whole, kept, polar, legs, ahead, then=last, kind=pl.Int64())


def _whole(number: pl.Expr) -> pl.Expr:
    return number.round(0, mode="half_to_even").cast(pl.Int64)


def _fraction(digest: pl.Expr, place: int) -> pl.Expr:
    """Return 53 bits of a digest as a fraction of one: in two halves, as whole numbers have a sign.

    Args:
        digest: HMACs in hex.
        place: Which eight bytes.
    """
    high, low = (
        digest.str.slice((2 * place + half) * _WORD_DIGITS, _WORD_DIGITS).str.to_integer(base=16)
        for half in (0, 1)
    )
    bits: pl.Expr = high * 2 ** (32 - FRACTION_SHIFT) + low // 2**FRACTION_SHIFT
    return bits.cast(pl.Float64) * FRACTION
