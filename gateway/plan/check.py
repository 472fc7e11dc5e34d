"""What may leave is exactly what the plan says: the last look, which trusts nothing before it.

A `Release` is made only here. Columns, types and closed value sets are the plan's, never the
data's; a published cell holds at least as many units and rows as the agreement demands. Whatever
differs is an error, and nothing of the table is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from gateway.errors import Reason, ReleaseError
from gateway.masks.base import Marker
from gateway.plan.arrays import column_of, take
from gateway.plan.check_cells import check_cells, helpers_of
from gateway.plan.check_derived import check_derived
from gateway.plan.check_forms import check_forms, tests_of
from gateway.plan.counted import kept_of, table_digest
from gateway.plan.derived import columns_of
from gateway.plan.held import hold_profile
from gateway.plan.hierarchy import check_levels, leaving
from gateway.plan.levels import COARSER, TOTAL, UNKNOWN, VALUE
from gateway.plan.lower import POLARS, WHY_TYPE, cell_type
from gateway.plan.ops import LEVEL, WHY
from gateway.plan.product import product
from gateway.plan.pushdown import arrow_schema
from gateway.values import FieldType, Scalar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from gateway.plan.distinct import Few
    from gateway.plan.ops import Crowd, MaskField, Plan


@dataclass(frozen=True, slots=True)
class Release:
    """A checked table, ready for the log and then for the recipient.

    Attributes:
        batch: Exactly the plan's columns, in Arrow's types of the wire.
        tokens: Subject tokens of the people in it, distinct; empty where no accounting is owed.
        suppressed: Cells held back in it.
        crowd: Of records in classes: how well they are hidden in the whole release.
        rung: Of a table: the last rung of its ladder that was taken; empty for none.
    """

    plan_digest: bytes
    batch: pa.RecordBatch
    tokens: tuple[bytes, ...]
    suppressed: int = 0
    crowd: Crowd | None = None
    rung: str = ""

    @property
    def row_count(self) -> int:
        """Rows, or cells, in it."""
        return int(self.batch.num_rows)


def _broken(message: str) -> ReleaseError:
    return ReleaseError(Reason.RELEASE_CHECK_FAILED, message)


class RowCheck:
    """The same look over single rows; made once for a plan's masks.

    Args:
        plan: A record-level plan.
    """

    def __init__(self, plan: Plan) -> None:
        _no_table(plan)
        hold_profile(plan)
        self._names = [one.name for one in plan.columns]
        self._tests = [test for one in plan.masks for test in tests_of(one)]
        self._schema = arrow_schema([(one.name, one.type) for one in plan.columns])
        self._struct: Any = pa.struct(list(self._schema))

    def check(
        self, plan: Plan, rows: Sequence[tuple[Scalar, ...]], tokens: Sequence[bytes]
    ) -> Release:
        """Return the release of masked records, row by row.

        Raises:
            ReleaseError: A value is not of the plan's type or closed set.
        """
        columns = list(zip(*rows, strict=True)) if rows else [() for _ in self._tests]
        if len(columns) != len(self._tests):
            raise _broken("columns are not the plan's")
        for name, test, values in zip(self._names, self._tests, columns, strict=True):
            if not all(value is None or test(value) for value in values):
                raise _broken(f"column `{name}` holds what the plan cannot make")
        # All columns by one call: each call lets go of the interpreter's lock, and getting it back
        # costs more than a row does.
        batch = pa.RecordBatch.from_struct_array(pa.array(rows, self._struct))
        if batch.schema != self._schema:
            raise _broken("columns or types are not the plan's")
        return Release(plan.digest, batch, tuple(tokens))


class BatchCheck:
    """The same look over a batch: columns, and columns of few values; made once for a plan.

    Args:
        plan: A record-level plan.
    """

    def __init__(self, plan: Plan) -> None:
        _no_table(plan)
        hold_profile(plan)
        self._tests = {one.name: tests_of(one) for one in plan.masks}
        self._schema = arrow_schema([(one.name, one.type) for one in plan.columns])

    def check(
        self,
        plan: Plan,
        frame: pl.DataFrame,
        few: Mapping[str, Few],
        row_count: int,
        tokens: Sequence[bytes],
    ) -> Release:
        """Return the release of masked records.

        Args:
            plan: The plan, of the same masks.
            frame: The masked columns that hold many different values, in the plan's order.
            few: The others, by name: each of their few results is looked at.
            row_count: Rows of the batch.
            tokens: Subject tokens of the people in it.

        Raises:
            ReleaseError: A column, a type, a value or a length is not the plan's.
        """
        rest = [one for one in plan.masks if one.name not in few]
        expected = _expected(rest)
        if dict(frame.schema) != expected or frame.columns != list(expected):
            raise _broken("columns or types are not the plan's")
        check_forms(rest, frame)
        made: dict[str, Any] = {name: column_of(frame[name]) for name in expected}
        for one in plan.masks:
            if one.name in few:
                self._spread(one, few[one.name], made)
        if any(len(array) != row_count for array in made.values()):
            raise _broken("columns are not as long as the batch")
        arrays = [made[field.name].cast(field.type) for field in self._schema]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        return Release(plan.digest, batch, tuple(tokens))

    def _spread(self, one: MaskField, few: Few, made: dict[str, Any]) -> None:
        columns = (few.values, few.why) if one.why else (few.values,)
        names = (one.name, one.name + WHY)
        for name, values, test in zip(names, columns, self._tests[one.name], strict=False):
            if not all(value is None or test(value) for value in values):
                raise _broken(f"column `{name}` holds what the plan cannot make")
            made[name] = take(values, self._schema.field(name).type, few.at)


def in_classes(
    release: Release, keep: NDArray[np.bool_], tokens: Sequence[bytes], crowd: Crowd
) -> Release:
    """Return the rows of a checked release that stand in large enough classes.

    Args:
        release: A batch of the plan's columns.
        keep: For each of its rows whether it leaves, as all batches together decided.
        tokens: Subject tokens of the people in those rows.
        crowd: How well they are hidden in all that leaves.

    Raises:
        ReleaseError: There is not one answer a row.
    """
    if len(keep) != release.row_count:
        raise _broken("classes are not of this batch")
    batch = release.batch if keep.all() else release.batch.filter(pa.array(keep))
    return Release(release.plan_digest, batch, tuple(tokens), 0, crowd)


def levels_of(plan: Plan, frame: pl.DataFrame) -> tuple[tuple[str, ...], ...]:
    """Return the key of each cell of a table: one level of each dimension, as in `Counted`."""
    levels = []
    for one in plan.masks:
        text = pl.lit(VALUE) + pl.col(one.name).cast(pl.String)
        if one.levels is not None:
            level = pl.col(one.name + LEVEL).cast(pl.String)
            above = pl.lit(COARSER) + level + pl.lit("=") + pl.col(one.name)
            text = pl.when(level == one.levels.names[0]).then(text).otherwise(above)
        [only, *more] = sorted(one.mask.reasons(one.inputs)) or [Marker.MISSING]
        if one.why:
            why = pl.col(one.name + WHY).cast(pl.String)
            none = pl.when(why == Marker.TOTAL.value).then(pl.lit(TOTAL)).otherwise(UNKNOWN + why)
        else:
            none = pl.lit(UNKNOWN + only.value) if not more else pl.lit(None, pl.String)
        levels.append(pl.coalesce(text, none).alias(one.name))
    found = frame.select(levels)
    if sum(found.null_count().row(0)):
        raise _broken("a cell without a level")
    return tuple(found.iter_rows())


def check_table(plan: Plan, frame: pl.DataFrame, verdict: bytes, rung: str = "") -> Release:
    """Return the release of a table of cells.

    Args:
        plan: A plan with Group and Suppress.
        frame: The plan's columns, with the helper columns of each cell behind.
        verdict: Digest of the table that the attacker could not open.
        rung: The rung of the agreement's ladder that it stands behind; empty for none.

    Raises:
        ReleaseError: The table has other columns, a cell twice, a period that was not granted, a
            margin that the agreement does not name, a level that is not made of the one below it or
            does not leave behind its rung, a published cell below the threshold, a percentage or
            rate that its published counts do not make, or is not the table that was attacked.
    """
    hold_profile(plan)
    group, suppress = plan.group, plan.suppress
    if group is None or suppress is None or suppress.noise is not None:
        raise _broken("exact numbers under a plan without Group and Suppress, or with noise")
    expected = _expected(plan.masks)
    for one in group.measures:
        expected[one.name] = POLARS[one.output]
        expected[one.name + WHY] = pl.Enum([suppress.marker])
    for derived in group.derived:
        expected |= columns_of(derived, suppress)
    helpers = helpers_of(group.measures)
    counts: dict[str, pl.DataType] = dict.fromkeys(helpers, pl.Int64())
    if dict(frame.schema) != expected | counts or frame.columns != [*expected, *helpers]:
        raise _broken("columns or types are not the plan's")
    keys = [name for one in plan.masks for name in one.columns]
    if frame.select(pl.struct(keys).is_duplicated().any()).item():
        raise _broken("a cell stands twice")
    if not set(frame[group.time].unique().to_list()) <= {*group.periods}:
        raise _broken(f"dimension `{group.time}` holds a period that was not granted")
    cells = levels_of(plan, frame)
    margins = {frozenset(kept) for kept in (group.dimensions, *group.margins)}
    if not {kept_of(group.dimensions, key) for key in cells} <= margins:
        raise _broken("a total that the agreement does not name")
    finest = {one.text: one.finest for one in suppress.ladder}.get(rung)
    if rung and (finest is None or not leaving(plan.masks, finest, cells).all()):
        raise _broken("a cell that does not leave behind the rung of the ladder")
    check_levels(plan, group, frame)
    check_cells(frame, cells, group, suppress)
    check_derived(group, suppress, cells, frame)
    numbers = {one.name: frame[one.name].to_list() for one in group.measures}
    if table_digest(cells, numbers) != verdict:
        raise _broken("not the table that was attacked")
    held = frame.select(pl.col(group.measures[0].name).is_null().sum()).item()
    return _release(plan, frame.select(list(expected)), (), int(held), rung)


def check_noised(plan: Plan, frame: pl.DataFrame) -> Release:
    """Return the release of a table with noise: every cell of the product, and a whole number each.

    No threshold is applied: one would tell of the true count that it is not small.

    Args:
        plan: A plan whose Suppress has noise.
        frame: The plan's columns, and nothing else.

    Raises:
        ReleaseError: The plan has totals or several measures, the table has other columns, or a
            cell more or less than the product, or a cell without a number.
    """
    hold_profile(plan)
    group, suppress = plan.group, plan.suppress
    if group is None or suppress is None or suppress.noise is None:
        raise _broken("noise under a plan without it")
    counts = [one for one in group.measures if one.function == "count_distinct" and not one.where]
    if group.margins or group.derived or len(group.measures) != 1 or not counts:
        raise _broken("noise over totals, or over several measures")
    [measure] = group.measures
    expected = _expected(plan.masks) | {measure.name: POLARS[FieldType.INTEGER]}
    if dict(frame.schema) != expected or frame.columns != list(expected):
        raise _broken("columns or types are not the plan's")
    cells = product(plan, group.periods)
    if not frame.select(cells.columns).sort(cells.columns).equals(cells):
        raise _broken("cells are not those of the product")
    if frame[measure.name].null_count():
        raise _broken(f"measure `{measure.name}` has no number in a cell")
    return _release(plan, frame, (), 0, "")


def _no_table(plan: Plan) -> None:
    if plan.group is not None:
        raise _broken("records under a plan that allows only a table")


def _expected(masks: Sequence[MaskField]) -> dict[str, pl.DataType]:
    expected: dict[str, pl.DataType] = {}
    for one in masks:
        expected[one.name] = cell_type(one)
        if one.levels is not None:
            expected[one.name + LEVEL] = pl.Enum(list(one.levels.names))
        if one.why:
            expected[one.name + WHY] = WHY_TYPE
    return expected


def _release(
    plan: Plan, frame: pl.DataFrame, tokens: Sequence[bytes], suppressed: int, rung: str
) -> Release:
    schema = arrow_schema([(one.name, one.type) for one in plan.columns])
    if frame.columns != schema.names:
        raise _broken("columns or types are not the plan's")
    arrays = [column_of(frame[field.name]).cast(field.type) for field in schema]
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    return Release(plan.digest, batch, tuple(tokens), suppressed, rung=rung)
