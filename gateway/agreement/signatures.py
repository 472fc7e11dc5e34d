"""The file of statements beside an agreement: `<id>.sig.json`.

A file that cannot be read in every part counts for nothing, since no statement of it can be trusted
to be all there.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any, Final, NoReturn

from gateway.agreement.finding import Finding, FindingsError, Level
from gateway.agreement.signing import (
    SIGNATURE_BYTES,
    Action,
    SignedFile,
    Statement,
    fault_of,
    read_time,
    time_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_BYTES: Final = 256 * 1024
MAX_STATEMENTS: Final = 1000


class SignaturesError(FindingsError):
    """A signature file that cannot be read."""


_KEYS: Final = ("kind", "subject", "digest", "action", "agency", "key", "role", "time", "sig")


def read_signatures(data: bytes, *, file: str) -> tuple[Statement, ...]:
    """Return the statements of a `<id>.sig.json`: a JSON list of objects with nine texts each.

    Raises:
        SignaturesError: The file is not of this form. No statement of it counts, as none can be
            trusted to be all there.
    """
    if len(data) > MAX_BYTES:
        _bad(file, f"{len(data)} bytes, more than {MAX_BYTES}")
    try:
        items = json.loads(data.decode("utf-8"), object_pairs_hook=_object)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        _bad(file, "not JSON in UTF-8")
    except ValueError as error:
        _bad(file, str(error))
    if not isinstance(items, list) or not items or len(items) > MAX_STATEMENTS:
        _bad(file, f"not a list of 1 to {MAX_STATEMENTS} statements")
    return tuple(_statement(item, place, file) for place, item in enumerate(items, 1))


def write_signatures(statements: Iterable[Statement]) -> bytes:
    """Return the bytes of a signature file; `read_signatures` gives the same statements back."""
    items = [
        {
            "kind": s.kind.value,
            "subject": s.subject,
            "digest": s.digest,
            "action": s.action.value,
            "agency": s.agency,
            "key": s.key,
            "role": s.role,
            "time": time_text(s.time),
            "sig": base64.b64encode(s.sig).decode("ascii"),
        }
        for s in statements
    ]
    return (json.dumps(items, indent=2, ensure_ascii=False) + "\n").encode()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key stands twice in one statement")
    return result


def _statement(item: Any, place: int, file: str) -> Statement:  # noqa: ANN401 - JSON
    if not isinstance(item, dict) or set(item) != set(_KEYS):
        _bad(file, f"statement {place}: its keys are not {', '.join(_KEYS)}")
    if not all(isinstance(value, str) for value in item.values()):
        _bad(file, f"statement {place}: a value is not text")
    try:
        given = Statement(
            SignedFile(item["kind"]),
            item["subject"],
            item["digest"],
            Action(item["action"]),
            item["agency"],
            item["key"],
            item["role"],
            read_time(item["time"]),
            base64.b64decode(item["sig"], validate=True),
        )
    except (ValueError, binascii.Error):
        _bad(file, f"statement {place}: kind, action, time or sig is not of its form")
    fault = fault_of(given)
    if fault is None and len(given.sig) != SIGNATURE_BYTES:
        fault = "`sig` is not 64 bytes"
    if fault is not None:
        _bad(file, f"statement {place}: {fault}")
    return given


def _bad(file: str, message: str) -> NoReturn:
    raise SignaturesError((Finding("signature-invalid", Level.ERROR, file, 1, 1, message),))
