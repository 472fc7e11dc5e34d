"""`accord disclosure audit`: what a published table gives away, ours or anybody's.

The attacker is given what the table shows and nothing else. Where the file also has the hidden
counts, they say afterwards which cells had to be protected, and that the attack told the truth.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.cli.disclosure.asked import attacker, rule_of
from gateway.cli.disclosure.found import found
from gateway.cli.disclosure.grid import grid_of, loose
from gateway.cli.disclosure.lines import wrong
from gateway.cli.disclosure.outputs import say, sheet_text, targets, write
from gateway.cli.disclosure.page import Page
from gateway.cli.disclosure.picture import Shown
from gateway.cli.disclosure.sheet import read_sheet
from gateway.cli.disclosure.terminal import draw
from gateway.cli.disclosure.terminal import facts as print_facts
from gateway.disclosure.rules import Knowledge, Zeros, lower_bounds, upper_bounds
from gateway.disclosure.table import DisclosureError, View
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.cli.disclosure.grid import Grid
    from gateway.disclosure.rules import Rule
    from gateway.disclosure.table import Flags, Integers, Key, Ranges

EXIT_NARROW: Final = 3
AWAY_MAX: Final = 20
"""How many of the cells that are given away a terminal lists; files and pages have all."""


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


def run_audit(  # noqa: PLR0913 - one argument an option
    table: str,
    *,
    total: str,
    hierarchies: Sequence[str],
    min_cell: int,
    zeros: str,
    width: int | None,
    knowledge: int,
    integer: bool,
    output: str,
    html: str,
    as_json: bool,
) -> int:
    """Attack the table of a file, and say what was found; 3 where a cell is narrower than asked.

    Raises:
        SettingsError: An option or the file is wrong.
        DisclosureError: `not_additive` where no table has these totals, or where a hidden count
            that the file gives is none that they allow; `limit`.
    """
    files = [one.partition("=")[2] for one in hierarchies]
    places = targets([table, *files], {"--output": output, "--html": html})
    rule_of(min_cell, zeros or Zeros.PUBLISH.value, width, "count", knowledge)
    grid = grid_of(read_sheet(Path(table)), total, hierarchies)
    hidden = hidden_in(grid)
    shows = zeros or _zeros(grid, hidden).value
    rule = rule_of(min_cell, shows, width, "count", knowledge)
    for said in loose(grid):
        say(said)
    if not zeros and rule.knowledge is not Knowledge.K0 and _silent(grid, hidden):
        say(
            f"{grid.sheet.path}: shows no zero; the attacker takes it that none is hidden: "
            "where zeros are hidden too, say `--zeros suppress`"
        )
    _zeros_hold(grid, hidden, rule)
    done = audited(grid, hidden, rule, integer=integer)
    shown = _shown(grid, done)
    away = _away(grid, done)
    facts = _facts(grid, rule, done, integer=integer)
    texts = {
        "--output": lambda: _sheet(grid, done),
        "--html": lambda: _page(grid, rule, shown, away, facts),
    }
    write([(place, texts[option]()) for option, place in places.items()])
    if output == "-":
        sys.stdout.write(_sheet(grid, done))
    elif as_json:
        sys.stdout.write(json.dumps({**done.summary(), "ranges": _ranges(grid, done)}) + "\n")
    else:
        draw(grid.sheet, shown, total)
        print_facts(facts)
        _print_away(away)
    return EXIT_NARROW if done.narrow.any() else 0


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


def _zeros(grid: Grid, hidden: Flags) -> Zeros:
    """Return what became of zeros: published, unless the file has one that is hidden.

    Where nothing tells, the attacker gets the benefit: he then knows that nothing hidden is zero.
    """
    hides = (grid.known & hidden & (grid.counts == 0)).any()
    return Zeros.SUPPRESS if hides else Zeros.PUBLISH


def _silent(grid: Grid, hidden: Flags) -> bool:
    """Tell whether nothing in the file says what becomes of zeros."""
    shows = (grid.known & (grid.counts == 0)).any()
    return bool((hidden & ~grid.known).any() and not shows)


def _zeros_hold(grid: Grid, hidden: Flags, rule: Rule) -> None:
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
    if rule.knowledge is Knowledge.K2:
        view = _told(grid, view, rule)
    guarded = hidden & (~grid.known | (grid.counts < rule.min_cell))
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


# --- what is said ---


def _shown(grid: Grid, done: Audited) -> dict[Key, Shown]:
    # Which of the hidden cells are small is marked only where the file tells them apart.
    apart = bool((done.hidden & ~done.guarded).any())
    away = done.narrow | done.exact
    return {
        line.key: Shown(
            int(done.ranges.low[at]),
            int(done.ranges.high[at]),
            hidden=bool(done.hidden[at]),
            mark=("p" if done.guarded[at] else "s") if apart and done.hidden[at] else "",
            narrow=bool(away[at]),
            settled=bool(done.ranges.settled[at]),
        )
        for at, line in enumerate(grid.lines)
    }


def _away(grid: Grid, done: Audited) -> list[tuple[str, str]]:
    """Return the cells that are given away, narrowest first, and what is known of each."""
    widths = done.ranges.high - done.ranges.low
    found = sorted(np.flatnonzero(done.narrow | done.exact), key=lambda at: (widths[at], at))
    return [
        (
            grid.sheet.named(grid.lines[at].key),
            f"exactly {done.ranges.low[at]:,}"
            if done.exact[at]
            else f"{done.ranges.low[at]:,} to {done.ranges.high[at]:,}",
        )
        for at in found
    ]


def _facts(grid: Grid, rule: Rule, done: Audited, *, integer: bool) -> list[tuple[str, str]]:
    found = done.summary()
    narrowest = found["narrowest_width"]
    all_count = "; the file does not say which are small, so each counts as small"
    return [
        ("cells", f"{found['cells']:,}"),
        ("hidden", f"{found['hidden']:,}{'' if grid.known.all() else all_count}"),
        ("to protect", f"{found['protected']:,}, to a width of {rule.width}"),
        ("attacker", attacker(rule, integer=integer)),
        ("known exactly", f"{found['exact']:,} hidden cells"),
        ("too narrow", f"{found['narrower']:,} of the cells to protect"),
        ("narrowest", "nothing to protect" if narrowest is None else f"{narrowest:,} wide"),
    ]


def _print_away(away: Sequence[tuple[str, str]]) -> None:
    if not away:
        return
    sys.stdout.write("\ngiven away\n")
    for name, said in away[:AWAY_MAX]:
        sys.stdout.write(f"  {name}: {said}\n")
    if len(away) > AWAY_MAX:
        sys.stdout.write(f"  and {len(away) - AWAY_MAX:,} more; `-o FILE` has them all\n")


def _ranges(grid: Grid, done: Audited) -> list[dict[str, object]]:
    return [
        {
            "cell": dict(zip(grid.sheet.dimensions, grid.lines[at].key, strict=True)),
            "low": int(done.ranges.low[at]),
            "high": int(done.ranges.high[at]),
            "protected": bool(done.guarded[at]),
        }
        for at in np.flatnonzero(done.hidden)
    ]


def _sheet(grid: Grid, done: Audited) -> str:
    """Return the table as it was read, with `low` and `high` of each hidden cell."""
    sheet = grid.sheet
    kept = [name for name in ("published", "reason") if name in sheet.columns]
    header = (*sheet.dimensions, sheet.measure, *kept, "low", "high")
    return sheet_text(header, _rows(grid, done, kept))


def _rows(grid: Grid, done: Audited, kept: Sequence[str]) -> Iterator[tuple[object, ...]]:
    place = {line.key: at for at, line in enumerate(grid.lines)}
    for line in grid.sheet.lines:
        at = place[line.key]
        own = {"published": "false" if done.hidden[at] else "true", "reason": line.reason}
        ends = (done.ranges.low[at], done.ranges.high[at]) if done.hidden[at] else ("", "")
        count = "" if line.count is None else line.count
        yield *line.key, count, *(own[name] for name in kept), *ends


def _page(
    grid: Grid,
    rule: Rule,
    shown: dict[Key, Shown],
    away: Sequence[tuple[str, str]],
    facts: Sequence[tuple[str, str]],
) -> str:
    verdict = (
        "Below are hidden cells that can be worked out, or nearly, from the published numbers "
        "alone, by adding and subtracting: hidden is not yet protected."
        if away
        else f"No protected cell can be narrowed to less than {rule.width} from this table alone."
    )
    about = (
        verdict,
        (
            "Every range on this page was computed from what the table publishes. No hidden count "
            "was used for it, and none is on this page unless the table itself gives it away."
        ),
    )
    title = f"Audit of a published table: {grid.sheet.path.name}"
    return Page(title, about, facts, away, grid.sheet, shown, grid.total).html()
