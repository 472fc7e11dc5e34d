"""What a period of the log comes to: counts by flow, refusals by reason, duties, who read it.

`Summary` takes events in the log's order and keeps counts alone, so that a report of six years
needs as much memory as one of a day. What was not opened is counted as such, and in no other
figure than those that its leaf gives.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from gateway.audit.event import Event

_DAY: Final = len("2026-11-20")


class Flow(NamedTuple):
    """Who gives what to whom, and why; empty words where the log does not say."""

    provider: str
    recipient: str
    dataset: str
    purpose: str


class Reason(NamedTuple):
    """Why a request was refused, and at which step of the decision."""

    reason: str
    step: int


class Reader(NamedTuple):
    """Who read the log, and by which verb."""

    who: str
    verb: str


class Duty(NamedTuple):
    """A duty of a recipient: its id, when it was due, the exchange that it came with."""

    duty: str
    due: str
    exchange: str


@dataclass(slots=True)
class Tally:
    """Counts of one flow, or of one day.

    Attributes:
        granted: Exchanges that were granted.
        refused: Requests that were refused.
        chunks: Releases, each of one chunk.
        rows: Rows in them.
        subjects: Subject tokens in them: one for each person's part in each chunk.
        unseen: Releases with subjects whose tokens were not opened.
        cells_suppressed: Cells that stayed behind.
        rows_suppressed: Rows that stayed behind, where that may be told.
        untold: Exchanges of which it may not be told.
        cut: Exchanges that ended before their end.
        presumed: Exchanges that a crash cut, and that count as disclosed.
    """

    granted: int = 0
    refused: int = 0
    chunks: int = 0
    rows: int = 0
    subjects: int = 0
    unseen: int = 0
    cells_suppressed: int = 0
    rows_suppressed: int = 0
    untold: int = 0
    cut: int = 0
    presumed: int = 0

    def add(self, event: Event) -> None:
        """Count an entry of an exchange."""
        meta = event.meta or {}
        match event.leaf.kind:
            case "intent":
                self.granted += 1
            case "refusal":
                self.refused += 1
            case "release":
                self.chunks += 1
                self.rows += meta.get("rows", 0)
                self.subjects += len(event.tokens)
                self.unseen += event.leaf.s is not None and not event.tokens
            case "outcome" if event.meta is not None:
                self.cells_suppressed += meta["cells_suppressed"]
                self.rows_suppressed += meta["rows_suppressed"] or 0
                self.untold += meta["rows_suppressed"] is None
                self.cut += meta["end"] == "cut"
            case "recovered":
                self.presumed += meta.get("verdict") == "presume-disclosed"
            case _:
                pass


class Summary:
    """What the events of a period come to; `add` takes them in the log's order.

    Attributes:
        entries: How many there were.
        not_opened: How many of them say nothing here.
        first: Time of the first; empty without one.
        last: Time of the last.
        kinds: Entries by kind.
        total: Counts of all exchanges.
        flows: Counts by flow.
        days: Counts by day, UTC.
        reasons: Refusals by reason and step.
        duties: Exchanges granted by the duty that they came with.
        duty_events: Entries about duties by their event.
        overdue: Duties that are overdue, and that nobody attested since, with the time it was said.
        readers: Reads of the log by who and verb.
        changes: What happened to the gateway itself: kind and event.
        erased: Payloads erased.
    """

    def __init__(self) -> None:
        self.entries = 0
        self.not_opened = 0
        self.first = ""
        self.last = ""
        self.kinds: Counter[str] = Counter()
        self.total = Tally()
        self.flows: dict[Flow, Tally] = {}
        self.days: dict[str, Tally] = {}
        self.reasons: Counter[Reason] = Counter()
        self.duties: Counter[str] = Counter()
        self.duty_events: Counter[str] = Counter()
        self.overdue: dict[Duty, str] = {}
        self.readers: Counter[Reader] = Counter()
        self.changes: Counter[tuple[str, str]] = Counter()
        self.erased = 0

    def add(self, event: Event) -> None:
        """Count one event."""
        self.entries += 1
        self.not_opened += event.meta is None
        self.first = self.first or event.leaf.time
        self.last = event.leaf.time
        self.kinds[event.leaf.kind] += 1
        if event.decision:
            self._exchange(event)
        elif event.meta is not None:
            self._other(event, event.meta)

    def _exchange(self, event: Event) -> None:
        flow = Flow(*(event.says(key) or "" for key in Flow._fields))
        self.total.add(event)
        self.flows.setdefault(flow, Tally()).add(event)
        self.days.setdefault(event.leaf.time[:_DAY], Tally()).add(event)
        if event.leaf.kind == "refusal" and event.meta is not None:
            self.reasons[Reason(event.meta["reason"], event.meta["step"])] += 1
        if event.leaf.kind == "intent" and event.meta is not None:
            self.duties.update(event.meta["duties"])

    def _other(self, event: Event, meta: Any) -> None:  # noqa: ANN401 - metadata of any kind
        match event.leaf.kind:
            case "duty":
                self._duty(event, meta)
            case "access":
                self.readers[Reader(meta["who"], meta["verb"])] += 1
            case "erase":
                self.erased += meta["count"]
            case "agreement":
                self.changes["agreement", "in force"] += 1
            case "incident":
                self.changes["incident", meta["class"]] += 1
            case "config" | "key" | "hold" | "suspend" | "consent" | "delivery":
                self.changes[event.leaf.kind, meta["event"]] += 1
            case _:
                pass

    def _duty(self, event: Event, meta: Any) -> None:  # noqa: ANN401 - metadata of a duty
        duty = Duty(meta["duty"], meta["due"] or "", meta["exchange"] or "")
        self.duty_events[meta["event"]] += 1
        if meta["event"] == "overdue":
            self.overdue[duty] = event.leaf.time
        elif meta["event"] == "attested":
            # Whatever day it was said to be due: it is the same duty of the same exchange.
            for one in [one for one in self.overdue if one[::2] == duty[::2]]:
                del self.overdue[one]
