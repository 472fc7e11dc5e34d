"""The attacker, on tables small enough to think through; the oracle's sweep judges the rest."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.disclosure.attack import attack
from gateway.disclosure.table import DisclosureError, Integers, Limits, Row, View
from tests.disclosure.drawn import draw, hidden_at_random
from tests.disclosure.judged import faults_of_attack
from tests.disclosure.oracle import view_under

BOTH = pytest.mark.parametrize("integer", [False, True], ids=["real", "whole"])


def view(rows: list[Row], published: list[int | None], *, lower: int = 0, upper: int = 100) -> View:
    """Return a view; None is a hidden cell."""
    size = len(published)
    return View(
        rows=tuple(rows),
        published=np.array([value or 0 for value in published], np.int64),
        hidden=np.array([value is None for value in published]),
        lower=np.full(size, lower, np.int64),
        upper=np.full(size, upper, np.int64),
    )


def total(whole: int, *parts: int) -> Row:
    """Return the row of a sum."""
    return Row((whole, *parts), (1, *[-1] * len(parts)))


def ranges(seen: View, *, integer: bool, enough: Integers | None = None) -> list[tuple[int, int]]:
    """Return the range of each cell."""
    found = attack(seen, integer=integer, enough=enough)
    return list(zip(found.low.tolist(), found.high.tolist(), strict=True))


@BOTH
def test_the_only_hidden_part_is_known(integer: bool) -> None:  # noqa: FBT001
    """One hidden cell in a sum is what is left."""
    assert [(9, 9), (5, 5), (4, 4)] == ranges(view([total(0, 1, 2)], [9, 5, None]), integer=integer)


@BOTH
def test_two_hidden_parts_share_what_is_left(integer: bool) -> None:  # noqa: FBT001
    """Each may be anything up to the rest, less what the other has at least."""
    seen = view([total(0, 1, 2)], [9, None, None], lower=1)

    assert [(9, 9), (1, 8), (1, 8)] == ranges(seen, integer=integer)


@BOTH
def test_a_cell_without_a_row_keeps_its_bounds(integer: bool) -> None:  # noqa: FBT001
    """A table of one cell: nothing is known but what was known before."""
    assert [(0, 100)] == ranges(view([], [None]), integer=integer)


@BOTH
def test_nothing_hidden_is_nothing_to_find(integer: bool) -> None:  # noqa: FBT001
    """A published table's ranges are its values, all settled."""
    found = attack(view([total(0, 1)], [4, 4]), integer=integer)

    assert [4, 4] == found.low.tolist() == found.high.tolist()
    assert found.settled.all()


@BOTH
def test_slack_widens(integer: bool) -> None:  # noqa: FBT001
    """A row that is no equation binds at its own bounds: people of two months, and of both."""
    rows = [Row((0, 1), (1, -1), 0, 2**53), Row((0, 2), (1, -1), 0, 2**53)]
    rows.append(Row((0, 1, 2), (1, -1, -1), -(2**53), 0))

    assert [(7, 7), (3, 7), (4, 4)] == ranges(view(rows, [7, None, 4]), integer=integer)


def test_whole_numbers_know_more() -> None:
    """Twice a cell and another cell is seven: the other is odd, the attacker with halves forgets.

    Reals let the first be 3.5 and round it to 3; both then see it up to 3, but only whole numbers
    see that the other is at least 1.
    """
    seen = view([Row((0, 1), (2, 1), 7, 7)], [None, None])

    assert [(0, 3), (0, 7)] == ranges(seen, integer=False)
    assert [(0, 3), (1, 7)] == ranges(seen, integer=True)


@pytest.mark.parametrize("big", [10_000_000, 2_000_000_000])
@BOTH
def test_small_cells_beside_large_totals(big: int, integer: bool) -> None:  # noqa: FBT001
    """E17: a hidden total of ten millions does not blur the ones beside it."""
    rows = [total(0, 1, 2), total(3, 2, 4)]
    seen = view(rows, [None, big, None, 5, None], lower=1, upper=big + 50)

    expected = [(big + 1, big + 4), (big, big), (1, 4), (5, 5), (1, 4)]
    assert expected == ranges(seen, integer=integer)


@BOTH
def test_published_numbers_that_do_not_add_up(integer: bool) -> None:  # noqa: FBT001
    """What no table fits is refused, whether the row is published whole or in part."""
    wrong: list[list[int | None]] = [[9, 5, 3], [9, 10, None]]

    for published in wrong:
        with pytest.raises(DisclosureError) as refused:
            attack(view([total(0, 1, 2)], published), integer=integer)

        assert "not_additive" == refused.value.cause


def test_no_table_of_whole_numbers() -> None:
    """Twice a cell is seven: there is a half that fits, and no count."""
    with pytest.raises(DisclosureError) as refused:
        attack(view([Row((0, 1), (2, 4), 7, 7)], [None, None]), integer=True)

    assert "not_additive" == refused.value.cause


@BOTH
def test_enough_is_enough(integer: bool) -> None:  # noqa: FBT001
    """A range that is wide enough may end early, is then not settled, and is never wider."""
    seen = view([total(0, 1, 2, 3)], [50, None, None, None])

    found = attack(seen, integer=integer, enough=np.full(4, 10, np.int64))

    assert ((found.high - found.low)[1:] >= 10).all()
    assert ((found.low >= 0) & (found.high <= 50)).all()


@BOTH
def test_a_limit_is_no_range(integer: bool) -> None:  # noqa: FBT001
    """Where a limit strikes there is no answer at all."""
    seen = view([total(0, 1, 2)], [9, None, None])

    with pytest.raises(DisclosureError) as refused:
        attack(seen, integer=integer, limits=Limits(programs=1))

    assert "limit" == refused.value.cause


def test_the_solver_knows_nothing_at_first() -> None:
    """A drawn table of which the warm simplex once knew nothing has the oracle's ranges."""
    problem = draw(1_000_642).problem
    seen = view_under(problem, hidden_at_random(np.random.default_rng(1_000_642), problem))

    assert [] == faults_of_attack(seen, integer=True)
