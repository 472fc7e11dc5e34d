"""An administrator with every right to the database, and some with the log's key as well.

What they change is found, and by the finding that names it. What only a checkpoint in other hands
can give away is found by that: the held file at start, an agency's at its first call, an auditor's.
"""

from __future__ import annotations

import asyncio
import shutil
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from gateway.audit.entry import Draft
from gateway.audit.subjects import Rebuilt
from gateway.audit.verify import NOTES, exit_code, verify
from gateway.auditor.database import DatabaseReader, connect
from gateway.errors import LogError
from gateway.store.faults import RollbackError
from tests.store.contract import begin
from tests.store.rogue import OPEN, VICTIM, Rogue, cut_tail, insert, swap
from tests.store.town import (
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
    from gateway.store.log import StoredLog

EXCHANGES: Final = 120


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


async def _exchanges(log: StoredLog, numbers: range) -> str:
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


def _found(town: Town, held: Sequence[str]) -> list[Finding]:
    """Verify the database in full, against checkpoints that others hold."""
    with closing(connect(str(town.database))) as rows:
        reader = DatabaseReader(rows, town.keys.by_id)
        index = Rebuilt(reader.end().indexed, bytes(range(32)))
        return list(
            verify(
                reader, [a_signer().verifier], held=held, payloads=reader, derived=reader,
                index=index,
            )
        )  # fmt: skip


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
        lambda rogue: swap(rogue, "log_entry", rogue.seq("intent"), rogue.seq("intent", 51)),
    ),
    "an entry inserted": ("root-mismatch", insert),
    "the tail cut off": ("rollback", cut_tail),
    "a tile edited": ("tile-mismatch", lambda rogue: rogue.run(
        "UPDATE log_tile SET data = zeroblob(8192)"
    )),
    "a payload deleted early": ("payload-missing", lambda rogue: rogue.run(
        "DELETE FROM log_payload WHERE seq = ?", rogue.seq("intent")
    )),
    "two payloads swapped": (
        "payload-unopenable",
        lambda rogue: swap(rogue, "log_payload", rogue.seq("intent"), rogue.seq("intent", 51)),
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
    "a person taken out of the index": ("index-mismatch", lambda rogue: rogue.run(
        "DELETE FROM log_subject WHERE seq = ?", rogue.seq("release")
    )),
    "a person put into the index": ("index-mismatch", lambda rogue: rogue.run(
        "INSERT INTO log_subject VALUES (zeroblob(16), ?)", rogue.seq("release")
    )),
    "a line of the index moved to another entry": ("index-mismatch", lambda rogue: rogue.run(
        "UPDATE log_subject SET seq = ? WHERE seq = ?", rogue.seq("release", 51) + 1,
        rogue.seq("release"),
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
