"""What requests in flight hold: exact at each limit, and let go of when their fate is settled."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Reason, RefusedError, ReleaseError
from gateway.store.spending import Spending
from tests.store.contract import begin
from tests.store.town import Town, a_keep, a_release, an_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.ports import Keep

MARCH = dt.date(2026, 3, 1)


def _keep(attempt: str, rows: int, *periods: dt.date) -> Keep:
    return dataclasses.replace(a_keep(attempt, rows, periods=periods), rows_per_day=10)


def _try(tmp_path: Path, work: Callable[[Spending], None], *, stored: int = 0) -> None:
    """Run something over a store with so many rows of the day."""

    async def run() -> None:
        async with Town(tmp_path).log() as log:
            if stored:
                ticket = await begin(log, 1)
                await ticket.release(a_release(an_id(1), 0, stored), a_keep("before", stored))
            work(Spending(log.reads))

    asyncio.run(run())


def test_stored_and_held_rows_together_are_a_days(tmp_path: Path) -> None:
    """Four stored and five held leave one, and not two."""

    def work(spending: Spending) -> None:
        assert spending.hold(_keep("one", 5), "a@1") is not None
        with pytest.raises(RefusedError) as raised:
            spending.hold(_keep("two", 2), "a@1")
        assert Reason.ROW_LIMIT is raised.value.reason
        assert ("a@1", "runs", 6) == (
            raised.value.agreement,
            raised.value.provision,
            raised.value.step,
        )
        assert spending.hold(_keep("two", 1), "a@1") is not None

    _try(tmp_path, work, stored=4)


@pytest.mark.parametrize(("durable", "left"), [(True, 1), (False, 6)])
def test_rows_that_were_not_logged_are_given_back(
    tmp_path: Path, *, durable: bool, left: int
) -> None:
    """While others are in flight too; what is durable stays spent."""

    def work(spending: Spending) -> None:
        first = spending.hold(_keep("one", 5), "a@1")
        spending.hold(_keep("two", 4), "a@1")
        assert first is not None
        first.settle(durable=durable)
        with pytest.raises(RefusedError):
            spending.hold(_keep("three", left + 1), "a@1")
        assert spending.hold(_keep("three", left), "a@1") is not None

    _try(tmp_path, work)


def test_a_period_that_was_not_logged_is_free_again(tmp_path: Path) -> None:
    """It is held from others, not from its own attempt, and only until then."""

    def work(spending: Spending) -> None:
        first = spending.hold(_keep("one", 1, MARCH), "a@1")
        assert first is not None
        own = spending.hold(_keep("one", 1, MARCH), "a@1")
        assert own is not None
        with pytest.raises(ReleaseError):
            spending.hold(_keep("two", 1, MARCH), "a@1")
        own.settle(durable=False)
        with pytest.raises(ReleaseError):
            spending.hold(_keep("two", 1, MARCH), "a@1")
        first.settle(durable=False)
        assert spending.hold(_keep("two", 1, MARCH), "a@1") is not None

    _try(tmp_path, work)


def test_what_is_turned_away_holds_nothing(tmp_path: Path) -> None:
    """A release refused for its rows leaves its period to others."""

    def work(spending: Spending) -> None:
        with pytest.raises(RefusedError):
            spending.hold(_keep("one", 11, MARCH), "a@1")
        assert spending.hold(_keep("two", 10, MARCH), "a@1") is not None

    _try(tmp_path, work)


def test_a_repeat_spends_nothing(tmp_path: Path) -> None:
    """What left before costs nothing again."""

    def work(spending: Spending) -> None:
        again = dataclasses.replace(_keep("one", 11, MARCH), charge=False)
        assert spending.hold(again, "a@1") is None

    _try(tmp_path, work)
