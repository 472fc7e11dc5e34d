"""What a run of the verifier amounts to: its counts, and the exit code of what it found."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTES: Final = frozenset({"held-none", "quorum-short", "exchange-open", "erase-due", "not-opened"})
"""Codes that are counted and said, and are no fault of the log."""

_SPLIT: Final = frozenset({"rollback", "fork"})
_UNFINISHED: Final = frozenset({"key-unknown", "held-none", "quorum-short"})


@dataclass(slots=True)
class Tally:
    """What a run saw, for its report; filled as the findings are drawn."""

    entries: int = 0
    unsigned: int = 0  # above the checkpoint; nobody signed them yet
    opened: int = 0
    not_opened: int = 0
    missing: int = 0
    expired: int = 0
    due: int = 0
    open_exchanges: int = 0

    def add(self, later: Tally) -> None:
        """Count what another part of the log counted too."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(later, one.name))


def exit_code(codes: Iterable[str], *, first: bool = False) -> int:
    """Return the exit code for the codes of a run: 4 before 1, 1 before 3, 0 for none.

    Args:
        codes: Of its findings.
        first: The run was said to be without a held checkpoint.
    """
    found = set(codes) - ({"held-none"} if first else set())
    if found & _SPLIT:
        return 4
    if found - NOTES - _UNFINISHED:
        return 1
    return 3 if found & _UNFINISHED else 0
