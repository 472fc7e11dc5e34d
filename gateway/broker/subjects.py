"""Whom records are about, as tokens for the accounting: made of originals, before any mask.

Pure. A token says nothing without its key, which changes by the calendar year.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.audit.entry import subject_token
from gateway.masks.identity import canon

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.plan.ops import SubjectSystem
    from gateway.values import Row


class SubjectTokens:
    """Subject tokens of rows, from original values, before any mask."""

    def __init__(self, systems: tuple[SubjectSystem, ...], key: bytes) -> None:
        self._systems = systems
        self._key = key
        self.names = tuple(dict.fromkeys(name for one in systems for name in one.fields))

    def of(self, several: Iterable[Row]) -> tuple[bytes, ...]:
        """Return the distinct tokens of the people in some rows."""
        found: set[bytes] = set()
        for row in several:
            for system in self._systems:
                identifier = _identifier(row, system.fields)
                if identifier is not None:
                    found.add(subject_token(self._key, system.system, identifier))
        return tuple(sorted(found))


def _identifier(row: Row, fields: tuple[str, ...]) -> str | None:
    """Return the normalised identifier, or None where a part of it is missing."""
    parts = []
    for name in fields:
        value = row[name]
        text = canon(str(value)) if value is not None else None
        if text is None or "\x00" in text:
            return None
        # A name is written in many ways; a key of one system is not.
        parts.append(text.casefold() if len(fields) > 1 else text)
    return "\x1f".join(parts)
