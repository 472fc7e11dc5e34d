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

import pyarrow as pa

from gateway.broker.batches import as_asked, together
from gateway.broker.chunks import ready_of
from gateway.broker.noised import NoisedTable
from gateway.broker.subjects import SubjectTokens
from gateway.engine.jobs import ROWS_AT_ONCE, Job, Programs, rows_staying
from gateway.engine.overlap import ahead, one_behind
from gateway.engine.tables import count, judge
from gateway.errors import AccordError, Reason, RefusedError, ReleaseError
from gateway.plan import lower
from gateway.plan.cells import Cells
from gateway.plan.check import check_noised, in_classes, levels_of
from gateway.plan.classes import Gathering
from gateway.plan.likeness import Gathered
from gateway.plan.noised import NoisedCells, with_numbers
from gateway.plan.product import product
from gateway.plan.pushdown import arrow_schema
from gateway.plan.vaulted import by_token, covered, wanted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from gateway.plan.ops import MaskField, Plan
    from gateway.ports import NoiseSource, Ready, Vault
    from gateway.values import Form

_T = TypeVar("_T")

PROGRAMS_KEPT = 512


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
        self._programs: dict[bytes, Programs] = {}

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
        source = ahead(run(plan, batches, form))
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
        # As they come: who waits for a slow provider's next rows has those before them already.
        offset, batches = 0, as_asked(plan, batches)
        gathered = Gathered(programs.alike)
        last: list[Ready] = []
        try:
            async for batch in batches:
                job = Job(plan, programs, tokens, form, offset, gathered)
                if programs.by_token:
                    given = await self._covered(plan, programs.by_token, batch)
                    job = Job(given, Programs(given), tokens, form, offset, gathered)
                if batch.num_rows <= ROWS_AT_ONCE:
                    made = job.by_rows(batch)
                else:
                    made = await self._off_loop(job.in_columns, batch)
                offset += sum(ready.chunk.row_count for ready in made)
                if offset > plan.limit.rows:
                    raise _too_many(plan)
                if any(ready.chunk.row_count for ready in made):
                    # One waits: the figure over all of them goes with the last.
                    if several := [*last, *made[:-1]]:
                        yield several
                    last = made[-1:]
        except AccordError:
            # What was made before it broke leaves, without a figure: it is not over all of them.
            if last:
                yield last
            raise
        finally:
            await batches.aclose()
        if not last:
            # An exchange without rows is an answer too: one empty chunk of the plan's schema.
            last = Job(plan, programs, None, form, 0).finish(programs.check.check(plan, [], ()))
        yield [replace(one, likeness=gathered.taken()) for one in last]

    async def _in_classes(
        self, plan: Plan, batches: AsyncGenerator[pa.RecordBatch], form: Form
    ) -> AsyncGenerator[list[Ready]]:
        """Yield records once all are there: k is of the whole release, not of a batch."""
        programs = self._program(plan)
        tokens = self._tokens(plan)
        gathering, batches = Gathering(plan), together(as_asked(plan, batches))
        try:
            async for batch in batches:
                job = Job(plan, programs, tokens, form, 0)
                if programs.by_token:
                    given = await self._covered(plan, programs.by_token, batch)
                    job = Job(given, Programs(given), tokens, form, 0)
                await self._off_loop(job.gather, batch, gathering)
                if gathering.rows > plan.limit.rows:
                    raise _too_many(plan)
        finally:
            await batches.aclose()
        settled = await self._off_loop(gathering.settle)
        offset = 0
        while settled.parts:
            job = Job(plan, programs, tokens, form, offset)
            made = await self._off_loop(job.in_classes, settled.parts.popleft(), settled.crowd)
            offset += sum(ready.chunk.row_count for ready in made)
            if made:
                yield made
        if not offset:
            none = programs.check.check(plan, [], ())
            empty = in_classes(none, settled.nobody, (), settled.crowd)
            yield Job(plan, programs, None, form, 0).finish(empty)

    async def _table(
        self,
        plan: Plan,
        batches: AsyncGenerator[pa.RecordBatch],
        form: Form,
        earlier: Sequence[bytes],
    ) -> list[Ready]:
        cells = Cells(plan)

        def finish() -> list[Ready]:
            judged = judge(plan, cells, earlier)
            return [
                replace(one, memory=judged.verdict.memory)
                for one in ready_of(judged.release, form, 0, whole=True)
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

        async def take(batch: pa.RecordBatch) -> None:
            masks = program
            if vaulted:
                masks = lower.Program(await self._covered(plan, vaulted, batch))
            await self._off_loop(count, batch, keep, masks, cells)

        if not await one_behind(together(as_asked(plan, batches)), take):
            await self._off_loop(count, _no_rows(plan), keep, program, cells)

    def _program(self, plan: Plan) -> Programs:
        kept = self._programs.get(plan.static)
        if kept is None:
            if len(self._programs) >= PROGRAMS_KEPT:
                self._programs.clear()
            kept = self._programs[plan.static] = Programs(plan)
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


def _asked(
    plan: Plan, masks: tuple[MaskField, ...], batch: pa.RecordBatch
) -> dict[str, frozenset[str]]:
    return wanted(masks, rows_staying(plan, batch))


def _no_rows(plan: Plan) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=arrow_schema(plan.scan.columns))
