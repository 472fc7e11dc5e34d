"""How long an officer waits for a million entries of the exchange log under a proposed version.

The log is the writer's own, filled without waiting for the disk: an intent, a release and an
outcome of each exchange. What is timed is what `accord agreements impact` does once both versions
are read: every request opened, held against its leaf, and decided again.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from bench.figures import median
from bench.log_drawn import Held
from bench.log_filled import ENTRIES, fill
from bench.processes import ROOT
from gateway.agreement.lint.folder import read_folder
from gateway.cli.auditor.logs import DeployedLog
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.explain import as_signed
from gateway.cli.impact import replayed
from gateway.keys.folder import KeyFolder
from gateway.library.files import contents
from gateway.review.replay import Replay
from gateway.store.reads import Reads

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.agreement.index import Agreements

KEYS: Final = ("agreements.impact_1m_s",)
MILLION: Final = 1_000_000
_NEWEST: Final = "SELECT note FROM log_signed"


def run(
    say: Callable[[str], None], *, entries: int = MILLION, runs: int = 3
) -> dict[str, float | None]:
    """Replay a log of so many entries; return seconds for a million.

    Raises:
        RuntimeError: Not every request was decided again.
    """
    exchanges = -(-entries // ENTRIES)
    with TemporaryDirectory(prefix="accord-bench-") as folder:
        held = Held(Path(folder))
        fill(held, exchanges)
        measured = [_once(held, exchanges) for _ in range(runs)]
    seconds = median([MILLION * spent / size for spent, size in measured])
    say(f"         impact: {seconds:.1f} s for 1,000,000 entries, {exchanges:,} requests")
    return {"agreements.impact_1m_s": seconds}


def _once(held: Held, exchanges: int) -> tuple[float, int]:
    """Return the seconds of one replay, and how many entries the log has."""
    keys, reads = KeyFolder(held.keys, SystemEntropy()), Reads(held.database)
    try:
        [(note,)] = reads.rows(_NEWEST)
        log = DeployedLog(reads, note, keys.by_id)
        stands, proposed = _versions()
        began = time.perf_counter()
        found = replayed(log, (0, log.size), Replay(stands, proposed, SystemClock().now()))
        spent = time.perf_counter() - began
    finally:
        reads.close()
    if (found.decided, found.untold) != (exchanges, 0):
        raise RuntimeError(f"of {exchanges} requests {found.decided} were decided again")
    return spent, log.size


def _versions() -> tuple[Agreements, Agreements]:
    """Return the county's agreements, and with another mask on a time that the log tells of."""
    files = contents(ROOT / "agreements")
    amended = {
        name: data.replace(b"unit_notified_at: {truncate: hour}", b"unit_notified_at: pass")
        for name, data in files.items()
    }
    first, second = (_agreements(one) for one in (files, amended))
    return first, second


def _agreements(files: dict[str, bytes]) -> Agreements:
    folder, findings = read_folder(files)
    if folder is None:
        raise RuntimeError(findings[0].text())
    return as_signed(folder)
