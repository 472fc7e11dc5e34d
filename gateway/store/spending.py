"""What requests in flight are about to spend, and whose request ids they hold.

Standing is read before deciding, and many a request may be decided before the first of them has
released anything. So each release asks here again, on the event loop and without a wait in between,
before its entry is put in line. Where several processes write a log each asks once more in its
own turn to append; see `store.turn`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.errors import BusyError, ConflictError, Reason, RefusedError, ReleaseError
from gateway.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.ports import Keep
    from gateway.store.ledger import Rows

RETRY_AFTER_S: Final = 0.25
_ROWS: Final = (
    "SELECT row_count FROM standing_rows WHERE recipient = ? AND provision = ? AND day = ?"
)
_PERIOD: Final = (
    "SELECT 1 FROM standing_period "
    "WHERE recipient = ? AND source = ? AND period = ? AND attempt <> ? LIMIT 1"
)

Name: TypeAlias = "tuple[str, str, str]"


class Claims:
    """Request ids of requests that are being carried out."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], bytes] = {}

    @contextmanager
    def hold(self, recipient: str, request_id: str, request_digest: bytes) -> Iterator[None]:
        """Hold a request id.

        Raises:
            ConflictError: It is held for other terms.
            BusyError: It is held for the same ones.
        """
        name = (recipient, request_id)
        held = self._held.get(name)
        if held is not None:
            if held != request_digest:
                raise ConflictError(
                    Reason.REQUEST_ID_USED, "this request id was used for other terms"
                )
            raise BusyError(
                Reason.BUSY, "this request is being carried out", retry_after_s=RETRY_AFTER_S
            )
        self._held[name] = request_digest
        try:
            yield
        finally:
            del self._held[name]


class _Day:
    """Rows of a day: those that left and those that are about to, while any are."""

    __slots__ = ("flights", "rows")

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.flights = 0


class Spent:
    """What one release spends, until its fate is settled."""

    __slots__ = ("_keep", "_name", "_periods", "_spending")

    def __init__(self, spending: Spending, name: Name, keep: Keep, periods: list[Name]) -> None:
        self._spending = spending
        self._name = name
        self._keep = keep
        self._periods = periods

    def settle(self, *, durable: bool) -> None:
        """Let go: what is durable is in the store, and what is not was not spent."""
        self._spending.ledger.settle(self._keep)
        self._spending.settle(self._name, 0 if durable else self._keep.rows, self._periods)


class Spending:
    """Rows, periods and noise that releases in flight are about to spend.

    Attributes:
        ledger: What of the noise is spent.
    """

    def __init__(self, reads: Rows) -> None:
        self._reads = reads
        self.ledger = Ledger(reads)
        self._periods: dict[Name, str] = {}
        self._days: dict[Name, _Day] = {}

    def hold(self, keep: Keep, agreement: str) -> Spent | None:
        """Hold what a release spends; return it, to be settled with its entry.

        Args:
            keep: What it spends.
            agreement: `<id>@<version>`, for the refusal.

        Raises:
            ReleaseError: Another request has released one of the periods, or is about to.
            RefusedError: The day has not so many rows left, or a budget not so much noise.
        """
        if not keep.charge:
            return None
        periods = self._fresh(keep)
        name = (keep.recipient, keep.provision, keep.day.isoformat())
        day = self._days.get(name)
        if day is None:
            # None in flight: whatever left is in the store.
            day = _Day(sum(count for (count,) in self._reads.rows(_ROWS, *name)))
        if day.rows + keep.rows > keep.rows_per_day:
            raise RefusedError(
                Reason.ROW_LIMIT,
                "`rows_per_day` is reached by this and other requests",
                step=6,
                agreement=agreement,
                provision=keep.provision.partition("/")[2],
            )
        self.ledger.hold(keep, agreement)
        day.rows += keep.rows
        day.flights += 1
        self._days[name] = day
        self._periods.update(dict.fromkeys(periods, keep.attempt))
        return Spent(self, name, keep, periods)

    def settle(self, name: Name, rows: int, periods: list[Name]) -> None:
        """Let go of what a release held; `rows` of it were not spent."""
        day = self._days[name]
        day.rows -= rows
        day.flights -= 1
        if not day.flights:
            del self._days[name]
        for period in periods:
            del self._periods[period]

    def _fresh(self, keep: Keep) -> list[Name]:
        """Return the periods that this release is the first in flight to spend."""
        names = [(keep.recipient, keep.spends, period.isoformat()) for period in keep.periods]
        for name in names:
            held = self._periods.get(name, keep.attempt)
            if held != keep.attempt or self._reads.rows(_PERIOD, *name, keep.attempt):
                raise ReleaseError(
                    Reason.CELL_RELEASED, "another request released the period in the meantime"
                )
        return [name for name in names if name not in self._periods]
