"""The county's other systems of record: each in its format, with the cases that it must show."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import sqlite3
from collections import Counter, defaultdict
from random import Random

import pytest

from gateway.cli.county import harm_reduction, hmis, hospital, police, tables
from gateway.cli.county.overdoses import Overdose, overdoses
from gateway.cli.county.places import QUARTERS, a_spot

NOW = dt.datetime(2027, 6, 14, 12, tzinfo=dt.UTC)
MIN_PEOPLE = 11


def _random(seed: int = 1) -> Random:
    return Random(seed)  # noqa: S311 - a county is drawn from a seed on purpose


def _events(seed: int = 1, count: int = 170) -> tuple[Overdose, ...]:
    return overdoses(_random(seed), NOW, count)


def _table(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def test_events_lie_before_now_and_some_in_the_last_72_hours() -> None:
    """Events are of the past nine weeks, oldest first, and 30 of them young enough to refer."""
    at = [event.at for event in _events()]

    assert sorted(at) == at
    assert NOW - dt.timedelta(weeks=9) <= at[0] < at[-1] < NOW
    assert 30 == sum(NOW - moment < dt.timedelta(hours=72) for moment in at)


def _responses() -> tuple[list[dict[str, str]], dict[str, str]]:
    rows, cases = police.responses(_random(1), _events(), 300)
    return [dict(row) for row in rows], cases


def test_police_rows_are_a_victim_a_drug_and_an_administration() -> None:
    """Within a victim each drug stands with each administration, once."""
    rows, cases = _responses()
    victim = cases["two_drugs_two_doses"]

    pairs = [
        (row["susp_od_drug_desc"], row["administration_id"])
        for row in rows
        if row["victim_id"] == victim
    ]

    assert 4 == len(pairs) == len(set(pairs))
    assert 300 <= len(rows) < 310


@pytest.mark.parametrize(
    ("case", "column", "expected"),
    [
        ("dose_unknown", "dose_unit", "0"),
        ("nothing_given", "administration_id", "0"),
        ("nothing_given", "dose_desc", "None Given"),
        ("time_unknown", "incident_time", "00:00:00"),
        ("arrest", "revive_action_desc", "ARREST"),
        ("accidental_exposure", "accidental_exposure", "Y"),
        ("victim_county_unknown", "victim_county_fips_code", "Unknown"),
        ("out_of_state", "victim_county_fips_code", "999"),
        ("opted_out", "outreach_opt_out", "Y"),
        ("opt_out_not_asked", "outreach_opt_out", ""),
    ],
)
def test_a_police_case_is_spelled_as_its_source_spells_it(
    case: str, column: str, expected: str
) -> None:
    """Unknowns and flags stand as that form writes them, in each row of the victim."""
    rows, cases = _responses()

    assert {expected} == {row[column] for row in rows if row["victim_id"] == cases[case]}


def test_two_victims_share_an_incident() -> None:
    """One incident has two victims; every other incident has one."""
    rows, _ = _responses()
    victims = defaultdict(set)
    for row in rows:
        victims[row["incident_id"]].add(row["victim_id"])

    assert 1 == Counter(len(found) for found in victims.values())[2]


def test_hl7_segments_end_with_cr_and_the_fields_are_in_their_places() -> None:
    """A message is MSH first, CR after every segment, the visit in PV1-19, its start in PV1-44."""
    files = hospital.messages(_random(1), NOW, _events(), 1).files
    for text in files.values():
        assert text.endswith(b"\r")
        assert b"\n" not in text
        segments = {part[:3]: part.split("|") for part in text.decode().rstrip("\r").split("\r")}
        assert "MSH" == text[:3].decode()
        assert segments["PV1"][19].startswith("RVV-")
        assert 19 == len(segments["PV1"][44])
        assert "2.5.1" == segments["MSH"][11]


def test_every_trigger_is_there_and_a_visit_has_several_messages() -> None:
    """Visits are registered first and told of again: A01, A03, A04 and A08 all occur."""
    found = hospital.messages(_random(1), NOW, _events(), 1)
    triggers = Counter(name[-7:-4] for name in found.files)

    assert {"A01", "A03", "A04", "A08"} == set(triggers)
    assert 118 == found.records == triggers["A04"]
    assert len(found.files) > 120


def test_an_infant_is_six_months_old() -> None:
    """The infant's age is 6 with the unit `mo`, and its birth date agrees."""
    found = hospital.messages(_random(1), NOW, _events(), 1)
    visit = found.cases["hospital.infant"]

    messages = [text.decode() for text in found.files.values() if visit in text.decode()]

    assert messages
    assert all("|6|mo^^UCUM|" in message for message in messages)


def test_a_separator_in_a_complaint_is_escaped() -> None:
    r"""`&` stands as `\T\`, so that nobody takes it for a separator."""
    found = hospital.messages(_random(1), NOW, _events(), 1)
    visit = found.cases["hospital.escaped"]

    messages = [text.decode() for text in found.files.values() if visit in text.decode()]

    assert all("Overdose \\T\\ fall" in message for message in messages)


def test_outreach_contacts_join_to_a_project() -> None:
    """Each living situation has its enrollment, each enrollment its client and project."""
    files = hmis.export(_random(1), NOW, 60).files
    situations, enrollments, clients, projects = (
        _table(files[f"hmis/{name}.csv"])
        for name in ("CurrentLivingSituation", "Enrollment", "Client", "Project")
    )

    assert {row["EnrollmentID"] for row in situations} <= {r["EnrollmentID"] for r in enrollments}
    assert {row["PersonalID"] for row in enrollments} == {row["PersonalID"] for row in clients}
    assert {row["ProjectID"] for row in enrollments} == {row["ProjectID"] for row in projects}
    assert {"0", "4"} == {row["ProjectType"] for row in projects}


def test_outreach_shows_its_cases() -> None:
    """There is a contact in jail, one deleted at the source, and one of a shelter."""
    export = hmis.export(_random(1), NOW, 60)
    rows = {
        row["CurrentLivingSitID"]: row
        for row in _table(export.files["hmis/CurrentLivingSituation.csv"])
    }

    names = ("jail", "deleted", "shelter")
    jail, deleted, shelter = (rows[export.cases[f"outreach.{name}"]] for name in names)

    assert hmis.JAIL == jail["CurrentLivingSituation"]
    assert deleted["DateDeleted"]
    assert f"RVE{hmis.SHELTER}" in shelter["EnrollmentID"]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "now",
    [NOW, dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC), dt.datetime(2027, 1, 31, tzinfo=dt.UTC)],
)
def test_naloxone_cells_are_as_promised(seed: int, now: dt.datetime) -> None:
    """By site and month people are as set, some cells at eleven or more and some below."""
    found = harm_reduction.distributions(_random(seed), now, 1)
    people: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in _table(found.files[harm_reduction.FILE]):
        if row["participant_code"]:
            people[row["site"], row["date"][:7]].add(row["participant_code"])
    expected = {
        (site, f"{first:%Y-%m}"): count
        for (site, first), count in harm_reduction.cells(now.date()).items()
    }

    assert expected == {key: len(people[key]) for key in expected}
    assert 12 == sum(count >= MIN_PEOPLE for count in expected.values())
    assert 8 == sum(count < MIN_PEOPLE for count in expected.values())


def test_some_participants_come_twice() -> None:
    """There are more distributions than people, so a count of rows is not a count of people."""
    rows = _table(harm_reduction.distributions(_random(1), NOW, 1).files[harm_reduction.FILE])
    march = [row for row in rows if row["date"].startswith("2027-03")]

    assert len({row["participant_code"] for row in march}) < len(march)


def test_the_tables_say_that_they_are_synthetic() -> None:
    """Each table says so in words, and holds positive whole numbers."""
    *people, areas = tables.tables().files.values()
    assert areas.startswith(f"# areas@{tables.VERSION} {tables.ABOUT}\n".encode())
    for text in people:
        table = json.loads(text)
        assert ("Table", tables.VERSION) == (table["kind"], table["version"])
        assert "SYNTHETIC" in table["about"]
        assert all(isinstance(people, int) and people > 0 for people in table["rows"].values())


def test_zip3_lists_only_prefixes_above_twenty_thousand() -> None:
    """001 and 002 are listed; 003 and 004, where fewer live, are not."""
    rows = tables.zip3_rows()

    assert ["001", "002"] == list(rows)
    assert all(people > 20_000 for people in rows.values())
    assert {"001", "002", "003", "004"} == {quarter.zip[:3] for quarter in QUARTERS}


def test_every_point_of_the_county_is_in_a_cell_of_the_grid() -> None:
    """The cell that the geo mask computes from a point is one that the table lists."""
    rows, random = tables.grid_rows(), _random(1)
    step_e7 = 100_000
    for _ in range(500):
        spot = a_spot(random)
        lat, lon = (round(degrees * 10**7) // step_e7 for degrees in (spot.lat, spot.lon))
        assert f"{lat}:{lon}" in rows


def test_the_grid_has_full_and_empty_cells() -> None:
    """Some cells have more than 1,000 people and some fewer than 100."""
    people = tables.grid_rows().values()

    assert any(count > 1_000 for count in people)
    assert any(count < 100 for count in people)


def test_sqlite_serialises_to_the_same_bytes() -> None:
    """The same rows give the same database file, and it opens."""
    from gateway.cli.county.police_tables import database  # noqa: PLC0415 - one test's need

    rows, _ = _responses()
    first, second = database(rows, []), database(rows, [])
    held = sqlite3.connect(":memory:")
    held.deserialize(first)

    count = held.execute("select count(*) from overdose_responses").fetchone()[0]

    assert first == second
    assert len(rows) == count
