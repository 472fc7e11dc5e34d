"""Columns in Arrow as they travel: closed texts from their set, and nothing under a null. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.values import Scalar


def take(values: Sequence[Scalar], kind: Any, at: Any) -> Any:  # noqa: ANN401 - of any type
    """Return a column of few values, from the places that hold each."""
    if all(value is None for value in values):
        return pa.nulls(len(at), kind)
    return pa.array(values, kind).take(at)


def column_of(series: pl.Series) -> Any:  # noqa: ANN401 - an array of any type
    """Return a column in Arrow; texts of a closed set are taken from the set."""
    array: Any = series.to_arrow(compat_level=pl.CompatLevel.oldest())
    if not pa.types.is_dictionary(array.type):
        return bare(array)
    if array.null_count == len(array):
        return pa.nulls(len(array), pa.large_utf8())
    return array.dictionary.take(array.indices)


def bare(array: Any) -> Any:  # noqa: ANN401 - an array of any type
    """Return a column with nothing under its nulls.

    A null hides a value from a reader, not from whoever looks at the bytes: a frame that makes a
    value null may leave it where it lay.
    """
    if not array.null_count:
        return array
    kind = array.type
    none = pa.nulls(len(array), kind)
    if array.null_count == len(array):
        return none
    zero = pa.scalar("", kind) if pa.types.is_large_string(kind) else _zero(kind)
    return pc.if_else(array.is_valid(), pc.fill_null(array, zero), none)


def _zero(kind: Any) -> Any:  # noqa: ANN401 - a type of Arrow, and its zero
    if pa.types.is_boolean(kind):
        return pa.scalar(value=False)
    width = pa.int32() if pa.types.is_date32(kind) else pa.int64()
    return pa.scalar(0, width).cast(kind)
