"""Payloads go when their class is over and no hold keeps them; the log says so, and still holds."""

from __future__ import annotations

import asyncio
import datetime as dt
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.audit.entry import Draft, subject_token
from gateway.audit.tally import Tally
from gateway.audit.verify import verify
from gateway.auditor.database import DatabaseReader, connect
from gateway.errors import LogError
from gateway.keys.folder import KeyFolder
from gateway.store.erasing import Eraser
from gateway.store.reads import Reads
from gateway.store.start import open_log
from tests.store.contract import RECIPIENT
from tests.store.town import (
    DIGEST,
    NOW,
    Town,
    TrueEntropy,
    a_keep,
    a_release,
    a_signer,
    an_agreement,
    an_id,
    an_intent,
    an_outcome,
)

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.store.desk import Desk
    from gateway.store.line import Job
    from gateway.store.log import StoredLog

LIFE = dt.timedelta(days=365 * 3 + 1)
"""Three years from NOW, 2029 having no 29 February before November, and 2028 one."""
MOMENT = dt.timedelta(milliseconds=1)
PERSON = subject_token(bytes(32), "county-ems/patient-id", "A-1001")
ANOTHER = subject_token(bytes(32), "county-ems/patient-id", "A-1002")


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Return a town whose log lies under a real key store."""
    town = Town(tmp_path)
    town.keys = KeyFolder.create(tmp_path / "keys", TrueEntropy())
    return town


def _keys(town: Town) -> KeyFolder:
    assert isinstance(town.keys, KeyFolder)
    return town.keys


async def _exchange(
    log: StoredLog, number: int, retain: str = "3y", *tokens: bytes, agreement: str | None = None
) -> None:
    """Write a whole exchange of one chunk, of a class."""
    exchange = an_id(number)

    def drawn(draft: Draft) -> Draft:
        return replace(draft, retain=retain, agreement=agreement or draft.agreement)

    ticket = await log.intent(
        drawn(an_intent(exchange)),
        recipient=RECIPIENT,
        request_id=f"r-{number}",
        request_digest=DIGEST,
        now=NOW,
    )
    await ticket.release(drawn(a_release(exchange, tokens=tokens or (PERSON,))), a_keep("r"))
    await ticket.outcome(drawn(an_outcome(exchange)))


async def _exchanges(log: StoredLog, count: int) -> None:
    """Write so many exchanges, and have them durable to the last outcome."""
    for number in range(count):
        await _exchange(log, number)
    await log.note(an_agreement())


def _hold(
    event: str, scope: str, document: str = "d-1", *tokens: bytes, retain: str = "9y"
) -> Draft:
    meta = {"event": event, "scope": scope, "document": document}
    return Draft("hold", None, 0, None, retain, meta, tokens)


def _left(town: Town, kind: str = "") -> int:
    """Return how many payloads of a class other than `p` there are."""
    rows = town.rows(
        "SELECT k FROM log_payload JOIN log_entry USING (seq) WHERE key_id NOT LIKE '%.p'"
    )
    return sum(kind in {"", one} for (one,) in rows)


def _erases(town: Town) -> list[dict[str, object]]:
    """Return what the `erase` entries say."""
    import json  # noqa: PLC0415

    reads = Reads(town.place.database)
    try:
        seqs = [seq for (seq,) in reads.rows("SELECT seq FROM log_entry WHERE k = 'erase'")]
        return [json.loads(reads.opened(seq, 1, town.keys.by_id)[0].meta) for seq in seqs]
    finally:
        reads.close()


def _verified(town: Town) -> tuple[list[str], Tally]:
    """Verify the log with the keys that are left, as of the town's time; return the codes."""
    tally, keys = Tally(), _keys(town)
    rows = connect(str(town.place.database))
    try:
        reader = DatabaseReader(rows, lambda one: keys.by_id(one) if keys.has(one) else None)
        found = verify(
            reader,
            [a_signer().verifier],
            held=[town.place.held.read_text(encoding="utf-8")],
            payloads=reader,
            derived=reader,
            now=town.clock.now() + MOMENT,
            tally=tally,
        )
        return sorted({one.code for one in found}), tally
    finally:
        rows.close()


def _lived(town: Town, *drafts: Draft, count: int = 2, more: dt.timedelta = LIFE) -> int:
    """Write exchanges, then some entries; let time pass; expire. Return how many payloads went."""

    async def run() -> int:
        async with town.log() as log:
            await _exchanges(log, count)
            for draft in drafts:
                await log.note(draft)
            town.clock.moment = NOW + more
            return await log.expire(town.clock.now())

    return asyncio.run(run())


# --- The class ------------------------------------------------------------------------------------


def test_payloads_go_when_their_class_is_over(town: Town) -> None:
    """To the millisecond; the entries stay, an `erase` covers them, verify calls it expired."""
    assert 6 == _lived(town)

    assert 0 == _left(town)
    (erase,) = _erases(town)
    assert ("3y", 6, "past its class") == (erase["class"], erase["count"], erase["rule"])
    codes, tally = _verified(town)
    assert [] == codes
    assert (6, 6, 0) == (tally.missing, tally.expired, tally.due)


def test_a_millisecond_before_nothing_goes(town: Town) -> None:
    """The other side of the limit: nothing is erased, and no entry says so."""
    assert 0 == _lived(town, more=LIFE - MOMENT)

    assert 6 == _left(town)
    assert [] == _erases(town)
    assert [] == _verified(town)[0]


def test_each_class_goes_in_its_own_time(town: Town) -> None:
    """Six years are not three, and what is kept with the log is kept."""

    async def run() -> list[int]:
        async with town.log() as log:
            await _exchange(log, 1, "6y")
            await _exchange(log, 2, "3y")
            await _exchange(log, 3, "6y")
            await log.note(an_agreement())
            erased = []
            for years in (3, 6, 50):
                town.clock.moment = NOW.replace(year=NOW.year + years)
                erased.append(await log.expire(town.clock.now()))
            return erased

    assert [3, 6, 0] == asyncio.run(run())
    assert [("3y", 3), ("6y", 6)] == [(one["class"], one["count"]) for one in _erases(town)]
    assert [] == _verified(town)[0]


def test_a_payload_that_was_taken_early_is_not_explained_later(town: Town) -> None:
    """The ranges of an `erase` leave out what was gone already; verify still misses it."""

    async def write() -> None:
        async with town.log() as log:
            await _exchanges(log, 3)

    asyncio.run(write())
    taken = town.rows("SELECT seq FROM log_entry WHERE k = 'release' ORDER BY seq")[1][0]
    with closing(sqlite3.connect(town.place.database)) as connection, connection:
        connection.execute("DELETE FROM log_payload WHERE seq = ?", (taken,))
    assert ["payload-missing"] == _verified(town)[0]

    assert 8 == _lived(town, count=0)

    (erase,) = _erases(town)
    assert 2 == len(erase["ranges"])  # type: ignore[arg-type]
    assert ["payload-missing"] == _verified(town)[0]


def test_an_erasure_within_its_class_is_found(town: Town) -> None:
    """An administrator who deletes early and has the log say so is told from one who is late."""
    asyncio.run(_early(town))

    assert ["erased-early"] == _verified(town)[0]


async def _early(town: Town) -> None:
    async with town.log() as log:
        await _exchanges(log, 1)
        seqs = [seq for (seq,) in log.reads.rows("SELECT seq FROM log_entry WHERE x IS NOT NULL")]
        meta = {"ranges": [[min(seqs), max(seqs)]], "class": "3y", "rule": "none", "count": 3}
        await log.note(Draft("erase", None, 0, None, "p", meta))
    with closing(sqlite3.connect(town.place.database)) as connection, connection:
        connection.execute("DELETE FROM log_payload WHERE key_id LIKE '%.3y'")


# --- A crash --------------------------------------------------------------------------------------


class _Stopping:
    """A desk that takes so many chores, and then nothing more."""

    def __init__(self, log: StoredLog, chores: int) -> None:
        self.writer = _desk(log).writer
        self._desk = _desk(log)
        self._left = chores

    async def append(self, draft: Draft, kind: str) -> int:
        """Make an entry durable."""
        return await self._desk.append(draft, kind)

    async def chore(self, job: Job) -> None:
        """Have something done, or not."""
        self._left -= 1
        if self._left < 0:
            raise LogError("the store takes nothing")
        await self._desk.chore(job)


def _desk(log: StoredLog) -> Desk:
    return log._desk  # noqa: SLF001 - to stand between two steps


def test_a_crash_leaves_a_remainder_that_the_next_run_deletes(town: Town) -> None:
    """The entry is there first; what it did not delete is due, and goes with the next."""

    async def crash() -> None:
        async with town.log() as log:
            await _exchanges(log, 2)
            town.clock.moment = NOW + LIFE
            eraser = Eraser(_Stopping(log, 1), log.reads, _keys(town), (10_000, 2))
            with pytest.raises(LogError):
                await eraser.run(town.clock.now())

    asyncio.run(crash())
    assert 4 == _left(town)
    assert (["erase-due"], 1) == (_verified(town)[0], len(_erases(town)))

    async def again() -> int:
        async with town.log() as log:
            return await log.expire(town.clock.now())

    assert 4 == asyncio.run(again())
    assert 0 == _left(town)
    assert [6, 4] == [one["count"] for one in _erases(town)]
    assert [] == _verified(town)[0]


# --- Holds ----------------------------------------------------------------------------------------

OTHER = "another-agreement@1"


@pytest.mark.parametrize(
    ("hold", "kept"),
    [
        (_hold("begin", "all"), 6),
        (_hold("begin", "agreement:ems-to-health"), 6),
        (_hold("begin", "agreement:ems-to-healt"), 0),
        (_hold("begin", f"exchange:{an_id(1)}"), 3),
        (_hold("begin", f"exchange:{an_id(9)}"), 0),
        (_hold("begin", "person", "d-1", PERSON), 6),
        (_hold("begin", "person", "d-1", ANOTHER, PERSON), 6),
        (_hold("begin", "person", "d-1", ANOTHER), 0),
        (_hold("begin", "persons"), 6),
    ],
    ids=lambda one: one.meta["scope"] if isinstance(one, Draft) else str(one),
)
def test_a_hold_keeps_what_it_is_of(town: Town, hold: Draft, kept: int) -> None:
    """Whole exchanges, in its scope and not beside it; what is not understood holds everything."""
    assert 6 - kept == _lived(town, hold)

    assert kept == _left(town) - _left(town, "hold")
    assert ["erase-due"] * bool(kept) == _verified(town)[0]


def test_a_hold_that_ended_keeps_nothing(town: Town) -> None:
    """By its document's id: another hold's end does not end it."""
    begin = _hold("begin", "all")
    assert 0 == _lived(town, begin, _hold("end", "all", "d-2"))

    async def end() -> int:
        async with town.log() as log:
            await log.note(_hold("end", "all", "d-1"))
            return await log.expire(town.clock.now())

    assert 6 == asyncio.run(end())


def test_a_hold_outlives_its_own_class(town: Town) -> None:
    """The entry that began it is held by it, and goes with the one that ended it, not before."""
    assert 6 == _lived(town, _hold("begin", f"exchange:{an_id(9)}", retain="3y"), more=LIFE * 2)
    assert 1 == _left(town, "hold")

    async def end() -> list[int]:
        async with town.log() as log:
            await log.note(_hold("end", "all", retain="3y"))
            erased = [await log.expire(town.clock.now())]
            town.clock.moment += LIFE
            return [*erased, await log.expire(town.clock.now())]

    assert [0, 2] == asyncio.run(end())
    assert [] == _verified(town)[0]


def test_an_exchange_is_held_for_a_person_in_any_of_its_chunks(town: Town) -> None:
    """The intent and outcome of a release that tells of them too; other exchanges go."""

    async def run() -> int:
        async with town.log() as log:
            await _exchange(log, 1, "3y", ANOTHER)
            await _exchange(log, 2, "3y", ANOTHER, PERSON)
            await log.note(_hold("begin", "person", "d-1", PERSON))
            town.clock.moment = NOW + LIFE
            return await log.expire(town.clock.now())

    assert 3 == asyncio.run(run())
    assert [an_id(2)] * 3 == [leaf_x for (leaf_x,) in town.rows(_HELD)]


def test_a_hold_of_a_person_keeps_what_left_after_it_began(town: Town) -> None:
    """Whole exchanges too, although the same gateway looked for theirs years before."""

    async def run() -> list[int]:
        async with town.log() as log:
            await _exchange(log, 1, "3y", ANOTHER)
            await log.note(_hold("begin", "person", "d-1", PERSON))
            erased = []
            for number in (2, 3):
                town.clock.moment += LIFE
                erased.append(await log.expire(town.clock.now()))
                await _exchange(log, number, "3y", PERSON)
                await log.note(an_agreement())
            town.clock.moment += LIFE
            return [*erased, await log.expire(town.clock.now())]

    assert [3, 0, 0] == asyncio.run(run())


_HELD = (
    "SELECT CAST(substr(body, -38, 36) AS TEXT) FROM log_entry JOIN log_payload USING (seq) "
    "WHERE key_id LIKE '%.3y' ORDER BY seq"
)


def test_a_hold_whose_words_were_taken_away_holds_everything(town: Town) -> None:
    """Whoever deletes a hold's payload has nothing erased by it."""

    async def write() -> None:
        async with town.log() as log:
            await _exchange(log, 1)
            await log.note(_hold("begin", f"exchange:{an_id(9)}"))

    asyncio.run(write())
    with closing(sqlite3.connect(town.place.database)) as connection, connection:
        connection.execute(
            "DELETE FROM log_payload WHERE seq IN (SELECT seq FROM log_entry WHERE k = 'hold')"
        )

    assert 0 == _lived(town, count=0)
    assert 3 == _left(town)


class _Between(_Stopping):
    """A desk at which somebody begins a hold when an `erase` is written and nothing is gone."""

    async def append(self, draft: Draft, kind: str) -> int:
        """Make an entry durable, and the hold after it."""
        index = await super().append(draft, kind)
        await super().append(_hold("begin", "all"), "hold")
        return index


def test_a_hold_that_begins_while_it_is_erased_is_respected(town: Town) -> None:
    """Between the entry and the deletion there is one more look, in the deleting transaction."""

    async def run() -> int:
        async with town.log() as log:
            await _exchanges(log, 1)
            town.clock.moment = NOW + LIFE
            return await Eraser(_Between(log, 99), log.reads, _keys(town)).run(town.clock.now())

    assert 0 == asyncio.run(run())
    assert 3 == _left(town) - _left(town, "hold")
    assert 1 == len(_erases(town))


# --- Keys -----------------------------------------------------------------------------------------


def _expired_at(town: Town, *days: str) -> list[list[str]]:
    """Expire on each of these days; return the keys that are left after each, but `p` ones."""

    async def run() -> list[list[str]]:
        left = []
        for day in days:
            async with town.log() as log:
                town.clock.moment = dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC)
                await log.expire(town.clock.now())
            left.append(
                [one for one, (state, _) in _keys(town).states().items() if state == "made"]
            )
        return left

    return asyncio.run(run())


def test_a_months_key_is_destroyed_30_days_after_its_class(town: Town) -> None:
    """And the year's subject key after the longest class, each by an entry; verify is clean."""
    _lived(town)
    _keys(town).subject(2026)

    left = _expired_at(town, "2029-12-30", "2029-12-31", "2033-01-30", "2033-01-31")

    month, year = "payload/2026-11.3y", "subject/2026"
    assert [True, False, False, False] == [month in one for one in left]
    assert [True, True, True, False] == [year in one for one in left]
    said = town.rows("SELECT key FROM log_key_event WHERE event = 'destroyed' ORDER BY seq")
    assert [(month,), (year,)] == said
    assert [] == _verified(town)[0]


def test_a_hold_keeps_the_key(town: Town) -> None:
    """While one payload is left under it; when the hold ends, both go."""
    _lived(town, _hold("begin", f"exchange:{an_id(1)}"))

    (left,) = _expired_at(town, "2031-01-01")
    assert "payload/2026-11.3y" in left

    async def end() -> None:
        async with town.log() as log:
            await log.note(_hold("end", "all"))

    asyncio.run(end())
    (left,) = _expired_at(town, "2031-01-02")
    assert "payload/2026-11.3y" not in left
    assert [] == _verified(town)[0]


def test_a_table_that_is_remembered_keeps_the_key(town: Town) -> None:
    """The record of cells lies under the same keys, and may be kept longer."""
    _lived(town)
    with closing(sqlite3.connect(town.place.database)) as connection, connection:
        connection.execute(
            "INSERT INTO released_cells VALUES (1, 's', '2026-01-01', '2026-01-31', 'a', "
            "'2099-01-01', 'payload/2026-11.3y', x'00')"
        )

    (left,) = _expired_at(town, "2031-01-01")

    assert "payload/2026-11.3y" in left


def test_nothing_that_was_erased_is_in_any_raw_byte(town: Town) -> None:
    """Neither what was sealed nor a token is in the database or its WAL, nor the key anywhere.

    An older copy of the database has the sealed bytes, and nothing opens them.
    """

    async def write() -> None:
        async with town.log() as log:
            await _exchange(log, 1)

    asyncio.run(write())
    sealed = [
        bytes(one)
        for (one,) in town.rows("SELECT sealed FROM log_payload WHERE key_id LIKE '%.3y'")
    ]
    key = _keys(town).by_id("payload/2026-11.3y")
    assert all(_found(town, one) for one in sealed)

    async def erase() -> None:
        log = open_log(
            town.place,
            signer=a_signer(),
            keys=town.keys,
            clock=town.clock,
            entropy=TrueEntropy(),
            fatal=town.fatal,
        )
        town.clock.moment = NOW.replace(year=NOW.year + 4)
        await log.expire(town.clock.now())
        # While it runs: nobody has to stop a gateway for its erasures to be true.
        gone = [one for one in sealed if _found(town, one) or _found(town, one[:32])]
        await log.close()
        assert [] == gone

    asyncio.run(erase())

    assert not _found(town, PERSON)
    assert not _found(town, PERSON[:16])
    assert not _found(town, key)
    assert "destroyed" == _keys(town).state("payload/2026-11.3y")


def test_a_reader_puts_off_clearing_and_no_entry(town: Town) -> None:
    """What was deleted stays in the WAL while somebody reads; once nobody does it is cleared."""

    async def run() -> tuple[bool, bool]:
        async with town.log() as log:
            await _exchanges(log, 1)
            (sealed,) = town.rows("SELECT sealed FROM log_payload WHERE key_id LIKE '%.3y' LIMIT 1")
            town.clock.moment = NOW + LIFE
            with closing(sqlite3.connect(town.place.database)) as reader:
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM log_payload").fetchone()
                assert 3 == await log.expire(town.clock.now())
                before = _found(town, sealed[0])
            await asyncio.sleep(1.1)
            await log.note(an_agreement())
            return before, _found(town, sealed[0])

    assert (True, False) == asyncio.run(run())


def _found(town: Town, data: bytes) -> bool:
    """Return whether bytes are in any file of the town."""
    return any(data in one.read_bytes() for one in town.root.rglob("*") if one.is_file())


def test_a_log_of_many_slices_is_erased_whole(town: Town) -> None:
    """Slices of entries and of deletions do not cut anything off at their edges."""

    async def run() -> int:
        async with town.log() as log:
            await _exchanges(log, 12)
            town.clock.moment = NOW + LIFE
            eraser = Eraser(_Stopping(log, 99), log.reads, _keys(town), (7, 4))
            return await eraser.run(town.clock.now())

    assert 36 == asyncio.run(run())
    assert 0 == _left(town)
    assert 36 == sum(int(str(one["count"])) for one in _erases(town))
    assert [] == _verified(town)[0]
