"""Tells the operator which witnesses do not cosign, each time that changes.

Without it a witness that is silent for weeks would be seen only by whoever reads checkpoints: in
mode `async` nothing waits for one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from typing import Protocol

    class Witnessed(Protocol):
        """A log whose checkpoints others cosign."""

        @property
        def unwitnessed(self) -> str:
            """Which witnesses the last round got no cosignature from."""


async def tell_witnesses(log: Witnessed, every_s: float) -> None:
    """Say what changed since the last look, for ever."""
    before = ""
    while True:
        if (now := log.unwitnessed) != before:
            say = structlog.get_logger()
            if now:
                say.warning("checkpoints", state=now)
            else:
                say.info("checkpoints", state="cosigned by every witness again")
            before = now
        await asyncio.sleep(every_s)
