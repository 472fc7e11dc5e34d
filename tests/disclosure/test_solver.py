"""The hand on HiGHS: statuses, limits, and whole numbers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from highspy import HighsModelStatus, HighsStatus, kSolutionStatusFeasible, kSolutionStatusNone

from gateway.disclosure.relations import system_of
from gateway.disclosure.solver import Budget, Program, Verdict, verdict, whole_numbers
from gateway.disclosure.table import DisclosureError, Limits, Row

READ = {
    HighsModelStatus.kOptimal: Verdict.OPTIMAL,
    HighsModelStatus.kInfeasible: Verdict.INFEASIBLE,
    HighsModelStatus.kTimeLimit: Verdict.LIMIT,
    HighsModelStatus.kIterationLimit: Verdict.LIMIT,
    HighsModelStatus.kSolutionLimit: Verdict.LIMIT,
}
OTHERS = [
    status for name, status in HighsModelStatus.__members__.items() if status not in READ and name
]


class Poisoned:
    """A twin of the solver that answers with a status of our choice, and a fine solution."""

    def __init__(self, status: HighsModelStatus, *, found: object, run: HighsStatus) -> None:
        self._status, self._found, self._run = status, found, run

    def getModelStatus(self) -> HighsModelStatus:  # noqa: N802, D102
        return self._status

    def getInfo(self) -> Any:  # noqa: ANN401, N802, D102
        return SimpleNamespace(
            primal_solution_status=self._found,
            objective_function_value=1.0,
            mip_dual_bound=1.0,
            mip_node_count=1,
            simplex_iteration_count=1,
        )

    def getSolution(self) -> Any:  # noqa: ANN401, N802, D102
        return SimpleNamespace(col_value=[0.0, 0.0], row_dual=[0.0], col_dual=[0.0, 0.0])

    def getRunTime(self) -> float:  # noqa: N802, D102
        return 0.0

    def run(self) -> HighsStatus:  # noqa: D102
        return self._run

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return lambda *_: HighsStatus.kOk


class Silent(Poisoned):
    """A twin that knows nothing for some runs, and then answers."""

    def __init__(self, times: int) -> None:
        super().__init__(
            HighsModelStatus.kUnknown, found=kSolutionStatusFeasible, run=HighsStatus.kOk
        )
        self.left = times
        self.runs: list[tuple[object, ...]] = []
        self._options: dict[str, object] = {}
        self._cleared = False

    def setOptionValue(self, name: str, value: object) -> HighsStatus:  # noqa: N802, D102
        self._options[name] = value
        return HighsStatus.kOk

    def clearSolver(self) -> HighsStatus:  # noqa: N802, D102
        self._cleared = True
        return HighsStatus.kOk

    def run(self) -> HighsStatus:  # noqa: D102
        self.left -= 1
        self._status = HighsModelStatus.kUnknown if self.left >= 0 else HighsModelStatus.kOptimal
        self.runs.append((*self.way(), self._cleared))
        self._cleared = False
        return HighsStatus.kOk

    def way(self) -> tuple[object, object]:
        """Return by which simplex, and how scaled, the next run goes."""
        return self._options["simplex_strategy"], self._options.get("simplex_scale_strategy")


def program(solver: Any = None, *, whole: bool = False, limits: Limits | None = None) -> Program:  # noqa: ANN401
    """Return x <= y <= 3 as a program, or the same asked of a twin."""
    system = system_of([Row((0, 1), (1, -1), -3, 0)], 2)
    low, high = np.zeros(2), np.array([9.0, 3.0])
    budget = Budget(limits or Limits())
    return Program(system, low, high, budget, whole=whole, solver=solver)


def poisoned(
    status: HighsModelStatus,
    *,
    found: object = kSolutionStatusFeasible,
    run: HighsStatus = HighsStatus.kOk,
    whole: bool = False,
) -> str:
    """Return the cause for which a poisoned answer is refused, or that it is not."""
    twin = Poisoned(status, found=found, run=run)
    try:
        program(twin, whole=whole).run()
    except DisclosureError as error:
        return error.cause
    return "read"


@pytest.mark.parametrize("status", OTHERS, ids=lambda status: status.name)
def test_a_status_that_is_not_known_is_no_answer(status: HighsModelStatus) -> None:
    """E16: whatever is neither optimum, nor infeasible, nor a limit fails closed."""
    assert "solver" == poisoned(status)


@pytest.mark.parametrize(("status", "meaning"), READ.items(), ids=lambda one: one.name)
def test_statuses_that_are_read(status: HighsModelStatus, meaning: Verdict) -> None:
    """The five statuses that mean something mean this."""
    assert meaning is verdict(status, HighsStatus.kWarning)


def test_an_error_of_the_run_is_no_optimum() -> None:
    """A run that failed is not read, though an old status says optimal."""
    assert "solver" == poisoned(HighsModelStatus.kOptimal, run=HighsStatus.kError)


@pytest.mark.parametrize("times", range(5))
def test_who_knows_nothing_is_asked_again(times: int) -> None:
    """Another way to the answer is tried before there is none, and the next run is as usual."""
    twin = Silent(times)
    one = program(twin)

    assert 1.0 == one.run().objective
    assert times + 1 == len(set(twin.runs)) == len(twin.runs)
    assert all(cleared for *_, cleared in twin.runs[1:])
    assert 4 == twin.way()[0]
    assert twin.way()[1] in {2, None}


def test_who_never_knows_gives_no_answer() -> None:
    """The ways to an answer come to an end, and each run is counted."""
    twin = Silent(99)
    budget = Budget(Limits())
    system = system_of([Row((0, 1), (1, -1), -3, 0)], 2)
    one = Program(system, np.zeros(2), np.array([9.0, 3.0]), budget, solver=twin)

    with pytest.raises(DisclosureError) as refused:
        one.run()

    assert "solver" == refused.value.cause
    assert 5 == len(twin.runs) == budget.programs


def test_a_limit_is_not_an_optimum() -> None:
    """A linear program that a limit stopped has no answer, whatever stands in its solution."""
    assert "limit" == poisoned(HighsModelStatus.kTimeLimit)


def test_a_limit_without_a_solution_has_none() -> None:
    """In whole numbers a limit may leave a solution; where it does not, nothing is read."""
    limit = HighsModelStatus.kTimeLimit

    assert "read" == poisoned(limit, whole=True)
    assert "limit" == poisoned(limit, whole=True, found=kSolutionStatusNone)


def test_an_optimum_keeps_its_program() -> None:
    """After a change of costs the next optimum is right as well, with its duals."""
    one = program()
    one.change_costs(np.array([0]), np.array([1.0]))

    first = one.run()
    one.change_costs(np.array([0]), np.array([-1.0]))
    second = one.run()

    assert (3.0, 0.0) == (first.objective, -second.objective)
    assert 1.0 == first.duals[0]


def test_programs_are_counted() -> None:
    """The last permitted program runs; the next does not."""
    one = program(limits=Limits(programs=2))
    one.run()
    one.run()

    with pytest.raises(DisclosureError) as refused:
        one.run()

    assert "limit" == refused.value.cause


def test_no_time_left_is_a_limit() -> None:
    """Without a second left, nothing is run."""
    with pytest.raises(DisclosureError) as refused:
        program(limits=Limits(seconds=0.0)).run()

    assert "limit" == refused.value.cause


@pytest.mark.parametrize(("value", "whole"), [(2.999995, 3), (3.000005, 3), (2.9999, None)])
def test_whole_numbers(value: float, whole: int | None) -> None:
    """What is nearly whole is rounded, to be checked again; what is not is refused."""
    found = whole_numbers(np.array([value]))

    assert whole == (None if found is None else int(found[0]))
