"""Statements by which parties sign, suspend, resume and terminate; their making and their proof.

A statement is eight lines of text and an Ed25519 signature over them: `openssl pkeyutl -verify
-rawin` checks it without Accord. What follows from the statements is `state`'s.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gateway.agreement.canon import digest_text
from gateway.agreement.finding import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from gateway.agreement.registry import Agency

SIGNATURE_BYTES: Final = 64
CLOCK_SKEW: Final = dt.timedelta(minutes=5)

_SUBJECT = re.compile(r"_?[a-z0-9-]{3,64}@(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){2}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ROLE_MAX: Final = 100


class SignedFile(StrEnum):
    """The kinds of file that are signed; the kind stands in a statement's first line."""

    AGREEMENT = "agreement"
    FLOOR = "floor"
    AGENCIES = "agencies"
    PURPOSES = "purposes"


class Action(StrEnum):
    """What a statement does."""

    ACTIVATE = "activate"
    SUSPEND = "suspend"
    RESUME = "resume"
    TERMINATE = "terminate"


STARTS: Final = frozenset({Action.ACTIVATE, Action.RESUME})
"""Actions that let traffic flow."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One party's word about one version, as it stands in `<id>.sig.json`.

    Attributes:
        subject: `<id>@<version>`; `_floor@…`, `agencies@…`, `purposes@…` for the other files.
        digest: `sha256:` and 64 hex characters.
        role: The signer's role in the agency, not a name.
        time: The signer's time, UTC, to the second: their word, never relied on alone.
        sig: 64 bytes.
    """

    kind: SignedFile
    subject: str
    digest: str
    action: Action
    agency: str
    key: str
    role: str
    time: dt.datetime
    sig: bytes = b""

    def message(self) -> bytes:
        """Return the eight lines that are signed, each ended by LF."""
        lines = (
            f"accord/v1 {self.kind}",
            self.subject,
            self.digest,
            self.action.value,
            self.agency,
            self.key,
            self.role,
            time_text(self.time),
        )
        return "".join(f"{line}\n" for line in lines).encode()


def statement(
    kind: SignedFile,
    subject: str,
    digest: bytes,
    action: Action,
    *,
    agency: str,
    key: str,
    role: str,
    time: dt.datetime,
) -> Statement:
    """Return the statement to sign.

    Raises:
        ValueError: A part is not of its form; a line end in one would move the others.
    """
    draft = Statement(kind, subject, digest_text(digest), action, agency, key, role, time)
    if (fault := fault_of(draft)) is not None:
        raise ValueError(fault)
    return draft


def sign(draft: Statement, private: Ed25519PrivateKey) -> Statement:
    """Return `draft` with its signature."""
    return Statement(
        draft.kind,
        draft.subject,
        draft.digest,
        draft.action,
        draft.agency,
        draft.key,
        draft.role,
        draft.time,
        private.sign(draft.message()),
    )


@dataclass(frozen=True, slots=True)
class Verified:
    """Proof that a statement's signature holds; made by `verify`, and for a past stop `recalled`.

    Attributes:
        seen: When the gateway first saw the signature: an entry in the log, not the signer's word.
    """

    statement: Statement
    seen: dt.datetime


def verify(
    given: Statement, *, agencies: Mapping[str, Agency], seen: dt.datetime
) -> Verified | str:
    """Return proof that `given` is its agency's word, or why it is not.

    The key must stand in the registry under that agency and be within its dates (UTC, both
    included) when the signature was first seen. Whether the digest is that of the file in force is
    `status`'s question.
    """
    if (fault := fault_of(given)) is not None:
        return fault
    agency = agencies.get(given.agency)
    if agency is None:
        return f"agency {quoted(given.agency)} is not in the registry"
    key = next((key for key in agency.signing_keys if key.id == given.key), None)
    if key is None:
        return f"key {quoted(given.key)} is not a signing key of {quoted(given.agency)}"
    day = seen.astimezone(dt.UTC).date()
    if not key.since <= day <= key.until:
        return f"key {quoted(given.key)} is outside its dates"
    # A start that is dated ahead could outlive a later suspension; a stop may be dated as it likes.
    if given.action in STARTS and given.time > seen + CLOCK_SKEW:
        return "the signer's time lies ahead"
    if not _signed(given, key.ed25519):
        return f"the signature by key {quoted(given.key)} does not hold"
    return Verified(given, seen)


def _signed(given: Statement, key: bytes) -> bool:
    # Where nobody has signed, as while a file is written, an officer does not wait for them.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
        Ed25519PublicKey,
    )

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(given.sig, given.message())
    except (InvalidSignature, ValueError):
        return False
    return True


def recalled(given: Statement, *, seen: dt.datetime) -> Verified:
    """Return proof of a stop that `verify` proved before, out of the gateway's own memory.

    A key that has since left the registry does not take its suspension along.

    Raises:
        ValueError: It is no stop: what lets traffic flow is proved each time.
    """
    if given.action in STARTS:
        raise ValueError("only a stop is remembered")
    return Verified(given, seen)


def fault_of(given: Statement) -> str | None:
    """Return which part of a statement is not of its form, so that its eight lines are eight."""
    if not _SUBJECT.fullmatch(given.subject):
        return "`subject` is not <id>@<version>"
    if not _DIGEST.fullmatch(given.digest):
        return "`digest` is not sha256: and 64 hex characters"
    if not (_NAME.fullmatch(given.agency) and _NAME.fullmatch(given.key)):
        return "`agency` or `key` is not an id"
    if not (0 < len(given.role) <= _ROLE_MAX and given.role.isprintable()):
        return "`role` is not printable text of 1 to 100 characters"
    if given.time.utcoffset() != dt.timedelta(0) or given.time.microsecond:
        return "`time` is not UTC to the second"
    return None


def time_text(time: dt.datetime) -> str:
    """Return the one spelling of a statement's time."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(text: str) -> dt.datetime:
    """Return the time that `time_text` spells so.

    Raises:
        ValueError: It is spelt in another way.
    """
    time = dt.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=dt.UTC)
    if time_text(time) != text:
        raise ValueError("a second spelling of a time")
    return time
