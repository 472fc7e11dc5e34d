"""The twin of the exchange log keeps the contract of the real one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.fakes import MemoryLog
from tests.store.contract import CLAIMS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from tests.store.contract import Make


@asynccontextmanager
async def _memory() -> AsyncIterator[MemoryLog]:
    yield MemoryLog()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.__name__)
def test_the_log_in_memory(claim: Callable[[Make], Coroutine[None, None, None]]) -> None:
    """Each claim of the contract holds for the twin."""
    asyncio.run(claim(_memory))
