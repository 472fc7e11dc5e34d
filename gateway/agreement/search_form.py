"""What a search for a pattern may cost, as the file writes it: cost, time, cells to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.agreement.cursor import NAME
from gateway.agreement.finding import quoted

if TYPE_CHECKING:
    from gateway.agreement.cursor import Cursor

COSTS: Final = ("count", "value", "log")
USUAL_COST: Final = "log"
OPTIONS: Final = frozenset({"cost", "time_limit", "keep"})
Keep: TypeAlias = "tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]"
"""Cells that users need: each item names dimensions, and of each the levels, all of which hold."""


def cost(at: Cursor) -> str:
    """Return what hiding a cell costs."""
    return at.one_of(COSTS)


def keep(at: Cursor) -> Keep:
    """Return the cells that users need most."""
    return at.each(_item)


def _item(at: Cursor) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(sorted((name, _levels(below)) for name, below in at.entries(NAME)))


def _levels(at: Cursor) -> tuple[str, ...]:
    read: list[str] = []
    for item in at.items():
        level = item.text()
        if level in read:
            item.wrong(f"{quoted(level)} stands twice")
        read.append(level)
    return tuple(read)
