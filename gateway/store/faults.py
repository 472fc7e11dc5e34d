"""What the store raises beyond `LogError` itself: each is one, and says more."""

from __future__ import annotations

from gateway.errors import LogError


class RollbackError(LogError):
    """The store is behind, or beside, a checkpoint signed under its own key: do not serve or sign.

    Only `accord log incident` goes on from here; `accord serve` exits 76.

    Attributes:
        store_size: Entries in the store.
        held_size: Entries under the checkpoint.
    """

    def __init__(
        self, message: str, *, store_size: int, held_size: int, newest: str = "the checkpoint"
    ) -> None:
        super().__init__(f"{message}: the store has {store_size} entries, {newest} {held_size}")
        self.store_size = store_size
        self.held_size = held_size


class DamagedError(LogError):
    """What is stored is not what was written: never to be signed, nor appended to."""


class FencedError(LogError):
    """Another gateway took this replica's place: it appends nothing any more, and must end."""


class UnknownFateError(Exception):
    """The fate of a transaction is unknown: nobody may believe or retry anything."""
