"""What others hold of the log.

Tiles by path, proofs, a folder that verifies, openings that were logged first.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.audit.checkpoint import open_checkpoint
from gateway.audit.entry import Draft
from gateway.audit.merkle import verify_consistency
from gateway.audit.proof import verify_proof, verify_receipt
from gateway.audit.verify import exit_code, verify
from gateway.auditor.folder import FolderReader, read_openings
from gateway.errors import LogError, NotFoundError, Reason, SettingsError
from gateway.store.export import export_newest
from tests.store.contract import begin
from tests.store.town import (
    DIGEST,
    Town,
    a_keep,
    a_refusal,
    a_release,
    a_signer,
    an_id,
    an_outcome,
)

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.store.log import StoredLog

VERIFIER = a_signer().verifier
ACCESS = Draft(
    "access",
    None,
    0,
    None,
    "6y",
    {"who": "officer-1", "role": None, "verb": "export", "filter": None, "results": 0},
)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Return a town without a log."""
    return Town(tmp_path)


async def _fill(log: StoredLog, count: int) -> None:
    await asyncio.gather(*(log.refusal(a_refusal(an_id(number))) for number in range(count)))
    await log.proof(log.size - 1)


def test_a_receipt_convinces_its_recipient(town: Town) -> None:
    """A recipient with the pinned key alone verifies the receipt of what arrived.

    Of nothing else.
    """

    async def run() -> None:
        async with town.log() as log:
            await _fill(log, 300)
            ticket = await begin(log, 1_000)
            await ticket.release(a_release(an_id(1_000), 0), a_keep("r"))
            await ticket.release(a_release(an_id(1_000), 1), a_keep("r"))
            receipt = await ticket.receipt()
            verify_receipt(receipt, [VERIFIER], an_id(1_000), [DIGEST, DIGEST])
            with pytest.raises(ValueError, match="last chunk"):
                verify_receipt(receipt, [VERIFIER], an_id(1_000), [DIGEST])
            await ticket.outcome(an_outcome(an_id(1_000), 2, 2))

    asyncio.run(run())


def test_every_entry_can_be_proved_later(town: Town) -> None:
    """After a restart, proofs of old entries come from the stored tiles, and verify."""

    async def fill() -> None:
        async with town.log() as log:
            await _fill(log, 270)

    async def run() -> None:
        async with town.log() as log:
            for one in await log.entries(0, log.published.size):
                proof = await log.inclusion(one.seq)
                assert one.seq == verify_proof(proof, one.leaf, VERIFIER)[0]
            with pytest.raises(NotFoundError) as beyond:
                await log.inclusion(log.size)
            assert Reason.INDEX_BEYOND_LOG is beyond.value.reason

    asyncio.run(fill())
    asyncio.run(run())


def test_the_log_proves_that_it_only_grew(town: Town) -> None:
    """Between any two sizes there is a consistency proof, and beyond the newest none."""

    async def run() -> None:
        async with town.log() as log:
            await _fill(log, 300)
            size = log.published.size
            for old in (1, 2, 255, 256, 257, size):
                proof = await log.consistency(old, size)
                root = log.reads.root_at(old)
                verify_consistency(old, size, root, log.published.root, proof)
            for old, new in ((2, 1), (1, size + 1), (-1, 1)):
                with pytest.raises(NotFoundError):
                    await log.consistency(old, new)

    asyncio.run(run())


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/x000/000",
        "tile/00/000",
        "tile/64/000",
        "tile/1/000",
        "tile/entries/001",
        "tile/entries/../0/000",
        "tile/0/000\n",
        "checkpoint",
        "",
    ],
)
def test_a_path_has_one_spelling(town: Town, path: str) -> None:
    """What a tree of this size does not have, or another spelling of what it has, is not found."""

    async def run() -> None:
        async with town.log() as log:
            await _fill(log, 300)
            with pytest.raises(NotFoundError):
                await log.tile(path)

    asyncio.run(run())


def test_tiles_by_path_are_the_exported_files(town: Town) -> None:
    """Byte for byte, and partial tiles at any width that they had."""

    async def run() -> None:
        async with town.log() as log:
            await _fill(log, 300)
            folder = town.root / "export"
            export_newest(log.reads, log.published, folder)
            paths = [p for p in folder.rglob("*") if p.is_file() and p.name != "checkpoint"]
            assert 5 == len(paths)
            for path in paths:
                name = path.relative_to(folder).as_posix()
                assert path.read_bytes() == await log.tile(name), name
            whole = await log.tile("tile/0/000")
            assert whole[:96] == await log.tile("tile/0/000.p/3")

    asyncio.run(run())


def test_an_exported_folder_verifies(town: Town) -> None:
    """The folder verifies against the held checkpoint, and with its openings in every entry."""
    folder = town.root / "export"

    async def run() -> None:
        async with town.log() as log:
            ticket = await begin(log, 1_000)
            await ticket.release(a_release(an_id(1_000), tokens=(bytes(32),)), a_keep("r"))
            await ticket.outcome(an_outcome(an_id(1_000)))
            await _fill(log, 300)
            await log.opened(0, 0, ACCESS)
            await log.proof(log.size - 1)
            export_newest(log.reads, log.published, folder, key=town.keys.by_id)

    asyncio.run(run())
    openings = read_openings(folder / "openings.jsonl")
    held = [town.place.held.read_text()]
    first = [(folder / "checkpoint").read_text()]
    found = [
        one.code for one in verify(FolderReader(folder), [VERIFIER], held=first, openings=openings)
    ]

    assert [] == found
    assert open_checkpoint(first[0], VERIFIER).size == len(openings)
    newer = [one.code for one in verify(FolderReader(folder), [VERIFIER], held=held)]
    assert 4 == exit_code(newer)


def test_a_folder_is_not_written_over(town: Town) -> None:
    """An export goes to a new folder: two logs in one would be neither."""

    async def run() -> None:
        async with town.log() as log:
            with pytest.raises(SettingsError, match="not empty"):
                export_newest(log.reads, log.published, town.root)

    asyncio.run(run())


def test_openings_have_their_form(tmp_path: Path) -> None:
    """A line that is not an opening is named by its number."""
    path = tmp_path / "openings.jsonl"
    path.write_text('{"index":0,"meta":"{}","salt":"AAAA"}\n{"index":"x"}\n')

    with pytest.raises(SettingsError, match="line 2"):
        read_openings(path)


def test_who_looks_is_logged_before_anything_is_opened(town: Town) -> None:
    """Payloads are opened after an `access` entry, and not at all where it cannot be written."""

    async def run() -> None:
        async with town.log() as log:
            size = log.size
            opened = await log.opened(0, 2, ACCESS)
            assert b'"previous":null' in opened[0].meta
            assert size + 1 == log.size
            town.free_bytes = 0
            with pytest.raises(LogError):
                await log.opened(0, 2, ACCESS)
            town.free_bytes = 1 << 40

    asyncio.run(run())

    assert "access" in town.kinds()
