"""The suite that every adapter passes: subclass it as `Test...` and give the fixture `adapter`.

    class TestSomeAdapter(AdapterContract):
        @pytest.fixture
        def adapter(self) -> Adapter:
            return create({...}, FIXTURES)

The adapter's source must hold at least two rows of each of its datasets.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from adapters import canonical
from adapters.base import Adapter, Report
from adapters.batches import BATCH_BYTES
from gateway.errors import Reason, SourceError
from gateway.plan.pushdown import Scan, arrow_schema
from gateway.values import Condition, DatasetId, FieldType, Operator

if TYPE_CHECKING:
    from collections.abc import Sequence


def a_scan(
    dataset: DatasetId,
    columns: Sequence[str] = (),
    where: tuple[Condition, ...] = (),
    *,
    limit_rows: int = 1_000_000,
    batch_rows: int = 10_000,
) -> Scan:
    """Return a scan of the given columns, or of all of the dataset."""
    fields = canonical.fields(dataset)
    return Scan(
        provider="provider",
        recipient="recipient",
        purpose="surveillance",
        dataset=dataset,
        columns=tuple((name, fields[name].type) for name in columns or fields),
        where=where,
        limit_rows=limit_rows,
        batch_rows=batch_rows,
        plan_digest=b"\x00" * 32,
    )


def read(adapter: Adapter, scan: Scan, report: Report | None = None) -> list[dict[str, Any]]:
    """Return the rows of a scan, its lists as lists."""
    lists = [name for name, kind in scan.columns if kind is FieldType.LIST]
    rows: list[dict[str, Any]] = []
    for batch in adapter.scan(scan, report if report is not None else Report()):
        rows += batch.to_pylist()
    for row in rows:
        for name in lists:
            row[name] = None if row[name] is None else json.loads(row[name])
    return rows


class AdapterContract:
    """What `adapters.base.Adapter` promises, test by test."""

    @pytest.fixture
    def adapter(self) -> Adapter:
        """Return the adapter under test."""
        raise NotImplementedError

    def test_datasets_are_canonical_and_sorted(self, adapter: Adapter) -> None:
        """An adapter lists at least one dataset, in order, and only canonical ones."""
        held = adapter.datasets()

        assert held
        assert tuple(sorted(set(held))) == held
        assert set(held) <= set(canonical.canonical().datasets)

    def test_batches_have_exactly_the_schema_of_the_scan(self, adapter: Adapter) -> None:
        """Columns come in the order of the scan, in its types, and no other comes with them."""
        for dataset in adapter.datasets():
            whole = a_scan(dataset)
            backwards = replace(whole, columns=tuple(reversed(whole.columns)))
            for scan in (whole, backwards, replace(whole, columns=whole.columns[-1:])):
                batches = list(adapter.scan(scan, Report()))

                assert batches
                assert {arrow_schema(scan.columns)} == {batch.schema for batch in batches}

    def test_a_repeated_scan_gives_the_same_rows_in_the_same_order(self, adapter: Adapter) -> None:
        """Resumption counts rows, so their order depends on the source alone."""
        for dataset in adapter.datasets():
            scan = a_scan(dataset)

            first, second = read(adapter, scan), read(adapter, scan)

            assert first == second

    def test_batches_keep_their_limits(self, adapter: Adapter) -> None:
        """No batch has more rows than asked for, or more bytes than a message should."""
        for dataset in adapter.datasets():
            scan = a_scan(dataset, batch_rows=1)
            batches = list(adapter.scan(scan, Report()))

            assert {1} == {batch.num_rows for batch in batches}
            assert all(
                batch.num_rows == 1 or batch.nbytes <= BATCH_BYTES + 4096 for batch in batches
            )
            assert read(adapter, a_scan(dataset)) == read(adapter, scan)

    def test_more_rows_than_allowed_is_an_error_and_never_a_cut(self, adapter: Adapter) -> None:
        """As many rows as allowed pass; one more fails the scan."""
        for dataset in adapter.datasets():
            count = len(read(adapter, a_scan(dataset)))

            assert count >= 2
            assert count == len(read(adapter, a_scan(dataset, limit_rows=count)))
            with pytest.raises(SourceError) as caught:
                read(adapter, a_scan(dataset, limit_rows=count - 1))
            assert Reason.ROW_LIMIT == caught.value.reason

    @pytest.mark.parametrize("wrong", ["dataset", "column", "type", "condition", "none", "twice"])
    def test_what_does_not_fit_the_dataset_is_refused_at_once(
        self, adapter: Adapter, wrong: str
    ) -> None:
        """A scan that is not of the dataset fails before anything is read."""
        scan = a_scan(adapter.datasets()[0])
        name, kind = scan.columns[0]
        other = FieldType.INTEGER if kind is not FieldType.INTEGER else FieldType.STRING
        changed = {
            "dataset": replace(scan, dataset=DatasetId("no.such", 1)),
            "column": replace(scan, columns=(("no_such_column", FieldType.STRING),)),
            "type": replace(scan, columns=((name, other),)),
            "condition": replace(scan, where=(Condition("no_such", Operator.EQ, ("x",)),)),
            "none": replace(scan, columns=()),
            "twice": replace(scan, columns=(scan.columns[0], scan.columns[0])),
        }[wrong]

        with pytest.raises(SourceError) as caught:
            adapter.scan(changed, Report())

        assert Reason.ADAPTER_BROKE_PLAN == caught.value.reason

    def test_conditions_hold_at_the_source(self, adapter: Adapter) -> None:
        """A condition on any field, read or not, leaves exactly the rows that satisfy it."""
        for dataset in adapter.datasets():
            rows = read(adapter, a_scan(dataset))
            for name, field in canonical.fields(dataset).items():
                seen = [row[name] for row in rows if row[name] is not None]
                if not seen or field.type is FieldType.LIST:
                    continue
                other = next(other for other in canonical.fields(dataset) if other != name)
                for op, kept in (
                    (Operator.EQ, [row for row in rows if row[name] == seen[0]]),
                    (Operator.NE, [row for row in rows if row[name] not in (None, seen[0])]),
                ):
                    scan = a_scan(dataset, (other,), (Condition(name, op, (seen[0],)),))

                    assert [row[other] for row in kept] == [
                        row[other] for row in read(adapter, scan)
                    ]

    def test_closed_lists_hold(self, adapter: Adapter) -> None:
        """Every code of a closed list is one of its codes."""
        for dataset in adapter.datasets():
            rows = read(adapter, a_scan(dataset))
            for name, field in canonical.fields(dataset).items():
                known = canonical.canonical().values.get(field.codes or "")
                if known is None:
                    continue
                for value in (row[name] for row in rows if row[name] is not None):
                    assert set(value if isinstance(value, list) else [value]) <= known, name


def table_of(batches: list[pa.RecordBatch]) -> pa.Table:
    """Return batches as one table."""
    return pa.Table.from_batches(batches)
