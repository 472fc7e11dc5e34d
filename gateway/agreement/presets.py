"""Thresholds by name: the least that a published count may be, as known rules have it.

A clause that says `min_cell: cms` says whose rule it follows. What the word stands for is bound
into what the parties sign, so another number under the same word needs new signatures. Every number
is an engineering reading; counsel must confirm it.

Sources: docs/disclosure.md, "Thresholds by name".
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.agreement.cursor import Cursor

PRESETS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "cms": 11,
        "pcornet": 11,
        "cdc_wonder": 10,
        "nchs": 10,
        "state_6": 6,
        "nc_detect": 5,
        "state_5": 5,
        "state_3": 3,
    }
)
"""A count below the number is small."""


def threshold(at: Cursor) -> int:
    """Return the threshold that stands here, as a number or by its name."""
    if not isinstance(at.value, str):
        return at.integer(1)
    if at.value.isdecimal():
        at.wrong(f"`{at.name}` is a number here: write it without quotes")
        return max(PRESETS.values())
    return PRESETS[at.one_of(frozenset(PRESETS))]


def preset(at: Cursor) -> str:
    """Return the name that a threshold stands under; empty where it is a number."""
    return at.value if isinstance(at.value, str) and at.value in PRESETS else ""
