"""The group `log`: the exchange log alone, how fast it writes, proves, verifies and is asked."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import log_accounting, log_beside, log_commit, log_postgres, log_verify
from bench.log_drawn import Held
from bench.log_filled import ENTRIES
from bench.processes import PEERS

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS: Final = (
    *log_commit.KEYS,
    *log_postgres.KEYS,
    *log_beside.KEYS,
    *log_verify.KEYS,
    *log_accounting.KEYS,
)
"""What the group finds; every key is there after every run."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        commit: How the writer is measured.
        postgres: Exchanges that each of the writers of a shared log carries out.
        peer_entries: How many entries the peer appends, one by one.
        verified: Entries of the log that an auditor verifies, payloads included.
        accounted: Exchanges of the log in which people are looked up.
        checks: How often an export is read, by ours and by the checker in Go.
        go: Build that checker, where there is a Go; the first time on a machine takes a minute.
    """

    commit: log_commit.Size = field(default_factory=log_commit.Size)
    peer_entries: int = 3_000
    peers: Path = PEERS
    postgres: int = 5_000
    verified: int = log_verify.MILLION
    accounted: int = log_accounting.MILLION
    checks: int = 3
    go: bool = True


def run(size: Size | None = None, say: Callable[[str], None] = print) -> dict[str, float | None]:
    """Measure every part, one after the other, over a log in a temporary folder."""
    size = size or Size()
    found: dict[str, float | None] = {}
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as name:
        held = Held(Path(name))
        committed = log_commit.run(held, size.commit, say)
        found |= committed
        found |= log_postgres.run(held, size.postgres, say)
        rate = committed["log.exchanges_per_s"]
        found |= log_beside.append(held, rate, say, entries=size.peer_entries, peers=size.peers)
        found |= log_beside.check(held, size.checks, say, go=size.go)
        million = Path(name) / "million"
        found |= log_verify.run(million, say, entries=size.verified, runs=size.checks)
        there = -(-size.verified // ENTRIES)
        found |= log_accounting.run(million, say, exchanges=size.accounted, there=there)
    return found
