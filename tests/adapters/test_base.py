"""The base contract: typing, filtering, batching, limits, what is unknown, settings."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import ibis
import pytest

from adapters import base, batches, canonical
from adapters.base import Adapter, Record, Report, RowAdapter, Settings, TableAdapter
from gateway.errors import Reason, SettingsError, SourceError
from gateway.values import Condition, DatasetId, FieldType, Operator, Scalar
from tests.adapters.contract import AdapterContract, a_scan, read

if TYPE_CHECKING:
    from collections.abc import Iterator

# Ibis 12 calls a name that DuckDB 2 has renamed.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")

RUNS = DatasetId("ems.overdose_run", 1)
NOON = dt.datetime(2022, 10, 7, 22, 22, 17, tzinfo=dt.timezone(dt.timedelta(hours=-5)))


class Rows(RowAdapter):
    """An adapter over given records; each may bring notices of its own under `_notices`."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.records = records

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (RUNS,)

    def rows(self, dataset: DatasetId, wanted: frozenset[str], report: Report) -> Iterator[Record]:
        """Yield the records, each after its notices."""
        for record in self.records:
            for kind, where in record.get("_notices", ()):
                report.notice(kind, where)
            yield {name: value for name, value in record.items() if name in wanted}


def _stored(value: object) -> object:
    # DuckDB's timestamps without a zone are in UTC, as the contract of tables asks.
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None)
    return value


class Table(TableAdapter):
    """An adapter over a DuckDB table in memory, its rows stored backwards."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        fields = canonical.fields(RUNS)
        kinds = {
            FieldType.INTEGER: "int64",
            FieldType.NUMBER: "float64",
            FieldType.BOOLEAN: "boolean",
            FieldType.DATE: "date",
            FieldType.TIMESTAMP: "timestamp",
        }
        rows = [
            {name: _stored(record.get(name)) for name in fields} for record in reversed(records)
        ]
        schema = {name: kinds.get(field.type, "string") for name, field in fields.items()}
        self.connection = ibis.duckdb.connect()
        self.connection.create_table("runs", ibis.memtable(rows, schema=schema))

    def datasets(self) -> tuple[DatasetId, ...]:
        """Return the one dataset."""
        return (RUNS,)

    def table(self, dataset: DatasetId) -> Any:  # noqa: ANN401 - ibis.Table
        """Return the table."""
        return self.connection.table("runs")

    def order(self, dataset: DatasetId) -> tuple[str, ...]:
        """Return the key."""
        return ("pcr_uuid",)


def some(count: int = 5) -> list[dict[str, Any]]:
    """Return records with a key, a few types, and nulls."""
    return [
        {
            "pcr_uuid": f"key-{number}",
            "age": number if number % 2 else None,
            "scene_lat": number / 2,
            "incident_date": dt.date(2022, 10, 1 + number % 28),
            "sex": "female" if number % 2 else "male",
            "homeless": bool(number % 2),
        }
        for number in range(count)
    ]


class TestRowAdapter(AdapterContract):
    """A row adapter keeps the contract."""

    @pytest.fixture
    def adapter(self) -> Adapter:
        """Return five records."""
        return Rows(some())


class TestTableAdapter(AdapterContract):
    """A table adapter keeps the contract."""

    @pytest.fixture
    def adapter(self) -> Adapter:
        """Return five records."""
        return Table(some())


def one(record: dict[str, Any], *columns: str) -> dict[str, Any]:
    """Return a record after its way through a scan."""
    return read(Rows([record]), a_scan(RUNS, columns or tuple(record)))[0]


def test_values_travel_in_the_types_of_the_wire() -> None:
    """ALL-1: a time becomes UTC and the civil date stays; lists are JSON text; NaN is null."""
    record = {
        "incident_date": NOON.date(),
        "unit_notified_at": NOON,
        "race": ("white", "asian"),
        "other_symptoms": (),
        "scene_lat": math.nan,
        "scene_lon": math.inf,
        "age": 22,
        "homeless": False,
        "patient_phone": None,
    }

    row = one(record)

    assert {
        "incident_date": dt.date(2022, 10, 7),
        "unit_notified_at": dt.datetime(2022, 10, 8, 3, 22, 17, tzinfo=dt.UTC),
        "race": ["white", "asian"],
        "other_symptoms": [],
        "scene_lat": None,
        "scene_lon": None,
        "age": 22,
        "homeless": False,
        "patient_phone": None,
    } == row


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("age", "22 canary"),
        ("age", True),
        ("age", 1 << 63),
        ("scene_lat", "33 canary"),
        ("scene_lat", True),
        ("homeless", 1),
        ("sex", 1),
        ("incident_date", NOON),
        ("unit_notified_at", NOON.date()),
        ("unit_notified_at", NOON.replace(tzinfo=None)),
        ("race", "white canary"),
        ("race", (1,)),
        ("narrative", "half \ud800 canary"),
    ],
)
def test_a_value_of_another_type_is_the_adapters_fault_and_never_shown(
    name: str, value: object
) -> None:
    """A value that does not fit is refused by its field's name, without the value."""
    with pytest.raises(SourceError) as caught:
        one({name: value})

    assert Reason.ADAPTER_BROKE_PLAN == caught.value.reason
    assert f"`{name}`" in caught.value.message
    assert "canary" not in repr(caught.value) + repr(caught.value.__cause__)


def test_nan_and_null_satisfy_no_condition() -> None:
    """Null and NaN satisfy neither a comparison nor its opposite."""
    held: list[dict[str, Any]] = [
        {"scene_lat": math.nan},
        {"scene_lat": None},
        {"scene_lat": 2.0},
        {"scene_lat": 1.0},
    ]
    for make in (Rows, Table):
        adapter = make([{"pcr_uuid": str(place), **row} for place, row in enumerate(held)])
        where = (Condition("scene_lat", Operator.NE, (2.0,)),)

        assert [{"scene_lat": 1.0}] == read(adapter, a_scan(RUNS, ("scene_lat",), where))


@pytest.mark.parametrize("value", ["1", True, NOON])
def test_a_condition_of_another_type_is_refused(value: Scalar) -> None:
    """A literal that cannot be compared with its field fails at once, unquoted."""
    where = (Condition("age", Operator.GT, (value,)),)

    with pytest.raises(SourceError, match="`age`") as caught:
        Rows([]).scan(a_scan(RUNS, ("sex",), where), Report())

    assert Reason.ADAPTER_BROKE_PLAN == caught.value.reason


@pytest.mark.parametrize("op", list(Operator))
def test_a_file_and_a_database_admit_the_same_rows(op: Operator) -> None:
    """For every operator and type, the filter over a row and the filter in SQL agree."""
    random = Random(op.value)  # noqa: S311 - a seeded sample
    records = [
        {
            "pcr_uuid": f"{number:03}",
            "age": random.choice([None, 1, 22, 80]),
            "scene_lat": random.choice([None, math.nan, math.inf, -1.5, 33.25]),
            "sex": random.choice([None, "female", "male", "", "Élan"]),
            "homeless": random.choice([None, True, False]),
            "incident_date": random.choice([None, NOON.date(), dt.date(2023, 1, 1)]),
            "unit_notified_at": random.choice([None, NOON, NOON + dt.timedelta(microseconds=1)]),
        }
        for number in range(60)
    ]
    rows, table = Rows(records), Table(records)
    for name in records[0]:
        literals = sorted({held[name] for held in records if _finite(held[name])}, key=repr)
        for literal in literals[:2]:
            values = (literal, literals[-1]) if op in (Operator.IN, Operator.NOT_IN) else (literal,)
            scan = a_scan(RUNS, ("pcr_uuid",), (Condition(name, op, values),))

            assert read(rows, scan) == read(table, scan), (name, op)


def test_many_rows_and_a_list_of_literals_keep_their_order() -> None:
    """Trap E1: a database of several threads makes a join of a list, and joins have no order."""
    adapter = Table([])
    adapter.connection.raw_sql("SET threads = 4")
    adapter.connection.raw_sql(
        "INSERT INTO runs BY NAME SELECT printf('%07d', 399999 - range) AS pcr_uuid,"
        " range % 97 AS age FROM range(400000)"
    )
    ages = tuple(range(0, 85, 5))

    found = read(adapter, a_scan(RUNS, ("pcr_uuid",), (Condition("age", Operator.IN, ages),)))

    assert [f"{n:07}" for n in range(400_000) if (399_999 - n) % 97 in ages] == [
        one["pcr_uuid"] for one in found
    ]


def _finite(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))


def test_batches_are_cut_by_size() -> None:
    """Batches of several rows stay under the limit; a row wider than it comes alone."""
    wide = [{"pcr_uuid": str(place), "narrative": "x" * 400_000} for place in range(5)]
    wide.insert(2, {"pcr_uuid": "9", "narrative": "é" * batches.BATCH_BYTES})
    for adapter in (Rows(wide), Table(wide)):
        found = list(adapter.scan(a_scan(RUNS, ("pcr_uuid", "narrative")), Report()))

        assert 6 == sum(batch.num_rows for batch in found)
        assert all(batch.num_rows == 1 or batch.nbytes <= 1 << 20 for batch in found)
        assert any(batch.num_rows > 1 for batch in found)


@pytest.mark.parametrize(("unknown", "stops"), [(5, False), (6, True)])
def test_a_share_of_unknown_rows_stops_the_scan(unknown: int, *, stops: bool) -> None:
    """Five unknown rows in a hundred pass, six stop the scan before anything has left."""
    records = some(100)
    for record in records[:unknown]:
        # Twice unknown is one row; a column unknown to the file is no row's fault.
        record["_notices"] = [("unknown-code", "ePatient.14"), ("unknown-unit", "eMedications.06")]
    records[50]["_notices"] = [("unknown-column", "Extra")]
    report = Report()
    scan = a_scan(RUNS, ("sex",))

    if stops:
        with pytest.raises(SourceError, match=r"`eMedications\.06`|`ePatient\.14`") as caught:
            list(Rows(records).scan(scan, report))
        assert Reason.PROVIDER_REFUSED == caught.value.reason
    else:
        assert 100 == len(read(Rows(records), scan, report))
    assert (100, unknown) == (report.rows_read, report.rows_unknown)
    assert unknown == report.notices["unknown-code", "ePatient.14"]


def test_a_long_scan_stops_before_the_next_batch() -> None:
    """A source that turns unknown half way sends nothing more."""
    records = some(400)
    for record in records[200:]:
        record["_notices"] = [("unknown-code", "ePatient.14")]
    scan = Rows(records).scan(a_scan(RUNS, ("sex",), batch_rows=100), Report())

    got: list[int] = []
    with pytest.raises(SourceError):
        got.extend(batch.num_rows for batch in scan)

    assert got in ([100], [100, 100])


def test_a_databases_own_error_goes_no_further() -> None:
    """What a driver says quotes SQL and values; the scan's error says only that it failed."""
    adapter = Table(some())
    adapter.connection.disconnect()

    with pytest.raises(SourceError) as caught:
        list(adapter.scan(a_scan(RUNS, ("sex",)), Report()))

    assert Reason.ADAPTER_UNAVAILABLE == caught.value.reason
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


class Sample(Settings):
    """Settings of a test."""

    path: Path
    names: tuple[str, ...] = ()
    count: int = 1


def test_settings_are_closed_and_strict() -> None:
    """An unknown, missing or wrong key is named; its value is not; lists and paths are read."""
    held = base.read_settings(Sample, {"path": "a/b", "names": ["x"], "max_unknown_share": 0.5})
    assert (Path("a/b"), ("x",), 0.5) == (held.path, held.names, held.max_unknown_share)

    for wrong, key in (
        ({"path": "a", "pth": "canary"}, "`pth`: unknown key"),
        ({}, "`path`"),
        ({"path": "a", "count": "canary"}, "`count`"),
        ({"path": "a", "count": True}, "`count`"),
    ):
        with pytest.raises(SettingsError, match=key) as caught:
            base.read_settings(Sample, wrong)
        assert "canary" not in caught.value.message


def test_a_path_that_is_absent_is_a_setting_that_is_wrong(tmp_path: Path) -> None:
    """A path is relative to the settings' folder, and must be there."""
    (tmp_path / "here").mkdir()

    assert (tmp_path / "here").resolve() == base.under(tmp_path, Path("here"))
    with pytest.raises(SettingsError, match="`gone` does not exist"):
        base.under(tmp_path, Path("gone"))
