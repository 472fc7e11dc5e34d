"""The mask of identifiers: a pseudonym, keyed or drawn, equal inside its scope and nowhere else."""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from gateway.errors import Reason, ReleaseError
from gateway.masks.base import WHITE_SPACE, Beside, Inputs, Marker, Mask, Masked, Reader
from gateway.values import FieldType, Scalar

if TYPE_CHECKING:
    from collections.abc import Callable

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


def keyed(inputs: Inputs) -> Callable[[str], str]:
    """Return the HMAC-SHA-256 of a canonical text in its domain, as 64 lower-case hex digits."""
    key = hmac_key_text(inputs.key)
    prefix = inputs.domain.encode() + b"\x1f"
    return lambda text: hmac.digest(key, prefix + text.encode(), "sha256").hex()


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

    `hmac` is HMAC-SHA-256 under a key that stays in the gateway; it is derived from the value, so
    it is not Safe Harbor (45 CFR 164.514(c)). `token` is 128 random bits out of a sealed vault, and
    holds nothing. Of either, a recipient can still count how often one comes; counsel must confirm.
    """

    method: Method
    scope: Scope
    rotate: str
    group: str | None = None
    name: ClassVar[str] = "pseudonym"
    accepts: ClassVar[frozenset[FieldType]] = frozenset({FieldType.STRING})

    @property
    def characters(self) -> int:
        """How many lower-case hex digits leave: 256 bits of an HMAC, 128 of a token."""
        return 32 if self.method is Method.TOKEN else 64

    def reader(self, inputs: Inputs) -> Reader:
        """Return the pseudonym of a value: its HMAC in its domain, or what the vault has for it."""
        if self.method is Method.TOKEN:
            return _drawn(inputs)
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


def _drawn(inputs: Inputs) -> Reader:
    """Return what the vault's table, by keyed index, has for a value.

    The reader raises `ReleaseError` for a value that the table does not cover: one that left as
    null would look like one that nobody recorded.
    """
    index, table = keyed(inputs), inputs.table or {}

    def apply(value: Scalar, _beside: Beside) -> Masked:
        if value is None:
            return Marker.MISSING
        text = canon(value) if isinstance(value, str) else None
        if text is None:
            return Marker.MASKED
        token = table.get(index(text))
        if token is None:
            raise uncovered()
        return str(token)

    return apply


def uncovered() -> ReleaseError:
    """Return the error of a value that should have a token and has none."""
    return ReleaseError(Reason.RELEASE_CHECK_FAILED, "the vault did not cover a value")
