"""Sample records are read in the dataset's types or not at all; synthetic ones are of its types."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet
import pytest

from gateway.agreement.conditions import FieldCondition
from gateway.cli.county.people import FAMILY_NAMES
from gateway.cli.explain import as_signed
from gateway.cli.officers import good
from gateway.cli.samples import moved, read_sample
from gateway.cli.synthetic import synthetic
from gateway.errors import SettingsError
from gateway.plan.pushdown import arrow_schema
from gateway.values import Means, Operator
from tests.build import NOW, RUN_FIELDS, a_dataset, a_provision, an_agreement, the_agreements
from tests.data import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.agreement.index import Agreements

DATASET = a_dataset()
INSTANT = dt.datetime(2026, 7, 1, 4, 30, tzinfo=dt.UTC)
ROW = dict.fromkeys(DATASET.fields) | {
    "run_id": "R-1",
    "incident_date": dt.date(2026, 7, 1),
    "notified_at": INSTANT,
    "age": 41,
    "naloxone_mg": 4.0,
    "fatal": False,
    "impressions": '["F11.1","F14.1"]',
}
SHEET = (
    "run_id,incident_date,notified_at,age,naloxone_mg,fatal,impressions,county\n"
    'R-1,2026-07-01,2026-07-01T00:30:00-04:00,41,4,false,"[""F11.1"",""F14.1""]",\n'
)
LINES = (
    '{"run_id": "R-1", "incident_date": "2026-07-01", "notified_at": "2026-07-01T04:30:00Z", '
    '"age": 41, "naloxone_mg": 4, "fatal": false, "impressions": ["F11.1", "F14.1"], '
    '"county": null}\n\n'
)


def read(folder: Path, name: str, text: str) -> object:
    """Return the records of a file with this text."""
    file = folder / name
    file.write_text(text)
    return read_sample(file, DATASET)


def test_three_formats_say_the_same(tmp_path: Path) -> None:
    """A field without a column is null, and so is an empty cell."""
    columns = [(one.name, one.type) for one in RUN_FIELDS if ROW[one.name] is not None]
    values = {name: ROW[name] for name, _ in columns}
    table = pa.Table.from_pylist([values], schema=arrow_schema(columns))
    pa.parquet.write_table(table, tmp_path / "one.parquet")

    assert [ROW] == read(tmp_path, "one.csv", SHEET)
    assert [ROW] == read(tmp_path, "one.jsonl", LINES)
    assert [ROW] == read_sample(tmp_path / "one.parquet", DATASET)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.csv", "run_id,canary\nR-1,1\n", "column 2 is no field of ems.synthetic_run@1"),
        ("x.csv", "age\n41\ncanary\n", ":3: `age` is not a whole number"),
        ("x.csv", "age\n4.5\n", "`age` is not a whole number"),
        ("x.csv", "fatal\ncanary\n", "`fatal` is not true or false"),
        ("x.csv", "notified_at\n2026-07-01T00:30\n", "`notified_at` is not a time with its zone"),
        ("x.csv", "incident_date\n07/01/2026\n", "`incident_date` is not a date"),
        ("x.csv", "impressions\ncanary\n", "`impressions` is not a JSON array"),
        ("x.jsonl", '{"canary": 1}', ":1: key 1 is no field"),
        ("x.jsonl", '{"age": true}', "`age` is not a whole number"),
        ("x.jsonl", '{"age": "canary"}', "`age` is not a whole number"),
        ("x.jsonl", '{"fatal": 0}', "`fatal` is not true or false"),
        ("x.jsonl", '{"run_id": 7}', "`run_id` is not text"),
        ("x.jsonl", '{"impressions": [1]}', "`impressions` is not a JSON array"),
        ("x.jsonl", '["canary"]', ":1: is no record"),
        ("x.jsonl", "canary", ":1: is no JSON"),
        ("x.parquet", "canary", "cannot be read as Parquet"),
        ("x.xlsx", "canary", "ends in .csv, .jsonl or .parquet"),
    ],
)  # fmt: skip
def test_what_is_no_sample_is_told_without_a_value(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    """Line and field are named; what stands there may be somebody's, a header's text too."""
    with pytest.raises(SettingsError) as error:
        read(tmp_path, name, text)

    assert said in error.value.message
    assert "canary" not in error.value.message


def test_a_parquet_column_of_another_type_is_refused(tmp_path: Path) -> None:
    """Nothing is guessed: a number of text is not a number."""
    pa.parquet.write_table(pa.table({"age": ["41"]}), tmp_path / "x.parquet")

    with pytest.raises(SettingsError, match="column `age` is not int64"):
        read_sample(tmp_path / "x.parquet", DATASET)


def test_a_sample_has_an_end(tmp_path: Path) -> None:
    """The last record that may be there, and the first that may not."""
    file = tmp_path / "x.csv"
    file.write_text("age\n1\n2\n3\n")

    assert 3 == len(read_sample(file, DATASET, most=3))
    with pytest.raises(SettingsError, match="more than 2 records are no sample"):
        read_sample(file, DATASET, most=2)


def test_every_date_moves_and_nothing_else() -> None:
    """Dates and times by the same days, so that what lies between them stays."""
    [row] = moved([ROW], 30)

    assert dt.date(2026, 7, 31) == row["incident_date"]
    assert INSTANT + dt.timedelta(days=30) == row["notified_at"]
    assert {**ROW, "incident_date": 0, "notified_at": 0} == {
        **row, "incident_date": 0, "notified_at": 0
    }  # fmt: skip


# --- synthetic ones -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def county() -> Agreements:
    """Return the county's own agreements."""
    found = good(ROOT / "agreements", dt.datetime(2026, 12, 15, tzinfo=dt.UTC))
    assert found is not None
    return as_signed(found)


def test_they_are_of_their_datasets_types(county: Agreements) -> None:
    """Every provision's dataset, every field: a batch takes them, and codes are of their lists."""
    for rules in county.flows.values():
        fields = rules[0].dataset.fields
        rows = synthetic(county, rules[0], NOW, 50, 1)

        schema = arrow_schema([(one.name, one.type) for one in fields.values()])
        assert 50 == pa.RecordBatch.from_pylist(rows, schema=schema).num_rows
        assert all(row.keys() == fields.keys() for row in rows)
        for one in fields.values():
            if (listed := county.codes.lists.get(one.codes or "")) and one.type.value == "code":
                assert {row[one.name] for row in rows} <= {None, *listed}
            if one.means is Means.NAME and "last" in one.name:
                assert {row[one.name] for row in rows} <= {None, *FAMILY_NAMES}


def test_the_same_seed_draws_the_same() -> None:
    """And another seed others; most records meet a condition by value, and some do not."""
    when = (FieldCondition("county", Operator.EQ, ("west",)),)
    agreements = the_agreements(an_agreement(a_provision(when=when)))
    [rules] = agreements.flows.values()

    first = synthetic(agreements, rules[0], NOW, 200, 1)

    assert first == synthetic(agreements, rules[0], NOW, 200, 1)
    assert first != synthetic(agreements, rules[0], NOW, 200, 2)
    assert 150 < sum(row["county"] == "west" for row in first) < 200
