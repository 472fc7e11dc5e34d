"""Plans carried out over rows in memory, by the gateway's own engine: for tests of agreements.

Keys are of zeros, tokens are drawn from their index, noise is none: what leaves is always the same,
and worth nothing to anybody.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.ipc

from gateway.agreement.testing import ABSENT, UNAVAILABLE
from gateway.broker.consents import Asking, Word
from gateway.engine.run import PlanEngine
from gateway.errors import Reason, SourceError
from gateway.plan.pushdown import admits, arrow_schema
from gateway.values import Form

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Iterator, Mapping, Sequence

    from gateway.agreement.testing import Given
    from gateway.plan.noise import Noise
    from gateway.plan.ops import Plan, Register
    from gateway.plan.pushdown import Scan
    from gateway.ports import Ready
    from gateway.values import Chunk, Row, Scalar


class Carrier:
    """Carries plans out; `close` ends its threads."""

    def __init__(self) -> None:
        self._engine = PlanEngine(lambda _year: bytes(32), lambda: 1970, 1, _Tokens(), _Silence())
        # One loop for all plans: to begin and end one costs more than a plan of a few rows.
        self._runner = asyncio.Runner()

    def __enter__(self) -> Carrier:  # noqa: PYI034 - the class has no heirs
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()
        self._runner.close()

    def carry(self, plan: Plan, rows: Sequence[Row], given: Given) -> Sequence[tuple[Scalar, ...]]:
        """Return what leaves of a provider's rows, in the plan's columns; see `review.Carry`.

        Raises:
            AccordError: Nothing leaves.
        """
        if plan.register is not None:
            rows = _staying(plan.register, rows, given)
        return [row for one in self.ready(plan, rows) for row in rows_of(one.chunk)]

    def ready(self, plan: Plan, rows: Sequence[Row]) -> list[Ready]:
        """Return the chunks that leave of a provider's rows, in the Arrow form.

        Raises:
            AccordError: Nothing leaves.
        """
        return self._runner.run(self._ready(plan, rows))

    async def _ready(self, plan: Plan, rows: Sequence[Row]) -> list[Ready]:
        return [one async for one in self._engine.run(plan, _scanned(plan.scan, rows), Form.ARROW)]


def rows_of(chunk: Chunk) -> Iterator[tuple[Scalar, ...]]:
    """Yield the rows of a chunk in the Arrow form, in the plan's columns."""
    with pa.ipc.open_stream(chunk.arrow or b"") as stream:
        for batch in stream:
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _staying(register: Register, rows: Sequence[Row], given: Given) -> list[Row]:
    """Return the rows that the register of consents lets leave, as a gateway asks it.

    Raises:
        SourceError: It cannot be asked.
    """
    if given.consent == UNAVAILABLE:
        raise SourceError(Reason.CONSENT_UNAVAILABLE, "the register of consents cannot be asked")
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in register.fields}
    asking = Asking(register, bytes(32))
    people = asking.people(pa.RecordBatch.from_pydict(columns))
    words = dict.fromkeys({token for one in people for token in one}, _words(register, given))
    return [row for row, stays in zip(rows, asking.stay(people, words), strict=True) if stays]


def _words(register: Register, given: Given) -> list[Word]:
    """Return what everybody in a test's rows said to the register."""
    granted = register.granted if given.consent != ABSENT else ()
    withdrawn = register.kept if given.opt_out != ABSENT else ()
    said = [Word(1, one, granted=True) for one in granted]
    return [*said, *(Word(2, one, granted=False) for one in withdrawn)]


async def _scanned(scan: Scan, rows: Sequence[Row]) -> AsyncGenerator[pa.RecordBatch]:
    for batch in scanned(scan, rows):
        yield batch


def scanned(scan: Scan, rows: Sequence[Row]) -> Iterator[pa.RecordBatch]:
    """Yield what an adapter would: the scan's columns of the scan's rows.

    Raises:
        SourceError: More rows than the scan may bring.
    """
    staying = [row for row in rows if admits(row, scan.where)]
    if len(staying) > scan.limit_rows:
        raise SourceError(Reason.ADAPTER_BROKE_PLAN, "more rows than `limit_rows`")
    schema = arrow_schema(scan.columns)
    for start in range(0, len(staying), scan.batch_rows):
        part = staying[start : start + scan.batch_rows]
        narrow = [{name: row[name] for name in scan.names} for row in part]
        yield pa.RecordBatch.from_pylist(narrow, schema=schema)


class _Tokens:
    """A vault of which nothing is secret: a token is drawn from scope and index."""

    async def tokens(self, scope: str, indexes: Collection[str]) -> Mapping[str, str]:
        """Return the token of each index; see `ports.Vault`."""
        return {one: hashlib.sha256(f"{scope}/{one}".encode()).hexdigest()[:32] for one in indexes}


class _Silence:
    """No noise at all, so that a test can say what is counted."""

    def add(self, counts: Sequence[int], noise: Noise) -> list[int]:  # noqa: ARG002
        """Return the counts as they are; see `ports.NoiseSource`."""
        return list(counts)
