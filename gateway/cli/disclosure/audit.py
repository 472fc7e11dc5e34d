"""`accord disclosure audit`: what a published table gives away, ours or anybody's.

The attacker is given what the table shows and nothing else. Where the file also has the hidden
counts, they say afterwards which cells had to be protected, and that the attack told the truth.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from gateway.cli.disclosure.asked import attacker, rule_of
from gateway.cli.disclosure.attacked import (
    audited,
    hidden_in,
    silent_of_zeros,
    zeros_hold,
    zeros_of,
)
from gateway.cli.disclosure.grid import grid_of, loose
from gateway.cli.disclosure.outputs import say, sheet_text, targets, write
from gateway.cli.disclosure.page import Page
from gateway.cli.disclosure.picture import Shown
from gateway.cli.disclosure.sheet import read_sheet
from gateway.cli.disclosure.terminal import draw
from gateway.cli.disclosure.terminal import facts as print_facts
from gateway.disclosure.rules import Knowledge, Zeros

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.cli.disclosure.attacked import Audited
    from gateway.cli.disclosure.grid import Grid
    from gateway.disclosure.rules import Rule
    from gateway.disclosure.table import Key

EXIT_NARROW: Final = 3
AWAY_MAX: Final = 20
"""How many of the cells that are given away a terminal lists; files and pages have all."""


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
    shows = zeros or zeros_of(grid, hidden).value
    rule = rule_of(min_cell, shows, width, "count", knowledge)
    for said in loose(grid):
        say(said)
    if not zeros and rule.knowledge is not Knowledge.K0 and silent_of_zeros(grid, hidden):
        say(
            f"{grid.sheet.path}: shows no zero; the attacker takes it that none is hidden: "
            "where zeros are hidden too, say `--zeros suppress`"
        )
    zeros_hold(grid, hidden, rule)
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
