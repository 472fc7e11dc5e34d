"""A table that would leave, cell by cell: who was counted, what is published, what is held back.

The provider's officer reads it, over records of the provider's own: of a cell that is held back it
says whether it is small itself or goes with a small one, which no recipient is ever told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.plan.counted import exempt_cells
from gateway.plan.levels import TOTAL, UNKNOWN, VALUE

if TYPE_CHECKING:
    import pyarrow as pa

    from gateway.plan.counted import Counted, Verdict
    from gateway.plan.ops import Plan
    from gateway.values import Scalar

_COUNT: Final = "count_distinct"
SMALL: Final = "small"
BESIDE: Final = "beside a small one"
SHOWS: Final = "few give most of a sum"


@dataclass(frozen=True, slots=True)
class CellSeen:
    """One cell.

    Attributes:
        level: Of each dimension, in words: a value, `total`, or why there is none.
        units: How many were counted in it.
        numbers: What is published of each measure; None where it is held back.
        held: Why something is held back: `small`, `beside a small one`, or, where counts leave and
            a sum does not, that few give most of it; empty where all of it leaves.
    """

    level: tuple[str, ...]
    units: int
    numbers: tuple[Scalar, ...]
    held: str


def cells_seen(
    plan: Plan, counted: Counted, verdict: Verdict, batch: pa.RecordBatch
) -> list[CellSeen]:
    """Return the cells of a table in its order.

    Args:
        plan: A plan with Group and Suppress, without noise.
        counted: Every cell, nothing held back.
        verdict: Which of them leave.
        batch: What leaves.
    """
    group, suppress = plan.group, plan.suppress
    assert group is not None  # noqa: S101 - the caller looked
    assert suppress is not None  # noqa: S101
    if verdict.cells is not None:
        counted = counted.only(verdict.cells, apart=counted.apart)
    # What is public elsewhere was counted for the attacker, and is not published here.
    elsewhere = exempt_cells(group.known, group.dimensions, counted.keys)
    kept = [at for at, known in enumerate(elsewhere) if not known]
    numbers = zip(*(batch.column(one.name).to_pylist() for one in group.measures), strict=True)
    found = []
    for at, published in zip(kept, numbers, strict=True):
        people = int(counted.people[at])
        small = 0 < people < suppress.min_cell or (not people and suppress.zeros != "publish")
        counts = [
            n for n, one in zip(published, group.measures, strict=True) if one.function == _COUNT
        ]
        held = "" if None not in published else SMALL if small else BESIDE
        if held == BESIDE and counts and None not in counts:
            held = SHOWS
        level = tuple(map(_level, counted.keys[at]))
        found.append(CellSeen(level, int(counted.units[at]), published, held))
    return found


def _level(key: str) -> str:
    if key == TOTAL:
        return "total"
    return key.removeprefix(VALUE if key.startswith(VALUE) else UNKNOWN).lstrip("^")
