"""Units told apart by number: distinct in each cell and in each total, whatever comes in parts."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.broker.batches import together
from gateway.plan.units import CELL, FIRST, GAVE, SECOND, Units, hashes, numbered

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

CELLS = 6
WHERE = np.array([0, 0, 1, 1, 2, 2])
ROWS = st.lists(st.tuples(st.integers(0, CELLS - 1), st.integers(0, 9), st.integers(-5, 5)))


def parts(rows: list[tuple[int, int, int]], size: int) -> list[pl.DataFrame]:
    """Return rows of (cell, unit, what it gave) as parts of so many rows, at least one part."""
    several = [rows[at : at + size] for at in range(0, len(rows), size)] or [[]]
    return [
        pl.DataFrame(
            {CELL: [c for c, _, _ in part], ".u": [str(u) for _, u, _ in part],
             GAVE: [g for _, _, g in part]},
            schema={CELL: pl.Int64, ".u": pl.String, GAVE: pl.Int64},
        )
        .with_columns(hashes(".u"))
        .rename({".u" + FIRST: FIRST, ".u" + SECOND: SECOND})
        .drop(".u")
        for part in several
    ]  # fmt: skip


@given(ROWS, st.integers(1, 7), st.sampled_from([1, 1 << 20]))
@settings(max_examples=80, derandomize=True, deadline=None)
def test_each_unit_is_counted_once_in_a_cell_and_once_in_a_total(
    rows: list[tuple[int, int, int]], size: int, fold_rows: int
) -> None:
    """As sets of Python would have it, with what each gave added up; parts make no difference."""
    units = Units(fold_rows)
    for part in parts(rows, size):
        units.add(part)
    standing = units.settle()

    for where in (np.arange(CELLS), WHERE):
        pairs = {(int(where[cell]), unit) for cell, unit, _ in rows}
        gave = [sum(g for c, u, g in rows if (int(where[c]), u) == pair) for pair in pairs]
        wider = standing.over(where)
        assert [sum(c == cell for c, _ in pairs) for cell in range(CELLS)] == list(
            wider.counts(CELLS)
        )
        assert wider.gave is not None
        assert sorted(gave) == sorted(wider.gave.tolist())
        assert (len({u for _, u in pairs}) == len(pairs)) == wider.apart


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [(1, 1)],
        [(1, 1), (2, 1), (3, 1)],
        [(5, 1), (5, 2), (5, 1), (5, 2), (5, 1)],
        [(5, 1), (4, 1), (5, 1), (4, 2), (2**64 - 1, 0), (4, 1)],
    ],
)
def test_two_names_that_meet_in_one_hash_are_two(pairs: list[tuple[int, int]]) -> None:
    """Also where they stand mixed: only both hashes together make a unit."""
    first = np.array([one for one, _ in pairs], np.uint64)
    second = np.array([other for _, other in pairs], np.uint64)

    found = numbered(first, second).tolist()

    assert len(set(pairs)) == len(set(found))
    assert len(set(zip(pairs, found, strict=True))) == len(set(pairs))
    assert set(range(len(set(pairs)))) == set(found)


def test_nobody_has_no_hash_and_the_two_hashes_differ() -> None:
    """A null is nobody; what one hash cannot tell the other can."""
    frame = pl.DataFrame({"u": ["a", None, "b", "a"]}).select(hashes("u"))

    assert [False, True, False, False] == frame["u" + FIRST].is_null().to_list()
    assert frame.row(0) == frame.row(3) != frame.row(2)
    assert all(one != other for one, other in frame.drop_nulls().iter_rows())


def test_people_who_come_again_take_no_more_room() -> None:
    """Rows wait until as much has come as is held, or `fold_rows`, and are then told apart."""
    units, held = Units(4), []
    for _ in range(50):
        units.add(parts([(0, 1, 1), (1, 1, 1)], 9)[0])
        held.append(units.held)

    assert [2, 2, 4, 2] == held[:4]
    assert 4 == max(held)


async def _batches(sizes: list[int]) -> AsyncGenerator[pa.RecordBatch]:
    begin = 0
    for size in sizes:
        yield pa.RecordBatch.from_pydict({"n": list(range(begin, begin + size))})
        begin += size


@pytest.mark.parametrize(
    ("sizes", "rows", "nbytes", "expected"),
    [
        ([], 4, 10**9, []),
        ([3], 4, 10**9, [3]),
        ([3, 1, 2], 4, 10**9, [4, 2]),
        ([3, 2, 2], 4, 10**9, [5, 2]),
        ([4, 4], 4, 10**9, [4, 4]),
        ([5, 1], 4, 10**9, [5, 1]),
        ([1, 1, 1, 1], 100, 16, [2, 2]),
        ([1, 1, 1, 1], 100, 17, [3, 1]),
    ],
)
def test_batches_come_together_up_to_rows_or_bytes(
    sizes: list[int], rows: int, nbytes: int, expected: list[int]
) -> None:
    """In order and whole; the last ones wait for nothing."""

    async def collect() -> list[pa.RecordBatch]:
        return [one async for one in together(_batches(sizes), rows, nbytes)]

    found = asyncio.run(collect())

    assert expected == [one.num_rows for one in found]
    values = itertools.chain.from_iterable(one.column(0).to_pylist() for one in found)
    assert list(range(sum(sizes))) == list(values)
