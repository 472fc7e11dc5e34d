"""What a search for a pattern may cost, as the file writes it: cost, time, cells to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.cursor import NAME
from gateway.agreement.finding import quoted

if TYPE_CHECKING:
    from gateway.agreement.aggregate import Products
    from gateway.agreement.cursor import Cursor

COSTS: Final = ("count", "value", "log")
USUAL_COST: Final = "log"
OPTIONS: Final = frozenset({"cost", "time_limit", "keep"})


def cost(at: Cursor) -> str:
    """Return what hiding a cell costs."""
    return at.one_of(COSTS)


def keep(at: Cursor) -> Products:
    """Return the cells that users need most."""
    return products(at)


def products(at: Cursor) -> Products:
    """Return cells as items: of each, levels of each dimension that it speaks of."""
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
