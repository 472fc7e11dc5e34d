"""Looking somebody up: what comes is a recount of the payloads, and the look is in the log."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.audit.accounting import Audience, years_before
from gateway.audit.suspensions import ORAL, WRITTEN, begin, resume
from gateway.broker.subjects import Person, tokens_of
from gateway.cli.accounting.accounts import Accounts, Asker, Question
from gateway.errors import LogError, RequestError
from gateway.keys.folder import KeyFolder
from gateway.store.reads import Reads, unseal
from tests.store.contract import begin as open_exchange
from tests.store.server import SharedTown
from tests.store.town import NOW, Town, TrueEntropy, a_keep, a_release, an_id, an_outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.cli.accounting.accounts import Answer
    from gateway.store.database import Connection
    from gateway.store.log import StoredLog

ASKER = Asker("synthetic-ems", "records_officer", "accounting")
SYSTEM = "county-ems/patient-key"
LONG_AGO, ONE_DAY = dt.date(2000, 1, 1), dt.timedelta(days=1)


def person(number: int) -> Person:
    """Return a made-up person."""
    return Person(SYSTEM, (f"SYNTHETIC-{number}",))


def _keys(root: Path) -> KeyFolder:
    root.mkdir(exist_ok=True)
    return KeyFolder.create(root / "keys", TrueEntropy())


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Town:
    """Return a town with true keys, on either database."""
    keys = _keys(tmp_path)
    return (
        Town(tmp_path, keys=keys) if request.param == "sqlite" else SharedTown(tmp_path, keys=keys)
    )


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Return a town with true keys."""
    return Town(tmp_path, keys=_keys(tmp_path))


def keys_of(town: Town) -> KeyFolder:
    """Return the keys, which are a folder."""
    assert isinstance(town.keys, KeyFolder)
    return town.keys


async def disclose(
    log: StoredLog, town: Town, number: int, *people: int, end: bool = True, chunks: int = 1
) -> None:
    """Release something about people, under the key of the year that it is."""
    key = keys_of(town).subject(town.clock.now().year)
    tokens = tuple(tokens_of(map(person, people), [key]))
    ticket = await open_exchange(log, number)
    for chunk in range(chunks):
        keep = a_keep(f"request-{number}", first_row=chunk)
        await ticket.release(a_release(an_id(number), chunk, 1, tokens), keep)
    if end:
        await ticket.outcome(an_outcome(an_id(number), chunks, chunks))


async def asked(
    log: StoredLog, town: Town, number: int, audience: Audience = Audience.AUDITOR
) -> Answer:
    """Return the accounting of a person, of all time."""
    today = town.clock.now().date()
    question = Question((person(number),), LONG_AGO, today, audience)
    return await Accounts(log, keys_of(town), town.clock).of(question, ASKER)


def exchanges(answer: Answer) -> set[str | None]:
    """Return the exchanges of its lines."""
    return {one.event.leaf.exchange_id for one in answer.accounting.lines}


def recounted(town: Town, number: int) -> set[str]:
    """Return the exchanges that tell of a person, by opening every payload there is."""
    wanted = tokens_of([person(number)], keys_of(town).subjects().values())
    found = set()
    reads = Reads(town.place.database)
    try:
        for x, body, key_id, sealed in reads.many(
            "SELECT x, body, key_id, sealed FROM log_entry JOIN log_payload USING (seq) "
            "WHERE k = 'release'"
        ):
            payload = unseal(keys_of(town).by_id(key_id), bytes(body), bytes(sealed))
            if wanted & set(payload.tokens):
                text = bytes(x).hex()
                found.add("-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])))
    finally:
        reads.close()
    return found


def test_six_years_of_keys_are_looked_through(either: Town) -> None:
    """What comes is what a recount of the opened payloads finds, of everybody, and nobody else."""
    dice = random.Random(11)  # noqa: S311 - an example

    async def run() -> list[set[str | None]]:
        async with either.log() as log:
            for number in range(1, 36):
                either.clock.moment = NOW.replace(year=2021 + number // 6)
                people = dice.sample(range(9), dice.randrange(4))
                await disclose(log, either, number, *people, chunks=1 + number % 2)
            return [exchanges(await asked(log, either, number)) for number in range(10)]

    found = asyncio.run(run())

    assert [recounted(either, number) for number in range(10)] == found
    assert set() == found[9]
    assert 30 < sum(map(len, found))
    assert 6 == len(keys_of(either).subjects())
    assert [] == either.findings()


def test_the_look_is_found_by_the_next_one(town: Town) -> None:
    """An `access` entry with the person's token is durable, and the person's own."""

    async def run() -> list[int]:
        async with town.log() as log:
            await disclose(log, town, 1, 1)
            return [(await asked(log, town, one)).looked_up for one in (1, 1, 2, 1)]

    assert [1, 2, 1, 3] == asyncio.run(run())
    assert 4 == town.kinds().count("access")


def test_a_look_that_cannot_be_logged_is_no_look(town: Town) -> None:
    """Without its entry nothing is opened."""

    async def run() -> None:
        async with town.log() as log:
            await disclose(log, town, 1, 1)
            town.free_bytes = 0
            with pytest.raises(LogError):
                await asked(log, town, 1)
            town.free_bytes = 1 << 40

    asyncio.run(run())


def test_a_look_has_a_token_of_this_year_alone(town: Town) -> None:
    """One with tokens of several years would link what the yearly keys keep apart."""

    async def run() -> None:
        async with town.log() as log:
            for year in (2024, 2025, 2026):
                town.clock.moment = NOW.replace(year=year)
                await disclose(log, town, year, 1)
            await asked(log, town, 1)

    asyncio.run(run())

    (row,) = town.rows(
        "SELECT body, key_id, sealed FROM log_entry JOIN log_payload USING (seq) WHERE k = 'access'"
    )
    payload = unseal(keys_of(town).by_id(row[1]), row[0], row[2])
    expected = tokens_of([person(1)], [keys_of(town).subject(2026)])
    assert expected == set(payload.tokens)
    assert b"SYNTHETIC" not in payload.meta


def test_what_is_not_indexed_yet_is_opened(town: Town) -> None:
    """Between an entry and its row of the index nobody is missed."""

    async def run() -> tuple[int, set[str | None]]:
        async with town.log() as log:
            crowd = range(2_000)
            for number in range(1, 9):
                await disclose(log, town, number, *crowd, 5_000)
            answer = await asked(log, town, 5_000)
            owed = log.reads.rows("SELECT size - indexed FROM log_head")[0][0]
            return int(owed), exchanges(answer)

    owed, found = asyncio.run(run())

    assert 0 < owed
    assert {an_id(number) for number in range(1, 9)} == found


def test_half_a_token_is_no_hit(town: Town) -> None:
    """A row of the index that leads to another person's payload is looked at, and left out."""

    async def run() -> set[str | None]:
        async with town.log() as log:
            await disclose(log, town, 1, 1)
            token = next(iter(tokens_of([person(2)], keys_of(town).subjects().values())))
            row = (
                token[:16],
                log.reads.rows("SELECT seq FROM log_entry WHERE k = 'release'")[0][0],
            )
            await _insert(log, row)
            return exchanges(await asked(log, town, 2))

    assert set() == asyncio.run(run())


async def _insert(log: StoredLog, row: tuple[bytes, int]) -> None:
    from gateway.store.line import Job  # noqa: PLC0415 - a back door, for this one

    def insert(connection: Connection) -> None:
        connection.execute("INSERT INTO log_subject VALUES (?, ?)", row)

    job = Job(chore=insert)
    await log._desk.chore(job)  # noqa: SLF001


def test_a_payload_that_does_not_open_ends_every_look_and_no_exchange(town: Town) -> None:
    """Nobody gets an account with a hole; the gateway goes on, and its index waits."""

    async def first() -> None:
        async with town.log() as log:
            await disclose(log, town, 1, 1)
            await disclose(log, town, 2, 2)

    asyncio.run(first())
    connection = sqlite3.connect(town.place.database)
    first_release = "(SELECT min(seq) FROM log_entry WHERE k = 'release')"
    connection.execute(
        f"UPDATE log_payload SET sealed = zeroblob(300) WHERE seq = {first_release}"  # noqa: S608
    )
    connection.execute("DELETE FROM log_subject")
    connection.execute("UPDATE log_head SET indexed = 0")
    connection.commit()
    (at,) = connection.execute(f"SELECT {first_release}").fetchone()
    connection.close()

    async def then() -> None:
        async with town.log() as log:
            for number in (1, 2):
                with pytest.raises(LogError):
                    await asked(log, town, number)
            await disclose(log, town, 3, 3)
            assert [(at,)] == log.reads.rows("SELECT indexed FROM log_head")

    asyncio.run(then())


def test_an_open_exchange_and_a_recovered_one_are_presumed(town: Town) -> None:
    """While it goes on, nobody knows; after a crash, nobody will."""

    async def first() -> list[bool]:
        async with town.log() as log:
            await disclose(log, town, 1, 1)
            await disclose(log, town, 2, 1, end=False)
            return [one.presumed for one in (await asked(log, town, 1)).accounting.lines]

    async def then() -> list[bool]:
        async with town.log() as log:
            return [one.presumed for one in (await asked(log, town, 1)).accounting.lines]

    assert [False, True] == asyncio.run(first())
    assert [False, True] == asyncio.run(then())


def _maker(statement: str, until: dt.date | None) -> Callable[..., dict[str, object]]:
    return lambda before, today: begin(before, "county-health", statement, until, "d-1", today)


def test_a_suspension_hides_counts_and_ends(either: Town) -> None:
    """The person is not told until its day, the auditor is told that they are not, across years."""
    eve = dt.date(2026, 12, 31)

    async def run() -> list[tuple[int, int]]:
        shown = []
        async with either.log() as log:
            await disclose(log, either, 1, 1)
            accounts = Accounts(log, keys_of(either), either.clock)
            make = _maker(WRITTEN, eve + 9 * ONE_DAY)
            await accounts.suspend((person(1),), "county-health", make, ASKER)
            for day in (eve, eve + 8 * ONE_DAY, eve + 9 * ONE_DAY):
                either.clock.moment = dt.datetime.combine(day, dt.time(23), dt.UTC)
                for audience in Audience:
                    made = (await asked(log, either, 1, audience)).accounting
                    shown.append((len(made.lines), made.withheld))
        return shown

    assert [(0, 1), (1, 1), (0, 1), (1, 1), (1, 0), (1, 0)] == asyncio.run(run())
    assert [] == either.findings()


def test_a_suspension_can_end_early_and_is_another_person_s_not_at_all(town: Town) -> None:
    """Resumed, the line is there; of somebody else it always was; a refused one writes nothing."""

    async def run() -> list[int]:
        async with town.log() as log:
            await disclose(log, town, 1, 1, 2)
            accounts = Accounts(log, keys_of(town), town.clock)
            who, to = (person(1),), "county-health"
            await accounts.suspend(who, to, _maker(ORAL, None), ASKER)
            with pytest.raises(RequestError):
                await accounts.suspend(who, to, _maker(ORAL, None), ASKER)
            hidden = await asked(log, town, 1, Audience.PATIENT)
            other = await asked(log, town, 2, Audience.PATIENT)
            await accounts.suspend(
                who, to, lambda before, today: resume(before, to, "d-2", today), ASKER
            )
            again = await asked(log, town, 1, Audience.PATIENT)
            return [len(one.accounting.lines) for one in (hidden, other, again)]

    assert [0, 1, 1] == asyncio.run(run())
    assert 2 == town.kinds().count("suspend")


def test_the_days_that_are_asked_for_are_both_included(town: Town) -> None:
    """A line on the first or the last day is there, one before or after is not."""
    today = NOW.date()

    async def run() -> list[int]:
        async with town.log() as log:
            await disclose(log, town, 1, 1)
            accounts = Accounts(log, keys_of(town), town.clock)
            base = Question((person(1),), today, today, Audience.PATIENT)
            days = [
                (today, today),
                (years_before(today), today),
                (today + ONE_DAY, today + ONE_DAY),
                (LONG_AGO, today - ONE_DAY),
            ]
            return [
                len((await accounts.of(replace(base, first=a, last=b), ASKER)).accounting.lines)
                for a, b in days
            ]

    assert [1, 1, 0, 0] == asyncio.run(run())


def test_another_provider_s_line_is_not_listed(town: Town) -> None:
    """Who asks for one agency gets its lines alone."""

    async def run() -> list[int]:
        async with town.log() as log:
            await disclose(log, town, 1, 1)
            accounts = Accounts(log, keys_of(town), town.clock)
            base = Question((person(1),), LONG_AGO, NOW.date(), Audience.AUDITOR)
            asks = [replace(base, provider=one) for one in ("", "county-ems", "synthetic-jail")]
            return [len((await accounts.of(one, ASKER)).accounting.lines) for one in asks]

    assert [1, 1, 0] == asyncio.run(run())


def test_a_hold_about_a_person_has_a_token_of_every_year(town: Town) -> None:
    """Whoever erases has no identifier to make others from."""

    async def run() -> None:
        async with town.log() as log:
            for year in (2024, 2025, 2026):
                town.clock.moment = NOW.replace(year=year)
                await disclose(log, town, year, 1)
            accounts = Accounts(log, keys_of(town), town.clock)
            await accounts.hold("begin", "person", "d-1", (person(1),))

    asyncio.run(run())

    (row,) = town.rows(
        "SELECT body, key_id, sealed FROM log_entry JOIN log_payload USING (seq) WHERE k = 'hold'"
    )
    payload = unseal(keys_of(town).by_id(row[1]), row[0], row[2])
    assert tokens_of([person(1)], keys_of(town).subjects().values()) == set(payload.tokens)
    assert 3 == len(payload.tokens)
