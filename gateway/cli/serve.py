"""`accord serve`: the gateway as a process."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli import loop
from gateway.cli.compose import start
from gateway.loglines import configure_logging
from gateway.settings import gateway_settings
from gateway.store.faults import RollbackError
from gateway.telemetry import exporting

if TYPE_CHECKING:
    from gateway.errors import LogError
    from gateway.settings import GatewaySettings

EXIT_UNKNOWN = 75
EXIT_ROLLBACK = 76


def run(path: str, *, create: bool) -> int:
    """Serve until a signal; return 0, or 75 and 76 where the exchange log stopped the process.

    Raises:
        SettingsError, AgreementError, LogError: It cannot start.
    """
    place = Path(path)
    settings = gateway_settings(place)
    return loop.run(_serve(place, settings, create=create))


async def _serve(place: Path, settings: GatewaySettings, *, create: bool) -> int:
    level = getattr(logging, settings.telemetry.log_level.upper())
    log = configure_logging(sys.stderr, level=level)
    telemetry, end = exporting(
        settings.telemetry.otlp or "",
        instance=settings.gateway.replica,
        sampled=settings.telemetry.sample,
        log=log,
    )
    try:
        running = await start(place, settings, telemetry, create=create)
        for line in running.log.warnings:
            sys.stderr.write(f"accord: {line}\n")
        # Before the line: whoever has read it may stop the process, and it ends in order.
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        sys.stdout.write(
            f"serving on port {running.gateway.port}, admin {running.gateway.admin_port}\n"
        )
        sys.stdout.flush()
        code = await _until_stopped(stop, running.fatal)
        await running.stop()
        return code
    finally:
        end()


async def _until_stopped(stop: asyncio.Event, fatal: asyncio.Future[LogError]) -> int:
    waiting = asyncio.ensure_future(stop.wait())
    ends: set[asyncio.Future[Any]] = {waiting, fatal}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not fatal.done():
        return 0
    error = fatal.result()
    sys.stderr.write(f"accord: {error}\n")
    return EXIT_ROLLBACK if isinstance(error, RollbackError) else EXIT_UNKNOWN
