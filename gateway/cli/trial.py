"""A plan run over records at hand, by the engine that serves, and nothing sent.

No log, no adapter and no vault: keys are drawn for this one run, so that no pseudonym of it is that
of an exchange.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from gateway.cli.carried import Carrier, rows_of, scanned
from gateway.engine.tables import count, judge
from gateway.plan import lower
from gateway.plan.build import Builder
from gateway.plan.cells import Cells
from gateway.plan.classes import by_hmac
from gateway.plan.ops import Limit
from gateway.plan.pushdown import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        with Carrier() as carrier:
            several = carrier.ready(plan, rows)
        left = [row for one in several for row in rows_of(one.chunk)]
        # Of records in classes each chunk tells of all; else the last one does.
        return Left(left, several[-1].crowd, several[-1].likeness)

    def table(self, plan: Plan, rows: Sequence[Row]) -> Judged:
        """Return the table that leaves by a plan, beside what was counted.

        Raises:
            RefusedError, ReleaseError, DisclosureError: As `judge`.
        """
        cells, program, keep = Cells(plan), lower.Program(plan), lower.row_filter(plan.where)
        nobody = pa.RecordBatch.from_pylist([], schema=arrow_schema(plan.scan.columns))
        for batch in (nobody, *scanned(plan.scan, rows)):
            count(batch, keep, program, cells)
        return judge(plan, cells, ())
