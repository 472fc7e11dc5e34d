"""How long an auditor takes to verify a million entries, payloads included, and in how much memory.

The log is the writer's own, filled without waiting for the disk; the run is `accord log verify`'s,
in its processes, in a fresh interpreter of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.figures import median
from bench.log_drawn import Held
from bench.log_filled import ENTRIES, fill
from bench.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS: Final = ("log.verify_1m_s", "log.verify_rss_mb")
MILLION: Final = 1_000_000
_LOOK_S: Final = 0.05


def run(
    folder: Path, say: Callable[[str], None], *, entries: int = MILLION, runs: int = 3
) -> dict[str, float]:
    """Verify a log of so many entries; return seconds for a million, and megabytes.

    Raises:
        RuntimeError: The log is not found to be in order.
    """
    held = Held(folder)
    fill(held, -(-entries // ENTRIES))
    measured = [_once(held) for _ in range(runs)]
    seconds = median([1_000_000 * spent / size for spent, size, _ in measured])
    peak_mb = max(peak for _, _, peak in measured)
    say(f"verification: {1_000_000 / seconds:>9,.0f} entries/s, payloads included")
    return {"log.verify_1m_s": seconds, "log.verify_rss_mb": peak_mb}


def _once(held: Held) -> tuple[float, int, float]:
    """Verify in another process; return seconds, entries, and the most memory of it and its own."""
    vkey = held.signer().vkey
    given = [str(held.database), str(held.keys), vkey, str(held.checkpoint)]
    with subprocess.Popen(  # noqa: S603 - this interpreter, our own module
        [sys.executable, "-m", "bench.log_reader", *given],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        peak_mb = 0.0
        while process.poll() is None:
            peak_mb = max(peak_mb, _resident_mb(process.pid))
            time.sleep(_LOOK_S)
        out, _ = process.communicate()
    told = json.loads(out)
    if told["findings"]:
        raise RuntimeError(f"a log of the bench is not in order: {told['findings'][0]}")
    return told["seconds"], told["entries"], peak_mb


def _resident_mb(pid: int) -> float:
    """Return the memory that a process and its children hold now; of the system's telling."""
    total_kb, rest = 0, [pid]
    while rest:
        one = rest.pop()
        try:
            lines = Path(f"/proc/{one}/status").read_text().splitlines()
            children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        except OSError:
            continue  # it has ended meanwhile
        rest += [int(child) for child in children]
        total_kb += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return total_kb / 1000
