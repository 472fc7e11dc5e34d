"""What is left when a process that wrote the log is gone: held against what it had said."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.audit.checkpoint import Signer
from gateway.store.start import open_log
from tests.store.town import ORIGIN, Fatal, StandingClock, Town, TrueEntropy, findings

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.keys.folder import KeyFolder


def lines(said: bytes) -> list[list[str]]:
    """Return whole lines: the last may be cut off."""
    return [line.split() for line in said.decode().split("\n")[:-1]]


def restart(folder: Path, keys: KeyFolder, *, create: bool = False) -> None:
    """Start on what the dead process left, and stop; with `create` also where it left nothing."""
    fatal = Fatal()

    async def run() -> None:
        log = open_log(
            Town(folder).place,
            signer=Signer.from_seed(ORIGIN, keys.signing_seed()),
            keys=keys,
            clock=StandingClock(),
            entropy=TrueEntropy(),
            fatal=fatal,
            create=create,
        )
        await log.close()

    asyncio.run(run())
    assert [] == fatal.errors


def _found(folder: Path, keys: KeyFolder) -> list[str]:
    """Verify the log in full, payloads included, against the held checkpoint; return the codes."""
    place = Town(folder).place
    verifier = Signer.from_seed(ORIGIN, keys.signing_seed()).verifier
    return findings(place.database, verifier, place.held.read_text(), keys.by_id)


def check(folder: Path, keys: KeyFolder, said: list[list[str]], *, create: bool = False) -> None:
    """Hold what is in the log against what was acknowledged.

    With `create` nothing was, and the log may not have been there yet.
    """
    town = Town(folder)
    before = set() if create else {x.hex() for (x,) in town.rows("SELECT x FROM log_open")}
    restart(folder, keys, create=create)
    rows = town.rows("SELECT seq, k, hex(x), n FROM log_entry")
    there = {(kind, x.lower(), n): seq for seq, kind, x, n in rows}

    for word, exchange, *rest in said:
        x = exchange.replace("-", "")
        chunk = int(rest[0]) if word == "release" else 0
        index = there.get((word, x, chunk))
        assert index is not None, "an acknowledged entry is lost"
        if rest:
            assert int(rest[-1]) == index
    recovered = {x for kind, x, _ in there if kind == "recovered"}
    assert before <= recovered
    assert [] == _found(folder, keys)

    size = len(rows)
    restart(folder, keys)
    assert ["config", "config"] == town.kinds()[size:]
