"""A strict hand on HiGHS: one thread, one seed, and every status matched.

A status that is not known to carry an answer carries none. What a solver says is a floating-point
claim; whoever builds on it here either rounds and checks in exact integers (`relations.System`), or
uses it where any number would be valid (duals of a cut). Time is the solver's own: its run time,
added up over a search, where the caller gives no clock.

Source of the rules: the project's specification of disclosure control, sections 6.3 and 12 (E16).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import highspy
import numpy as np
from highspy import HighsModelStatus, HighsStatus
from numpy.typing import NDArray

from gateway.disclosure.table import DisclosureError, Limits

if TYPE_CHECKING:
    from gateway.disclosure.relations import System
    from gateway.disclosure.table import Integers

Floats: TypeAlias = NDArray[np.float64]

WHOLE: Final = 1e-5
"""How far from a whole number a solver's whole number may be; it is rounded and checked again."""


USUAL: Final = Limits()
"""The limits where none are given."""


class Verdict(Enum):
    """What a solver's status allows to be read."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    LIMIT = "limit"


def verdict(status: HighsModelStatus, run: HighsStatus) -> Verdict:
    """Return what a status means.

    Raises:
        DisclosureError: `solver` for each status that is neither an optimum, nor a proof that
            there is none, nor a limit of ours; those to come are refused until somebody reads
            what they mean.
    """
    if run == HighsStatus.kError:
        raise DisclosureError("solver", "the solver failed")
    match status:
        case HighsModelStatus.kOptimal:
            return Verdict.OPTIMAL
        case HighsModelStatus.kInfeasible:
            return Verdict.INFEASIBLE
        case (
            HighsModelStatus.kTimeLimit
            | HighsModelStatus.kIterationLimit
            | HighsModelStatus.kSolutionLimit
        ):
            return Verdict.LIMIT
        case _:
            raise DisclosureError("solver", "the solver gave no answer that can be used")


class Budget:
    """What is left of the limits; each program that runs takes its part.

    Work is counted and the same on every machine. Time is measured by the clock that is given, else
    by the solver's own.
    """

    def __init__(self, limits: Limits, share: float = 1.0) -> None:
        """Keep back all but a share, until `release` is called."""
        self.limits = limits
        self.programs = 0
        self.work = 0.0
        self._solving = 0.0
        self._share = share
        self._clock = limits.clock
        self._began = self._clock() if self._clock else 0.0

    def release(self) -> None:
        """Let what was kept back be used."""
        self._share = 1.0

    def left(self) -> float:
        """Return the seconds that are left.

        Raises:
            DisclosureError: `limit` where none are, or no more work may be done.
        """
        left = self.limits.seconds * self._share - self.seconds
        if left <= 0 or self.programs >= self.limits.programs * self._share or self._rest() <= 0:
            raise DisclosureError("limit", "the search reached its limit")
        return left

    @property
    def seconds(self) -> float:
        """How long the search has taken."""
        return self._clock() - self._began if self._clock else self._solving

    def nodes(self, size: int) -> int:
        """Return how many nodes a program in integers may still have, by its rows and columns."""
        most = int(max(0.0, self._rest()) * MILLION / (NODE * max(1, size)))
        return min(self.limits.nodes, max(1, most))

    def spend(self, seconds: float, steps: float = 0.0, size: int = 0) -> None:
        """Count a program that ran."""
        self.programs += 1
        self.work += (EACH + steps) * size / MILLION
        self._solving += seconds

    def _rest(self) -> float:
        return self.limits.work * self._share - self.work


MILLION: Final = 1e6

EACH: Final = 10
"""The steps that a program counts for, besides its own."""

ROOT: Final = 20
"""The steps for each row that a program in integers counts for before its first node."""

NODE: Final = 300
"""The steps that a node counts for."""


class Highs(Protocol):
    """The part of the solver that is used; a test's twin has the same."""

    def setOptionValue(self, name: str, value: Any, /) -> HighsStatus: ...  # noqa: ANN401, D102, N802
    def passModel(self, *model: Any) -> HighsStatus: ...  # noqa: ANN401, D102, N802
    def changeColsCost(self, n: int, columns: Any, costs: Any, /) -> HighsStatus: ...  # noqa: ANN401, D102, N802
    def changeColsBounds(self, n: int, columns: Any, low: Any, high: Any, /) -> HighsStatus: ...  # noqa: ANN401, D102, N802
    def addRows(self, n: int, low: Any, high: Any, size: int, *entries: Any) -> HighsStatus: ...  # noqa: ANN401, D102, N802
    def setSolution(self, n: int, columns: Any, values: Any, /) -> HighsStatus: ...  # noqa: ANN401, D102, N802
    def setBasis(self) -> HighsStatus: ...  # noqa: D102, N802
    def clearSolver(self) -> HighsStatus: ...  # noqa: D102, N802
    def run(self) -> HighsStatus: ...  # noqa: D102
    def getModelStatus(self) -> HighsModelStatus: ...  # noqa: D102, N802
    def getSolution(self) -> Any: ...  # noqa: ANN401, D102, N802
    def getInfo(self) -> Any: ...  # noqa: ANN401, D102, N802
    def getRunTime(self) -> float: ...  # noqa: D102, N802


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """An optimum, or what stood at a limit.

    Attributes:
        verdict: OPTIMAL or LIMIT; nothing else has a solution.
        values: Of each column.
        duals: Of each row; empty for a program in integers.
        reduced: The cost of each column beyond what the rows pay for it; likewise.
        objective: What the values give.
        bound: What no values can better.
    """

    verdict: Verdict
    values: Floats
    duals: Floats
    reduced: Floats
    objective: float
    bound: float


class Program:
    """A program over a system of rows, of which costs, bounds and further rows may change.

    A linear one keeps its basis from one run to the next. One that maximizes is the attacker's, who
    changes costs; one that minimizes is the master's, to which rows are added.
    """

    def __init__(
        self,
        system: System,
        low: Floats,
        high: Floats,
        budget: Budget,
        *,
        whole: bool = False,
        maximize: bool = True,
        costs: Floats | None = None,
        solver: Highs | None = None,
    ) -> None:
        _start_with_one_thread()
        self._highs: Highs = highspy.Highs() if solver is None else solver  # type: ignore[no-untyped-call]
        self._budget = budget
        self._whole = whole
        self._columns, self._rows = system.columns, system.rows
        self.costs = np.zeros(system.columns) if costs is None else costs
        for name, value in _OPTIONS:
            self._obeyed(self._highs.setOptionValue(name, value))
        # Presolve is off for whole numbers too: the aggregator of 1.12 to 1.15 loses the optimum of
        # programs with whole columns in equalities, and says that it is proven.
        self.option("presolve", "off")
        if whole and not maximize and system.columns <= SMALL:
            # Half the time of a small program, for what its branch and bound finds as soon.
            self.option("mip_heuristic_run_feasibility_jump", False)  # noqa: FBT003
        if not whole:
            # A basis stays feasible where costs change, and dual feasible where rows are added:
            # the dual simplex takes forty times the iterations after a change of costs.
            self.option("simplex_strategy", _PRIMAL if maximize else _DUAL)
        self._ways = _ways(_PRIMAL if maximize and not whole else _DUAL)
        sense = highspy.ObjSense.kMaximize if maximize else highspy.ObjSense.kMinimize
        self._obeyed(
            self._highs.passModel(
                system.columns,
                system.rows,
                len(system.index),
                int(highspy.MatrixFormat.kRowwise),
                int(sense),
                0.0,
                self.costs,
                low,
                high,
                *row_bounds(system, low, high),
                system.start.astype(np.int32),
                system.index.astype(np.int32),
                system.coefficient.astype(np.float64),
                np.full(system.columns, int(whole), np.int32),
            )
        )

    @staticmethod
    def _obeyed(status: HighsStatus) -> None:
        if status != HighsStatus.kOk:
            raise DisclosureError("solver", "the solver did not take its model")

    def option(self, name: str, value: str | float) -> None:
        """Set an option of the solver."""
        self._obeyed(self._highs.setOptionValue(name, value))

    def change_costs(self, columns: Integers, costs: Floats) -> None:
        """Give some columns another cost."""
        self._obeyed(self._highs.changeColsCost(len(columns), columns.astype(np.int32), costs))

    def change_bounds(self, columns: Integers, low: Floats, high: Floats) -> None:
        """Give some columns other bounds."""
        self._obeyed(
            self._highs.changeColsBounds(len(columns), columns.astype(np.int32), low, high)
        )

    def add_rows(self, low: Floats, start: Integers, index: Integers, counts: Floats) -> None:
        """Add rows that are at least `low`."""
        self._rows += len(low)
        self._obeyed(
            self._highs.addRows(
                len(low),
                low,
                np.full(len(low), highspy.kHighsInf),
                len(index),
                start.astype(np.int32),
                index.astype(np.int32),
                counts,
            )
        )

    def begin_at(self, values: Floats) -> None:
        """Give a program in integers a point to begin at."""
        self._obeyed(
            self._highs.setSolution(self._columns, np.arange(self._columns, dtype=np.int32), values)
        )

    def forget(self) -> None:
        """Let the next run begin without a basis."""
        self._obeyed(self._highs.setBasis())

    def run(self) -> Solution:
        """Return the optimum, or what stands at a limit.

        Raises:
            DisclosureError: `not_additive` where nothing satisfies the rows; `limit` where a
                linear program ended at one, and where nothing was found by then; `solver` where
                there is no answer that can be used, and no other way gives one either.
        """
        found = self._found()
        if found is Verdict.INFEASIBLE:
            raise DisclosureError("not_additive", "no table has these numbers")
        info = self._highs.getInfo()
        answer = self._highs.getSolution()
        if info.primal_solution_status != highspy.kSolutionStatusFeasible:
            raise DisclosureError("limit", "the search reached its limit")
        if found is Verdict.LIMIT and not self._whole:
            raise DisclosureError("limit", "the search reached its limit")
        return Solution(
            verdict=found,
            values=np.array(answer.col_value),
            duals=np.zeros(0) if self._whole else np.array(answer.row_dual),
            reduced=np.zeros(0) if self._whole else np.array(answer.col_dual),
            objective=info.objective_function_value,
            bound=info.mip_dual_bound if self._whole else info.objective_function_value,
        )

    def _found(self) -> Verdict:
        """Run until there is a verdict: as always, then in other ways, always the same ones.

        From the basis of the program before, the simplex sometimes ends a hair off feasible and
        says that it knows nothing. From none at all, or by the other simplex, it knows.
        """
        try:
            return self._attempt()
        except DisclosureError as error:
            if error.cause != "solver":
                raise
        try:
            for way in self._ways[1:]:
                self._obeyed(self._highs.clearSolver())
                self._go(way)
                try:
                    return self._attempt()
                except DisclosureError as error:
                    if error.cause != "solver":
                        raise
        finally:
            self._go(self._ways[0])
        raise DisclosureError("solver", "the solver gave no answer that can be used")

    def _go(self, way: _Way) -> None:
        """Take a way to an answer."""
        strategy, scale = way
        self.option("simplex_strategy", strategy)
        self.option("simplex_scale_strategy", scale)

    def _attempt(self) -> Verdict:
        size = self._rows + self._columns
        began = self._highs.getRunTime()
        self.option("time_limit", began + self._budget.left())
        if self._whole:
            self.option("mip_max_nodes", self._budget.nodes(size))
        outcome = self._highs.run()
        info = self._highs.getInfo()
        if self._whole:
            steps = ROOT * self._rows + NODE * max(0, int(info.mip_node_count))
        else:
            steps = max(0, int(info.simplex_iteration_count))
        self._budget.spend(self._highs.getRunTime() - began, steps, size)
        return verdict(self._highs.getModelStatus(), outcome)


@cache
def _start_with_one_thread() -> None:
    """Let the engine have one thread, unless the process has given it others before."""
    first = highspy.Highs()  # type: ignore[no-untyped-call]
    first.setOptionValue("output_flag", False)  # noqa: FBT003
    first.setOptionValue("threads", 1)
    first.run()


SMALL: Final = 500
"""A master of so many columns needs no search for some choice before that for the best."""

_DUAL: Final = 1
_PRIMAL: Final = 4
_SCALED: Final = 2
_UNSCALED: Final = 0

_Way: TypeAlias = tuple[int, int]


def _ways(usual: int) -> tuple[_Way, ...]:
    """Return how an answer is looked for, by simplex and scaling: the usual way, then others.

    The second is the usual way again, from no basis.
    """
    other = _PRIMAL + _DUAL - usual
    scaled = ((usual, _SCALED), (usual, _SCALED), (other, _SCALED))
    return (*scaled, (other, _UNSCALED), (usual, _UNSCALED))


_OPTIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("output_flag", False),
    # Zero is: as many as the engine has already. It refuses to run with another number, and then
    # nothing could be protected where something else uses it; "off" lets no program use them.
    ("threads", 0),
    ("parallel", "off"),
    ("random_seed", 0),
    ("mip_rel_gap", 0.0),
)


def row_bounds(system: System, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Return the rows' bounds; one that the columns' bounds imply is no bound at all.

    A bound of 2^53 that stands for none would else scale the whole program by itself.
    """
    if not system.rows:
        return np.zeros(0), np.zeros(0)
    count = system.coefficient.astype(np.float64)
    least = np.where(count > 0, count * low[system.index], count * high[system.index])
    most = np.where(count > 0, count * high[system.index], count * low[system.index])
    below = np.add.reduceat(least, system.start[:-1])
    above = np.add.reduceat(most, system.start[:-1])
    free = system.low != system.high
    bottom = np.where(free & (below >= system.low), -highspy.kHighsInf, system.low)
    top = np.where(free & (above <= system.high), highspy.kHighsInf, system.high)
    return bottom.astype(np.float64), top.astype(np.float64)


def whole_numbers(values: Floats) -> Integers | None:
    """Return values as whole numbers, where they are."""
    near = np.rint(values)
    if np.abs(values - near).max(initial=0.0) > WHOLE:
        return None
    exact: Integers = near.astype(np.int64)
    return exact
