"""What a log and a witness say to each other: C2SP tlog-witness, and what is cosigned by it.

A witness cosigns a checkpoint once it is proved to go on from the last one that it cosigned, so
nobody, not even who holds database and signing key, can show it two histories. Section 2.3 of the
log's specification.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import MAX_NOTE_CHARS, Verifier, cosignatures
from gateway.audit.fault import AuditError

if TYPE_CHECKING:
    from collections.abc import Sequence

PATH: Final = "add-checkpoint"
MAX_HASHES: Final = 63
MAX_LINES: Final = 16

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")
_HASH = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n")


@dataclass(frozen=True, slots=True)
class Submission:
    """A request to cosign.

    Attributes:
        old: The size that the witness is thought to have cosigned last; 0 for none.
        proof: That the tree of that size is a prefix of the checkpoint's.
        note: The signed checkpoint.
    """

    old: int
    proof: tuple[bytes, ...]
    note: str


def write_submission(submission: Submission) -> str:
    """Return the body of a request.

    Raises:
        AuditError: `note-invalid`, a proof that is longer than a witness takes.
    """
    if len(submission.proof) > MAX_HASHES:
        raise AuditError("note-invalid", "a consistency proof has at most 63 hashes")
    hashes = [b2a_base64(one, newline=True).decode("ascii") for one in submission.proof]
    return f"old {submission.old}\n{''.join(hashes)}\n{submission.note}"


def parse_submission(body: str) -> Submission:
    """Return what a body says, in its one spelling; the note is not opened.

    Raises:
        AuditError: `note-invalid`.
    """
    head, blank, note = body.partition("\n\n")
    first, *lines = head.split("\n")
    old = _OLD.fullmatch(first)
    if old is None or not blank or len(lines) > MAX_HASHES or len(body) > MAX_NOTE_CHARS:
        raise AuditError("note-invalid", "not an old size, a proof, a blank line and a checkpoint")
    try:
        if not all(map(_HASH.fullmatch, lines)):
            raise AuditError("note-invalid", "a line of the proof is not the base64 of a hash")
        proof = tuple(a2b_base64(line, strict_mode=True) for line in lines)
    except Base64Error:
        raise AuditError("note-invalid", "a line of the proof is not base64") from None
    return Submission(int(old[1]), proof, note)


def parse_size(body: str) -> int | None:
    """Return the size that a witness answers in a conflict; None where it says none."""
    match = _SIZE.fullmatch(body)
    return None if match is None else int(match[1])


def cosigned(note: str, lines: str, witnesses: Sequence[Verifier]) -> str:
    """Return a note with those of these lines added that one of the witnesses signed.

    What is no signature line, is of another key, fails, or stands there already is left out: a
    witness may answer with lines of others.
    """
    names = set(cosignatures(note, witnesses))
    for line in lines.splitlines(keepends=True)[:MAX_LINES]:
        try:
            seen = cosignatures(note + line, witnesses)
        except AuditError:
            continue
        if line.endswith("\n") and set(seen) > names:
            note, names = note + line, set(seen)
    return note
