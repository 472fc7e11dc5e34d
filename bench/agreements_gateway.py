"""`python -m bench.agreements_gateway SETTINGS AHEAD_S`: a gateway whose clock is ahead.

It is the gateway that `accord serve` starts, but for its clock: a term ends at a midnight, and the
bench does not wait for one.
"""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

from bench.loops import until_told
from gateway.cli import loop
from gateway.cli.clock import SystemClock
from gateway.cli.compose import start
from gateway.settings import gateway_settings
from gateway.telemetry import Telemetry


class Ahead(SystemClock):
    """The machine's clock, ahead of itself by so many seconds."""

    def __init__(self, by_s: float) -> None:
        self._by = dt.timedelta(seconds=by_s)

    def now(self) -> dt.datetime:
        """Return its instant."""
        return super().now() + self._by


async def serve(path: Path, ahead_s: float) -> None:
    """Serve until a signal."""
    settings = gateway_settings(path)
    running = await start(path, settings, Telemetry(), create=True, clock=Ahead(ahead_s))
    await until_told(running.gateway.port, "gateway", running.stop)


if __name__ == "__main__":
    loop.run(serve(Path(sys.argv[1]), float(sys.argv[2])))
