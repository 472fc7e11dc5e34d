"""What stands in for the rule of the cell, as the file writes it: rounding, and exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.agreement.aggregate import Unless
from gateway.agreement.cursor import NAME, WORD

if TYPE_CHECKING:
    from gateway.agreement.cursor import Cursor

BASES: Final = (3, 5, 10, 20)
OPTIONS: Final = frozenset({"round", "unless", "exempt", "known"})
PERIOD, WHOLE, EACH = "period", "total", "each"
"""In `exempt` and `known`: the table's date; a dimension that a cell is over; one of one level."""


def base(at: Cursor) -> int:
    """Return what counts are rounded to, of the few bases that there are."""
    if at.value not in BASES or isinstance(at.value, bool):
        at.wrong(f"`{at.name}` is one of {', '.join(map(str, BASES))}")
        return 0
    return int(at.value)


def unless(at: Cursor) -> Unless:
    """Return the whole beside which a small count is published."""
    entries = at.closed(frozenset({"denominator", "at_least"}))
    return Unless(
        denominator=entries.read("denominator", lambda c: c.text(NAME), ""),
        at_least=entries.read("at_least", lambda c: c.integer(1), 1),
    )


def kinds(at: Cursor) -> tuple[dict[str, str], ...]:
    """Return kinds of cells: the dimensions that each keeps, each with its level."""
    return at.each(_kind)


def _kind(at: Cursor) -> dict[str, str]:
    return {name: below.text(WORD) for name, below in at.entries(NAME)}
