"""A development deployment on disk, without a process: for tests of the verbs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.deploy.county import COUNTY
from gateway.cli.deploy.write import Ports, write_deployment
from gateway.cli.keyring import open_keys, signers
from gateway.settings import beside, gateway_settings
from gateway.store.start import Place, open_log
from tests.store.contract import begin
from tests.store.town import a_keep, a_release, an_agreement, an_id, an_outcome

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.keys.folder import KeyFolder
    from gateway.store.log import StoredLog

ORIGIN = "demo.invalid/cli"
EXCHANGE = an_id(77)


def deploy(folder: Path) -> Path:
    """Write a deployment; return its `gateway.toml`."""
    ports = Ports(0, 0, {member.id: 0 for member in COUNTY})
    write_deployment(
        folder, clock=SystemClock(), entropy=SystemEntropy(), origin=ORIGIN, ports=ports
    )
    return folder / "gateway.toml"


def opened(path: Path, *, create: bool = False) -> tuple[StoredLog, KeyFolder]:
    """Open the log of a deployment, in the running loop."""
    settings = gateway_settings(path)
    entropy = SystemEntropy()
    keys = open_keys(path, settings, entropy)
    log = open_log(
        Place(beside(path, settings.log.database), beside(path, settings.log.held), "0", bytes(32)),
        signer=signers(settings.log.origin, keys, SystemClock().now()),
        keys=keys,
        clock=SystemClock(),
        entropy=entropy,
        fatal=lambda error: None,  # noqa: ARG005 - nothing fails here
        create=create,
    )
    return log, keys


def fill(path: Path) -> None:
    """Write the log of a deployment, with one exchange in it."""

    async def run() -> None:
        log, _ = opened(path, create=True)
        await log.note(an_agreement())
        ticket = await begin(log, 77)
        await ticket.release(a_release(EXCHANGE), a_keep("r"))
        await ticket.outcome(an_outcome(EXCHANGE))
        await log.close()

    asyncio.run(run())
