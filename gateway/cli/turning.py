"""A gateway that runs follows its key folder: what `accord keys` does needs no restart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from gateway.cli.keyring import signers
from gateway.errors import LogError, SettingsError

if TYPE_CHECKING:
    from typing import Protocol

    from gateway.audit.signers import Signers
    from gateway.keys.folder import KeyFolder
    from gateway.ports import Clock

    class Signing(Protocol):
        """The exchange log, as far as keys sign it."""

        def turn(self, signers: Signers) -> None:
            """Sign with these keys from the next checkpoint on, and know them all."""


EVERY_S: Final = 1.0


async def follow(
    keys: KeyFolder, log: Signing, origin: str, clock: Clock, every_s: float = EVERY_S
) -> None:
    """Look once a second, for ever; say it once where the folder cannot be followed.

    What is open stays so: a folder that cannot be read stops nothing that is under way.
    """
    said = ""
    while True:
        await asyncio.sleep(every_s)
        try:
            await asyncio.to_thread(keys.refresh, clock.now())
            log.turn(signers(origin, keys, clock.now()))
            said = ""
        except (SettingsError, LogError, OSError) as error:
            if type(error).__name__ != said:
                said = type(error).__name__
                structlog.get_logger().error("keys not followed", error=said)
