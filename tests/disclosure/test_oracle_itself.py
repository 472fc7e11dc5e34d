"""The judge is judged: two solvers, two ways to an optimum, and laws that any attacker obeys."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.disclosure.rules import Cost, Knowledge, Rule, Zeros, problem_of
from gateway.disclosure.table import Dimension, Row, Table, View, cube
from tests.disclosure import oracle
from tests.disclosure.drawn import FAMILIES, draw, hidden_at_random, levels
from tests.disclosure.tables import ask, ceilings, crossed, filled, small

if TYPE_CHECKING:
    from gateway.disclosure.table import Flags, Key

SEEDS = range(2 * len(FAMILIES))


@pytest.mark.parametrize("seed", SEEDS)
def test_bounds_side_by_side_are_bounds_alone(seed: int) -> None:
    """A call of the solver with many bounds in it answers as one call for each."""
    problem = draw(seed).problem
    view = oracle.view_under(problem, hidden_at_random(np.random.default_rng(seed), problem))

    for integer in (False, True):
        alone = oracle.ranges(view, integer=integer)
        together = oracle.ranges(view, integer=integer, at_once=64)
        assert alone == pytest.approx(together, abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_two_solvers_agree(seed: int) -> None:
    """`linprog` and `milp` without whole numbers give the same range of every cell."""
    problem = draw(seed).problem
    view = oracle.view_under(problem, hidden_at_random(np.random.default_rng(seed), problem))
    seen = oracle.ranges(view, integer=False)

    for cell in np.flatnonzero(view.hidden)[:6]:
        ends = [oracle.linear_bound(view, int(cell), most=most) for most in (False, True)]
        assert seen[cell] == pytest.approx(ends, abs=1e-6)


def test_whole_ranges_are_those_of_all_tables() -> None:
    """Trying every table there is gives the same range as the solver."""
    dimensions = [levels("a", 2), levels("b", 2)]
    for seed in range(6):
        values = np.random.default_rng(seed).integers(0, 3, 4)
        leaves: dict[Key, int] = dict(
            zip(product(("a0", "a1"), ("b0", "b1")), map(int, values), strict=True)
        )
        table = crossed(dimensions, leaves)
        hidden = np.array(["Total" not in key or key == ("Total", "b0") for key in table.keys])
        view = oracle.view_under(ask(table, hidden), hidden)
        tries = [
            filled(dimensions, dict(zip(leaves, one, strict=True)))
            for one in product(range(int(values.sum()) + 1), repeat=4)
        ]
        fits = [
            one
            for one in tries
            if all(
                h or one[k] == v for k, v, h in zip(table.keys, table.values, hidden, strict=True)
            )
        ]

        expected = [(min(one[k] for one in fits), max(one[k] for one in fits)) for k in table.keys]
        assert oracle.ranges(view, integer=True) == pytest.approx(np.array(expected, float))


@pytest.mark.parametrize("seed", range(2 * len(FAMILIES)))
def test_two_ways_lead_to_the_optimum(seed: int) -> None:
    """The one program finds what trying all patterns finds; and none where none protects."""
    problem = draw(seed).problem
    if int((~problem.primary & ~problem.open & ~problem.shut).sum()) > 5:
        problem = replace(problem, open=problem.open | _all_but(problem.primary | problem.shut))

    tried, solved = oracle.cheapest(problem), oracle.optimum(problem)

    assert (tried is None) == (solved is None) == (not oracle.feasible(problem))
    if tried is not None and solved is not None:
        assert tried.weight == solved.weight


def _all_but(kept: Flags) -> Flags:
    """Open all free cells but the first five."""
    free = ~kept
    beyond: Flags = free & (np.cumsum(free) > 5)
    return beyond


def test_no_table_that_fits_is_an_error() -> None:
    """What is published against all truth has no ranges; the judge says so and guesses none."""
    row = Row((0, 1), (1, -1))
    view = View(
        (row,), np.array([3, -1]), np.array([False, True]), np.array([0, 0]), np.array([9, 2])
    )

    with pytest.raises(oracle.OracleError):
        oracle.ranges(view, integer=True)


def test_a_table_without_cells_has_no_ranges() -> None:
    """Nothing is no error."""
    none = np.zeros(0, np.int64)
    view = View((), none, np.zeros(0, np.bool_), none, none)

    assert (0, 2) == oracle.ranges(view, integer=True).shape


def test_values_of_ten_million_are_told_apart() -> None:
    """A gap of one among totals of 10^7 is a gap (trap E17)."""
    table = crossed([levels("a", 3)], {("a0",): 1, ("a1",): 2, ("a2",): 10**7})
    hidden = np.array([key not in {("Total",), ("a2",)} for key in table.keys])
    seen = oracle.ranges(oracle.view_under(ask(table, hidden), hidden), integer=True)

    assert [(0, 3), (0, 3)] == [tuple(ends) for ends in seen[hidden]]


@pytest.mark.parametrize(("seed", "weight"), [(222, 26), (134, 302)])
def test_presolve_loses_no_optimum(seed: int, weight: int) -> None:
    """Two tables whose optimum in whole numbers a solver's presolve missed, by 38 % and 9 %."""
    problem = draw(seed).problem
    found = oracle.optimum(problem)

    assert found is not None
    assert weight == found.weight


@pytest.mark.parametrize("seed", range(3 * len(FAMILIES)))
def test_rules_make_the_same_problem(seed: int) -> None:
    """Thresholds, zeros, weights and bounds of `rules` are those worked out here a second time."""
    rng = np.random.default_rng(seed)
    table = draw(seed).problem.table
    rule = Rule(
        min_cell=int(rng.choice([3, 5, 11])),
        width=2,
        zeros=Zeros(rng.choice(["publish", "suppress"])),
        cost=Cost(rng.choice(["count", "value", "log"])),
        knowledge=Knowledge(int(rng.integers(0, 2))),
    )
    made = problem_of(table, rule)
    hides = rule.zeros is Zeros.SUPPRESS
    primary = small(table, rule.min_cell, zeros=hides)
    again = ask(
        table,
        primary,
        width=2,
        informed=rule.knowledge is Knowledge.K1 and not hides,
        cost=str(rule.cost),
        upper=ceilings(table, ~primary, rule.min_cell - 1),
    )

    for name in ("lower", "upper", "weights", "primary", "open", "shut", "width", "up", "down"):
        assert (getattr(again, name) == getattr(made, name)).all(), name


def test_a_cube_has_the_rows_of_all_its_sums() -> None:
    """`cube` and the totals that are worked out here make one table."""
    regions = {"Total": ("n", "s"), "n": ("n1", "n2"), "s": ("s1",), "week": ("n1", "s1")}
    sexes = {"Total": ("f", "m")}
    leaves: dict[Key, int] = {("n1", "f"): 3, ("n2", "m"): 1, ("s1", "f"): 7, ("s1", "m"): 2}
    mine = crossed([regions, sexes], leaves)
    made = cube(
        [Dimension("region", regions), Dimension("sex", sexes)], filled([regions, sexes], leaves)
    )

    assert mine.keys == made.keys
    assert mine.values.tolist() == made.values.tolist()
    assert _named(mine) == _named(made)


def _named(table: Table) -> set[frozenset[tuple[Key, int]]]:
    return {
        frozenset((table.keys[c], k) for c, k in zip(row.cells, row.coefficients, strict=True))
        for row in table.rows
    }
