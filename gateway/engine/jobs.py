"""Makes checked releases of batches: a few rows one by one, more in columns.

Nothing here waits: a job is one call, on the event loop or off it, as `engine/run` sees fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from gateway.broker.chunks import ready_of
from gateway.errors import Reason, SourceError
from gateway.plan import lower, rows
from gateway.plan.check import BatchCheck, Release, RowCheck, in_classes
from gateway.plan.distinct import mask_few
from gateway.plan.likeness import Columns, Gathered
from gateway.plan.pushdown import arrow_schema
from gateway.plan.vaulted import by_token

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.broker.subjects import SubjectTokens
    from gateway.plan.classes import Gathering, Part
    from gateway.plan.distinct import Few
    from gateway.plan.ops import Crowd, Plan
    from gateway.ports import Ready
    from gateway.values import Form, Row, Scalar

ROWS_AT_ONCE = 32
"""Up to here rows are masked one by one: `make bench` measures the crossover."""

COLUMNS_KEPT = 64


class Programs:
    """What a plan's masks were made into, both ways."""

    def __init__(self, plan: Plan) -> None:
        self.rows = rows.Program(plan)
        self.steps = {step.name: step for step in self.rows.steps}
        self.check = RowCheck(plan)
        self.look = BatchCheck(plan)
        self.by_token = by_token(plan)
        self.alike = Columns(plan)
        self._columns: dict[frozenset[str], tuple[lower.Program, list[str]]] = {}

    def without(self, plan: Plan, few: Mapping[str, Few]) -> tuple[lower.Program, list[str]]:
        """Return the masks that are not done yet, in columns, and what they read."""
        done = frozenset(few)
        kept = self._columns.get(done)
        if kept is None:
            if len(self._columns) >= COLUMNS_KEPT:
                self._columns.clear()
            rest = [one for one in plan.masks if one.name not in done]
            read = list(dict.fromkeys(name for one in rest for name in one.reads))
            kept = self._columns[done] = lower.Program(plan, rest), read
        return kept


class Job:
    """One batch of one exchange; how alike its rows are is gathered where somebody asks."""

    def __init__(
        self,
        plan: Plan,
        programs: Programs,
        tokens: SubjectTokens | None,
        form: Form,
        offset: int,
        gathered: Gathered | None = None,
    ) -> None:
        self._plan = plan
        self._programs = programs
        self._tokens = tokens
        self._form = form
        self._offset = offset
        self._gathered = gathered

    def by_rows(self, batch: pa.RecordBatch) -> list[Ready]:
        """Mask a few rows one by one."""
        plan = self._plan
        try:
            columns: list[list[Scalar]] = [column.to_pylist() for column in batch.columns]
        except (OverflowError, ValueError):
            message = "a date or a time lies outside the calendar"
            raise SourceError(Reason.ADAPTER_BROKE_PLAN, message) from None
        staying = [
            row for row in rows.read_rows(plan.scan.names, columns) if rows.stays(row, plan.where)
        ]
        masked = self._programs.rows.mask_all(staying)
        if self._gathered is not None:
            self._gathered.add_rows(masked, staying)
        found = self._tokens.of(staying) if self._tokens else ()
        release = self._programs.check.check(plan, masked, found)
        return self.finish(release, self._named_in_rows(staying))

    def in_columns(self, batch: pa.RecordBatch) -> list[Ready]:
        """Mask a batch in columns."""
        batch = rows_staying(self._plan, batch)
        named = batch.select(list(self._plan.register.fields)) if self._plan.register else None
        return self.finish(self._masked(batch, self._people(batch)), named)

    def gather(self, batch: pa.RecordBatch, gathering: Gathering) -> None:
        """Mask a batch in columns and let it wait; tokens are of those who leave in the end."""
        batch = rows_staying(self._plan, batch)
        if batch.num_rows:
            gathering.add(self._masked(batch, ()), batch)

    def in_classes(self, part: Part, crowd: Crowd) -> list[Ready]:
        """Return the chunks of the rows of a part that leave."""
        if not part.keep.any():
            return []
        found = self._people(part.subjects.filter(pa.array(part.keep)))
        return self.finish(in_classes(part.release, part.keep, found, crowd))

    def _masked(self, batch: pa.RecordBatch, found: tuple[bytes, ...]) -> Release:
        """Return a checked batch: columns of few values masked as such, the others lowered."""
        plan, programs = self._plan, self._programs
        few = mask_few(plan, programs.steps, batch)
        program, read = programs.without(plan, few)
        masked = program.mask(frame_of(batch.select(read)), [])
        if self._gathered is not None:
            self._gathered.add(few, masked, batch)
        return programs.look.check(plan, masked, few, batch.num_rows, found)

    def _people(self, batch: pa.RecordBatch) -> tuple[bytes, ...]:
        if self._tokens is None:
            return ()
        people = frame_of(batch.select(list(self._tokens.names)))
        return self._tokens.of(people.iter_rows(named=True))

    def _named_in_rows(self, staying: Sequence[Row]) -> pa.RecordBatch | None:
        """Return the originals that name whom some rows are about, where the register is asked."""
        if self._plan.register is None:
            return None
        fields = self._plan.register.fields
        schema = arrow_schema([one for one in self._plan.scan.columns if one[0] in fields])
        return pa.RecordBatch.from_pylist(list(staying), schema=schema)

    def finish(self, release: Release, people: pa.RecordBatch | None = None) -> list[Ready]:
        """Return the chunks of a release."""
        return list(ready_of(release, self._form, self._offset, whole=False, people=people))


def rows_staying(plan: Plan, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the rows of a batch that a plan's conditions let stay."""
    keep = lower.row_filter(plan.where)
    if keep is None:
        return batch
    asked = frame_of(batch.select(sorted(set(keep.meta.root_names()))))
    return batch.filter(asked.select(keep.alias("stays"))["stays"].to_arrow())


def frame_of(batch: pa.RecordBatch) -> pl.DataFrame:
    """Return a batch as a frame; it has the columns of the batch, under their names."""
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a batch is never a series
    return frame
