"""The group `exchange`: bulk, small and memory, ours beside the pass-through, round by round."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.county import deploy, flows
from bench.crossover import crossover_rows
from bench.figures import median, percentile
from bench.load import Recipient
from bench.processes import ACCORD, Process, cpu_s

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from bench.county import Flow
    from bench.load import Timed

BATCH_ROWS: Final = 8192
KEYS: Final = (
    "exchange.bulk_ratio", "exchange.bulk_pseudonym_ratio", "exchange.small_ratio",
    "exchange.small_p50_ms", "exchange.small_p99_ms", "exchange.rss_mb",
    "exchange.bulk_rows_s", "exchange.bulk_pseudonym_rows_s", "exchange.bulk_passthrough_rows_s",
    "exchange.bulk_accounting_rows_s", "exchange.small_rps", "exchange.small_passthrough_rps",
    "exchange.small_p50_ms_1", "exchange.small_p99_ms_1", "exchange.small_passthrough_p50_ms",
    "exchange.crossover_rows", "exchange.bulk_gateway_us_batch",
    "exchange.bulk_passthrough_us_batch",
    "exchange.small_gateway_us", "exchange.small_passthrough_us",
)  # fmt: skip
"""What the group finds; every key is there after every run."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        rows: Of one bulk exchange.
        many: Of the one exchange that memory is measured over.
        rounds: At most; fewer once `budget_s` is spent.
        small: Exchanges of one row in a round, 64 in flight.
        single: Exchanges of one row in a round, one at a time.
    """

    rows: int = 1_000_000
    many: int = 10_000_000
    rounds: int = 5
    small: int = 2_000
    single: int = 100
    budget_s: float = 300.0


IN_FLIGHT: Final = 64


@dataclass(slots=True)
class Found:
    """Measurements by name, and the CPU of each process beside them."""

    rates: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    each_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu_us: dict[str, dict[str, list[float]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )


def run(size: Size | None = None, say: Callable[[str], None] = print) -> dict[str, float]:
    """Bring up adapter, gateway and pass-through, measure, and stop them."""
    size = size or Size()
    with tempfile.TemporaryDirectory(prefix="accord-bench-") as name, ExitStack() as stack:
        folder = Path(name) / "county"
        found = flows(size.rows, size.many)
        deployment, main, adapter_port = deploy(folder, found)

        def start(role: str, *arguments: str) -> Process:
            log = Path(name) / f"{role}.log"
            return stack.enter_context(Process(role, [*arguments], log))

        sizes = (str(adapter_port), str(size.rows), str(size.many))
        processes = {
            "adapter": start("adapter", "-m", "bench.adapter", str(folder), *sizes),
            "gateway": start("gateway", ACCORD, "serve", str(deployment.gateway), "--create"),
        }
        passing = start("pass-through", "-m", "bench.passing", str(folder), str(adapter_port))
        processes["pass-through"] = passing
        measured = _Measured(size, found, processes, say)
        asyncio.run(measured.all(folder, main, passing.port))
        figures = _figures(measured.found)
        figures["exchange.rss_mb"] = processes["gateway"].peak_mb()
        figures["exchange.crossover_rows"] = float(crossover_rows(folder, found["bulk"]))
    return figures


class _Measured:
    """One run over processes that are up."""

    def __init__(
        self,
        size: Size,
        flows: Mapping[str, Flow],
        processes: Mapping[str, Process],
        say: Callable[[str], None],
    ) -> None:
        self.found = Found()
        self._size = size
        self._flows = flows
        self._processes = processes
        self._say = say

    async def all(self, folder: Path, main: int, passing: int) -> None:
        """Measure everything, ours and the pass-through in turn."""
        ours = Recipient(folder, f"127.0.0.1:{main}", receipts=True)
        reference = Recipient(folder, f"127.0.0.1:{passing}", receipts=False)
        try:
            for name in ("bulk", "pseudonym", "accounting", "small"):
                rows = await ours.first(self._flows[name])
                self._say(f"verified: {name}, {rows:,} rows")
            # Warm both ways, so that no round pays for connections and caches.
            await reference.bulk(self._flows["bulk"])
            await reference.small(self._flows["small"], IN_FLIGHT, IN_FLIGHT)
            await self._rounds(ours, reference)
            await self._bulk("many", lambda: ours.bulk(self._flows["many"]))
        finally:
            await ours.close()
            await reference.close()

    async def _rounds(self, ours: Recipient, reference: Recipient) -> None:
        size, flows = self._size, self._flows
        until = time.monotonic() + size.budget_s
        for _ in range(size.rounds):
            await self._bulk("bulk", lambda: ours.bulk(flows["bulk"]))
            await self._bulk("passing", lambda: reference.bulk(flows["bulk"]))
            await self._bulk("pseudonym", lambda: ours.bulk(flows["pseudonym"]))
            await self._small("small", lambda: ours.small(flows["small"], size.small, IN_FLIGHT))
            await self._small(
                "small passing", lambda: reference.small(flows["small"], size.small, IN_FLIGHT)
            )
            await self._small("single", lambda: ours.small(flows["small"], size.single, 1))
            if time.monotonic() > until:
                break
        await self._bulk("accounting", lambda: ours.bulk(flows["accounting"]))

    async def _bulk(self, name: str, measure: Callable[[], Awaitable[Timed]]) -> None:
        await self._one(name, BATCH_ROWS, "rows/s", "us a batch", measure)

    async def _small(self, name: str, measure: Callable[[], Awaitable[Timed]]) -> None:
        await self._one(name, 1, "exchanges/s", "us an exchange", measure)

    async def _one(
        self, name: str, unit: int, of: str, each: str, measure: Callable[[], Awaitable[Timed]]
    ) -> None:
        before = self._cpu()
        timed = await measure()
        found = self.found
        found.rates[name].append(timed.rate)
        found.each_s[name] += timed.each_s
        spent = []
        for role, after_s in self._cpu().items():
            us = (after_s - before[role]) * 1e6 * unit / timed.count
            found.cpu_us[name][role].append(us)
            if us > 1:
                spent.append(f"{role} {us:,.0f}")
        self._say(f"{name:>14}: {timed.rate:>12,.0f} {of}; CPU {each}: {', '.join(spent)}")

    def _cpu(self) -> dict[str, float]:
        seconds = {role: process.cpu_s() for role, process in self._processes.items()}
        return seconds | {"client": cpu_s(os.getpid())}


def _figures(found: Found) -> dict[str, float]:
    rate = {name: median(rates) for name, rates in found.rates.items()}
    small, single = found.each_s["small"], found.each_s["single"]
    return {
        "exchange.bulk_ratio": _ratio(found, "bulk", "passing"),
        "exchange.bulk_pseudonym_ratio": _ratio(found, "pseudonym", "passing"),
        "exchange.small_ratio": _ratio(found, "small", "small passing"),
        "exchange.small_p50_ms": 1000 * percentile(small, 0.5),
        "exchange.small_p99_ms": 1000 * percentile(small, 0.99),
        "exchange.small_p50_ms_1": 1000 * percentile(single, 0.5),
        "exchange.small_p99_ms_1": 1000 * percentile(single, 0.99),
        "exchange.small_passthrough_p50_ms": 1000 * percentile(found.each_s["small passing"], 0.5),
        "exchange.bulk_rows_s": rate["bulk"],
        "exchange.bulk_pseudonym_rows_s": rate["pseudonym"],
        "exchange.bulk_accounting_rows_s": rate["accounting"],
        "exchange.bulk_passthrough_rows_s": rate["passing"],
        "exchange.small_rps": rate["small"],
        "exchange.small_passthrough_rps": rate["small passing"],
        "exchange.bulk_gateway_us_batch": median(found.cpu_us["bulk"]["gateway"]),
        "exchange.bulk_passthrough_us_batch": median(found.cpu_us["passing"]["pass-through"]),
        "exchange.small_gateway_us": median(found.cpu_us["small"]["gateway"]),
        "exchange.small_passthrough_us": median(found.cpu_us["small passing"]["pass-through"]),
    }


def _ratio(found: Found, ours: str, reference: str) -> float:
    """Return the ratio of the medians of one run."""
    return median(found.rates[ours]) / median(found.rates[reference])
