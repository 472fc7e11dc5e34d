"""What every adapter promises, and two helpers that keep most of the promise for it.

An adapter stands beside an agency's own system and answers scans. A scan names columns, a row
filter and limits; the adapter yields Arrow batches with exactly those columns, only rows that the
filter admits, in an order that is the same whenever the source is the same (resumption depends on
it). It masks nothing, knows no agreement, and holds no key. What it could not read it counts in a
`Report`, by reason and column, never by value.

`RowAdapter` is for files: the subclass yields records as Python values, the base types, filters,
projects and batches them. `TableAdapter` is for databases: the subclass gives an `ibis.Table`,
the base narrows it there.
"""

from __future__ import annotations

import datetime as dt
import json
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from adapters import arrow_stream, batches, canonical
from gateway.errors import Reason, SettingsError, SourceError
from gateway.plan.pushdown import admits, narrow
from gateway.values import FieldType, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from gateway.plan.pushdown import Scan
    from gateway.values import DatasetId

Record: TypeAlias = "Mapping[str, batches.Value]"
"""One record by canonical field name; an absent field is null, a list<string> a tuple of text."""

UNKNOWN_LEAST_ROWS = 100
"""The share of unknown is taken of at least so many rows: one row of three does not stop."""


@dataclass(slots=True)
class Report:
    """What one scan could not read: counts by fixed words and column names, never a value.

    Attributes:
        quarantined: Records left out, by reason (`xsd-invalid`, `doctype`, `wrong-root`,
            `no-record-key`, ...).
        notices: What was read with a reservation, by (kind, column or element).
        unvalidated: True where records were not checked against their standard's own schema.
        rows_read: Records of the dataset that were read, before the row filter.
        rows_unknown: Those of them that held a code, unit or value that the mapping does not know.
    """

    quarantined: Counter[str] = field(default_factory=Counter)
    notices: Counter[tuple[str, str]] = field(default_factory=Counter)
    unvalidated: bool = False
    rows_read: int = 0
    rows_unknown: int = 0
    _open: bool = False

    def quarantine(self, reason: str) -> None:
        """Count a record that is left out."""
        self.quarantined[reason] += 1

    def notice(self, kind: str, where: str) -> None:
        """Count something said of a column.

        Kinds that begin with `unknown-` mark the row being read, but for `unknown-column`, which is
        said once of a file.
        """
        self.notices[kind, where] += 1
        if kind.startswith("unknown-") and kind != "unknown-column":
            self._open = True

    def row(self) -> None:
        """Close the row being read."""
        self.rows_read += 1
        self.rows_unknown += self._open
        self._open = False

    def judge(self, max_unknown_share: float) -> None:
        """Return where the share of rows with something unknown is within its limit.

        Raises:
            SourceError: It is above; the message names the column that is unknown most often.
        """
        if self.rows_unknown <= max_unknown_share * max(self.rows_read, UNKNOWN_LEAST_ROWS):
            return
        unknown = {
            key: count for key, count in self.notices.items() if key[0].startswith("unknown-")
        }
        _, worst = max(unknown, key=lambda key: (unknown[key], key))
        raise SourceError(
            Reason.PROVIDER_REFUSED,
            f"too many rows hold what the mapping does not know, most often in `{worst}`",
            field=worst,
        )


class Adapter(Protocol):
    """The promise; `tests/adapters/contract.py` is the suite that every adapter passes."""

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the datasets that this adapter can answer for, sorted."""

    def scan(self, scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        """Return batches of exactly `arrow_schema(scan.columns)`, of rows that `scan.where` admits.

        Each batch has at most `scan.batch_rows` rows and, unless one row is wider, at most 1 MiB.
        `report` is complete when the iterator is exhausted.

        Raises:
            SourceError: `ADAPTER_BROKE_PLAN`, at once, for a dataset, column or condition that is
                not the adapter's; `ROW_LIMIT` in place of the row after `scan.limit_rows`;
                `PROVIDER_REFUSED` where too much is unknown; `ADAPTER_UNAVAILABLE` where the
                source cannot be read.
        """


def check_scan(scan: Scan, held: tuple[DatasetId, ...]) -> Mapping[str, FieldType]:
    """Return the types of all that the scan needs, columns first, then fields of conditions.

    Raises:
        SourceError: The scan does not fit the dataset; the message names what, and no literal.
    """
    if scan.dataset not in held:
        raise _broken("the scan names a dataset that this adapter does not hold")
    fields = canonical.fields(scan.dataset)
    if not scan.columns or len(set(scan.names)) != len(scan.names):
        raise _broken("the scan's columns are empty or repeat")
    if scan.batch_rows < 1 or scan.limit_rows < 0:
        raise _broken("the scan's limits are out of range")
    needed: dict[str, FieldType] = {}
    for name, kind in scan.columns:
        if name not in fields or fields[name].type != kind:
            raise _broken(f"column `{name}` is not in the dataset with that type")
        needed[name] = kind
    for condition in scan.where:
        if condition.field not in fields:
            raise _broken(f"the condition's field `{condition.field}` is not in the dataset")
        kind = fields[condition.field].type
        if not condition.values or not all(_comparable(value, kind) for value in condition.values):
            raise _broken(f"the condition on `{condition.field}` has no value of its type")
        needed[condition.field] = kind
    return needed


_COMPARABLE: Mapping[FieldType, tuple[type, ...]] = {
    FieldType.STRING: (str,),
    FieldType.CODE: (str,),
    FieldType.LIST: (str,),
    FieldType.INTEGER: (int, float),
    FieldType.NUMBER: (int, float),
    FieldType.BOOLEAN: (bool,),
    FieldType.DATE: (dt.date,),
    FieldType.TIMESTAMP: (dt.datetime,),
}


def _comparable(value: Scalar, kind: FieldType) -> bool:
    if isinstance(value, bool) and kind is not FieldType.BOOLEAN:
        return False  # a bool is an int to Python
    if isinstance(value, dt.datetime):
        return kind is FieldType.TIMESTAMP and value.tzinfo is not None
    return isinstance(value, _COMPARABLE[kind])


def _broken(message: str) -> SourceError:
    return SourceError(Reason.ADAPTER_BROKE_PLAN, message)


def too_many(limit_rows: int) -> SourceError:
    """Return the error of a source that has more rows than the scan may bring."""
    return SourceError(
        Reason.ROW_LIMIT, "the source has more rows than the scan allows", limit=str(limit_rows)
    )


class RowAdapter(ABC):
    """An adapter over records: the subclass yields them, the base keeps the rest of the promise.

    Attributes:
        max_unknown_share: Of the rows read, how many may hold something unknown before the scan
            stops.
    """

    max_unknown_share: float = 0.05

    @abstractmethod
    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the datasets held, sorted."""

    @abstractmethod
    def rows(self, dataset: DatasetId, wanted: frozenset[str], report: Report) -> Iterator[Record]:
        """Yield the records of a dataset, always in the same order for the same source.

        Args:
            dataset: One of `datasets()`.
            wanted: The fields that the scan needs; others may be left out, and are not read by
                the base.
            report: Where whatever is left out or unknown is counted, before the record it belongs
                to is yielded.

        Raises:
            SourceError: The source cannot be read.
        """

    def scan(self, scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        """Return the scan's batches; see `Adapter.scan`."""
        needed = check_scan(scan, self.datasets())
        return self._run(scan, needed, report)

    def _run(
        self, scan: Scan, needed: Mapping[str, FieldType], report: Report
    ) -> Iterator[pa.RecordBatch]:
        batcher = batches.Batcher(scan.columns, scan.batch_rows)
        asked = tuple((condition.field, needed[condition.field]) for condition in scan.where)
        count = 0
        for record in self.rows(scan.dataset, frozenset(needed), report):
            report.row()
            # What a condition reads comes first: of a row that stays nothing else is touched.
            if not admits(batches.wire_row(record, asked), scan.where):
                continue
            row = batches.wire_row(record, scan.columns)
            count += 1
            if count > scan.limit_rows:
                raise too_many(scan.limit_rows)
            if (batch := batcher.add(row)) is not None:
                report.judge(self.max_unknown_share)
                yield batch
        # Judged before the last batch too: a small source leaves nothing when too much of it is
        # unknown.
        report.judge(self.max_unknown_share)
        if (batch := batcher.rest()) is not None:
            yield batch


class TableAdapter(ABC):
    """An adapter over a database: the subclass gives tables, the base narrows them there."""

    @abstractmethod
    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the datasets held, sorted."""

    @abstractmethod
    def table(self, dataset: DatasetId) -> Any:  # noqa: ANN401 - ibis.Table
        """Return the `ibis.Table` of a dataset: canonical names and types, lists as JSON text."""

    @abstractmethod
    def order(self, dataset: DatasetId) -> tuple[str, ...]:
        """Return the columns of the table whose values order its rows without ties."""

    def inspect(self, dataset: DatasetId, report: Report) -> None:  # noqa: B027 - a hook
        """Count what the mapping does not know, before the scan; raise where it is too much."""

    def scan(self, scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        """Return the scan's batches; see `Adapter.scan`."""
        check_scan(scan, self.datasets())
        return self._run(scan, report)

    def _run(self, scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        count = 0
        for batch in self._read(scan, report):
            for piece in batches.fitted(batch, scan.columns, scan.batch_rows):
                count += piece.num_rows
                if count > scan.limit_rows:
                    raise too_many(scan.limit_rows)
                yield piece

    def _read(self, scan: Scan, report: Report) -> Iterator[pa.RecordBatch]:
        try:
            self.inspect(scan.dataset, report)
            ordered = self.table(scan.dataset).order_by(list(self.order(scan.dataset)))
            # One row more than allowed is asked for, so that a source with more fails and none is
            # cut.
            bounded = narrow(ordered, scan).limit(scan.limit_rows + 1)
            yield from arrow_stream.batches(bounded, scan.batch_rows)
        except SourceError:
            raise
        except Exception:  # noqa: BLE001 - a driver's error quotes SQL and values: none goes on
            message = "the provider's database failed"
            raise SourceError(Reason.ADAPTER_UNAVAILABLE, message) from None


class Settings(BaseModel):
    """The base of every adapter's settings: closed, strict, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    max_unknown_share: float = 0.05


_S = TypeVar("_S", bound=BaseModel)


def read_settings(model: type[_S], settings: Mapping[str, object]) -> _S:
    """Return the settings in their checked form.

    Raises:
        SettingsError: A key is unknown, missing or of another type; the message names each, and
            no value.
    """
    try:
        # Through JSON, which has lists for tuples and text for paths while all else stays strict.
        return model.model_validate_json(json.dumps(dict(settings), default=str))
    except ValidationError as error:
        found = [
            f"`{'.'.join(str(part) for part in item['loc'])}`: {_said(item['type'], item['msg'])}"
            for item in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise SettingsError("adapter settings: " + "; ".join(found)) from None


def _said(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "unknown key"
    return message[:1].lower() + message[1:]


def under(base: Path, path: Path) -> Path:
    """Return a path of the settings, relative to the folder of the settings' file.

    Raises:
        SettingsError: Nothing is there; the message names the setting's own text, which is no
            record.
    """
    found = (base / path).resolve()
    if not found.exists():
        raise SettingsError(f"adapter settings: `{path}` does not exist")
    return found
