"""A process for tests to kill: it runs exchanges, and says what was acknowledged.

    python -m tests.store.victim FOLDER SEED [--limit BYTES] [--count EXCHANGES]

Each line is written after the log returned: `intent x`, `release x n index`, `refusal x index`; it
stands for what a client gets, a chunk for each release. With a limit no file may grow beyond so
many bytes, as on a failing disk; with a count the process ends in order after so many exchanges. An
unknown fate ends it with 75, and whatever else the log says with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import resource
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.audit.checkpoint import Signer
from gateway.errors import LogError
from gateway.keys.folder import KeyFolder
from gateway.store.start import open_log
from tests.store.town import (
    DIGEST,
    NOW,
    ORIGIN,
    StandingClock,
    Town,
    TrueEntropy,
    a_keep,
    a_refusal,
    a_release,
    an_agreement,
    an_id,
    an_intent,
    an_outcome,
)

if TYPE_CHECKING:
    from gateway.store.log import StoredLog

UNKNOWN_EXIT = 75
IN_FLIGHT = 8
WRITER_S = 2.0


def say(*words: object) -> None:
    """Write one line, past every buffer."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def run(folder: Path, seed: int, count: int) -> None:
    """Run exchanges until killed, or so many."""
    keys = KeyFolder(folder / "keys", TrueEntropy())
    log = open_log(
        Town(folder).place,
        signer=Signer.from_seed(ORIGIN, keys.signing_seed()),
        keys=keys,
        clock=StandingClock(),
        entropy=TrueEntropy(),
        fatal=lambda _error: os._exit(UNKNOWN_EXIT),
        create=True,
    )
    await log.note(an_agreement())
    await exchanges(log, seed, count)
    await log.close()


async def exchanges(log: StoredLog, seed: int, count: int = 0) -> None:
    """Run exchanges side by side, so many or for ever, and say what was acknowledged."""
    dice = random.Random(seed)  # noqa: S311 - the order of a test
    left = iter(range(count)) if count else itertools.count()

    async def one() -> None:
        for _ in left:
            exchange = an_id()
            if dice.random() < 0.2:
                say("refusal", exchange, await log.refusal(a_refusal(exchange)))
                continue
            ticket = await log.intent(
                an_intent(exchange),
                recipient="county-health",
                request_id=exchange,
                request_digest=DIGEST,
                now=NOW,
            )
            say("intent", exchange)
            chunks = dice.randrange(4)
            for chunk in range(chunks):
                people = tuple(os.urandom(32) for _ in range(dice.randrange(4)))
                draft = a_release(exchange, chunk, tokens=people)
                logged = await ticket.release(draft, a_keep(exchange))
                say("release", exchange, chunk, logged.index)
            if chunks and dice.random() < 0.3:
                await ticket.receipt()
            await ticket.outcome(an_outcome(exchange, chunks, chunks))

    await asyncio.gather(*(one() for _ in range(IN_FLIGHT)))


def main() -> None:
    """Begin."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("seed", type=int)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    given = parser.parse_args()
    if given.limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (given.limit, given.limit))
    try:
        asyncio.run(run(given.folder, given.seed, given.count))
    except LogError as error:
        # Nothing was said of it. The loop may hear of an unknown fate before the writer ends the
        # process; whoever waited for a receipt hears only that there is none, and so the writer is
        # given its time.
        if not error.unknown:
            time.sleep(WRITER_S)
        os._exit(UNKNOWN_EXIT if error.unknown else 1)


if __name__ == "__main__":
    main()
