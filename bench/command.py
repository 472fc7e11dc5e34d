"""The group `cli`: what the command costs before it does anything."""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import Final

from bench.figures import median
from bench.processes import ACCORD, ROOT

KEYS: Final = ("cli.help_cpu_s",)
TIMES: Final = 5


def run() -> dict[str, float]:
    """Return the CPU seconds of `accord --help`, the median of some runs."""
    return {"cli.help_cpu_s": median([_cpu_s() for _ in range(TIMES)])}


def _cpu_s() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(  # noqa: S603 - this interpreter, our own module
        [sys.executable, ACCORD, "--help"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
