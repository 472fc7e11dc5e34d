"""Batches on their way to the engine: small ones are put together.

What an adapter delivers in batches of some thousand rows is faster masked and counted in larger
ones. How much may wait is bounded in rows and in bytes. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from gateway.errors import Reason, SourceError
from gateway.plan.pushdown import arrow_schema

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from gateway.plan.ops import Plan
    from gateway.ports import Consent

TOGETHER_ROWS: Final = 1 << 16
"""Rows from which on more at once are no faster."""
TOGETHER_BYTES: Final = 1 << 24


async def as_asked(
    plan: Plan, batches: AsyncGenerator[pa.RecordBatch]
) -> AsyncGenerator[pa.RecordBatch]:
    """Yield the batches of a scan.

    Raises:
        SourceError: One has other columns, another order or other types than the scan.
    """
    schema = arrow_schema(plan.scan.columns)
    try:
        async for batch in batches:
            # Read by the scan's names, a column in another's place would wear that one's mask.
            if not batch.schema.equals(schema):
                raise SourceError(Reason.ADAPTER_BROKE_PLAN, "columns or types are not the scan's")
            yield batch
    finally:
        await batches.aclose()


async def consented(
    plan: Plan, batches: AsyncGenerator[pa.RecordBatch], consent: Consent
) -> AsyncGenerator[pa.RecordBatch]:
    """Yield the rows of `batches` whose people the register of consents lets leave.

    Before anything is masked, counted or drawn: who does not consent is in no class and no cell.

    Raises:
        SourceError: The register cannot be asked, or a batch has not the scan's columns.
    """
    if plan.register is None:
        async for batch in batches:
            yield batch
        return
    fields = list(plan.register.fields)
    async for batch in as_asked(plan, batches):
        keep = await consent.stay(plan.register, batch.select(fields))
        yield batch if all(keep) else batch.filter(pa.array(keep, pa.bool_()))


async def together(
    batches: AsyncGenerator[pa.RecordBatch],
    rows: int = TOGETHER_ROWS,
    size: int = TOGETHER_BYTES,
) -> AsyncGenerator[pa.RecordBatch]:
    """Yield the rows of `batches` in their order, in batches of about so many rows or bytes.

    A batch is never cut; with what came before it may reach the limits, and then goes on. This is
    for what leaves whole, after its last row: other records would wait for their successors.
    """
    waiting: list[pa.RecordBatch] = []
    try:
        async for batch in batches:
            waiting.append(batch)
            held = sum(one.num_rows for one in waiting)
            if held >= rows or sum(one.nbytes for one in waiting) >= size:
                yield whole(waiting)
                waiting = []
        if waiting:
            yield whole(waiting)
    finally:
        await batches.aclose()


def whole(several: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the rows of several batches of one schema as one batch."""
    if len(several) == 1:
        return several[0]
    [one] = pa.Table.from_batches(several).combine_chunks().to_batches()
    return one
