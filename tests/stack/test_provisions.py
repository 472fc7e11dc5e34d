"""Every provision of the county's agreement, end to end over mTLS, against sums done by hand."""

from __future__ import annotations

import csv
import datetime as dt
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from gateway.errors import Reason, RefusedError
from gateway.values import Condition, Form, Operator
from tests.stack.by_hand import (
    ZONE,
    Row,
    cells,
    columns_of,
    cut,
    days_back,
    five_years,
    held,
    hour,
    mapped,
    mapped_list,
    month,
    nearest,
    passes,
    shown,
    state,
    week,
    zip3,
)
from tests.stack.county import EMS, HRO, PD, PHD, now, request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.stack.county import Got, Town

RUNS, SURVEILLANCE = "ems.overdose_run@1", "public_health.surveillance"
RESPONSES, SEIZURES = "police.overdose_response@1", "police.drug_seizure@1"
NALOXONE, CONTACTS = "harm_reduction.naloxone_distribution@1", "harm_reduction.outreach_contact@1"
REFERRALS, OUTREACH = "referral.post_overdose@1", "care.post_overdose_outreach"
VISITS, EVALUATION = "public_health.ed_overdose_visit@1", "public_health.program_evaluation"

REFERRAL = {name: passes(name) for name in (
    "referral_id", "person_first_name", "person_last_name", "person_phone", "contact_address",
    "contact_preference", "naloxone_left_behind", "safety_flag", "status", "overdose_date",
    "time_precision",
)} | {"overdose_at": hour("overdose_at", "time_precision"), "due_by": hour("due_by")}  # fmt: skip

SEIZURE = {
    "incident_date": week("incident_date"),
    "suspected_drug_type": passes("suspected_drug_type"),
    "quantity_grams": cut("quantity_grams", 0, 1, 10, 100, 1000, whole=False),
    "county_fips": passes("county_fips"),
    "location_type": mapped("location_type", SEIZURES, "location_group"),
}

RUN = {name: passes(name) for name in (
    "ems_agency_number", "incident_date", "time_precision", "age_is_approximate", "sex", "race",
    "scene_county_fips", "dispatch_reason", "primary_impression", "secondary_impressions",
    "cardiac_arrest", "initial_acuity", "avpu", "naloxone_status", "naloxone_doses",
    "naloxone_routes", "naloxone_before_ems", "naloxone_response", "fatal",
    "transport_disposition", "definition_id", "definition_version", "definition_basis",
    "source_system",
)} | {
    "unit_notified_at": hour("unit_notified_at", "time_precision"),
    "patient_home_county_fips": state("patient_home_county_fips"),
    "age": five_years("age", "age_unit"),
    "scene_location_type": mapped("scene_location_type", RUNS, "y92_group"),
    "respiratory_rate": cut("respiratory_rate", 0, 8, 12, 20, whole=True),
    "naloxone_total_mg": nearest("naloxone_total_mg", 0.5),
}  # fmt: skip

RESPONSE = {name: passes(name) for name in (
    "incident_county_fips", "naloxone_administered", "dose_count", "survived", "definition_id",
    "definition_version", "source_system",
)} | {
    "incident_date": month("incident_date"),
    "victim_age_band": mapped("victim_age_band", RESPONSES, "odin_age_4"),
    "victim_sex": mapped("victim_sex", RESPONSES, "sex_joined"),
    "suspected_drugs": mapped_list("suspected_drugs", RESPONSES, "drug_group"),
    "dose_mg": nearest("dose_mg", 2),
}  # fmt: skip


def _same(got: Got, rows: Sequence[Row], rules: Mapping[str, Callable[[Row], object]]) -> None:
    """Assert that just these records came, in the source's order, each field as by hand."""
    expected = [shown(row, rules) for row in rows]
    assert expected, "the county holds nothing for this provision: the test would be empty"
    assert expected == columns_of(got.rows, rules, got.header.columns)
    assert len(expected) == got.receipt.row_count


def _pseudonyms(got: Got, rows: Sequence[Row], name: str) -> None:
    """Assert that a column holds one 64-hex name for each value, and that it is no value."""
    pairs = {(row[name], left[name]) for row, left in zip(rows, got.rows, strict=True)}
    values, names = {value for value, _ in pairs}, {left for _, left in pairs}
    assert len(values) == len(names) == len(pairs)
    assert all(len(left) == 64 and set(left) <= set("0123456789abcdef") for left in names)
    assert not values & names


# --- records --------------------------------------------------------------------------------------


def test_the_outreach_agency_gets_who_consented_and_nobody_else(county: Town) -> None:
    """P1: identified referrals of the last 72 hours, consented, not opted out, still open."""
    instant = now()
    rows = [
        row
        for row in held(county, EMS, REFERRALS)
        if (row["consent_id"] or "").strip()
        and row["opt_out_at"] is None
        and row["overdose_at"] is not None
        and instant - dt.timedelta(hours=72) <= row["overdose_at"] <= instant
        and row["status"] in {"requested", "received"}
    ]

    got = county.ask(request(EMS, HRO, REFERRALS, OUTREACH, list(REFERRAL)))

    assert ("P1-outreach-referral", "4.1") == (got.header.provision, got.header.clause)
    _same(got, rows, REFERRAL)


def test_a_referral_without_consent_or_with_an_opt_out_is_not_there(county: Town) -> None:
    """Of the referral forms in FHIR, those who refused, opted out or are too old never leave."""
    assert county.records is not None
    cases = county.records.cases

    got = county.ask(request(EMS, HRO, REFERRALS, OUTREACH, "referral_id"))

    left = {str(row["referral_id"]).removeprefix("urn:uuid:") for row in got.rows}
    for case in ("consent_refused", "opted_out", "opted_out_later", "denied", "not_asked",
                 "older_than_72_hours", "time_unknown", "entered_in_error"):  # fmt: skip
        assert cases[f"referral.{case}"] not in left, case
    assert cases["referral.consented"] in left


def test_responders_get_seizures_by_week_and_band(county: Town) -> None:
    """P2: incidents of the last 60 days, as the police database holds them."""
    recent = days_back("incident_date", 60, now())
    rows = [
        row
        for row in held(county, PD, SEIZURES)
        if row["record_kind"] == "incident" and recent(row)
    ]

    got = county.ask(request(PD, EMS, SEIZURES, "safety.responder_alert", list(SEIZURE)))

    assert ("P2-seizures-for-responders", "4.2") == (got.header.provision, got.header.clause)
    _same(got, rows, SEIZURE)


def test_seizures_are_those_of_the_police_database(county: Town) -> None:
    """P2, from the SQLite file itself: a row for each seizure of drugs, its day as a week."""
    since = (now() - dt.timedelta(days=60)).astimezone(ZONE).date()
    database = county.folder / "county" / "police" / "records.sqlite"
    with closing(sqlite3.connect(database)) as records:
        found = records.execute(
            "SELECT incident_date, county_fips FROM drug_seizures WHERE offense_code LIKE '35%'"
        ).fetchall()
    days = [(dt.date.fromisoformat(text), fips) for text, fips in found]
    expected = sorted(
        (day - dt.timedelta(days=day.weekday()), fips) for day, fips in days if day >= since
    )
    asked = request(PD, EMS, SEIZURES, "safety.responder_alert", "incident_date county_fips")

    got = county.ask(asked)

    assert expected == sorted((row["incident_date"], row["county_fips"]) for row in got.rows)


def test_epidemiologists_get_runs_as_a_limited_data_set(county: Town) -> None:
    """P3: every released field of every run, and one pseudonym for each report."""
    tables = json.loads((county.folder / "tables" / "zip3.json").read_text())["rows"]
    rules = RUN | {"patient_home_zip": zip3("patient_home_zip", tables)}
    recent = days_back("incident_date", 400, now())
    rows = [row for row in held(county, EMS, RUNS) if recent(row)]

    got = county.ask(request(EMS, PHD, RUNS, SURVEILLANCE, [*rules, "pcr_uuid"]))

    assert ("P3-overdose-runs", "4.3") == (got.header.provision, got.header.clause)
    _same(got, rows, rules)
    _pseudonyms(got, rows, "pcr_uuid")
    assert {"home", None} < {row["scene_location_type"] for row in got.rows} | {None}


def test_epidemiologists_get_police_responses_masked(county: Town) -> None:
    """P4: months, joined bands and drug groups; one pseudonym for each victim."""
    recent = days_back("incident_date", 400, now())
    rows = [row for row in held(county, PD, RESPONSES) if recent(row)]

    got = county.ask(request(PD, PHD, RESPONSES, SURVEILLANCE, [*RESPONSE, "victim_id"]))

    assert ("P4-police-responses", "4.4") == (got.header.provision, got.header.clause)
    _same(got, rows, RESPONSE)
    _pseudonyms(got, rows, "victim_id")


def test_two_provisions_give_one_person_two_names(county: Town) -> None:
    """A pseudonym of one provision is not that of another: nothing joins them."""
    runs = county.ask(request(EMS, PHD, RUNS, SURVEILLANCE, "pcr_uuid"))
    again = county.ask(request(EMS, PHD, RUNS, SURVEILLANCE, "pcr_uuid age"))
    others = county.ask(request(PD, PHD, RESPONSES, SURVEILLANCE, "victim_id"))

    names = {row["pcr_uuid"] for row in runs.rows}
    assert names == {row["pcr_uuid"] for row in again.rows}
    assert not names & {row["victim_id"] for row in others.rows}


def test_a_filter_narrows_what_leaves(county: Town) -> None:
    """`where` on a field that passes gives just those rows of the whole."""
    fields = "incident_date sex fatal"
    whole = county.ask(request(EMS, PHD, RUNS, SURVEILLANCE, fields))
    where = [Condition("sex", Operator.EQ, ("female",))]

    some = county.ask(request(EMS, PHD, RUNS, SURVEILLANCE, fields, where=where))

    assert [row for row in whole.rows if row["sex"] == "female"] == some.rows
    assert 0 < len(some.rows) < len(whole.rows)


def test_an_empty_answer_is_an_answer(county: Town) -> None:
    """A filter that nothing meets brings no row, and a receipt that says so."""
    where = [Condition("incident_date", Operator.LT, (dt.date(1999, 1, 1),))]

    got = county.ask(request(EMS, PHD, RUNS, SURVEILLANCE, "sex", where=where))

    assert ([], 0) == (got.rows, got.receipt.row_count)


@pytest.mark.parametrize("form", [Form.ARROW, Form.ARROW_ZSTD])
@pytest.mark.parametrize(
    ("provider", "recipient", "dataset", "purpose", "fields"),
    [
        (EMS, HRO, REFERRALS, OUTREACH, list(REFERRAL)),
        (PD, EMS, SEIZURES, "safety.responder_alert", list(SEIZURE)),
        (EMS, PHD, RUNS, SURVEILLANCE, [*RUN, "pcr_uuid", "patient_home_zip"]),
        (PD, PHD, RESPONSES, SURVEILLANCE, [*RESPONSE, "victim_id"]),
    ],
)
def test_rows_and_columns_say_the_same(
    county: Town, form: Form, provider: str, recipient: str, dataset: str, purpose: str,
    fields: list[str],
) -> None:  # fmt: skip
    """The rows form and the Arrow forms of one request hold the same values in the same order."""
    rows = county.ask(request(provider, recipient, dataset, purpose, fields))

    columns = county.ask(request(provider, recipient, dataset, purpose, fields, form=form))

    assert rows.rows == columns.rows
    assert rows.header.columns == columns.header.columns


# --- tables ---------------------------------------------------------------------------------------


def _periods(
    county: Town, provider: str, recipient: str, dataset: str, purpose: str
) -> list[dt.date]:
    """Return the closed periods of a table: months since the anchor that ended 15 days ago."""
    read = yaml.safe_load(county.file().read_text())
    (found,) = [
        one for one in read["provisions"]
        if one["flow"]["dataset"] == dataset and purpose in one["flow"]["purpose"]
    ]  # fmt: skip
    start = dt.date.fromisoformat(found["aggregate"]["grid"]["anchor"])
    today = now().astimezone().date()
    made: list[dt.date] = []
    while True:
        after = (start + dt.timedelta(days=32)).replace(day=1)
        if after + dt.timedelta(days=15) > today:
            return made
        made.append(start)
        start = after


def _table(got: Got, keys: Sequence[str], measures: Mapping[str, str]) -> dict[Any, Any]:
    """Return a table by cell: each measure, None where it is marked as suppressed."""
    made = {}
    for row in got.rows:
        said = {}
        for measure, short in measures.items():
            if measure not in row:
                continue
            assert (row[measure] is None) == (row[f"{measure}.why"] == "suppressed")
            said[short] = row[measure]
        made[tuple("*" if row.get(f"{key}.why") == "total" else row[key] for key in keys)] = said
    assert len(made) == len(got.rows), "a cell stands twice"
    return made


def _agrees(
    table: Mapping[Any, Any], expected: Mapping[Any, Any], periods: Sequence[dt.date]
) -> None:
    """Assert that cells with records say what they must, and that all others say nought."""
    for key, said in expected.items():
        assert said == table[key], key
    nothing = {key: said for key, said in table.items() if key not in expected}
    assert all(set(said.values()) == {0} for said in nothing.values()), nothing
    assert set(periods) == {key[0] for key in table}
    assert any(value is None for said in table.values() for value in said.values()), "none is small"
    assert any(value for said in table.values() for value in said.values()), "none is large"


def test_naloxone_leaves_as_counts(county: Town) -> None:
    """P5: participants, kits and reversals by month, site and route, with two kinds of total.

    Small cells are held back, and no more others than a total needs.
    """
    (*_, period) = _periods(county, HRO, PHD, NALOXONE, SURVEILLANCE)
    keys = {
        "distributed_on": month("distributed_on"),
        "site_id": passes("site_id"),
        "naloxone_product": mapped("naloxone_product", NALOXONE, "product_route"),
    }
    rows = [
        row
        for row in held(county, HRO, NALOXONE)
        if row["record_kind"] == "event" and row["distributed_on"].replace(day=1) == period
    ]
    sums = {"kits": "kits", "reversals": "reversals_reported"}
    expected = cells(rows, keys, "participant_code", sums)
    site = {name: keys[name] for name in ("distributed_on", "site_id")}
    when = {"distributed_on": keys["distributed_on"]}
    for key, said in cells(rows, site, "participant_code", sums).items():
        expected[*key, "*"] = said
    for key, said in cells(rows, when, "participant_code", sums).items():
        expected[*key, "*", "*"] = said
    asked = request(
        HRO, PHD, NALOXONE, SURVEILLANCE,
        "distributed_on site_id naloxone_product participant_code kits reversals_reported",
        where=[Condition("distributed_on", Operator.EQ, (period,))],
    )  # fmt: skip

    got = county.ask(asked)

    assert ("P5-naloxone-counts", "4.5") == (got.header.provision, got.header.clause)
    measures = {"participants": "", "kits": "kits", "reversals": "reversals"}
    table = _table(got, list(keys), measures)
    beside = {
        (key, name)
        for key, said in expected.items()
        for name, value in said.items()
        if value is not None and table[key][name] is None
    }
    assert 0 < len(beside) <= sum(v is None for said in expected.values() for v in said.values())
    for key, name in beside:
        expected[key][name] = None
    _agrees(table, expected, [period])
    with pytest.raises(RefusedError) as refused:
        county.ask(request(
            HRO, PHD, NALOXONE, SURVEILLANCE,
            "distributed_on site_id naloxone_product kits",
            where=[Condition("distributed_on", Operator.EQ, (period,))],
        ))  # fmt: skip
    assert (Reason.CELL_RELEASED, 6, "4.5") == (
        refused.value.reason, refused.value.step, refused.value.clause,
    )  # fmt: skip


def test_kits_add_up_to_the_sheet(county: Town) -> None:
    """P5, from the CSV itself: a site's published kits are the sum of the sheet's cells."""
    period = _periods(county, HRO, PHD, NALOXONE, SURVEILLANCE)[-2]
    sheet = county.folder / "county" / "harm_reduction" / "naloxone_distribution.csv"
    totals: dict[tuple[str, str], int] = {}
    with sheet.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["date"][:7] == period.isoformat()[:7]:
                route = "nasal" if row["product"].startswith("in_") else "injected"
                key = (row["site"], route)
                totals[key] = totals.get(key, 0) + int(row["kits"] or 0)

    got = county.ask(request(
        HRO, PHD, NALOXONE, SURVEILLANCE, "distributed_on site_id naloxone_product kits",
        where=[Condition("distributed_on", Operator.EQ, (period,))],
    ))  # fmt: skip

    left = {
        (row["site_id"], row["naloxone_product"]): row["kits"]
        for row in got.rows
        if row["kits"] and row["naloxone_product"]
    }
    assert left
    assert left == {key: totals[key] for key in left}


@pytest.mark.parametrize(
    ("provider", "recipient", "dataset", "purpose", "clause", "date", "unit", "other", "mask"),
    [
        (HRO, PHD, CONTACTS, SURVEILLANCE, "4.6", "contact_date", "person_id",
         "living_situation", "living_group"),
        (PHD, HRO, VISITS, EVALUATION, "4.7", "visit_date", "patient_id", "sex", "sex_joined"),
    ],
)  # fmt: skip
def test_people_leave_as_counts(  # noqa: PLR0913, PLR0917 - the two provisions differ in each
    county: Town, provider: str, recipient: str, dataset: str, purpose: str, clause: str,
    date: str, unit: str, other: str, mask: str,
) -> None:  # fmt: skip
    """P6 and P7: distinct people a month and group, over every closed month at once."""
    periods = _periods(county, provider, recipient, dataset, purpose)
    keys = {date: month(date), other: mapped(other, dataset, mask)}
    rows = [row for row in held(county, provider, dataset) if row[date].replace(day=1) in periods]
    expected = cells(rows, keys, unit, {})
    expected = {
        tuple(None if part == (None, "missing") else part for part in key): said
        for key, said in expected.items()
    }

    got = county.ask(request(provider, recipient, dataset, purpose, [date, other, unit]))

    assert clause == got.header.clause
    measure = "people" if unit == "person_id" else "patients"
    _agrees(_table(got, list(keys), {measure: ""}), expected, periods)
