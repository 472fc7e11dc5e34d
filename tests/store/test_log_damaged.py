"""A store whose files were cut, lost or put back: never served shorter than it was signed.

SQLite drops the end of a damaged write-ahead log without a word, and what is left is perfectly
consistent. The held checkpoint gives it away, and both sizes are named.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from typing import TYPE_CHECKING, Final

import pytest

from gateway.errors import LogError
from gateway.store.faults import RollbackError
from tests.store.contract import begin
from tests.store.town import Town, a_keep, a_refusal, a_release, an_id, an_outcome

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.store.log import StoredLog

EXCHANGES: Final = 30
TRIALS: Final = 60


async def _work(log: StoredLog, first: int, count: int) -> None:
    for number in range(first, first + count):
        ticket = await begin(log, number)
        await ticket.release(a_release(an_id(number)), a_keep(f"request-{number}"))
        await ticket.outcome(an_outcome(an_id(number)))


async def _signed(log: StoredLog) -> int:
    """Have everything signed, and return its size."""
    while log.waiting:  # noqa: ASYNC110 - an outcome is queued, and nobody is told
        await asyncio.sleep(0.005)
    await log.proof(log.size - 1)
    return log.published.size


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, int]:
    """Return a log as a process left it that died after its last signature, and its size."""
    alive = Town(tmp_path_factory.mktemp("alive"))
    dead = tmp_path_factory.mktemp("dead") / "town"

    async def run() -> int:
        async with alive.log() as log:
            await _work(log, 1, EXCHANGES)
            size = await _signed(log)
            # Nothing is written meanwhile: these are the files that a killed process leaves.
            shutil.copytree(alive.root, dead)
            return size

    size = asyncio.run(run())
    return Town(dead, keys=alive.keys), size


def _copy(crashed: Town, to: Path) -> Town:
    shutil.copytree(crashed.root, to)
    return Town(to, keys=crashed.keys)


def _wal(town: Town) -> Path:
    return town.database.with_name(town.database.name + "-wal")


def _open(town: Town) -> int:
    """Open the log and close it again; return how many entries it had found."""

    async def run() -> None:
        await town.open(create=False).close()

    asyncio.run(run())
    # What a start and a stop add is not what it found.
    return len(town.kinds()) - 2


def test_a_log_that_was_not_closed_is_whole(crashed: tuple[Town, int], tmp_path: Path) -> None:
    """The other side: with its write-ahead log untouched nothing is missing."""
    dead, size = crashed

    assert size == _open(_copy(dead, tmp_path / "town"))


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.6, 0.9])
def test_a_truncated_wal_refuses(crashed: tuple[Town, int], tmp_path: Path, kept: float) -> None:
    """Cut anywhere, in a frame or between two: refused, with both sizes."""
    dead, size = crashed
    town = _copy(dead, tmp_path / "town")
    data = _wal(town).read_bytes()
    _wal(town).write_bytes(data[: int(len(data) * kept)])

    with pytest.raises(LogError) as refused:
        _open(town)

    if kept > 0.1:
        assert isinstance(refused.value, RollbackError)
        assert size == refused.value.held_size > refused.value.store_size
        assert f"the store has {refused.value.store_size} entries" in refused.value.message
        assert f"the checkpoint {size}" in refused.value.message


def test_a_deleted_wal_refuses(crashed: tuple[Town, int], tmp_path: Path) -> None:
    """The write-ahead log gone: whatever is left is not served."""
    dead, _ = crashed
    town = _copy(dead, tmp_path / "town")
    _wal(town).unlink()

    with pytest.raises(LogError):
        _open(town)


def test_a_deleted_wal_behind_a_checkpoint_of_it_names_both_sizes(tmp_path: Path) -> None:
    """Entries that were folded into the database are left, those after them are missed."""
    town = Town(tmp_path / "town")
    lost = Town(tmp_path / "lost", keys=town.keys)

    async def run() -> tuple[int, int]:
        async with town.log() as log:
            await _work(log, 1, 3)
        async with town.log() as log:
            folded = log.size - 2
            await _work(log, 10, 3)
            size = await _signed(log)
            shutil.copytree(town.root, lost.root)
            return folded, size

    folded, size = asyncio.run(run())
    _wal(lost).unlink()

    with pytest.raises(RollbackError) as refused:
        _open(lost)

    assert (folded, size) == (refused.value.store_size, refused.value.held_size)


def test_a_damaged_wal_is_never_served_shorter(crashed: tuple[Town, int], tmp_path: Path) -> None:
    """Bytes turned, zeroed or cut at random: the whole log, or a refusal."""
    dead, size = crashed
    dice = random.Random(4)  # noqa: S311 - the choice of examples
    ends = {"whole": 0, "refused": 0, str(size): 0}
    for trial in range(TRIALS):
        town = _copy(dead, tmp_path / f"town-{trial}")
        _wal(town).write_bytes(_damaged(_wal(town).read_bytes(), dice))
        try:
            found = _open(town)
        except RollbackError as error:
            ends[str(error.held_size)] += 1
        except LogError:
            ends["refused"] += 1
        else:
            assert size == found
            ends["whole"] += 1

    assert TRIALS == sum(ends.values())
    assert ends[str(size)] > TRIALS // 4, ends


def _damaged(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    match dice.randrange(3):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]
        case _:
            zeros = min(4_096, len(data) - at)
            return data[:at] + bytes(zeros) + data[at + zeros :]


def test_a_whole_machine_put_back_is_found_by_its_first_caller(tmp_path: Path) -> None:
    """Held file and all are as they were: nothing here can tell, and the newest checkpoint can.

    An agency that saw more sends it along, and the process ends with both sizes.
    """
    town = Town(tmp_path / "town")
    backup = Town(tmp_path / "backup", keys=town.keys)

    async def grow() -> tuple[str, int]:
        async with town.log() as log:
            await _work(log, 1, 3)
        shutil.copytree(town.root, backup.root)
        async with town.log() as log:
            await _work(log, 10, 3)
            size = await _signed(log)
            return log.newest(), size

    async def call(note: str) -> int:
        log = backup.open(create=False)
        size = log.size
        await log.compare(note)
        with pytest.raises(LogError):
            await log.refusal(a_refusal(an_id(99)))
        await log.close()
        return size

    note, newest = asyncio.run(grow())
    size = asyncio.run(call(note))

    (error,) = backup.fatal.errors
    assert isinstance(error, RollbackError)
    assert (size, newest) == (error.store_size, error.held_size)
    assert "refusal" not in backup.kinds()
