"""What a gateway does by the clock: forget what is past its time, and tell of duties overdue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from gateway.errors import LogError, SettingsError

if TYPE_CHECKING:
    import datetime as dt
    from typing import Protocol

    from gateway.ports import Clock

    class Forgetting(Protocol):
        """The exchange log, as far as it forgets."""

        async def forget(self, today: dt.date) -> int:
            """Erase from the record of cells what is past its history; return how many tables."""

        async def expire(self, now: dt.datetime) -> int:
            """Erase payloads past their class and under no hold; return how many."""

    class Telling(Protocol):
        """Duties, as far as late ones are told of."""

        async def tell(self, now: dt.datetime) -> int:
            """Write an entry for each duty that came to be overdue; return how many."""


DAY_S: Final = 86_400.0
HOUR_S: Final = 3_600.0


async def forget(log: Forgetting, clock: Clock) -> None:
    """Erase tables that are past their history by now, and say how many those were.

    Raises:
        LogError: The log takes nothing just now; what is left goes the next time.
    """
    tables = await log.forget(clock.now().date())
    if tables:
        structlog.get_logger().info("tables forgotten", count=tables)


async def expire(log: Forgetting, clock: Clock) -> None:
    """Erase payloads that are past their class by now, and say how many those were.

    Raises:
        LogError: The log takes nothing just now; what is left goes the next time.
        SettingsError: The key store cannot be written; as before.
    """
    payloads = await log.expire(clock.now())
    if payloads:
        structlog.get_logger().info("payloads erased", count=payloads)


async def overdue(duties: Telling, clock: Clock, every_s: float = HOUR_S) -> None:
    """Write an entry for each duty that came to be overdue, at once and then each hour, for ever.

    A recipient is refused from the first instant on at which it is late: the entry is for auditors.
    """
    while True:
        try:
            late = await duties.tell(clock.now())
            if late:
                structlog.get_logger().warning("duties overdue", count=late)
        except LogError as error:
            structlog.get_logger().error("overdue duties not told", error=type(error).__name__)
        await asyncio.sleep(every_s)


async def daily(log: Forgetting, clock: Clock, every_s: float = DAY_S) -> None:
    """Expire at once, then do both once a day, for ever.

    Tables are forgotten before a gateway serves, so that none is judged beside what is going;
    payloads may be many, and are erased beside the work. Tables come first: what they told lies
    under the keys of payloads.
    """
    steps = [expire]
    while True:
        for step in steps:
            try:
                await step(log, clock)
            except (LogError, SettingsError) as error:
                structlog.get_logger().error("not forgotten", error=type(error).__name__)
        steps = [forget, expire]
        await asyncio.sleep(every_s)
