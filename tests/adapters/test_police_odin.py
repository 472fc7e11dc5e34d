"""ODIN responses: the synthetic table's quirks, and the same rows from CSV, SQLite and DuckDB."""

from __future__ import annotations

import csv
import datetime as dt
import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from adapters.base import Report
from adapters.police import create
from adapters.police_odin import DATASET
from adapters.police_source import snake
from gateway.errors import Reason, SourceError
from gateway.values import Condition, Operator
from tests.adapters.contract import AdapterContract, a_scan, read

if TYPE_CHECKING:
    from adapters.base import Adapter

FIXTURES = Path(__file__).parent / "fixtures" / "police"
ZONE = "America/New_York"
TABLE = "overdose_responses"
ROWS = 8
Sources = dict[str, dict[str, object]]


def cells(name: str) -> list[list[str]]:
    """Return a fixture's rows, its header first."""
    return list(csv.reader((FIXTURES / name).read_text("utf-8-sig").splitlines()))


def into_sqlite(path: Path, table: str, rows: list[list[str]]) -> Path:
    """Write rows into a table of text columns with snake names."""
    names = ", ".join(f"{snake(name)} TEXT" for name in rows[0])
    with sqlite3.connect(path) as held:
        held.execute(f"CREATE TABLE {table} ({names})")
        marks = ", ".join("?" * len(rows[0]))
        held.executemany(f"INSERT INTO {table} VALUES ({marks})", rows[1:])  # noqa: S608
    held.close()
    return path


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Return the same table three times: settings of a source by engine."""
    folder, rows = tmp_path_factory.mktemp("police"), cells("odin.csv")
    into_sqlite(folder / "records.sqlite", TABLE, rows)
    names = ", ".join(f"{snake(name)} VARCHAR" for name in rows[0])
    with duckdb.connect(str(folder / "records.duckdb")) as held:
        held.execute(f"CREATE TABLE {TABLE} ({names})")
        marks = ", ".join("?" * len(rows[0]))
        held.executemany(f"INSERT INTO {TABLE} VALUES ({marks})", rows[1:])  # noqa: S608
    return {
        "csv": {"csv": str(FIXTURES / "odin.csv")},
        "sqlite": {"database": str(folder / "records.sqlite"), "table": TABLE},
        "duckdb": {"database": str(folder / "records.duckdb"), "table": TABLE},
    }


def odin(where: dict[str, object], **more: object) -> Adapter:
    """Return an adapter of one ODIN source that lets much be unknown."""
    source = {"kind": "odin", "zone": ZONE, **where, **more}
    return create({"max_unknown_share": 1.0, "sources": [source]}, Path("/"))


@pytest.fixture(scope="module")
def engines(sources: Sources) -> dict[str, Adapter]:
    """Return an adapter by engine, shared: it keeps nothing of a scan but what it compiled."""
    return {name: odin(source) for name, source in sources.items()}


@pytest.fixture(scope="module", params=["csv", "sqlite"])
def scanned(
    request: pytest.FixtureRequest, engines: dict[str, Adapter]
) -> tuple[list[dict[str, Any]], Report]:
    """Return all rows of one engine, and the report; the third gives the same rows, see below."""
    report = Report()
    return read(engines[request.param], a_scan(DATASET), report), report


Scanned = tuple[list[dict[str, Any]], Report]


def of(scanned: Scanned, victim: str) -> list[dict[str, Any]]:
    """Return the rows of a victim."""
    return [row for row in scanned[0] if row["victim_id"] == victim]


class TestOdinContract(AdapterContract):
    """The common suite, on SQLite."""

    @pytest.fixture
    def adapter(self, engines: dict[str, Adapter]) -> Adapter:
        """Return the adapter over the SQLite file."""
        return engines["sqlite"]


def test_a_row_is_a_victim_and_an_administration(scanned: Scanned) -> None:
    """ODIN-1: two drugs and two administrations are two rows, with both drugs, sorted, on each."""
    rows = of(scanned, "V1")

    assert ["A1", "A2"] == [row["administration_id"] for row in rows]
    assert [["cocaine", "heroin"]] * 2 == [row["suspected_drugs"] for row in rows]
    assert [1, 2] == [row["dose_count"] for row in rows]


def test_an_unknown_dose_is_null_and_not_nought(scanned: Scanned) -> None:
    """ODIN-3: `Dose Unit` 0 is not known."""
    assert [None, 4.0] == [row["dose_mg"] for row in of(scanned, "V1")]


def test_midnight_is_an_unknown_time(scanned: Scanned) -> None:
    """ODIN-6: `00:00:00` gives no instant, and precision `day`."""
    (row,) = of(scanned, "V2")

    assert (None, "day") == (row["incident_at"], row["time_precision"])


def test_none_given_is_null_in_every_field_of_an_administration(scanned: Scanned) -> None:
    """ODIN-7: id 0, `None Given` and `NA` are null; `NA` beside an administration is the agency."""
    (row,) = of(scanned, "V2")

    fields = ("administration_id", "dose_count", "dose_mg", "administered_by", "response_time")
    assert [None] * 5 == [row[name] for name in fields]
    assert row["naloxone_administered"] is False
    assert ["bystander", "reporting_agency"] == [r["administered_by"] for r in of(scanned, "V1")]


def test_unknown_and_out_of_state_counties_are_null(scanned: Scanned) -> None:
    """ODIN-8, ALL-4: a victim from elsewhere keeps the state; `17` is `017`; 000 is none."""
    (unknown,), (away,), (short,) = (of(scanned, victim) for victim in ("V2", "V3", "V6"))

    assert (None, None) == (unknown["victim_county_fips"], unknown["victim_state"])
    assert (None, "MD") == (away["victim_county_fips"], away["victim_state"])
    assert "42017" == short["victim_county_fips"] == of(scanned, "V1")[0]["victim_county_fips"]
    assert short["incident_county_fips"] is None


def test_a_value_without_a_meaning_is_unknown_and_reported(scanned: Scanned) -> None:
    """ODIN-9, ODIN-10: `Mongolian` is counted by victim; `80 - *` is `80+`."""
    (row,) = of(scanned, "V2")

    assert ("unknown", "80+") == (row["victim_ethnicity"], row["victim_age_band"])
    assert 1 == scanned[1].notices["meaningless-code", "victim_ethnicity"]


def test_arrest_and_exposure_are_in_the_row_for_police(scanned: Scanned) -> None:
    """ODIN-11, ODIN-12: they are read; who may have them is the agreement's to say."""
    assert "arrest" == of(scanned, "V3")[0]["revive_action"]
    assert of(scanned, "V4")[0]["accidental_exposure"] is True
    assert {"I3"} == {of(scanned, victim)[0]["incident_id"] for victim in ("V3", "V4")}


def test_the_repeated_hour_is_the_first_and_good_for_an_hour(scanned: Scanned) -> None:
    """ALL-3: 01:32 of the day that summer time ends is 05:32 UTC, one warning an incident."""
    (row,) = of(scanned, "V3")

    assert dt.datetime(2018, 11, 4, 5, 32, tzinfo=dt.UTC) == row["incident_at"]
    assert "hour" == row["time_precision"]
    assert 1 == scanned[1].notices["repeated-hour", "incident_at"]


def test_a_skipped_hour_is_no_instant(scanned: Scanned) -> None:
    """02:30 of the day that summer time begins did not happen: null, and reported."""
    (row,) = of(scanned, "V5")

    assert (None, "day") == (row["incident_at"], row["time_precision"])
    assert 1 == scanned[1].notices["skipped-hour", "incident_at"]


def test_civil_date_and_utc_date_differ(scanned: Scanned) -> None:
    """ALL-1: 22:22:17 in New York is the next day in UTC; the civil date stays."""
    (row,) = of(scanned, "V9")

    assert dt.datetime(2022, 10, 8, 2, 22, 17, tzinfo=dt.UTC) == row["incident_at"]
    assert (dt.date(2022, 10, 7), "instant") == (row["incident_date"], row["time_precision"])


def test_what_the_lists_do_not_know_is_null_and_counted_by_column(scanned: Scanned) -> None:
    """An unknown drug, age, unit and time are null in a row that stays."""
    (row,) = of(scanned, "V6")
    notices = scanned[1].notices

    assert ([], None, None) == (row["suspected_drugs"], row["victim_age_band"], row["dose_mg"])
    assert 1 == notices["unknown-code", "drug"]
    assert 1 == notices["unknown-code", "victim_age_band"]
    assert 1 == notices["unknown-unit", "dose_mg"]
    assert 1 == notices["unknown-value", "incident_at"]
    assert 1 == scanned[1].rows_unknown


def test_records_without_key_or_date_and_contradictions_are_quarantined(scanned: Scanned) -> None:
    """A malformed record is left out with its reason; 30 February is no date."""
    found = dict(scanned[1].quarantined)

    assert {"no-record-key": 1, "no-event-date": 1, "conflicting-rows": 1} == found
    assert [] == of(scanned, "V7") + of(scanned, "V8")


def test_every_engine_gives_the_same_rows(engines: dict[str, Adapter]) -> None:
    """CSV in DuckDB, SQLite and a DuckDB file differ in nothing, whatever the condition."""
    midnight = dt.datetime(2018, 11, 4, 5, 32, tzinfo=dt.UTC)
    for where in (
        (),
        (Condition("incident_at", Operator.EQ, (midnight,)),),
        (
            Condition("dose_mg", Operator.LT, (4.5,)),
            Condition("victim_sex", Operator.EQ, ("male",)),
        ),
    ):
        first, *others = (read(adapter, a_scan(DATASET, (), where)) for adapter in engines.values())

        assert first
        assert [first, first] == others


def test_what_is_not_carried_is_nowhere(scanned: Scanned) -> None:
    """ALL-8: canaries in columns that are not read reach no row and no notice."""
    rows, report = scanned

    assert "canary" not in json.dumps(rows, default=str)
    assert "canary" not in repr(report)


def test_a_missing_column_stops_and_an_unknown_one_is_named(tmp_path: Path) -> None:
    """ALL-6: the required column is named; one that nobody knows is a notice."""
    rows = cells("odin.csv")
    place = rows[0].index("Survive")
    for change, header in (("missing", "Survived"), ("unknown", "Survive")):
        path = tmp_path / f"{change}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*rows[0][:place], header, *rows[0][place + 1 :], "Extra Column"])
            writer.writerows([[*row, "canary"] for row in rows[1:]])
    report = Report()

    read(odin({"csv": str(tmp_path / "unknown.csv")}), a_scan(DATASET), report)

    assert 1 == report.notices["unknown-column", "extra_column"]
    with pytest.raises(SourceError, match="`survive`"):
        read(odin({"csv": str(tmp_path / "missing.csv")}), a_scan(DATASET))


def test_a_broken_file_is_refused_with_its_line(tmp_path: Path) -> None:
    """CSV-1: a quote without an end and a NUL byte refuse the file, and nothing of it is told."""
    text = (FIXTURES / "odin.csv").read_text("utf-8-sig")
    for name, content, rule in (
        ("quote", text + '"canary', "csv-line"),
        ("nul", text + "canary\x00\n", "csv-nul"),
    ):
        path = tmp_path / f"{name}.csv"
        path.write_text(content)

        with pytest.raises(SourceError, match=rule) as caught:
            read(odin({"csv": str(path)}), a_scan(DATASET))

        assert "canary" not in caught.value.message
        assert Reason.ADAPTER_UNAVAILABLE == caught.value.reason


def test_a_ragged_row_is_quarantined_and_the_others_stay(tmp_path: Path) -> None:
    """A row with too many cells is no record; both readers of the file leave it out."""
    path = tmp_path / "ragged.csv"
    text = (FIXTURES / "odin.csv").read_text("utf-8-sig")
    path.write_text(text + ",".join(["x"] * 40) + "\n")
    report = Report()

    rows = read(odin({"csv": str(path)}), a_scan(DATASET), report)

    assert ROWS == len(rows)
    assert 1 == report.quarantined["csv-ragged"]


def test_too_much_that_is_unknown_stops_the_scan(tmp_path: Path) -> None:
    """Above the share of unknown rows nothing is read; the message names the column."""
    rows = cells("odin.csv")
    place = rows[0].index("Gender Desc")
    path = tmp_path / "records.sqlite"
    odd = [[*row[:place], "canary", *row[place + 1 :]] for row in rows[1:]]
    into_sqlite(path, TABLE, [rows[0], *odd])
    source = {"kind": "odin", "zone": ZONE, "database": str(path), "table": TABLE}
    adapter = create({"max_unknown_share": 0.05, "sources": [source]}, tmp_path)

    with pytest.raises(SourceError, match="`victim_sex`") as caught:
        read(adapter, a_scan(DATASET))

    assert Reason.PROVIDER_REFUSED == caught.value.reason
    assert "canary" not in caught.value.message


def test_a_change_of_the_source_is_seen(tmp_path: Path) -> None:
    """What is kept between scans never outlives the file that it was read from."""
    path = into_sqlite(tmp_path / "records.sqlite", TABLE, cells("odin.csv"))
    adapter = odin({"database": str(path), "table": TABLE})
    before = read(adapter, a_scan(DATASET))
    with sqlite3.connect(path) as held:
        held.execute(f"UPDATE {TABLE} SET ethnicity_desc = 'odd' WHERE victim_id = 'V9'")  # noqa: S608
    held.close()
    report = Report()

    after = read(adapter, a_scan(DATASET), report)

    assert len(before) == len(after)
    assert 1 == report.notices["unknown-code", "victim_ethnicity"]
