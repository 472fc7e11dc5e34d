"""What a gateway does once a day: forget tables that are past their history."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from gateway.errors import LogError

if TYPE_CHECKING:
    import datetime as dt
    from typing import Protocol

    from gateway.ports import Clock

    class Forgetting(Protocol):
        """The exchange log, as far as its record of cells forgets."""

        async def forget(self, today: dt.date) -> int:
            """Erase what is past its history; return how many tables."""


DAY_S: Final = 86_400.0


async def forget(log: Forgetting, clock: Clock) -> None:
    """Erase what is past its history by now, and say how many tables that were.

    Raises:
        LogError: The log takes nothing just now; what is left goes the next time.
    """
    erased = await log.forget(clock.now().date())
    if erased:
        structlog.get_logger().info("tables forgotten", count=erased)


async def daily(log: Forgetting, clock: Clock, every_s: float = DAY_S) -> None:
    """Do so once a day, for ever."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await forget(log, clock)
        except LogError as error:
            structlog.get_logger().error("tables not forgotten", error=type(error).__name__)
