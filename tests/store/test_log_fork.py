"""One database copied, and both copies written on and signed: whoever meets both has the proof."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import open_checkpoint
from gateway.audit.verify import exit_code
from gateway.errors import LogError
from gateway.store.faults import RollbackError
from tests.store.town import Town, a_refusal, a_signer, an_id, findings

if TYPE_CHECKING:
    from pathlib import Path


async def _grow(town: Town, first: int, count: int) -> str:
    """Append to a log; return its newest checkpoint."""
    async with town.log() as log:
        for number in range(first, first + count):
            await log.refusal(a_refusal(an_id(number)))
    return town.place.held.read_text()


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Town, Town]:
    """Return a log and its copy, of the same past, each gone on alone: the copy further."""
    one = Town(tmp_path / "one")
    asyncio.run(_grow(one, 1, 5))
    shutil.copytree(one.root, tmp_path / "other")
    other = Town(tmp_path / "other", keys=one.keys)
    asyncio.run(_grow(one, 100, 2))
    asyncio.run(_grow(other, 200, 6))
    return one, other


@pytest.mark.parametrize("longer", [True, False], ids=["longer", "shorter"])
def test_each_is_in_order_and_a_fork_to_the_other(
    twins: tuple[Town, Town], *, longer: bool
) -> None:
    """Alone each verifies; against what the other gave away, it is a rollback or a fork: exit 4."""
    one, other = twins if longer else twins[::-1]
    note = other.place.held.read_text()

    found = findings(one.database, a_signer().verifier, note, one.keys.by_id)

    assert [] == one.findings() == other.findings()
    assert ("rollback" if longer else "fork") in found
    assert 4 == exit_code(found)


@pytest.mark.parametrize("longer", [True, False], ids=["longer", "shorter"])
def test_an_agency_that_met_the_other_stops_it(twins: tuple[Town, Town], *, longer: bool) -> None:
    """The checkpoint that comes with a call is held against the tree at its size, at once."""
    one, other = twins if longer else twins[::-1]
    note = other.place.held.read_text()

    async def call() -> None:
        log = one.open(create=False)
        await log.compare(note)
        with pytest.raises(LogError):
            await log.refusal(a_refusal(an_id(900)))
        await log.close()

    asyncio.run(call())

    (error,) = one.fatal.errors
    assert isinstance(error, RollbackError)
    assert open_checkpoint(note, a_signer().verifier).size == error.held_size


def test_a_copy_with_the_other_held_file_does_not_start(twins: tuple[Town, Town]) -> None:
    """The held file is of one of them only: the copy beside it is refused, longer as it is."""
    one, other = twins
    other.place.held.write_text(one.place.held.read_text())

    with pytest.raises(RollbackError, match="not the one that was signed"):
        other.open(create=False)
