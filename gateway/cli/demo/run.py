"""`accord demo`: the whole way in half a minute, in a temporary folder, nothing left behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gateway.cli.demo.ask import Outcome
    from gateway.cli.demo.town import Town

WIDEST = 100
NEEDED = ("hl7", "ibis", "lxml")
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def run(keep: str, seed: int) -> int:
    """Run the demo; return 0 where every exchange and the log are as they should be.

    Whatever happens, its processes have ended and its temporary folder is gone when this returns.

    Args:
        keep: A new or empty folder that the county stays in, or empty.
        seed: Chooses the synthetic people.

    Raises:
        AccordError: A part of the county did not work.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        lacking = ", ".join(missing)
        raise SettingsError(f"the demo's adapters need {lacking}: install accord-gateway[formats]")
    console = _console()
    begun = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # One way to stop, inside the loop and outside: as Ctrl-C.
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with _folder(keep) as folder:
            good = _demo(console, folder, seed)
            if keep:
                _kept(console, folder)
    except KeyboardInterrupt:
        console.print("\nstopped; nothing is left running")
        return EXIT_INTERRUPTED
    console.print(f"[dim]{time.monotonic() - begun:.0f} s, nothing left running[/]")
    return 0 if good else EXIT_FAILED


def _console() -> Console:
    """Return a console as wide as the terminal, and no wider than is read with ease."""
    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDEST
    console.width = min(console.width, WIDEST)
    return console


@contextmanager
def _folder(keep: str) -> Iterator[Path]:
    if keep:
        place = Path(keep).resolve()
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise SettingsError(f"`--keep`: {place} is not an empty folder")
        place.mkdir(parents=True, exist_ok=True)
        yield place
        return
    place = Path(tempfile.mkdtemp(prefix="accord-demo-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _demo(console: Console, folder: Path, seed: int) -> bool:
    with _told(
        console, "writing a county: an authority, signed agreements, four agencies' records"
    ):
        from gateway.cli.demo.town import build

        town = build(folder, seed)
    outcomes, held = asyncio.run(_exchanges(console, town))
    from gateway.cli.demo import proof, show

    log = proof.write_log(town.deployment)
    proved = proof.check(log, town.deployment.vkey, held, outcomes)
    show.proved(console, proved)
    show.summary(console, outcomes)
    return proved.good and all(as_told(one, town.county.cases) for one in outcomes)


def as_told(outcome: Outcome, cases: Mapping[str, str]) -> bool:
    """Return whether a scene ended as it is meant to."""
    reason = str(outcome.refusal.reason) if outcome.refusal else ""
    return reason == outcome.scene.refused and not arrived(outcome, cases)


def arrived(outcome: Outcome, cases: Mapping[str, str]) -> bool:
    """Return whether the record came that must not."""
    absent = outcome.scene.absent
    key = outcome.scene.fields[0]
    return absent is not None and cases[absent[0]] in {row[key] for row in outcome.rows}


async def _exchanges(console: Console, town: Town) -> tuple[list[Outcome], dict[str, str]]:
    from gateway.cli.demo.town import running

    with _told(console, "starting the gateway and four adapters") as done:
        async with running(town):
            done()
            from gateway.cli.demo import show
            from gateway.cli.demo.ask import Callers
            from gateway.cli.demo.scenes import SCENES

            show.opening(console, town.county)
            callers, outcomes = Callers(town.deployment), []
            try:
                for number, scene in enumerate(SCENES, 1):
                    with _told(console, f"{scene.recipient} asks {scene.provider}"):
                        outcome = await callers.ask(scene)
                    outcomes.append(outcome)
                    show.scene(console, number, outcome, town.county)
            finally:
                await callers.close()
    return outcomes, dict(callers.checkpoints)


@contextmanager
def _told(console: Console, what: str) -> Iterator[Callable[[], None]]:
    """Show what is being done: with a spinner on a terminal, gone afterwards."""
    status = console.status(what)
    if not console.is_terminal:
        sys.stderr.write(f"{what}\n")
    status.start()
    try:
        yield status.stop
    finally:
        status.stop()


def _kept(console: Console, folder: Path) -> None:
    health = folder / "agencies" / "rivertown-health"
    console.print(f"\nkept in {folder}; to verify its log again:")
    console.print(
        f"  accord log verify {folder}/log --vkey {folder}/log.vkey --held {health}/checkpoint",
        soft_wrap=True,
    )
