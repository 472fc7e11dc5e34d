"""A deployment's exchange log, opened by its operator: that somebody looks is an entry first."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, TypeVar

from gateway.audit.entry import Draft
from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.keyring import open_keys, signers
from gateway.cli.place import place
from gateway.settings import gateway_settings
from gateway.store.start import open_log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.errors import LogError
    from gateway.keys.folder import KeyFolder
    from gateway.store.log import StoredLog

    Key = Callable[[str], bytes]

_T = TypeVar("_T")

RETAIN: Final = "6y"


def access(verb: str, asked: str | None, results: int = 0) -> Draft:
    """Return the entry that says that the operator looked.

    Args:
        verb: Of `accord log`.
        asked: An exchange's id, or the names of filters; never a caller's words.
        results: How many entries are opened at most.
    """
    meta = {"who": "operator", "role": None, "verb": verb, "filter": asked, "results": results}
    return Draft("access", None, 0, None, RETAIN, meta)


def with_log(
    path: Path, looks: Callable[[StoredLog], Draft], work: Callable[[StoredLog, Key], _T]
) -> _T:
    """Open the log as its owner, write the `access` entry, then work.

    Args:
        path: gateway.toml.
        looks: Returns the entry; it may count leaves, and opens nothing.
        work: Given the log and payload keys by id; run in a thread.

    Raises:
        LogError: Another process has the log, or it cannot be opened, or the entry is not durable;
            nothing was opened.
        SettingsError: The settings are wrong.
    """

    async def carry_out() -> _T:
        async with operated(path) as (log, keys):
            entry = await asyncio.to_thread(looks, log)
            # Under a signed checkpoint, so that an export has the entry that says so inside it.
            await log.proof(await log.note(entry))
            return await asyncio.to_thread(work, log, keys.by_id)

    return asyncio.run(carry_out())


@asynccontextmanager
async def operated(path: Path) -> AsyncIterator[tuple[StoredLog, KeyFolder]]:
    """Open a deployment's log as its owner, with its keys, and close it in the end.

    Raises:
        LogError: Another process has the log, or it cannot be opened.
        SettingsError: The settings are wrong.
    """
    settings = gateway_settings(path)
    entropy = SystemEntropy()
    keys = open_keys(path, settings, entropy)
    log = open_log(
        place(path, settings, operator=True),
        signer=signers(settings.log.origin, keys, SystemClock().now()),
        keys=keys,
        clock=SystemClock(),
        entropy=entropy,
        fatal=tell,
    )
    try:
        yield log, keys
    finally:
        await log.close()


def tell(error: LogError) -> None:
    """Say on standard error why a log stopped."""
    sys.stderr.write(f"accord: {error.message}\n")
