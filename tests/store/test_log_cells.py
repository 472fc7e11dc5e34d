"""The record of cells: sealed, written with its release, in order, and refused where it is odd."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, TypeAlias

import pytest

from gateway.errors import Reason, ReleaseError
from tests.store.releases import release, run
from tests.store.town import Town, a_keep, an_id

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.ports import Keep
    from gateway.store.log import StoredLog

Days: TypeAlias = "tuple[dt.date, dt.date]"
MARCH, APRIL = dt.date(2026, 3, 1), dt.date(2026, 4, 1)
MEMORY = b'{"tables":"CANARY-7f3a"}'


def kept(number: int, period: dt.date, memory: bytes = MEMORY) -> Keep:
    """Return what the release of exchange `number` keeps."""
    made = a_keep(an_id(number), 1, periods=(period,))
    return dataclasses.replace(made, memory=memory, days=(period, period + dt.timedelta(27)))


async def found(log: StoredLog, attempt: str = "", days: Days = (MARCH, MARCH)) -> int:
    """Return how many tables the record has of the source."""
    return len(await log.released(kept(1, MARCH).source, days, attempt or an_id(99)))


def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    """In the order of release, of this source and these years."""

    async def fill(log: StoredLog) -> None:
        await release(log, 1, kept(1, MARCH, b"one"))
        await release(log, 2, kept(2, APRIL, b"two"))
        await release(
            log,
            3,
            dataclasses.replace(
                kept(3, MARCH, b"other"), source="else/where", spends="else/where#cut"
            ),
        )

    async def read(log: StoredLog) -> None:
        source = kept(1, MARCH).source
        assert [b"one", b"two"] == await log.released(source, (MARCH, MARCH), an_id(99))
        for year, here in ((2024, 0), (2025, 2), (2027, 2), (2028, 0)):
            day = dt.date(year, 6, 1)
            assert here == len(await log.released(source, (day, day), an_id(99)))

    run(Town(tmp_path), fill, read)


@pytest.mark.parametrize(("gap", "here"), [(0, 4), (1, 2)])
def test_what_hangs_together_is_there_however_long_ago(tmp_path: Path, gap: int, here: int) -> None:
    """Three years, each with a day of the next: whoever began to subtract in 2023 still can.

    Where they have no day in common, the chain ends, and what is two years before is left out.
    """

    async def work(log: StoredLog) -> None:
        for number, year in enumerate((2023, 2024, 2025), start=1):
            whole = dt.date(year, 1, 1), dt.date(year + 1, 1, 1) - dt.timedelta(gap)
            await release(log, number, dataclasses.replace(kept(number, whole[0]), days=whole))
        await release(log, 4, kept(4, dt.date(2026, 1, 1)))

        day = dt.date(2026, 1, 1)
        assert here == await found(log, days=(day, day))

    run(Town(tmp_path), work)


def test_a_repeat_is_judged_as_the_first_attempt_was(tmp_path: Path) -> None:
    """What the attempt released itself, and what came after it, is left out."""

    async def work(log: StoredLog) -> None:
        source = kept(1, MARCH).source
        await release(log, 1, kept(1, MARCH, b"one"))
        await release(log, 2, kept(2, APRIL, b"two"))
        await release(log, 3, kept(3, dt.date(2026, 5, 1), b"three"))
        assert [b"one"] == await log.released(source, (MARCH, MARCH), an_id(2))

    run(Town(tmp_path), work)


def test_a_repeat_keeps_nothing_twice(tmp_path: Path) -> None:
    """A release that costs nothing again is not another table."""

    async def work(log: StoredLog) -> None:
        await release(log, 1, kept(1, MARCH))
        await release(log, 2, dataclasses.replace(kept(2, MARCH), attempt=an_id(1), charge=False))
        assert 1 == await found(log)

    run(Town(tmp_path), work)


@pytest.mark.parametrize(
    "odd",
    [
        "DELETE FROM released_cells",
        "UPDATE released_cells SET sealed = zeroblob(64)",
        "UPDATE released_cells SET attempt = 'another'",
        "UPDATE released_cells SET key_id = 'none'",
    ],
)
def test_a_record_that_was_tampered_with_lets_no_table_leave(tmp_path: Path, odd: str) -> None:
    """A row that is gone, changed, another's or under no key: the source is refused."""

    async def fill(log: StoredLog) -> None:
        await release(log, 1, kept(1, MARCH))
        assert 1 == await found(log)

    async def read(log: StoredLog) -> None:
        with pytest.raises(ReleaseError) as raised:
            await found(log)
        assert (Reason.DISCLOSURE_RISK, "history") == (
            raised.value.reason,
            raised.value.variables["cause"],
        )

    town = Town(tmp_path)
    run(town, fill)
    with closing(sqlite3.connect(town.database)) as connection, connection:
        connection.execute(odd)
    run(town, read)


def test_true_numbers_are_in_no_file(tmp_path: Path) -> None:
    """What is kept is sealed: its bytes are in no file of the store."""

    async def fill(log: StoredLog) -> None:
        await release(log, 1, kept(1, MARCH))

    run(Town(tmp_path), fill)

    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"CANARY-7f3a" not in path.read_bytes()


def test_a_source_is_held_by_one_table_at_a_time(tmp_path: Path) -> None:
    """Who comes second waits until the first is durable; another source does not wait."""

    async def work(log: StoredLog) -> None:
        order: list[str] = []

        async def hold(source: str, name: str) -> None:
            async with log.alone(source):
                order.append(f"{name} in")
                await asyncio.sleep(0.01)
                order.append(f"{name} out")

        await asyncio.gather(hold("a/x", "one"), hold("a/x", "two"), hold("b/y", "three"))
        assert order.index("one out") < order.index("two in")
        assert order.index("three in") < order.index("one out")

    run(Town(tmp_path), work)
