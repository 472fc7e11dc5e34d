"""Starting: what is refused, what is adopted, and what a crash left open."""

from __future__ import annotations

import asyncio
import datetime as dt
import shutil
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.audit.entry import parse_leaf, unseal
from gateway.errors import LogError, SettingsError
from gateway.keys.folder import KeyFolder
from gateway.store.faults import DamagedError, RollbackError
from tests.store.contract import begin
from tests.store.town import (
    OpenKeys,
    Town,
    TrueEntropy,
    a_keep,
    a_note,
    a_refusal,
    a_release,
    an_id,
    an_outcome,
    facts,
)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Return a town without a log."""
    return Town(tmp_path)


async def _exchange(town: Town, number: int) -> None:
    async with town.log() as log:
        ticket = await begin(log, number)
        await ticket.release(a_release(an_id(number)), a_keep(f"request-{number}"))
        await ticket.receipt()
        await ticket.outcome(an_outcome(an_id(number)))


def _run(town: Town, *numbers: int) -> None:
    for number in numbers:
        asyncio.run(_exchange(town, number))


def _copy(town: Town, name: str) -> Path:
    """Copy the closed database aside."""
    aside = town.root / name
    shutil.copy(town.database, aside)
    return aside


def _put_back(town: Town, aside: Path) -> None:
    for part in ("-wal", "-shm"):
        town.database.with_name(town.database.name + part).unlink(missing_ok=True)
    shutil.copy(aside, town.database)


def _close(town: Town, *, create: bool = True) -> None:
    """Open the log and close it again."""

    async def run() -> None:
        await town.open(create=create).close()

    asyncio.run(run())


def test_a_log_begins_with_its_genesis(town: Town) -> None:
    """Entry 0 is the genesis, entry 1 says start, and the last one stop."""
    _close(town)

    assert ["genesis", "config", "config"] == town.kinds()
    assert [] == town.findings()


def test_a_log_is_not_made_by_mistake(town: Town) -> None:
    """Without `create` a missing database is refused, and none is made."""
    with pytest.raises(LogError, match="does not exist"):
        town.open(create=False)

    assert not town.database.exists()


def test_a_store_put_back_to_a_copy_refuses(town: Town) -> None:
    """A store behind its held checkpoint is refused, and both sizes are named."""
    _run(town, 1)
    aside = _copy(town, "old.db")
    before = len(town.kinds())
    _run(town, 2)
    now = len(town.kinds())
    _put_back(town, aside)

    with pytest.raises(RollbackError, match=f"{before} entries, the checkpoint {now}") as refused:
        town.open()

    assert (before, now) == (refused.value.store_size, refused.value.held_size)


def test_a_store_of_the_same_size_and_another_root_refuses(town: Town) -> None:
    """Another history of the same length under the same key is refused."""
    _run(town, 1)
    aside = _copy(town, "old.db")
    note = town.place.held.read_text()
    _run(town, 2)
    longer = town.place.held.read_text()
    _put_back(town, aside)
    town.place.held.write_text(note)
    _run(town, 3)
    town.place.held.write_text(longer)

    with pytest.raises(RollbackError, match="not the one that was signed"):
        town.open()


def test_a_missing_database_beside_a_held_checkpoint_refuses(town: Town) -> None:
    """A lost database is not made anew while a checkpoint of it is held."""
    _run(town, 1)
    town.database.unlink()

    with pytest.raises(RollbackError, match="the store has 0 entries"):
        town.open()


def test_a_missing_held_checkpoint_refuses(town: Town) -> None:
    """A store that was signed does not start without its held checkpoint."""
    _run(town, 1)
    town.place.held.unlink()

    size = len(town.kinds())
    says = f"the store has {size} entries, the newest checkpoint in it {size}"
    with pytest.raises(RollbackError, match=f"held checkpoint is missing.*: {says}"):
        town.open()


def test_one_disk_for_both_is_warned_of(town: Town) -> None:
    """A log whose held checkpoint would be lost with the database says so, and runs."""

    async def warnings() -> tuple[str, ...]:
        async with town.log() as log:
            return log.warnings

    (said,) = asyncio.run(warnings())
    assert said.startswith("`log.held`: on one device with the database")


def test_two_disks_are_not_warned_of(town: Town) -> None:
    """The other side: nothing to mend, nothing said."""
    memory = Path("/dev/shm")  # noqa: S108 - only to have a second file system
    if not memory.is_dir() or memory.stat().st_dev == town.root.stat().st_dev:
        pytest.skip("the machine has no second file system")

    async def warnings() -> tuple[str, ...]:
        async with town.log() as log:
            return log.warnings

    with TemporaryDirectory(dir=memory) as folder:
        (town.root / "held").symlink_to(folder)
        assert () == asyncio.run(warnings())


def test_a_held_checkpoint_ahead_of_the_stored_one_is_adopted(town: Town) -> None:
    """A crash between the held file and `log_signed` leaves the file ahead of it.

    That is no rollback.
    """
    _run(town, 1)
    aside = town.rows("SELECT size, root, note FROM log_signed")
    _run(town, 2)
    connection = sqlite3.connect(town.database)
    connection.execute("UPDATE log_signed SET size = ?, root = ?, note = ?", aside[0])
    connection.commit()
    connection.close()

    _close(town)

    assert [] == town.findings()


def test_a_held_checkpoint_of_another_key_refuses(town: Town) -> None:
    """A held file that is not this log's is no reason to go on."""
    _run(town, 1)
    town.place.held.write_text("not a note\n")

    with pytest.raises(LogError, match="not its own"):
        town.open()


def test_another_origin_refuses(town: Town) -> None:
    """The origin is fixed in entry 0."""
    _run(town, 1)

    with pytest.raises(SettingsError, match=r"`log\.origin`"):
        town.open(origin="gateway.other.example/exchange-log")


def test_a_held_file_beside_the_database_is_refused(town: Town) -> None:
    """The held checkpoint lies outside the database's directory."""
    other = Town(town.root)
    held = other.database.with_name("held")

    from gateway.store.held import HeldFile  # noqa: PLC0415

    with pytest.raises(SettingsError, match="outside the directory"):
        HeldFile(held, other.database)


def test_a_second_process_is_refused(town: Town) -> None:
    """One process owns the log."""

    async def run() -> None:
        async with town.log():
            with pytest.raises(LogError, match="another process"):
                town.open()

    asyncio.run(run())


def test_a_store_without_its_key_is_refused(town: Town) -> None:
    """A key store that lost a key which the log has used is not this log's."""
    _run(town, 1)
    lost = "payload/2026-11.6y"
    assert isinstance(town.keys, OpenKeys)
    del town.keys.keys[lost]

    with pytest.raises(SettingsError, match=lost):
        town.open()


def test_keys_that_are_made_are_told(town: Town) -> None:
    """Each key made for the log, and each other key of the folder, has a `key` entry."""
    keys = KeyFolder.create(town.root / "keys", TrueEntropy())
    town.keys = keys

    async def run() -> None:
        async with town.log() as log:
            keys.subject(2026)
            await log.refusal(a_refusal(an_id(1)))

    asyncio.run(run())

    told = {key_id for (key_id,) in town.rows("SELECT key_id FROM log_key")}
    assert {"payload/2026-11.p", "payload/2026-11.6y", "subject/2026"} == told
    # And the folder's own signing key, since the town's log is signed with another.
    assert 4 == town.kinds().count("key")


def test_an_unknown_schema_is_refused(town: Town) -> None:
    """A database of a later version is not touched."""
    _close(town)
    connection = sqlite3.connect(town.database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()

    with pytest.raises(LogError, match="version"):
        town.open()


@pytest.mark.parametrize("table", ["log_entry", "log_tile", "log_checkpoint"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET rowid = rowid + 1000", "DELETE FROM {}"])
def test_what_is_written_stays(town: Town, table: str, verb: str) -> None:
    """Insert-only tables refuse UPDATE and DELETE."""
    _close(town)
    connection = sqlite3.connect(town.database)
    connection.execute("INSERT INTO log_tile VALUES (7, 7, zeroblob(8192))")

    with pytest.raises(sqlite3.IntegrityError, match="insert-only"):
        connection.execute(verb.format(table))

    connection.close()


def test_an_entry_that_was_edited_is_never_signed(town: Town) -> None:
    """A head that its entries do not lead to is refused at start."""
    _run(town, 1)
    connection = sqlite3.connect(town.database)
    connection.execute("DROP TRIGGER log_entry_update")
    connection.execute("UPDATE log_entry SET leaf = zeroblob(32) WHERE seq = 1")
    connection.commit()
    connection.close()

    with pytest.raises((DamagedError, RollbackError)):
        town.open()


async def _leave_open(town: Town) -> None:
    """Leave three exchanges open, as a crash does: the threads stop, and nothing is closed."""
    log = town.open()
    await begin(log, 1)
    one = await begin(log, 2)
    await one.release(a_release(an_id(2)), a_keep("request-2"))
    two = await begin(log, 3)
    await two.release(a_release(an_id(3), 0), a_keep("request-3"))
    await two.release(a_release(an_id(3), 1), a_keep("request-3"))
    done = await begin(log, 4)
    await done.outcome(an_outcome(an_id(4), 0, 0, "cut"))
    await log.close()


def test_recovery_tells_what_may_have_left(town: Town) -> None:
    """Without a release entry nothing left.

    With one it is presumed that it did; and it is told once.
    """
    asyncio.run(_leave_open(town))

    _close(town)
    told = _recovered(town)
    first = len(town.kinds())
    _close(town)

    assert told == [
        (an_id(1), {"verdict": "nothing-left", "chunks": 0}),
        (an_id(2), {"verdict": "presume-disclosed", "chunks": 1}),
        (an_id(3), {"verdict": "presume-disclosed", "chunks": 2}),
    ]
    assert ["config", "config"] == town.kinds()[first:]
    assert [(0,)] == town.rows("SELECT count(*) FROM log_open")
    assert ["agreement-unknown"] * 4 == town.findings()


def _recovered(town: Town) -> list[tuple[str | None, dict[str, object]]]:
    import json  # noqa: PLC0415

    found = []
    for body, key_id, sealed in town.rows(
        "SELECT body, key_id, sealed FROM log_entry JOIN log_payload USING (seq) "
        "WHERE k = 'recovered' ORDER BY seq"
    ):
        leaf = parse_leaf(body)
        payload = unseal(town.keys.by_id(key_id), sealed, leaf.m, leaf.s)
        found.append((leaf.exchange_id, json.loads(payload.meta)))
    return found


def test_time_never_falls(town: Town) -> None:
    """When the clock steps back an hour, `t` holds still, and one entry says so."""

    async def run() -> None:
        async with town.log() as log:
            town.clock.moment -= dt.timedelta(hours=1)
            await log.refusal(a_refusal(an_id(1)))
            await log.refusal(a_refusal(an_id(2)))
            town.clock.moment += dt.timedelta(hours=2)
            await log.note(a_note())

    asyncio.run(run())

    times = [t for (t,) in town.rows("SELECT t FROM log_entry ORDER BY seq")]
    assert sorted(times) == times
    kinds = town.kinds()
    assert ["config", "refusal", "refusal", "hold", "config"] == kinds[3:]
    assert [] == town.findings()


def test_nothing_of_an_entry_is_in_the_clear(town: Town) -> None:
    """What an intent says stands in no file of the store; the leaf has only a commitment to it."""
    canary = "canary-7f3a9c"

    async def run() -> None:
        async with town.log() as log:
            ticket = await begin(log, 1)
            await ticket.release(a_release(an_id(1)), a_keep("request-1"))
            await ticket.outcome(an_outcome(an_id(1)))
            why = {"reason": "NO_PROVISION", "step": 4, "clause": canary}
            draft = a_refusal(an_id(2))
            await log.refusal(
                type(draft)("refusal", an_id(2), 0, None, "6y", facts(purpose=canary) | why)
            )
            _absent(town.root, canary)

    asyncio.run(run())

    _absent(town.root, canary)


def _absent(root: Path, canary: str) -> None:
    files = [path for path in root.rglob("*") if path.is_file()]
    assert len(files) > 2
    for path in files:
        data = path.read_bytes()
        assert canary.encode() not in data, path.name
        assert canary.encode().hex().encode() not in data, path.name
