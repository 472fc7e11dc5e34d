"""Runs plans: a handful of rows one by one, more in columns.

Bounded in memory and off the event loop.

The engine holds one batch in work and at most one finished ahead, so that reading, masking, logging
and sending overlap without a queue that grows. What it yields was looked at by `plan/check`.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import polars as pl
import pyarrow as pa

from gateway.broker.batches import as_asked, together
from gateway.broker.chunks import ready_of
from gateway.broker.noised import NoisedTable
from gateway.broker.protect import verdict_of
from gateway.broker.subjects import SubjectTokens
from gateway.errors import AccordError, Reason, RefusedError, ReleaseError, SourceError
from gateway.plan import lower, rows
from gateway.plan.cells import Cells
from gateway.plan.check import (
    BatchCheck,
    Release,
    RowCheck,
    check_noised,
    check_table,
    in_classes,
    levels_of,
)
from gateway.plan.classes import Gathering
from gateway.plan.distinct import mask_few
from gateway.plan.likeness import Columns, Gathered
from gateway.plan.noised import NoisedCells, with_numbers
from gateway.plan.product import product
from gateway.plan.pushdown import arrow_schema
from gateway.plan.vaulted import by_token, covered, wanted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence

    from gateway.plan.classes import Part
    from gateway.plan.distinct import Few
    from gateway.plan.ops import Crowd, MaskField, Plan
    from gateway.ports import NoiseSource, Ready, Vault
    from gateway.values import Form, Scalar

_T = TypeVar("_T")

ROWS_AT_ONCE = 32
"""Up to here rows are masked one by one: `make bench` measures the crossover."""

PROGRAMS_KEPT = 512
COLUMNS_KEPT = 64


class PlanEngine:
    """The one `Engine`: Polars for batches, plain functions for single rows.

    Args:
        subject_key: The calendar year to the key of its subject tokens.
        year: The year that tokens of new releases are keyed by.
        threads: How many batches may be in work at once, over all exchanges.
        vault: What gives random tokens; without one, a plan that needs them is an error.
        noise: What draws noise; without one, a plan that needs it is an error.
    """

    def __init__(
        self,
        subject_key: Callable[[int], bytes],
        year: Callable[[], int],
        threads: int,
        vault: Vault | None = None,
        noise: NoiseSource | None = None,
    ) -> None:
        self._subject_key = subject_key
        self._year = year
        self._vault = vault
        self._noise = noise
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="accord-engine")
        self._programs: dict[bytes, _Programs] = {}

    def close(self) -> None:
        """Wait for the work at hand and stop."""
        self._pool.shutdown()

    async def run(
        self,
        plan: Plan,
        batches: AsyncGenerator[pa.RecordBatch],
        form: Form,
        earlier: Sequence[bytes] = (),
        attempt: str = "",
    ) -> AsyncGenerator[Ready]:
        """Yield the chunks of checked releases; see `ports.Engine`."""
        if plan.group is not None:
            if plan.suppress is not None and plan.suppress.noise is not None:
                made = await self._noised(plan, batches, form, earlier, attempt)
            else:
                made = await self._table(plan, batches, form, earlier)
            if sum(ready.chunk.row_count for ready in made) > plan.limit.rows:
                raise _too_many(plan)
            for ready in made:
                yield ready
            return
        run = self._records if plan.classes is None else self._in_classes
        source = _ahead(run(plan, batches, form))
        try:
            async for several in source:
                for ready in several:
                    yield ready
        finally:
            await source.aclose()

    async def _records(
        self, plan: Plan, batches: AsyncGenerator[pa.RecordBatch], form: Form
    ) -> AsyncGenerator[list[Ready]]:
        programs = self._program(plan)
        tokens = self._tokens(plan)
        offset, batches = 0, together(as_asked(plan, batches), alone=ROWS_AT_ONCE)
        gathered = Gathered(programs.alike)
        last: list[Ready] = []
        try:
            async for batch in batches:
                job = _Job(plan, programs, tokens, form, offset, gathered)
                if programs.by_token:
                    given = await self._covered(plan, programs.by_token, batch)
                    job = _Job(given, _Programs(given), tokens, form, offset, gathered)
                if batch.num_rows <= ROWS_AT_ONCE:
                    made = job.by_rows(batch)
                else:
                    made = await self._off_loop(job.in_columns, batch)
                offset += sum(ready.chunk.row_count for ready in made)
                if offset > plan.limit.rows:
                    raise _too_many(plan)
                if any(ready.chunk.row_count for ready in made):
                    # One waits: the figure over all of them goes with the last.
                    if last:
                        yield last
                    last = made
        except AccordError:
            # What was made before it broke leaves, without a figure: it is not over all of them.
            if last:
                yield last
            raise
        finally:
            await batches.aclose()
        if not last:
            # An exchange without rows is an answer too: one empty chunk of the plan's schema.
            last = _Job(plan, programs, None, form, 0).finish(programs.check.check(plan, [], ()))
        yield [*last[:-1], replace(last[-1], likeness=gathered.taken())]

    async def _in_classes(
        self, plan: Plan, batches: AsyncGenerator[pa.RecordBatch], form: Form
    ) -> AsyncGenerator[list[Ready]]:
        """Yield records once all are there: k is of the whole release, not of a batch."""
        programs = self._program(plan)
        tokens = self._tokens(plan)
        gathering, batches = Gathering(plan), together(as_asked(plan, batches))
        try:
            async for batch in batches:
                job = _Job(plan, programs, tokens, form, 0)
                if programs.by_token:
                    given = await self._covered(plan, programs.by_token, batch)
                    job = _Job(given, _Programs(given), tokens, form, 0)
                await self._off_loop(job.gather, batch, gathering)
                if gathering.rows > plan.limit.rows:
                    raise _too_many(plan)
        finally:
            await batches.aclose()
        settled = await self._off_loop(gathering.settle)
        offset = 0
        while settled.parts:
            job = _Job(plan, programs, tokens, form, offset)
            made = await self._off_loop(job.in_classes, settled.parts.popleft(), settled.crowd)
            offset += sum(ready.chunk.row_count for ready in made)
            if made:
                yield made
        if not offset:
            none = programs.check.check(plan, [], ())
            empty = in_classes(none, settled.nobody, (), settled.crowd)
            yield _Job(plan, programs, None, form, 0).finish(empty)

    async def _table(
        self,
        plan: Plan,
        batches: AsyncGenerator[pa.RecordBatch],
        form: Form,
        earlier: Sequence[bytes],
    ) -> list[Ready]:
        cells = Cells(plan)

        def finish() -> list[Ready]:
            table = cells.table()
            verdict = verdict_of(plan, cells.counted(table), earlier)
            left = table if verdict.cells is None else table.filter(verdict.cells)
            published = cells.published(left, verdict.published)
            release = check_table(plan, published, verdict.digest, verdict.rung)
            return [
                replace(one, memory=verdict.memory)
                for one in ready_of(release, form, 0, whole=True)
            ]

        await self._gathered(plan, batches, cells)
        return await self._off_loop(finish)

    async def _noised(
        self,
        plan: Plan,
        batches: AsyncGenerator[pa.RecordBatch],
        form: Form,
        earlier: Sequence[bytes],
        attempt: str,
    ) -> list[Ready]:
        assert plan.group is not None  # noqa: S101 - the caller looked
        assert plan.suppress is not None  # noqa: S101
        frame = product(plan, plan.group.periods)
        table = await self._off_loop(NoisedTable, plan, levels_of(plan, frame), earlier)
        if table.fresh:
            if self._noise is None:
                message = "the gateway is installed without the extra `dp`, which draws the noise"
                raise ReleaseError(Reason.RELEASE_CHECK_FAILED, message)
            cells = NoisedCells(plan, table.fresh)
            await self._gathered(plan, batches, cells)
            keys, counts = await self._off_loop(cells.counted)
            drawn = await self._off_loop(self._noise.add, counts, plan.suppress.noise)
            table.take(keys, drawn, attempt)
        else:
            # What was drawn is given as it was: nothing has to be read for it.
            await batches.aclose()
        release = check_noised(plan, with_numbers(plan, frame, table.numbers()))
        kept, draws = table.memory(), table.draws
        return [
            replace(one, memory=kept, draws=draws) for one in ready_of(release, form, 0, whole=True)
        ]

    async def _gathered(
        self, plan: Plan, batches: AsyncGenerator[pa.RecordBatch], cells: Cells | NoisedCells
    ) -> None:
        """Mask every batch and have it counted."""
        program = lower.Program(plan)
        keep = lower.row_filter(plan.where)
        vaulted = by_token(plan)

        def take(batch: pa.RecordBatch, program: lower.Program) -> None:
            frame = _frame(batch)
            if keep is not None:
                frame = frame.filter(keep)
            cells.add(program.mask(frame, cells.keep))

        async def count(batch: pa.RecordBatch) -> None:
            masks = program
            if vaulted:
                masks = lower.Program(await self._covered(plan, vaulted, batch))
            await self._off_loop(take, batch, masks)

        if not await _one_behind(together(as_asked(plan, batches)), count):
            await self._off_loop(take, _no_rows(plan), program)

    def _program(self, plan: Plan) -> _Programs:
        kept = self._programs.get(plan.static)
        if kept is None:
            if len(self._programs) >= PROGRAMS_KEPT:
                self._programs.clear()
            kept = self._programs[plan.static] = _Programs(plan)
        return kept

    def _tokens(self, plan: Plan) -> SubjectTokens | None:
        if not plan.subjects:
            return None
        return SubjectTokens(plan.subjects, self._subject_key(self._year()))

    async def _covered(
        self, plan: Plan, masks: tuple[MaskField, ...], batch: pa.RecordBatch
    ) -> Plan:
        """Return the plan with a token for each value of a batch that may leave as one."""
        if self._vault is None:
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "there is no vault to take tokens from")
        asked = await self._off_loop(_asked, plan, masks, batch)
        drawn: dict[str, Mapping[str, str]] = {}
        for scope, indexes in asked.items():
            drawn[scope] = await self._vault.tokens(scope, indexes) if indexes else {}
        return covered(plan, asked, drawn)

    async def _off_loop(self, work: Callable[..., _T], *arguments: object) -> _T:
        # The pool's own queue is the cap: a cancelled call's thread still runs to its end.
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, work, *arguments)


async def _one_behind(
    batches: AsyncGenerator[pa.RecordBatch],
    work: Callable[[pa.RecordBatch], Coroutine[object, object, None]],
) -> int:
    """Work on each batch, in order, while the next arrives; return how many there were."""
    count, at_work = 0, None
    try:
        async for batch in batches:
            count += 1
            if at_work is not None:
                await at_work
            at_work = asyncio.create_task(work(batch))
        if at_work is not None:
            await at_work
    finally:
        if at_work is not None:
            await asyncio.gather(at_work, return_exceptions=True)
        await batches.aclose()
    return count


def _too_many(plan: Plan) -> RefusedError:
    rule = plan.rule
    return RefusedError(
        Reason.ROW_LIMIT,
        "more rows than `rows_per_request` or `rows_per_day` lets leave: narrow the request",
        step=6,
        agreement=rule.pact.agreement.ref,
        provision=rule.provision.id,
        clause=rule.provision.clause,
    )


class _Programs:
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


class _Job:
    """One batch of one exchange; how alike its rows are is gathered where somebody asks."""

    def __init__(
        self,
        plan: Plan,
        programs: _Programs,
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
        return self.finish(self._programs.check.check(plan, masked, found))

    def in_columns(self, batch: pa.RecordBatch) -> list[Ready]:
        """Mask a batch in columns."""
        batch = _staying(self._plan, batch)
        return self.finish(self._masked(batch, self._people(batch)))

    def gather(self, batch: pa.RecordBatch, gathering: Gathering) -> None:
        """Mask a batch in columns and let it wait; tokens are of those who leave in the end."""
        batch = _staying(self._plan, batch)
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
        masked = program.mask(_frame(batch.select(read)), [])
        if self._gathered is not None:
            self._gathered.add(few, masked, batch)
        return programs.look.check(plan, masked, few, batch.num_rows, found)

    def _people(self, batch: pa.RecordBatch) -> tuple[bytes, ...]:
        if self._tokens is None:
            return ()
        people = _frame(batch.select(list(self._tokens.names)))
        return self._tokens.of(people.iter_rows(named=True))

    def finish(self, release: Release) -> list[Ready]:
        """Return the chunks of a release."""
        return list(ready_of(release, self._form, self._offset, whole=False))


def _staying(plan: Plan, batch: pa.RecordBatch) -> pa.RecordBatch:
    keep = lower.row_filter(plan.where)
    if keep is None:
        return batch
    asked = _frame(batch.select(sorted(set(keep.meta.root_names()))))
    return batch.filter(asked.select(keep.alias("stays"))["stays"].to_arrow())


def _asked(
    plan: Plan, masks: tuple[MaskField, ...], batch: pa.RecordBatch
) -> dict[str, frozenset[str]]:
    return wanted(masks, _staying(plan, batch))


def _frame(batch: pa.RecordBatch) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)  # noqa: S101 - a batch is never a series
    return frame


def _no_rows(plan: Plan) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=arrow_schema(plan.scan.columns))


async def _ahead(source: AsyncGenerator[list[Ready]]) -> AsyncGenerator[list[Ready]]:
    """Yield from `source`; behind a batch, the next is made while this one is logged and sent.

    Behind a few rows nothing is made ahead: most exchanges end there, and a task costs more.
    """
    step: asyncio.Task[list[Ready]] | None = None
    try:
        while True:
            try:
                item = await (anext(source) if step is None else step)
            except StopAsyncIteration:
                return
            rows_made = sum(ready.chunk.row_count for ready in item)
            step = asyncio.create_task(_next(source)) if rows_made > ROWS_AT_ONCE else None
            yield item
    finally:
        if step is not None:
            step.cancel()
            await asyncio.gather(step, return_exceptions=True)
        await source.aclose()


async def _next(source: AsyncGenerator[list[Ready]]) -> list[Ready]:
    return await anext(source)
