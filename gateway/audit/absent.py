"""What is gone: payloads that are not there, and keys; until what explains them has been read.

A payload may go when its class is over, by an `erase` entry that covers it, and while no hold keeps
everything; a key, when nothing is left under it. Whether a hold of one agreement, exchange or
person was respected, nobody can tell once the payload is gone: such holds are the gateway's to
keep. Section 8, steps 4 and 6, of the log's specification.
"""

from __future__ import annotations

from bisect import bisect_right
from heapq import heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gateway.audit.holds import ALL, Holds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.audit.life import Fault

_RUN_MAX: Final = 256
_GONE: Final = frozenset({"destroyed", "lost"})


class _Run(NamedTuple):
    """Entries next to each other whose payloads are gone, of one class."""

    first: int
    last: int
    retain: str
    latest: str


class _Erased(NamedTuple):
    """A range that an `erase` entry covers: when it was written, and where."""

    first: int
    last: int
    time: str
    at: int


class Absent:
    """Payloads and keys that are not there; `faults` weighs them at the end of the log.

    Attributes:
        expired: Payloads that went in their time; counted by `faults`.
    """

    __slots__ = ("_erased", "_events", "_holds", "_runs", "_unkeyed", "expired")

    def __init__(self) -> None:
        self.expired = 0
        self._runs: list[_Run] = []
        self._erased: dict[str, list[_Erased]] = {}
        self._holds: list[tuple[int, Mapping[str, Any]]] = []
        self._events: dict[str, str] = {}
        self._unkeyed: dict[str, tuple[int, int]] = {}

    @property
    def held(self) -> int:
        """How many holds are in force after the entries so far, of those that could be read."""
        holds = Holds()
        for index, meta in self._holds:
            holds.read(index, meta, ())
        return len(holds.in_force)

    def go_on(self, later: Absent) -> None:
        """Take what the account of the next part of the log says."""
        for run in later._runs:
            self._add(run)
        self._holds += later._holds
        self._events |= later._events
        for retain, ranges in later._erased.items():
            self._erased.setdefault(retain, []).extend(ranges)
        for key_id, (first, count) in later._unkeyed.items():
            known = self._unkeyed.get(key_id, (first, 0))
            self._unkeyed[key_id] = known[0], known[1] + count

    def missing(self, index: int, retain: str, time: str) -> None:
        """Take an entry without a payload."""
        self._add(_Run(index, index, retain, time))

    def _add(self, more: _Run) -> None:
        if self._runs:
            run = self._runs[-1]
            near = run.last + 1 == more.first and more.last - run.first < _RUN_MAX
            if near and run.retain == more.retain:
                self._runs[-1] = run._replace(last=more.last, latest=more.latest)
                return
        self._runs.append(more)

    def unkeyed(self, index: int, key_id: str) -> None:
        """Take an entry whose payload is there, and its key is not."""
        first, count = self._unkeyed.get(key_id, (index, 0))
        self._unkeyed[key_id] = first, count + 1

    def said(self, index: int, kind: bytes, time: str, meta: Mapping[str, Any]) -> None:
        """Take an opened entry of a kind that says what went, or was to stay."""
        if kind == b"erase":
            ranges = self._erased.setdefault(meta["class"], [])
            ranges += [_Erased(first, last, time, index) for first, last in meta["ranges"]]
        elif kind == b"hold":
            self._holds.append((index, meta))
        elif kind == b"key":
            self._events[meta["key"]] = meta["event"]

    def faults(self) -> Iterator[tuple[int, Fault]]:
        """Yield (index, fault) for what nothing explains; count the rest as `expired`."""
        held = self._held()
        erased = {retain: _flat(ranges) for retain, ranges in self._erased.items()}
        for run in self._runs:
            at, ranges = run.first, erased.get(run.retain, [])
            while at <= run.last:
                upto, fault = _weigh(at, run, ranges, held)
                if fault is None:
                    self.expired += upto - at + 1
                else:
                    yield at, fault
                at = upto + 1
        yield from self._cut_off()

    def _held(self) -> list[tuple[int, int]]:
        """Return [from, to) of entries at which a hold kept everything."""
        holds, found = Holds(), list[tuple[int, int]]()
        since = -1
        for index, meta in self._holds:
            holds.read(index, meta, ())
            every = any(one.scope == ALL for one in holds.in_force)
            if every and since < 0:
                since = index
            elif not every and since >= 0:
                found.append((since, index))
                since = -1
        return [*found, (since, 1 << 63)] if since >= 0 else found

    def _cut_off(self) -> Iterator[tuple[int, Fault]]:
        """Yield what was sealed under a key that the log says is gone, and was not erased."""
        for key_id, (first, count) in sorted(self._unkeyed.items()):
            event = self._events.get(key_id)
            if event in _GONE:
                yield (
                    first,
                    ("payload-unopenable", f"{count} payloads lie under a key that is {event}"),
                )


def _flat(ranges: Sequence[_Erased]) -> list[_Erased]:
    """Return ranges that do not overlap, in order: of those that did, the latest counts.

    What a later entry covers was there when it was written, whatever an earlier one had meant to
    take.
    """
    begins = sorted(ranges)
    edges = sorted({edge for one in ranges for edge in (one.first, one.last + 1)})
    found: list[_Erased] = []
    open_: list[tuple[int, _Erased]] = []
    taken = 0
    for first, stop in pairwise(edges):
        while taken < len(begins) and begins[taken].first <= first:
            heappush(open_, (-begins[taken].at, begins[taken]))
            taken += 1
        while open_ and open_[0][1].last < first:
            heappop(open_)
        if open_:
            found.append(open_[0][1]._replace(first=first, last=stop - 1))
    return found


def _weigh(
    at: int, run: _Run, ranges: Sequence[_Erased], held: Sequence[tuple[int, int]]
) -> tuple[int, Fault | None]:
    """Return how far one answer goes from `at`, and the fault, if it is one."""
    place = bisect_right(ranges, at, key=lambda one: one.first)
    covering = ranges[place - 1] if place and ranges[place - 1].last >= at else None
    if covering is None:
        gap = min(run.last, ranges[place].first - 1) if place < len(ranges) else run.last
        return gap, ("payload-missing", f"no `erase` covers the payloads up to {gap}")
    upto = min(run.last, covering.last)
    # The last entry of the run is the youngest: where it had run out, all of them had.
    if run.retain == "p" or later(run.latest, run.retain) > covering.time:
        return upto, ("erased-early", f"payloads up to {upto} were erased within their class")
    if any(since <= covering.at < until for since, until in held):
        return upto, ("erased-early", f"payloads up to {upto} were erased while everything is held")
    return upto, None


def later(time: str, retain: str) -> str:
    """Return a leaf's time moved on by its class, as text that sorts (29 February stays one)."""
    return f"{int(time[:4]) + int(retain[:-1]):04d}{time[4:]}"
