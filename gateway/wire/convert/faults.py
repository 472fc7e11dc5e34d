"""Collects what is wrong with a message: paths and rules, never a value.

Each converter goes on past a fault, so that a caller mends all at once; `settle` then raises.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.errors import Reason, RequestError

if TYPE_CHECKING:
    from google.protobuf.message import Message

KEPT: Final = 21
"""One more than leaves, so that the status can say that it was cut."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
AGENCY = re.compile(r"[a-z][a-z0-9_.-]{0,62}")
PURPOSE = re.compile(r"[a-z][a-z0-9_.]{0,126}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
DIGEST_BYTES: Final = 32


class Faults:
    """The faults of one message, by path; a message with none of them is a value."""

    __slots__ = ("_found", "_reason")

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []
        self._reason = Reason.INVALID_REQUEST

    def add(self, path: str, rule: str, reason: Reason = Reason.INVALID_REQUEST) -> None:
        """Note that the field at `path` breaks `rule`; the first one names the reason."""
        if not self._found:
            self._reason = reason
        if len(self._found) < KEPT:
            self._found.append((path, rule))

    def match(self, text: str, pattern: re.Pattern[str], path: str, rule: str) -> None:
        """Note a text that is not wholly of a pattern."""
        if not pattern.fullmatch(text):
            self.add(path, rule)

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self._found)

    def settle(self) -> None:
        """Return if there is no fault.

        Raises:
            RequestError: With every fault, by path.
        """
        if self._found:
            path, rule = self._found[0]
            raise RequestError(
                self._reason,
                f"`{path}` {rule}",
                violations=self._found,
                field=path,
            )


def known(message: Message) -> None:
    """Return if the message holds no field that this version does not know, at any depth.

    An older gateway would else ignore what a newer caller narrows by. Serialized size is compared
    before and after unknown fields are discarded, which reaches every depth.

    Raises:
        RequestError: `UNKNOWN_FIELD`.
    """
    size = message.ByteSize()
    message.DiscardUnknownFields()
    if message.ByteSize() != size:
        raise RequestError(
            Reason.UNKNOWN_FIELD, "the request has a field that this version does not know"
        )
