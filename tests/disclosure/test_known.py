"""Witnesses that outlive the pattern they were found for: as far as they go, and no further."""

from __future__ import annotations

import numpy as np

from gateway.disclosure.known import Known
from gateway.disclosure.merge import Merged
from gateway.disclosure.relations import parts_of, system_of
from gateway.disclosure.table import Row


def merged(rows: list[Row], size: int, *, low: int = -3, high: int = 5) -> Merged:
    """Return a problem of differences in which each variable has the same bounds."""
    none = np.zeros(size, np.int64)
    return Merged(
        label=np.arange(size),
        size=size,
        low=np.full(size, low, np.int64),
        high=np.full(size, high, np.int64),
        weights=np.ones(size, np.int64),
        fixed=np.zeros(size, np.bool_),
        width=none,
        up=none,
        down=none,
        system=system_of(rows, size),
    )


def taken(problem: Merged, *changes: list[int]) -> Known:
    """Return what is known after some changes of the whole."""
    known = Known(problem)
    everything = parts_of(problem.system, np.ones(problem.size, np.bool_), problem.width)
    for change in changes:
        for part in everything:
            known.add(part, np.array(change, np.int64)[part.columns])
    return known


def ends(known: Known, chosen: list[float], *, whole: bool = True) -> list[tuple[float, float]]:
    """Return how far each variable goes."""
    least, most = known.ends(np.array(chosen), whole=whole)
    return list(zip(least.tolist(), most.tolist(), strict=True))


ALIKE = [Row((0, 1), (1, -1)), Row((2, 3), (1, -1))]


def test_a_line_goes_as_far_as_its_bounds_both_ways() -> None:
    """From one step: five times forth, three times back; what it does not touch stays."""
    known = taken(merged(ALIKE, 4), [1, 1, 0, 0])

    assert [(-3, 5), (-3, 5), (0, 0), (0, 0)] == ends(known, [1, 1, 1, 1])


def test_a_line_is_no_witness_where_it_touches_what_is_published() -> None:
    """Without one of its cells it goes nowhere; each connected piece is a line by itself."""
    known = taken(merged(ALIKE, 4), [1, 1, 2, 2])

    assert [(0, 0), (0, 0), (-3, 5), (-3, 5)] == ends(known, [1, 0, 1, 1])


def test_whole_steps_stay_whole() -> None:
    """A row that takes two of one for one of the other steps by two."""
    known = taken(merged([Row((0, 1), (1, -2))], 2), [2, 1])

    assert [(-2, 4), (-1, 2)] == ends(known, [1, 1])


def test_fractions_go_a_part_of_the_way() -> None:
    """Where a half is hidden a line goes half as far."""
    known = taken(merged(ALIKE, 4), [1, 1, 0, 0])

    assert [(-1.5, 2.5), (-1.5, 2.5)] == ends(known, [0.5, 1, 1, 1], whole=False)[:2]


def test_slack_of_a_row_binds() -> None:
    """A row that allows a difference of two, one way only, lets a line go two, and not back."""
    known = taken(merged([Row((0, 1), (1, -1), 0, 2)], 2), [1, 0])

    assert [(0, 2), (0, 0)] == ends(known, [1, 1])


def test_a_change_that_breaks_a_row_is_of_no_use() -> None:
    """What does not fit goes nowhere, whatever it claims."""
    known = taken(merged(ALIKE, 4), [1, 2, 0, 0])

    assert [(0, 0)] * 4 == ends(known, [1, 1, 1, 1])


def test_nothing_is_known_at_first() -> None:
    """Without a line nothing is claimed."""
    assert [(0, 0)] * 4 == ends(taken(merged(ALIKE, 4)), [1, 1, 1, 1])
