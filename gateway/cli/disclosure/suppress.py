"""`accord disclosure suppress`: choose which cells of a table to hide, and attack the choice.

Nothing is written that the attacker opens: what leaves here has been attacked as it stands.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.cli.disclosure.asked import attacker, least, rule_of
from gateway.cli.disclosure.found import found
from gateway.cli.disclosure.grid import grid_of, loose
from gateway.cli.disclosure.lines import wrong
from gateway.cli.disclosure.outputs import say, sheet_text, targets, write
from gateway.cli.disclosure.page import Page
from gateway.cli.disclosure.picture import Shown
from gateway.cli.disclosure.sheet import read_sheet
from gateway.cli.disclosure.terminal import draw, facts
from gateway.disclosure.attack import attack
from gateway.disclosure.rules import Knowledge, alone, problem_of, upper_bounds, view_of
from gateway.disclosure.suppress import protect
from gateway.disclosure.table import DisclosureError, Limits, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.cli.disclosure.grid import Grid
    from gateway.cli.disclosure.sheet import Sheet
    from gateway.disclosure.rules import Rule
    from gateway.disclosure.table import Flags, Key, Pattern, Problem, Ranges

LIMITS: Final = Limits()
EXPLAIN: Final = Limits(seconds=30.0)
NAMED: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Protected:
    """A pattern that was attacked, and held."""

    problem: Problem
    pattern: Pattern
    ranges: Ranges
    seconds: float

    @property
    def secondary(self) -> Flags:
        """Return the cells that are hidden for another's sake."""
        return self.pattern.hidden & ~self.problem.primary

    def summary(self) -> dict[str, object]:
        """Return what `--json` prints; `narrowest_width` is null where no cell is primary."""
        widths = (self.ranges.high - self.ranges.low)[self.problem.primary]
        return {
            "cells": len(self.pattern.hidden),
            "primary": int(self.problem.primary.sum()),
            "secondary": int(self.secondary.sum()),
            "objective": int(self.pattern.objective),
            "gap": float(self.pattern.gap),
            "narrowest_width": int(widths.min()) if len(widths) else None,
            "seconds": round(self.seconds, 3),
        }


def run_suppress(  # noqa: PLR0913 - one argument an option
    table: str,
    *,
    total: str,
    hierarchies: Sequence[str],
    min_cell: int,
    zeros: str,
    width: int | None,
    cost: str,
    knowledge: int,
    output: str,
    release: str,
    html: str,
    as_json: bool,
) -> int:
    """Protect the table of a file, attack what came of it, and only then write.

    Raises:
        SettingsError: An option or the file is wrong; nothing is written.
        DisclosureError: `not_additive`, `infeasible`, `limit`, or `leak`; nothing is written.
    """
    rule = rule_of(min_cell, zeros, width, cost, knowledge)
    files = [one.partition("=")[2] for one in hierarchies]
    options = {"--output": output, "--release": release, "--html": html}
    places = targets([table, *files], options)
    grid = grid_of(read_sheet(Path(table)), total, hierarchies)
    _notes(grid, rule)
    problem = problem_for(grid, rule)
    try:
        done = protected(problem)
    except DisclosureError as error:
        if error.cause != "infeasible":
            raise
        raise _hopeless(grid, problem) from None
    shown = _shown(grid, done)
    texts = {
        "--output": lambda: _working(grid.sheet, done),
        "--release": lambda: _released(grid.sheet, done),
        "--html": lambda: _page(grid, rule, done, shown),
    }
    write([(place, texts[option]()) for option, place in places.items()])
    if output == "-":
        sys.stdout.write(_working(grid.sheet, done))
    elif as_json:
        sys.stdout.write(json.dumps(done.summary()) + "\n")
    else:
        draw(grid.sheet, shown, total)
        facts(_facts(rule, done))
        if output:
            say(f"{output} holds hidden counts and reasons: it is yours; `--release` is to be sent")
    return 0


def _notes(grid: Grid, rule: Rule) -> None:
    sheet = grid.sheet
    for said in loose(grid):
        say(said)
    if "published" in sheet.columns and rule.knowledge is not Knowledge.K3:
        say(f"{sheet.path}: `published` is decided anew; `--knowledge 3` takes it as released")


# --- the problem ---


def problem_for(grid: Grid, rule: Rule) -> Problem:
    """Return what has to be hidden, and what an attacker of the rule's knowledge is given.

    A line whose `reason` is `primary` is protected whatever its size. At K3 a line that says
    `published` was released before: what is true stays published, what is false stays hidden.

    Raises:
        SettingsError: A count is missing.
    """
    for line in grid.sheet.lines:
        if line.count is None:
            raise wrong(
                grid.sheet.path, line.number,
                f"`{grid.sheet.measure}` is empty: who hides cells has to know them all",
            )  # fmt: skip
    table = Table(grid.keys, grid.counts, grid.rows)
    problem = problem_of(table, rule)
    named = np.array([line.reason == "primary" for line in grid.lines], np.bool_)
    primary = problem.primary | named
    free = np.ones(len(primary), np.bool_)
    shut = np.zeros(len(primary), np.bool_)
    if rule.knowledge is Knowledge.K3:
        free = np.array([line.published is not True for line in grid.lines], np.bool_)
        primary &= free
        shut = np.array([line.published is False for line in grid.lines], np.bool_) & ~primary
    # A zero that is hidden by name or before is not public: nobody knows that it is at least 1.
    lower = np.minimum(problem.lower, grid.counts)
    published = ~(primary | shut)
    upper = upper_bounds(grid.rows, grid.counts, published, rule.min_cell - 1)
    small = primary & (grid.counts < rule.min_cell)
    upper = np.where(small & ~named & alone(grid.rows, len(small)), rule.min_cell - 1, upper)
    if rule.knowledge is Knowledge.K2:
        lower = np.where(primary, lower, np.minimum(rule.min_cell, grid.counts))
        upper = np.where(small, np.minimum(upper, rule.min_cell - 1), upper)
    return replace(
        problem,
        primary=primary,
        open=(problem.open | ~free) & ~primary & ~shut,
        shut=shut,
        width=np.where(primary, rule.width, 0),
        lower=lower,
        upper=upper,
    )


def protected(problem: Problem, limits: Limits = LIMITS) -> Protected:
    """Return a pattern that the attacker did not open, with what he found.

    Raises:
        DisclosureError: As `protect` and `attack` do; `leak` where a protected cell is narrower
            than asked, or its count outside of what the attacker believes.
    """
    began = time.perf_counter()
    pattern = protect(problem, limits, integer=True)
    ranges = found(view_of(problem, pattern.hidden), problem.width, integer=True)
    values, small = problem.table.values, problem.primary
    held = (
        (ranges.high - ranges.low >= problem.width)
        & (ranges.low <= values)
        & (values <= ranges.high)
    )
    if (small & ~(pattern.hidden & held)).any() or (problem.open & pattern.hidden).any():
        raise DisclosureError("leak", "the attacker found a cell narrower than asked")
    return Protected(problem, pattern, ranges, time.perf_counter() - began)


def _hopeless(grid: Grid, problem: Problem) -> DisclosureError:
    """Return the error that says which cells nothing protects: not even hiding all that may be."""
    hint = "coarser levels, `--zeros suppress` or a smaller `--width` may"
    hidden = ~problem.open
    try:
        view = view_of(problem, hidden)
        ranges = attack(view, integer=True, enough=problem.width, limits=EXPLAIN)
    except DisclosureError:
        lost = problem.primary & problem.open
    else:
        lost = problem.primary & (ranges.high - ranges.low < problem.width)
    places = [grid.lines[at] for at in np.flatnonzero(lost)]
    named = "; ".join(f"line {one.number}, {grid.sheet.named(one.key)}" for one in places[:NAMED])
    more = f"; and {len(places) - NAMED:,} more" if len(places) > NAMED else ""
    return DisclosureError(
        "infeasible",
        f"{grid.sheet.path}: no pattern protects every small cell; {hint}"
        + (
            f". Even with all hidden that may be, these stay narrow: {named}{more}" if named else ""
        ),
    )


# --- what is written ---


def _working(sheet: Sheet, done: Protected) -> str:
    """Return the officer's own table: all counts, what is published, and why not."""
    header = (*sheet.dimensions, sheet.measure, "published", "reason")
    return sheet_text(header, _rows(sheet, done, for_recipient=False))


def _released(sheet: Sheet, done: Protected) -> str:
    """Return the table that a recipient may have: hidden cells are empty, all in one way."""
    header = (*sheet.dimensions, sheet.measure, "published")
    return sheet_text(header, _rows(sheet, done, for_recipient=True))


def _rows(sheet: Sheet, done: Protected, *, for_recipient: bool) -> Iterator[tuple[object, ...]]:
    place = _places(done)
    secondary = done.secondary
    for line in sheet.lines:
        at = place[line.key]
        hidden = bool(done.pattern.hidden[at])
        published = "false" if hidden else "true"
        if for_recipient:
            yield *line.key, "" if hidden else line.count, published
        else:
            reason = "secondary" if secondary[at] else "primary" if hidden else ""
            yield *line.key, line.count, published, reason


def _places(done: Protected) -> dict[Key, int]:
    return {key: at for at, key in enumerate(done.problem.table.keys)}


def _shown(grid: Grid, done: Protected) -> dict[Key, Shown]:
    ranges, hidden, primary = done.ranges, done.pattern.hidden, done.problem.primary
    return {
        key: Shown(
            int(ranges.low[at]),
            int(ranges.high[at]),
            hidden=bool(hidden[at]),
            mark=("p" if primary[at] else "s") if hidden[at] else "",
            settled=bool(ranges.settled[at]),
        )
        for at, key in enumerate(grid.keys)
    }


def _facts(rule: Rule, done: Protected) -> list[tuple[str, str]]:
    found = done.summary()
    narrowest = found["narrowest_width"]
    gap = "optimal" if not done.pattern.gap else f"at most {done.pattern.gap:.2%} above the optimum"
    return [
        ("cells", f"{found['cells']:,}"),
        ("hidden", f"{found['primary']:,} small, {found['secondary']:,} for their sake"),
        ("cost", f"{found['objective']:,} by {rule.cost.value}, {gap}"),
        ("rule", f"below {rule.min_cell}; zeros: {rule.zeros.value}; width {rule.width}"),
        ("attacker", attacker(rule, integer=True)),
        ("narrowest", "no small cell" if narrowest is None else f"{narrowest:,} wide"),
    ]


def _page(grid: Grid, rule: Rule, done: Protected, shown: dict[Key, Shown]) -> str:
    about = (
        (
            "Which cells are hidden, and what somebody who adds and subtracts can still believe of "
            "each. No hidden count is on this page, but why a cell is hidden is: it is for the "
            "officer, not for the recipient."
        ),
        (
            f"Every small cell stays uncertain over a range of at least {rule.width}, for somebody "
            f"who knows what the table shows, and that what is hidden is at least {least(rule)}."
        ),
    )
    title = f"Suppressed table: {grid.sheet.path.name}"
    return Page(title, about, _facts(rule, done), (), grid.sheet, shown, grid.total).html()
