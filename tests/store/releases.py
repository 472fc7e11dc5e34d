"""Tables released in a store that is closed and opened between one work and the next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.store.contract import begin
from tests.store.town import Town, a_release, an_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.ports import Keep
    from gateway.store.log import StoredLog


async def release(log: StoredLog, number: int, keep: Keep) -> None:
    """Release one table."""
    ticket = await begin(log, number)
    await ticket.release(a_release(an_id(number), 0, 1), keep)


def run(town: Town, *works: Callable[[StoredLog], Awaitable[None]]) -> None:
    """Run each work over the store of one town, which is closed and opened in between."""

    async def one(work: Callable[[StoredLog], Awaitable[None]]) -> None:
        async with town.log() as log:
            await work(log)

    for work in works:
        asyncio.run(one(work))
