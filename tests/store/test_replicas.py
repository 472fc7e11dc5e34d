"""Several gateways append to one log in PostgreSQL: one tree, one answer, no two of one name."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import shutil
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.errors import BusyError, ConflictError, LogError, Reason, RefusedError, ReleaseError
from gateway.store.counters import StoredCounters
from gateway.store.postgres import LOCK_S, Postgres
from gateway.values import Caller, DatasetId, Request, Terms
from tests.store.contract import RECIPIENT, begin
from tests.store.server import SharedTown
from tests.store.town import (
    DIGEST,
    NOW,
    a_keep,
    a_refusal,
    a_release,
    an_agreement,
    an_id,
    an_intent,
    an_outcome,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.ports import Keep
    from gateway.store.log import StoredLog

SOURCE = "county-ems/ems.overdose_run"
ASKED = Request(
    "new",
    Terms("county-ems", RECIPIENT, DatasetId("ems.overdose_run", 1), "p", ("incident_date",)),
    Caller(RECIPIENT, bytes(32)),
)


@pytest.fixture
def towns(tmp_path: Path) -> tuple[SharedTown, SharedTown]:
    """Return two replicas' views of one log, keys included."""
    one = SharedTown(tmp_path / "one")
    two = SharedTown(tmp_path / "two", url=one.url, replica="two", keys=one.keys)
    return one, two


@asynccontextmanager
async def both(towns: tuple[SharedTown, SharedTown]) -> AsyncIterator[tuple[StoredLog, StoredLog]]:
    """Open the log twice; the second replica is given a copy of the held checkpoint."""
    one, two = towns
    first = one.open()
    await first.note(an_agreement())
    shutil.copy(one.place.held, two.place.held)
    second = two.open(create=False)
    try:
        yield first, second
    finally:
        await second.close()
        await first.close()


async def exchange(log: StoredLog, number: int) -> None:
    """Carry out a whole exchange, receipt included."""
    ticket = await begin(log, number)
    await ticket.release(a_release(an_id(number)), a_keep(f"request-{number}"))
    receipt = await ticket.receipt()
    await ticket.outcome(an_outcome(an_id(number)))
    assert an_id(number) == receipt.exchange_id


async def until(holds: Callable[[], bool], within_s: float = 20) -> None:
    """Wait for something to hold; a test that waits in vain fails by what it asks next."""
    for _ in range(int(within_s / 0.1)):
        if holds():
            return
        await asyncio.sleep(0.1)


def test_replicas_append_to_one_tree(towns: tuple[SharedTown, SharedTown]) -> None:
    """No gap, no duplicate, a receipt from each, and one checkpoint a size."""

    async def run() -> None:
        async with both(towns) as logs:
            await asyncio.gather(*(exchange(logs[n % 2], n) for n in range(1, 41)))

    asyncio.run(run())

    one, two = towns
    assert [] == one.fatal.errors + two.fatal.errors
    assert [] == one.findings()
    count = len(one.kinds())
    assert [(count - 1, count)] == one.rows("SELECT max(seq), count(*) FROM log_entry")
    assert 1 == one.kinds().count("genesis")
    assert 40 == one.kinds().count("outcome")
    writers = {name for (name,) in one.rows("SELECT DISTINCT id FROM log_replica")}
    assert {"one", "two"} == writers


def test_a_request_id_is_carried_out_by_one_of_them(towns: tuple[SharedTown, SharedTown]) -> None:
    """Busy for the same terms while it is open, a conflict for others, and free afterwards."""

    async def run() -> None:
        async with both(towns) as (first, second):
            ticket = await begin(first, 1, "same")
            with pytest.raises(BusyError):
                await begin(second, 2, "same")
            await ticket.outcome(an_outcome(an_id(1), 0, 0, "cut"))
            await first.refusal(a_refusal(an_id(9)))  # the outcome is durable when this is
            again = await begin(second, 3, "same")
            await again.outcome(an_outcome(an_id(3), 0, 0, "cut"))
            with pytest.raises(ConflictError):
                await second.intent(
                    an_intent(an_id(4)),
                    recipient=RECIPIENT,
                    request_id="same",
                    request_digest=bytes(32),
                    now=NOW,
                )

    asyncio.run(run())

    assert [] == towns[0].findings()
    assert 2 == towns[0].kinds().count("intent")


def test_rows_of_a_day_are_counted_over_all_of_them(towns: tuple[SharedTown, SharedTown]) -> None:
    """What one replica released the other may not release again; up to the limit both may."""

    async def run() -> Reason:
        async with both(towns) as (first, second):
            left, right, late = [
                await begin(log, number) for log, number in ((first, 1), (second, 2), (second, 3))
            ]

            def keep(number: int, rows: int) -> Keep:
                return dataclasses.replace(a_keep(f"request-{number}", rows), rows_per_day=10)

            await left.release(a_release(an_id(1), 0, 6), keep(1, 6))
            await right.release(a_release(an_id(2), 0, 4), keep(2, 4))
            with pytest.raises(RefusedError) as refused:
                await late.release(a_release(an_id(3), 0, 1), keep(3, 1))
            return refused.value.reason

    assert Reason.ROW_LIMIT == asyncio.run(run())
    assert [] == [one for one in towns[0].findings() if one != "exchange-open"]


def test_a_period_leaves_once(towns: tuple[SharedTown, SharedTown]) -> None:
    """A period that another replica released is spent, whoever judged it free before."""
    month = dt.date(2026, 10, 1)

    async def run() -> Reason:
        async with both(towns) as (first, second):
            left, right = await begin(first, 1), await begin(second, 2)
            keep = a_keep("request-1", 1, periods=(month,))
            await left.release(a_release(an_id(1)), keep)
            with pytest.raises(ReleaseError) as refused:
                await right.release(a_release(an_id(2)), a_keep("request-2", 1, periods=(month,)))
            return refused.value.reason

    assert Reason.CELL_RELEASED == asyncio.run(run())


def test_a_table_that_was_judged_beside_less_does_not_leave(
    towns: tuple[SharedTown, SharedTown],
) -> None:
    """Both replicas judge a table of one source at once: the second to release comes again."""
    days = (dt.date(2026, 10, 1), dt.date(2026, 10, 31))

    async def run() -> tuple[int, int]:
        async with both(towns) as (first, second):
            left, right = await begin(first, 1), await begin(second, 2)

            def keep(number: int) -> Keep:
                one = a_keep(f"request-{number}", 0)
                return dataclasses.replace(one, memory=b"what the table told", days=days)

            async with first.alone(SOURCE), second.alone(SOURCE):
                known = await first.released(SOURCE, days, "request-1")
                beside = await second.released(SOURCE, days, "request-2")
                await left.release(a_release(an_id(1), 0, 0), keep(1))
                with pytest.raises(BusyError):
                    await right.release(a_release(an_id(2), 0, 0), keep(2))
            async with second.alone(SOURCE):
                now = await second.released(SOURCE, days, "request-2")
                await right.release(a_release(an_id(2), 0, 0), keep(2))
            assert [] == known == beside
            return len(now), len(await first.released(SOURCE, days, "request-3"))

    assert (1, 2) == asyncio.run(run())


def test_a_second_gateway_of_one_name_shuts_the_first_out(
    towns: tuple[SharedTown, SharedTown],
) -> None:
    """The first appends nothing more, says so, and its open exchange is closed by the second."""
    one, _ = towns

    async def run() -> None:
        first = one.open()
        await first.note(an_agreement())
        ticket = await begin(first, 1)
        await ticket.release(a_release(an_id(1)), a_keep("request-1"))
        again = one.open(create=False)
        with pytest.raises(LogError):
            await ticket.release(a_release(an_id(1), 1), a_keep("request-1", 1, first_row=1))
        # Whoever waits hears first, and the process ends right after.
        await until(lambda: bool(one.fatal.errors))
        assert 1 == len(one.fatal.errors)
        await again.close()
        await first.close()

    asyncio.run(run())

    assert 1 == one.kinds().count("recovered")
    assert [] == one.findings()


def test_a_replica_that_gives_no_sign_is_shut_out_and_its_exchanges_closed(
    tmp_path: Path,
) -> None:
    """Once, by whoever notices first; when it wakes it can append nothing."""
    one = SharedTown(tmp_path / "one", beat_s=0.1, dead_ms=60_000)
    two = SharedTown(
        tmp_path / "two", url=one.url, replica="two", keys=one.keys, beat_s=0.1, dead_ms=700
    )

    async def run() -> None:
        async with both((one, two)) as (first, second):
            open_ = await begin(first, 1)
            sent = await begin(first, 2)
            await sent.release(a_release(an_id(2)), a_keep("request-2"))
            # As a paused process: nothing is taken from the line, no beat is given.
            first._desk.writer._turn.due = list  # type: ignore[method-assign]  # noqa: SLF001
            await until(lambda: one.kinds().count("recovered") == 2)
            with pytest.raises(LogError):
                await open_.release(a_release(an_id(1)), a_keep("request-1"))
            await second.refusal(a_refusal(an_id(3)))

    asyncio.run(run())

    assert 2 == one.kinds().count("recovered")
    assert 1 == len(one.fatal.errors)
    assert [] == two.fatal.errors
    assert [] == one.findings()


def test_a_replica_that_hangs_with_the_lock_makes_others_refuse_in_time(
    towns: tuple[SharedTown, SharedTown],
) -> None:
    """Within the lock's timeout, known not to be logged; and they serve again afterwards."""

    async def run() -> float:
        async with both(towns) as (first, _):
            hung = Postgres(towns[0].url, write=True)
            hung.execute("BEGIN")
            hung.execute("SELECT size FROM log_head WHERE id = 1 FOR UPDATE")
            began = time.monotonic()
            with pytest.raises(LogError) as refused:
                await first.refusal(a_refusal(an_id(1)))
            took = time.monotonic() - began
            assert not refused.value.unknown
            assert not first.healthy
            hung.close()
            await until(lambda: first.healthy)
            await first.refusal(a_refusal(an_id(2)))
            return took

    took = asyncio.run(run())

    assert took < LOCK_S + 2
    assert [] == towns[0].fatal.errors
    assert [] == towns[0].findings()
    assert 1 == towns[0].kinds().count("refusal")


def test_a_checkpoint_of_another_replica_is_no_rollback(
    towns: tuple[SharedTown, SharedTown],
) -> None:
    """An agency that saw a newer checkpoint at one replica shows it to the other."""

    async def run() -> None:
        async with both(towns) as (first, second):
            for number in range(1, 6):
                await exchange(second, number)
            await first.compare(second.newest())

    asyncio.run(run())

    assert [] == towns[0].fatal.errors


def test_a_rate_is_of_all_gateways_together(towns: tuple[SharedTown, SharedTown]) -> None:
    """What one granted counts in the other for a minute, a repeat excepted, and then no more."""
    provision = "ems-to-health/runs"

    async def act() -> list[int]:
        async with both(towns) as (first, second):
            counters = [
                StoredCounters(log.reads, lambda _request: (provision, ""), replica=name)
                for log, name in ((first, "one"), (second, "two"))
            ]
            for number, charged in ((1, provision), (2, provision), (3, "")):
                await first.intent(
                    an_intent(an_id(number)),
                    recipient=RECIPIENT,
                    request_id=f"request-{number}",
                    request_digest=DIGEST,
                    now=NOW,
                    charged=charged,
                )
            later = NOW + dt.timedelta(seconds=60)
            seen = [one.of(ASKED, NOW).requests_last_minute for one in counters]
            seen.append(counters[1].of(ASKED, later).requests_last_minute)
            after = NOW + dt.timedelta(seconds=61)
            return [*seen, counters[1].of(ASKED, after).requests_last_minute]

    assert [0, 2, 2, 0] == asyncio.run(act())
