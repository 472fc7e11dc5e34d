"""An exchange that stands no more is ended wherever it waits, and no other one is."""

from __future__ import annotations

import asyncio

import pytest

from gateway.cli.streams import OpenStreams
from gateway.errors import AgreementError, Reason, RefusedError, SourceError

SUSPENDED = RefusedError(Reason.AGREEMENT_NOT_ACTIVE, "suspended", step=2)


class Exchange:
    """An exchange that waits for good; `stands` says what it is told to."""

    def __init__(self, streams: OpenStreams) -> None:
        self.error: Exception | None = None
        self.made: Exception | None = None
        self.asked = 0
        self.task = asyncio.ensure_future(self._run(streams))

    def stands(self) -> None:
        """Count, and raise what the exchange ends with."""
        self.asked += 1
        if self.error is not None:
            raise self.error

    async def _run(self, streams: OpenStreams) -> None:
        async with streams.while_it(self.stands):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if self.made is not None:
                    raise self.made from None
                raise


async def begun(streams: OpenStreams, count: int) -> list[Exchange]:
    """Return exchanges that wait."""
    found = [Exchange(streams) for _ in range(count)]
    await asyncio.sleep(0)
    return found


@pytest.mark.parametrize("error", [SUSPENDED, AgreementError("no good set of agreements")])
def test_one_that_waits_is_ended_with_its_reason(error: Exception) -> None:
    """The exchange raises why it stands no more; another one goes on waiting."""

    async def run() -> None:
        streams = OpenStreams()
        one, other = await begun(streams, 2)
        one.error = error
        streams.ask()
        with pytest.raises(type(error)) as caught:
            await one.task
        assert error is caught.value
        assert 0 == one.task.cancelling()
        streams.ask()
        assert not other.task.done()
        assert (1, 2) == (one.asked, other.asked)
        other.task.cancel()

    asyncio.run(run())


def test_a_caller_who_leaves_at_that_moment_has_left() -> None:
    """A call that was cancelled from outside too ends as cancelled."""

    async def run() -> None:
        streams = OpenStreams()
        (one,) = await begun(streams, 1)
        one.error = SUSPENDED
        streams.ask()
        one.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one.task

    asyncio.run(run())


def test_a_call_that_is_cancelled_is_not_a_suspension() -> None:
    """A cancellation that nobody here asked for passes."""

    async def run() -> None:
        streams = OpenStreams()
        (one,) = await begun(streams, 1)
        one.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one.task

    asyncio.run(run())


def test_what_a_part_makes_of_it_is_told() -> None:
    """Where something fails while it is interrupted, that is what is raised."""

    async def run() -> None:
        streams = OpenStreams()
        (one,) = await begun(streams, 1)
        one.error, one.made = SUSPENDED, SourceError(Reason.ADAPTER_UNAVAILABLE, "away")
        streams.ask()
        with pytest.raises(SourceError):
            await one.task

    asyncio.run(run())


def test_an_exchange_that_has_ended_is_not_asked() -> None:
    """Whoever has left the block is out of reach."""

    async def run() -> None:
        streams, asked = OpenStreams(), []
        async with streams.while_it(lambda: asked.append(1)):
            streams.ask()
        streams.ask()
        assert [1] == asked

    asyncio.run(run())


def test_the_watch_asks_by_itself() -> None:
    """Within a few turns of the watch a waiting exchange is ended."""

    async def run() -> None:
        streams = OpenStreams()
        watching = asyncio.ensure_future(streams.watch(0.001))
        (one,) = await begun(streams, 1)
        one.error = SUSPENDED
        with pytest.raises(RefusedError):
            await asyncio.wait_for(one.task, 5)
        watching.cancel()

    asyncio.run(run())
