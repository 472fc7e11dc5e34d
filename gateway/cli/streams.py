"""Ends exchanges that no longer stand, wherever they wait: for a provider, or for a recipient.

Before each chunk an exchange asks of itself whether it still stands. One that waits asks nothing,
and would go on when the wait is over: a recipient who reads slowly would get, minutes after a
suspension, what was handed to the transport just before it. So all of them are asked from here,
several times a second, and one that stands no more is interrupted at once.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import AccordError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(slots=True, eq=False)
class _Open:
    """One exchange under way; `ended` is why it was interrupted."""

    stands: Callable[[], None]
    task: asyncio.Task[object]
    ended: AccordError | None = None


class OpenStreams:
    """Every exchange under way in this process; used on one event loop."""

    def __init__(self) -> None:
        self._open: set[_Open] = set()

    @asynccontextmanager
    async def while_it(self, stands: Callable[[], None]) -> AsyncIterator[None]:
        """Ask `stands` while the block runs; see `ports.Streams`."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        one = _Open(stands, task)
        self._open.add(one)
        try:
            yield
        except BaseException as error:
            # Only ours is taken back: a caller who has left meanwhile has left.
            if one.ended is not None and task.uncancel() == 0 and _cancelled(error):
                raise one.ended from None
            raise
        finally:
            self._open.discard(one)

    async def watch(self, every_s: float) -> None:
        """Ask all of them, for ever."""
        while True:
            await asyncio.sleep(every_s)
            self.ask()

    def ask(self) -> None:
        """Ask each once, and interrupt those that do not stand."""
        for one in tuple(self._open):
            try:
                one.stands()
            except AccordError as error:
                self._open.discard(one)
                one.ended = error
                one.task.cancel()


def _cancelled(error: BaseException) -> bool:
    # Whatever else a part made of the interruption is told as it is: it may be the log's.
    return isinstance(error, asyncio.CancelledError)
