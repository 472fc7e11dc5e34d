"""Every generated file is read by the adapter of its agency, with nothing left out unexpectedly."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from adapters import canonical, ems, harm_reduction, police, public_health
from adapters.base import Adapter, Report
from gateway.cli.county.harm_reduction import cells
from gateway.cli.county.hospital import WALK_INS
from gateway.cli.county.months import months
from gateway.cli.county.places import ZONE
from gateway.cli.county.sources import SOURCES
from gateway.cli.county.write import County, write_county
from gateway.plan.pushdown import Scan
from gateway.values import DatasetId
from tests.data import DATA, needs_data

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime(2027, 6, 14, 12, tzinfo=dt.UTC)
ALL_ROWS = 1_000_000
SCHEMA_DIR = DATA / "nemsis_v351" / "xsd"

Rows = list[dict[str, Any]]

# Ibis 12 reads SQLite through pandas 3, and sets an option that pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:The 'future.infer_string' option is deprecated")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> County:
    """Return a county on disk."""
    return write_county(tmp_path_factory.mktemp("county"), seed=1, now=NOW)


def _read(adapter: Adapter, name: str) -> tuple[Rows, Report]:
    """Return every row of a dataset, all columns, and the report."""
    dataset, report = DatasetId(name, 1), Report()
    columns = tuple((field, held.type) for field, held in canonical.fields(dataset).items())
    scan = Scan(
        provider="provider", recipient="recipient", purpose="test", dataset=dataset,
        columns=columns, where=(), limit_rows=ALL_ROWS, batch_rows=1000, plan_digest=b"",
    )  # fmt: skip
    batches = list(adapter.scan(scan, report))
    return pa.Table.from_batches(batches).to_pylist(), report


def _ems(made: County, schema_dir: str | None = None) -> Adapter:
    reports, referrals = SOURCES["ems"]
    more = {"schema_dir": schema_dir} if schema_dir else {}
    return ems.create({"sources": [{**reports, **more}, referrals]}, made.folder)


def _of(rows: Rows, key: str, made: County, case: str) -> dict[str, Any] | None:
    found = [row for row in rows if row[key] == made.cases[case]]
    assert len(found) < 2
    return found[0] if found else None


@needs_data
def test_ems_reads_every_report_with_the_schema(made: County) -> None:
    """No report is quarantined; the one correction and the one unknown unit are told."""
    rows, report = _read(_ems(made, schema_dir=str(SCHEMA_DIR)), "ems.overdose_run")

    assert Counter() == report.quarantined
    assert not report.unvalidated
    assert {
        ("repeated-key", "PatientCareReport/@UUID"): 1,
        ("unknown-unit", "eMedications.06"): 1,
    } == (report.notices)
    assert 89 == len(rows)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("naloxone_given", ("given", 2, 8.0, "improved", "nonfatal")),
        ("naloxone_not_given", ("not_given", 0, None, None, "nonfatal")),
        ("naloxone_not_recorded", ("not_recorded", None, None, None, "nonfatal")),
        ("naloxone_refused", ("refused", 0, None, None, "nonfatal")),
        ("dose_in_ml", ("given", 1, None, "improved", "nonfatal")),
        ("dose_in_micrograms", ("given", 1, 0.4, "improved", "nonfatal")),
        ("four_doses", ("given", 4, 16.0, "improved", "nonfatal")),
        ("corrected", ("given", 2, 8.0, "improved", "nonfatal")),
        ("death", ("given", 1, 4.0, "unchanged", "fatal")),
    ],
)
def test_an_ems_case_says_what_it_is_there_to_say(
    made: County, case: str, expected: tuple[object, ...]
) -> None:
    """The rows of the cases hold naloxone and outcome as intended."""
    row = _of(_read(_ems(made), "ems.overdose_run")[0], "pcr_uuid", made, f"ems.{case}")

    assert row is not None
    fields = ("status", "doses", "total_mg", "response")
    assert expected == (*(row[f"naloxone_{field}"] for field in fields), row["fatal"])


@pytest.mark.parametrize("case", ["uncoded_death", "no_overdose"])
def test_what_is_no_case_is_no_row(made: County, case: str) -> None:
    """A death in spite of naloxone without a code, and another call, do not meet the definition."""
    rows, _ = _read(_ems(made), "ems.overdose_run")

    assert _of(rows, "pcr_uuid", made, f"ems.{case}") is None


def test_the_other_branches_of_the_definition_are_there(made: County) -> None:
    """One report matches by medication alone, one by a code that only the published rule takes."""
    rows, _ = _read(_ems(made), "ems.overdose_run")
    alone = _of(rows, "pcr_uuid", made, "ems.by_medication_alone")
    adverse = _of(rows, "pcr_uuid", made, "ems.adverse_effect")
    police = _of(rows, "pcr_uuid", made, "ems.police_gave_first")

    assert alone is not None
    assert adverse is not None
    assert police is not None
    assert ["medication"] == json.loads(alone["definition_basis"])
    assert "T40.2X5A" == adverse["primary_impression"]
    assert ["ems", "law_enforcement"] == json.loads(police["naloxone_given_by"])
    assert police["naloxone_before_ems"]


def test_faults_are_quarantined_by_their_reason(tmp_path: Path) -> None:
    """With faults, one document is malformed and one has a DOCTYPE; all others are read."""
    made = write_county(tmp_path, seed=1, now=NOW, with_faults=True)

    rows, report = _read(_ems(made), "ems.overdose_run")

    assert {"xml-malformed": 1, "doctype": 1} == report.quarantined
    assert 89 == len(rows)


def test_referrals_are_read_without_a_remark(made: County) -> None:
    """Of 40 forms 35 are rows: four people said no, one form was sent in error."""
    rows, report = _read(_ems(made), "referral.post_overdose")

    assert Counter() == report.quarantined
    assert Counter() == report.notices
    assert 35 == len(rows)
    assert {"outreach", None} == {row["purpose"] for row in rows}


@pytest.mark.parametrize(
    "case", ["opted_out", "opted_out_later", "denied", "consent_refused", "entered_in_error"]
)
def test_who_said_no_leaves_no_trace(made: County, case: str) -> None:
    """An opt-out at once or later, a denial, a refusal and an error are no rows."""
    rows, _ = _read(_ems(made), "referral.post_overdose")

    assert _of(rows, "referral_id", made, f"referral.{case}") is None


@pytest.mark.parametrize(
    ("case", "field", "expected"),
    [
        ("consented", "consent_basis", "verbal"),
        ("written_consent", "consent_basis", "written"),
        ("not_asked", "consent_basis", None),
        ("consent_pending", "consent_id", None),
        ("time_unknown", "overdose_at", None),
        ("time_unknown", "time_precision", "day"),
        ("accepted", "status", "accepted"),
        ("visit_in_pairs", "safety_flag", "visit_in_pairs"),
        ("sent_twice", "status", "received"),
    ],
)
def test_a_referral_case_says_what_it_is_there_to_say(
    made: County, case: str, field: str, expected: str | None
) -> None:
    """Consent, time, status and safety of the cases are as intended."""
    rows, _ = _read(_ems(made), "referral.post_overdose")
    row = _of(rows, "referral_id", made, f"referral.{case}")

    assert row is not None
    assert expected == row[field]


def test_referrals_lie_on_both_sides_of_72_hours(made: County) -> None:
    """Some overdoses are less than 72 hours old, some more, and some of unknown time."""
    rows, _ = _read(_ems(made), "referral.post_overdose")
    old = _of(rows, "referral_id", made, "referral.older_than_72_hours")
    ages = [NOW - row["overdose_at"] for row in rows if row["overdose_at"]]

    assert old is not None
    assert NOW - old["overdose_at"] > dt.timedelta(hours=72)
    assert 15 <= sum(age < dt.timedelta(hours=72) for age in ages) < len(ages) == 34


@pytest.fixture(scope="module")
def beat(made: County) -> Adapter:
    """Return the police adapter over the county's records database."""
    return police.create({"sources": SOURCES["police"]}, made.folder)


@pytest.fixture(scope="module")
def responses(beat: Adapter) -> tuple[Rows, Report]:
    """Return all overdose responses; reading them takes a while, so once."""
    return _read(beat, "police.overdose_response")


def test_police_reads_every_response_without_a_remark(responses: tuple[Rows, Report]) -> None:
    """Nothing is quarantined, nothing unknown, and every row has a place and a precision."""
    rows, report = responses

    assert Counter() == report.quarantined
    assert Counter() == report.notices
    assert {"10901", "10903", "10905"} == {row["incident_county_fips"] for row in rows}
    assert {"minute", "day"} == {row["time_precision"] for row in rows}


@pytest.mark.parametrize(
    ("case", "field", "expected"),
    [
        ("two_drugs_two_doses", "suspected_drugs", ['["fentanyl","heroin"]'] * 2),
        ("two_drugs_two_doses", "administered_by", ["bystander", "reporting_agency"]),
        ("dose_unknown", "dose_mg", [None]),
        ("nothing_given", "naloxone_administered", [False]),
        ("nothing_given", "administration_id", [None]),
        ("time_unknown", "incident_at", [None]),
        ("arrest", "revive_action", ["arrest"]),
        ("accidental_exposure", "accidental_exposure", [True]),
        ("victim_county_unknown", "victim_state", [None]),
        ("out_of_state", "victim_state", ["MD"]),
        ("out_of_state", "victim_county_fips", [None]),
        ("opted_out", "outreach_opt_out", [True]),
        ("opt_out_not_asked", "outreach_opt_out", [None]),
        ("three_doses", "dose_count", [1, 2]),
    ],
)
def test_a_police_case_says_what_it_is_there_to_say(
    made: County, responses: tuple[Rows, Report], case: str, field: str, expected: list[object]
) -> None:
    """The rows of the case's victim hold what the case is about."""
    victim = made.cases[f"police.{case}"]

    assert expected == [row[field] for row in responses[0] if row["victim_id"] == victim]


def test_two_victims_are_two_units_of_one_incident(
    made: County, responses: tuple[Rows, Report]
) -> None:
    """The incident of that case has two victims."""
    rows, _ = responses
    victim = made.cases["police.two_victims"]
    incident = next(row["incident_id"] for row in rows if row["victim_id"] == victim)

    assert 2 == len({row["victim_id"] for row in rows if row["incident_id"] == incident})


def test_police_reads_every_seizure(made: County, beat: Adapter) -> None:
    """A quantity told later replaces `XX`; a row of another offense is left out, and said so."""
    rows, report = _read(beat, "police.drug_seizure")
    told = [
        [(row["quantity_unit"], row["quantity_grams"]) for row in rows
         if row["incident_number"] == made.cases[f"police.seizure_{case}"]]
        for case in ("in_laboratory", "told_later", "in_units", "in_ounces", "of_other_offense")
    ]  # fmt: skip

    assert Counter() == report.quarantined
    assert {("not-carried", "offense_code"): 1} == report.notices
    assert [[("xx", None)], [("gm", 1.325)], [("du", None)], [("oz", 28.349523)], []] == told


@pytest.fixture(scope="module")
def visits(made: County) -> tuple[Rows, Report]:
    """Return all emergency visits that are cases."""
    adapter = public_health.create({"sources": SOURCES["public_health"]}, made.folder)
    return _read(adapter, "public_health.ed_overdose_visit")


def test_public_health_reads_every_message(visits: tuple[Rows, Report]) -> None:
    """Nothing is quarantined; visits that are no overdose are counted, and nothing else is."""
    rows, report = visits

    assert Counter() == report.quarantined
    assert {("not-a-case", "definition_id")} == set(report.notices)
    assert 95 < len(rows) < 100


@pytest.mark.parametrize(
    ("case", "field", "expected"),
    [
        ("overdose", "trigger", "a03"),
        ("death", "died", True),
        ("escaped", "chief_complaint", "Overdose & fall"),
        ("infant", "age", 6),
        ("infant", "age_unit", "months"),
    ],
)
def test_a_visit_says_what_it_is_there_to_say(
    made: County, visits: tuple[Rows, Report], case: str, field: str, expected: object
) -> None:
    """The last message of each case's visit holds what the case is about."""
    row = _of(visits[0], "visit_id", made, f"hospital.{case}")

    assert row is not None
    assert expected == row[field]


def test_visits_by_month_and_sex_have_cells_that_may_leave(visits: tuple[Rows, Report]) -> None:
    """In each whole month at least twelve men and five women came for an overdose."""
    people = Counter((row["visit_date"].replace(day=1), row["sex"]) for row in visits[0])

    for month in months(NOW.astimezone(ZONE).date()):
        if month.whole:
            assert all(people[month.first, sex] >= count for sex, count in WALK_INS.items())


def test_a_visit_without_overdose_is_no_row(made: County, visits: tuple[Rows, Report]) -> None:
    """A visit for another reason does not meet the definition."""
    assert _of(visits[0], "visit_id", made, "hospital.other") is None


@pytest.fixture(scope="module")
def programme(made: County) -> Adapter:
    """Return the harm-reduction adapter over the export and the sheet."""
    return harm_reduction.create({"sources": SOURCES["harm_reduction"]}, made.folder)


def test_outreach_is_read_without_a_remark(made: County, programme: Adapter) -> None:
    """Contacts of street outreach are rows; the shelter's, and the deleted one, are not."""
    rows, report = _read(programme, "harm_reduction.outreach_contact")
    people = {row["person_id"] for row in rows}

    assert (Counter(), Counter()) == (report.quarantined, report.notices)
    assert 60 == len(people)
    for case in ("deleted", "shelter"):
        assert _of(rows, "contact_id", made, f"outreach.{case}") is None


@pytest.mark.parametrize(
    ("case", "field", "expected"),
    [
        ("jail", "living_situation", "207"),
        ("linked", "linked_to_treatment", True),
        ("not_linked", "linked_to_treatment", False),
    ],
)
def test_a_contact_says_what_it_is_there_to_say(
    made: County, programme: Adapter, case: str, field: str, expected: object
) -> None:
    """One person was met in jail; one took up treatment, one did not."""
    rows, _ = _read(programme, "harm_reduction.outreach_contact")
    row = _of(rows, "contact_id", made, f"outreach.{case}")

    assert row is not None
    assert expected == row[field]


def test_naloxone_is_read_without_a_remark_and_counts_as_promised(programme: Adapter) -> None:
    """By site and whole month the distinct participants are those that the county set."""
    rows, report = _read(programme, "harm_reduction.naloxone_distribution")
    people: dict[tuple[str, dt.date], set[str]] = defaultdict(set)
    for row in rows:
        if row["participant_code"]:
            people[row["site_id"], row["distributed_on"].replace(day=1)].add(
                row["participant_code"]
            )
    expected = cells(NOW.astimezone(ZONE).date())

    assert (Counter(), Counter()) == (report.quarantined, report.notices)
    assert expected == {cell: len(people[cell]) for cell in expected}
    assert 550 < len(rows) < 750


def test_a_kit_was_taken_by_police(made: County, programme: Adapter) -> None:
    """One participant's kit was confiscated: what must never reach the police."""
    rows, _ = _read(programme, "harm_reduction.naloxone_distribution")
    taken = [row for row in rows if row["refill_reason"] == "confiscated"]

    assert [made.cases["naloxone.confiscated"]] == [row["participant_code"] for row in taken]
    assert [True] == [row["police_called"] for row in taken]
    assert any(row["participant_code"] is None for row in rows)
