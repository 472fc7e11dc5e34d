"""Keys turn under a log that runs: nothing waits, nothing is lost, and the log says each turn."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import open_checkpoint
from gateway.audit.verify import verify
from gateway.auditor.database import DatabaseReader, connect
from gateway.cli.keyring import signers
from gateway.cli.turning import follow
from gateway.errors import LogError, SettingsError
from gateway.keys.folder import KeyFolder
from gateway.keys.names import GRACE
from gateway.store.faults import DamagedError
from gateway.store.reads import Reads
from gateway.store.start import open_log
from tests.store.town import (
    NOW,
    ORIGIN,
    Fatal,
    StandingClock,
    Town,
    TrueEntropy,
    a_refusal,
    an_agreement,
    an_id,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.audit.checkpoint import Verifier
    from gateway.audit.signers import Signers
    from gateway.store.log import StoredLog

MOMENT = dt.timedelta(milliseconds=1)


class County:
    """A log that is signed by its own key folder."""

    def __init__(self, root: Path) -> None:
        self.town = Town(root)
        self.clock = StandingClock()
        self.fatal = Fatal()
        self.keys = KeyFolder.create(root / "keys", TrueEntropy())

    def operator(self) -> KeyFolder:
        """Return the key folder as another process has it."""
        return KeyFolder(self.town.root / "keys", TrueEntropy())

    def signers(self) -> Signers:
        """Return the log's keys as of now."""
        return signers(ORIGIN, self.keys, self.clock.now())

    @asynccontextmanager
    async def log(self) -> AsyncIterator[StoredLog]:
        """Open the log, and a gateway's habit of following its keys; close both."""
        log = open_log(
            self.town.place,
            signer=self.signers(),
            keys=self.keys,
            clock=self.clock,
            entropy=TrueEntropy(),
            fatal=self.fatal,
            create=True,
        )
        task = asyncio.create_task(follow(self.keys, log, ORIGIN, self.clock, 0.01))
        try:
            await log.note(an_agreement())
            yield log
        finally:
            task.cancel()
            await log.close()

    async def signed_by(self, log: StoredLog) -> list[Verifier]:
        """Return the keys that signed the newest checkpoint, once everything is covered."""
        await log.proof(log.size - 1)
        return [one for one in self.signers().verifiers if _opens(log.newest(), one)]

    def told(self) -> list[tuple[str, str]]:
        """Return what the log's `key` entries say, in order."""
        reads = Reads(self.town.place.database)
        try:
            seqs = [seq for (seq,) in reads.rows("SELECT seq FROM log_entry WHERE k = 'key'")]
            said = [json.loads(reads.opened(seq, 1, self.keys.by_id)[0].meta) for seq in seqs]
            return [(one["key"], one["event"]) for one in said]
        finally:
            reads.close()

    def findings(self, *verifiers: Verifier) -> list[str]:
        """Verify the log in full with these pinned keys; return the codes."""
        rows = connect(str(self.town.place.database))
        try:
            reader = DatabaseReader(rows, self.keys.by_id)
            held = [self.town.place.held.read_text(encoding="utf-8")]
            found = verify(reader, verifiers, held=held, payloads=reader, derived=reader)
            return [one.code for one in found]
        finally:
            rows.close()


def _opens(note: str, verifier: Verifier) -> bool:
    from gateway.audit.fault import AuditError  # noqa: PLC0415

    try:
        open_checkpoint(note, verifier)
    except AuditError:
        return False
    return True


@pytest.fixture
def county(tmp_path: Path) -> County:
    """Return a county whose log is not made yet."""
    return County(tmp_path)


async def _until(what: object) -> None:
    """Wait until something holds, five seconds at most."""
    until = time.monotonic() + 5
    while not what():  # type: ignore[operator]
        assert time.monotonic() < until
        await asyncio.sleep(0.01)


def test_a_rotated_key_signs_for_30_days_beside_the_new_one(county: County) -> None:
    """While the log runs: both on each checkpoint, at the last moment too, then the new alone."""
    (old,) = county.signers().verifiers

    async def run() -> list[int]:
        counts = list[int]()
        async with county.log() as log:
            county.operator().rotate("signing/1", NOW)
            for moment in (NOW, NOW + GRACE - MOMENT, NOW + GRACE):
                county.clock.moment = moment
                await _until(lambda: len(county.signers().verifiers) == 2)
                await asyncio.sleep(0.05)
                await log.refusal(a_refusal(an_id(len(counts))))
                counts.append(len(await county.signed_by(log)))
        return counts

    assert [2, 2, 1] == asyncio.run(run())
    new, _ = county.signers().verifiers
    told = [one for one in county.told() if one[0] in {old.vkey, new.vkey}]
    assert sorted([(old.vkey, "retired"), (new.vkey, "made")]) == sorted(told)
    assert [] == county.findings(new)
    assert [] == county.findings(old, new)
    assert ["key-unknown"] == county.findings(old)


def test_whoever_pins_the_old_key_verifies_for_30_days(county: County) -> None:
    """And so does whoever pins the new one: nobody has to change in the same moment."""
    (old,) = county.signers().verifiers

    async def run() -> None:
        async with county.log():
            county.operator().rotate("signing/1", NOW)
            await _until(lambda: len(county.signers().verifiers) == 2)
            await asyncio.sleep(0.05)

    asyncio.run(run())
    new, _ = county.signers().verifiers

    assert [] == county.findings(old)
    assert [] == county.findings(new)


def test_a_log_that_was_stopped_is_rotated_too(county: County) -> None:
    """What the old key signed alone is this log's; the entries are written when it starts."""

    async def run() -> int:
        async with county.log() as log:
            return len(await county.signed_by(log))

    assert 1 == asyncio.run(run())
    county.operator().rotate("signing/1", NOW)
    county.keys = county.operator()

    assert 2 == asyncio.run(run())
    assert 2 == asyncio.run(run())

    new, old = county.signers().verifiers
    told = [one for one in county.told() if one[0] in {old.vkey, new.vkey}]
    assert sorted([(old.vkey, "retired"), (new.vkey, "made")]) == sorted(told)


def test_the_old_key_is_destroyed_after_30_days_and_still_known(county: County) -> None:
    """Its private half is gone, by an entry; a checkpoint that it alone signed still counts."""
    (old,) = county.signers().verifiers

    async def run() -> str:
        async with county.log() as log:
            await county.signed_by(log)
            before = log.newest()
            county.operator().rotate("signing/1", NOW)
            await _until(lambda: len(county.signers().verifiers) == 2)
            county.clock.moment = NOW + GRACE - dt.timedelta(days=1)
            await log.expire(county.clock.now())
            assert county.keys.signing()[1].seed is not None
            county.clock.moment = NOW + GRACE
            await log.expire(county.clock.now())
            return before

    before = asyncio.run(run())
    assert county.keys.signing()[1].seed is None
    assert (old.vkey, "destroyed") in county.told()
    county.town.place.held.write_text(before)

    async def again() -> int:
        async with county.log() as log:
            await log.compare(before)
            return len(await county.signed_by(log))

    assert 1 == asyncio.run(again())
    assert [] == county.fatal.errors


def test_a_checkpoint_of_a_key_that_never_was_this_logs_refuses(county: County) -> None:
    """A key folder without the key that signed is not this log's."""

    async def run() -> None:
        async with county.log():
            pass

    asyncio.run(run())
    other = KeyFolder.create(county.town.root / "other", TrueEntropy())

    with pytest.raises(DamagedError, match="not its own"):
        open_log(
            county.town.place,
            signer=signers(ORIGIN, other, NOW),
            keys=county.keys,
            clock=county.clock,
            entropy=TrueEntropy(),
            fatal=county.fatal,
        )


@pytest.mark.parametrize("turn", ["rotate", "retire"])
def test_what_is_sealed_next_lies_under_the_next_key(county: County, turn: str) -> None:
    """A month's key that is taken out of use opens what it sealed; entries go on without a stop."""
    first = "payload/2026-11.6y"

    async def run() -> None:
        async with county.log() as log:
            await log.refusal(a_refusal(an_id(1)))
            getattr(county.operator(), turn)(first, NOW)
            await _until(lambda: county.keys.state(first) == "retired")
            await asyncio.sleep(0.05)
            await log.refusal(a_refusal(an_id(2)))

    asyncio.run(run())

    rows = county.town.rows(
        "SELECT key_id FROM log_payload JOIN log_entry USING (seq) WHERE k = 'refusal' ORDER BY seq"
    )
    assert [(first,), (f"{first}#2",)] == rows
    assert {(first, "made"), (first, "retired"), (f"{first}#2", "made")} <= set(county.told())
    assert [] == county.findings(*county.signers().verifiers)


def test_each_turn_is_told_once(county: County) -> None:
    """However often the log starts, and however many turns it missed."""

    async def run() -> None:
        async with county.log() as log:
            await log.refusal(a_refusal(an_id()))

    asyncio.run(run())
    operator = county.operator()
    operator.rotate("payload/2026-11.6y", NOW)
    operator.rotate("payload/2026-11.6y#2", NOW)
    operator.lose("payload/2026-01.6y", NOW)
    county.keys = county.operator()
    asyncio.run(run())
    asyncio.run(run())

    told = county.told()
    assert len(told) == len(set(told))
    assert {("payload/2026-01.6y", "lost"), ("payload/2026-11.6y#2", "retired")} <= set(told)


def test_a_key_that_is_lost_lets_the_gateway_start_again(county: County) -> None:
    """Without a word it does not start; once an operator said it, the log has an entry of it."""

    async def run() -> None:
        async with county.log() as log:
            await log.refusal(a_refusal(an_id(1)))

    asyncio.run(run())
    lost = "payload/2026-11.6y"
    path = county.town.root / "keys" / "keys.json"
    store = json.loads(path.read_bytes())
    del store["keys"][lost]
    path.write_text(json.dumps(store))
    county.keys = county.operator()
    with pytest.raises(SettingsError, match=lost):
        asyncio.run(run())

    county.operator().lose(lost, NOW)
    county.keys = county.operator()

    async def again() -> None:
        async with county.log() as log:
            await log.refusal(a_refusal(an_id(2)))

    asyncio.run(again())
    assert (lost, "lost") in county.told()
    assert f"{lost}#2" == county.keys.payload("2026-11", "6y")[0]


class _Signing:
    """A log that counts its turns, and has none to give."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.turns: list[Signers] = []
        self._refuses = refuses

    def turn(self, signers: Signers) -> None:
        """Remember."""
        self.turns.append(signers)
        if self._refuses:
            raise LogError("not now")


@pytest.mark.parametrize("refuses", [False, True])
def test_a_folder_that_cannot_be_read_does_not_end_the_habit(
    county: County, *, refuses: bool
) -> None:
    """What is open stays open; when the folder is good again it is followed again."""
    path = county.town.root / "keys" / "keys.json"
    good = path.read_bytes()
    log = _Signing(refuses=refuses)

    async def run() -> int:
        task = asyncio.create_task(follow(county.keys, log, ORIGIN, county.clock, 0.01))
        await _until(lambda: log.turns)
        path.write_bytes(b"{")
        await asyncio.sleep(0.05)
        seen = len(log.turns)
        path.write_bytes(good)
        await _until(lambda: len(log.turns) > seen + 1)
        task.cancel()
        return len(log.turns)

    assert asyncio.run(run()) > 1
    assert county.keys.signing_seed()
