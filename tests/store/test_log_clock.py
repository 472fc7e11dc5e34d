"""A clock that steps back: the order is the log's own, time holds still, and an entry says so."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.entry import parse_leaf, unseal
from gateway.store.writer import STEP_MS
from tests.store.town import NOW, Town, a_refusal, an_id

if TYPE_CHECKING:
    from pathlib import Path

MILLISECOND = dt.timedelta(milliseconds=1)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Return a town without a log."""
    return Town(tmp_path)


def _steps(town: Town) -> int:
    """Return how many entries say that the clock stepped back."""
    count = 0
    for body, key_id, sealed in town.rows(
        "SELECT body, key_id, sealed FROM log_entry JOIN log_payload USING (seq) WHERE k = 'config'"
    ):
        leaf = parse_leaf(body)
        meta = json.loads(unseal(town.keys.by_id(key_id), sealed, leaf.m, leaf.s).meta)
        count += meta["event"] == "clock-step"
    return count


def _run(town: Town, *moments: dt.datetime) -> list[int]:
    """Append an entry at each moment, in one run of the log; return the times that were written."""

    async def run() -> None:
        async with town.log() as log:
            for number, moment in enumerate(moments):
                town.clock.moment = moment
                await log.refusal(a_refusal(an_id(len(moments) * 100 + number)))
            town.clock.moment = max(moments)

    asyncio.run(run())
    return [t for (t,) in town.rows("SELECT t FROM log_entry WHERE k = 'refusal' ORDER BY seq")]


@pytest.mark.parametrize(
    ("back", "told"), [(STEP_MS * MILLISECOND, 1), ((STEP_MS - 1) * MILLISECOND, 0)]
)
def test_a_step_is_told_from_a_second_on(town: Town, back: dt.timedelta, told: int) -> None:
    """A second back is an entry; a millisecond less is only time that holds still."""
    times = _run(town, NOW, NOW - back)

    assert times[0] == times[1]
    assert told == _steps(town)
    assert [] == town.findings()


def test_an_hour_back_is_told_once_and_time_goes_on_where_it_was(town: Town) -> None:
    """However many entries come meanwhile; and a second step has an entry of its own."""
    hour, minute = dt.timedelta(hours=1), dt.timedelta(minutes=1)
    times = _run(town, NOW, NOW - hour, NOW - hour + minute, NOW + minute, NOW - hour)

    assert times[0] == times[1] == times[2]
    assert times[3] == times[4] == times[0] + 60_000
    assert 2 == _steps(town)
    assert [] == town.findings()


def test_a_clock_that_is_behind_at_start_is_told_too(town: Town) -> None:
    """A machine that comes back with an old clock goes on after its last entry, in order."""
    _run(town, NOW)
    town.clock.moment = NOW - dt.timedelta(days=1)
    times = _run(town, NOW - dt.timedelta(days=1), NOW - dt.timedelta(days=1))

    assert times[0] == times[1] == times[2]
    assert 1 == _steps(town)
    assert [] == town.findings()
