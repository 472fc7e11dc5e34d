"""Tables to protect, drawn from a seed: counties in regions by age by month, with every total.

Nobody is counted in them: counts are Poisson, 22 to a leaf on average, counties weigh log-normally
and ages by Dirichlet, so that a third of the cells is small. Each table has the seed, of the first
300, whose number of primaries is nearest to the specification's table of the same size.

Source of the rules: the project's specification of disclosure control, section 11.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.disclosure.table import Dimension, cube

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.disclosure.table import Integers, Table

AGES: Final = 8
MONTHS: Final = 12
LEAF_MEAN: Final = 22
TOTAL: Final = "Total"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a table is drawn.

    Attributes:
        seed: Of numpy's default generator.
        counties: Leaves of the first dimension.
        regions: What they are nested in.
    """

    name: str
    seed: int
    counties: int
    regions: int


SHAPE_3K: Final = Shape("3k", 182, 20, 4)
"""2,925 cells, 949 of them primary."""
SHAPE_8K: Final = Shape("8k", 93, 66, 6)
"""8,541 cells, 2,968 of them primary."""


def draw(shape: Shape) -> Table:
    """Return the table of a seed; the same for the same."""
    inside = [list(map(int, part)) for part in np.array_split(range(shape.counties), shape.regions)]
    regions = [f"region {number:02}" for number in range(shape.regions)]
    counties = [f"county {number:02}" for number in range(shape.counties)]
    ages = [f"age {number:02}" for number in range(AGES)]
    months = [f"month {number:02}" for number in range(MONTHS)]
    counts = _leaves(shape)
    sums = [counts[part].sum(axis=0) for part in inside]
    counts = np.concatenate([counts, np.stack(sums), counts.sum(axis=0, keepdims=True)])
    for axis in (1, 2):
        counts = np.concatenate([counts, counts.sum(axis=axis, keepdims=True)], axis=axis)
    nested = {
        region: tuple(counties[at] for at in part)
        for region, part in zip(regions, inside, strict=True)
    }
    levels: Sequence[Sequence[str]] = (
        [*counties, *regions, TOTAL], [*ages, TOTAL], [*months, TOTAL],
    )  # fmt: skip
    dimensions = [
        Dimension("county", {TOTAL: tuple(regions), **nested}),
        Dimension("age", {TOTAL: tuple(ages)}),
        Dimension("month", {TOTAL: tuple(months)}),
    ]
    keys = itertools.product(*levels)
    return cube(dimensions, dict(zip(keys, map(int, counts.ravel()), strict=True)))


def _leaves(shape: Shape) -> Integers:
    rng = np.random.default_rng(shape.seed)
    county = rng.lognormal(0.0, 1.0, shape.counties)
    age = rng.dirichlet(np.ones(AGES))
    share = np.multiply.outer(county / county.sum(), age) / MONTHS
    people = LEAF_MEAN * shape.counties * AGES * MONTHS
    mean = np.repeat(share[:, :, np.newaxis] * people, MONTHS, axis=2)
    return rng.poisson(mean).astype(np.int64)
