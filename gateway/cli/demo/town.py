"""The demo's county on its feet: free ports, and the gateway and its adapters as processes."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.cli.clock import SystemClock, SystemEntropy
from gateway.cli.county.write import write_county
from gateway.cli.deploy.county import COUNTY
from gateway.cli.deploy.write import Ports, write_deployment
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from gateway.cli.county.write import County
    from gateway.cli.deploy.write import Deployment

START_S = 60.0
STOP_S = 8.0
FIRST_PORT, LAST_PORT = 20_000, 32_000
"""Below the ports that systems hand out by themselves, so that no connection takes one of ours."""
TAIL_LINES = 5


@dataclass(frozen=True, slots=True)
class Town:
    """A county as it was written."""

    deployment: Deployment
    county: County


def build(folder: Path, seed: int) -> Town:
    """Write deployment and records into an empty folder.

    Raises:
        SettingsError: The folder is not empty.
    """
    clock = SystemClock()
    main, admin, *rest = free_ports(len(COUNTY) + 2)
    deployment = write_deployment(
        folder,
        clock=clock,
        entropy=SystemEntropy(),
        origin=f"demo.invalid/exchange-log/{secrets.token_hex(4)}",
        ports=Ports(main, admin, {m.id: port for m, port in zip(COUNTY, rest, strict=True)}),
    )
    county = write_county(folder / "county", seed=seed, now=clock.now())
    return Town(deployment, county)


def free_ports(count: int) -> list[int]:
    """Return ports in a row, on loopback, that nobody listens on.

    Raises:
        SettingsError: None were found.
    """
    for _ in range(100):
        first = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT - count)
        ports = list(range(first, first + count))
        if all(map(_free, ports)):
            return ports
    raise SettingsError("no free ports on 127.0.0.1")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@asynccontextmanager
async def running(town: Town) -> AsyncIterator[None]:
    """Start every process at once, give way when all serve, and leave none behind.

    Raises:
        SettingsError: One of them ended before it served, or took too long.
    """
    place = town.deployment
    logs = place.folder / "run"
    logs.mkdir()
    verbs = [("gateway", ["serve", str(place.gateway), "--create"])]
    verbs += [
        (m.id, ["adapter", "serve", str(place.agency(m.id) / "adapter.toml")]) for m in COUNTY
    ]
    children: list[_Child] = []
    try:
        for name, verb in verbs:
            children.append(await _Child.start(name, verb, logs / f"{name}.log"))
        async with asyncio.timeout(START_S):
            await asyncio.gather(*(child.ready() for child in children))
        yield
    except TimeoutError:
        raise SettingsError(f"the county did not start within {START_S:.0f} s") from None
    finally:
        await asyncio.shield(asyncio.gather(*(child.stop() for child in children)))


class _Child:
    """One process, its standard error in a file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self._name = name
        self._process = process
        self._log = log

    @classmethod
    async def start(cls, name: str, verb: Sequence[str], log: Path) -> _Child:
        # A session of its own: Ctrl-C reaches the demo alone, which then ends the others in order.
        with log.open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "gateway.cli.demo.child", *verb),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        return cls(name, process, log)

    async def ready(self) -> None:
        """Return when it says that it serves: its first line on standard output."""
        assert self._process.stdout is not None  # noqa: S101 - `start` asked for the pipe
        if await self._process.stdout.readline():
            return
        await self._process.wait()
        said = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
        raise SettingsError("\n  ".join([f"{self._name} did not start:", *said]))

    async def stop(self) -> None:
        """End it: asked first, then made to."""
        process = self._process
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        if process.stdin is not None:
            process.stdin.close()
