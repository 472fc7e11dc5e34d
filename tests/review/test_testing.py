"""An officer's tests do what an exchange would do, and fail where what leaves is not as said."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.agreement import parse
from gateway.agreement.yaml import read
from gateway.cli.carried import Carrier
from gateway.cli.explain import as_signed
from gateway.review.tables import given_tables
from gateway.review.testing import Stand
from tests.agreement.county import county

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
