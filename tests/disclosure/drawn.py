"""Problems drawn from a seed: a dozen families of small tables, and rules as they come."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from tests.disclosure.tables import (
    Case,
    Rng,
    Sums,
    ask,
    at_most,
    ceilings,
    crossed,
    leaves_of,
    small,
    summed,
    with_people,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.disclosure.table import Flags, Key, Problem, Table


def draw(seed: int, *, scale: int = 0) -> Case:
    """Return the problem of a seed; families take turns, so that each run of 13 has them all.

    Args:
        seed: Anything from 0.
        scale: 0 for tables of about a dozen cells; each step adds levels.
    """
    rng = np.random.default_rng([seed, scale])
    family = list(FAMILIES)[seed % len(FAMILIES)]
    table = FAMILIES[family](rng, scale)
    return Case(f"{family}-{seed}-{scale}", _ruled(rng, table))


def hidden_at_random(rng: Rng, problem: Problem) -> Flags:
    """Return a pattern that hides what must be and, of the rest, any share: most do not protect."""
    free = ~problem.primary & ~problem.shut & ~problem.open
    lot: Flags = rng.random(len(free)) < rng.choice([0.1, 0.3, 0.6, 1.0])
    return problem.primary | problem.shut | (free & lot)


def levels(prefix: str, count: int) -> Sums:
    """Return a dimension of one total."""
    return {"Total": [f"{prefix}{i}" for i in range(count)]}


def _ruled(rng: Rng, table: Table) -> Problem:
    """Return a problem with any rule: threshold, width, zeros, knowledge, costs, history."""
    min_cell = int(rng.choice([2, 3, 4, 6, 11]))
    zeros = bool(rng.random() < 0.2)
    informed = not zeros and bool(rng.random() < 0.75)
    primary = small(table, min_cell, zeros=zeros)
    free = ~primary & (table.values > 0)
    some = rng.random(len(primary)) < 0.15
    history = bool(rng.random() < 0.3)
    opened: Flags = free & some & history
    shut: Flags = free & ~some & (rng.random(len(primary)) < 0.15) & history
    problem = ask(
        table,
        primary,
        width=int(rng.integers(1, max(2, min_cell - int(informed)))),
        informed=informed,
        opened=opened,
        shut=shut,
        cost=str(rng.choice(["count", "value", "log"])),
        upper=ceilings(table, ~primary & ~shut, min_cell - 1) if rng.random() < 0.7 else None,
    )
    return _sided(rng, problem) if rng.random() < 0.1 else problem


def _sided(rng: Rng, problem: Problem) -> Problem:
    """Ask for protection to both sides, as for sums of money."""
    room = np.where(problem.primary, 1, 0)
    return replace(
        problem,
        up=room * int(rng.integers(0, 3)),
        down=np.minimum(room * int(rng.integers(0, 2)), problem.table.values - problem.lower),
        width=np.where(problem.primary, 1, 0),
    )


def _leaves(rng: Rng, dimensions: Sequence[Sums]) -> dict[Key, int]:
    keys = list(product(*(leaves_of(sums) for sums in dimensions)))
    mean = float(rng.choice([0.7, 3.0, 9.0, 20.0]))
    spread = rng.gamma(1.0, mean, len(keys))
    return dict(zip(keys, map(int, rng.poisson(spread)), strict=True))


def _one_way(rng: Rng, scale: int) -> Table:
    dimensions = [levels("a", int(rng.integers(2, 6 + scale)))]
    return crossed(dimensions, _leaves(rng, dimensions))


def _two_way(rng: Rng, scale: int) -> Table:
    dimensions = [levels(x, int(rng.integers(2, 4 + scale))) for x in "ab"]
    return crossed(dimensions, _leaves(rng, dimensions))


def _cube(rng: Rng, scale: int) -> Table:
    dimensions = [levels(x, 2 + int(rng.integers(0, 1 + scale))) for x in "abc"]
    return crossed(dimensions, _leaves(rng, dimensions))


def _regions(rng: Rng, count: int, most: int) -> Sums:
    parts = {
        f"r{i}": [f"r{i}c{j}" for j in range(int(rng.integers(1, most)))] for i in range(count)
    }
    return {"Total": list(parts), **parts}


def _hierarchy(rng: Rng, scale: int) -> Table:
    dimensions = [_regions(rng, 2, 4 + scale), levels("b", 2 + int(rng.integers(0, 1 + scale)))]
    return crossed(dimensions, _leaves(rng, dimensions))


def _chain(rng: Rng, scale: int) -> Table:
    """Draw a region of one county, which is one variable, beside a region of several."""
    chain = {"Total": ["r0", "r1"], "r0": ["s0"], "s0": ["c0"], "r1": ["c1", "c2"]}
    dimensions = [chain, levels("b", 2 + scale)]
    return crossed(dimensions, _leaves(rng, dimensions))


def _overlapping(rng: Rng, scale: int) -> Table:
    """Draw days in weeks and in months that cut across the weeks."""
    days = [f"d{i}" for i in range(4 + scale)]
    cut = int(rng.integers(1, len(days)))
    sums = {
        "Total": ["m0", "m1"],
        "m0": days[:cut],
        "m1": days[cut:],
        "w0": days[: len(days) // 2],
        "w1": days[len(days) // 2 :],
    }
    dimensions = [sums] if rng.random() < 0.5 else [sums, levels("b", 2)]
    return crossed(dimensions, _leaves(rng, dimensions))


def _linked(rng: Rng, scale: int) -> Table:
    """Draw area by age and area by sex: two tables with the areas' totals in common."""
    areas, ages, sexes = levels("a", 2 + scale), levels("b", 2), levels("c", 2)
    three = crossed([areas, ages, sexes], _leaves(rng, [areas, ages, sexes]))
    cells = {k: int(v) for k, v in zip(three.keys, three.values, strict=True) if "Total" in k[1:]}
    sums = []
    for key in cells:
        for axis, dimension in enumerate([areas, ages, sexes]):
            parts = [(*key[:axis], p, *key[axis + 1 :]) for p in dimension.get(key[axis], ())]
            if parts and all(part in cells for part in parts):
                sums.append((key, parts))
    return summed(cells, sums)


def _zero_line(rng: Rng, scale: int) -> Table:
    dimensions = [levels("a", 3 + scale), levels("b", 2 + scale)]
    leaves = {k: 0 if k[0] == "a0" else v for k, v in _leaves(rng, dimensions).items()}
    return crossed(dimensions, leaves)


def _zero_slice(rng: Rng, scale: int) -> Table:
    dimensions = [levels("a", 2), levels("b", 2), levels("c", 2 + scale)]
    leaves = {k: 0 if k[2] == "c0" else v for k, v in _leaves(rng, dimensions).items()}
    return crossed(dimensions, leaves)


def _ties(rng: Rng, scale: int) -> Table:
    dimensions = [levels("a", 3 + scale), levels("b", 3)]
    pool = rng.choice([1, 2, 5, 12], 2, replace=False)
    return crossed(dimensions, {k: int(rng.choice(pool)) for k in _leaves(rng, dimensions)})


def _one_cell(rng: Rng, scale: int) -> Table:
    """Draw a cell by itself, or one with totals above that are the same number."""
    value = int(rng.integers(0, 13))
    if rng.random() < 0.5:
        return summed({("only",): value}, [])
    return crossed(
        [levels("a", 1)] * (1 + int(rng.integers(0, 2))), {("a0",): value, ("a0",) * 2: value}
    )


def _no_margins(rng: Rng, scale: int) -> Table:
    """Draw a table of which some totals are not there: they tell nothing, and hide nothing."""
    dimensions = [levels("a", 2 + int(rng.integers(0, 2))), levels("b", 3)]
    whole = crossed(dimensions, _leaves(rng, dimensions))
    kept = {
        key: int(value)
        for key, value in zip(whole.keys, whole.values, strict=True)
        if "Total" not in key or rng.random() < 0.6
    }
    sums = [
        (whole.keys[row.cells[0]], [whole.keys[cell] for cell in row.cells[1:]])
        for row in whole.rows
    ]
    return summed(kept, [(t, ps) for t, ps in sums if t in kept and all(p in kept for p in ps)])


def _people(rng: Rng, scale: int) -> Table:
    """Draw events that add up and people who do not, in the months of a quarter."""
    months = [f"m{i}" for i in range(2 + int(rng.integers(0, 2 + scale)))]
    people = {m: int(rng.poisson(float(rng.choice([2.0, 8.0])))) for m in months}
    events = {m: n + int(rng.poisson(2.0)) if n else 0 for m, n in people.items()}
    distinct = int(rng.integers(max(people.values()), sum(people.values()) + 1))
    cells: dict[Key, int] = {("people", m): n for m, n in people.items()}
    cells[("people", "quarter")] = distinct
    cells |= {("events", m): n for m, n in events.items()}
    cells[("events", "quarter")] = sum(events.values())
    table = summed(cells, [(("events", "quarter"), [("events", m) for m in months])])
    table = with_people(table, [(("people", "quarter"), [("people", m) for m in months])])
    return at_most(table, [(("people", m), ("events", m)) for m in [*months, "quarter"]])


FAMILIES: dict[str, Callable[[Rng, int], Table]] = {
    "one-way": _one_way,
    "two-way": _two_way,
    "cube": _cube,
    "hierarchy": _hierarchy,
    "chain": _chain,
    "overlapping": _overlapping,
    "linked": _linked,
    "zero-line": _zero_line,
    "zero-slice": _zero_slice,
    "ties": _ties,
    "one-cell": _one_cell,
    "no-margins": _no_margins,
    "people": _people,
}
