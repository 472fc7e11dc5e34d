"""Verifiers of the exchange log that others wrote in Python: tlog-scales, and sigstore's.

Each returns nothing for what it accepts and raises for what it rejects, with its own errors.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore._internal.rekor.checkpoint import SignedCheckpoint, verify_checkpoint
from sigstore._internal.trust import Keyring
from sigstore_models.common import v1
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint

from gateway.audit.checkpoint import Verifier
from gateway.audit.proof import parse_proof

if TYPE_CHECKING:
    from pathlib import Path

STEP: Final = 15
MANY: Final = 4_999
"""How far apart the entries are whose inclusion is proved, in a log of fewer and of more than so
many; the last is always one of them."""


class RejectedError(Exception):
    """What was compared here, with values from another's code, differs."""


def tlog_scales(log: Path, vkey: Path, held: Path) -> None:
    """Check signature, root, inclusion of sampled entries, and growth since the held checkpoint.

    It reads no tile that no proof needs, and takes sizes and tiles in more than one spelling.
    """
    reader = TilesReader(LocalBackend(log))
    key = Vkey.from_string(vkey.read_text().strip())
    served = reader.get_checkpoint()
    served.verify(key)
    if reader.calculate_root_hash() != served.root_hash:
        raise RejectedError("the tiles do not come to the signed root")
    for index in _sample(served.size):
        proof = reader.get_inclusion_proof(index, served.size)
        proof.check(leaf_hash(reader.get_entry(index)), served.root_hash)
    kept = Checkpoint.from_text(held.read_text())
    kept.verify(key)
    if kept.size > served.size:
        raise RejectedError("the held checkpoint is larger than the log")
    growth = reader.get_consistency_proof(kept.size, served.size)
    growth.check(kept.root_hash, served.root_hash)


def sigstore(proof: str, leaf: bytes, vkey: str) -> None:
    """Check one tlog-proof: inclusion, the checkpoint's signature, and that both have one root."""
    read, verifier = parse_proof(proof), Verifier.from_vkey(vkey)
    signed = SignedCheckpoint.from_text(read.note).checkpoint
    inclusion = SimpleNamespace(
        log_index=read.index,
        tree_size=signed.log_size,
        hashes=list(read.hashes),
        root_hash=bytes.fromhex(signed.log_hash),
        checkpoint=SimpleNamespace(envelope=read.note),
    )
    inner = SimpleNamespace(
        inclusion_proof=inclusion,
        canonicalized_body=leaf,
        log_id=SimpleNamespace(key_id=verifier.key_id),
    )
    entry: Any = SimpleNamespace(_inner=inner)
    verify_merkle_inclusion(entry)
    keyring: Any = Keyring([_public_key(verifier.public)])
    verify_checkpoint(keyring, entry)


def _public_key(raw: bytes) -> v1.PublicKey:
    der = Ed25519PublicKey.from_public_bytes(raw).public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    # As it is: the model's own reading takes base64.
    return v1.PublicKey.model_construct(
        raw_bytes=der, key_details=v1.PublicKeyDetails.PKIX_ED25519, valid_for=None
    )


def _sample(size: int) -> list[int]:
    return sorted({*range(0, size, STEP if size < MANY else MANY), size - 1})
