"""One call of an officer to the gateway that runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gateway.cli.kept import leave
from gateway.cli.request import client_of
from gateway.remote.standings import Standings
from gateway.settings import client_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

_T = TypeVar("_T")


def called(client: str, ask: Callable[[Standings], Coroutine[Any, Any, _T]]) -> _T:
    """Return what a gateway answers; the checkpoint that it gave is kept.

    Raises:
        SettingsError: The settings are wrong.
        LogError: The gateway's log is another one.
        AccordError: As the gateway refused or failed.
    """
    path = Path(client)
    settings = client_settings(path)

    async def run() -> _T:
        calling = client_of(path, settings)
        try:
            return await ask(Standings(calling))
        finally:
            await leave(path, settings, calling)

    return asyncio.run(run())
