"""Patterns: what they hide, what they refuse, and what a limit does to them.

The acceptance instances are vectors, and the optimum of drawn tables is the oracle's to find.
"""

from __future__ import annotations

from dataclasses import replace

import highspy
import numpy as np
import pytest

from gateway.disclosure.attack import attack
from gateway.disclosure.rules import Knowledge, Rule, Zeros, problem_of, view_of
from gateway.disclosure.suppress import protect
from gateway.disclosure.table import (
    Dimension,
    DisclosureError,
    Key,
    Limits,
    Pattern,
    Problem,
    Table,
    cube,
)


def crossed(seed: int, *sizes: int, mean: float = 12.0) -> Table:
    """Return a drawn cube with a total in each dimension."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(mean * rng.lognormal(0, 0.8, sizes))
    values = {}
    for index in np.ndindex(*(size + 1 for size in sizes)):
        part = counts
        for axis, at in reversed(list(enumerate(index))):
            part = part.sum(axis=axis) if at == sizes[axis] else part.take(at, axis=axis)
        names = ("T" if at == sizes[axis] else f"{at:02}" for axis, at in enumerate(index))
        values[tuple(names)] = int(part)
    dimensions = [
        Dimension(f"d{axis}", {"T": tuple(f"{at:02}" for at in range(size))})
        for axis, size in enumerate(sizes)
    ]
    return cube(dimensions, values)


def narrowest(problem: Problem, pattern: Pattern, *, integer: bool = True) -> int:
    """Return the width of the primary cell that the attacker knows best."""
    found = attack(view_of(problem, pattern.hidden), integer=integer)
    return int((found.high - found.low)[problem.primary].min())


@pytest.mark.parametrize("integer", [False, True], ids=["real", "whole"])
@pytest.mark.parametrize("knowledge", [Knowledge.K0, Knowledge.K1])
@pytest.mark.parametrize("seed", range(3))
def test_no_primary_is_narrower_than_asked(
    seed: int,
    knowledge: Knowledge,
    integer: bool,  # noqa: FBT001
) -> None:
    """The attacker, who has no part in the search, finds each primary as wide as asked."""
    problem = problem_of(crossed(seed, 5, 4, 3), Rule(width=9, knowledge=knowledge))

    pattern = protect(problem, integer=integer)

    assert 9 <= narrowest(problem, pattern, integer=integer)
    assert 0.0 == pattern.gap
    assert not (pattern.hidden & problem.open).any()
    assert (pattern.hidden | ~problem.primary).all()


def test_the_order_of_cells_and_rows_makes_no_difference() -> None:
    """The same table with its rows in any order is hidden alike, ten times over."""
    table = crossed(4, 5, 4, 3)
    rng = np.random.default_rng(0)
    expected = protect(problem_of(table, Rule())).hidden

    for _ in range(10):
        rows = [table.rows[at] for at in rng.permutation(len(table.rows))]
        shuffled = Table(table.keys, table.values, tuple(rows))

        assert (expected == protect(problem_of(shuffled, Rule())).hidden).all()


def test_nothing_to_protect_hides_nothing() -> None:
    """A table without a small cell leaves whole, at no weight."""
    pattern = protect(problem_of(crossed(1, 3, 3, mean=400.0), Rule()))

    assert (0, 0.0) == (int(pattern.hidden.sum()), pattern.gap)
    assert 0 == pattern.objective


def test_all_is_zero() -> None:
    """A table of zeros has nothing to hide; where zeros are primary, all of it is hidden."""
    table = cube([Dimension("d", {"T": ("a", "b")})], {("T",): 0, ("a",): 0, ("b",): 0})

    assert not protect(problem_of(table, Rule())).hidden.any()
    assert protect(problem_of(table, Rule(zeros=Zeros.SUPPRESS))).hidden.all()


def test_hiding_everything_is_not_always_enough() -> None:
    """Cells that everybody knows to be at most 5 are never 9 wide."""
    table = cube([Dimension("d", {"T": ("a", "b")})], {("T",): 5, ("a",): 2, ("b",): 3})
    problem = problem_of(table, Rule())

    with pytest.raises(DisclosureError) as refused:
        protect(replace(problem, upper=np.full(3, 5, np.int64)))

    assert "infeasible" == refused.value.cause


def test_forced_on_both_sides_of_a_row() -> None:
    """A small cell whose every companion has to be published cannot be protected."""
    table = crossed(2, 3, 3)
    problem = problem_of(table, Rule())
    small = np.arange(len(table.keys)) == int(np.flatnonzero(table.values > 0)[0])
    forced = replace(problem, primary=small, open=~small, width=np.where(small, 1, 0))

    with pytest.raises(DisclosureError) as refused:
        protect(forced)

    assert "infeasible" == refused.value.cause


def test_hidden_and_published_both() -> None:
    """A cell that is primary and open is refused at once."""
    problem = problem_of(crossed(3, 4, 3), Rule())

    with pytest.raises(DisclosureError) as refused:
        protect(replace(problem, open=problem.primary))

    assert "infeasible" == refused.value.cause


def test_shut_cells_cost_nothing_and_need_nothing() -> None:
    """What was hidden before stays hidden, at no weight, and may serve as a companion."""
    problem = problem_of(crossed(5, 5, 4, 3), Rule())
    first = protect(problem)
    shut = first.hidden & ~problem.primary

    again = protect(replace(problem, shut=shut))

    assert 0 == again.objective
    assert (first.hidden == again.hidden).all()


def test_up_and_down_reach_as_far_as_asked() -> None:
    """A magnitude's protection is asked each way, and given each way."""
    problem = problem_of(crossed(6, 5, 4), Rule(knowledge=Knowledge.K0))
    values = problem.table.values
    away = np.where(problem.primary, np.maximum(values // 2, 1), 0)
    asked = replace(problem, width=0 * away, up=away, down=away)

    pattern = protect(asked)

    found = attack(view_of(asked, pattern.hidden), integer=True)
    assert (found.high >= values + away)[problem.primary].all()
    assert (found.low <= values - away)[problem.primary].all()


def test_a_limit_leaves_a_safe_pattern_or_none() -> None:
    """However early the search is stopped, nothing leaves that is not as wide as asked."""
    problem = problem_of(crossed(7, 6, 5, 4), Rule())
    best = protect(problem)
    stopped = 0

    for programs in (1, 10, 40, 80, 160, 320, 640):
        pattern = within(problem, Limits(programs=programs))
        if pattern is None:
            stopped += 1
        else:
            assert 9 <= narrowest(problem, pattern)
            assert pattern.bound <= best.objective <= pattern.objective

    assert stopped


def within(problem: Problem, limits: Limits) -> Pattern | None:
    """Return the pattern that is found within limits, or None where they end the search."""
    try:
        return protect(problem, limits)
    except DisclosureError as error:
        if error.cause == "limit":
            return None
        raise


def test_a_gap_is_stated() -> None:
    """Where a gap is allowed the pattern is within it, and the bound is below the optimum."""
    problem = problem_of(crossed(8, 6, 5, 4), Rule())

    best = protect(problem)
    near = protect(problem, Limits(gap=0.05))

    assert near.gap <= 0.05
    assert near.bound <= best.objective <= near.objective


def test_the_order_of_cells_makes_no_difference() -> None:
    """Cells that are given in any order are hidden alike, by key."""
    table = crossed(9, 5, 4, 3)
    cells = dict(zip(table.keys, map(int, table.values), strict=True))
    sizes = {f"d{axis}": size for axis, size in enumerate((5, 4, 3))}
    dimensions = [
        Dimension(name, {"T": tuple(f"{at:02}" for at in reversed(range(size)))})
        for name, size in sizes.items()
    ]
    rng = np.random.default_rng(1)
    expected = protect(problem_of(table, Rule()))

    for _ in range(10):
        order = rng.permutation(len(cells))
        keys = list(cells)
        shuffled = cube(dimensions, {keys[at]: cells[keys[at]] for at in order})
        pattern = protect(problem_of(shuffled, Rule()))

        assert table.keys == shuffled.keys
        assert (expected.hidden == pattern.hidden).all()
        assert expected.bound == pattern.bound


@pytest.mark.parametrize("threads", [1, 4])
def test_threads_of_the_engine_make_no_difference(threads: int) -> None:
    """Whatever the process has asked of the engine, its programs run in one thread."""
    problem = problem_of(crossed(4, 5, 4, 3), Rule())
    expected = protect(problem).hidden
    other = highspy.Highs()  # type: ignore[no-untyped-call]
    for name, value in (("output_flag", False), ("threads", threads), ("parallel", "on")):
        other.setOptionValue(name, value)
    other.resetGlobalScheduler(True)  # noqa: FBT003
    other.addVars(1, np.zeros(1), np.ones(1))
    assert highspy.HighsStatus.kOk == other.run()

    try:
        assert (expected == protect(problem).hidden).all()
    finally:
        other.resetGlobalScheduler(True)  # noqa: FBT003


@pytest.mark.parametrize("axis", [0, 1])
def test_infeasible_names_the_dimension(axis: int) -> None:
    """The error says along which part of the key a small cell has no companion, and no cell."""
    values: dict[Key, int] = {("T", "T"): 100, ("a", "T"): 40, ("b", "T"): 60}
    values |= {("T", "x"): 50, ("T", "y"): 50, ("a", "x"): 5, ("a", "y"): 35}
    values |= {("b", "x"): 45, ("b", "y"): 15}
    dimensions = [Dimension("d", {"T": ("a", "b")}), Dimension("e", {"T": ("x", "y")})]
    problem = problem_of(cube(dimensions, values), Rule())
    forced = np.array([key[1 - axis] == "x" or key[1 - axis] == "a" for key in problem.table.keys])
    forced &= ~problem.primary

    with pytest.raises(DisclosureError) as refused:
        protect(replace(problem, open=forced))

    assert ("infeasible", (axis,)) == (refused.value.cause, refused.value.axes)
    assert "5" not in str(refused.value)


def test_work_ends_a_search_before_the_clock() -> None:
    """The same work ends at the same pattern, and what is found is safe."""
    problem = problem_of(crossed(7, 6, 5, 4), Rule())
    best = protect(problem)
    ended = 0

    for work in (1, 4, 8, 16, 64, 256):
        pattern, again = (within(problem, Limits(work=work)) for _ in range(2))
        if pattern is None or again is None:
            assert pattern is again
            ended += 1
            continue
        assert (pattern.hidden == again.hidden).all()
        assert 9 <= narrowest(problem, pattern)
        assert pattern.bound <= best.objective <= pattern.objective

    assert ended


def test_the_callers_clock_is_heeded() -> None:
    """Time that passes between programs counts too, where there is a clock."""
    problem = problem_of(crossed(7, 6, 5, 4), Rule())
    ticks = iter(range(10**9))

    with pytest.raises(DisclosureError) as refused:
        protect(problem, Limits(seconds=5.0, clock=lambda: float(next(ticks))))

    assert "limit" == refused.value.cause
    assert protect(problem, Limits(seconds=5.0, clock=lambda: 0.0)).hidden.any()
