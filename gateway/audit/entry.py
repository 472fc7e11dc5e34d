"""One entry to the byte: the leaf, which stays for ever, and the payload beside it, which can go.

A leaf names no person: it holds a time, a kind, an exchange id and two salted commitments. What it
commits to, the metadata and the subject tokens, is sealed under a key that is destroyed when its
class has run out. Sections 3.1 to 3.5 of the log's specification. Bytes, salts, ivs and times are
arguments.
"""

from __future__ import annotations

import datetime as dt
import hmac
import json
import re
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from operator import ge
from typing import TYPE_CHECKING, Final, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.audit.fault import AuditError
from gateway.audit.kinds import (
    EXCHANGE_KINDS,
    KINDS,
    LINKED_KINDS,
    MAX_INT,
    NAMELESS_KINDS,
    TOKEN_KINDS,
    check_meta,
)
from gateway.audit.stream import (
    EXCHANGE,
    exchange_bytes,
    rows_digest,
    stream_next,
    stream_start,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "KINDS",
    "LEAF",
    "Draft",
    "Leaf",
    "Payload",
    "check_draft",
    "check_meta",
    "commit_meta",
    "commit_subjects",
    "encode_leaf",
    "exchange_bytes",
    "format_time",
    "meta_bytes",
    "parse_leaf",
    "parse_meta",
    "rows_digest",
    "seal",
    "stream_next",
    "stream_start",
    "subject_token",
    "unseal",
]

LEAF_MAX_BYTES: Final = 1024
SALT_BYTES: Final = 32
TOKEN_BYTES: Final = 32
KEY_BYTES: Final = 32
IV_BYTES: Final = 32

_AGREEMENT = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}@[A-Za-z0-9][A-Za-z0-9._-]{0,39}"
_HASH = r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]="
_RETAIN = r"p|[3-9]y|[1-9][0-9]y"
_TIME = (
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
)

LEAF: Final = re.compile(
    rf'\{{"a":(?:null|"({_AGREEMENT})"),"k":"({"|".join(KINDS)})","m":"({_HASH})"'
    rf',"n":(0|[1-9][0-9]{{0,15}}),"r":"({_RETAIN})","s":(?:null|"({_HASH})")'
    rf',"t":"({_TIME})","v":1,"x":(?:null|"({EXCHANGE})")\}}'.encode("ascii")
)
"""The one spelling of a leaf, for `fullmatch`: groups a, k, m, n, r, s, t, x; null is None."""

_AGREEMENT_ID = re.compile(_AGREEMENT)
_RETENTION = re.compile(_RETAIN)
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
_PARSE = json.JSONDecoder().decode
_NO_SUBJECTS = bytes(32)
_NONCE = bytes(12)
_META = b"accord/meta/v1\x00"
_SUBJECTS = b"accord/subjects/v1\x00"
_PAYLOAD_KEY = b"accord/payload-key/v1\x00"


@dataclass(frozen=True, slots=True)
class Draft:
    """What an entry will say, before the writer gives it a place and a time.

    Attributes:
        kind: One of `KINDS`.
        exchange_id: The exchange's UUIDv7, for steps of an exchange; else None.
        chunk: The chunk's number for a `release`, else 0.
        agreement: `<id>@<version>`, or None.
        retain: Retention class, `3y` … `99y`, or `p` for kinds that can name no person.
        meta: Exactly the keys of the kind.
        tokens: Subject tokens of 32 bytes, in any order.
    """

    kind: str
    exchange_id: str | None
    chunk: int
    agreement: str | None
    retain: str
    meta: Mapping[str, object]
    tokens: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf, read: one attribute for each of its keys but `v`."""

    agreement: str | None
    kind: str
    m: bytes
    chunk: int
    retain: str
    s: bytes | None
    time: str
    exchange_id: str | None


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload, opened. `meta` is its bytes as committed to."""

    salt_m: bytes
    salt_s: bytes
    meta: bytes
    tokens: tuple[bytes, ...]


# --- Before an entry is written -------------------------------------------------------------------


def check_draft(draft: Draft) -> None:
    """Raise unless the draft can become an entry: every rule on a leaf, and the schema of its kind.

    Raises:
        AuditError: `schema`, or `leaf-malformed` for what would stand in the leaf.
    """
    check_meta(draft.kind, draft.meta)
    if draft.agreement is not None and not _AGREEMENT_ID.fullmatch(draft.agreement):
        raise AuditError("leaf-malformed", "`a` is not of the form id@version")
    if draft.exchange_id is not None:
        exchange_bytes(draft.exchange_id)
    if not _RETENTION.fullmatch(draft.retain):
        raise AuditError("leaf-malformed", "`r` is not a retention class")
    if type(draft.chunk) is not int or not 0 <= draft.chunk <= MAX_INT:
        raise AuditError("leaf-malformed", "`n` is not a whole number below 2^53")
    _check_kind(
        draft.kind, draft.exchange_id, draft.chunk, draft.retain, subjects=bool(draft.tokens)
    )
    if draft.kind == "release" and draft.meta["chunk"] != draft.chunk:
        raise AuditError("schema", "`release`: `chunk` is not the chunk's number")


def _check_kind(
    kind: str, exchange: str | None, chunk: int, retain: str, *, subjects: bool
) -> None:
    """Check what a kind lets its leaf say."""
    if exchange is None and kind in EXCHANGE_KINDS:
        raise AuditError("leaf-malformed", f"`{kind}` needs an exchange id")
    if exchange is not None and kind not in LINKED_KINDS:
        raise AuditError("leaf-malformed", f"`{kind}` belongs to no exchange")
    if chunk and kind != "release":
        raise AuditError("leaf-malformed", f"`{kind}` has no chunk number")
    if retain == "p" and kind not in NAMELESS_KINDS:
        raise AuditError("leaf-malformed", f"`{kind}` may name a person and is never kept for ever")
    if subjects and kind not in TOKEN_KINDS:
        raise AuditError("leaf-malformed", f"`{kind}` has no subjects")


def meta_bytes(meta: Mapping[str, object]) -> bytes:
    """Return the canonical JSON of metadata that `check_meta` let through."""
    return _JSON.encode(meta).encode("ascii")


def parse_meta(kind: str, data: bytes) -> dict[str, object]:
    """Return the metadata that `data` spells, if it is the one spelling and fits its kind's schema.

    Raises:
        AuditError: `schema`.
    """
    try:
        meta = _PARSE(data.decode("ascii"))
    except (ValueError, RecursionError):
        raise AuditError("schema", f"`{kind}`: the metadata is not JSON") from None
    if type(meta) is not dict:
        raise AuditError("schema", f"`{kind}`: the metadata is not an object")
    check_meta(kind, meta)
    if meta_bytes(meta) != data:
        raise AuditError("schema", f"`{kind}`: the metadata is not canonical")
    return cast("dict[str, object]", meta)


def format_time(moment: dt.datetime) -> str:
    """Return an aware instant as a leaf has it: UTC, milliseconds, cut and not rounded."""
    if moment.tzinfo is None:
        raise AuditError("leaf-malformed", "`t` needs an aware instant")
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


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


# --- The leaf -------------------------------------------------------------------------------------


def encode_leaf(
    *,
    agreement: str | None,
    kind: str,
    m: bytes,
    chunk: int,
    retain: str,
    s: bytes | None,
    time: str,
    exchange_id: str | None,
) -> bytes:
    """Return the leaf's bytes: the canonical JSON of its nine keys.

    Written by hand, since this stands in the writer's loop: the values are those of a draft that
    `check_draft` let through, of `format_time` and of the commitments, and none needs an escape.
    """
    if len(m) != 32 or (s is not None and len(s) != 32):  # noqa: PLR2004 - SHA-256
        raise AuditError("leaf-malformed", "a commitment is not 32 bytes")
    a = "null" if agreement is None else f'"{agreement}"'
    x = "null" if exchange_id is None else f'"{exchange_id}"'
    m64 = b2a_base64(m, newline=False).decode("ascii")
    s64 = "null" if s is None else f'"{b2a_base64(s, newline=False).decode("ascii")}"'
    return (
        f'{{"a":{a},"k":"{kind}","m":"{m64}","n":{chunk},"r":"{retain}","s":{s64}'
        f',"t":"{time}","v":1,"x":{x}}}'
    ).encode("ascii")


def parse_leaf(data: bytes) -> Leaf:
    """Return the leaf that `data` spells, if every rule on a leaf holds.

    Raises:
        AuditError: `leaf-malformed`.
    """
    match = LEAF.fullmatch(data) if len(data) <= LEAF_MAX_BYTES else None
    if match is None:
        raise AuditError("leaf-malformed", "the entry is not a leaf in its one spelling")
    a, k, m, n, r, s, t, x = match.groups()
    leaf = Leaf(
        None if a is None else a.decode(),
        k.decode(),
        a2b_base64(m),
        int(n),
        r.decode(),
        None if s is None else a2b_base64(s),
        t.decode(),
        None if x is None else x.decode(),
    )
    if leaf.chunk > MAX_INT:
        raise AuditError("leaf-malformed", "`n` is not a whole number below 2^53")
    _check_kind(leaf.kind, leaf.exchange_id, leaf.chunk, leaf.retain, subjects=s is not None)
    return leaf


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
    plain = b"".join((salt_m, salt_s, len(meta).to_bytes(4, "big"), meta, *_ordered(tokens)))
    return iv + _cipher(payload_key, iv).encrypt(_NONCE, plain, m + (s or _NO_SUBJECTS))


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
    start = 2 * SALT_BYTES + 4
    end = start + int.from_bytes(plain[2 * SALT_BYTES : start], "big")
    salt_m, salt_s = plain[:SALT_BYTES], plain[SALT_BYTES : 2 * SALT_BYTES]
    meta, joined = plain[start:end], plain[end:]
    if not start <= end <= len(plain) or len(joined) % TOKEN_BYTES:
        raise AuditError("payload-unopenable", "the payload's parts do not fit its length")
    tokens = tuple([joined[at : at + TOKEN_BYTES] for at in range(0, len(joined), TOKEN_BYTES)])
    if sha256(_META + salt_m + meta).digest() != m:
        raise AuditError("commitment-mismatch", "`m` does not commit to the payload's metadata")
    if (sha256(_SUBJECTS + salt_s + joined).digest() if joined else None) != s:
        raise AuditError("commitment-mismatch", "`s` does not commit to the payload's tokens")
    # A second order of the same tokens would be a second commitment to them.
    if any(map(ge, tokens, tokens[1:])):
        raise AuditError("commitment-mismatch", "the payload's tokens are not sorted and distinct")
    return Payload(salt_m, salt_s, meta, tokens)


def _cipher(payload_key: bytes, iv: bytes) -> AESGCM:
    if len(payload_key) != KEY_BYTES or len(iv) != IV_BYTES:
        raise AuditError("payload-unopenable", "the payload key or the iv is not 32 bytes")
    derived = _keyed(payload_key).copy()
    derived.update(iv)
    return AESGCM(derived.digest())


@lru_cache(maxsize=64)
def _keyed(payload_key: bytes) -> hmac.HMAC:
    """Return the HMAC of a payload key up to the iv.

    Copied and never changed: unlike `hmac.digest` a copy does not let go of the interpreter's lock,
    which a busy writer's thread takes its time to give back.
    """
    return hmac.new(payload_key, _PAYLOAD_KEY, "sha256")
