"""Standing is what release entries were written with; a crash forgets none of it."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Reason, ReleaseError
from gateway.store.counters import StoredCounters
from gateway.values import Caller, DatasetId, Request, Terms
from tests.store.contract import begin
from tests.store.town import NOW, Town, a_keep, a_release, an_id, an_outcome

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.ports import Keep
    from gateway.store.log import StoredLog

PROVISION = "ems-to-health/runs"
SECOND = dt.timedelta(seconds=1)
MARCH = dt.date(2026, 3, 1)
APRIL = dt.date(2026, 4, 1)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Return a town without a log."""
    return Town(tmp_path)


def _request(request_id: str = "new", recipient: str = "county-health") -> Request:
    terms = Terms(
        "county-ems", recipient, DatasetId("ems.overdose_run", 1), "p", ("incident_date",)
    )
    return Request(request_id, terms, Caller(recipient, bytes(32)))


def _counters(
    log: StoredLog, provision: str | None = PROVISION, cut: str = "cut"
) -> StoredCounters:
    return StoredCounters(log.reads, lambda _request: (provision, cut) if provision else None)


async def _release(log: StoredLog, number: int, *keeps: Keep) -> None:
    ticket = await begin(log, number, keeps[0].attempt)
    for chunk, keep in enumerate(keeps):
        await ticket.release(a_release(an_id(number), chunk, keep.rows), keep)
    rows = sum(keep.rows for keep in keeps)
    await ticket.outcome(an_outcome(an_id(number), len(keeps), rows))


def test_rows_are_counted_by_recipient_provision_and_day(town: Town) -> None:
    """Only what this recipient got under this provision on this day.

    Once for a request and its repeat.
    """

    async def run() -> None:
        async with town.log() as log:
            await _release(log, 1, a_keep("one", 5), a_keep("one", 7))
            await _release(log, 2, a_keep("two", 3, provision="ems-to-health/other"))
            await _release(log, 3, a_keep("three", 2, day=NOW.date() - dt.timedelta(days=1)))
            await _release(log, 4, a_keep("one", 5, charge=False))
        async with town.log() as log:
            counters = _counters(log)
            assert 12 == counters.of(_request(), NOW).rows_today
            assert 0 == counters.of(_request(recipient="county-police"), NOW).rows_today
            assert 0 == counters.of(_request(), NOW + dt.timedelta(days=1)).rows_today
            assert 3 == _counters(log, "ems-to-health/other").of(_request(), NOW).rows_today
            assert 0 == _counters(log, None).of(_request(), NOW).rows_today

    asyncio.run(run())


def test_periods_are_spent_for_good(town: Town) -> None:
    """Periods released are known after a restart, to whatever a provision is called by then."""

    async def run() -> None:
        async with town.log() as log:
            await _release(log, 1, a_keep("one", 5, periods=(MARCH,)))
        async with town.log() as log:
            for provision in (PROVISION, "ems-to-health/renamed"):
                standing = _counters(log, provision).of(_request(), NOW)
                assert frozenset({MARCH}) == standing.periods_released
            other = _counters(log, PROVISION, "another").of(_request(), NOW)
            assert frozenset() == other.periods_released, "another cut is another table"
            elsewhere = _counters(log).of(_request(recipient="county-police"), NOW)
            assert frozenset() == elsewhere.periods_released

    asyncio.run(run())


def test_periods_are_open_to_the_attempt_that_spent_them_alone(town: Town) -> None:
    """The id of a request exempts nothing: only the attempt that the broker found does."""

    async def run() -> None:
        async with town.log() as log:
            await _release(log, 1, a_keep("first", periods=(MARCH,)))
            await _release(log, 2, a_keep("second", periods=(APRIL,)))
            counters = _counters(log)
            spent = [
                counters.of(_request("first"), NOW, attempt).periods_released
                for attempt in ("", "first", "second", "third")
            ]
            both = frozenset({MARCH, APRIL})
            assert [both, frozenset({APRIL}), frozenset({MARCH}), both] == spent

    asyncio.run(run())


def test_a_renamed_provision_releases_no_period_again(town: Town) -> None:
    """Also where the counters were read before: the release itself is turned away."""

    async def run() -> None:
        async with town.log() as log:
            await _release(log, 1, a_keep("one", periods=(MARCH,)))
            ticket = await begin(log, 2)
            renamed = a_keep("two", provision="ems-to-health/renamed", periods=(MARCH,))
            with pytest.raises(ReleaseError) as raised:
                await ticket.release(a_release(an_id(2)), renamed)
            assert Reason.CELL_RELEASED is raised.value.reason
            other = dataclasses.replace(renamed, spends="county-ems/ems.naloxone#cut")
            await ticket.release(a_release(an_id(2)), other)

    asyncio.run(run())


def test_requests_are_counted_for_a_minute(town: Town) -> None:
    """A charge counts for 60 seconds, and for its own provision and recipient."""

    async def run() -> None:
        async with town.log() as log:
            counters = _counters(log)
            counters.charge(_request(), PROVISION, NOW)
            counters.charge(_request(), PROVISION, NOW)
            counters.charge(_request(), "ems-to-health/other", NOW)
            counters.charge(_request(recipient="county-police"), PROVISION, NOW)
            asked = [
                counters.of(_request(), NOW + seconds * SECOND).requests_last_minute
                for seconds in (0, 60, 61)
            ]
            assert [2, 2, 0] == asked

    asyncio.run(run())
