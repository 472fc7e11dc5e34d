"""Runs a process of the bench until it is told to stop, on the loop that the gateway uses."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


async def until_told(port: int, name: str, stop: Callable[[], Awaitable[None]]) -> None:
    """Say the port, wait for a signal, and stop."""
    sys.stdout.write(f"{name} on port {port}\n")
    sys.stdout.flush()
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()
    await stop()
