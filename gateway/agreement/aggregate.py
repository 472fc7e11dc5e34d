"""The table that a provision publishes, as the file says it: measures, cut, grid, disclosure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from gateway.agreement.conditions import FieldCondition
    from gateway.agreement.spans import Duration


PERMITS: Final = frozenset({"unless", "exempt", "round", "noise", "colluding"})
"""Options that let a table tell more than the rule of a cell: used where the floor permits them."""


@dataclass(frozen=True, slots=True)
class Percent:
    """A cell's count as a percentage of the total over one dimension.

    Attributes:
        of: A count of the same table.
        over: The dimension whose levels are parts of the total.
    """

    of: str
    over: str


@dataclass(frozen=True, slots=True)
class Rate:
    """A cell's count for so many people who live in its area.

    Attributes:
        of: A count of the same table.
        per: For how many people.
        population: The reference table with the people of each area, `population@<version>`.
        by: The dimension whose levels are areas.
        reliable: Suppressed from this relative standard error on, in percent; None for never.
    """

    of: str
    per: int
    population: str
    by: str
    reliable: int | None = None


Derived = Percent | Rate


@dataclass(frozen=True, slots=True)
class MeasureRule:
    """One published number of a cell.

    `count_distinct`, `sum` or `mean` (or a word refused at load) of a field; or a number that is
    worked out of other measures of the table, and then of no field.

    Attributes:
        where: Of a count: only what has one of these values is counted; None for everything.
    """

    name: str
    function: str
    field: str
    derived: Derived | None = None
    where: FieldCondition | None = None


@dataclass(frozen=True, slots=True)
class Unless:
    """Small counts under a condition are published where the whole that they are of is large.

    Attributes:
        denominator: The measure of the same table that counts the whole.
        at_least: The least whole that is large.
    """

    denominator: str
    at_least: int


@dataclass(frozen=True, slots=True)
class Grid:
    """Fixed periods from `anchor`; each opens `lag` after its end and leaves once a recipient."""

    period: Duration
    anchor: dt.date
    lag: Duration
    release: str  # once


Products = tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]
"""Cells by items: each names dimensions, and of each of them levels; a cell is at one of each."""


@dataclass(frozen=True, slots=True)
class NoiseRule:
    """Noise in place of suppression: zero-concentrated differential privacy of a person.

    Attributes:
        mechanism: `discrete_gaussian`.
        rho: What one release spends, in millionths.
        bound: The most cells of one release that one person is counted in.
        budget: What all releases of the source spend together, in millionths.
    """

    mechanism: str
    rho: int
    bound: int
    budget: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """Where a table goes that cannot be protected: each rung a level and the coarser one.

    Attributes:
        automatic: Whether the gateway climbs it, rung by rung; else people do, by a new agreement.
    """

    rungs: tuple[tuple[str, str], ...]
    automatic: bool


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What a table may tell.

    Attributes:
        colluding: Aliases who count as one attacker; None for `all`.
        ladder: What becomes of a table that cannot be protected.
        options: Names of optional keys present (`coarsen`, `unless`, …), each refused at load until
            built.
        written: Every key that the file writes, built or not.
        unless: When a small count is published all the same; None for never.
        exempt: Kinds of cells that are published whatever they hold: of each the dimensions that it
            keeps, `period` for the table's date, and the level that each is cut at.
        known: Kinds of totals that are public elsewhere, in the form of `exempt`: the attacker has
            them, and the table does not publish them.
        rounded_to: Every count leaves as the nearest multiple of this, and nothing is suppressed; 0
            where counts leave as they are or not at all.
        cost: What hiding a cell costs.
        time_limit: The outer guard of a search; None for the usual one.
        keep: Cells that users need most: of each item dimensions, and of each of them levels.
        impossible: Cells that are empty by definition, said in the same way.
        noise: Noise in place of suppression; None for exact numbers.
        preset: The name that `min_cell` stands under in the file; empty where it is a number.
    """

    min_cell: int
    min_interval: int
    zeros: str  # publish, suppress, structural
    complementary: bool
    dominance: Mapping[str, int] | None
    colluding: frozenset[str] | None
    history: Duration
    marker: str
    options: tuple[str, ...] = ()
    ladder: Ladder = Ladder((), automatic=False)
    written: frozenset[str] = frozenset()
    rounded_to: int = 0
    unless: Unless | None = None
    exempt: tuple[Mapping[str, str], ...] = ()
    known: tuple[Mapping[str, str], ...] = ()
    cost: str = "log"  # count, value
    time_limit: Duration | None = None
    keep: Products = ()
    impossible: Products = ()
    noise: NoiseRule | None = None
    preset: str = ""

    @property
    def needs_leave(self) -> frozenset[str]:
        """What it uses that lets more be told than the rule of a cell: the floor must permit it."""
        used = self.written & PERMITS
        # `all` is everybody: it takes nothing away.
        return used if self.colluding is not None else used - {"colluding"}


@dataclass(frozen=True, slots=True)
class Aggregate:
    """Whom a table counts, what it publishes, cut how, when, and under which protection.

    Attributes:
        levels: Of a dimension its coarser levels, the finest of them first.
    """

    unit: str
    measures: tuple[MeasureRule, ...]
    dimensions: tuple[str, ...]
    margins: tuple[tuple[str, ...], ...]  # empty for `none`
    grid: Grid
    disclosure: Disclosure
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
