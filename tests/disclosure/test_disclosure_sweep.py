"""Random tables, judged: 2,000 in every run, 50,000 in the long one.

A fault is told with the name of its case, `family-seed-scale`; `draw(seed, scale=scale)` draws it
again. ACCORD_SWEEP is the number of tables of the long sweep.
"""

from __future__ import annotations

import os
from itertools import product

import numpy as np
import pytest

from tests.disclosure.drawn import FAMILIES, draw, hidden_at_random
from tests.disclosure.judged import faults_of_attack, faults_of_protect
from tests.disclosure.oracle import view_under

SLICE, SLICES = 100, 20
LONG_SLICE, LONG_FROM = 500, 1_000_000
LONG = int(os.environ.get("ACCORD_SWEEP", "50000"))
CHEAP_PRIMARIES = 3
"""Up to so many primary cells a plain program finds the optimum in milliseconds."""


def _faults(seed: int, *, thorough: bool, scale: int = 0) -> list[str]:
    case = draw(seed, scale=scale)
    problem = case.problem
    pattern = hidden_at_random(np.random.default_rng(seed), problem)
    view = view_under(problem, pattern)
    found = [
        fault
        for integer in ((False, True) if thorough else (seed % 2 == 0,))
        for fault in faults_of_attack(view, integer=integer)
    ]
    few = CHEAP_PRIMARIES * (2 if thorough else 1)
    best = int(problem.primary.sum()) <= few and scale == 0 and (thorough or seed % 4 == 0)
    found += faults_of_protect(problem, optimum=best)
    return [f"{case.name}: {fault}" for fault in found]


@pytest.mark.parametrize("part", range(SLICES))
def test_two_thousand_tables(part: int) -> None:
    """Ranges are the oracle's; no primary cell is too narrow; patterns are cheapest or none is."""
    seeds = range(part * SLICE, (part + 1) * SLICE)

    assert [] == [fault for seed in seeds for fault in _faults(seed, thorough=False)]


@pytest.mark.long
@pytest.mark.parametrize("part", range(LONG // LONG_SLICE))
def test_fifty_thousand_tables(part: int) -> None:
    """The same of fifty thousand others, by both ways of reasoning; one in ten is larger."""
    start = LONG_FROM + part * LONG_SLICE
    seeds = range(start, start + LONG_SLICE)

    assert [] == [
        fault for seed in seeds for fault in _faults(seed, thorough=True, scale=int(seed % 10 == 0))
    ]


@pytest.mark.parametrize(("family", "integer"), list(product(FAMILIES, (False, True))))
def test_a_larger_table_of_each_family(family: str, integer: bool) -> None:  # noqa: FBT001
    """Ranges and patterns of some fifty cells, in both ways of reasoning."""
    seed = list(FAMILIES).index(family)
    problem = draw(seed, scale=1).problem
    view = view_under(problem, hidden_at_random(np.random.default_rng(seed), problem))

    assert [] == faults_of_attack(view, integer=integer)
    assert [] == faults_of_protect(problem, integer=integer, optimum=False)


@pytest.mark.parametrize("seed", range(5 * len(FAMILIES)))
def test_reasoning_in_real_numbers(seed: int) -> None:
    """Against an attacker who does not think in whole numbers, too, no cell is too narrow."""
    problem = draw(seed).problem

    assert [] == faults_of_protect(problem, integer=False, optimum=False)
