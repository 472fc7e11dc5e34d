"""`accord adapter serve`: an agency's adapter as a process, found by its entry point."""

from __future__ import annotations

import asyncio
import signal
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli import loop
from gateway.cli.certificate import identity
from gateway.cli.clock import SystemClock
from gateway.errors import SettingsError
from gateway.loglines import configure_logging
from gateway.settings import adapter_settings

if TYPE_CHECKING:
    from gateway.settings import AdapterSettings

GROUP = "accord.adapters"
GRACE_S = 2.0


def run(path: str) -> int:
    """Serve until a signal.

    Raises:
        SettingsError: A setting is wrong, or no adapter of this kind is installed.
    """
    place = Path(path)
    settings = adapter_settings(place)
    configure_logging(sys.stderr)
    return loop.run(_serve(place, settings))


def load(kind: str) -> Any:  # noqa: ANN401 - whatever the entry point names
    """Return what makes adapters of a kind.

    Raises:
        SettingsError: No package offers this kind.
    """
    for point in metadata.entry_points(group=GROUP):
        if point.name == kind:
            return point.load()
    known = ", ".join(sorted({point.name for point in metadata.entry_points(group=GROUP)}))
    raise SettingsError(f"`adapter.kind`: no adapter of this kind is installed; there are: {known}")


async def _serve(place: Path, settings: AdapterSettings) -> int:
    serving = metadata.entry_points(group="accord.adapter_server")
    listening, server_of = next(iter(serving)).load()
    own = identity(place, settings.tls, SystemClock().now())
    adapter = load(settings.adapter.kind)(settings.source, place.parent)
    server = server_of(
        adapter,
        listening(
            settings.listen.address,
            own,
            frozenset(settings.listen.gateway_san),
        ),
        identities=settings.identities,
    )
    await server.start()
    stop = asyncio.Event()
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, stop.set)
    sys.stdout.write(f"adapter of {settings.adapter.agency} on port {server.port}\n")
    sys.stdout.flush()
    await stop.wait()
    await server.stop(GRACE_S)
    return 0
