"""A multiple of a decimal base is the nearest double of it, in columns as in rows."""

from __future__ import annotations

import polars as pl
import pytest

from gateway.masks.base import Inputs
from gateway.masks.numbers import Round
from gateway.plan.lower_base import Seen
from gateway.plan.lower_numbers import round_
from gateway.values import FieldType


@pytest.mark.parametrize("base", ["0.01", "0.1", "0.5", "0.05", "2.5"])
@pytest.mark.parametrize("rows", [1, 2, 100])
def test_columns_round_as_rows_do(base: str, rows: int) -> None:
    """However many rows a frame has, and whatever a frame makes of a division by a constant."""
    values = [0.35, 0.1, 0.29, 1.005, -0.35, 1e6 + 0.15][: max(2, rows)] * rows
    frame = pl.DataFrame({"x": values[:rows] if rows < 3 else values})
    mask, inputs = Round(base), Inputs(type=FieldType.NUMBER)
    read = mask.reader(inputs)

    seen = frame.select(round_(mask, _seen(inputs)).alias("x"))["x"].to_list()

    assert [read(value, None) for value in frame["x"]] == seen


def _seen(inputs: Inputs) -> Seen:
    return Seen(pl.col("x"), None, None, inputs)
