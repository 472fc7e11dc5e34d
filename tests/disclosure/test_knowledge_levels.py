"""More knowledge never widens a range, more suppression never narrows one, from K0 to K3."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.disclosure.attack import attack
from gateway.disclosure.table import Table
from tests.disclosure.drawn import FAMILIES, draw, hidden_at_random
from tests.disclosure.oracle import view_under
from tests.disclosure.tables import small

if TYPE_CHECKING:
    from gateway.disclosure.table import Flags, Problem, Ranges, View

each = pytest.mark.parametrize("seed", range(7_000, 7_000 + 2 * len(FAMILIES)))
T = 5


def _drawn(seed: int) -> tuple[Problem, Flags]:
    """Draw a problem with published zeros and a threshold of 5, and any pattern of it."""
    drawn = draw(seed).problem
    table = drawn.table
    primary, none = small(table, T), np.zeros(len(table.keys), np.bool_)
    problem = replace(drawn, primary=primary, open=table.values == 0, shut=none)
    return problem, hidden_at_random(np.random.default_rng(seed), problem)


def _view(problem: Problem, hidden: Flags, level: int) -> View:
    """Return a view at K0, K1, K2, or K3 with every second secondary cell known from before."""
    values = problem.table.values
    lower = np.full(len(values), min(level, 1), np.int64)
    upper = np.maximum(problem.upper, values)
    if level == 2:
        upper = np.where(hidden & problem.primary, np.minimum(upper, T - 1), upper)
        lower = np.where(hidden & ~problem.primary, T, lower)
    if level == 3:
        hidden = hidden & (problem.primary | (np.arange(len(values)) % 2 == 0))
    return view_under(replace(problem, lower=lower, upper=upper), hidden)


def _inside(inner: Ranges, outer: Ranges) -> bool:
    return bool((inner.low >= outer.low).all() and (inner.high <= outer.high).all())


@each
@pytest.mark.parametrize(("more", "less"), [(1, 0), (2, 1), (3, 1), (2, 0), (3, 0)])
def test_more_knowledge_never_widens(seed: int, more: int, less: int) -> None:
    """K1 sees no more than K0; K2 and K3, which each add to K1, no more than K1."""
    problem, hidden = _drawn(seed)
    wide = attack(_view(problem, hidden, less), integer=True)
    thin = attack(_view(problem, hidden, more), integer=True)

    assert _inside(thin, wide)


@each
@pytest.mark.parametrize("level", range(4))
def test_whole_numbers_never_widen(seed: int, level: int) -> None:
    """Who reasons in whole numbers sees no more than who does not, at each level."""
    view = _view(*_drawn(seed), level)

    assert _inside(attack(view, integer=True), attack(view, integer=False))


@each
@pytest.mark.parametrize("level", range(4))
def test_truth_lies_in_its_range(seed: int, level: int) -> None:
    """No level of knowledge rules out the true table."""
    problem, hidden = _drawn(seed)
    seen = attack(_view(problem, hidden, level), integer=True)

    assert (seen.low <= problem.table.values).all()
    assert (seen.high >= problem.table.values).all()


@each
def test_more_suppression_never_narrows(seed: int) -> None:
    """With one more cell hidden, every range is as wide as before or wider."""
    problem, hidden = _drawn(seed)
    free = np.flatnonzero(~hidden & ~problem.open)
    more = hidden.copy()
    more[free[:1]] = True
    before = attack(_view(problem, hidden, 1), integer=True)
    after = attack(_view(problem, more, 1), integer=True)

    assert _inside(before, after)


@each
def test_other_names_make_no_difference(seed: int) -> None:
    """A table with its cells in another order has the same ranges."""
    problem, hidden = _drawn(seed)
    order = np.random.default_rng(seed).permutation(len(hidden))
    place = np.argsort(order)
    table = Table(
        keys=tuple((f"{at:04}",) for at in range(len(order))),
        values=problem.table.values[order],
        rows=tuple(
            replace(row, cells=tuple(int(place[cell]) for cell in row.cells))
            for row in reversed(problem.table.rows)
        ),
    )
    other = replace(
        problem, table=table, primary=problem.primary[order], upper=problem.upper[order]
    )
    seen = attack(_view(problem, hidden, 1), integer=True)
    again = attack(_view(other, hidden[order], 1), integer=True)

    assert (seen.low[order] == again.low).all()
    assert (seen.high[order] == again.high).all()


@each
def test_published_values_are_all_that_is_seen(seed: int) -> None:
    """What stands in a hidden cell's place is not looked at: the view has no secret to leak."""
    problem, hidden = _drawn(seed)
    view = _view(problem, hidden, 1)
    noise = np.random.default_rng(seed).integers(0, 999, len(hidden))
    other = replace(view, published=np.where(view.hidden, noise, view.published))
    seen, again = attack(view, integer=True), attack(other, integer=True)

    assert (seen.low == again.low).all()
    assert (seen.high == again.high).all()
