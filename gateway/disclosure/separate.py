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
from gateway.disclosure.moves import Moves
from gateway.disclosure.relations import narrowed, parts_of, whole_pieces
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
    narrow: list[Narrow] = field(default_factory=list)
    cuts: list[Cut] = field(default_factory=list)


SWEEPS: Final = 20
"""How often all wanting variables are asked for at once, before each is asked for alone."""

WORTHWHILE: Final = 12
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
    ) -> Findings:
        """Return what a point leaves too narrow, with a cut for each; nothing where it is safe.

        Args:
            chosen: How much of each variable is hidden, 0 to 1; fixed ones are 1.
            reasoning: FRACTION where some are between, else the attacker's.
            near: Variables that may yet be chosen; cuts are made with an eye to these.
            explain: Whether to go on after the first that is too narrow.
        """
        merged, findings = self._merged, Findings(explain)
        core = _Core(merged, chosen, near, self._budget)
        whole = reasoning is not Reasoning.FRACTION
        ends = self._known.ends(chosen, whole=whole)
        pieces = [
            _Piece(core, part, chosen, reasoning, self._known, ends, self._budget)
            for part in parts_of(merged.system, chosen > 0, np.zeros(merged.size, np.int64))
            if merged.needy[part.columns].any()
        ]
        for piece in pieces:
            piece.judge(findings)
        if reasoning is Reasoning.WHOLE and not findings.narrow:
            for piece in pieces:
                piece.judge_whole(findings)
        return findings


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


class _Ends:
    """How far below and above its value each column of a piece has been seen."""

    def __init__(self, least: Floats, most: Floats) -> None:
        self.least, self.most = least, most

    def seen(self, least: Floats, most: Floats) -> None:
        """Take a witness."""
        np.minimum(self.least, least, out=self.least)
        np.maximum(self.most, most, out=self.most)


class _Piece:
    """One connected piece under a point."""

    def __init__(
        self,
        core: _Core,
        part: Part,
        point: Floats,
        reasoning: Reasoning,
        known: Known,
        ends: tuple[Floats, Floats],
        budget: Budget,
    ) -> None:
        self._core, merged = core, core.merged
        self._merged, self._part, self._reasoning = merged, part, reasoning
        self._point, self._known, self._budget = point, known, budget
        at = part.columns
        chosen = point[at]
        self._low, self._high = merged.low[at] * chosen, merged.high[at] * chosen
        share = 1.0 - (SLACK if reasoning is Reasoning.FRACTION else 0.0)
        self._width = merged.width[at] * share
        self._up, self._down = merged.up[at] * share, merged.down[at] * share
        self._real_ends = _Ends(ends[0][at], ends[1][at])
        self._whole_ends = _Ends(ends[0][at], ends[1][at])
        self._costs = np.zeros(len(at))
        self._real: Program | None = None
        self._whole: Program | None = None
        self._moves: Moves | None = None

    def judge(self, findings: Findings) -> None:
        """Add what this piece leaves too narrow in real numbers."""
        ends = self._real_ends
        self._sweep()
        for cell in np.flatnonzero(self._wanting(ends)).tolist():
            if findings.narrow and not findings.explain:
                return
            if not self._wants(ends, cell):
                continue
            above = self._end(cell, 1.0)
            if not self._wants(ends, cell):
                continue
            below = self._end(cell, -1.0)
            if self._wants(ends, cell):
                cuts = self._cuts(cell, above, below) if findings.explain else []
                self._add(cell, ends, cuts, findings)

    def judge_whole(self, findings: Findings) -> None:
        """Add what is wide enough in real numbers, and too narrow in whole ones."""
        ends = self._whole_ends
        for cell in np.flatnonzero(self._wanting(ends)).tolist():
            self._change(cell, self._real_ends.most[cell], -self._real_ends.least[cell])
            if self._wants(ends, cell):
                self._exhaust(cell)
            if self._wants(ends, cell):
                self._add(cell, ends, [], findings)

    def _change(self, cell: int, over: float, under: float) -> None:
        """Look for a whole change up, at most so far, and one down for what is lacking then."""
        width, least = self._width[cell], self._down[cell]
        for up in (True, False):
            if not self._wants(self._whole_ends, cell):
                return
            if up:
                amount = min(over, max(self._up[cell], width - min(width, least)))
            else:
                amount = -min(under, max(least, width - self._whole_ends.most[cell]))
            if amount:
                self._witness(self._changes().change(cell, int(amount)))

    def _changes(self) -> Moves:
        if self._moves is None:
            low, high = self._low.astype(np.int64), self._high.astype(np.int64)
            scale = int(np.median(self._width[self._width > 0])) if self._width.any() else 1
            self._moves = Moves(self._part.system, low, high, scale, self._budget)
        return self._moves

    def _add(self, cell: int, ends: _Ends, cuts: list[Cut], findings: Findings) -> None:
        variable = int(self._part.columns[cell])
        narrow = Narrow(variable, float(ends.least[cell]), float(ends.most[cell]))
        findings.narrow.append(narrow)
        if not cuts and self._reasoning is not Reasoning.FRACTION:
            cuts = [joining_cut(self._merged, self._part.columns, self._point > 0)]
        findings.cuts.extend(cuts)

    def _wanting(self, ends: _Ends) -> Flags:
        """Return which columns have not been seen wide enough."""
        wanting: Flags = (
            (ends.most - ends.least < self._width)
            | (ends.most < self._up)
            | (-ends.least < self._down)
        )
        return wanting

    def _wants(self, ends: _Ends, cell: int) -> bool:
        """Tell whether one column has not been seen wide enough."""
        least, most = ends.least[cell], ends.most[cell]
        return bool(
            most - least < self._width[cell] or most < self._up[cell] or -least < self._down[cell]
        )

    def _sweep(self) -> None:
        """Ask for all that are wanting at once, as long as that settles some."""
        ends = self._real_ends
        for _ in range(SWEEPS):
            before = self._wanting(ends)
            if not before.any():
                return
            self._maximize(before.astype(np.float64))
            self._maximize(-before.astype(np.float64))
            if before.sum() - self._wanting(ends).sum() < WORTHWHILE:
                return

    def _cuts(self, cell: int, above: Solution, below: Solution) -> list[Cut]:
        """Return a cut for each requirement that real numbers fail already."""
        merged, variable = self._merged, int(self._part.columns[cell])
        lacks = (
            above.objective + below.objective < self._width[cell] - NOISE,
            above.objective < self._up[cell] - NOISE,
            below.objective < self._down[cell] - NOISE,
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
            cuts = [cut for cut in found if cut is not None and cut.lacks(self._point) > NOISE]
            if cuts:
                break
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
        self._real_ends.seen(least, most)
        return answer

    def _witness(self, values: Integers | None) -> None:
        """Take whole numbers that fit exactly as proof of how far each column goes."""
        if values is None:
            return
        within = ((self._low <= values) & (values <= self._high)).all()
        if within and self._part.system.holds(values):
            reached = values.astype(np.float64)
            self._real_ends.seen(reached, reached)
            before = self._wanting(self._whole_ends).sum()
            self._whole_ends.seen(reached, reached)
            if self._wanting(self._whole_ends).sum() < before:
                self._known.add(self._part, values)

    def _exhaust(self, cell: int) -> None:
        """Find how far a column goes in whole numbers, both ways or until it is enough."""
        if self._whole is None:
            system, budget = self._part.system, self._budget
            self._whole = Program(system, self._low, self._high, budget, whole=True)
        every = np.arange(len(self._costs))
        for sign in (1.0, -1.0):
            self._whole.change_costs(every, np.where(every == cell, sign, 0.0))
            answer = self._whole.run()
            if answer.verdict is not Verdict.OPTIMAL:
                raise DisclosureError("limit", "the search reached its limit")
            self._witness(whole_numbers(answer.values))
            if not self._wants(self._whole_ends, cell):
                return
