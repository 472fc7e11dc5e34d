"""An administrator with every right to the database, and some with the log's key as well.

What they change is found, and by the finding that names it. What only a checkpoint in other hands
can give away is found by that: the held file at start, an agency's at its first call, an auditor's.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.audit.checkpoint import Checkpoint, checkpoint_text, sign_note
from gateway.audit.entry import Draft
from gateway.audit.merkle import leaf_hash
from gateway.audit.verify import NOTES, exit_code, verify
from gateway.auditor.database import DatabaseReader, connect
from gateway.errors import LogError
from gateway.store.faults import RollbackError
from gateway.store.tiles import extend, frontier_of
from tests.store.contract import begin
from tests.store.town import (
    ORIGIN,
    Town,
    a_keep,
    a_refusal,
    a_release,
    a_signer,
    an_id,
    an_outcome,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.audit.fault import Finding
    from gateway.store.log import SqliteLog
    from gateway.store.tiles import Tails

EXCHANGES: Final = 120
VICTIM: Final = 50
"""The exchange that somebody would rather not have had."""
OPEN: Final = 9_000
"""The exchange that a crash left open."""


@dataclass(frozen=True)
class County:
    """A log with a past, closed.

    Attributes:
        town: Where it lies.
        early: A checkpoint that an agency got, before the exchange that is tampered with.
        later: Another, after it.
    """

    town: Town
    early: str
    later: str


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> County:
    """Return a log of some 370 entries, of which two agencies hold checkpoints."""
    town = Town(tmp_path_factory.mktemp("county"))

    async def run() -> tuple[str, str]:
        async with town.log() as log:
            early = await _exchanges(log, range(1, VICTIM))
            later = await _exchanges(log, range(VICTIM, EXCHANGES))
            await log.refusal(a_refusal(an_id(OPEN + 1)))
            await (await begin(log, OPEN)).release(a_release(an_id(OPEN)), a_keep("open"))
            return early, later

    return County(town, *asyncio.run(run()))


async def _exchanges(log: SqliteLog, numbers: range) -> str:
    """Run exchanges; return a checkpoint that covers them."""
    for number in numbers:
        ticket = await begin(log, number)
        tokens = (bytes([number]) * 32,)
        await ticket.release(a_release(an_id(number), tokens=tokens), a_keep(f"request-{number}"))
        await ticket.outcome(an_outcome(an_id(number)))
    await log.proof(log.size - 1)
    return log.newest()


@pytest.fixture
def county(made: County, tmp_path: Path) -> County:
    """Return a copy of it, to be tampered with."""
    shutil.copytree(made.town.root, tmp_path / "county")
    return County(Town(tmp_path / "county", keys=made.town.keys), made.early, made.later)


class Rogue:
    """Has the database open, with whatever kept it insert-only out of the way."""

    def __init__(self, town: Town) -> None:
        self._connection = sqlite3.connect(town.database, isolation_level=None)
        for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            self._connection.execute(f"DROP TRIGGER {name}")

    def close(self) -> None:
        """Leave, with everything in the file."""
        self._connection.close()

    def run(self, statement: str, *parameters: object) -> None:
        """Change something."""
        changed = self._connection.execute(statement, parameters).rowcount
        assert changed, "nothing was changed"

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look something up."""
        return self._connection.execute(statement, parameters).fetchall()

    def seq(self, kind: str, number: int = VICTIM) -> int:
        """Return the place of an entry of an exchange."""
        x = bytes.fromhex(an_id(number).replace("-", ""))
        ((seq,),) = self.rows("SELECT seq FROM log_entry WHERE x = ? AND k = ?", x, kind)
        return int(seq)

    def body(self, seq: int) -> bytes:
        """Return an entry."""
        ((body,),) = self.rows("SELECT body FROM log_entry WHERE seq = ?", seq)
        return bytes(body)

    def edit(self, seq: int, *, leaf: bool) -> None:
        """Change what an entry commits to; and, where said, its hash with it."""
        body = self.body(seq).replace(b'"m":"', b'"m":"AAAA', 1)
        body = body.replace(body[body.index(b"AAAA") + 4 :][:4], b"", 1)
        self.run("UPDATE log_entry SET body = ? WHERE seq = ?", body, seq)
        if leaf:
            self.run("UPDATE log_entry SET leaf = ? WHERE seq = ?", leaf_hash(body), seq)

    def move(self, table: str, first: int, by: int) -> None:
        """Renumber the rows of a table from one on: past all others first, for they are unique."""
        if self.rows(f"SELECT 1 FROM {table} WHERE seq >= ?", first):  # noqa: S608
            self.run(f"UPDATE {table} SET seq = seq + 100000 WHERE seq >= ?", first)  # noqa: S608
            self.run(
                f"UPDATE {table} SET seq = seq - 100000 + ? WHERE seq >= 100000",  # noqa: S608
                by,
            )

    def remove(self, seq: int) -> None:
        """Take an entry out and close the gap, in every table that counts by entries."""
        self.run("DELETE FROM log_entry WHERE seq = ?", seq)
        self.run("DELETE FROM log_payload WHERE seq = ?", seq)
        for table in ("log_entry", "log_payload", "log_open"):
            self.move(table, seq + 1, -1)

    def rebuild(self) -> str:
        """Make hashes, tiles, head and checkpoints those of the entries; sign with the log's key.

        Return the signed checkpoint.
        """
        tails: Tails = ()
        self._connection.execute("DELETE FROM log_tile")
        self._connection.execute("DELETE FROM log_checkpoint")
        found = self.rows("SELECT seq, body FROM log_entry ORDER BY seq")
        for at, (seq, body) in enumerate(found):
            leaf = leaf_hash(body)
            self.run("UPDATE log_entry SET leaf = ? WHERE seq = ?", leaf, seq)
            tails, full = extend(tails, at, [leaf])
            for row in full:
                self.run("INSERT INTO log_tile VALUES (?, ?, ?)", *row)
        size, frontier = len(found), frontier_of(len(found), tails)
        self.run("UPDATE log_head SET size = ?, frontier = ?", size, frontier.to_bytes())
        ((t_ms,),) = self.rows("SELECT t FROM log_entry ORDER BY seq DESC LIMIT 1")
        self.run("UPDATE log_head SET t = ?", t_ms)
        text = checkpoint_text(Checkpoint(ORIGIN, size, frontier.root()))
        note = sign_note(text, a_signer())
        self.run("UPDATE log_signed SET size = ?, root = ?, note = ?", size, frontier.root(), note)
        return note


def _found(town: Town, held: Sequence[str]) -> list[Finding]:
    """Verify the database in full, against checkpoints that others hold."""
    with closing(connect(str(town.database))) as rows:
        reader = DatabaseReader(rows, town.keys.by_id)
        verifier = a_signer().verifier
        return list(verify(reader, [verifier], held=held, payloads=reader, derived=reader))


def _codes(found: Sequence[Finding]) -> set[str]:
    return {one.code for one in found} - NOTES


def test_nobody_was_there(county: County) -> None:
    """The other side: a log that nobody touched has no finding, and starts."""
    held = [county.early, county.later, county.town.place.held.read_text()]

    assert ["exchange-open"] == [one.code for one in _found(county.town, held)]

    async def start() -> None:
        await county.town.open(create=False).close()

    asyncio.run(start())


# --- With the database alone ----------------------------------------------------------------------


def _swap(rogue: Rogue, table: str, one: int, other: int) -> None:
    rogue.run(f"UPDATE {table} SET seq = -1 WHERE seq = ?", one)  # noqa: S608 - a table of ours
    rogue.run(f"UPDATE {table} SET seq = ? WHERE seq = ?", one, other)  # noqa: S608
    rogue.run(f"UPDATE {table} SET seq = ? WHERE seq = -1", other)  # noqa: S608


def _insert(rogue: Rogue) -> None:
    """Put a copy of an entry in, and move all that follow."""
    at = rogue.seq("intent")
    for table in ("log_entry", "log_payload", "log_open"):
        rogue.move(table, at, 1)
    rogue.run(
        "INSERT INTO log_entry SELECT ?, t, k, zeroblob(16), n, leaf, body FROM log_entry "
        "WHERE seq = ?",
        at,
        at + 1,
    )


def _cut_tail(rogue: Rogue) -> None:
    """Drop the last hundred entries and every trace of them, signatures included."""
    size = int(rogue.rows("SELECT size FROM log_head")[0][0]) - 100
    for table in ("log_entry", "log_payload", "log_open"):
        if rogue.rows(f"SELECT 1 FROM {table} WHERE seq >= ?", size):  # noqa: S608
            rogue.run(f"DELETE FROM {table} WHERE seq >= ?", size)  # noqa: S608


TABLES: dict[str, tuple[str, Callable[[Rogue], None]]] = {
    "an entry edited": (
        "leaf-mismatch",
        lambda rogue: rogue.edit(rogue.seq("release"), leaf=False),
    ),
    "an entry and its hash edited": (
        "leaf-mismatch",
        lambda rogue: rogue.edit(rogue.seq("release"), leaf=True),
    ),
    "an entry deleted": ("gap", lambda rogue: rogue.run(
        "DELETE FROM log_entry WHERE seq = ?", rogue.seq("release")
    )),
    "an entry deleted and the gap closed": (
        "root-mismatch",
        lambda rogue: rogue.remove(rogue.seq("outcome")),
    ),
    "two entries swapped": (
        "leaf-mismatch",
        lambda rogue: _swap(rogue, "log_entry", rogue.seq("intent"), rogue.seq("intent", 51)),
    ),
    "an entry inserted": ("root-mismatch", _insert),
    "the tail cut off": ("rollback", _cut_tail),
    "a tile edited": ("tile-mismatch", lambda rogue: rogue.run(
        "UPDATE log_tile SET data = zeroblob(8192)"
    )),
    "a payload deleted early": ("payload-missing", lambda rogue: rogue.run(
        "DELETE FROM log_payload WHERE seq = ?", rogue.seq("intent")
    )),
    "two payloads swapped": (
        "payload-unopenable",
        lambda rogue: _swap(rogue, "log_payload", rogue.seq("intent"), rogue.seq("intent", 51)),
    ),
    "a payload edited": ("payload-unopenable", lambda rogue: rogue.run(
        "UPDATE log_payload SET sealed = zeroblob(length(sealed)) WHERE seq = ?",
        rogue.seq("release"),
    )),
    "another kind in the columns": ("column-mismatch", lambda rogue: rogue.run(
        "UPDATE log_entry SET k = 'hold' WHERE seq = ?", rogue.seq("refusal", OPEN + 1)
    )),
    "another exchange in the columns": ("column-mismatch", lambda rogue: rogue.run(
        "UPDATE log_entry SET x = zeroblob(16) WHERE seq = ?", rogue.seq("release")
    )),
    "another time in the columns": ("column-mismatch", lambda rogue: rogue.run(
        "UPDATE log_entry SET t = t - 1 WHERE seq = ?", rogue.seq("release")
    )),
    "an open exchange hidden": ("head-mismatch", lambda rogue: rogue.run("DELETE FROM log_open")),
    "an open exchange with fewer chunks": ("head-mismatch", lambda rogue: rogue.run(
        "UPDATE log_open SET chunks = 0"
    )),
    "a closed exchange opened": ("head-mismatch", lambda rogue: rogue.run(
        "INSERT INTO log_open VALUES (zeroblob(16), ?, 1, 'one')", rogue.seq("intent")
    )),
    "another size in the head": ("head-mismatch", lambda rogue: rogue.run(
        "UPDATE log_head SET size = size - 1"
    )),
    "another frontier in the head": ("head-mismatch", lambda rogue: rogue.run(
        "UPDATE log_head SET frontier = zeroblob(length(frontier))"
    )),
    "another root in a kept checkpoint": ("head-mismatch", lambda rogue: rogue.run(
        "UPDATE log_checkpoint SET root = zeroblob(32)"
    )),
}  # fmt: skip


@pytest.mark.parametrize("what", TABLES)
def test_a_change_in_the_database_is_found(county: County, what: str) -> None:
    """Each has the finding that names it, in a log whose checkpoint is held."""
    code, change = TABLES[what]
    held = [county.early, county.later, county.town.place.held.read_text()]
    with closing(Rogue(county.town)) as rogue:
        change(rogue)

    assert code in _codes(_found(county.town, held))


def test_a_payload_that_was_erased_too_early_is_found(county: County) -> None:
    """An `erase` entry that says so does not make it right: its class had not run out."""

    async def erase() -> int:
        async with county.town.log() as log:
            meta = {"ranges": [[at, at]], "class": "6y", "rule": "expired", "count": 1}
            await log.note(Draft("erase", None, 0, None, "p", meta))
            await log.proof(log.size - 1)
            return log.size

    with closing(Rogue(county.town)) as rogue:
        at = rogue.seq("intent")
    asyncio.run(erase())
    with closing(Rogue(county.town)) as rogue:
        rogue.run("DELETE FROM log_payload WHERE seq = ?", at)

    found = _found(county.town, [county.early, county.later])

    assert [("erased-early", at)] == [(one.code, one.index) for one in found]


# --- With the log's key as well -------------------------------------------------------------------


def _hide(town: Town) -> str:
    """Take a whole exchange out of the log, and sign what is left; return the new checkpoint."""
    with closing(Rogue(town)) as rogue:
        for kind in ("outcome", "release", "intent"):
            rogue.remove(rogue.seq(kind))
        rogue.run("DELETE FROM attempt WHERE x = ?", bytes.fromhex(an_id(VICTIM).replace("-", "")))
        return rogue.rebuild()


def test_a_log_without_an_exchange_is_perfect_in_itself(county: County) -> None:
    """What the hashes cannot tell, and why checkpoints are given away: nothing is found here."""
    note = _hide(county.town)

    assert {"held-none", "exchange-open"} == {one.code for one in _found(county.town, [])}
    assert set() == _codes(_found(county.town, [county.early, note]))


def test_an_exchange_that_was_hidden_is_found_by_who_holds_a_later_checkpoint(
    county: County,
) -> None:
    """An agency's checkpoint from after it is not of this log: exit 4, all else in order."""
    _hide(county.town)

    found = _found(county.town, [county.early, county.later])

    assert {"fork"} == _codes(found)
    assert 4 == exit_code([one.code for one in found])


def test_the_held_checkpoint_keeps_a_rewritten_log_from_starting(county: County) -> None:
    """Signed by the right key, and three entries shorter than what this machine signed."""
    before = len(county.town.kinds())
    _hide(county.town)

    with pytest.raises(RollbackError, match=f"has {before - 3} entries, the checkpoint {before}"):
        county.town.open(create=False)


def test_an_edited_log_of_the_same_size_does_not_start(county: County) -> None:
    """An entry edited, every hash rebuilt and signed: another root at the size that is held."""
    with closing(Rogue(county.town)) as rogue:
        rogue.edit(rogue.seq("release"), leaf=True)
        rogue.rebuild()

    with pytest.raises(RollbackError, match="not the one that was signed"):
        county.town.open(create=False)


def test_a_rewritten_log_with_a_rewritten_held_file_is_found_by_its_first_caller(
    county: County,
) -> None:
    """With database, key and held file in one hand, an agency that calls is the first to know."""
    county.town.place.held.write_text(_hide(county.town))

    async def call() -> None:
        log = county.town.open(create=False)
        await log.compare(county.early)
        assert [] == county.town.fatal.errors
        await log.compare(county.later)
        with pytest.raises(LogError):
            await log.refusal(a_refusal(an_id(OPEN + 2)))
        await log.close()

    asyncio.run(call())

    assert [RollbackError] == [type(error) for error in county.town.fatal.errors]


def test_the_tail_cut_off_with_its_checkpoints_does_not_start(county: County) -> None:
    """Entries, tiles, head and checkpoints, all as they were when the early one was signed."""
    before = len(county.town.kinds())
    size = int(county.early.split("\n")[1])
    with closing(Rogue(county.town)) as rogue:
        for table in ("log_entry", "log_payload", "log_open"):
            rogue.run(f"DELETE FROM {table} WHERE seq >= ?", size)  # noqa: S608 - of ours
        assert county.early == rogue.rebuild()

    with pytest.raises(RollbackError, match=f"has {size} entries, the checkpoint {before}"):
        county.town.open(create=False)
    assert "rollback" in _codes(_found(county.town, [county.later]))


def test_a_lost_held_file_is_not_made_up_for_by_lost_signatures(county: County) -> None:
    """A log that was in use, with no checkpoint left anywhere, was not never signed."""
    county.town.place.held.unlink()
    with closing(Rogue(county.town)) as rogue:
        rogue.run("DELETE FROM log_signed")
        rogue.run("DELETE FROM log_checkpoint")

    with pytest.raises(RollbackError, match="held checkpoint is missing"):
        county.town.open(create=False)
