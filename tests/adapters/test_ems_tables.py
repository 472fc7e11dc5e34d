"""Traps of the two public EMS tables, on small synthetic files of the same shape."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Report
from adapters.ems import RUNS, create
from gateway.errors import SourceError
from tests.adapters.contract import a_scan, read

FIXTURES = Path(__file__).parent / "fixtures" / "ems"


def rows_of(kind: str, path: Path, report: Report | None = None) -> list[dict[str, Any]]:
    """Return the rows of one table."""
    adapter = create({"sources": [{"kind": kind, "path": path.name}]}, path.parent)
    return read(adapter, a_scan(RUNS), report)


def column(kind: str, name: str) -> list[Any]:
    """Return one column of a fixture."""
    return [row[name] for row in rows_of(kind, FIXTURES / f"{kind}.csv")]


def changed(tmp_path: Path, kind: str, *changes: tuple[str, str]) -> Path:
    """Return a copy of a fixture with texts replaced."""
    held = (FIXTURES / f"{kind}.csv").read_text("utf-8")
    for before, after in changes:
        assert before in held
        held = held.replace(before, after)
    path = tmp_path / "changed.csv"
    path.write_text(held, "utf-8")
    return path


def test_a_byte_order_mark_is_not_in_a_name() -> None:
    """ALL-7: the first column is `X`, so nothing is unknown."""
    report = Report()

    rows_of("tempe", FIXTURES / "tempe.csv", report)

    assert {} == report.notices


def test_narcan_has_four_spellings_and_three_meanings() -> None:
    """EMS-15: empty and NULL say nothing, No and Yes do; doses are never known."""
    assert ["not_recorded", "given", "given", "not_given", "not_recorded"] == column(
        "tempe", "naloxone_status"
    )
    assert {None} == set(column("tempe", "naloxone_doses"))


def test_midnight_is_a_date_and_an_hour_is_local() -> None:
    """EMS-16 to EMS-18: `00` and `07` are a date, another hour is local; the date never moves."""
    assert [
        dt.date(2018, 1, 3),
        dt.date(2018, 1, 9),
        dt.date(2021, 1, 1),
        dt.date(2021, 6, 9),
        dt.date(2022, 6, 10),
    ] == column("tempe", "incident_date")
    assert ["part_of_day"] * 3 + ["hour"] * 2 == column("tempe", "time_precision")
    assert ["morning", "overnight", "evening", "afternoon", "evening"] == column(
        "tempe", "part_of_day"
    )
    assert {None} == set(column("tempe", "unit_notified_at"))


def test_the_date_and_the_flag_decide() -> None:
    """EMS-19: an empty month, a year that is one less and words elsewhere change nothing."""
    assert [False, None, True, None, False] == column("tempe", "homeless")
    assert [False, True, None, None, False] == column("tempe", "university_student")


def test_a_call_that_was_not_placed_has_no_point() -> None:
    """EMS-20: the centre of the city, and no point, are both null."""
    assert [33.4196, 33.4127, None, None, 33.4001] == column("tempe", "scene_lat")
    assert [-111.8904, -111.9505, None, None, -111.9001] == column("tempe", "scene_lon")


def test_every_row_of_the_city_is_its_own_case() -> None:
    """EMS-21: rows the city calls no opioid use stay, under the city's definition."""
    assert {"tempe-opioid-ems"} == set(column("tempe", "definition_id"))
    assert 5 == len(set(column("tempe", "pcr_uuid")))


def test_bands_and_sex_come_by_the_lists() -> None:
    """A zero in front and words in brackets are the file's spelling only."""
    assert ["40-44", "0-4", "20-24", "unknown", "95-99"] == column("tempe", "age_band")
    assert ["female", "male", "unknown", "unknown", "male"] == column("tempe", "sex")


def test_the_point_is_longitude_first() -> None:
    """EMS-22: latitude and longitude are exchanged in the file; the WKT point is right."""
    assert 40.33501133 == column("pa_ems", "scene_lat")[0]
    assert -75.11291241 == column("pa_ems", "scene_lon")[0]


def test_an_event_is_a_row_without_doses() -> None:
    """EMS-23: `Record Count` is always 1 and says nothing of doses."""
    assert 5 == len(column("pa_ems", "naloxone_status"))
    assert {"given"} == set(column("pa_ems", "naloxone_status"))
    assert {None} == set(column("pa_ems", "naloxone_doses"))
    assert {"2301053"} == set(column("pa_ems", "dispatch_reason"))
    assert {"dispatch-overdose-naloxone"} == set(column("pa_ems", "definition_id"))


def test_the_civil_date_is_kept_beside_the_instant() -> None:
    """ALL-2: an evening in New York is the next day in UTC; midnight is 12 AM."""
    assert [
        dt.datetime(2018, 3, 18, 21, 40, tzinfo=dt.UTC),
        dt.datetime(2018, 9, 15, 3, 1, tzinfo=dt.UTC),
        dt.datetime(2019, 11, 3, 5, 26, tzinfo=dt.UTC),
        dt.datetime(2019, 1, 1, 5, 5, tzinfo=dt.UTC),
        None,
    ] == column("pa_ems", "unit_notified_at")
    assert dt.date(2018, 9, 14) == column("pa_ems", "incident_date")[1]


def test_the_repeated_hour_is_the_first_and_known_to_the_hour() -> None:
    """ALL-3: a repeated hour is taken first, to the hour, and told; a skipped one is none."""
    report = Report()

    rows_of("pa_ems", FIXTURES / "pa_ems.csv", report)

    assert ["minute", "minute", "hour", "minute", "day"] == column("pa_ems", "time_precision")
    assert 1 == report.notices["repeated-hour", "Event Time"]
    assert 1 == report.notices["skipped-hour", "Event Time"]


def test_a_county_is_five_digits_of_text() -> None:
    """ALL-4: `017` and `17` are one county; 999 is none, null and told."""
    assert ["42017", "42101", "42003", "42017", None] == column("pa_ems", "scene_county_fips")


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    """ALL-6: a moved column changes nothing, a strange one is told, a missing one stops."""
    path = FIXTURES / "pa_ems.csv"
    moved = tmp_path / "moved.csv"
    lines = [line.partition(",") for line in path.read_text("utf-8").splitlines()]
    moved.write_text("\n".join(f"{rest},{first}" for first, _, rest in lines), "utf-8")
    assert rows_of("pa_ems", path) == rows_of("pa_ems", moved)

    report = Report()
    rows_of("pa_ems", changed(tmp_path, "pa_ems", ("Calendar Year", "Fiscal Year")), report)
    assert 1 == report.notices["unknown-column", "Fiscal Year"]

    with pytest.raises(SourceError, match="`Event Time`"):
        rows_of("pa_ems", changed(tmp_path, "pa_ems", ("Event Time", "Time of Event")))


def test_unused_columns_are_not_read(tmp_path: Path) -> None:
    """ALL-8: a canary in columns that are not carried is in no row and no notice."""
    path = changed(tmp_path, "tempe", ("Sunday", "canary"), ("None,None", "canary,canary"))
    report = Report()

    rows = rows_of("tempe", path, report)

    assert 5 == len(rows)
    assert "canary" not in repr(rows) + repr(report)


def test_what_a_row_needs_is_checked(tmp_path: Path) -> None:
    """A row without a date, a key or all its cells is quarantined; unknown words are told."""
    path = changed(
        tmp_path,
        "tempe",
        ("2018/01/03 00:00:00+00", "canary"),
        (",2,2018/01/09", ",1,2018/01/09"),
        (",3,2021", ",1,2021"),
        ("Homeless,None,Afternoon", "Homeless,None"),
        ("95 to 99", "canary"),
    )
    report = Report()

    rows = rows_of("tempe", path, report)

    assert 2 == len(rows)
    assert {"no-event-date": 1, "repeated-key": 1, "csv-ragged": 1} == report.quarantined
    assert {("unknown-code", "Age"): 1} == report.notices
    assert "canary" not in repr(rows) + repr(report)


@pytest.mark.parametrize("clock", ["13:00:00 PM", "0:10:00 AM", "2:60:00 AM", "17:40", ""])
def test_a_clock_that_is_none_is_quarantined(tmp_path: Path, clock: str) -> None:
    """A time that no clock of twelve hours shows is not guessed at."""
    report = Report()

    rows = rows_of("pa_ems", changed(tmp_path, "pa_ems", ("5:40:00 PM", clock)), report)

    assert (4, {"no-event-time": 1}) == (len(rows), report.quarantined)
