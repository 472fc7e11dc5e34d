"""Pages: sizes are lowered when too large and refused when negative; tokens grant nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.wire.convert.faults import Faults

DEFAULT: Final = 100
MOST: Final = 1000
_TOKEN_CHARACTERS: Final = 512


def to_size(size: int, path: str, faults: Faults) -> int:
    """Return how many items a page may have."""
    if size < 0:
        faults.add(path, "is negative")
    return min(size, MOST) if size > 0 else DEFAULT


def to_after(token: str, path: str, faults: Faults) -> str:
    """Return the key that a page token says was last, empty for the first page."""
    if len(token) > _TOKEN_CHARACTERS:
        faults.add(path, "is not a page token")
        return ""
    try:
        return urlsafe_b64decode(token.encode("ascii")).decode("utf-8")
    except ValueError:  # binascii.Error and UnicodeError are ValueErrors
        faults.add(path, "is not a page token")
        return ""


def from_after(key: str) -> str:
    """Return the page token for the page after `key`; empty stays empty."""
    return urlsafe_b64encode(key.encode()).decode("ascii")
