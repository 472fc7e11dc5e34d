"""The exchange log as an auditor gets it: exported, and verified with nothing but its key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.checkpoint import Verifier, open_checkpoint
from gateway.audit.fault import AuditError, Finding
from gateway.audit.proof import verify_proof
from gateway.audit.verify import NOTES, Reader, Tally, verify
from gateway.auditor.folder import FolderReader
from gateway.errors import LogError
from gateway.settings import beside, gateway_settings
from gateway.store.export import export
from gateway.store.reads import Reads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gateway.cli.demo.ask import Outcome
    from gateway.cli.deploy.write import Deployment

COMMITMENT = b'"m":"'


@dataclass(frozen=True, slots=True)
class Proof:
    """What the offline verification said.

    Attributes:
        held: Agency to the size of the checkpoint that it kept, each found in the log.
        receipts: How many were proved.
        altered: The first finding of a copy in which one character of entry `changed` is another.
        findings: Empty, for a good log.
    """

    origin: str
    entries: int
    held: Mapping[str, int]
    receipts: int
    changed: int
    altered: Finding | None
    findings: Sequence[Finding]

    @property
    def good(self) -> bool:
        """Whether nothing is wrong, and an alteration would have been seen."""
        return not self.findings and self.altered is not None


def write_log(deployment: Deployment) -> Path:
    """Write the newest checkpoint and its tiles into `log`; the gateway has ended before.

    Raises:
        LogError: Nothing was ever signed.
    """
    settings = gateway_settings(deployment.gateway)
    folder = deployment.folder / "log"
    reads = Reads(beside(deployment.gateway, settings.log.database))
    try:
        found = reads.rows("SELECT note, size FROM log_signed")
        if not found:
            raise LogError("nothing of this log was ever signed")
        export(reads, str(found[0][0]), int(found[0][1]), folder)
    finally:
        reads.close()
    return folder


def check(folder: Path, vkey: str, held: Mapping[str, str], outcomes: Sequence[Outcome]) -> Proof:
    """Re-hash every entry, hold what agencies kept against it, and try a forged copy."""
    verifier = Verifier.from_vkey(vkey)
    reader, tally = FolderReader(folder), Tally()
    found = verify(reader, [verifier], held=list(held.values()), tally=tally)
    findings = [one for one in found if one.code not in NOTES]
    receipts = [outcome.receipt for outcome in outcomes if outcome.receipt is not None]
    for receipt in receipts:
        try:
            verify_proof(receipt.proof, receipt.leaf, verifier)
        except AuditError as error:
            findings.append(Finding(error.code, receipt.index, error.message))
    changed = receipts[0].index if receipts else 0
    forged = verify(_Forged(reader, changed), [verifier], held=list(held.values()))
    return Proof(
        open_checkpoint(reader.checkpoint(), verifier).origin,
        tally.entries,
        {agency: open_checkpoint(note, verifier).size for agency, note in held.items()},
        len(receipts),
        changed,
        next((one for one in forged if one.code not in NOTES), None),
        findings,
    )


class _Forged:
    """A log in which somebody changed one character of one entry of the first bundle."""

    def __init__(self, reader: Reader, index: int) -> None:
        self._reader = reader
        self._index = index

    def checkpoint(self) -> str:
        return self._reader.checkpoint()

    def tile(self, level: int, index: int, width: int) -> bytes | None:
        return self._reader.tile(level, index, width)

    def bundle(self, index: int, width: int) -> bytes | None:
        """Return the bundle, with another commitment in that entry: a leaf as good as any."""
        data = self._reader.bundle(index, width)
        if data is None or index:
            return data
        place = 0
        for _ in range(self._index):
            place += 2 + int.from_bytes(data[place : place + 2], "big")
        place = data.index(COMMITMENT, place) + len(COMMITMENT)
        other = b"B" if data[place : place + 1] == b"A" else b"A"
        return data[:place] + other + data[place + 1 :]
