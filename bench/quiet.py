"""Was the machine quiet? What a flush takes on the disk that is measured, and was a core free.

A commit waits for one flush, and for a core to go on with. Where both cores of a small machine are
held by other work a flush seems to take twenty times as long, from waiting for its turn and not
from the disk. So each figure of the log stands beside these two, and a bar is judged where the
flush is short and a core was free.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from bench.figures import median

if TYPE_CHECKING:
    from types import TracebackType

FLUSH_BLOCK: Final = bytes(4_096)
FLUSH_BLOCKS: Final = 256
_STAT: Final = Path("/proc/stat")
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_IDLE: Final = (3, 4)  # idle, and idle while a disk is waited for


def flush_p50_ms(folder: Path, flushes: int = 200) -> float:
    """Return the median time of one durable write of 4 KiB, over space that the file has already.

    That is what a commit does to a write-ahead log that was reset before.
    """
    path = folder / "flush"
    handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(handle, FLUSH_BLOCK * FLUSH_BLOCKS)
        os.fsync(handle)
        spent = []
        for turn in range(flushes):
            started = time.perf_counter()
            os.pwrite(handle, FLUSH_BLOCK, turn % FLUSH_BLOCKS * len(FLUSH_BLOCK))
            os.fdatasync(handle)
            spent.append(time.perf_counter() - started)
    finally:
        os.close(handle)
        path.unlink()
    return 1000 * median(spent)


class Cores:
    """How many cores were left by all other processes, over a span of time.

    Attributes:
        free: Cores that others did not use, on average; none where the system does not tell.
    """

    def __init__(self) -> None:
        self.free = 0.0

    def __enter__(self) -> Self:
        self._began, self._busy, self._own = time.monotonic(), _busy_s(), _own_s()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        spent, busy = time.monotonic() - self._began, _busy_s()
        if self._busy is None or busy is None or not spent:
            return
        own = _own_s() - self._own
        self.free = left_by_others(os.cpu_count() or 1, spent, busy - self._busy, own)


def left_by_others(cores: int, span_s: float, busy_s: float, own_s: float) -> float:
    """Return how many cores other processes left, of CPU seconds spent by all and by this one."""
    return cores - max(0.0, busy_s - own_s) / span_s


def _own_s() -> float:
    """Return CPU seconds of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _busy_s() -> float | None:
    """Return CPU seconds that the machine has worked since it began, or None."""
    try:
        first = _STAT.read_text().splitlines()[0].split()
    except OSError:
        return None
    # Guests' time stands in the first columns already.
    ticks = [int(one) for one in first[1:9]]
    return sum(value for at, value in enumerate(ticks) if at not in _IDLE) / _TICKS
