"""The checkpoint that an agency keeps: with it, every agency is a monitor of the exchange log.

It is replaced only by one that the gateway proved to go on from it. What contradicts it is kept
beside it: the two are evidence against whoever holds the log's key, for anybody to see.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from gateway.errors import AccordError, LogError
from gateway.library.files import write_synced
from gateway.settings import beside

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.remote.client import Client
    from gateway.settings import ClientSettings

CONTRADICTING: Final = ".contradicting"
"""What the name of the file ends with that holds the other checkpoint."""


async def leave(path: Path, settings: ClientSettings, client: Client) -> None:
    """Have the newest checkpoint that a client saw proved, keep it, and close the client.

    A gateway that gives no proof just now is said so, and the older checkpoint kept: it is as true
    as it was, and the next call asks again.

    Args:
        path: `client.toml`.
        settings: What it says.
        client: Still open.

    Raises:
        LogError: The gateway's log is another one. Both checkpoints are on disk.
    """
    try:
        await _keep(beside(path, settings.client.checkpoint), client)
    finally:
        await client.close()


async def _keep(kept: Path, client: Client) -> None:
    try:
        await client.prove()
    except LogError as error:
        if not client.contradicting:
            raise
        other = kept.with_name(kept.name + CONTRADICTING)
        write_synced(other, client.contradicting.encode())
        raise LogError(f"{error.message}: `{kept.name}` and `{other.name}`") from error
    except AccordError as error:
        sys.stderr.write(
            "accord: the gateway did not prove that its log goes on from the checkpoint that was "
            f"kept ({error.reason.value}): the older one stays\n"
        )
    if client.proved:
        write_synced(kept, client.proved.encode())
