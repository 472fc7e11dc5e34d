"""One of several processes over one log in PostgreSQL, for tests to kill, pause and start again.

    python -m tests.store.replica FOLDER URL NAME SEED

Keys are in FOLDER/keys, what it holds in FOLDER/NAME. It says what `victim` says, and exits when it
cannot go on: who started it starts it again.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from gateway.audit.checkpoint import Signer
from gateway.errors import AccordError
from gateway.keys.folder import KeyFolder
from gateway.store.start import open_log
from tests.store.server import SharedTown
from tests.store.town import ORIGIN, StandingClock, TrueEntropy
from tests.store.victim import UNKNOWN_EXIT, exchanges


async def run(folder: Path, url: str, name: str, seed: int) -> None:
    """Run exchanges until killed."""
    keys = KeyFolder(folder / "keys", TrueEntropy())
    town = SharedTown(folder / name, url=url, replica=name, beat_s=0.5, dead_ms=3_000)
    log = open_log(
        town.place,
        signer=Signer.from_seed(ORIGIN, keys.signing_seed()),
        keys=keys,
        clock=StandingClock(),
        entropy=TrueEntropy(),
        fatal=lambda _error: os._exit(UNKNOWN_EXIT),
    )
    await exchanges(log, seed)


if __name__ == "__main__":
    try:
        asyncio.run(run(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
    except AccordError:
        os._exit(1)
