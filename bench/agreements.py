"""The group `agreements`: what officers and callers wait for: decisions, loads, looks, effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bench import (
    agreements_activation,
    agreements_decide,
    agreements_files,
    agreements_impact,
)

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS: Final = (
    *agreements_decide.KEYS,
    *agreements_files.KEYS,
    *agreements_impact.KEYS,
    *agreements_activation.KEYS,
)
"""What the group finds; every key is there after every run, without a figure for an absent peer."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        decide: How a decision is measured.
        runs: Of everything else.
        entries: Of the log that is decided again.
    """

    decide: agreements_decide.Size = field(default_factory=agreements_decide.Size)
    runs: int = 5
    entries: int = agreements_impact.MILLION


def run(size: Size | None = None, say: Callable[[str], None] = print) -> dict[str, float | None]:
    """Measure every part, one after the other."""
    size = size or Size()
    found = agreements_decide.run(size.decide, say)
    found |= agreements_files.run(size.runs, say)
    found |= agreements_impact.run(say, entries=size.entries)
    found |= agreements_activation.run(size.runs, say)
    return found
