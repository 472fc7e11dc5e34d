"""The real police files give the figures of the domain page, section 7, exactly."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from adapters.base import Report
from adapters.police import create
from adapters.police_odin import DATASET as RESPONSES
from adapters.police_seizures import DATASET as SEIZURES
from tests.adapters.contract import a_scan, read
from tests.data import DATA, needs_data

pytestmark = needs_data

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def odin() -> tuple[Rows, Report]:
    """Return ODIN's rows and report."""
    source = {"kind": "odin", "csv": "pa_psp_odin/odin_2018_2019.csv", "zone": "America/New_York"}
    report = Report()
    return read(create({"sources": [source]}, DATA), a_scan(RESPONSES), report), report


def victims(rows: Rows) -> dict[str, dict[str, Any]]:
    """Return one row of each victim."""
    return {row["victim_id"]: row for row in rows}


def test_odin_rows_people_and_doses(odin: tuple[Rows, Report]) -> None:
    """ODIN-1, ODIN-2: 10,433 rows; 10,108 victims, 9,940 incidents, 7,034 administrations."""
    rows, report = odin
    given = [row for row in rows if row["administration_id"]]

    assert (10_433, 13_888) == (len(rows), report.rows_read)
    assert 10_108 == len(victims(rows))
    assert 9_940 == len({row["incident_id"] for row in rows})
    assert (7_034, 6_709) == (len(given), len({row["victim_id"] for row in given}))
    assert 3_399 == sum(not row["naloxone_administered"] for row in rows)
    assert 10_547 == sum(row["dose_count"] for row in given)
    assert Counter() == report.quarantined


def test_odin_years(odin: tuple[Rows, Report]) -> None:
    """5,727 and 4,213 incidents, 5,826 and 4,282 victims by civil year."""
    incidents = {row["incident_id"]: row["incident_date"].year for row in odin[0]}
    people = Counter(row["incident_date"].year for row in victims(odin[0]).values())

    assert {2018: 5_727, 2019: 4_213} == Counter(incidents.values())
    assert {2018: 5_826, 2019: 4_282} == people


def test_odin_strengths(odin: tuple[Rows, Report]) -> None:
    """ODIN-3, ODIN-4: 2,397 unknown; 4,637 known with 7,011 doses and 25,122 mg."""
    given = [row for row in odin[0] if row["administration_id"]]
    known = [row for row in given if row["dose_mg"] is not None]
    unknown = {row["victim_id"] for row in given if row["dose_mg"] is None}
    sure = [row for row in known if row["victim_id"] not in unknown]
    mg = sum(row["dose_mg"] * row["dose_count"] for row in sure)

    assert (2_397, 4_637) == (len(given) - len(known), len(known))
    assert 7_011 == sum(row["dose_count"] for row in known)
    assert 25_122 == sum(row["dose_mg"] * row["dose_count"] for row in known)
    assert (4_347, 24_784) == (len({row["victim_id"] for row in sure}), mg)


def test_odin_many_doses(odin: tuple[Rows, Report]) -> None:
    """ODIN-5: 562 victims had three doses or more."""
    doses: Counter[str] = Counter()
    for row in odin[0]:
        doses[row["victim_id"]] += row["dose_count"] or 0

    assert 562 == sum(count >= 3 for count in doses.values())


def test_odin_times(odin: tuple[Rows, Report]) -> None:
    """ODIN-6, ALL-2, ALL-3: 1,188 incidents without time; 2,204 of 8,752 a day later in UTC."""
    incidents = {row["incident_id"]: row for row in odin[0]}.values()
    timed = [row for row in incidents if row["incident_at"]]
    moved = [row for row in timed if row["incident_at"].date() != row["incident_date"]]
    months = [row for row in moved if row["incident_at"].month != row["incident_date"].month]

    assert (1_188, 8_752) == (len(incidents) - len(timed), len(timed))
    assert (2_204, 76) == (len(moved), len(months))
    assert 1 == sum(row["time_precision"] == "hour" for row in timed)
    assert 1 == odin[1].notices["repeated-hour", "incident_at"]
    assert 0 == odin[1].notices["skipped-hour", "incident_at"]


def test_odin_places(odin: tuple[Rows, Report]) -> None:
    """ODIN-8, ALL-4: 1,330 unknown and 181 from other states have no county; no 000, no 999."""
    homes = [row for row in victims(odin[0]).values() if row["victim_county_fips"] is None]

    assert 1_330 == sum(row["victim_state"] is None for row in homes)
    assert 181 == sum(row["victim_state"] not in (None, "PA") for row in homes)
    assert {("42", 5)} == {
        (row["incident_county_fips"][:2], len(row["incident_county_fips"])) for row in odin[0]
    }
    assert not {"42000", "42999"} & {row["victim_county_fips"] for row in odin[0]}


def test_odin_victims(odin: tuple[Rows, Report]) -> None:
    """ODIN-9, ODIN-11, ODIN-12 and the distribution of victims."""
    people = victims(odin[0]).values()
    drugs = Counter(drug for row in people for drug in row["suspected_drugs"])

    assert {"yes": 7_820, "no": 1_648, "unknown": 640} == Counter(p["survived"] for p in people)
    assert {"male": 6_939, "female": 3_146, "unknown": 23} == Counter(
        p["victim_sex"] for p in people
    )
    found = [drugs[name] for name in ("heroin", "fentanyl", "fentanyl_analog", "carfentanil")]
    assert [7_364, 1_707, 258, 68] == found
    actions = Counter(row["revive_action"] for row in people)
    assert [841, 880, 113] == [
        actions[name] for name in ("refused_transport", "treatment_transport", "arrest")
    ]
    assert 115 == sum(
        row["revive_action"] == "arrest" and row["administration_id"] is not None for row in odin[0]
    )
    assert 9 == sum(row["accidental_exposure"] for row in people)
    assert 9 == max(Counter(row["incident_id"] for row in people).values())
    assert {
        ("meaningless-code", "victim_ethnicity"): 8,
        ("repeated-hour", "incident_at"): 1,
    } == dict(odin[1].notices)


def test_odin_alert(odin: tuple[Rows, Report]) -> None:
    """ODIN-13: Allegheny on 2018-11-30: 14 victims, 13 incidents, 2 dead, 25 doses."""
    rows = [
        row
        for row in odin[0]
        if row["incident_county_fips"] == "42003" and str(row["incident_date"]) == "2018-11-30"
    ]
    doses: Counter[str] = Counter()
    for row in rows:
        doses[row["victim_id"]] += row["dose_count"] or 0

    assert 14 == len(victims(rows))
    assert 13 == len({row["incident_id"] for row in rows})
    assert 2 == sum(row["survived"] == "no" for row in victims(rows).values())
    assert (25, 3) == (doses.total(), sum(count >= 3 for count in doses.values()))


def test_state_police_seizures() -> None:
    """PSP-1, PSP-2, PSP-3: 1,969 rows; 13,662 incidents, 13,098 arrests, 658,816.024 g."""
    source = {
        "kind": "psp_seizures",
        "csv": "pa_psp_seizures/opioid_seizures_arrests_2013_2020.csv",
    }
    report = Report()
    rows = read(create({"sources": [source]}, DATA), a_scan(SEIZURES), report)
    grams: Counter[str] = Counter()
    for row in rows:
        grams[row["drug_text"]] += round(row["quantity_grams"] * 1_000_000)

    assert 1_969 == len(rows)
    assert (13_662, 13_098) == tuple(
        sum(row[n] for row in rows) for n in ("incident_count", "arrests")
    )
    assert {"Heroin": 477_579_264_000, "Fentanyl": 176_643_011_000, "Opium": 4_593_749_000} == grams
    assert (318, 1) == (
        sum(0 < row["quantity_grams"] < 1 for row in rows),
        sum(row["quantity_grams"] == 0 for row in rows),
    )
    assert 578 == sum(row["incident_count"] == 1 for row in rows)
    assert 29 == len({row["period_start"] for row in rows})
    assert {"Heroin": 1_510, "Fentanyl": 340, "Opium": 119} == Counter(r["drug_text"] for r in rows)


def test_nibrs_examples() -> None:
    """NIB-1, NIB-2, NIB-3: two submissions of one incident, no row, one notice."""
    adapter = create({"sources": [{"kind": "nibrs", "folder": "nibrs"}]}, DATA)
    report = Report()

    rows = read(adapter, a_scan(SEIZURES), report)

    assert [] == rows
    assert {("not-carried", "offense_code"): 1} == dict(report.notices)
    assert {"doctype": 1} == dict(report.quarantined), "the XML catalog"
