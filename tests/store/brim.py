"""A process on a disk that is too small: it runs exchanges until it is denied, and says how.

    python -m tests.store.brim FOLDER SPARE_BYTES

The log lies in FOLDER/log, which whoever starts this has put on a disk of a few megabytes. A
ballast takes some of it and is thrown off when the disk is full. What happened is one line of JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.errors import LogError
from tests.store.town import (
    DIGEST,
    NOW,
    Town,
    a_keep,
    a_release,
    an_agreement,
    an_id,
    an_intent,
    an_outcome,
)

if TYPE_CHECKING:
    from gateway.store.log import StoredLog

BALLAST_BYTES = 1 << 20
CHUNKS = 3
PEOPLE = 4  # so few that the disk is full before the write-ahead log is copied
PATIENCE_S = 20.0


@dataclass
class Client:
    """Asks for exchanges, and keeps what it was given: exchange, chunk, index of its entry."""

    given: list[tuple[str, int, int]] = field(default_factory=list)

    async def exchange(self, log: StoredLog) -> None:
        """Run one exchange of a few chunks, each about a few people."""
        exchange = an_id()
        ticket = await log.intent(
            an_intent(exchange),
            recipient="county-health",
            request_id=exchange,
            request_digest=DIGEST,
            now=NOW,
        )
        try:
            for chunk in range(CHUNKS):
                tokens = tuple(bytes([chunk, n] * 16) for n in range(PEOPLE))
                draft = a_release(exchange, chunk, 1, tokens)
                logged = await ticket.release(draft, a_keep(exchange, first_row=chunk))
                self.given.append((exchange.replace("-", ""), chunk, logged.index))
        finally:
            # As the broker does, however it ends: the log owes this entry.
            done = ticket.chunks
            end = "complete" if done == CHUNKS else "cut"
            await ticket.outcome(an_outcome(exchange, done, done, end))

    async def until_denied(self, log: StoredLog) -> LogError:
        """Run exchanges one after the other until one is denied; return why."""
        try:
            while True:
                await self.exchange(log)
        except LogError as error:
            return error


async def fill(town: Town, ballast: Path) -> dict[str, object]:
    """Fill the disk, throw the ballast off, and go on: here, or where it is unknown, anew."""
    client = Client()
    log = town.open()
    await log.note(an_agreement())
    error = await client.until_denied(log)
    told = {"unknown": error.unknown, "healthy": log.healthy}
    given = len(client.given)
    await asyncio.to_thread(ballast.unlink)
    if error.unknown:
        await log.close()
        log = town.open(create=False)
    async with asyncio.timeout(PATIENCE_S):
        while not log.healthy:  # noqa: ASYNC110 - the log has no event to wait for
            await asyncio.sleep(0.05)
        await client.exchange(log)
    await log.close()
    there = town.rows("SELECT lower(hex(x)), n, seq FROM log_entry WHERE k = 'release'")
    return told | {
        "fatal": len(town.fatal.errors),
        "given": given,
        "after": len(client.given) - given,
        "lost": len(set(client.given) - set(there)),
        "findings": town.findings(),
    }


def main() -> None:
    """Begin."""
    town = Town(Path(sys.argv[1]), spare_bytes=int(sys.argv[2]))
    ballast = town.database.with_name("ballast")
    ballast.write_bytes(bytes(BALLAST_BYTES))
    sys.stdout.write(json.dumps(asyncio.run(fill(town, ballast))) + "\n")


if __name__ == "__main__":
    main()
