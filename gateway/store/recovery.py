"""Closing what a gateway that is gone left open: from the log's own entries, and exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.audit.entry import Draft, parse_leaf

if TYPE_CHECKING:
    from collections.abc import Callable

OPEN: Final = "SELECT o.x, e.body FROM log_open o JOIN log_entry e ON e.seq = o.seq ORDER BY o.seq"
"""Every open exchange with its intent."""
OPEN_OF: Final = (
    "SELECT o.x, e.body FROM log_open o JOIN log_entry e ON e.seq = o.seq "
    "WHERE o.replica = ? ORDER BY o.seq"
)
"""Those of one replica."""
_CHUNKS: Final = "SELECT count(*) FROM log_entry WHERE x = ? AND k = 'release'"


def recovered(rows: Callable[..., list[tuple[Any, ...]]], x: bytes, intent: bytes) -> Draft:
    """Return the entry that closes an exchange, counted from its release entries alone.

    Without one nothing left; with one it is presumed that it did.

    Args:
        rows: Returns what a SELECT finds.
        x: The 16 bytes of the exchange's id.
        intent: Its intent's leaf.
    """
    leaf = parse_leaf(intent)
    chunks = rows(_CHUNKS, x)[0][0]
    verdict = "presume-disclosed" if chunks else "nothing-left"
    meta = {"verdict": verdict, "chunks": chunks}
    return Draft("recovered", leaf.exchange_id, 0, leaf.agreement, leaf.retain, meta)
