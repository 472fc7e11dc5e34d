"""The closed list of seventeen kinds of entries, each with a closed schema of its metadata.

One table, read by the writer (an entry outside it is an error) and by the verifier (a finding).
Nothing here is meant to hold a record's value or a caller's free text: each key is an id, a name, a
count, a digest or one of a few words. Section 3.4 of the log's specification.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.audit.fault import AuditError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_INT: Final = (1 << 53) - 1
TEXT_MAX: Final = 4096

_LISTS = (list, tuple)


class Check(NamedTuple):
    """What a value must be: `holds` says it of an object, `spelled` of its canonical JSON.

    The spelling, a regular expression, is the stricter of the two: what it matches holds, and what
    it does not match, text beyond plain ASCII above all, has to be read before anything is said of
    it. No repetition in it can match one text in two ways, so each is possessive.
    """

    holds: Callable[[object], bool]
    spelled: str


def _matching(pattern: str) -> Check:
    """Text of a pattern that lets no character through that JSON escapes."""
    match = re.compile(pattern).fullmatch
    return Check(lambda value: type(value) is str and match(value) is not None, f'"(?:{pattern})"')


def _listed(check: Check) -> Check:
    """A list, maybe empty, of values that are each of one type."""
    holds, one = check
    return Check(
        lambda value: isinstance(value, _LISTS) and all(map(holds, value)),
        rf"\[(?:{one}(?:,{one})*+)?+\]",
    )


def _row(*checks: Check) -> Check:
    """A list of exactly these."""
    return Check(
        lambda value: (
            isinstance(value, _LISTS)
            and len(value) == len(checks)
            and all(check.holds(one) for check, one in zip(checks, value, strict=True))
        ),
        rf"\[{','.join(check.spelled for check in checks)}\]",
    )


def _maybe(check: Check) -> Check:
    return Check(lambda value: value is None or check.holds(value), f"(?:null|{check.spelled})")


def _word(*words: str) -> Check:
    return _matching("|".join(map(re.escape, words)))


def _is_printable(value: object, more: str = "") -> bool:
    return (
        type(value) is str
        and 0 < len(value) <= TEXT_MAX
        and (value.replace(more, "") if more else value).isprintable()
    )


_text = Check(_is_printable, rf'"[ !#-\[\]-~]{{1,{TEXT_MAX}}}+"')
"""Text of 1 to 4,096 printable characters: what is absent is null, never empty."""

_note = Check(lambda value: _is_printable(value, "\n"), "(?!)")
"""A signed note: the one text that may have line ends."""

_int = Check(lambda value: type(value) is int and 0 <= value <= MAX_INT, "(?:0|[1-9][0-9]{0,14}+)")
"""A whole number from 0 to 2^53-1; true and false are none."""

_step = Check(lambda value: type(value) is int and 1 <= value <= 13, "(?:[1-9]|1[0-3])")  # noqa: PLR2004 - the steps of DESIGN.md
"""A step of the decision, 1 to 13."""

_digest = _matching("[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")
"""32 bytes in base64, in their one spelling."""

_amount = _matching(r"(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{0,9}[1-9])?")
"""A decimal that is not negative, in its shortest spelling."""

_rung = _matching("[a-z][a-z0-9_]{0,63} -> [a-z][a-z0-9_]{0,63}")
"""Two names of levels, the second the coarser."""

_retain = _matching("p|[3-9]y|[1-9][0-9]y")

_TEXTS = _listed(_text)
_PAIRS = _listed(_row(_text, _text))

_FACTS: Final[Mapping[str, Check]] = {
    "provider": _text,
    "recipient": _text,
    "caller_agency": _text,
    "caller_person": _maybe(_text),
    "caller_role": _maybe(_text),
    "certificate": _digest,
    "dataset": _text,
    "purpose": _text,
    "basis": _text,
    "basis_ref": _maybe(_text),
    "agreement_sha256": _digest,
    "floor_sha256": _digest,
    "provision": _text,
    "clauses": _TEXTS,
    "compelled": _maybe(_text),  # who answers subpoenas: a person, never the gateway
    "plan": _digest,
    "released": _PAIRS,
    "withheld": _TEXTS,
    "filter": _maybe(_text),
    "aggregation": _maybe(_text),
    "min_cell": _maybe(_int),
    "duties": _TEXTS,
    "notices": _TEXTS,
    "request": _digest,
    "resumes": _maybe(_text),
    "build": _text,
    "replica": _text,
}
"""What an exchange was; `released` lists [field, mask], `filter` names a template."""

KINDS: Final[Mapping[str, Mapping[str, Check]]] = {
    "genesis": {
        "origin": _text,
        "previous": _maybe(_row(_text, _note)),  # [origin, its last good checkpoint]
        "vkey": _text,
    },
    "intent": _FACTS,
    "refusal": {key: _maybe(check) for key, check in _FACTS.items()}
    | {"reason": _text, "step": _step, "clause": _maybe(_text)},
    "release": {
        "chunk": _int,
        "rows": _int,
        "bytes": _int,
        "form": _word("arrow", "arrow_zstd", "rows"),
        "digest": _digest,
        "stream": _digest,
        "channel": _word("call", "delivery"),
    },
    "outcome": {
        "code": _text,  # the gRPC status by name: `OK`, `CANCELLED`, …
        "chunks": _int,
        "handed": _int,  # chunks that the transport took
        "rows": _int,
        "bytes": _int,
        "stream": _maybe(_digest),  # of the last release entry; null without one
        "rows_suppressed": _maybe(_int),  # null: too few people's to be told, or none
        "cells_suppressed": _int,
        "end": _word("complete", "cut"),
    },
    "recovered": {"verdict": _word("nothing-left", "presume-disclosed"), "chunks": _int},
    "delivery": {
        "event": _word("acknowledged", "expired", "withdrawn", "recalled"),
        "exchange": _maybe(_text),
        "digest": _maybe(_digest),  # the recipient's own
    },
    "duty": {
        "duty": _text,
        "event": _word("attested", "overdue", "breach-notice"),
        "due": _maybe(_text),
        "exchange": _maybe(_text),
    },
    "agreement": {
        "agreements": _listed(_row(_text, _text, _digest, _text)),  # [id, version, SHA-256, state]
        "floor_sha256": _digest,
    },
    "access": {
        "who": _text,
        "role": _maybe(_text),
        "verb": _text,
        "filter": _maybe(_text),
        "results": _int,
    },
    "suspend": {
        "event": _word("begin", "extend", "end"),
        "recipient": _text,
        "statement": _word("written", "oral"),
        "until": _maybe(_text),
        "document": _text,
    },
    "consent": {
        "event": _word("granted", "revoked"),
        "purpose": _text,  # a leaf, or a branch for all below it
        "who": _text,  # the agency that recorded it, or `operator`
        "role": _maybe(_text),
        "document": _text,  # the agency's own id of the form
    },
    "hold": {"event": _word("begin", "end"), "scope": _text, "document": _text},
    "erase": {
        "ranges": _listed(_row(_int, _int)),  # [first, last], both erased
        "class": _retain,
        "rule": _text,
        "count": _int,
    },
    "key": {"key": _text, "event": _word("made", "retired", "destroyed", "lost")},
    "config": {
        "event": _word("start", "stop", "clock-step", "settings", "witness-set"),
        "build": _text,
        "settings": _digest,
        "replica": _text,
    },
    "incident": {
        "class": _text,
        "heads": _listed(_row(_int, _digest)),  # the contradicting [size, root]
        "next_origin": _text,
    },
}
"""kind -> key -> what its value must be. Every key is present; `_maybe` may be null."""

MORE: Final[Mapping[str, Mapping[str, Check]]] = {
    "release": {
        # Of records under `anonymity`: [people in the smallest class of the whole release, rows in
        # classes of that size, rows that stayed behind or null where that may not be told].
        "crowd": _row(_int, _int, _maybe(_int)),
        # Of a table with noise: [mechanism, rho, scale, the most cells of one person, the field
        # that names a person, what was drawn for this release: "0" where all of it was before].
        "noise": _row(_text, _amount, _amount, _amount, _text, _amount),
        # Of a table: the last rung of the agreement's ladder that was taken, `county -> region`.
        "rung": _rung,
        # Of other records, with the last chunk: [people or rows in the smallest class or null, rows
        # of classes of one, rows of the release, which of the two was counted, one class in how
        # many was looked at].
        "likeness": _row(_maybe(_int), _int, _int, _word("people", "rows"), _int),
    },
}
"""kind -> key -> what its value must be, for keys that are there only where they say something."""

EXCHANGE_KINDS: Final = frozenset({"intent", "refusal", "release", "outcome", "recovered"})
"""Kinds that are a step in an exchange's life: `x` is set."""

LINKED_KINDS: Final = EXCHANGE_KINDS | {"delivery", "duty", "access"}
"""Kinds whose `x` may be set."""

TOKEN_KINDS: Final = frozenset({"release", "access", "suspend", "hold", "consent"})
"""Kinds that may carry subject tokens."""

NAMELESS_KINDS: Final = frozenset(KINDS) - TOKEN_KINDS - {"intent", "refusal"}
"""Kinds whose metadata can name no person: only these may be kept with the log (`r` = `p`)."""


def check_meta(kind: str, meta: Mapping[str, object]) -> None:
    """Raise unless `meta` has exactly the keys of its kind, each with a value of its type.

    Keys of `MORE` may be there or not.

    Raises:
        AuditError: `schema`; the message names kind and key, never the value.
    """
    schema = KINDS.get(kind)
    if schema is None:
        raise AuditError("schema", "the kind is not one of the seventeen")
    more = MORE.get(kind, {})
    schema = {**schema, **{key: more[key] for key in more.keys() & meta.keys()}}
    if meta.keys() != schema.keys():
        wrong = sorted(map(str, schema.keys() - meta.keys()))
        # An unknown key may be a caller's text: it is counted, and not repeated.
        unknown = len(meta.keys() - schema.keys())
        raise AuditError("schema", f"`{kind}`: missing keys {wrong}, unknown keys {unknown}")
    for key, check in schema.items():
        if not check.holds(meta[key]):
            raise AuditError("schema", f"`{kind}`: `{key}` is not of its type")


def spelled(kind: str, data: bytes) -> bool:
    """Return whether bytes are surely the canonical JSON of metadata that fits its kind's schema.

    One regular expression in place of reading them: a verifier has a million to look at. False says
    nothing: `check_meta` has to be asked.
    """
    pattern = _spelling(kind)
    return pattern is not None and pattern.fullmatch(data) is not None


@cache
def _spelling(kind: str) -> re.Pattern[bytes] | None:
    """Return the pattern of a kind's canonical JSON: all its keys, in their order."""
    schema, more = KINDS.get(kind), MORE.get(kind, {})
    if schema is None or (more and min(more) < min(schema)):
        return None
    parts: list[str] = []
    for key, check in sorted({**schema, **more}.items()):
        comma = "," if parts else ""
        part = f"{comma}{json.dumps(key)}:{check.spelled}"
        parts.append(f"(?:{part})?+" if key in more else part)
    return re.compile(rf"\{{{''.join(parts)}\}}".encode("ascii"))
