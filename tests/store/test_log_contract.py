"""The exchange log keeps what every exchange log promises, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.store.contract import STORED_CLAIMS
from tests.store.server import SharedTown
from tests.store.town import Town

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from tests.store.contract import Make


@pytest.mark.parametrize("claim", STORED_CLAIMS, ids=lambda claim: claim.__name__)
def test_the_log_on_sqlite(
    claim: Callable[[Make], Coroutine[None, None, None]], tmp_path: Path
) -> None:
    """Each claim of the contract holds, nothing died of it, and the log verifies."""
    town = Town(tmp_path)

    asyncio.run(claim(town.log))

    assert [] == town.fatal.errors
    assert {"exchange-open"} >= set(town.findings())


@pytest.mark.parametrize("claim", STORED_CLAIMS, ids=lambda claim: claim.__name__)
def test_the_log_on_postgresql(
    claim: Callable[[Make], Coroutine[None, None, None]], tmp_path: Path
) -> None:
    """Each claim of the contract holds there too, nothing died of it, and the log verifies."""
    town = SharedTown(tmp_path)

    asyncio.run(claim(town.log))

    assert [] == town.fatal.errors
    assert {"exchange-open"} >= set(town.findings())
