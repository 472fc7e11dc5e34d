"""A plan run over records at hand, by the engine that serves, and nothing sent.

No log, no adapter and no vault: keys are drawn for this one run, so that no pseudonym of it is that
of an exchange.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.ipc

from gateway.engine.run import PlanEngine
from gateway.engine.tables import count, judge
from gateway.plan import lower
from gateway.plan.build import Builder
from gateway.plan.cells import Cells
from gateway.plan.classes import by_hmac
from gateway.plan.ops import Limit
from gateway.plan.pushdown import arrow_schema
from gateway.values import Form

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from gateway.agreement.index import Agreements
    from gateway.decide import Grant
    from gateway.engine.tables import Judged
    from gateway.plan.ops import Crowd, Likeness, Plan
    from gateway.plan.reference import Table
    from gateway.values import Row, Scalar


@dataclass(frozen=True, slots=True)
class Left:
    """Records that left.

    Attributes:
        rows: In the order of the plan's columns.
        crowd: Where the provision asks for classes: how well they are hidden.
        likeness: Where it does not: how alike they are, as their receipt would say.
    """

    rows: list[tuple[Scalar, ...]]
    crowd: Crowd | None
    likeness: Likeness | None


class Trial:
    """Builds and runs plans over records at hand.

    Args:
        tables: Reference tables by `name@version`.
    """

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._key = secrets.token_bytes(32)
        self._builder = Builder(tables, lambda domain, period: (f"{domain}/{period}", self._key))

    def plan(self, agreements: Agreements, grant: Grant, rows: int) -> Plan:
        """Return the plan of a grant, without its limits of rows and without a vault.

        Raises:
            ReleaseError: As the builder's: a reference table is absent.
        """
        plan = self._builder.build(agreements, grant)
        # A token differs from a keyed pseudonym in where it comes from, and not in what is alike.
        masks = tuple(map(by_hmac, plan.masks))
        scan = replace(plan.scan, limit_rows=max(rows, 1))
        # An accounting is of what is released: nobody is released here.
        return replace(plan, masks=masks, scan=scan, limit=Limit(max(rows, 1)), subjects=())

    def records(self, plan: Plan, rows: Sequence[Row]) -> Left:
        """Return the records that leave by a plan.

        Raises:
            RefusedError, ReleaseError: As the engine's: a class is too small, a mask breaks.
        """
        return asyncio.run(self._records(plan, rows))

    async def _records(self, plan: Plan, rows: Sequence[Row]) -> Left:
        engine = PlanEngine(lambda _year: self._key, lambda: 0, 1)
        rows_left: list[tuple[Scalar, ...]] = []
        crowd, likeness = None, None
        try:
            async for ready in engine.run(plan, _batches(plan, rows), Form.ARROW):
                crowd, likeness = ready.crowd or crowd, ready.likeness or likeness
                with pa.ipc.open_stream(ready.chunk.arrow or b"") as stream:
                    for batch in stream:
                        columns = [column.to_pylist() for column in batch.columns]
                        rows_left += list(zip(*columns, strict=True))
        finally:
            engine.close()
        return Left(rows_left, crowd, likeness)

    def table(self, plan: Plan, rows: Sequence[Row]) -> Judged:
        """Return the table that leaves by a plan, beside what was counted.

        Raises:
            RefusedError, ReleaseError, DisclosureError: As `judge`.
        """
        cells, program = Cells(plan), lower.Program(plan)
        count(_batch(plan, rows), lower.row_filter(plan.where), program, cells)
        return judge(plan, cells, ())


def _batch(plan: Plan, rows: Sequence[Row]) -> pa.RecordBatch:
    schema = arrow_schema(plan.scan.columns)
    names = plan.scan.names
    return pa.RecordBatch.from_pylist([{n: row[n] for n in names} for row in rows], schema=schema)


async def _batches(plan: Plan, rows: Sequence[Row]) -> AsyncGenerator[pa.RecordBatch]:
    size = plan.scan.batch_rows
    for at in range(0, len(rows), size):
        yield _batch(plan, rows[at : at + size])
