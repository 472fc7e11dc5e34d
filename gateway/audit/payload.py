"""The payload beside a leaf: metadata and subject tokens, committed to, sealed, erasable.

The leaf stays for ever, and holds two salted commitments. What they commit to is sealed under a key
that is destroyed when its class has run out. Sections 3.2, 3.3 and 3.5 of the log's specification.
Salts, ivs and keys are arguments.
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from hashlib import sha256
from operator import ge
from typing import TYPE_CHECKING, Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.audit.fault import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from hashlib import _Hash

SALT_BYTES: Final = 32
TOKEN_BYTES: Final = 32
KEY_BYTES: Final = 32
IV_BYTES: Final = 32

_SALTS_BYTES = 2 * SALT_BYTES
_HEAD_BYTES = _SALTS_BYTES + 4
_BLOCK_BYTES = 64  # of SHA-256
_NO_SUBJECTS = bytes(32)
_NONCE = bytes(12)
_META = b"accord/meta/v1\x00"
_SUBJECTS = b"accord/subjects/v1\x00"
_PAYLOAD_KEY = b"accord/payload-key/v1\x00"


class Payload(NamedTuple):
    """A payload, opened. `meta` is its bytes as committed to."""

    salt_m: bytes
    salt_s: bytes
    meta: bytes
    tokens: tuple[bytes, ...]


# --- Commitments ----------------------------------------------------------------------------------


def commit_meta(salt: bytes, meta: bytes) -> bytes:
    """Return `m`, the commitment to the canonical bytes of the metadata."""
    _sized(salt, SALT_BYTES, "salt_m")
    return sha256(_META + salt + meta).digest()


def commit_subjects(salt: bytes, tokens: Iterable[bytes]) -> bytes | None:
    """Return `s`, the commitment to the tokens, sorted and distinct; None where there are none."""
    _sized(salt, SALT_BYTES, "salt_s")
    joined = b"".join(_ordered(tokens))
    return sha256(_SUBJECTS + salt + joined).digest() if joined else None


def subject_token(key: bytes, system: str, normalised_id: str) -> bytes:
    """Return the token of one identifier under a year's key.

    Args:
        key: 32 bytes, of the calendar year.
        system: The identifier space that the agreement declares, such as `county-ems/patient-id`.
        normalised_id: The identifier in the one spelling that its system has.

    Raises:
        AuditError: An empty part, or one that holds NUL: two pairs could then have one token.
    """
    _sized(key, KEY_BYTES, "subject key")
    if not system or not normalised_id or "\x00" in system or "\x00" in normalised_id:
        raise AuditError("schema", "a subject's system or identifier is empty or holds NUL")
    text = f"accord/subject/v1\x00{system}\x00{normalised_id}".encode()
    return hmac.digest(key, text, "sha256")


def _ordered(tokens: Iterable[bytes]) -> list[bytes]:
    """Return the tokens sorted and distinct, each of 32 bytes."""
    ordered = sorted(set(tokens))
    for token in ordered:
        _sized(token, TOKEN_BYTES, "token")
    return ordered


def _sized(value: bytes, size: int, what: str) -> None:
    if len(value) != size:
        raise AuditError("commitment-mismatch", f"`{what}` is not {size} bytes")


# --- The sealed payload ---------------------------------------------------------------------------


def seal(  # noqa: PLR0917 - a payload has this many parts
    payload_key: bytes,
    iv: bytes,
    salt_m: bytes,
    salt_s: bytes,
    meta: bytes,
    tokens: Iterable[bytes],
    m: bytes,
    s: bytes | None,
) -> bytes:
    """Return the sealed payload, bound to its leaf by the commitments.

    Args:
        payload_key: 32 bytes, of the month and class.
        iv: 32 random bytes, never used before: the key derived from it seals one payload.
        salt_m: Salt of the metadata commitment.
        salt_s: Salt of the subjects commitment.
        meta: Canonical bytes.
        tokens: Subject tokens, in any order.
        m: The metadata commitment.
        s: The subjects commitment, or None.
    """
    _sized(iv, IV_BYTES, "iv")
    _sized(salt_m, SALT_BYTES, "salt_m")
    _sized(salt_s, SALT_BYTES, "salt_s")
    cipher, joined = _cipher(payload_key, iv), b"".join(_ordered(tokens))
    return iv + _sealed(cipher, salt_m + salt_s, meta, joined, m, s)


def _sealed(
    cipher: AESGCM, salts: bytes, meta: bytes, tokens: bytes, m: bytes, s: bytes | None
) -> bytes:
    plain = b"".join((salts, len(meta).to_bytes(4, "big"), meta, tokens))
    return cipher.encrypt(_NONCE, plain, m + (s or _NO_SUBJECTS))


class Enclosed(NamedTuple):
    """What stands in a leaf of what is beside it, and that, sealed."""

    m: bytes
    s: bytes | None
    sealed: bytes


def enclose(
    payload_key: bytes,
    iv: bytes,
    salt_m: bytes,
    salt_s: bytes,
    meta: bytes,
    tokens: Iterable[bytes],
) -> Enclosed:
    """Return both commitments and the sealed payload: `commit_meta`, `commit_subjects`, `seal`.

    In one, since this stands before every entry: the tokens are put in order once.
    """
    _sized(iv, IV_BYTES, "iv")
    _sized(salt_m, SALT_BYTES, "salt_m")
    _sized(salt_s, SALT_BYTES, "salt_s")
    m = sha256(_META + salt_m + meta).digest()
    joined = b"".join(_ordered(tokens)) if tokens else b""
    s = sha256(_SUBJECTS + salt_s + joined).digest() if joined else None
    cipher = _cipher(payload_key, iv)
    return Enclosed(m, s, iv + _sealed(cipher, salt_m + salt_s, meta, joined, m, s))


def unseal(payload_key: bytes, sealed: bytes, m: bytes, s: bytes | None) -> Payload:
    """Return the payload, once it is authentic and both commitments hold.

    Raises:
        AuditError: `payload-unopenable` where it is not what was sealed for this leaf with this
            key, `commitment-mismatch` where the leaf commits to something else.
    """
    iv = sealed[:IV_BYTES]
    try:
        plain = _cipher(payload_key, iv).decrypt(_NONCE, sealed[IV_BYTES:], m + (s or _NO_SUBJECTS))
    except (InvalidTag, ValueError):
        raise AuditError("payload-unopenable", "the payload does not open") from None
    end = _HEAD_BYTES + int.from_bytes(plain[_SALTS_BYTES:_HEAD_BYTES], "big")
    salt_m, salt_s = plain[:SALT_BYTES], plain[SALT_BYTES:_SALTS_BYTES]
    meta, joined = plain[_HEAD_BYTES:end], plain[end:]
    if not _HEAD_BYTES <= end <= len(plain) or len(joined) % TOKEN_BYTES:
        raise AuditError("payload-unopenable", "the payload's parts do not fit its length")
    if sha256(_META + salt_m + meta).digest() != m:
        raise AuditError("commitment-mismatch", "`m` does not commit to the payload's metadata")
    if (sha256(_SUBJECTS + salt_s + joined).digest() if joined else None) != s:
        raise AuditError("commitment-mismatch", "`s` does not commit to the payload's tokens")
    return Payload(salt_m, salt_s, meta, _split(joined) if joined else ())


def _split(joined: bytes) -> tuple[bytes, ...]:
    tokens = tuple([joined[at : at + TOKEN_BYTES] for at in range(0, len(joined), TOKEN_BYTES)])
    # A second order of the same tokens would be a second commitment to them.
    if any(map(ge, tokens, tokens[1:])):
        raise AuditError("commitment-mismatch", "the payload's tokens are not sorted and distinct")
    return tokens


def _cipher(payload_key: bytes, iv: bytes) -> AESGCM:
    if len(payload_key) != KEY_BYTES or len(iv) != IV_BYTES:
        raise AuditError("payload-unopenable", "the payload key or the iv is not 32 bytes")
    begin_inner, begin_outer = _keyed(payload_key)
    inner, outer = begin_inner(), begin_outer()
    inner.update(iv)
    outer.update(inner.digest())
    return AESGCM(outer.digest())


@lru_cache(maxsize=64)
def _keyed(payload_key: bytes) -> tuple[Callable[[], _Hash], Callable[[], _Hash]]:
    """Return what begins both hashes of HMAC-SHA-256 (RFC 2104) under a payload key, up to the iv.

    Each entry begins from a copy. `hmac.digest` would let go of the interpreter's lock, which a
    busy writer's thread takes its time to get back, and a copy of `hmac.new` costs twice as much.
    """
    block = payload_key.ljust(_BLOCK_BYTES, b"\x00")
    inner = sha256(bytes(one ^ 0x36 for one in block) + _PAYLOAD_KEY)
    outer = sha256(bytes(one ^ 0x5C for one in block))
    return inner.copy, outer.copy
