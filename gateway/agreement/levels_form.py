"""Levels of a table, and the ladder that it climbs down, as the file writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.agreement.aggregate import Ladder
from gateway.agreement.cursor import NAME
from gateway.agreement.finding import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.agreement.cursor import Cursor

RUNG: Final = re.compile(r"([a-z][a-z0-9_]{0,63}) -> ([a-z][a-z0-9_]{0,63})")
NO_LADDER: Final = Ladder((), automatic=False)


def levels(at: Cursor, dimensions: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the coarser levels of each dimension that has some, the finest of them first."""
    read: dict[str, tuple[str, ...]] = {}
    for name, below in at.entries(NAME):
        if name not in dimensions:
            below.wrong(f"{quoted(name)} is no dimension")
        read[name] = below.names()
    return read


def ladder(at: Cursor) -> Ladder:
    """Return a ladder: a list that people climb, or `{automatic: true, rungs: [...]}`."""
    if isinstance(at.value, list):
        return Ladder(_rungs(at), automatic=False)
    if not isinstance(at.value, dict):
        at.wrong("`coarsen` is a list of rungs, or `{automatic: true, rungs: [...]}`")
        return NO_LADDER
    entries = at.closed(frozenset({"automatic", "rungs"}))
    if not entries.read("automatic", lambda c: c.boolean(), absent=True):
        at.wrong("a ladder that people climb is written as the list of its rungs alone")
    none: tuple[tuple[str, str], ...] = ()
    return Ladder(entries.read("rungs", _rungs, none), automatic=True)


def _rungs(at: Cursor) -> tuple[tuple[str, str], ...]:
    """Return the rungs of a ladder, in their order: `month -> quarter`."""
    rungs: list[tuple[str, str]] = []
    for item in at.items():
        found = RUNG.fullmatch(item.value) if isinstance(item.value, str) else None
        if found is None:
            item.wrong("a rung is a level and a coarser one, such as `month -> quarter`")
            continue
        rungs.append((found[1], found[2]))
    return tuple(rungs)
