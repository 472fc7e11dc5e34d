"""A log of a million entries in a minute: the writer's own steps, without waiting for the disk.

What it holds is what a gateway would have written, entry by entry: sealed, under the tree, with
every row beside it. Only the flushes are left out, and the event loop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from bench.log_drawn import draw, opened
from gateway.audit.subjects import INDEXED_BYTES
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.keys.folder import KeyFolder
from gateway.store import connect
from gateway.store.batch import Head, Lay, millis
from gateway.store.line import Asked, Job
from gateway.store.sealing import Sealer
from gateway.store.tiles import StoredTiles, frontier_of

if TYPE_CHECKING:
    from bench.log_drawn import Drawn, Held
    from gateway.store.database import Connection

ENTRIES: Final = 3
"""Of one exchange: an intent, a release of one record, an outcome."""
_TOGETHER: Final = 128
_COPIED: Final = 64 * _TOGETHER  # exchanges after which the write-ahead log is copied


def fill(held: Held, exchanges: int, *, first: int = 0) -> None:
    """Add so many exchanges of one record each to a log, made where there is none; sign it.

    The person of exchange `n` is `A-<n>`, counted from `first`.
    """
    asyncio.run(_open_and_close(held))
    connection = connect.writer(held.database)
    try:
        # A bench's log can be drawn again.
        connection.execute("PRAGMA synchronous=OFF")
        _fill(connection, held, range(first, first + exchanges))
    finally:
        connection.close()
    # What was written is read back, rehashed and signed as after any restart.
    asyncio.run(_open_and_close(held))


async def _open_and_close(held: Held) -> None:
    async with opened(held) as log:
        await log.proof(log.size - 1)


def _fill(connection: Connection, held: Held, numbers: range) -> None:
    clock, entropy = SystemClock(), SystemEntropy()
    sealer = Sealer(KeyFolder(held.keys, entropy), clock, entropy)
    known = {key for (key,) in connection.execute("SELECT key_id FROM log_key").fetchall()}
    row = connection.execute("SELECT size, t, indexed FROM log_head").fetchone()
    size, t_ms, indexed = row
    tails = StoredTiles(connection).tails(size)
    head = Head(size, t_ms, frontier_of(size, tails), tails, indexed)
    for at in range(0, len(numbers), _TOGETHER):
        now = clock.now()
        drawn = [draw(number, now) for number in numbers[at : at + _TOGETHER]]
        # Exchanges of one moment lie side by side in a busy log, step by step.
        jobs = [_intent(sealer, one, millis(now)) for one in drawn]
        opened_at = [head.size + place for place in range(len(drawn))]
        jobs += [_release(sealer, one, seq) for one, seq in zip(drawn, opened_at, strict=True)]
        jobs += [_job(sealer, one) for one in drawn]
        lay = Lay(head, millis(now), "one", known)
        after = lay.all(jobs)
        head = after._replace(indexed=after.size)
        lay.rows.subjects = [
            (token[:INDEXED_BYTES], seq) for seq, tokens in lay.rows.named for token in tokens
        ]
        connection.execute("BEGIN IMMEDIATE")
        lay.rows.write(connection, head)
        connection.execute("COMMIT")
        known.update(lay.rows.keys)
        if not at % _COPIED:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _intent(sealer: Sealer, drawn: Drawn, at_ms: int) -> Job:
    recipient = str(drawn.intent.meta["recipient"])
    asked = Asked(recipient, drawn.exchange_id, drawn.request_digest, at_ms)
    return Job(sealer.ready(drawn.intent), asked=asked)


def _release(sealer: Sealer, drawn: Drawn, opened_at: int) -> Job:
    job = Job(sealer.ready(drawn.release), keep=drawn.keep)
    job.opened_at = opened_at
    return job


def _job(sealer: Sealer, drawn: Drawn) -> Job:
    return Job(sealer.ready(drawn.complete))
