"""System calls that fail, or that a process does not survive: strace sees to it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pathlib import Path

STRACE: Final = shutil.which("strace")
CALLS: Final = ("fdatasync", "fsync", "pwrite64", "ftruncate", "unlink", "renameat")
"""What the log and its held file are written with, on Linux."""
HOW: Final = {"EIO": "error=EIO", "ENOSPC": "error=ENOSPC", "KILL": "signal=SIGKILL"}

needs_strace = pytest.mark.skipif(STRACE is None, reason="needs strace")


@dataclass(frozen=True)
class Fault:
    """The k-th call of a kind on each thread fails, or is the last.

    Attributes:
        call: Of the system.
        how: Of `HOW`.
        at: Which one, from 1 on.
    """

    call: str
    how: str
    at: int

    def traced(self, trace: Path, *command: str) -> list[str]:
        """Return a command under this fault; `trace` is where strace writes."""
        assert STRACE is not None
        inject = f"inject={self.call}:{HOW[self.how]}:when={self.at}"
        # Faster, and with signals strace 6.1 then counts no further than one.
        fast = [] if self.how == "KILL" else ["--seccomp-bpf"]
        given = ["-f", "-o", str(trace), "-e", f"trace={self.call}", "-e", inject, *fast]
        return [STRACE, *given, *command]

    def met(self, trace: Path) -> bool:
        """Return whether there was such a call at all."""
        return (b"killed by" if self.how == "KILL" else b"INJECTED") in trace.read_bytes()
