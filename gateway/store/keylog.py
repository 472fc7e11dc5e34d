"""Key events as entries: whatever happens to a key is in the log, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.audit.checkpoint import ED25519, Verifier
from gateway.audit.entry import Draft

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.store.database import Connection
    from gateway.store.desk import Desk


def key_events(connection: Connection) -> set[tuple[str, str]]:
    """Return what a log told of keys: (id or vkey, event)."""
    rows = connection.execute("SELECT key, event FROM log_key_event").fetchall()
    return {(str(key), str(event)) for key, event in rows}


class KeyLog:
    """Puts a `key` entry in line for each event that the log has not told yet.

    Args:
        desk: Takes entries.
        origin: The log's.
        connection: Where what was told is read, once.
        turned: Called when the key in use may be another one.
    """

    def __init__(
        self, desk: Desk, origin: str, connection: Connection, turned: Callable[[], None]
    ) -> None:
        self._desk = desk
        self._origin = origin
        self._turned = turned
        self._told = key_events(connection)

    def heard(self, key_id: str, event: str, public: bytes | None) -> None:
        """Put an entry in line, for which nobody waits; from any thread.

        Args:
            key_id: Of the key store; of a signing key the entry says the vkey instead.
            event: `made`, `retired`, `destroyed` or `lost`.
            public: The public half of a signing key, or None.
        """
        name = Verifier(self._origin, ED25519, public).vkey if public else key_id
        self._turned()
        if (name, event) in self._told:
            return
        if public and event != "made" and (name, "made") not in self._told:
            # It signed a log before this one, and was never this one's.
            return
        self._told.add((name, event))
        meta = {"key": name, "event": event}
        job = self._desk.ready(Draft("key", None, 0, None, "p", meta), must=True)
        job.key = (name, event)
        self._desk.put(job)
