"""A broker over twins, ready to be asked, with everything in reach of a test."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.broker.drafts import Drafts
from gateway.broker.exchange import Broker, Ports
from gateway.engine.run import PlanEngine
from gateway.plan.build import Builder
from tests.build import TABLES, the_agreements
from tests.fakes import (
    CountedNoise,
    FixedClock,
    LooseStreams,
    MemoryCounters,
    MemoryLog,
    MemorySource,
    MemoryVault,
    NullMeter,
    Outbox,
    SeededEntropy,
    StaticKeys,
    StaticLibrary,
    World,
)
from tests.register import MemoryConsent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.agreement.index import Agreements
    from gateway.ports import Engine, NoiseSource, Streams
    from gateway.values import Request, Row


@dataclass
class House:
    """Twins and the broker that works with them; replace a twin before the first `ask`."""

    world: World = field(default_factory=World)
    agreements: Agreements = field(default_factory=the_agreements)
    rows: Iterable[Row] = ()
    log: MemoryLog = field(default_factory=MemoryLog)
    source: MemorySource = field(default_factory=MemorySource)
    counters: MemoryCounters = field(default_factory=MemoryCounters)
    clock: FixedClock = field(default_factory=FixedClock)
    engine: Engine | None = None
    meter: NullMeter = field(default_factory=NullMeter)
    streams: Streams = field(default_factory=LooseStreams)
    tables: Mapping[str, object] = field(default_factory=lambda: dict(TABLES))
    vault: MemoryVault = field(default_factory=MemoryVault)
    noise: NoiseSource | None = field(default_factory=CountedNoise)
    consent: MemoryConsent = field(default_factory=MemoryConsent)

    def __post_init__(self) -> None:
        """Put everything in one world and build the broker."""
        self.source.rows += list(self.rows)
        self.log.world = self.source.world = self.world
        self.library = StaticLibrary(self.agreements)
        self.entropy = SeededEntropy()
        self.keys = StaticKeys()
        self.plans = PlanEngine(self.keys.subject, lambda: 2026, 1, self.vault, self.noise)
        self.builder = Builder(self.tables, self.keys.pseudonym)  # type: ignore[arg-type]
        ports = Ports(
            self.library,
            self.counters,
            self.log,
            self.source,
            self.engine or self.plans,
            self.clock,
            self.entropy,
            self.meter,
            self.streams,
            self.consent,
        )
        self.broker = Broker(ports, self.builder, Drafts("0.1.0", "one"))

    def ask(self, request: Request, outbox: Outbox | None = None) -> Outbox:
        """Carry out a request on a loop of its own; return what was sent."""
        box = outbox or Outbox(self.world)
        asyncio.run(self.exchange(request, box))
        return box

    async def exchange(self, request: Request, box: Outbox) -> None:
        """Carry out a request as the call that the world may cancel."""
        box.world = self.world
        self.world.watch()
        await self.broker.exchange(request, box.send, deadline_s=5.0)


def records(count: int, **fixed: object) -> list[Row]:
    """Return made-up runs, each of another person, all on one day."""
    made: list[Row] = []
    for number in range(count):
        row: Row = {
            "run_id": f"R-{number:04}",
            "patient_id": f"P-{number:04}",
            "patient_name": f"Synthetic Person {number}",
            "incident_date": dt.date(2026, 5, 1 + number % 28),
            "notified_at": dt.datetime(2026, 5, 1, number % 24, 30, tzinfo=dt.UTC),
            "home_zip": "01901",
            "county": ("north", "south")[number % 2],
            "age": 20 + number % 70,
            "naloxone_mg": 0.5 * (number % 9),
            "fatal": number % 7 == 0,
            "impressions": '["F11.1"]',
            "narrative": "synthetic narrative",
            "consent_id": f"C-{number}",
            "opt_out_at": None,
        }
        made.append(row | fixed)  # type: ignore[arg-type]
    return made
