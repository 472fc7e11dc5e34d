"""The group `disclosure`: protection and audit of drawn tables, and a cube of a million records.

One attacker judges every pattern, in whole numbers; a pattern that he opens is no result but an
error. Figures of peers that need another language (R) stand in the specification of disclosure
control, section 11, and are not run here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bench import cube
from bench.drawn import SHAPE_3K, SHAPE_8K, draw
from bench.figures import median
from gateway.disclosure.attack import attack
from gateway.disclosure.rules import Knowledge, Rule, problem_of, view_of
from gateway.disclosure.suppress import protect
from gateway.disclosure.table import DisclosureError, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.drawn import Shape
    from gateway.disclosure.table import Pattern, Problem, Table

KEYS: Final = (
    "disclosure.g1_3k_s", "disclosure.g1_3k_secondary",
    "disclosure.g10_3k_s", "disclosure.g10_3k_gap", "disclosure.g10_3k_secondary",
    "disclosure.audit_3k_s",
    "disclosure.default_3k_s", "disclosure.default_3k_gap", "disclosure.default_3k_secondary",
    "disclosure.g10_8k_s", "disclosure.g10_8k_gap", "disclosure.g10_8k_secondary",
    "disclosure.audit_8k_s",
    *cube.KEYS,
)  # fmt: skip
"""What the group finds; every key is there after every run."""

LIMIT_S: Final = 120.0
"""When a search is to stop, as in an agreement that says nothing else."""

G1: Final = Rule(width=1, knowledge=Knowledge.K0)
G10: Final = Rule(width=10, knowledge=Knowledge.K0)
DEFAULT: Final = Rule(width=9, knowledge=Knowledge.K1)


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        small: The table of about 3,000 cells.
        large: The table of about 8,500 cells.
        runs: Of what takes a second or so; searches at width 9 and 10 run once.
        cube: How the cube is measured.
    """

    small: Shape = SHAPE_3K
    large: Shape = SHAPE_8K
    runs: int = 5
    cube: cube.Size = field(default_factory=cube.Size)


def run(size: Size | None = None, say: Callable[[str], None] = print) -> dict[str, float | None]:
    """Measure everything; a search that ended without a pattern has no figure."""
    size = size or Size()
    judge = _Judge(say)
    small, large = _drawn(size.small, say), _drawn(size.large, say)
    g1 = judge.protected("g1_3k", small, G1, LIMIT_S, size.runs)
    g10 = judge.protected("g10_3k", small, G10, LIMIT_S)
    g10_large = judge.protected("g10_8k", large, G10, LIMIT_S)
    found = {
        **g1.figures("g1_3k"),
        **g10.figures("g10_3k"),
        "disclosure.audit_3k_s": judge.audited("audit_3k", g10, size.runs),
        **g10_large.figures("g10_8k"),
        "disclosure.audit_8k_s": judge.audited("audit_8k", g10_large, size.runs),
        **judge.protected("default_3k", small, DEFAULT, LIMIT_S).figures("default_3k"),
        **cube.run(size.cube, say),
    }
    return {key: value for key, value in found.items() if key in KEYS}


def _drawn(shape: Shape, say: Callable[[str], None]) -> Table:
    table = draw(shape)
    say(
        f"{shape.name:>14}: seed {shape.seed}, {shape.counties} counties in {shape.regions} regions"
        f" x 8 ages x 12 months, {len(table.keys):,} cells"
    )
    return table


@dataclass(frozen=True, slots=True)
class _Protected:
    """What a search came to; without a pattern it ended at its limit."""

    problem: Problem
    pattern: Pattern | None
    seconds: float

    @property
    def secondary(self) -> int:
        """How many cells are hidden besides the primaries."""
        hidden = self.pattern.hidden if self.pattern is not None else self.problem.primary
        return int((hidden & ~self.problem.primary).sum())

    def figures(self, name: str) -> dict[str, float | None]:
        """Return time, gap and secondaries."""
        there = self.pattern is not None
        return {
            f"disclosure.{name}_s": self.seconds if there else None,
            f"disclosure.{name}_gap": self.pattern.gap if self.pattern is not None else None,
            f"disclosure.{name}_secondary": float(self.secondary) if there else None,
        }


class _Judge:
    """Protects, and lets the attacker look at what came of it."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def protected(
        self, name: str, table: Table, rule: Rule, limit_s: float, runs: int = 1
    ) -> _Protected:
        """Return the pattern of some runs, with the median of their times."""
        problem, seconds = problem_of(table, rule), []
        pattern: Pattern | None = None
        for _ in range(runs):
            started = time.perf_counter()
            try:
                pattern = protect(problem, Limits(seconds=limit_s))
            except DisclosureError as error:
                if error.cause != "limit":
                    raise
                self._say(f"{name:>14}: no pattern within {limit_s:.0f} s")
                return _Protected(problem, None, limit_s)
            seconds.append(time.perf_counter() - started)
        made = _Protected(problem, pattern, median(seconds))
        self._say(
            f"{name:>14}: {made.seconds:.2f} s (median of {runs}), least known"
            f" {int(problem.lower.max())}, width {rule.width}, {int(problem.primary.sum()):,}"
            f" primary, {made.secondary:,} secondary, gap {pattern.gap if pattern else 0:.4f}"
        )
        self.audited(f"{name} judged", made, 1)
        return made

    def audited(self, name: str, made: _Protected, runs: int) -> float | None:
        """Return the median time of the attack.

        Raises:
            RuntimeError: The attacker opened the pattern: a fast leak is no result.
        """
        if made.pattern is None:
            return None
        problem, view = made.problem, view_of(made.problem, made.pattern.hidden)
        seconds = []
        narrow = 0
        for _ in range(runs):
            started = time.perf_counter()
            ranges = attack(view, integer=True, enough=problem.width)
            seconds.append(time.perf_counter() - started)
            narrow += int((ranges.high - ranges.low < problem.width)[problem.primary].sum())
        self._say(f"{name:>14}: {median(seconds):.2f} s (median of {runs}), {narrow} too narrow")
        if narrow:
            raise RuntimeError(f"{name}: the attacker opened {narrow} cells")
        return median(seconds)
