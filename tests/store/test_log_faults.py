"""What goes wrong while it runs.

A full queue, a full disk, a commit of unknown fate, callers who leave.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.merkle import Frontier
from gateway.errors import BusyError, LogError, Reason, ReleaseError
from gateway.store import connect, statements
from gateway.store.backlog import Backlog
from gateway.store.batch import Head
from gateway.store.desk import SLOTS, Desk
from gateway.store.faults import RollbackError
from gateway.store.line import ROOM_ENTRIES, Job, Line
from gateway.store.sealing import Sealer
from gateway.store.ticket import StoredTicket
from gateway.store.turn import Sole
from gateway.store.writer import Writer
from tests.store.contract import begin
from tests.store.town import (
    NOW,
    OpenKeys,
    StandingClock,
    Town,
    TrueEntropy,
    a_keep,
    a_note,
    a_refusal,
    a_release,
    an_id,
    an_outcome,
    b64,
    folders,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.ports import Ticket
    from gateway.store.database import Connection
    from gateway.store.log import StoredLog


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Return a town without a log."""
    return Town(tmp_path)


async def _until(true: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come true")


def test_a_full_queue_is_busy_and_loses_nothing(town: Town) -> None:
    """Beyond its room the log admits no exchange, and those it admitted all finish."""
    admitted = ROOM_ENTRIES // SLOTS

    async def run() -> None:
        async with town.log() as log:
            asked = [begin(log, number) for number in range(1, admitted + 200)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
            busy = [one for one in answers if isinstance(one, BusyError)]
            tickets = [one for one in answers if not isinstance(one, BaseException)]
            assert {Reason.BUSY} == {one.reason for one in busy}
            assert len(answers) == len(busy) + len(tickets)
            assert admitted <= len(tickets)
            await asyncio.gather(*(_finish(one) for one in tickets))
            await _until(lambda: log.waiting == 0)
            await begin(log, 10_000)

    asyncio.run(run())

    kinds = town.kinds()
    assert kinds.count("intent") == kinds.count("outcome") + 1
    assert ["exchange-open"] == town.findings()


async def _finish(ticket: Ticket) -> None:
    await ticket.outcome(an_outcome(ticket.exchange_id, 0, 0, "cut"))


def test_a_full_disk_refuses_and_serves_again(town: Town) -> None:
    """Known not to be logged.

    Refused, unhealthy, and healthy again once there is space; what is owed is kept.
    """

    async def run() -> None:
        async with town.log() as log:
            ticket = await begin(log, 1)
            town.free_bytes = 0
            with pytest.raises(LogError) as refused:
                await ticket.release(a_release(an_id(1)), a_keep("request-1"))
            assert not refused.value.unknown
            assert not log.healthy
            await ticket.outcome(an_outcome(an_id(1), 0, 0, "cut"))
            with pytest.raises(LogError):
                await log.refusal(a_refusal(an_id(2)))
            town.free_bytes = 1 << 40
            await _until(lambda: log.healthy)
            await log.refusal(a_refusal(an_id(3)))

    asyncio.run(run())

    kinds = town.kinds()
    assert ["intent", "config", "outcome", "refusal", "config"] == kinds[3:]
    assert [] == town.findings()
    assert [] == town.fatal.errors


class CommitFails:
    """A connection whose COMMIT answers with an error from a chosen moment on."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - SQLite's own
        self._connection = connection
        self.verb = ""

    def execute(self, statement: str, *parameters: Any) -> sqlite3.Cursor:  # noqa: ANN401
        """Run a statement, or fail."""
        if self.verb and statement.startswith(self.verb):
            raise sqlite3.OperationalError("disk I/O error")
        found: sqlite3.Cursor = self._connection.execute(statement, *parameters)
        return found

    def executemany(self, statement: str, rows: Any) -> sqlite3.Cursor:  # noqa: ANN401
        """Run a statement for each row."""
        found: sqlite3.Cursor = self._connection.executemany(statement, rows)
        return found

    def close(self) -> None:
        """Close."""
        self._connection.close()


class Bench:
    """A writer with no loop around it."""

    def __init__(self, root: Path) -> None:
        database, _ = folders(root)
        connect.create(database)
        self.sealer = Sealer(OpenKeys(), StandingClock(), TrueEntropy())
        self.settled: list[Job] = []
        self.fatal: list[LogError] = []
        self.connection = CommitFails(connect.writer(database))
        self.connection.execute(statements.INSERT_HEAD, (1, "o", 0, b"", 0, 0))
        self.writer = Writer(
            self.connection,
            Head(0, 0, Frontier(), (), 0),
            Sole(),
            free_bytes=lambda: 1 << 40,
            clock=StandingClock(),
            replica="one",
            known_keys=set(),
            backlog=Backlog(0, OpenKeys().by_id),
            done=self.settled.extend,
            config=lambda _event: self.job(),
            fatal=self.fatal.append,
        )

    def job(self) -> Job:
        """Return a job that any log takes."""
        return Job(self.sealer.ready(a_note()))


@pytest.mark.parametrize("verb", ["COMMIT", "ROLLBACK"])
def test_an_unknown_fate_ends_the_process(tmp_path: Path, verb: str) -> None:
    """An error from COMMIT, or from the ROLLBACK after another error, is unknown.

    Everybody hears so, nothing is retried.
    """
    bench = Bench(tmp_path)
    bench.connection.verb = verb
    first, waiting = bench.job(), bench.job()
    if verb == "ROLLBACK":
        first.chore = first.chore
        first = Job(chore=_breaks)
    bench.writer.line.put(waiting)

    with pytest.raises(LogError) as unknown:
        bench.writer.commit_now([first])

    assert unknown.value.unknown
    assert [True, True] == [getattr(job.error, "unknown", None) for job in (first, waiting)]
    assert 1 == len(bench.fatal)
    assert bench.writer.dead


def _breaks(_connection: Connection) -> None:
    raise RuntimeError("whatever")


def test_an_error_before_commit_is_known(tmp_path: Path) -> None:
    """What fails before COMMIT and rolls back is not logged, and the next batch takes its place."""
    bench = Bench(tmp_path)

    with pytest.raises(LogError) as known:
        bench.writer.commit_now([bench.job(), Job(chore=_breaks)])
    bench.writer.trouble = ""
    again = bench.job()
    bench.writer.commit_now([again])

    assert not known.value.unknown
    assert [] == bench.fatal
    assert 0 == again.index


def test_one_contradiction_does_not_fail_its_batch(town: Town) -> None:
    """An entry that the log has already is refused alone; the others of its batch are durable."""

    async def run() -> None:
        async with town.log() as log:
            answers = await asyncio.gather(
                log.refusal(a_refusal(an_id(1))),
                log.refusal(a_refusal(an_id(1))),
                log.refusal(a_refusal(an_id(2))),
                return_exceptions=True,
            )
            assert [int, LogError, int] == [type(one) for one in answers]
            assert log.healthy

    asyncio.run(run())

    assert [] == town.findings()


def test_what_waits_too_long_is_withdrawn() -> None:
    """Only what was put before, and nothing that the log owes."""
    line = Line()
    late, owed, fresh = Job(), Job(must=True), Job()
    late.since, owed.since, fresh.since = 1.0, 1.0, 3.0
    for job in (late, owed, fresh):
        line.put(job)

    gone = line.withdraw(2.0)

    assert [late] == gone
    assert [owed, fresh] == line.take(0)


def test_an_entry_that_is_not_taken_in_time_is_not_there(tmp_path: Path) -> None:
    """While the writer is held up a waiting caller is turned away, and its entry never written."""
    bench = Bench(tmp_path)
    desk = Desk(bench.sealer, {"build": "0.1.0", "settings": b64(bytes(32)), "replica": "one"})
    desk.writer = bench.writer
    desk.late_s = 0.05

    async def run() -> None:
        with pytest.raises(LogError, match="in time") as late:
            await desk.append(a_refusal(an_id(1)), "refusal")
        assert not late.value.unknown
        assert 0 == desk.waiting

    asyncio.run(run())

    assert [] == bench.writer.line.take(0)


def test_a_caller_who_leaves_during_its_intent_leaves_no_open_exchange(town: Town) -> None:
    """An intent that became durable after its caller was cancelled is closed by the log."""

    async def run() -> None:
        async with town.log() as log:
            task = asyncio.create_task(begin(log, 1))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await _until(lambda: log.waiting == 0)

    asyncio.run(run())

    assert ["intent", "recovered", "config"] == town.kinds()[3:]
    assert [] == town.findings()


def test_a_caller_who_leaves_during_a_release_knows_its_fate(town: Town) -> None:
    """Cancelled in the commit, a ticket has counted the chunk that became durable."""

    async def run() -> None:
        async with town.log() as log:
            ticket = await begin(log, 1)
            assert isinstance(ticket, StoredTicket)
            task = asyncio.create_task(ticket.release(a_release(an_id(1)), a_keep("request-1")))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert 1 == ticket.chunks
            await ticket.outcome(an_outcome(an_id(1), 1, 1, "cut"))

    asyncio.run(run())

    assert ["intent", "release", "outcome", "config"] == town.kinds()[3:]
    assert [] == town.findings()


def test_a_period_is_released_once(town: Town) -> None:
    """Two requests that were both permitted a period.

    The second to release it is refused, the first's repeat is not.
    """
    periods = (NOW.date(),)

    async def run() -> None:
        async with town.log() as log:
            one, two = await begin(log, 1), await begin(log, 2)
            await one.release(a_release(an_id(1)), a_keep("request-1", periods=periods))
            with pytest.raises(ReleaseError) as refused:
                await two.release(a_release(an_id(2)), a_keep("request-2", periods=periods))
            assert Reason.CELL_RELEASED is refused.value.reason
            again = await begin(log, 3, "request-1")
            await again.release(a_release(an_id(3)), a_keep("request-1", periods=periods))

    asyncio.run(run())

    assert 2 == town.kinds().count("release")


def _gossip(town: Town, note: Callable[[StoredLog], str]) -> None:
    async def run() -> None:
        async with town.log() as log:
            await log.compare(note(log))

    asyncio.run(run())


def test_gossip_of_our_own_past_is_welcome(town: Town) -> None:
    """An older checkpoint of this log, or one of a stranger, changes nothing."""
    _gossip(town, lambda log: log.newest())
    _gossip(town, lambda _log: "stranger\n1\n\n")
    held = town.place.held.read_text()
    _gossip(town, lambda _log: held)

    assert [] == town.fatal.errors


def test_gossip_of_a_longer_log_stops_the_gateway(town: Town, tmp_path: Path) -> None:
    """A checkpoint under our key that is larger than the store ends the process.

    So does one of another root.
    """
    other = Town(tmp_path / "other")

    async def run() -> None:
        async with other.log() as log:
            for number in range(20):
                await log.refusal(a_refusal(an_id(number)))

    asyncio.run(run())
    longer = other.place.held.read_text()

    _gossip(town, lambda _log: longer)

    assert [RollbackError] == [type(error) for error in town.fatal.errors]
