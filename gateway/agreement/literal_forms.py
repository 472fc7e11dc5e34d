"""Literals as the file writes them: texts, integers and booleans, alone or in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.agreement.cursor import Cursor
    from gateway.values import Scalar


def literals(at: Cursor) -> tuple[Scalar, ...]:
    """Return the literals of a list, none of which stands twice."""
    read: list[Scalar] = []
    for item in at.items():
        read += literal(item)
    if len({(type(one), one) for one in read}) != len(read):
        at.wrong(f"`{at.name}` holds one value twice")
    return tuple(read)


def literal(at: Cursor) -> tuple[Scalar, ...]:
    """Return the one literal that stands here, or none where it is no literal."""
    if not isinstance(at.value, (str, int)):
        at.wrong(f"`{at.name}` is one text, integer or boolean")
        return ()
    return (at.value,)
