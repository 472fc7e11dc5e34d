"""The processes of a run: started with a port to tell, measured, and stopped whatever happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from types import TracebackType

ROOT: Final = Path(__file__).resolve().parents[1]
ACCORD: Final = str(Path(sys.executable).with_name("accord"))
"""The command, as it is installed beside this interpreter."""
PEERS: Final = ROOT / ".venv" / "bench" / "bin" / "python"
"""The interpreter that `make bench` installs the peers for."""
STOP_S: Final = 15.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Process:
    """One process of the run; it says that it is ready, and on which port, by its first line.

    Args:
        name: For people.
        arguments: What follows `python`.
        log: Where its standard error goes.
    """

    def __init__(self, name: str, arguments: list[str], log: Path) -> None:
        self.name = name
        with log.open("wb") as errors:
            self._popen = subprocess.Popen(  # noqa: S603 - this interpreter, our own modules
                [sys.executable, *arguments],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self._popen.stdout is not None  # noqa: S101 - asked for above
        first = self._popen.stdout.readline()
        told = re.search(r"port (\d+)", first)
        if told is None:
            self.stop()
            raise RuntimeError(f"{name} did not start:\n{log.read_text()[-2000:]}")
        self.port = int(told[1])

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def cpu_s(self) -> float:
        """Return CPU seconds used so far, user and system, of all its threads."""
        return cpu_s(self.pid)

    def peak_mb(self) -> float:
        """Return the largest resident memory it ever had, in MB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1000
        return 0.0

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._popen.terminate()
        try:
            self._popen.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        if self._popen.stdout is not None:
            self._popen.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used; 0 where the system does not tell."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    # The name, in brackets, may hold anything; what is counted stands behind it.
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
