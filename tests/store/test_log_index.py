"""The index of subjects: written with commits, taken up again after a stop, compared by verify."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from gateway.audit.entry import parse_leaf
from gateway.audit.kinds import TOKEN_KINDS
from gateway.store import backlog as backlog_module
from gateway.store.backlog import HELD_TOKENS, ROWS, Backlog
from gateway.store.migrate import migrate
from gateway.store.reads import Reads, unseal
from tests.store.contract import begin
from tests.store.server import SharedTown
from tests.store.town import OpenKeys, Town, a_keep, a_release, an_id, an_outcome

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.store.log import StoredLog


def tokens(count: int, of: str = "person") -> tuple[bytes, ...]:
    """Return the tokens of made-up people."""
    return tuple(sorted(sha256(f"{of} {number}".encode()).digest() for number in range(count)))


async def release(log: StoredLog, number: int, *chunks: tuple[bytes, ...]) -> int:
    """Release chunks about these people in one exchange; return the place of the last."""
    ticket = await begin(log, number)
    rows = last = 0
    for chunk, people in enumerate(chunks):
        keep = a_keep(f"request-{number}", len(people), first_row=rows)
        draft = a_release(an_id(number), chunk, len(people), people)
        last = (await ticket.release(draft, keep)).index
        rows += len(people)
    await ticket.outcome(an_outcome(an_id(number), len(chunks), rows))
    return last


async def indexed(log: StoredLog) -> None:
    """Wait until nothing is owed."""
    for _ in range(6_000):
        if log.reads.rows("SELECT size - indexed FROM log_head") == [(0,)]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the index does not come up to the log")


def stored(town: Town) -> set[tuple[bytes, int]]:
    """Return the rows of the index."""
    return {(bytes(token), seq) for token, seq in town.rows("SELECT token, seq FROM log_subject")}


def recounted(town: Town) -> set[tuple[bytes, int]]:
    """Return the rows that the payloads say, slowly."""
    reads = Reads(town.place.database)
    try:
        found = set()
        for seq, body, key_id, sealed in reads.many(
            "SELECT seq, body, key_id, sealed FROM log_entry JOIN log_payload USING (seq)"
        ):
            payload = unseal(town.keys.by_id(key_id), bytes(body), bytes(sealed))
            found |= {(token[:16], seq) for token in payload.tokens}
            assert bool(payload.tokens) == (parse_leaf(bytes(body)).s is not None)
        return found
    finally:
        reads.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Town:
    """Return a town on either database."""
    return Town(tmp_path) if request.param == "sqlite" else SharedTown(tmp_path)


def test_a_few_people_are_indexed_with_their_own_entry(town: Town) -> None:
    """The rows of an ordinary release are durable when its entry is."""

    async def run() -> None:
        async with town.log() as log:
            last = await release(log, 1, tokens(3))
            assert 3 == len(log.reads.rows("SELECT 1 FROM log_subject WHERE seq = ?", last))

    asyncio.run(run())

    assert 3 == len(stored(town))
    assert recounted(town) == stored(town)
    assert [] == town.findings()


@pytest.mark.parametrize("people", [ROWS - 1, ROWS, ROWS + 1, 5 * ROWS + 7])
def test_many_people_are_indexed_a_few_with_each_commit(tmp_path: Path, people: int) -> None:
    """No commit takes more than its share along; an idle log writes the rest by itself."""
    town = Town(tmp_path)

    async def run() -> None:
        async with town.log() as log:
            await release(log, 1, tokens(people), tokens(2, "other"))
            await indexed(log)

    asyncio.run(run())

    assert people + 2 == len(stored(town))
    assert recounted(town) == stored(town)
    assert [] == town.findings()


def test_what_was_owed_at_a_stop_is_written_after_the_next_start(town: Town) -> None:
    """A log that stops with a half-written entry in its index takes up there, and is no finding."""

    async def first() -> None:
        async with town.log() as log:
            await release(log, 1, tokens(8_192), tokens(8_192, "other"))

    asyncio.run(first())
    half = len(stored(town))
    findings = town.findings()

    async def then() -> None:
        async with town.log() as log:
            await indexed(log)

    asyncio.run(then())

    assert 0 < half < 2 * 8_192
    assert [] == findings
    assert recounted(town) == stored(town)
    assert [] == town.findings()


def test_a_lost_index_is_written_again_from_the_payloads(town: Town) -> None:
    """Of a log from before there was one, as of one whose index was dropped."""

    async def run() -> None:
        async with town.log() as log:
            for number in range(1, 41):
                await release(log, number, tokens(3, f"household {number % 7}"))

    asyncio.run(run())
    before = stored(town)
    migrate(town.place.database, "0003")
    migrate(town.place.database)
    assert set() == stored(town)

    async def again() -> None:
        async with town.log() as log:
            await indexed(log)

    asyncio.run(again())

    assert before == stored(town)
    assert [] == town.findings()


def _change(town: Town, *statements: str) -> None:
    connection = sqlite3.connect(town.place.database)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM log_subject WHERE token = (SELECT min(token) FROM log_subject)",
        "INSERT INTO log_subject SELECT token, seq - 1 FROM log_subject LIMIT 1",
        "INSERT INTO log_subject SELECT zeroblob(16), max(seq) FROM log_subject",
        "INSERT INTO log_subject SELECT zeroblob(15), max(seq) FROM log_subject",
        "INSERT INTO log_subject SELECT min(token), 1000000 FROM log_subject",
        "INSERT INTO log_subject SELECT min(token), -1 FROM log_subject",
        "UPDATE log_subject SET seq = seq - 1 WHERE token = (SELECT max(token) FROM log_subject)",
        "UPDATE log_head SET indexed = size + 1",
    ],
)
def test_an_index_that_is_not_that_of_the_entries_is_found(tmp_path: Path, change: str) -> None:
    """A row that is gone, added, moved or misshapen, and an index that claims too much."""
    town = Town(tmp_path)

    async def run() -> None:
        async with town.log() as log:
            await release(log, 1, tokens(3), tokens(2, "other"))

    asyncio.run(run())
    assert [] == town.findings()

    _change(town, change)

    assert ["index-mismatch"] == town.findings()


def test_two_people_swapped_in_the_index_are_found(tmp_path: Path) -> None:
    """The same tokens and the same places, joined otherwise, are another index."""
    town = Town(tmp_path)

    async def run() -> None:
        async with town.log() as log:
            await release(log, 1, tokens(1))
            await release(log, 2, tokens(1, "other"))

    asyncio.run(run())
    one, other = sorted(stored(town))

    _change(
        town,
        "DELETE FROM log_subject",
        f"INSERT INTO log_subject VALUES (x'{one[0].hex()}', {other[1]})",  # noqa: S608 - a test
        f"INSERT INTO log_subject VALUES (x'{other[0].hex()}', {one[1]})",  # noqa: S608 - a test
    )

    assert ["index-mismatch"] == town.findings()


def test_replicas_share_one_index(tmp_path: Path) -> None:
    """Two that append by turns write one index, without a gap and without a row too many."""
    one = SharedTown(tmp_path)
    other = SharedTown(tmp_path, url=one.url, replica="two", keys=one.keys)

    async def run() -> None:
        async with one.log() as first, other.log() as second:
            for number in range(10):
                log = (first, second)[number % 2]
                await release(log, number, tokens(150 * number, f"part {number}"))
            await asyncio.gather(indexed(first), indexed(second))

    asyncio.run(run())

    assert 150 * sum(range(10)) == len(stored(one))
    assert recounted(one) == stored(one)
    assert [] == one.findings()


def test_what_is_read_again_is_of_the_kinds_that_may_carry_tokens() -> None:
    """The statement names exactly the kinds that the log's schema lets carry them."""
    assert TOKEN_KINDS == set(re.findall(r"'([a-z]+)'", backlog_module._ENTRIES))  # noqa: SLF001


def test_memory_holds_no_more_than_it_may() -> None:
    """What is beyond is left for reading, and nothing behind it is written out of turn."""
    backlog = Backlog(0, OpenKeys().by_id)
    people = tokens(4_096)
    size = 0
    while size * len(people) <= HELD_TOKENS + len(people):
        backlog.took(backlog.step([(size, people)], size, size + 1))
        size += 1

    step = backlog.step([(size, people)], size, size + 1)

    assert () == step.added
    assert step.upto < size
    assert ROWS == len(step.rows)
    assert {backlog.indexed} == {seq for _, seq in step.rows}


@pytest.mark.parametrize("written", [0, 1, 2])
def test_what_was_erased_is_indexed_no_more(written: int) -> None:
    """Whatever of it was written already: the rest of it is not, and all that is beside it is."""
    many, few = tokens(2 * ROWS + 1), tokens(3, "another")
    backlog, rows = Backlog(0, lambda _: bytes(32)), list[tuple[bytes, int]]()

    def commit(added: list[tuple[int, tuple[bytes, ...]]], before: int, after: int) -> None:
        step = backlog.step(added, before, after)
        rows.extend(step.rows)
        backlog.took(step)

    commit([(0, many), (1, few)], 0, 2)
    for _ in range(written):
        commit([], 2, 2)
    backlog.forget({0})
    while backlog.owes(2):
        commit([], 2, 2)

    assert min((written + 1) * ROWS, len(many)) == sum(seq == 0 for _, seq in rows)
    assert len(few) == sum(seq == 1 for _, seq in rows)
    assert 2 == backlog.indexed
