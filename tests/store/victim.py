"""A process for tests to kill: it runs exchanges, and says what was acknowledged.

    python -m tests.store.victim FOLDER SEED [LIMIT]

Each line is written after the log returned: `intent x`, `release x n index`, `refusal x index`.
With LIMIT no file may grow beyond so many bytes, as on a failing disk; an unknown fate then ends
the process with 75.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import sys
from pathlib import Path

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

UNKNOWN_EXIT = 75
IN_FLIGHT = 8


def say(*words: object) -> None:
    """Write one line, past every buffer."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def run(folder: Path, seed: int) -> None:
    """Run exchanges until killed."""
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
    dice = random.Random(seed)  # noqa: S311 - the order of a test

    async def one() -> None:
        while True:
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
                logged = await ticket.release(a_release(exchange, chunk), a_keep(exchange))
                say("release", exchange, chunk, logged.index)
            if chunks and dice.random() < 0.3:
                await ticket.receipt()
            await ticket.outcome(an_outcome(exchange, chunks, chunks))

    await asyncio.gather(*(one() for _ in range(IN_FLIGHT)))


def main() -> None:
    """Begin."""
    if len(sys.argv) > 3:
        limit = int(sys.argv[3])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2])))
    except LogError as error:
        # Nothing was said of it. The loop may hear of an unknown fate before the writer ends the
        # process.
        os._exit(UNKNOWN_EXIT if error.unknown else 1)


if __name__ == "__main__":
    main()
