"""Payloads in PostgreSQL go in their time, whichever replica is first; the log still holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.audit.entry import subject_token
from gateway.keys.folder import KeyFolder
from tests.store.contract import begin
from tests.store.server import SharedTown
from tests.store.test_replicas import both
from tests.store.town import (
    NOW,
    TrueEntropy,
    a_keep,
    a_note,
    a_release,
    an_agreement,
    an_id,
    an_outcome,
)

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.store.log import StoredLog

LATE = NOW.replace(year=NOW.year + 7)
PERSON = subject_token(bytes(32), "county-ems/patient-id", "A-1001")


def _towns(root: Path) -> tuple[SharedTown, SharedTown]:
    """Return two replicas' views of one log, over one key folder that each opened for itself."""
    one = SharedTown(root / "one", keys=KeyFolder.create(root / "keys", TrueEntropy()))
    keys = KeyFolder(root / "keys", TrueEntropy())
    return one, SharedTown(root / "two", url=one.url, replica="two", keys=keys, clock=one.clock)


async def _exchanges(log: StoredLog, count: int) -> None:
    for number in range(count):
        ticket = await begin(log, number)
        await ticket.release(a_release(an_id(number), tokens=(PERSON,)), a_keep(f"r-{number}"))
        await ticket.outcome(an_outcome(an_id(number)))
    await log.note(an_agreement())


def _left(town: SharedTown) -> int:
    rows = town.rows("SELECT count(*) FROM log_payload WHERE key_id NOT LIKE '%.p'")
    return int(rows[0][0])


def test_two_replicas_erase_one_log(tmp_path: Path) -> None:
    """At the same time: each payload goes once, the key is destroyed, and verify is clean."""
    towns = _towns(tmp_path)

    async def run() -> int:
        async with both(towns) as logs:
            await _exchanges(logs[0], 20)
            towns[0].clock.moment = LATE
            await asyncio.gather(*(log.expire(LATE) for log in logs))
            return _left(towns[0])

    assert 0 == asyncio.run(run())
    assert [] == towns[0].fatal.errors + towns[1].fatal.errors
    assert [(0,)] == towns[0].rows("SELECT count(*) FROM log_subject")
    keys = KeyFolder(tmp_path / "keys", TrueEntropy())
    assert "destroyed" == keys.state("payload/2026-11.6y")
    towns[0].keys = keys
    assert [] == towns[0].findings()


def test_a_hold_that_another_replica_wrote_is_respected(tmp_path: Path) -> None:
    """It is read from the log, not remembered."""
    towns = _towns(tmp_path)

    async def run() -> int:
        async with both(towns) as logs:
            await _exchanges(logs[0], 2)
            await logs[1].note(a_note())
            towns[0].clock.moment = LATE
            return await logs[0].expire(LATE)

    assert 0 == asyncio.run(run())
    assert 7 == _left(towns[0])
