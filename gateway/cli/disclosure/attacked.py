"""What a table shows, and what the attacker makes of it: the audit without its words."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gateway.cli.disclosure.found import found
from gateway.cli.disclosure.lines import wrong
from gateway.disclosure.rules import Knowledge, Zeros, alone, lower_bounds, upper_bounds
from gateway.disclosure.table import DisclosureError, View
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from gateway.cli.disclosure.grid import Grid
    from gateway.disclosure.rules import Rule
    from gateway.disclosure.table import Flags, Integers, Ranges


@dataclass(frozen=True, slots=True, eq=False)
class Audited:
    """What the attacker found.

    Attributes:
        hidden: The cells that the table does not show.
        guarded: Those of them that had to be protected: small, or of a size that nobody told.
        narrow: Guarded cells whose range is narrower than asked.
        exact: Hidden cells that are known exactly, guarded or not.
    """

    hidden: Flags
    guarded: Flags
    ranges: Ranges
    narrow: Flags
    exact: Flags
    seconds: float

    def summary(self) -> dict[str, object]:
        """Return what `--json` prints, but for the cells."""
        widths = (self.ranges.high - self.ranges.low)[self.guarded]
        return {
            "cells": len(self.hidden),
            "hidden": int(self.hidden.sum()),
            "protected": int(self.guarded.sum()),
            "exact": int(self.exact.sum()),
            "narrower": int(self.narrow.sum()),
            "narrowest_width": int(widths.min()) if len(widths) else None,
            "seconds": round(self.seconds, 3),
        }


# --- what the table shows ---


def hidden_in(grid: Grid) -> Flags:
    """Return the cells that are not published: those said to be, and those without a number.

    Raises:
        SettingsError: A cell is said to be published, and has no number.
    """
    for line in grid.sheet.lines:
        if line.published is True and line.count is None:
            raise wrong(
                grid.sheet.path, line.number, f"is published, and `{grid.sheet.measure}` is empty"
            )
        if "published" in grid.sheet.columns and line.published is None:
            raise wrong(grid.sheet.path, line.number, "`published` is neither `true` nor `false`")
    hides = (line.published is False or line.count is None for line in grid.lines)
    return np.fromiter(hides, np.bool_, len(grid.lines))


def zeros_of(grid: Grid, hidden: Flags) -> Zeros:
    """Return what became of zeros: published, unless the file has one that is hidden.

    Where nothing tells, the attacker gets the benefit: he then knows that nothing hidden is zero.
    """
    hides = (grid.known & hidden & (grid.counts == 0)).any()
    return Zeros.SUPPRESS if hides else Zeros.PUBLISH


def silent_of_zeros(grid: Grid, hidden: Flags) -> bool:
    """Tell whether nothing in the file says what becomes of zeros."""
    shows = (grid.known & (grid.counts == 0)).any()
    return bool((hidden & ~grid.known).any() and not shows)


def zeros_hold(grid: Grid, hidden: Flags, rule: Rule) -> None:
    """Refuse to give the attacker a fact that the file itself denies."""
    false = grid.known & hidden & (grid.counts == 0)
    if rule.zeros is Zeros.PUBLISH and false.any():
        line = grid.lines[int(np.flatnonzero(false)[0])]
        raise wrong(
            grid.sheet.path, line.number, "is a zero that is hidden: `--zeros publish` is not so"
        )


# --- the attack ---


def audited(grid: Grid, hidden: Flags, rule: Rule, *, integer: bool) -> Audited:
    """Return what an attacker of the rule's knowledge finds in a table.

    Raises:
        SettingsError: K2 is asked for, and nothing tells which cells are small.
        DisclosureError: As `run_audit` does.
    """
    view = View(
        rows=grid.rows,
        published=np.where(hidden, 0, grid.counts),
        hidden=hidden,
        lower=lower_bounds(grid.counts, rule),
        upper=_upper(grid, hidden, rule.min_cell - 1),
    )
    # Nothing but the threshold hides what stands in no sum, and everybody knows the threshold.
    guarded = hidden & (~grid.known | (grid.counts < rule.min_cell))
    lonely = guarded & alone(grid.rows, len(guarded))
    view = replace(view, upper=np.where(lonely, rule.min_cell - 1, view.upper))
    if rule.knowledge is Knowledge.K2:
        view = _told(grid, view, rule)
    began = time.perf_counter()
    try:
        ranges = found(view, np.where(guarded, rule.width, 0), integer=integer)
    except DisclosureError as error:
        if error.cause != "not_additive":
            raise
        raise _unfit(grid, rule) from None
    seconds = time.perf_counter() - began
    known = hidden & grid.known
    outside = known & ((grid.counts < ranges.low) | (ranges.high < grid.counts))
    if outside.any():
        line = grid.lines[int(np.flatnonzero(outside)[0])]
        raise DisclosureError(
            "not_additive",
            f"{grid.sheet.path}:{line.number}: {grid.sheet.named(line.key)} is hidden, and its "
            "count is none that the published totals allow",
        )
    widths = ranges.high - ranges.low
    exact = hidden & (widths == 0) & ranges.settled
    return Audited(hidden, guarded, ranges, guarded & (widths < rule.width), exact, seconds)


def _unfit(grid: Grid, rule: Rule) -> DisclosureError:
    hint = "" if rule.zeros is Zeros.SUPPRESS else "; hidden zeros need `--zeros suppress`"
    return DisclosureError(
        "not_additive", f"{grid.sheet.path}: no numbers in the hidden cells fit its totals{hint}"
    )


def _upper(grid: Grid, hidden: Flags, least: int) -> Integers:
    """Return the most that anybody gives each hidden cell: its smallest published total.

    A hidden total of hidden parts is at most their sum; a cell that nothing bounds, the largest
    number that the table shows. A count that is in the file is never above its bound: too low a
    bound would call a true table impossible.
    """
    shown = np.where(hidden, 0, grid.counts)
    upper = upper_bounds(grid.rows, shown, ~hidden, least)
    bounded = _bounded(grid, hidden)
    upper = np.where(hidden & grid.known & ~bounded, np.maximum(upper, grid.counts), upper)
    changed = True
    while changed:
        changed = False
        for row in grid.rows:
            top, *parts = row.cells
            if not hidden[top] or bounded[top]:
                continue
            most = int(np.where(hidden[parts], upper[parts], shown[parts]).sum())
            if upper[top] < most:
                upper[top], changed = most, True
    return np.where(hidden, upper, grid.counts)


def _bounded(grid: Grid, hidden: Flags) -> Flags:
    """Return the cells below a published total, at whatever distance."""
    below = np.zeros(len(hidden), np.bool_)
    changed = True
    while changed:
        changed = False
        for row in grid.rows:
            top, *parts = row.cells
            if (below[top] or not hidden[top]) and not below[parts].all():
                below[parts], changed = True, True
    return below


def _told(grid: Grid, view: View, rule: Rule) -> View:
    """Return the view of somebody who is told which hidden cells are below the threshold."""
    told = np.array([line.reason != "" for line in grid.lines], np.bool_)
    if (view.hidden & ~told & ~grid.known).any():
        raise SettingsError(
            f"{grid.sheet.path}: `--knowledge 2` needs the hidden counts, or `reason` of each "
            "hidden cell: else nothing tells which are small"
        )
    named = np.array([line.reason == "primary" for line in grid.lines], np.bool_)
    small = np.where(told, named, grid.counts < rule.min_cell)
    least = np.where(small, view.lower, rule.min_cell)
    most = np.where(small, np.minimum(view.upper, rule.min_cell - 1), view.upper)
    return View(view.rows, view.published, view.hidden, least, np.maximum(least, most))
