"""One entry to the byte: the leaf, which stays for ever, and the metadata that it commits to.

A leaf names no person: it holds a time, a kind, an exchange id and two salted commitments. What it
commits to lies beside it, sealed, and can go (`payload`). Sections 3.1 and 3.4 of the log's
specification. Times are arguments.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import orjson

from gateway.audit.fault import AuditError
from gateway.audit.kinds import (
    EXCHANGE_KINDS,
    KINDS,
    LINKED_KINDS,
    MAX_INT,
    NAMELESS_KINDS,
    TOKEN_KINDS,
    check_meta,
    spelled,
)
from gateway.audit.payload import (
    IV_BYTES,
    SALT_BYTES,
    TOKEN_BYTES,
    Enclosed,
    Payload,
    commit_meta,
    commit_subjects,
    enclose,
    seal,
    subject_token,
    unseal,
)
from gateway.audit.stream import (
    EXCHANGE,
    exchange_bytes,
    rows_digest,
    stream_next,
    stream_start,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "IV_BYTES",
    "KINDS",
    "LEAF",
    "SALT_BYTES",
    "TOKEN_BYTES",
    "Checked",
    "Draft",
    "Enclosed",
    "Leaf",
    "Payload",
    "check_draft",
    "check_meta",
    "commit_meta",
    "commit_subjects",
    "enclose",
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
_JSON_READER = json.JSONDecoder()
_PLAIN: Final = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
"""Nothing but what JSON itself has, as far as it can be told."""


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


# --- Before an entry is written -------------------------------------------------------------------


class Checked(NamedTuple):
    """What a draft that can become an entry says, to the byte.

    Attributes:
        meta: The canonical metadata.
        x: The 16 bytes of its exchange id, or None.
    """

    meta: bytes
    x: bytes | None


def check_draft(draft: Draft) -> Checked:
    """Return a draft's bytes, once every rule on a leaf holds of it, and the schema of its kind.

    Raises:
        AuditError: `schema`, or `leaf-malformed` for what would stand in the leaf.
    """
    meta = _checked(draft.kind, draft.meta)
    exchange, chunk = draft.exchange_id, draft.chunk
    if type(chunk) is not int or not 0 <= chunk <= MAX_INT:
        raise AuditError("leaf-malformed", "`n` is not a whole number below 2^53")
    if draft.kind == "release" and draft.meta["chunk"] != chunk:
        raise AuditError("schema", "`release`: `chunk` is not the chunk's number")
    _check_terms(
        draft.kind,
        draft.agreement,
        draft.retain,
        alone=exchange is None,
        chunked=chunk > 0,
        subjects=bool(draft.tokens),
    )
    return Checked(meta, None if exchange is None else exchange_bytes(exchange))


@lru_cache(maxsize=1_024)
def _check_terms(
    kind: str, agreement: str | None, retain: str, *, alone: bool, chunked: bool, subjects: bool
) -> None:
    """Check what is alike in thousands of drafts: what passed is remembered, and no more."""
    if agreement is not None and not _AGREEMENT_ID.fullmatch(agreement):
        raise AuditError("leaf-malformed", "`a` is not of the form id@version")
    if not _RETENTION.fullmatch(retain):
        raise AuditError("leaf-malformed", "`r` is not a retention class")
    _check_kind(kind, retain, alone=alone, chunked=chunked, subjects=subjects)


def _checked(kind: str, meta: Mapping[str, object]) -> bytes:
    """Return the canonical JSON of metadata that fits its kind's schema.

    It is spelled first: that the spelling fits is told in a fraction of the time. Who spells it is
    all the same then, for a spelling that fits is the canonical one of what it says.
    """
    try:
        data = orjson.dumps(meta, option=_PLAIN)
    except TypeError:
        pass
    else:
        if spelled(kind, data):
            return data
    try:
        data = meta_bytes(meta)
    except (TypeError, ValueError, RecursionError):
        check_meta(kind, meta)
        raise AuditError("schema", f"`{kind}`: the metadata cannot be spelled") from None
    if not spelled(kind, data):
        check_meta(kind, meta)
    return data


def _check_kind(kind: str, retain: str, *, alone: bool, chunked: bool, subjects: bool) -> None:
    """Check what a kind lets its leaf say."""
    if alone and kind in EXCHANGE_KINDS:
        raise AuditError("leaf-malformed", f"`{kind}` needs an exchange id")
    if not alone and kind not in LINKED_KINDS:
        raise AuditError("leaf-malformed", f"`{kind}` belongs to no exchange")
    if chunked and kind != "release":
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
    if spelled(kind, data):
        return cast("dict[str, object]", orjson.loads(data))
    try:
        meta = _JSON_READER.decode(data.decode("ascii"))
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
    _check_kind(
        leaf.kind,
        leaf.retain,
        alone=x is None,
        chunked=leaf.chunk > 0,
        subjects=s is not None,
    )
    return leaf
