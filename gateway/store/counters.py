"""Standing: what was asked for and what left so far, read before deciding.

Rows and periods come from the tables that release entries are written with, so a crash forgets
none of them. Requests of the last minute are counted in memory: a restart forgets a minute of
them. Gateways that share a log tell each other with their intents: two that ask at the same moment
may each be granted the last request of a minute, and neither the one after it.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from typing import TYPE_CHECKING, Final

from gateway.decide import Standing
from gateway.ports import source_of, spent_of
from gateway.store.ledger import told

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.store.reads import Reads
    from gateway.values import Request

MINUTE_S: Final = 60
_STANDING: Final = """
SELECT 'rows', CAST(row_count AS TEXT) FROM standing_rows
WHERE recipient = ? AND provision = ? AND day = ?
UNION ALL
SELECT DISTINCT 'period', period FROM standing_period
WHERE recipient = ? AND source = ? AND attempt <> ?
"""
"""All that is asked of the store for one request, at once: rows that left today, and periods that
left in other attempts than the one that it repeats."""
_RATE: Final = """
SELECT coalesce(sum(request_count), 0) FROM standing_rate
WHERE recipient = ? AND provision = ? AND replica <> ? AND second >= ?
"""


class StoredCounters:
    """The `Counters` port over the store.

    Args:
        reads: The store's reading side.
        locate: Returns the provision, `<agreement id>/<provision id>`, that covers a request's
            flow, and how its table is cut, or None: the same names that rows and periods are kept
            under.
        overdue: Returns the ids of duties that an agency is late with under an agreement.
        replica: This gateway's name, where others share the log; empty for one alone.
    """

    def __init__(
        self,
        reads: Reads,
        locate: Callable[[Request], tuple[str, str] | None],
        overdue: Callable[[str, str, dt.datetime], tuple[str, ...]] = lambda _who, _what, _now: (),
        replica: str = "",
    ) -> None:
        self._reads = reads
        self._locate = locate
        self._overdue = overdue
        self._replica = replica
        self._asked: dict[tuple[str, str], deque[list[int]]] = {}

    def of(self, request: Request, now: dt.datetime, attempt: str = "") -> Standing:
        """Return counters for this request's recipient and flow, as of `now`.

        Without a provision nothing will be granted. Periods that `attempt`, the first attempt of
        the same request, has spent are not counted; whether it is the same is the broker's to
        compare, and a repeat the broker's to tell.

        Raises:
            LogError: The store cannot be read: what cannot be counted is not granted.
        """
        located = self._locate(request)
        recipient = request.terms.recipient
        if located is None:
            return Standing()
        provision, cut = located
        found = self._reads.rows(
            _STANDING,
            *(recipient, provision, now.astimezone(dt.UTC).date().isoformat()),
            *(recipient, spent_of(request.terms, cut), attempt),
        )
        return Standing(
            requests_last_minute=self._last_minute(recipient, provision, now)
            + self._elsewhere(recipient, provision, now),
            rows_today=sum(int(count) for what, count in found if what == "rows"),
            periods_released=frozenset(
                dt.date.fromisoformat(period) for what, period in found if what == "period"
            ),
            duties_overdue=self._overdue(recipient, provision.partition("/")[0], now),
            # Records have no cut, and no noise either.
            told=told(self._reads, source_of(request.terms)) if cut else (),
        )

    def charge(self, request: Request, provision: str, now: dt.datetime) -> None:
        """Count one granted request against its provision's rate."""
        second = int(now.timestamp())
        asked = self._asked.setdefault((request.terms.recipient, provision), deque())
        if asked and asked[-1][0] == second:
            asked[-1][1] += 1
        else:
            asked.append([second, 1])

    def _elsewhere(self, recipient: str, provision: str, now: dt.datetime) -> int:
        """Count what other gateways granted, by the seconds of their entries."""
        if not self._replica:
            return 0
        first = int(now.timestamp()) - MINUTE_S
        [(count,)] = self._reads.rows(_RATE, recipient, provision, self._replica, first)
        return int(count)

    def _last_minute(self, recipient: str, provision: str, now: dt.datetime) -> int:
        """Count whole seconds: a second beyond the minute may count, none within is missed."""
        asked = self._asked.get((recipient, provision))
        if asked is None:
            return 0
        first = int(now.timestamp()) - MINUTE_S
        while asked and asked[0][0] < first:
            asked.popleft()
        return sum(count for _, count in asked)
