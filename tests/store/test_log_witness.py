"""Witnesses of the exchange log: what they cosign, what waits for them, and what they prove."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import cosignatures, open_checkpoint
from gateway.audit.proof import parse_proof
from gateway.audit.witness import Submission
from gateway.errors import LogError
from gateway.store.export import newest
from gateway.store.faults import RollbackError
from gateway.store.witness import Denied, Silent, Stands, submit
from tests.store.contract import begin
from tests.store.town import Town, a_keep, a_refusal, a_release, a_signer, an_id, an_outcome
from tests.store.witness import TwinWitness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.store.log import StoredLog
    from gateway.store.start import Place

LOG = a_signer().verifier


@dataclass
class WitnessedTown(Town):
    """A town whose log has witnesses."""

    twins: tuple[TwinWitness, ...] = ()
    quorum: int = 1
    sync: bool = False
    sync_s: float = 15.0

    @property
    def place(self) -> Place:
        """Where the log lies, and who cosigns it."""
        known = tuple(one.witness for one in self.twins)
        place = replace(super().place, witnesses=known, quorum=self.quorum)
        return replace(place, sync=self.sync, sync_s=self.sync_s)


@pytest.fixture
def twin() -> Iterator[TwinWitness]:
    """Return a witness that listens."""
    with TwinWitness(LOG).serving() as one:
        yield one


async def release(log: StoredLog, number: int) -> str:
    """Release a chunk of one exchange; return the checkpoint of its receipt."""
    ticket = await begin(log, number)
    await ticket.release(a_release(an_id(number)), a_keep(f"r{number}"))
    receipt = await ticket.receipt()
    await ticket.outcome(an_outcome(an_id(number)))
    return parse_proof(receipt.proof).note


async def until(what: object, log: StoredLog) -> None:
    """Wait until something is so."""
    assert callable(what)
    for _ in range(400):
        if what():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(log.trouble)


def test_the_newest_checkpoint_is_cosigned_kept_and_served(
    tmp_path: Path, twin: TwinWitness
) -> None:
    """A round at the start, with nobody waiting: the witness signed what is in `log_checkpoint`."""
    town = WitnessedTown(tmp_path, twins=(twin,))

    async def run() -> str:
        async with town.log() as log:
            await until(lambda: twin.size, log)
            await until(lambda: town.rows("SELECT 1 FROM log_checkpoint"), log)
            return newest(log.reads, [twin.signer.verifier], 1)[0]

    note = asyncio.run(run())

    assert {twin.name} == set(cosignatures(note, [twin.signer.verifier]))
    kept = town.rows("SELECT size, note FROM log_checkpoint ORDER BY size")
    assert (open_checkpoint(note, LOG).size, note) == kept[0]
    assert twin.size == kept[-1][0] == town.rows("SELECT size FROM log_signed")[0][0]
    assert [] == town.findings()


def test_a_chunk_waits_for_its_witness(tmp_path: Path, twin: TwinWitness) -> None:
    """In `sync-witness` a receipt is under a cosigned checkpoint that the witness has seen."""
    town = WitnessedTown(tmp_path, twins=(twin,), sync=True)

    async def run() -> list[str]:
        async with town.log() as log:
            return await asyncio.gather(*(release(log, number) for number in range(4)))

    for note in asyncio.run(run()):
        assert [twin.name] == list(cosignatures(note, [twin.signer.verifier]))
        assert open_checkpoint(note, LOG).size <= twin.size
    assert set(twin.asked) <= {200, 409}


def test_without_its_witness_no_chunk_leaves(tmp_path: Path, twin: TwinWitness) -> None:
    """The entry is there, so it counts as disclosed; the caller hears that nothing is sent."""
    town = WitnessedTown(tmp_path, twins=(twin,), sync=True, sync_s=0.5)

    async def run() -> None:
        async with town.log() as log:
            await release(log, 1)
            assert log.healthy
            twin.silent = True
            ticket = await begin(log, 2)
            with pytest.raises(LogError, match="no witness"):
                await ticket.release(a_release(an_id(2)), a_keep("r2"))
            assert (1, False) == (ticket.chunks, log.healthy)
            await ticket.outcome(an_outcome(an_id(2), end="cut"))

    asyncio.run(run())

    assert 2 == town.kinds().count("release")
    assert [] == town.findings()


@pytest.mark.parametrize(("quorum", "leaves"), [(1, True), (2, False)])
def test_a_quorum_is_what_the_settings_say(
    tmp_path: Path, twin: TwinWitness, quorum: int, *, leaves: bool
) -> None:
    """One of two witnesses is down: enough where one is asked for, too few for two."""

    async def run(second: TwinWitness) -> bool:
        town = WitnessedTown(tmp_path, twins=(twin, second), quorum=quorum, sync=True, sync_s=1.5)
        async with town.log() as log:
            try:
                await release(log, 1)
            except LogError:
                return False
            return True

    with TwinWitness(LOG, "witness.example/w2", silent=True).serving() as second:
        assert leaves is asyncio.run(run(second))


def test_a_forged_cosignature_is_none(tmp_path: Path, twin: TwinWitness) -> None:
    """A signature of another key under the witness's name releases nothing."""
    twin.forges = True
    town = WitnessedTown(tmp_path, twins=(twin,), sync=True, sync_s=0.5)

    async def run() -> None:
        async with town.log() as log:
            with pytest.raises(LogError, match="no witness"):
                await release(log, 1)

    asyncio.run(run())


def grown(town: Town, count: int, start: int = 0) -> None:
    """Write so many entries; closing has the last checkpoint cosigned, if there are witnesses."""

    async def run() -> None:
        async with town.log() as log:
            for number in range(start, start + count):
                await log.refusal(a_refusal(an_id(number)))
            await log.proof(log.size - 1)

    asyncio.run(run())


def test_a_log_starts_again_beside_its_witness(tmp_path: Path, twin: TwinWitness) -> None:
    """The witness is behind, and is taken on from where it stands."""
    town = WitnessedTown(tmp_path, twins=(twin,))
    grown(town, 3)
    seen = twin.size

    grown(town, 3, start=10)

    assert twin.size > seen
    assert [] == town.fatal.errors
    assert [] == twin.evidence


def test_a_restored_snapshot_is_told_by_its_witness(tmp_path: Path, twin: TwinWitness) -> None:
    """Database and held file were both put back: nobody here knows, and the witness does."""
    town = WitnessedTown(tmp_path / "town", twins=(twin,))
    grown(town, 3)
    shutil.copytree(tmp_path / "town", tmp_path / "old")
    grown(town, 30, start=10)
    again = WitnessedTown(tmp_path / "old", keys=town.keys, twins=(twin,))

    async def run() -> None:
        with pytest.raises(RollbackError, match="witness"):
            again.open()

    before = again.kinds()
    asyncio.run(run())
    assert before == again.kinds()


def test_two_copies_that_both_went_on_are_found(tmp_path: Path, twin: TwinWitness) -> None:
    """A fork: the second copy is as long as the first, and the witness keeps both notes."""
    town = WitnessedTown(tmp_path / "town", twins=(twin,))
    grown(town, 3)
    shutil.copytree(tmp_path / "town", tmp_path / "copy")
    grown(town, 5, start=10)
    copy = WitnessedTown(tmp_path / "copy", keys=town.keys)
    grown(copy, 9, start=40)
    copy.twins = (twin,)

    async def run() -> None:
        try:
            log = copy.open()
        except RollbackError:
            return
        await until(lambda: copy.fatal.errors, log)
        await log.close()
        assert isinstance(copy.fatal.errors[0], RollbackError)

    asyncio.run(run())
    ((first, second),) = twin.evidence
    assert open_checkpoint(first, LOG) != open_checkpoint(second, LOG)


def test_a_log_made_anew_is_not_taken_for_the_old_one(tmp_path: Path, twin: TwinWitness) -> None:
    """Database and held file are both gone, and a new one is made under the old key."""
    grown(WitnessedTown(tmp_path / "town", twins=(twin,)), 30)
    fresh = WitnessedTown(tmp_path / "fresh", twins=(twin,))

    async def run() -> None:
        log = fresh.open()
        await until(lambda: fresh.fatal.errors, log)
        await log.close()

    asyncio.run(run())
    assert isinstance(fresh.fatal.errors[0], RollbackError)


def test_a_witness_that_is_down_is_a_warning(tmp_path: Path, twin: TwinWitness) -> None:
    """The gateway starts; that nobody outside was asked is said."""
    town = WitnessedTown(tmp_path, twins=(twin,))
    grown(town, 3)
    twin.silent = True

    async def run() -> tuple[str, ...]:
        log = town.open()
        await log.close()
        return log.warnings

    assert [True] == ["does not answer" in one for one in asyncio.run(run()) if "witness" in one]


def test_answers_of_a_witness(twin: TwinWitness) -> None:
    """Each status of the protocol is an answer; every other one is none."""
    from tests.audit.build import SIGNER, Log  # noqa: PLC0415 - one name for two kinds of logs

    twin.log = SIGNER.verifier
    log = Log.begun()
    small = log.checkpoint()
    twin.answer(f"old 0\n\n{small}")
    large = log.fill(9).checkpoint()

    assert Stands(2) == submit(twin.witness, Submission(0, (), large))
    assert Denied() == submit(twin.witness, Submission(2, (bytes(32),), large))
    assert Silent("status 404") == submit(twin.witness, Submission(2, (), "other\n1\n"))
    twin.silent = True
    assert Silent("status 500") == submit(twin.witness, Submission(2, (), large))
    twin.url = "http://127.0.0.1:1/log"
    assert isinstance(submit(twin.witness, Submission(2, (), large)), Silent)
