"""A log's database, read by an auditor: every row that follows from the entries is compared."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import Checkpoint, checkpoint_text, sign_note
from gateway.audit.verify import NOTES, exit_code, verify
from gateway.auditor.database import DatabasePlace, DatabaseReader, connect
from gateway.auditor.run import Against, run
from gateway.errors import LogError
from tests.store.contract import begin
from tests.store.town import (
    OpenKeys,
    Town,
    a_keep,
    a_refusal,
    a_release,
    a_signer,
    an_id,
    an_outcome,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.audit.fault import Finding

ENTRIES = 560
OPEN = 7_000


@dataclass(frozen=True)
class Left:
    """A database as a crash left it, with its keys: one exchange is open, a little is unsigned."""

    database: Path
    held: str
    keys: OpenKeys

    def copy(self, to: Path, change: str = "") -> Path:
        """Return a copy in which somebody with every right has changed something."""
        path = to / "copy.db"
        shutil.copy(self.database, path)
        connection = sqlite3.connect(path)
        for (trigger,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.executescript(change)
        connection.close()
        return path

    def findings(self, database: Path) -> list[Finding]:
        """Verify a copy in full, against the checkpoint that was held."""
        rows = connect(str(database))
        try:
            reader = DatabaseReader(rows, self.keys.by_id)
            keys = [a_signer().verifier]
            return list(verify(reader, keys, held=[self.held], payloads=reader, derived=reader))
        finally:
            rows.close()


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """Return a log with a copy of its database from the moment before it was closed."""
    root = tmp_path_factory.mktemp("database")
    keys = OpenKeys()
    town = Town(root, keys=keys)

    async def live() -> Left:
        async with town.log() as log:
            await asyncio.gather(*(log.refusal(a_refusal(an_id(n))) for n in range(ENTRIES)))
            ticket = await begin(log, 1_000)
            await ticket.release(a_release(an_id(1_000)), a_keep("r"))
            await ticket.outcome(an_outcome(an_id(1_000)))
            await log.proof(log.size - 1)
            other = await begin(log, OPEN)
            await other.release(a_release(an_id(OPEN)), a_keep("s"))
            source, copy = sqlite3.connect(town.database), sqlite3.connect(root / "left.db")
            source.backup(copy)
            source.close()
            copy.close()
            note = log.newest()
            await other.outcome(an_outcome(an_id(OPEN)))
            return Left(root / "left.db", note, keys)

    return asyncio.run(live())


def test_a_database_as_it_should_be_has_notes_alone(left: Left, tmp_path: Path) -> None:
    """One exchange is open, and what nobody signed yet is read all the same."""
    found = left.findings(left.copy(tmp_path))

    assert ["exchange-open"] == [one.code for one in found]


CHANGES = {
    "a kind beside its entry": (
        "UPDATE log_entry SET k = 'outcome', n = 1 WHERE seq = 20",
        "column-mismatch",
        20,
    ),
    "a time beside its entry": (
        "UPDATE log_entry SET t = t + 1 WHERE seq = 21",
        "column-mismatch",
        21,
    ),
    "an exchange beside its entry": (
        "UPDATE log_entry SET x = zeroblob(16) WHERE seq = 22",
        "column-mismatch",
        22,
    ),
    "a chunk beside its entry": (
        "UPDATE log_entry SET n = 7 WHERE seq = 23",
        "column-mismatch",
        23,
    ),
    "a hash beside its entry": (
        "UPDATE log_entry SET leaf = zeroblob(32) WHERE seq = 24",
        "column-mismatch",
        24,
    ),
    "a hash of an entry that is not signed yet": (
        ("UPDATE log_entry SET leaf = zeroblob(32) WHERE seq = (SELECT max(seq) FROM log_entry)"),
        "column-mismatch",
        None,
    ),
    "an entry": (
        (
            "UPDATE log_entry SET body = CAST(replace(CAST(body AS TEXT), '6y', '5y') AS "
            "BLOB) WHERE seq = 25"
        ),
        "leaf-mismatch",
        25,
    ),
    "an entry that is gone": (
        "DELETE FROM log_entry WHERE seq = 26",
        "gap",
        26,
    ),
    "the end that is gone": (
        "DELETE FROM log_entry WHERE seq > 400",
        "rollback",
        401,
    ),
    "the unsigned end that is gone": (
        "DELETE FROM log_entry WHERE seq = (SELECT max(seq) FROM log_entry)",
        "head-mismatch",
        -1,
    ),
    "a payload that is gone": (
        "DELETE FROM log_payload WHERE seq = 27",
        "payload-missing",
        27,
    ),
    "a payload of another entry": (
        (
            "UPDATE log_payload SET sealed = (SELECT sealed FROM log_payload WHERE seq = "
            "29) WHERE seq = 28"
        ),
        "payload-unopenable",
        28,
    ),
    "the head's size": (
        "UPDATE log_head SET size = size + 1",
        "head-mismatch",
        -1,
    ),
    "the head's frontier": (
        "UPDATE log_head SET frontier = zeroblob(length(frontier))",
        "head-mismatch",
        -1,
    ),
    "the head's time": (
        "UPDATE log_head SET t = t + 1",
        "head-mismatch",
        -1,
    ),
    "the head's origin": (
        "UPDATE log_head SET origin = 'other.example/log'",
        "head-mismatch",
        -1,
    ),
    "an open exchange that is not listed": (
        "DELETE FROM log_open",
        "head-mismatch",
        -1,
    ),
    "an open exchange with other releases": (
        "UPDATE log_open SET chunks = 2",
        "head-mismatch",
        None,
    ),
    "an open exchange of another intent": (
        "UPDATE log_open SET seq = 30",
        "head-mismatch",
        30,
    ),
    "an exchange that is listed and not open": (
        "INSERT INTO log_open VALUES (zeroblob(16), 31, 0, 'one')",
        "head-mismatch",
        31,
    ),
    "the signed root": (
        "UPDATE log_signed SET root = zeroblob(32)",
        "head-mismatch",
        None,
    ),
    "the signed size": (
        "UPDATE log_signed SET size = 5",
        "head-mismatch",
        -1,
    ),
    "a kept root": (
        "UPDATE log_checkpoint SET root = zeroblob(32)",
        "head-mismatch",
        None,
    ),
    "a kept note": (
        "UPDATE log_checkpoint SET note = replace(note, 'county', 'c')",
        "head-mismatch",
        None,
    ),
    "a tile": (
        "UPDATE log_tile SET data = zeroblob(8192) WHERE idx = 1",
        "tile-mismatch",
        256,
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_whatever_was_changed_is_found(left: Left, tmp_path: Path, what: str) -> None:
    """Each row that an administrator can reach: a finding names it, and where."""
    change, code, index = CHANGES[what]

    found = left.findings(left.copy(tmp_path, change))

    wrong = [one for one in found if one.code not in NOTES]
    assert code in {one.code for one in wrong}
    assert index is None or index in {one.index for one in wrong if one.code == code}
    assert (4 if code == "rollback" else 1) == exit_code([one.code for one in found])


def test_a_kept_checkpoint_of_another_history_is_a_fork(left: Left, tmp_path: Path) -> None:
    """It is signed by the key, so it is more than a row that was changed."""
    root = bytes(range(32))
    note = sign_note(checkpoint_text(Checkpoint(a_signer().name, 300, root)), a_signer())
    path = left.copy(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO log_checkpoint VALUES (300, ?, ?, 0)", (root, note))
    connection.commit()
    connection.close()

    found = [one for one in left.findings(path) if one.code not in NOTES]

    assert [("fork", 299)] == [(one.code, one.index) for one in found]


@dataclass(frozen=True)
class Given:
    """Payload keys that can be sent to another process."""

    keys: dict[str, bytes]

    def __call__(self) -> Callable[[str], bytes | None]:
        """Return what returns a key."""
        return self.keys.get


def test_two_processes_say_what_one_says(left: Left, tmp_path: Path) -> None:
    """In order or not, with the entries counted while they walk."""
    against = Against((a_signer().verifier,), (left.held,))
    told: list[int] = []
    for change in ("", CHANGES["a kind beside its entry"][0]):
        place = DatabasePlace(str(left.copy(tmp_path, change)), Given(left.keys.keys))

        one = run(place, against)
        two = run(place, against, processes=2, worth=0, watch=lambda done, _: told.append(done))

        assert one == two
        # Two or three: the open exchange, and an outcome that may be signed already.
        assert one.tally.unsigned in {2, 3}
        assert one.tally.entries + one.tally.unsigned == one.tally.opened
    assert told


def test_what_is_no_log_is_not_read(tmp_path: Path) -> None:
    """No file, a file of another kind, a database of something else."""
    (tmp_path / "text.db").write_text("not a database, and longer than a page" * 200)
    sqlite3.connect(tmp_path / "empty.db").close()

    for name in ("absent.db", "text.db", "empty.db"):
        with pytest.raises(LogError, match="cannot be opened"):
            connect(str(tmp_path / name))
    assert not (tmp_path / "absent.db").exists()


def test_a_reader_writes_nothing(left: Left, tmp_path: Path) -> None:
    """Its connection refuses to."""
    rows = connect(str(left.copy(tmp_path)))

    with pytest.raises(LogError):
        rows("DELETE FROM log_open")
    rows.close()
