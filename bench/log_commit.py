"""How fast the log writes: exchanges in flight, each entry durable, sealed and under the tree.

The log component alone, on SQLite, through its port: what agencies, policies and masks cost is not
in it. Drafts are made before the clock runs, and it stops when the last entry is durable. Two
entries are an `intent` that is awaited and an `outcome` that the log owes; a call that is granted
one record writes a `release` between them, and awaits that too.
"""

from __future__ import annotations

import asyncio
import gc
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bench.figures import median, percentile
from bench.log_drawn import RECIPIENT, agreements, draw, opened
from bench.quiet import Cores, flush_p50_ms
from gateway.cli.clock import SystemClock
from gateway.cli.loop import run as run_loop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any

    from bench.log_drawn import Drawn, Held
    from gateway.store.log import StoredLog
    from gateway.store.ticket import StoredTicket

KEYS: Final = (
    "log.exchanges_per_s", "log.intent_p99_ms", "log.intent_p50_ms",
    "log.exchanges_per_s_1", "log.intent_p99_ms_1", "log.exchanges_per_s_256",
    "log.unary_per_s", "log.unary_release_p99_ms",
    "log.receipt_ms", "log.proof_ms", "log.proof_p99_ms",
    "log.probe_flush_p50_ms", "log.probe_core_free",
)  # fmt: skip
"""What is found; every key is there after every run."""

ENTRIES: Final = 2
_STRIDE: Final = 2_654_435_761
"""Coprime to any size of a log: its multiples lie all over it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        exchanges: Of a round at 64 in flight.
        rounds: The figures are their median.
        single: Exchanges of a round at one in flight.
        proofs: Inclusion proofs of entries anywhere in the log.
    """

    exchanges: int = 20_000
    rounds: int = 3
    single: int = 1_000
    proofs: int = 500


IN_FLIGHT: Final = 64
MANY_IN_FLIGHT: Final = 256


@dataclass(slots=True)
class Timed:
    """One round."""

    rate: float
    waited_s: list[float]


@dataclass(slots=True)
class Found:
    """The rounds by name."""

    rounds: dict[str, list[Timed]] = field(default_factory=dict)
    flush_ms: list[float] = field(default_factory=list)
    free_cores: list[float] = field(default_factory=list)

    def rate(self, name: str) -> float:
        """Return the median rate of the rounds."""
        return median([one.rate for one in self.rounds[name]])

    def waited_ms(self, name: str, share: float) -> float:
        """Return the median, over rounds, of the time that so great a share waited at most."""
        return 1000 * median([percentile(one.waited_s, share) for one in self.rounds[name]])


def run(held: Held, size: Size, say: Callable[[str], None]) -> dict[str, float]:
    """Write rounds of exchanges into a new log, and draw proofs from it; the log stays there."""
    return run_loop(_all(held, size, say))


async def _all(held: Held, size: Size, say: Callable[[str], None]) -> dict[str, float]:
    found = Found()
    async with opened(held) as log:
        meter = _Meter(log, held, found, say)
        # Warm: no round pays for the first use of anything.
        await meter.exchanges("warm", min(size.exchanges, 500), IN_FLIGHT, two)
        for _ in range(size.rounds):
            await meter.exchanges("two", size.exchanges, IN_FLIGHT, two)
            await meter.exchanges("unary", size.exchanges // 2, IN_FLIGHT, unary)
            await meter.exchanges("single", size.single, 1, two)
        await meter.exchanges("many", size.exchanges, MANY_IN_FLIGHT, two)
        await meter.exchanges("receipt", min(size.single, 200), 1, receipt)
        proofs_s = await _proofs(log, size.proofs)
    free = median(found.free_cores)
    say(f"        quiet: {free:.2f} cores left by others, flush {median(found.flush_ms):.2f} ms")
    return {
        "log.exchanges_per_s": found.rate("two"),
        "log.intent_p99_ms": found.waited_ms("two", 0.99),
        "log.intent_p50_ms": found.waited_ms("two", 0.5),
        "log.exchanges_per_s_1": found.rate("single"),
        "log.intent_p99_ms_1": found.waited_ms("single", 0.99),
        "log.exchanges_per_s_256": found.rate("many"),
        "log.unary_per_s": found.rate("unary"),
        "log.unary_release_p99_ms": found.waited_ms("unary", 0.99),
        "log.receipt_ms": found.waited_ms("receipt", 0.5),
        "log.proof_ms": 1000 * median(proofs_s),
        "log.proof_p99_ms": 1000 * percentile(proofs_s, 0.99),
        "log.probe_flush_p50_ms": median(found.flush_ms),
        "log.probe_core_free": float(free >= 1),
    }


# --- One exchange ---------------------------------------------------------------------------------


async def two(log: StoredLog, drawn: Drawn) -> float:
    """Write an exchange of two entries; return how long its intent took to be durable."""
    started = time.perf_counter()
    ticket = await begin(log, drawn)
    waited_s = time.perf_counter() - started
    await ticket.outcome(drawn.cut)
    return waited_s


async def unary(log: StoredLog, drawn: Drawn) -> float:
    """Write an exchange of one record; return how long its release took to be durable."""
    ticket = await begin(log, drawn)
    started = time.perf_counter()
    await ticket.release(drawn.release, drawn.keep)
    waited_s = time.perf_counter() - started
    await ticket.outcome(drawn.complete)
    return waited_s


async def receipt(log: StoredLog, drawn: Drawn) -> float:
    """Write an exchange of one record; return how long after its release the receipt was there."""
    ticket = await begin(log, drawn)
    await ticket.release(drawn.release, drawn.keep)
    started = time.perf_counter()
    await ticket.receipt()
    waited_s = time.perf_counter() - started
    await ticket.outcome(drawn.complete)
    return waited_s


async def begin(log: StoredLog, drawn: Drawn) -> StoredTicket:
    """Make an intent durable."""
    return await log.intent(
        drawn.intent,
        recipient=RECIPIENT,
        request_id=drawn.exchange_id,
        request_digest=drawn.request_digest,
        now=SystemClock().now(),
    )


class _Meter:
    """Rounds over one open log."""

    def __init__(
        self, log: StoredLog, held: Held, found: Found, say: Callable[[str], None]
    ) -> None:
        self._log = log
        self._folder = held.database.parent
        self._found = found
        self._say = say
        self._number = 0

    async def exchanges(
        self,
        name: str,
        count: int,
        in_flight: int,
        carry_out: Callable[[StoredLog, Drawn], Coroutine[Any, Any, float]],
    ) -> None:
        """Carry out so many exchanges, so many at a time."""
        found, log, now = self._found, self._log, SystemClock().now()
        drawn = [draw(self._number + at, now) for at in range(count)]
        self._number += count
        # What waits here to be written is the bench's own: the log is not to sweep over it.
        gc.collect()
        gc.freeze()
        found.flush_ms.append(flush_p50_ms(self._folder))
        with Cores() as cores:
            started, worked = time.perf_counter(), time.process_time()
            waited_s = await spread(iter(drawn), in_flight, lambda one: carry_out(log, one))
            # The last in line: what was owed is durable when it is.
            await log.note(agreements())
            spent_s, cpu_s = time.perf_counter() - started, time.process_time() - worked
        found.free_cores.append(cores.free)
        found.rounds.setdefault(name, []).append(Timed(count / spent_s, waited_s))
        p50_ms, p99_ms = (1000 * percentile(waited_s, share) for share in (0.5, 0.99))
        self._say(
            f"{name:>13}: {count / spent_s:>9,.0f} exchanges/s, {in_flight:>3} in flight; waited"
            f" p50 {p50_ms:.2f}, p99 {p99_ms:.2f} ms; CPU {1e6 * cpu_s / count:.0f} us each;"
            f" {cores.free:.2f} cores left by others"
        )


async def spread(
    drawn: Iterator[Drawn], in_flight: int, work: Callable[[Drawn], Coroutine[Any, Any, float]]
) -> list[float]:
    """Work on everything, so many at a time; return what each took."""
    spent: list[float] = []

    async def one_after_another() -> None:
        spent.extend([await work(one) for one in drawn])

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(one_after_another())
    return spent


async def _proofs(log: StoredLog, count: int) -> list[float]:
    """Return how long each proof took: of any entry under the newest checkpoint."""
    await log.proof(log.size - 1)
    spent = []
    for number in range(count):
        index = number * _STRIDE % log.published.size
        started = time.perf_counter()
        await log.inclusion(index)
        spent.append(time.perf_counter() - started)
    return spent
