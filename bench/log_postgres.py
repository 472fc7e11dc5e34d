"""How fast replicas write one log in PostgreSQL: so many processes, each with exchanges in flight.

The server is a real one, in a temporary folder, set up as it comes: what it says is on disk.
Each process opens the log as a replica of its own, says that it is ready, and begins when it is
told to; the rate is over all that they carried out, from the first's start to the last's end.

    python -m bench.log_postgres FOLDER URL REPLICA FIRST COUNT
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.log_commit import spread, two
from bench.log_drawn import Held, agreements, draw, opened
from bench.server import a_server
from gateway.cli.clock import SystemClock
from gateway.cli.loop import run as run_loop
from gateway.store.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS: Final = ("log.postgres_exchanges_per_s",)
"""What is found."""

WRITERS: Final = 4
IN_FLIGHT: Final = 64
_READY: Final = "ready"


def run(held: Held, count: int, say: Callable[[str], None]) -> dict[str, float | None]:
    """Return how many exchanges of two entries a second four replicas write together.

    None where no PostgreSQL can be started.
    """
    folder = Path(tempfile.mkdtemp(prefix="accord-bench-pg-"))
    try:
        with a_server(folder) as server:
            admin = Postgres(server.get_uri(), write=True)
            admin.execute("CREATE DATABASE bench")
            admin.close()
            rate = _rate(held.folder, server.get_uri("bench"), count)
    except ImportError:
        say("     postgres: no server to start")
        return dict.fromkeys(KEYS)
    say(f"     postgres: {rate:>9,.0f} exchanges/s, {WRITERS} writers, {IN_FLIGHT} in flight each")
    return {KEYS[0]: rate}


def _rate(folder: Path, url: str, count: int) -> float:
    first = Held(folder, url, "maker")
    run_loop(_make(first))
    writers = []
    for number in range(WRITERS):
        held = Held(folder, url, f"writer-{number}")
        held.checkpoint.parent.mkdir(exist_ok=True)
        shutil.copy(first.checkpoint, held.checkpoint)
        given = [str(folder), url, held.replica, str(number * count), str(count)]
        writers.append(
            subprocess.Popen(  # noqa: S603 - this very module
                [sys.executable, "-m", "bench.log_postgres", *given],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    pipes = [(writer.stdin, writer.stdout) for writer in writers]
    if any(out is None or out.readline().strip() != _READY for _, out in pipes):
        raise RuntimeError("a writer did not begin")
    for into, _ in pipes:
        if into is not None:
            into.write("\n")
            into.flush()
    spans = []
    for writer in writers:
        said, _ = writer.communicate()
        began, ended = map(float, said.split())
        spans.append((began, ended))
    return WRITERS * count / (max(end for _, end in spans) - min(began for began, _ in spans))


async def _make(held: Held) -> None:
    async with opened(held):
        pass


async def _write(held: Held, first: int, count: int) -> tuple[float, float]:
    now = SystemClock().now()
    drawn = [draw(first + at, now) for at in range(count)]
    async with opened(held) as log:
        sys.stdout.write(_READY + "\n")
        sys.stdout.flush()
        sys.stdin.readline()
        # One clock for all processes of a machine.
        began = time.monotonic()
        await spread(iter(drawn), IN_FLIGHT, lambda one: two(log, one))
        await log.note(agreements())
        return began, time.monotonic()


if __name__ == "__main__":
    place, url, replica, start, many = sys.argv[1:]
    span = run_loop(_write(Held(Path(place), url, replica), int(start), int(many)))
    sys.stdout.write(f"{span[0]} {span[1]}\n")
