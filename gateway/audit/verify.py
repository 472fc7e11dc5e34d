"""Verify the exchange log: believe nothing but the signature, and recompute the rest.

Every entry is read and hashed, every tile is compared with what the entries below it come to, the
root with the signed one and with each held one; then the entries are asked whether they can be
true together, and what a store keeps beside them whether it follows. A finding stops nothing, and
findings come in the order of the log, so that the first bad entry is the first one named. Section 8
of the log's specification.

A later part of a log can be walked apart from what is before it: `walk` does the one, `parts` joins
what the walks of parts say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.beside import Opening, Payloads
from gateway.audit.checkpoint import Checkpoint, Verifier, cosignatures, open_checkpoint
from gateway.audit.derived import Derived
from gateway.audit.fault import AuditError, Finding
from gateway.audit.merkle import TILE_WIDTH
from gateway.audit.opened import Beside
from gateway.audit.tally import NOTES, Tally, exit_code
from gateway.audit.tree import Reader
from gateway.audit.walk import Walk

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.audit.subjects import Rebuilt

__all__ = [
    "NOTES",
    "Derived",
    "Finding",
    "Opening",
    "Payloads",
    "Reader",
    "Tally",
    "accept",
    "bundles",
    "exit_code",
    "verify",
]


def verify(  # noqa: PLR0913 - each is something that may be held against the log
    reader: Reader,
    verifiers: Sequence[Verifier],
    *,
    held: Sequence[str] = (),
    openings: Mapping[int, Opening] | None = None,
    payloads: Payloads | None = None,
    derived: Derived | None = None,
    index: Rebuilt | None = None,
    witnesses: Sequence[Verifier] = (),
    quorum: int = 0,
    now: dt.datetime | None = None,
    tally: Tally | None = None,
) -> Iterator[Finding]:
    """Yield what is wrong with a log, in its order; nothing but notes for a good one.

    1. The served checkpoint, its signatures, its quorum; each held one.
    2. Each entry and tile, and the root.
    3. Order, and each exchange's life.
    4. Payloads or openings, where given: commitments, schema, what they say together, erasures.
    5. A store's own rows, where given: columns, head, open exchanges, kept checkpoints, index.

    Args:
        reader: The log.
        verifiers: The log's pinned keys, the current and those being retired.
        held: Signed checkpoints of this log that somebody kept.
        openings: Metadata with salts of some entries, by index.
        payloads: Sealed payloads, and keys; takes the place of `openings`.
        derived: A store's own rows beside the entries.
        index: Rebuilt from `payloads` and compared with that of `derived`.
        witnesses: Keys whose cosignatures count towards the quorum.
        quorum: How many of them the served checkpoint needs.
        now: The instant that payloads' classes are held against, or None not to.
        tally: Filled with counts.
    """
    accepted = accept(reader, verifiers, held, witnesses, quorum)
    yield from accepted.findings
    served = accepted.served
    if served is None:
        return
    tally = tally if tally is not None else Tally()
    beside = Beside(served.origin, openings, payloads, now, tally, index=index)
    below = accepted.below
    walk = Walk(reader, served, below, beside, tally, derived=derived, verifiers=verifiers)
    yield from walk.run(range(bundles(served.size)))
    yield from walk.finish()


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the notes say, before an entry is read.

    Attributes:
        served: The log's checkpoint, or None where it is not this log's: without a size that
            somebody signed there is nothing to hold the entries against.
        below: Held checkpoints that the walk will meet, the smallest first.
        findings: What is wrong with the notes.
    """

    served: Checkpoint | None
    below: list[Checkpoint]
    findings: list[Finding]


def accept(
    reader: Reader,
    verifiers: Sequence[Verifier],
    held: Sequence[str],
    witnesses: Sequence[Verifier] = (),
    quorum: int = 0,
) -> Accepted:
    """Return the served checkpoint and the held ones, each opened with the pinned keys."""
    try:
        note = reader.checkpoint()
        served = open_checkpoint(note, *verifiers)
        cosigned = len(cosignatures(note, witnesses))
    except AuditError as error:
        return Accepted(None, [], [Finding(error.code, -1, error.message)])
    found: list[Finding] = []
    if cosigned < quorum:
        found.append(Finding("quorum-short", -1, f"{cosigned} of {quorum} cosignatures"))
    return Accepted(served, _held(held, served, verifiers, found), found)


def bundles(size: int) -> int:
    """Return how many bundles hold so many entries; the last may be partial."""
    return -(-size // TILE_WIDTH)


def _held(
    notes: Sequence[str],
    served: Checkpoint,
    verifiers: Sequence[Verifier],
    found: list[Finding],
) -> list[Checkpoint]:
    """Open held checkpoints; return those that the walk will meet, smallest first."""
    below: list[Checkpoint] = []
    if not notes:
        found.append(Finding("held-none", -1, "no held checkpoint to hold the log against"))
    for note in notes:
        try:
            one = open_checkpoint(note, *verifiers)
        except AuditError as error:
            found.append(Finding(error.code, -1, f"a held checkpoint: {error.message}"))
            continue
        if one.origin != served.origin:
            found.append(Finding("origin-wrong", -1, "a held checkpoint is of another origin"))
        elif one.size > served.size:
            message = f"a held checkpoint has size {one.size}, the log {served.size}"
            found.append(Finding("rollback", served.size, message))
        else:
            below.append(one)
    return sorted(below, key=lambda one: one.size)
