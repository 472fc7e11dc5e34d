"""The engine's threads: work that nobody waits for any more still fills its place."""

from __future__ import annotations

import asyncio
import threading
import time

from gateway.engine.run import PlanEngine

THREADS = 2
CALLS = 100


def test_cancelled_calls_never_run_more_jobs_than_threads() -> None:
    """T10: a thread cannot be cancelled, so its place is free when it ends and not before."""
    engine = PlanEngine(lambda _year: bytes(32), lambda: 2026, THREADS)
    lock, running, most = threading.Lock(), 0, 0

    def heavy() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002)
        with lock:
            running -= 1

    async def flood() -> None:
        for _ in range(CALLS):
            call = asyncio.create_task(engine._off_loop(heavy))  # noqa: SLF001 - the pool itself
            await asyncio.sleep(0.001)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    asyncio.run(flood())
    engine.close()

    assert 0 < most <= THREADS
    assert 0 == running


def test_the_loop_goes_on_while_a_batch_is_masked() -> None:
    """T13: heavy work is off the loop, so other calls are answered meanwhile."""
    engine = PlanEngine(lambda _year: bytes(32), lambda: 2026, THREADS)

    async def beside() -> int:
        work = asyncio.create_task(engine._off_loop(lambda: time.sleep(0.3)))  # noqa: SLF001
        ticks = 0
        while not work.done():
            await asyncio.sleep(0.01)
            ticks += 1
        return ticks

    ticks = asyncio.run(beside())
    engine.close()

    assert ticks > THREADS
