"""Which entries are asked for: by what stands in the leaf, and by what was opened.

An empty set asks for everything of its kind. Filters join by *and*, values within one by *or*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.entry import Leaf, format_time
from gateway.audit.event import DECISIONS, GRANTED, REFUSED
from gateway.audit.kinds import EXCHANGE_KINDS, KINDS

if TYPE_CHECKING:
    import datetime as dt

    from gateway.audit.event import Event

_LATER: Final = frozenset({"release", "outcome", "recovered"})
_AGENCY_KEYS: Final = ("provider", "recipient", "caller_agency", "who")


@dataclass(frozen=True, slots=True)
class Selection:
    """A query of the log.

    Attributes:
        agencies: Ids; an entry's provider, recipient, caller, or whoever read the log.
        agreements: Ids, or `<id>@<version>`.
        provisions: Ids.
        purposes: Leaves of the tree of purposes, or branches of it.
        kinds: Of the closed list.
        reasons: Why it was refused.
        decision: `granted`, `refused`, or empty for both and for what was never decided.
        since: The first instant asked for.
        until: The first instant no longer asked for.

    Raises:
        ValueError: A kind or decision that the log does not know, or a period that is empty: what
            could never be found must not look like a log in which it is not.
    """

    agencies: frozenset[str] = frozenset()
    agreements: frozenset[str] = frozenset()
    provisions: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    decision: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def __post_init__(self) -> None:
        if not self.kinds <= KINDS.keys():
            raise ValueError(f"a kind is one of {', '.join(KINDS)}")
        if self.decision and self.decision not in DECISIONS:
            raise ValueError(f"a decision is `{GRANTED}` or `{REFUSED}`")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("the period ends before it begins")

    @property
    def shape(self) -> str | None:
        """Which filters are set, by name: what the log keeps of a query, never what it asked."""
        names = ("agencies", "agreements", "provisions", "purposes", "kinds", "reasons")
        more = ("decision", "since", "until")
        return ", ".join(one for one in (*names, *more) if getattr(self, one)) or None

    @property
    def first_time(self) -> str:
        """`since` as leaves write time; empty for the log's beginning."""
        return "" if self.since is None else format_time(self.since)

    @property
    def end_time(self) -> str | None:
        """`until` as leaves write time; None for no end."""
        return None if self.until is None else format_time(self.until)

    def leaf(self, leaf: Leaf) -> bool:
        """Return whether an entry may be asked for, by what needs no opening."""
        return (
            self.within(leaf)
            and (not self.kinds or leaf.kind in self.kinds)
            and (not self.agreements or _agreed(leaf.agreement, self.agreements))
            and (not self.decision or _decided(leaf.kind, self.decision))
        )

    def opens(self, leaf: Leaf) -> bool:
        """Return whether an entry must be opened: it is asked for, or says what one of those was.

        An `intent` says what the later entries of its exchange were, whenever it was.
        """
        return self.leaf(leaf) or (leaf.kind == "intent" and self._later(leaf.agreement))

    def event(self, event: Event) -> bool:
        """Return whether an opened entry is asked for.

        One that could not be opened is found by its leaf alone, and by nothing that it may have
        said: it is not asked for where anything of that is.
        """
        return (
            self.leaf(event.leaf)
            and (not self.agencies or any(event.says(key) in self.agencies for key in _AGENCY_KEYS))
            and (not self.provisions or event.says("provision") in self.provisions)
            and (not self.purposes or _below(event.says("purpose"), self.purposes))
            and (not self.reasons or event.says("reason") in self.reasons)
        )

    def within(self, leaf: Leaf) -> bool:
        """Return whether an entry is of the period."""
        end = self.end_time
        return self.first_time <= leaf.time and (end is None or leaf.time < end)

    def _later(self, agreement: str | None) -> bool:
        """Whether later entries of a granted exchange under an agreement may be asked for."""
        return (
            (not self.kinds or bool(self.kinds & _LATER))
            and self.decision != REFUSED
            and (not self.agreements or _agreed(agreement, self.agreements))
        )


def _agreed(agreement: str | None, asked: frozenset[str]) -> bool:
    return agreement is not None and (agreement in asked or agreement.rpartition("@")[0] in asked)


def _decided(kind: str, decision: str) -> bool:
    return kind in EXCHANGE_KINDS and (kind == "refusal") == (decision == REFUSED)


def _below(purpose: object, asked: frozenset[str]) -> bool:
    """Return whether a purpose is one of those, or stands below one in the tree."""
    if not isinstance(purpose, str):
        return False
    parts = purpose.split(".")
    return any(".".join(parts[: at + 1]) in asked for at in range(len(parts)))
