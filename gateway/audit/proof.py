"""Proof files and receipts: what a recipient keeps, and can check with a pinned key alone.

The file is C2SP tlog-proof v1. `verify_receipt` walks the whole way from the digests of what
arrived to the log's signature; each step that fails says so in its own words. Sections 2.3 and 3.6
of the log's specification.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import Checkpoint, Verifier, open_checkpoint
from gateway.audit.entry import (
    Leaf,
    commit_meta,
    parse_leaf,
    parse_meta,
    stream_next,
    stream_start,
)
from gateway.audit.fault import AuditError
from gateway.audit.merkle import HASH_BYTES, leaf_hash, verify_inclusion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.values import Receipt

PROOF_HEAD: Final = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")
_HASH = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")
_MAX_HASHES: Final = 63


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof file, parsed and not yet believed."""

    index: int
    hashes: tuple[bytes, ...]
    note: str


def write_proof(index: int, hashes: Sequence[bytes], note: str) -> str:
    """Return the proof file for a leaf under a signed checkpoint.

    Raises:
        AuditError: `receipt-mismatch`, what no proof file can hold.
    """
    if index < 0 or len(hashes) > _MAX_HASHES or any(len(one) != HASH_BYTES for one in hashes):
        raise AuditError("receipt-mismatch", "a proof needs an index and at most 63 hashes")
    lines = "".join(b2a_base64(one).decode("ascii") for one in hashes)
    return f"{PROOF_HEAD}\nindex {index}\n{lines}\n{note}"


def parse_proof(text: str) -> Proof:
    """Return the parts of a proof file.

    An `extra` line is read over: nothing authenticates it, and Accord never writes one.

    Raises:
        AuditError: `receipt-mismatch`.
    """
    head, gap, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    if not gap or first != PROOF_HEAD:
        raise AuditError("receipt-mismatch", "the proof is not a tlog-proof@v1")
    if lines and lines[0].startswith("extra "):
        _extra(lines.pop(0))
    match = _INDEX.fullmatch(lines[0]) if lines else None
    if match is None:
        raise AuditError("receipt-mismatch", "the proof has no index in its one spelling")
    hashes = lines[1:]
    if len(hashes) > _MAX_HASHES or not all(map(_HASH.fullmatch, hashes)):
        raise AuditError("receipt-mismatch", "the proof's hashes are not at most 63 of 32 bytes")
    return Proof(int(match[1]), tuple(a2b_base64(one) for one in hashes), note)


def _extra(line: str) -> None:
    try:
        a2b_base64(line.removeprefix("extra ").encode("ascii"), strict_mode=True)
    except (Base64Error, UnicodeEncodeError):
        raise AuditError("receipt-mismatch", "the proof's extra line is not base64") from None


def verify_proof(text: str, leaf: bytes, *verifiers: Verifier) -> tuple[int, Checkpoint]:
    """Return the leaf's index and the checkpoint that covers it, once both are proved.

    Args:
        text: The proof file.
        leaf: The leaf's bytes, not its hash.
        verifiers: The log's pinned keys.

    Raises:
        AuditError: `receipt-mismatch`, `root-mismatch`, or a checkpoint's own faults.
    """
    proof = parse_proof(text)
    checkpoint = open_checkpoint(proof.note, *verifiers)
    verify_inclusion(leaf_hash(leaf), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return proof.index, checkpoint


def verify_receipt(
    receipt: Receipt, verifiers: Sequence[Verifier], exchange_id: str, digests: Sequence[bytes]
) -> None:
    """Raise unless the receipt proves that the log holds exactly what arrived.

    1. It is for this exchange, and its leaf is that exchange's last release entry.
    2. Its metadata is what the leaf commits to.
    3. The metadata's stream value is that of the chunks that arrived, in order.
    4. The leaf is in the tree, under a checkpoint that a pinned key signed.

    Args:
        receipt: What the gateway sent last.
        verifiers: The log's pinned key, and while it is being rotated the other.
        exchange_id: Of the exchange, from its header.
        digests: SHA-256 of each chunk as it arrived, by its form.

    Raises:
        AuditError: `receipt-mismatch` for the first three, else what `verify_proof` says.
    """
    if not digests:
        raise AuditError("receipt-mismatch", "no chunk arrived, and a receipt covers at least one")
    if receipt.exchange_id != exchange_id:
        raise AuditError("receipt-mismatch", "the receipt is for another exchange")
    leaf = parse_leaf(receipt.leaf)
    _check_leaf(leaf, exchange_id, len(digests))

    if commit_meta(receipt.salt, receipt.meta) != leaf.m:
        raise AuditError("receipt-mismatch", "the leaf does not commit to the receipt's metadata")
    meta = parse_meta("release", receipt.meta)

    stream = stream_start(exchange_id)
    for digest in digests:
        stream = stream_next(stream, digest)
    if meta["stream"] != _text(stream) or meta["digest"] != _text(digests[-1]):
        raise AuditError("receipt-mismatch", "what arrived is not what the log says was released")
    if meta["chunk"] != leaf.chunk:
        raise AuditError("receipt-mismatch", "the metadata is of another chunk than the leaf")
    if len(digests) == 1 and meta["rows"] != receipt.row_count:
        raise AuditError("receipt-mismatch", "the receipt's row count is not the entry's")

    index, _ = verify_proof(receipt.proof, receipt.leaf, *verifiers)
    if index != receipt.index:
        raise AuditError("receipt-mismatch", "the proof is of another index than the receipt's")


def _check_leaf(leaf: Leaf, exchange_id: str, chunks: int) -> None:
    if leaf.kind != "release":
        raise AuditError("receipt-mismatch", "the receipt's leaf is not a release entry")
    if leaf.exchange_id != exchange_id:
        raise AuditError("receipt-mismatch", "the receipt's leaf is of another exchange")
    if leaf.chunk != chunks - 1:
        raise AuditError("receipt-mismatch", "the receipt's leaf is not of the last chunk")


def _text(digest: bytes) -> str:
    return b2a_base64(digest, newline=False).decode("ascii")
