"""The twins of the exchange log and of the vault keep the contracts of the real ones."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.fakes import MemoryLog, MemoryVault
from tests.store import vault_contract
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


@pytest.mark.parametrize("claim", vault_contract.CLAIMS, ids=lambda claim: claim.__name__)
def test_the_vault_in_memory(
    claim: Callable[[vault_contract.Make], Coroutine[None, None, None]],
) -> None:
    """Each claim of the vault's contract holds for its twin."""
    twin = MemoryVault()

    @asynccontextmanager
    async def make() -> AsyncIterator[MemoryVault]:
        yield twin

    asyncio.run(claim(make))
