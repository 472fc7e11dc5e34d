"""After an incident: what a store still proves, and what the next log remembers of the old one."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import open_checkpoint
from gateway.errors import LogError, ReleaseError
from gateway.store.incident import Remembering, examine, missing, next_origin, stored_notes
from gateway.store.ledger import told
from gateway.store.reads import Reads
from tests.store.releases import release
from tests.store.test_log_cells import APRIL, MARCH, kept
from tests.store.test_log_ledger import a_draw
from tests.store.test_log_ledger import kept as noised
from tests.store.town import ORIGIN, Town, a_note, a_refusal, a_signer, an_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from gateway.store.incident import Examined
    from gateway.store.log import StoredLog
    from gateway.store.start import Place

VERIFIERS = [a_signer().verifier]
TODAY = dt.date(2026, 11, 20)
MAY = dt.date(2026, 5, 1)


def fill(town: Town, *works: Callable[[StoredLog], Awaitable[object]]) -> str:
    """Work in a town's log, and return the checkpoint that it was left at."""

    async def run() -> None:
        async with town.log() as log:
            for work in works:
                await work(log)

    asyncio.run(run())
    return town.place.held.read_text()


def some(*numbers: int) -> Callable[[StoredLog], Awaitable[object]]:
    """Return work that writes some refusals."""

    async def work(log: StoredLog) -> None:
        for number in numbers:
            await log.refusal(a_refusal(an_id(number)))

    return work


def examined(town: Town, *notes: str) -> Examined:
    """Hold a town's store against its own checkpoints, and others."""
    reads = Reads(town.place.database)
    try:
        return examine(reads, [*stored_notes(reads), *notes], VERIFIERS)
    finally:
        reads.close()


@dataclasses.dataclass
class Following(Town):
    """A town whose log follows another."""

    previous: tuple[str, str] | None = None

    @property
    def place(self) -> Place:
        """Where the log lies, and what it follows."""
        return dataclasses.replace(super().place, previous=self.previous)


# --- What a store proves --------------------------------------------------------------------------


def test_a_good_store_contradicts_nothing(tmp_path: Path) -> None:
    """Every checkpoint that anybody kept is one that it continues; the newest is the last good."""
    town = Town(tmp_path)
    early = fill(town, some(1))
    late = fill(town, some(2))

    found = examined(town, early, late)

    assert not found.broken
    assert [] == found.heads
    assert late == found.last_good()[1]


def test_a_store_that_lost_its_end_goes_back_to_what_it_still_has(tmp_path: Path) -> None:
    """An older copy put back: the larger checkpoint is against it, the one before is good."""
    town = Town(tmp_path)
    early = fill(town, some(1))
    shutil.copy(town.place.database, tmp_path / "older")
    late = fill(town, some(2, 3))
    shutil.copy(tmp_path / "older", town.place.database)

    found = examined(town, late)

    assert found.broken
    assert early == found.last_good()[1]
    size, lost = found.size, open_checkpoint(late, *VERIFIERS)
    assert [(size, found.root), (lost.size, lost.root)] == found.heads
    assert size < lost.size


def test_a_fork_is_found_at_its_size(tmp_path: Path) -> None:
    """Another log under this key, smaller than the store: its root is not the store's there."""
    town, other = Town(tmp_path / "one"), Town(tmp_path / "other")
    fill(town, some(*range(9)))
    forked = fill(other, some(70))

    found = examined(town, forked)

    assert found.broken
    assert [open_checkpoint(forked, *VERIFIERS)] == list(found.against)


def test_a_checkpoint_of_another_log_proves_nothing(tmp_path: Path) -> None:
    """Under a key that is not this log's: an error, and not a contradiction."""
    town = Town(tmp_path / "one")
    fill(town, some(1))
    note = town.place.held.read_text().replace(ORIGIN, "other.example/log")

    with pytest.raises(LogError, match="not this log's"):
        examined(town, note)


def test_without_a_store_the_largest_checkpoint_is_left(tmp_path: Path) -> None:
    """Of two that were signed, the larger; of none, nothing can go on."""
    town = Town(tmp_path)
    early = fill(town, some(1))
    late = fill(town, some(2))

    assert late == missing([late, early], VERIFIERS).last_good()[1]
    assert missing([early], VERIFIERS).broken
    with pytest.raises(LogError, match="neither the store nor"):
        missing([], VERIFIERS)


@pytest.mark.parametrize(
    ("origin", "follows"),
    [
        ("gateway.county.example/exchange-log", "gateway.county.example/exchange-log/2"),
        ("gateway.county.example/exchange-log/2", "gateway.county.example/exchange-log/3"),
        ("gateway.county.example/exchange-log/9", "gateway.county.example/exchange-log/10"),
        ("gateway.county.example/exchange-log/99", "gateway.county.example/exchange-log/100"),
        ("gateway.county.example/exchange-log/1", "gateway.county.example/exchange-log/1/2"),
        ("demo.invalid/exchange-log/12345678", "demo.invalid/exchange-log/12345678/2"),
    ],
)
def test_the_next_origin(origin: str, follows: str) -> None:
    """`/2` after the first log, then one more; a key's digits at the end are no number of a log."""
    assert follows == next_origin(origin)


# --- What the next log remembers ------------------------------------------------------------------


def followed(old: Town, root: Path, *, lost: bool = False) -> Town:
    """Return the town of the log that follows another's, with the same keys."""
    follower = Town(root, keys=old.keys)
    reads = Reads(old.place.database)

    async def work(log: StoredLog) -> None:
        await log.remember(Remembering(reads, TODAY, lost=lost))

    try:
        fill(follower, work)
    finally:
        reads.close()
    return follower


def read(town: Town, work: Callable[[StoredLog], Awaitable[object]]) -> object:
    """Return what work finds in a town's log."""

    async def run() -> object:
        async with town.log() as log:
            return await work(log)

    return asyncio.run(run())


async def told_cells(log: StoredLog) -> list[bytes]:
    """Return the record of cells of the town's source."""
    return await log.released(kept(1, MARCH).source, (MARCH, MAY), an_id(99))


def test_tables_are_remembered_in_their_order(tmp_path: Path) -> None:
    """What was released before the incident is beside what is judged after it."""
    old = Town(tmp_path / "old")
    fill(
        old,
        lambda log: release(log, 1, kept(1, MARCH, b"one")),
        lambda log: release(log, 2, kept(2, APRIL, b"two")),
    )
    follower = followed(old, tmp_path / "next")
    fill(follower, lambda log: release(log, 3, kept(3, MAY, b"three")))

    assert [b"one", b"two", b"three"] == read(follower, told_cells)
    *before, after = follower.rows("SELECT seq FROM released_cells ORDER BY seq")
    assert all(seq < 0 for (seq,) in before)
    assert after[0] > 0


def test_rows_periods_and_noise_are_spent_for_good(tmp_path: Path) -> None:
    """A limit that was reached before the incident is reached after it."""
    old = Town(tmp_path / "old")
    keep = noised(1, a_draw(1))
    fill(old, lambda log: release(log, 1, keep))
    follower = followed(old, tmp_path / "next")

    for table in ("standing_rows", "standing_period"):
        rows = old.rows(f"SELECT * FROM {table}")  # noqa: S608 - ours
        assert rows
        assert rows == follower.rows(f"SELECT * FROM {table}")  # noqa: S608 - ours

    async def ledger(log: StoredLog) -> object:
        return told(log.reads, keep.source)

    assert read(old, ledger) == read(follower, ledger)


@pytest.mark.parametrize(("lost", "leaves"), [(False, True), (True, False)])
def test_where_the_end_was_lost_no_table_leaves_again(
    tmp_path: Path, *, lost: bool, leaves: bool
) -> None:
    """Nobody knows what left in it, so days up to the incident are shut, of every source."""
    old = Town(tmp_path / "old")
    fill(old, lambda log: release(log, 1, kept(1, MARCH)))
    follower = followed(old, tmp_path / "next", lost=lost)

    async def ask(log: StoredLog, source: str, day: dt.date) -> bool:
        try:
            await log.released(source, (day, day), an_id(99))
        except ReleaseError:
            return False
        return True

    for source in (kept(1, MARCH).source, "never/seen"):
        for day in (MARCH, TODAY):
            assert leaves == read(follower, lambda log, s=source, d=day: ask(log, s, d))  # type: ignore[misc]
        after = TODAY + dt.timedelta(1)
        assert read(follower, lambda log, s=source, d=after: ask(log, s, d))  # type: ignore[misc]


def test_the_next_log_verifies(tmp_path: Path) -> None:
    """Rows that it took over are no rows that its entries contradict."""
    old = Town(tmp_path / "old")
    fill(
        old,
        lambda log: release(log, 1, kept(1, MARCH)),
        lambda log: release(log, 2, noised(2, a_draw(2, 50_000, APRIL))),
        lambda log: log.note(a_note()),
    )
    follower = followed(old, tmp_path / "next", lost=True)
    fill(follower, lambda log: release(log, 3, kept(3, TODAY + dt.timedelta(40))))

    # Its one exchange was left open by the test.
    assert ["exchange-open"] == follower.findings()


def test_the_genesis_names_the_log_before(tmp_path: Path) -> None:
    """Origin and last good checkpoint, in entry 0 of the log that follows."""
    old = Town(tmp_path / "old")
    note = fill(old, some(1))
    following = Following(tmp_path / "next", keys=old.keys, previous=(ORIGIN, note))
    fill(following, some(2))

    async def genesis(log: StoredLog) -> bytes:
        return log.reads.opened(0, 1, following.keys.by_id)[0].meta

    said = read(following, genesis)
    assert isinstance(said, bytes)
    assert [ORIGIN, note] == json.loads(said)["previous"]
