"""Adapters in memory, of any size and behaviour, in place of an agency's own; nobody is real."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any, Final

from adapters import canonical
from adapters.base import Record, Report, RowAdapter
from gateway.values import DatasetId, FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

RUN: Final = DatasetId("ems.overdose_run", 1)

SOME: Final[dict[FieldType, Callable[[int], Any]]] = {
    FieldType.STRING: lambda n: f"SYNTHETIC-{n:08d}",
    FieldType.CODE: lambda _: "unknown",
    FieldType.INTEGER: lambda n: n % 90,
    FieldType.NUMBER: lambda n: float(n % 40),
    FieldType.BOOLEAN: lambda n: bool(n % 2),
    FieldType.DATE: lambda n: dt.date(1980, 1, 1) + dt.timedelta(days=n % 9000),
    FieldType.TIMESTAMP: lambda n: dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=n),
    FieldType.LIST: lambda _: (),
}


def record(dataset: DatasetId, number: int, **fixed: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a whole record of a dataset; `fixed` are the fields that a rule looks at."""
    made = {name: SOME[one.type](number) for name, one in canonical.fields(dataset).items()}
    return made | fixed


class Memory(RowAdapter):
    """Gives the records that it was made with, by dataset.

    Attributes:
        unscanned: Set where values that an adapter should not send must reach the gateway.
    """

    unscanned = False

    def __init__(self, records: dict[DatasetId, Sequence[Record]]) -> None:
        self.records = records

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return what it holds."""
        return tuple(sorted(self.records))

    def rows(self, dataset: DatasetId, wanted: frozenset[str], report: Report) -> Iterator[Record]:
        """Yield them in order."""
        yield from self.records[dataset]


class Runs(RowAdapter):
    """EMS runs by the thousand, each on the day it is asked for; stops where a test wants it to.

    Attributes:
        count: Records in all.
        pause_at: Before this record the scan waits for `go`; -1 for never.
        fails_at: In place of this record an error is raised; -1 for never.
        waiting: Set once the scan has come to `pause_at`.
        ended: Set once a scan has ended, however.
    """

    def __init__(self, count: int, day: dt.date) -> None:
        self.count = count
        self.day = day
        self.pause_at = self.fails_at = -1
        self.error: BaseException = RuntimeError("synthetic failure")
        self.waiting, self.go, self.ended = (threading.Event() for _ in range(3))

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (RUN,)

    def pause(self, at: int) -> None:
        """Make the next scan wait before a record."""
        self.pause_at = at
        for event in (self.waiting, self.go, self.ended):
            event.clear()

    def rows(self, dataset: DatasetId, wanted: frozenset[str], report: Report) -> Iterator[Record]:
        """Yield the runs."""
        whole = record(RUN, 0, incident_date=self.day, time_precision="day", age_unit="years")
        try:
            for number in range(self.count):
                if number == self.pause_at:
                    self.waiting.set()
                    self.go.wait(30)
                if number == self.fails_at:
                    raise self.error
                yield whole | {"pcr_uuid": f"SYNTHETIC-{number:08d}", "age": number % 90}
        finally:
            self.ended.set()
