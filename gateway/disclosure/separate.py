"""What a pattern, or a fraction of one, leaves too narrow, and the cuts that say so.

The attacker's programs over true values: who searches knows them, so that every difference from
them is a point that fits. Each answer is a witness for all variables of its piece; one that has
been seen wide enough needs no program of its own.

Source of the rules: the project's specification of disclosure control, section 6.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.disclosure.cuts import dual_cut, gains, joining_cut
from gateway.disclosure.known import Known
from gateway.disclosure.moves import Moves, nearest
from gateway.disclosure.relations import narrowed, parts_of, whole_pieces
from gateway.disclosure.seen import Seen, needs_of
from gateway.disclosure.solver import WHOLE, Program, Verdict, whole_numbers
from gateway.disclosure.table import DisclosureError

if TYPE_CHECKING:
    from gateway.disclosure.cuts import Cut
    from gateway.disclosure.merge import Merged
    from gateway.disclosure.relations import Part
    from gateway.disclosure.solver import Budget, Floats, Solution
    from gateway.disclosure.table import Flags, Integers


class Reasoning(Enum):
    """What counts as a witness.

    FRACTION: real numbers, with a little left out, for what is no pattern yet. ROUNDED: real
    numbers rounded inwards. WHOLE: only whole numbers that fit exactly.
    """

    FRACTION = "fraction"
    ROUNDED = "rounded"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Narrow:
    """A variable whose range is too narrow: how far it goes below and above its value."""

    variable: int
    least: float
    most: float


@dataclass(slots=True)
class Findings:
    """What is too narrow, and inequalities against it."""

    explain: bool = True
    every: bool = False
    narrow: list[Narrow] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)


SWEEPS: Final = 20
"""How often all wanting variables are asked for at once, before each is asked for alone."""

WORTHWHILE: Final = 30
"""A sweep that settles fewer is the last."""

TRACE: Final = 1e-3
"""A trace of freedom, as a part of the widest range asked for."""

NOISE: Final = 1e-6
"""A requirement that is missed by less is not missed by real numbers."""

SLACK: Final = 0.02
"""The part of a requirement that a fractional point may lack; the last whole point may not."""


class Attacker:
    """The attacker as he who searches sees him, and the witnesses that he has found so far."""

    def __init__(self, merged: Merged, budget: Budget) -> None:
        self._merged, self._budget = merged, budget
        self._known = Known(merged)
        self._last: _Past | None = None

    def safe(self, chosen: Floats, reasoning: Reasoning) -> bool:
        """Tell whether a pattern leaves nothing too narrow; sooner than `separate` if it does."""
        return not self.separate(chosen, reasoning, explain=False).narrow

    def separate(
        self,
        chosen: Floats,
        reasoning: Reasoning,
        near: Flags | None = None,
        *,
        explain: bool = True,
        every: bool = False,
    ) -> Findings:
        """Return what a point leaves too narrow, with a cut for each; nothing where it is safe.

        Args:
            chosen: How much of each variable is hidden, 0 to 1; fixed ones are 1.
            reasoning: FRACTION where some are between, else the attacker's.
            near: Variables that may yet be chosen; cuts are made with an eye to these.
            explain: Whether to go on after the first that is too narrow.
            every: Whether to tell each that is too narrow, or one of those that are bound alike.
        """
        merged, findings = self._merged, Findings(explain, every)
        core = _Core(merged, chosen, near, self._budget)
        whole = reasoning is not Reasoning.FRACTION
        past = self._past(chosen, *self._known.ends(chosen, whole=whole), whole=whole)
        pieces = [
            _Piece(core, part, chosen, reasoning, self._known, past, self._budget)
            for part in parts_of(merged.system, chosen > 0, np.zeros(merged.size, np.int64))
            if merged.needy[part.columns].any()
        ]
        try:
            for piece in pieces:
                piece.judge(findings)
            if reasoning is Reasoning.WHOLE and not findings.narrow:
                for piece in pieces:
                    piece.judge_whole(findings)
        finally:
            if whole:
                for piece in pieces:
                    piece.leave(past)
                self._last = past
        return findings

    def _past(self, chosen: Floats, least: Floats, most: Floats, *, whole: bool) -> _Past:
        """Return what is seen of a point before anything is asked."""
        past, last = _Past(chosen > 0, (least.copy(), most.copy()), (least, most)), self._last
        if whole and last is not None and not (last.hidden & ~past.hidden).any():
            # Where more is hidden, what was seen with less is still there to be seen.
            for mine, theirs in ((past.real, last.real), (past.whole, last.whole)):
                np.minimum(mine[0], theirs[0], out=mine[0])
                np.maximum(mine[1], theirs[1], out=mine[1])
            past.swept = list(last.swept)
        return past


@dataclass(slots=True, eq=False)
class _Past:
    """What was seen under a pattern: ends in real numbers and in whole ones, and answers."""

    hidden: Flags
    real: tuple[Floats, Floats]
    whole: tuple[Floats, Floats]
    swept: list[Floats] = field(default_factory=list)


class _Core:
    """Duals from a point a little inside: every variable may move by a trace.

    Where nothing at all is allowed to what is not hidden, any of many duals is the best, and most
    make weak cuts. A trace of freedom for all chooses the duals that serve every pattern.
    """

    def __init__(self, merged: Merged, chosen: Floats, near: Flags | None, budget: Budget) -> None:
        self.merged, self._chosen, self._budget = merged, chosen, budget
        self._near = np.ones(merged.size, np.bool_) if near is None else near | (chosen > 0)
        self._program: Program | None = None
        self._rows = np.zeros(0, np.int64)
        self._place = np.cumsum(self._near) - 1
        self._costs = np.zeros(int(self._near.sum()))

    def gains(self, variable: int, sign: float) -> tuple[Floats, float]:
        """Return how far each variable lets one go, and how far it goes anyway."""
        if self._program is None:
            self._program = self._inside()
        costs = np.zeros_like(self._costs)
        costs[self._place[variable]] = sign
        changed = np.flatnonzero(costs != self._costs)
        self._program.change_costs(changed, costs[changed])
        self._costs = costs
        duals = np.zeros(self.merged.system.rows)
        duals[self._rows] = self._program.run().duals
        return gains(self.merged, variable, sign, duals)

    def _inside(self) -> Program:
        merged, near = self.merged, self._near
        trace = TRACE * max(1, int(merged.width.max()))
        low = np.minimum(merged.low * self._chosen, np.maximum(merged.low, -trace))
        high = np.maximum(merged.high * self._chosen, np.minimum(merged.high, trace))
        self._rows, system = narrowed(merged.system, near)
        return Program(system, low[near], high[near], self._budget)


class _Piece:
    """One connected piece under a point."""

    def __init__(
        self,
        core: _Core,
        part: Part,
        point: Floats,
        reasoning: Reasoning,
        known: Known,
        past: _Past,
        budget: Budget,
    ) -> None:
        self._core, merged = core, core.merged
        self._merged, self._part, self._reasoning = merged, part, reasoning
        self._point, self._known, self._budget = point, known, budget
        at = part.columns
        chosen = point[at]
        self._low, self._high = merged.low[at] * chosen, merged.high[at] * chosen
        share = 1.0 - (SLACK if reasoning is Reasoning.FRACTION else 0.0)
        self._needs = needs_of(merged, at, share)
        self._real_ends = Seen(self._needs, past.real[0][at], past.real[1][at])
        self._whole_ends = Seen(self._needs, past.whole[0][at], past.whole[1][at])
        self._swept = [values[at] for values in past.swept]
        self._fresh: list[Floats] = []
        self._costs = np.zeros(len(at))
        self._real: Program | None = None
        self._whole: Program | None = None
        self._moves: Moves | None = None

    def leave(self, past: _Past) -> None:
        """Leave what was seen to the next pattern."""
        at = self._part.columns
        for ends, seen in ((past.real, self._real_ends), (past.whole, self._whole_ends)):
            ends[0][at], ends[1][at] = seen.least, seen.most
        for values in self._fresh:
            everywhere = np.zeros(len(self._point))
            everywhere[at] = values
            past.swept.append(everywhere)

    def judge(self, findings: Findings) -> None:
        """Add what this piece leaves too narrow in real numbers."""
        ends = self._real_ends
        self._sweep()
        alike = np.zeros(len(self._costs), np.bool_)
        for cell in np.flatnonzero(ends.wanting()).tolist():
            if findings.narrow and not findings.explain:
                return
            if (alike[cell] and not findings.every) or not ends.wants(cell):
                continue
            above = self._end(cell, 1.0)
            if not ends.wants(cell):
                continue
            below = self._end(cell, -1.0)
            if ends.wants(cell):
                cuts = self._cuts(cell, above, below) if findings.explain else []
                self._add(cell, ends, cuts, findings)
                # What moved just as far is bound by the same, and mostly shows the same cut.
                moved = np.abs(above.values - below.values)
                alike |= (np.abs(moved - moved[cell]) < NOISE) & (moved > NOISE)

    def judge_whole(self, findings: Findings) -> None:
        """Add what is wide enough in real numbers, and too narrow in whole ones."""
        ends = self._whole_ends
        for values in (*self._swept, *self._fresh):
            if not ends.wanting().any():
                return
            low, high = self._low.astype(np.int64), self._high.astype(np.int64)
            self._witness(nearest(values, self._part.system, low, high, self._budget))
        for cell in np.flatnonzero(ends.wanting()).tolist():
            self._change(cell)
            if ends.wants(cell):
                self._exhaust(cell)
            if ends.wants(cell):
                self._add(cell, ends, [], findings)

    def _change(self, cell: int) -> None:
        """Look for a whole change up, and one down for what is lacking then."""
        ends, real = self._whole_ends, self._real_ends
        for up in (True, False):
            if not ends.wants(cell):
                return
            over, under = real.most[cell], -real.least[cell]
            amount = ends.above(cell, over) if up else -ends.below(cell, under)
            if amount:
                for candidate in self._changes().reach(cell, amount):
                    self._witness(candidate)

    def _changes(self) -> Moves:
        if self._moves is None:
            low, high = self._low.astype(np.int64), self._high.astype(np.int64)
            self._moves = Moves(self._part.system, low, high, self._needs.usual(), self._budget)
        return self._moves

    def _add(self, cell: int, ends: Seen, cuts: list[Cut], findings: Findings) -> None:
        variable = int(self._part.columns[cell])
        narrow = Narrow(variable, float(ends.least[cell]), float(ends.most[cell]))
        findings.narrow.append(narrow)
        if not cuts and self._reasoning is not Reasoning.FRACTION:
            cuts = [joining_cut(self._merged, self._part.columns, self._point > 0)]
        findings.cuts.extend(cuts)

    def _sweep(self) -> None:
        """Ask for all that are wanting at once, as long as that settles some."""
        ends = self._real_ends
        for _ in range(SWEEPS):
            before = ends.wanting()
            if not before.any():
                return
            for sign in (1.0, -1.0):
                answer = self._maximize(np.where(before, sign, 0.0))
                if self._reasoning is not Reasoning.FRACTION:
                    self._fresh.append(answer.values)
            if before.sum() - ends.wanting().sum() < WORTHWHILE:
                return

    def _cuts(self, cell: int, above: Solution, below: Solution) -> list[Cut]:
        """Return a cut for each requirement that real numbers fail already."""
        merged, variable = self._merged, int(self._part.columns[cell])
        lacks = (
            above.objective + below.objective < self._needs.width[cell] - NOISE,
            above.objective < self._needs.up[cell] - NOISE,
            below.objective < self._needs.down[cell] - NOISE,
        )
        if not any(lacks):
            return []
        needs = (merged.width[variable], merged.up[variable], merged.down[variable])
        cuts = []
        for inner in (True, False):
            over, under = self._gains(variable, above, below, inner=inner)
            both = (over[0] + under[0], over[1] + under[1])
            found = [
                dual_cut(merged, *gain, int(need))
                for lack, gain, need in zip(lacks, (both, over, under), needs, strict=True)
                if lack
            ]
            cuts += [cut for cut in found if cut is not None and cut.lacks(self._point) > NOISE]
        return cuts

    def _gains(
        self, variable: int, above: Solution, below: Solution, *, inner: bool
    ) -> tuple[tuple[Floats, float], tuple[Floats, float]]:
        """Return gains upwards and downwards: by inner duals, or by those of the very answers."""
        if inner:
            return self._core.gains(variable, 1.0), self._core.gains(variable, -1.0)
        duals = np.zeros((2, self._merged.system.rows))
        duals[0, self._part.rows], duals[1, self._part.rows] = above.duals, below.duals
        upwards = gains(self._merged, variable, 1.0, duals[0])
        return upwards, gains(self._merged, variable, -1.0, duals[1])

    def _end(self, cell: int, sign: float) -> Solution:
        """Return how far a variable goes in a direction, in real numbers."""
        costs = np.zeros(len(self._costs))
        costs[cell] = sign
        return self._maximize(costs)

    def _maximize(self, costs: Floats) -> Solution:
        if self._real is None:
            self._real = Program(self._part.system, self._low, self._high, self._budget)
        changed = np.flatnonzero(costs != self._costs)
        self._real.change_costs(changed, costs[changed])
        self._costs = costs
        answer = self._real.run()
        least = most = answer.values
        if self._reasoning is not Reasoning.FRACTION:
            least, most = np.ceil(least - WHOLE), np.floor(most + WHOLE)
            self._witness(whole_pieces(self._part.system, answer.values, WHOLE))
        self._real_ends.take(least, most)
        return answer

    def _witness(self, values: Integers | None) -> None:
        """Take whole numbers that fit exactly as proof of how far each column goes."""
        if values is None:
            return
        within = ((self._low <= values) & (values <= self._high)).all()
        if within and self._part.system.holds(values):
            reached = values.astype(np.float64)
            self._real_ends.take(reached, reached)
            before = self._whole_ends.wanting().sum()
            self._whole_ends.take(reached, reached)
            if self._whole_ends.wanting().sum() < before:
                self._known.add(self._part, values)

    def _exhaust(self, cell: int) -> None:
        """Find how far a column goes in whole numbers, both ways or until it is enough."""
        if self._whole is None:
            system, budget = self._part.system, self._budget
            self._whole = Program(system, self._low, self._high, budget, whole=True)
        ends, every, one = self._whole_ends, np.arange(len(self._costs)), np.array([cell])
        for sign in (1.0, -1.0):
            low, high = float(self._low[cell]), float(self._high[cell])
            if sign > 0:
                high = min(high, float(ends.above(cell, high)))
            else:
                low = max(low, -float(ends.below(cell, -low)))
            self._whole.change_costs(every, np.where(every == cell, sign, 0.0))
            self._whole.change_bounds(one, np.array([low]), np.array([high]))
            answer = self._whole.run()
            self._whole.change_bounds(one, self._low[one], self._high[one])
            if answer.verdict is not Verdict.OPTIMAL:
                raise DisclosureError("limit", "the search reached its limit")
            self._witness(whole_numbers(answer.values))
            if not ends.wants(cell):
                return
