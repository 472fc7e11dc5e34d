"""`noise` as the file writes it: what one release spends, and what all of them together may.

Amounts are exact: decimals in quotes with six places at most, kept as whole millionths. A float
would lose count of a budget that is spent to the last millionth.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.agreement.aggregate import NoiseRule
from gateway.agreement.budget import MILLION

if TYPE_CHECKING:
    from gateway.agreement.cursor import Cursor

MECHANISMS: Final = ("discrete_gaussian",)
CELLS: Final = 20_000
"""No table has more."""
_PLACES: Final = 6
_AMOUNT = re.compile(r"(0|[1-9][0-9]?)(?:\.([0-9]{1,6}))?")
_KEYS: Final = frozenset({"mechanism", "rho", "bound", "budget"})


def noise(at: Cursor) -> NoiseRule:
    """Return the rule; nothing of it has a default."""
    entries = at.closed(_KEYS)
    return NoiseRule(
        mechanism=entries.read("mechanism", lambda c: c.one_of(MECHANISMS), ""),
        rho=entries.read("rho", _amount, 1),
        bound=entries.read("bound", lambda c: c.integer(1, CELLS), 1),
        budget=entries.read("budget", _amount, 1),
    )


def _amount(at: Cursor) -> int:
    """Return millionths of a decimal above nought, such as "0.05"."""
    text = at.text(_AMOUNT)
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return 1
    whole, places = found[1], found[2] or ""
    value = int(whole) * MILLION + int(places.ljust(_PLACES, "0"))
    if not value:
        at.wrong(f"`{at.name}` is nought")
    return value
