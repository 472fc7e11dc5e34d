"""`python -m bench.agreements_gateway SETTINGS [MOMENT]`: a gateway whose clock is set.

It is the gateway that `accord serve` starts, but for its clock, which is put to a moment when it
begins to serve: a term ends at a midnight, and the bench does not wait for one.
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
    """The machine's clock, ahead of itself by as much as it is set."""

    def __init__(self) -> None:
        self._by = dt.timedelta(0)

    def now(self) -> dt.datetime:
        """Return its instant."""
        return super().now() + self._by

    def set(self, moment: dt.datetime) -> None:
        """Make it that moment now."""
        self._by = moment - super().now()


async def serve(path: Path, moment: str) -> None:
    """Serve until a signal."""
    clock = Ahead()
    running = await start(path, gateway_settings(path), Telemetry(), create=True, clock=clock)
    if moment:
        clock.set(dt.datetime.fromisoformat(moment))
    await until_told(running.gateway.port, "gateway", running.stop)


if __name__ == "__main__":
    loop.run(serve(Path(sys.argv[1]), "".join(sys.argv[2:])))
