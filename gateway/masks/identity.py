"""The mask of identifiers: a keyed pseudonym, equal inside its scope and nowhere else."""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from gateway.masks.base import WHITE_SPACE, Beside, Inputs, Marker, Mask, Masked, Reader
from gateway.values import FieldType, Scalar

PLACEHOLDERS = (
    "", "unknown", "unk", "n/a", "none", "null", "0", "test", "te\u017ft", "te\ufb05", "te\ufb06",
)  # fmt: skip
"""In lower case; the last three fold to `test` too, which lower case alone does not see."""


PLACEHOLDER_PATTERN = r"^(?:9+|x+)$"


_REPEATED = re.compile(PLACEHOLDER_PATTERN)


def canon(value: str) -> str | None:
    """Return canon@1 of an identifier; None for a placeholder, which must never link people."""
    text = unicodedata.normalize("NFC", value).strip(WHITE_SPACE)
    folded = text.lower()
    return None if folded in PLACEHOLDERS or _REPEATED.match(folded) else text


def hmac_key_text(key: bytes) -> bytes:
    """Return the HMAC key: 64 lower-case hex characters as ASCII, exactly one SHA-256 block."""
    return key.hex().encode("ascii")


class Method(StrEnum):
    """How a pseudonym is made."""

    HMAC = "hmac"
    TOKEN = "token"  # noqa: S105 - a word of the language


class Scope(StrEnum):
    """Within what a pseudonym is equal to itself."""

    PROVISION = "provision"
    AGREEMENT = "agreement"
    RECIPIENT = "recipient"
    LINK_GROUP = "link_group"


@dataclass(frozen=True, slots=True)
class Pseudonym(Mask):
    """Equal inside its scope and period, unlinkable outside.

    HMAC-SHA-256 under a key that stays in the gateway.

    A recipient can still count how often one pseudonym comes. Not Safe Harbor (45 CFR 164.514(c));
    counsel must confirm.
    """

    method: Method
    scope: Scope
    rotate: str
    group: str | None = None
    name: ClassVar[str] = "pseudonym"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.STRING})

    def reader(self, inputs: Inputs) -> Reader:
        """Return the HMAC of the value in its domain, as 64 lower-case hex characters."""
        key = hmac_key_text(inputs.key)
        prefix = inputs.domain.encode() + b"\x1f"

        def apply(value: Scalar, _beside: Beside) -> Masked:
            if value is None:
                return Marker.MISSING
            text = canon(value) if isinstance(value, str) else None
            if text is None:
                return Marker.MASKED
            return hmac.digest(key, prefix + text.encode(), "sha256").hex()

        return apply
