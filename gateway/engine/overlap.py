"""Lets reading, masking, logging and sending overlap, without a queue that grows.

One batch is in work and at most one finished ahead.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.engine.jobs import ROWS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine

    import pyarrow as pa

    from gateway.ports import Ready


async def one_behind(
    batches: AsyncGenerator[pa.RecordBatch],
    work: Callable[[pa.RecordBatch], Coroutine[object, object, None]],
) -> int:
    """Work on each batch, in order, while the next arrives; return how many there were."""
    count, at_work = 0, None
    try:
        async for batch in batches:
            count += 1
            if at_work is not None:
                await at_work
            at_work = asyncio.create_task(work(batch))
        if at_work is not None:
            await at_work
    finally:
        if at_work is not None:
            await asyncio.gather(at_work, return_exceptions=True)
        await batches.aclose()
    return count


async def ahead(source: AsyncGenerator[list[Ready]]) -> AsyncGenerator[list[Ready]]:
    """Yield from `source`; behind a batch, the next is made while this one is logged and sent.

    Behind a few rows nothing is made ahead: most exchanges end there, and a task costs more.
    """
    step: asyncio.Task[list[Ready]] | None = None
    try:
        while True:
            try:
                item = await (anext(source) if step is None else step)
            except StopAsyncIteration:
                return
            rows_made = sum(ready.chunk.row_count for ready in item)
            step = asyncio.create_task(_next(source)) if rows_made > ROWS_AT_ONCE else None
            yield item
    finally:
        if step is not None:
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)
        await source.aclose()


async def _next(source: AsyncGenerator[list[Ready]]) -> list[Ready]:
    return await anext(source)
