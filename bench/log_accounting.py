"""How long an accounting takes over a million exchanges: the look, the lines, and their proofs.

The log is the writer's own, filled without waiting for the disk; the look-up is the gateway's, its
`access` entry included. A person is looked up under seven years' keys, of which one is theirs.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from bench.figures import median
from bench.log_drawn import RETAIN, Held, opened, token_of
from bench.log_filled import fill
from gateway.audit.accounting import Audience, account
from gateway.audit.entry import Draft, subject_token
from gateway.audit.suspensions import suspensions
from gateway.cli.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.store.log import StoredLog

KEYS: Final = ("log.accounting_1m_s",)
MILLION: Final = 1_000_000
PEOPLE: Final = 11
REPEATS: Final = 6
"""Exchanges about each of the people who are looked up; about everybody else there is one."""

_OTHER_YEARS: Final = 6


def run(
    folder: Path, say: Callable[[str], None], *, exchanges: int = MILLION, there: int = 0
) -> dict[str, float]:
    """Look people up in a log of so many exchanges; return the seconds of the one in the middle.

    Args:
        folder: Of the log.
        say: Told what was found.
        exchanges: How many it has then.
        there: How many are there already, as `log_filled.fill` makes them from 0 on.

    Raises:
        RuntimeError: An accounting has not the lines that were written.
    """
    held = Held(folder)
    if there < exchanges:
        fill(held, exchanges - there, first=there)
    for _ in range(REPEATS - 1):
        fill(held, PEOPLE)
    taken = asyncio.run(_look_up(held))
    seconds = median(taken)
    say(f"accounting:   {1000 * seconds:>9,.1f} ms over {exchanges:,} exchanges, with proofs")
    return {"log.accounting_1m_s": seconds}


async def _look_up(held: Held) -> list[float]:
    async with opened(held) as log:
        return [await _one(log, number) for number in range(PEOPLE)]


async def _one(log: StoredLog, number: int) -> float:
    """Return how long the accounting of one person takes, proofs included."""
    began = time.perf_counter()
    tokens = [token_of(number)]
    for year in range(_OTHER_YEARS):
        key = bytes([year]) * 32
        tokens.append(subject_token(key, "rivertown-ems/patient-id", f"A-{number}"))
    about = await log.lookup.about(tokens, lambda results: _access(tokens[0], results))
    today = SystemClock().now().date()
    made = account(about.lines, suspensions(about.suspended), today, Audience.AUDITOR)
    for line in made.lines:
        await log.proof(line.event.index)
    took = time.perf_counter() - began
    if len(made.lines) != REPEATS:
        raise RuntimeError(f"{len(made.lines)} lines where {REPEATS} were written")
    return took


def _access(token: bytes, results: int) -> Draft:
    meta = {
        "who": "rivertown-ems",
        "role": "records_officer",
        "verb": "ListDisclosures",
        "filter": "systems=rivertown-ems/patient-id",
        "results": results,
    }
    return Draft("access", None, 0, None, RETAIN, meta, (token,))
