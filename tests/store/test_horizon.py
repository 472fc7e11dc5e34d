"""The record of cells forgets in time: rows go, their days stay shut, and theft is still theft."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.cli.daily import daily
from gateway.errors import LogError, Reason, ReleaseError
from gateway.store.horizon import pieces
from tests.fakes import FixedClock
from tests.store.releases import release, run
from tests.store.test_log_cells import APRIL, MARCH, Days, found, kept
from tests.store.town import Town, an_id

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.ports import Keep
    from gateway.store.log import StoredLog

TODAY = dt.date(2031, 11, 20)
DAY = dt.timedelta(days=1)
MAY = dt.date(2026, 5, 1)
MARCH_DAYS, APRIL_DAYS = (MARCH, APRIL - DAY), (APRIL, MAY - DAY)


def until(number: int, days: Days, day: dt.date = TODAY, **changed: object) -> Keep:
    """Return what a table of some days keeps until a day."""
    made = kept(number, days[0], b"CANARY-sealed")
    return dataclasses.replace(made, days=days, until=day, **changed)  # type: ignore[arg-type]


async def refused(log: StoredLog, days: Days) -> str:
    """Return why nothing is said of these days; empty where it is said."""
    try:
        await log.released(kept(1, MARCH).source, days, an_id(99))
    except ReleaseError as error:
        raised = error
    else:
        return ""
    assert (Reason.DISCLOSURE_RISK, "history") == (raised.reason, raised.variables["cause"])
    return raised.message


def filled(town: Town, *several: Keep) -> None:
    """Release these tables, exchange 1, 2 and so on."""

    async def fill(log: StoredLog) -> None:
        for number, keep in enumerate(several, 1):
            await release(log, number, keep)

    run(town, fill)


def rows(town: Town, table: str) -> list[tuple[Any, ...]]:
    """Return what stands in a table of the store."""
    with closing(sqlite3.connect(town.database)) as connection:
        return connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608


@pytest.mark.parametrize(("today", "gone"), [(TODAY - DAY, 0), (TODAY, 1)])
def test_a_table_is_forgotten_on_its_day(tmp_path: Path, today: dt.date, gone: int) -> None:
    """The day before it is there; on the day its sealed bytes are in no file any more."""
    town = Town(tmp_path)
    filled(town, until(1, MARCH_DAYS))
    sealed = [one[-1] for one in rows(town, "released_cells")]

    async def work(log: StoredLog) -> None:
        assert gone == await log.forget(today)
        assert bool(gone) == bool(await refused(log, MARCH_DAYS))

    run(town, work)

    left = [one for one in tmp_path.rglob("*") if one.is_file() and sealed[0] in one.read_bytes()]
    assert (1 - gone, bool(gone)) == (len(rows(town, "released_cells")), not left)


def test_over_days_that_were_forgotten_nothing_leaves_again(tmp_path: Path) -> None:
    """Whoever waits cannot ask for the overlapping cut: not now, not later, not after a restart."""
    town = Town(tmp_path)
    filled(town, until(1, MARCH_DAYS), until(2, APRIL_DAYS, TODAY + DAY))

    async def forget(log: StoredLog) -> None:
        assert 1 == await log.forget(TODAY)

    async def ask(log: StoredLog) -> None:
        for days in (
            MARCH_DAYS,
            (MARCH, MARCH),
            (APRIL - DAY, APRIL),
            (dt.date(2026, 1, 1), dt.date(2026, 12, 31)),
        ):
            assert "what was released of these days is not remembered any more" == await refused(
                log, days
            )
        assert 1 == await found(log, days=APRIL_DAYS)
        assert 1 == await found(log, days=(dt.date(2026, 2, 1), MARCH - DAY))

    run(town, forget, ask, ask)

    [(source, first, last, count, day)] = rows(town, "erased_cells")
    assert (kept(1, MARCH).source, "2026-03-01", "2026-03-31", 1, "2031-11-20") == (
        source,
        first,
        last,
        count,
        day,
    )


def test_another_source_is_not_touched(tmp_path: Path) -> None:
    """Days are shut of the source whose tables were forgotten, and of no other."""
    town = Town(tmp_path)
    other = until(2, MARCH_DAYS, TODAY + DAY, source="else/where", spends="else/where#cut")
    filled(town, until(1, MARCH_DAYS), other)

    async def work(log: StoredLog) -> None:
        await log.forget(TODAY)
        assert 1 == len(await log.released("else/where", MARCH_DAYS, an_id(99)))

    run(town, work)


def test_tables_that_hang_together_are_forgotten_together(tmp_path: Path) -> None:
    """March waits for the quarter that it is a part of: the longest history of them counts."""
    town = Town(tmp_path)
    quarter = (dt.date(2026, 1, 1), APRIL - DAY)
    filled(town, until(1, MARCH_DAYS), until(2, quarter, TODAY + DAY), until(3, APRIL_DAYS))

    async def work(log: StoredLog) -> None:
        assert 1 == await log.forget(TODAY)  # April alone
        assert 2 == await found(log)
        assert 2 == await log.forget(TODAY + DAY)
        assert await refused(log, (dt.date(2026, 1, 31), dt.date(2026, 1, 31)))

    run(town, work)


@pytest.mark.parametrize(
    "theft",
    [
        "DELETE FROM released_cells WHERE first = '2026-05-01'",
        "UPDATE released_cells SET attempt = 'another' WHERE first = '2026-05-01'",
    ],
)
def test_what_was_taken_away_is_not_what_was_forgotten(tmp_path: Path, theft: str) -> None:
    """March was forgotten in its time; May's row is gone without a word: nothing leaves."""
    town = Town(tmp_path)
    may = (MAY, dt.date(2026, 5, 31))
    filled(town, until(1, MARCH_DAYS), until(2, may, TODAY + DAY))

    async def forget(log: StoredLog) -> None:
        await log.forget(TODAY)
        assert not await refused(log, APRIL_DAYS)

    async def ask(log: StoredLog) -> None:
        assert "the record of cells does not match the exchange log" == await refused(
            log, APRIL_DAYS
        )

    run(town, forget)
    with closing(sqlite3.connect(town.database)) as connection, connection:
        connection.execute(theft)
    run(town, ask)


def test_to_say_that_it_was_forgotten_gives_a_thief_nothing(tmp_path: Path) -> None:
    """A row taken away, with its days marked as forgotten: over those days nothing leaves."""
    town = Town(tmp_path)
    filled(town, until(1, MARCH_DAYS))
    with closing(sqlite3.connect(town.database)) as connection, connection:
        connection.execute("DELETE FROM released_cells")
        connection.execute(
            "INSERT INTO erased_cells VALUES (?, '2026-03-01', '2026-03-31', 1, '2031-11-20')",
            (kept(1, MARCH).source,),
        )

    async def ask(log: StoredLog) -> None:
        assert await refused(log, MARCH_DAYS)

    run(town, ask)


@pytest.mark.parametrize("verb", ["DELETE FROM erased_cells", "UPDATE erased_cells SET last = ''"])
def test_the_horizon_stands(tmp_path: Path, verb: str) -> None:
    """Nothing moves it back: the store takes no change of it; and without it, it is theft again."""
    town = Town(tmp_path)
    filled(town, until(1, MARCH_DAYS))

    async def forget(log: StoredLog) -> None:
        await log.forget(TODAY)

    async def ask(log: StoredLog) -> None:
        assert "does not match" in await refused(log, MARCH_DAYS)

    run(town, forget)
    with closing(sqlite3.connect(town.database)) as connection, connection:
        with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
            connection.execute(verb)
        connection.execute("DROP TRIGGER erased_cells_delete")
        connection.execute("DELETE FROM erased_cells")
    run(town, ask)


def test_a_log_that_takes_nothing_forgets_nothing(tmp_path: Path) -> None:
    """What could not be erased is there for the next time."""
    town = Town(tmp_path)
    filled(town, until(1, MARCH_DAYS))

    async def work(log: StoredLog) -> None:
        log.dies(LogError("full"))
        with pytest.raises(LogError, match="full"):
            await log.forget(TODAY)
        assert 1 == await found(log)

    async def alone() -> None:
        async with town.log() as log:
            await work(log)

    asyncio.run(alone())


def test_a_source_in_use_is_forgotten_when_it_is_free(tmp_path: Path) -> None:
    """A table that is being judged has what it is judged beside until it has left."""
    town = Town(tmp_path)
    filled(town, until(1, MARCH_DAYS))

    async def work(log: StoredLog) -> None:
        async with log.alone(kept(1, MARCH).source):
            forgetting = asyncio.ensure_future(log.forget(TODAY))
            await asyncio.sleep(0.05)
            assert 1 == await found(log)
        assert 1 == await forgetting

    run(town, work)


class _Forgetful:
    """Counts days; fails on the first."""

    def __init__(self) -> None:
        self.days: list[dt.date] = []
        self.expired: list[dt.datetime] = []

    async def forget(self, today: dt.date) -> int:
        self.days.append(today)
        if len(self.days) == 1:
            raise LogError("not now")
        return 1

    async def expire(self, now: dt.datetime) -> int:
        """Erase nothing."""
        self.expired.append(now)
        if len(self.expired) == 2:
            raise LogError("not now")
        return 0


def test_once_a_day_and_again_after_a_bad_one() -> None:
    """A day on which the log takes nothing does not end the habit."""
    log, clock = _Forgetful(), FixedClock()

    async def some() -> None:
        task = asyncio.ensure_future(daily(log, clock, 0.01))
        while len(log.days) < 3:  # noqa: ASYNC110 - nothing here tells of it
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(some())

    assert {clock.now().date()} == set(log.days)
    # Payloads at the start already, and each day after, whatever became of the tables.
    assert {clock.now()} == set(log.expired)
    assert len(log.days) <= len(log.expired) - 1 <= len(log.days) + 1


SPANS = st.lists(st.tuples(st.integers(1, 28), st.integers(0, 9), st.integers(1, 28)), max_size=12)


@settings(max_examples=200, deadline=None)
@given(SPANS)
def test_pieces_share_no_day_and_hang_together(drawn: list[tuple[int, int, int]]) -> None:
    """Against the obvious: tables that share a day are of one piece, be it through others."""
    tables = [
        (at, f"2026-05-{first:02}", f"2026-05-{min(first + more, 28):02}", f"2031-05-{until_:02}")
        for at, (first, more, until_) in enumerate(drawn)
    ]
    groups: list[set[int]] = []
    for at, first, last, _ in tables:
        near = [g for g in groups if any(tables[n][1] <= last and first <= tables[n][2] for n in g)]
        groups = [g for g in groups if g not in near] + [{at}.union(*near)]

    made = pieces(sorted(tables, key=lambda one: one[1:3]))

    assert sorted(map(sorted, groups)) == sorted(sorted(one.tables) for one in made)
    for one in made:
        assert (
            min(tables[n][1] for n in one.tables),
            max(tables[n][2] for n in one.tables),
            max(tables[n][3] for n in one.tables),
        ) == (one.first, one.last, one.until)
