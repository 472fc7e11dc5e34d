"""Keeps the agreements in force in step with the officers' folder, and health with both.

Looking runs in a thread, beside traffic. Only what the exchange log holds is put in force; where
the log cannot take the entry, nothing changes and the next look tries again. What nobody foresaw
ends the process: it can no longer know of a suspension.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from gateway.agreement.finding import Level
from gateway.audit.entry import Draft
from gateway.broker.drafts import b64
from gateway.errors import LogError
from gateway.library.settle import NOT_IN_FORCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from gateway.agreement.finding import Finding
    from gateway.library.folder import FolderLibrary, Loaded
    from gateway.ports import Clock

    class Noting(Protocol):
        """The exchange log, as far as it takes a swap."""

        async def note(self, draft: Draft) -> object:
            """Write an entry; it is durable on return."""


RETAIN: Final = "p"
_PAUSE_S: Final = 1.0


async def put_in_force(library: FolderLibrary, log: Noting, loaded: Loaded) -> None:
    """Write a change of agreements to the log, then put it in force.

    Raises:
        LogError: The entry may not be durable; what was in force still is.
    """
    if loaded.agreements is not None and library.news(loaded):
        meta = {
            "agreements": [
                [i, version, b64(digest), state] for i, version, digest, state in loaded.states
            ],
            "floor_sha256": b64(loaded.agreements.floor.digest),
        }
        await log.note(Draft("agreement", None, 0, None, RETAIN, meta))
    before = _left_out(library)
    # The file of what must not be forgotten is synced to disk: not on the event loop.
    await asyncio.to_thread(library.swap, loaded)
    if _left_out(library) != before:
        _tell(_left_out(library))


async def watch(
    library: FolderLibrary,
    log: Noting,
    clock: Clock,
    poll_s: float,
    fatal: Callable[[LogError], None],
) -> None:
    """Put what changed in force within one look, for ever; `fatal` is told where that ends."""
    while True:
        await asyncio.sleep(poll_s)
        try:
            if await asyncio.to_thread(library.changed, clock.now()):
                loaded = await asyncio.to_thread(library.look, clock.now())
                await put_in_force(library, log, loaded)
        except LogError as error:
            structlog.get_logger().error("agreements not swapped", error=type(error).__name__)
            await asyncio.sleep(_PAUSE_S)
        except Exception as error:  # noqa: BLE001 - whatever it is, a suspension may be behind it
            name = type(error).__name__
            fatal(LogError(f"the folder of agreements cannot be judged: {name}"))
            return


def _left_out(library: FolderLibrary) -> list[Finding]:
    """Return the errors, and what is sound and stays out of force all the same."""
    return [one for one in library.findings if one.level is Level.ERROR or one.rule == NOT_IN_FORCE]


def _tell(found: list[Finding]) -> None:
    """Write what is wrong with the folder to the process's log; its text is for `lint` to say."""
    say = structlog.get_logger()
    for one in found:
        level = "error" if one.level is Level.ERROR else "warning"
        getattr(say, level)("agreements", rule=one.rule, file=one.file, line=one.line)
    if not found:
        say.info("agreements", state="in force as they lie there")
