"""Checkpoints and proofs on the event loop: waiting for one, making one, comparing one."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import open_checkpoint
from gateway.audit.fault import AuditError
from gateway.audit.merkle import TILE_HEIGHT, inclusion_proof, root_at
from gateway.audit.proof import write_proof
from gateway.errors import LogError
from gateway.store.faults import RollbackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.checkpoint import Verifier
    from gateway.audit.merkle import Tiles
    from gateway.store.desk import Desk
    from gateway.store.reads import Reads
    from gateway.store.signer import CheckpointSigner, Published
    from gateway.store.witnessing import Witnessing

NOTES_KEPT: Final = 1_024
WITNESSED_S: Final = 15.0
"""How long a chunk waits for a cosigned checkpoint; it takes about a second."""


class Prover:
    """The newest checkpoint, and who waits for a newer one."""

    def __init__(self, desk: Desk, reads: Reads, verifiers: Sequence[Verifier]) -> None:
        self.published: Published
        self.signer: CheckpointSigner
        self.verifiers = tuple(verifiers)  # replaced as the log's keys turn
        self.witnessing: Witnessing | None = None
        self.sync = False  # a chunk waits for a cosigned checkpoint
        self.sync_s = WITNESSED_S
        self._cosigned: Published | None = None
        self._unwitnessed: list[tuple[int, asyncio.Future[None]]] = []
        self._desk = desk
        self._reads = reads
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._recent: dict[str, None] = {}

    async def proof(self, index: int) -> str:
        """Return the tlog-proof of an entry, once a signed checkpoint covers it.

        Raises:
            LogError: No checkpoint will come.
        """
        published = self._cosigned if self.sync else None
        if published is None or published.size <= index:
            published = await self._covering(index)
        path = self.signer.tree.nodes.path(index, published.size, published.edges)
        if path is None:
            tiles = self.tiles(published)
            path = await asyncio.to_thread(inclusion_proof, index, published.size, tiles)
        return write_proof(index, path, published.note)

    def tiles(self, published: Published) -> Tiles:
        """Return the tiles of the tree as it was published, for one proof or reading.

        Full tiles are read, once each; those on the right edge are in memory: worked out anew, one
        of a hundred thousand entries would cost as many hashes.
        """

        @cache
        def tile(level: int, index: int) -> bytes:
            if index < published.size >> TILE_HEIGHT * (level + 1):
                return self._reads.tile(level, index)
            return published.tails[level]

        return tile

    @property
    def short(self) -> bool:
        """Whether chunks wait for witnesses, and the last round came to no quorum of them."""
        return self.sync and self.witnessing is not None and self.witnessing.short

    async def witnessed(self, index: int) -> None:
        """Return once a cosigned checkpoint covers an entry, where chunks wait for that.

        Raises:
            LogError: None came in time: the entry is in the log, and what it covers stays here.
        """
        if not self.sync or self.witnessing is None:
            return
        try:
            async with asyncio.timeout(self.sync_s):
                while self._cosigned is None or self._cosigned.size <= index:
                    await self._covering(index)
                    waiter = self._desk.loop().create_future()
                    self._unwitnessed.append((index, waiter))
                    self.witnessing.ask()
                    await waiter
        except TimeoutError:
            raise LogError("no witness cosigned the entry in time") from None

    async def _covering(self, index: int) -> Published:
        """Return the newest checkpoint, once it covers an entry."""
        while self.published.size <= index:
            if self._desk.writer.stopped or self._desk.closed:
                raise LogError("no signed checkpoint covers the entry")
            waiter = self._desk.loop().create_future()
            self._waiting.append((index, waiter))
            self.signer.ask()
            await waiter
        return self.published

    def publish(self, published: Published) -> None:
        """Make a checkpoint the newest, and wake whom it covers; on the loop."""
        self.published = published
        self._remember(published.note)
        self._waiting = _wake(self._waiting, published.size)
        if self._waiting:
            self.signer.ask()

    def publish_cosigned(self, published: Published) -> None:
        """Make a checkpoint the newest that is cosigned, and wake whom it covers; on the loop."""
        self._cosigned = published
        if published.size == self.published.size:
            self.published = published
            self._remember(published.note)
        self._unwitnessed = _wake(self._unwitnessed, published.size)
        if self._unwitnessed and self.witnessing is not None:
            self.witnessing.ask()

    def give_up(self) -> None:
        """Turn away whoever waits; on the loop."""
        for _, waiter in (*self._waiting, *self._unwitnessed):
            if not waiter.done():
                waiter.set_exception(LogError("no signed checkpoint covers the entry"))
        self._waiting, self._unwitnessed = [], []

    async def compare(self, note: str) -> RollbackError | None:
        """Hold an agency's checkpoint against the log; return what it proves, if anything.

        What is not under our key says nothing about us.
        """
        if note in self._recent:
            return None
        try:
            checkpoint = open_checkpoint(note, *self.verifiers)
        except AuditError:
            return None
        size = self._desk.writer.head.size
        if checkpoint.size > size:
            # Another replica may have appended since.
            size = int(self._reads.rows("SELECT size FROM log_head")[0][0])
        # Nobody can have one that was not published, and so none of entries that are not there.
        if checkpoint.size <= size:
            root = await asyncio.to_thread(self._root_at, checkpoint.size)
            if root == checkpoint.root:
                self._remember(note)
                return None
        why = "an agency holds a checkpoint of another exchange log under this key"
        return RollbackError(why, store_size=size, held_size=checkpoint.size)

    def _root_at(self, size: int) -> bytes:
        published = self.published
        if size <= published.size:
            return root_at(size, self.tiles(published))
        return self._reads.root_at(size)

    def _remember(self, note: str) -> None:
        """Keep the last notes that were found good: agencies send the same one many times."""
        self._recent[note] = None
        if len(self._recent) > NOTES_KEPT:
            del self._recent[next(iter(self._recent))]


def _wake(
    waiting: list[tuple[int, asyncio.Future[None]]], size: int
) -> list[tuple[int, asyncio.Future[None]]]:
    """Wake who waits for entries that a checkpoint of this size covers; return the others."""
    rest = []
    for index, waiter in waiting:
        if waiter.done():
            continue
        if index >= size:
            rest.append((index, waiter))
        else:
            waiter.set_result(None)
    return rest
