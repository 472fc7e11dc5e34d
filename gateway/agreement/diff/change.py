"""One difference between two versions, and in which direction it goes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """Whether more leaves, or less, or whether that is no question."""

    WIDENED = "WIDENED"
    NARROWED = "NARROWED"
    CHANGED = "CHANGED"


@dataclass(frozen=True, slots=True)
class Flow:
    """Who gives what to whom, and what for."""

    provider: str
    recipient: str
    dataset: str
    purpose: str

    def text(self) -> str:
        """Return it in a line."""
        return f"{self.provider} to {self.recipient}, {self.dataset}, {self.purpose}"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    What cannot be compared is WIDENED: whoever signs has to look at it.

    Attributes:
        flow: Where; None for what holds of the whole agreement.
        what: A field, or a key of the file.
        before, after: What it was and is, in the file's words.
    """

    way: Way
    flow: Flow | None
    what: str
    before: str
    after: str

    def text(self) -> str:
        """Return it in a line."""
        where = f"{self.flow.text()}: " if self.flow is not None else ""
        return f"{self.way.value} {where}{self.what} {self.before} -> {self.after}"
