"""An officer's tests do what an exchange would do, and fail where what leaves is not as said."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.agreement import parse
from gateway.agreement.lint.folder import read_folder
from gateway.agreement.yaml import read
from gateway.cli.carried import Carrier
from gateway.cli.explain import as_signed
from gateway.review.tables import given_tables
from gateway.review.testing import Stand
from tests.agreement.county import AGREEMENT, county, files
from tests.review.cedar_worlds import shipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.agreement.testing import Suite

HEAD = """\
apiVersion: accord/v1
kind: Tests
agreement: county@1.0.0
now: "2027-06-15T12:00:00Z"
tables: {zip3@2020: {"019": 700000}, areas@1: {"37": none, "37063": "37"}}
tests:
"""
REFERRAL = (
    "from: ems, dataset: referral.post_overdose@1, purpose: care.post_overdose_outreach,"
    " fields: [overdose_at, person_last_name]"
)
ROW = (
    'overdose_at: "2027-06-14T06:41:00Z", time_precision: minute, person_last_name: Sample,'
    " status: requested"
)
LEAVES = '{overdose_at: "2027-06-14T06:00:00Z", person_last_name: Sample}'
P1 = "P1-outreach-referral"


@pytest.fixture(scope="module")
def stand() -> Iterator[Stand]:
    """Return where tests of the small county are carried out."""
    with Carrier() as carrier:
        agreements = as_signed(county())
        tables = given_tables([agreements.pacts[0].agreement], {"zip3@2020": {"019": 700_000}})
        yield Stand(agreements, "county", tables, carrier.carry)


def suite(*tests: str, head: str = HEAD) -> Suite:
    """Return the tests that these texts state."""
    text = head + "".join(f"  - {{name: test {n}, {one}}}\n" for n, one in enumerate(tests))
    return parse.tests(read(text.encode(), file="county.test.yaml"), county().schemas)


def trial(
    request: str = f"as: hro, role: outreach_worker, {REFERRAL}",
    given: str = f"consent: granted, rows: [{{{ROW}}}]",
    expect: str = f"decision: grant, rule: {P1}, rows: [{LEAVES}]",
) -> str:
    """Return one test, as text."""
    return f"request: {{{request}}}, given: {{{given}}}, expect: {{{expect}}}"


def faults(stand: Stand, one: str, head: str = HEAD) -> list[str]:
    """Return what is wrong with what a test comes to."""
    [result] = stand.run(suite(one, head=head))
    return [fault.text for fault in result.faults]


def test_a_grant_is_of_exactly_these_rows(stand: Stand) -> None:
    """The referral leaves with its time to the hour; any other expectation fails, by column."""
    other = LEAVES.replace("06:00", "06:41")

    assert [] == faults(stand, trial())
    assert [
        "`overdose_at` leaves as 2027-06-14T06:00:00Z, expected 2027-06-14T06:41:00Z"
    ] == faults(stand, trial(expect=f"decision: grant, rule: {P1}, rows: [{other}]"))
    assert faults(stand, trial(expect=f"decision: grant, rule: {P1}, rows: []"))
    assert faults(stand, trial(expect=f"decision: grant, rule: {P1}, rows: [{LEAVES}, {LEAVES}]"))


@pytest.mark.parametrize(
    ("given", "leaves"),
    [
        (f"consent: granted, rows: [{{{ROW}}}]", True),
        (f"rows: [{{{ROW}}}]", False),
        (f"consent: absent, rows: [{{{ROW}}}]", False),
        (f"consent: granted, opt_out: present, rows: [{{{ROW}}}]", False),
        (f"consent: granted, rows: [{{{ROW.replace('14T06:41', '12T12:00')}}}]", True),
        (f"consent: granted, rows: [{{{ROW.replace('14T06:41', '12T11:59')}}}]", False),
    ],
)
def test_rows_stay_behind_as_in_an_exchange(stand: Stand, given: str, *, leaves: bool) -> None:
    """Without consent, with an objection, or older than 72 hours, nothing leaves."""
    rows = LEAVES if leaves else ""
    if "12T12" in given:
        rows = rows.replace("14T06", "12T12")

    assert [] == faults(
        stand, trial(given=given, expect=f"decision: grant, rule: {P1}, rows: [{rows}]")
    )


@pytest.mark.parametrize(
    ("given", "leaves"),
    [
        (f"rows: [{{{ROW}, consent_id: C-1}}]", True),
        (f'rows: [{{{ROW}, consent_id: C-1, person_dob: "1980-01-01"}}]', True),
        (f"rows: [{{{ROW}, consent_id: C-1, absent: [person_dob]}}]", False),
        (f"opt_out: present, rows: [{{{ROW}, consent_id: C-1, absent: [opt_out_at]}}]", False),
    ],
)
def test_the_register_of_consents_is_asked(stand: Stand, given: str, *, leaves: bool) -> None:
    """Whoever withdrew, or is named by nothing, stays behind, whatever their record says."""
    rows = LEAVES if leaves else ""
    expect = f"decision: grant, rule: {P1}, rows: [{rows}]"

    assert [] == faults(stand, trial(given=given, expect=expect))


def test_a_register_that_cannot_be_asked_refuses(stand: Stand) -> None:
    """Nothing leaves, and it is said why."""
    given = f"consent: unavailable, rows: [{{{ROW}}}]"
    expect = f"decision: refuse, reason: CONSENT_UNAVAILABLE, rule: {P1}"

    assert [] == faults(stand, trial(given=given, expect=expect))


def test_text_that_no_row_states_may_not_leave(stand: Stand) -> None:
    """A name that the row leaves out is a canary, and the test fails by it, whatever it expects."""
    given = f"consent: granted, rows: [{{{ROW.replace(' person_last_name: Sample,', '')}}}]"

    found = faults(stand, trial(given=given))

    assert "a text that no row states leaves in `person_last_name`" in found


@pytest.mark.parametrize(
    ("request_", "given", "reason", "rule"),
    [
        (f"as: police, {REFERRAL}", "consent: absent", "PROHIBITED",
         "F1-no-records-to-enforcement"),
        (f"as: hro, {REFERRAL}", "consent: absent", "ROLE_NOT_LISTED", P1),
        (f"as: hro, role: outreach_worker, {REFERRAL}", "state: suspended", "AGREEMENT_NOT_ACTIVE",
         "none"),
        (f"as: hro, role: outreach_worker, {REFERRAL}", "state: in_review", "AGREEMENT_NOT_SIGNED",
         "none"),
        (f"as: hro, role: outreach_worker, {REFERRAL}", "attestation: stale",
         "AGREEMENT_NOT_ACTIVE", P1),
        (f"as: hro, role: outreach_worker, {REFERRAL}", "requests_last_minute: 30", "RATE_LIMIT",
         P1),
        (f"as: hro, role: outreach_worker, {REFERRAL}", "rows_today: 200", "ROW_LIMIT", P1),
        (f"as: hro, role: outreach_worker, {REFERRAL}", "duties_overdue: [delete]",
         "DUTY_OVERDUE", P1),
        (f"as: phd, to: hro, {REFERRAL}", "consent: absent", "NO_PROVISION", "none"),
    ],
)  # fmt: skip
def test_a_refusal_is_for_this_reason_by_this_rule(
    stand: Stand, request_: str, given: str, reason: str, rule: str
) -> None:
    """What is said is held; another reason, another rule or a grant in its place fails."""
    right = f"decision: refuse, reason: {reason}, rule: {rule}"
    wrong = f"decision: refuse, reason: NOT_FOUND, rule: {rule}"
    another = f"decision: refuse, reason: {reason}, rule: N1-another"
    granted = f"decision: grant, rule: {P1}, rows: []"

    assert [] == faults(stand, trial(request_, given, right))
    for expect in (wrong, another, granted):
        assert faults(stand, trial(request_, given, expect))


def test_limits_hold_at_the_limit_and_not_below(stand: Stand) -> None:
    """The 30th request of a minute is granted, the next is not."""
    given = f"requests_last_minute: 29, consent: granted, rows: [{{{ROW}}}]"

    assert [] == faults(stand, trial(given=given))


def test_the_clock_and_the_term_are_the_files_own(stand: Stand) -> None:
    """A test's clock beats the file's; the term that tests suppose beats the agreement's."""
    late = suite(trial() + ', now: "2030-06-15T12:00:00Z"').trials[0]
    moved = (dt.date(2030, 1, 1), dt.date(2030, 12, 31))

    assert "AGREEMENT_OUT_OF_TERM" == stand.outcome(late).reason
    assert P1 == stand.outcome(late, moved).rule
    assert stand.outcome(late, moved).reason is None


RUNS = (
    "as: phd, role: epidemiologist, from: ems, dataset: ems.overdose_run@1,"
    " purpose: public_health.surveillance, fields: "
)
P3 = "decision: grant, rule: P3-overdose-runs, rows: "


@pytest.mark.parametrize("day", ["2020-01-01", "2026-11-15", "2031-01-01"])
def test_other_agreements_are_in_their_term_on_any_day(day: str) -> None:
    """A prohibition is told of agencies that another agreement names, before and after its term."""
    asked = "as: rivertown-pd, from: safe-steps, dataset: lab.drug_chemistry@1"
    one = trial(
        f"{asked}, purpose: public_health.drug_supply, fields: [substance]",
        "state: signed",
        "decision: refuse, reason: PROHIBITED, rule: F1-no-records-to-enforcement",
    )
    head = HEAD.replace("county@", "jail-reentry@").replace("2027-06-15", day)

    with Carrier() as carrier:
        assert [] == faults(
            Stand(as_signed(shipped()), "jail-reentry", {}, carrier.carry), one, head
        )


def test_values_that_hang_on_a_key_are_told_by_words(stand: Stand) -> None:
    """Equal codes have one number, in the order in which they come."""
    rows = ", ".join(f'{{incident_date: "2027-06-01", pcr_uuid: run-{n}}}' for n in (7, 3, 7))
    words = ", ".join(f"{{pcr_uuid: pseudonym-{n}}}" for n in (1, 2, 1))

    assert [] == faults(stand, trial(f"{RUNS}[pcr_uuid]", f"rows: [{rows}]", f"{P3}[{words}]"))


def test_tables_are_the_files_own(stand: Stand) -> None:
    """A ZIP code leaves as the test's table has it; of what the table does not have, as zeros."""
    rows = ", ".join(
        f'{{incident_date: "2027-06-01", patient_home_zip: "{zip_}"}}'
        for zip_ in ("01901", "05901")
    )
    left = '{patient_home_zip: "019"}, {patient_home_zip: "000"}'

    assert [] == faults(
        stand, trial(f"{RUNS}[patient_home_zip]", f"rows: [{rows}]", f"{P3}[{left}]")
    )


COUNTS = (
    "as: phd, role: epidemiologist, from: otp, dataset: treatment.episode@1,"
    " purpose: public_health.surveillance,"
    " fields: [admission_date, age_band, primary_substance, client_id],"
    ' where: [{field: admission_date, op: eq, value: "2027-04-01"}]'
)
P4 = "decision: grant, rule: P4-admission-counts, rest: zero, rows: "


@pytest.mark.parametrize(("people", "told"), [(11, "people_admitted: 11"),
                                              (10, "people_admitted.why: suppressed")])  # fmt: skip
def test_each_of_many_rows_is_somebody_else(stand: Stand, people: int, told: str) -> None:
    """Eleven rows without a client are eleven clients, and published; ten are not."""
    row = (
        f'times: {people}, admission_date: "2027-04-03", time_precision: day, age_band: 21-24,'
        " primary_substance: heroin"
    )
    cell = f'{{admission_date: "2027-04-01", age_band: 12-24, primary_substance: opioids, {told}}}'

    assert [] == faults(stand, trial(COUNTS, f"rows: [{{{row}}}]", f"{P4}[{cell}]"))
    if people > 10:
        # One client who comes eleven times is one.
        assert faults(stand, trial(COUNTS, f"rows: [{{{row}, client_id: one}}]", f"{P4}[{cell}]"))


def test_a_push_is_decided_as_what_it_would_send() -> None:
    """A file that pushes is tested: what it would send, and that nobody can fetch it."""
    first, second = AGREEMENT.split("  - id: P2-")
    pushed = f"{first}  - id: P2-{second.replace('mode: pull', 'mode: push', 1)}"
    folder, found = read_folder(files(county=pushed))
    assert folder is not None, found
    alert = "dataset: lab.drug_chemistry@1, purpose: safety.responder_alert, fields: [substance]"
    given = (
        'rows: [{submitter_class: law_enforcement, completed_on: "2027-06-14", substance: made up}]'
    )
    leaves = "decision: grant, rule: P2-potency-alert, rows: [{substance: made up}]"
    refused = "decision: refuse, reason: METHOD_NOT_PERMITTED, rule: P2-potency-alert"

    with Carrier() as carrier:
        pushing = Stand(as_signed(folder), "county", {}, carrier.carry)

        assert [] == faults(pushing, trial(f"as: police, to: ems, {alert}", given, leaves))
        assert [] == faults(pushing, trial(f"as: ems, from: police, {alert}", given, refused))


@pytest.mark.parametrize("rows", [1, 40])
def test_what_fails_on_the_way_is_a_refusal(stand: Stand, rows: int) -> None:
    """More rows than a request may have are refused as the engine refuses them, few or many."""
    given = f"consent: granted, rows: [{{times: {50 + rows}, {ROW}}}]"
    left = f"decision: refuse, reason: ROW_LIMIT, rule: {P1}"

    assert [] == faults(stand, trial(given=given, expect=left))
