"""A synthetic exchange log: exported as static files, with a receipt, for tests of the verbs."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.checkpoint import Signer
from gateway.cli.written import receipt_json
from gateway.store.export import export_newest
from tests.store.contract import begin
from tests.store.town import Town, a_keep, a_refusal, a_release, a_signer, an_id, an_outcome

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.store.log import StoredLog

EXCHANGE = an_id(1 << 20)
ENTRIES = 260
AT_ONCE = 2_000


@dataclass(frozen=True)
class Exported:
    """What a deployment hands to an auditor.

    Attributes:
        log: The exported folder.
        vkey: A file with the log's key.
        early, late: Checkpoints that somebody kept, of a smaller size and of the newest.
        receipt: As `accord request` writes it.
        forked: A checkpoint of another log under the same key.
        longer: A checkpoint of this log, later than the export.
    """

    log: Path
    vkey: Path
    early: Path
    late: Path
    longer: Path
    forked: Path
    receipt: Path

    def copy(self, to: Path) -> Path:
        """Return a copy of the exported folder, to be damaged."""
        shutil.copytree(self.log, to)
        return to


def write(place: Path, entries: int = ENTRIES) -> Exported:
    """Write all of it below `place`, of a log of so many entries and a few."""
    made = Exported(*(place / name for name in (
        "log", "log.vkey", "early", "late", "longer", "forked", "runs.csv.receipt",
    )))  # fmt: skip
    made.vkey.write_text(a_signer().vkey + "\n")

    async def run() -> None:
        async with Town(place / "town").log() as log:
            made.early.write_text(await _signed(log))
            for first in range(0, entries, AT_ONCE):
                at_once = range(first, min(entries, first + AT_ONCE))
                await asyncio.gather(*(log.refusal(a_refusal(an_id(n))) for n in at_once))
            ticket = await begin(log, 1 << 20)
            await ticket.release(a_release(EXCHANGE), a_keep("r"))
            made.receipt.write_bytes(receipt_json(await ticket.receipt()))
            await ticket.outcome(an_outcome(EXCHANGE))
            await _signed(log)
            export_newest(log.reads, log.published, made.log)
            made.late.write_text(log.published.note)
            await log.refusal(a_refusal(an_id(1 << 21)))
            made.longer.write_text(await _signed(log))
        async with Town(place / "other").log() as log:
            await asyncio.gather(*(log.refusal(a_refusal(an_id(n + 7))) for n in range(9)))
            made.forked.write_text(await _signed(log))

    asyncio.run(run())
    return made


async def _signed(log: StoredLog) -> str:
    await log.proof(log.size - 1)
    return log.newest()


def other_vkey() -> str:
    """Return a key of the same origin that never signed anything here."""
    return Signer.from_seed(a_signer().verifier.name, bytes(32)).vkey


def changed(path: Path, **parts: object) -> Path:
    """Return a receipt of which some parts were changed."""
    value = json.loads(path.read_text()) | parts
    made = path.with_name("changed.receipt")
    made.write_text(json.dumps(value))
    return made
