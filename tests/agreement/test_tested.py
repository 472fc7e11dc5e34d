"""Lint asks of tests that they try all of an agreement, and hold nobody's data."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.coverage import coverage
from gateway.agreement.finding import Finding, Level
from gateway.agreement.lint.folder import Folder, read_folder
from gateway.agreement.lint.run import check
from gateway.agreement.lint.tested import ground_of
from gateway.errors import Reason
from tests.agreement.county import AGREEMENT, NOW, TABLES, TESTS, files

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.agreement.model import Agreement
    from gateway.agreement.testing import Trial

UNTESTED = "provision-untested"
REAL = "fixture-has-real-data"
OWN = frozenset({UNTESTED, REAL})


def found(tests: str | None = TESTS, agreement: str = AGREEMENT) -> list[Finding]:
    """Return what the two rules say of the small county with these tests."""
    changed = {"county.test": tests} if tests is not None else {}
    given = files(county=agreement, **changed)
    if tests is None:
        del given["county.test.yaml"]
    _, several = check(given, NOW, tables=TABLES, tested=True)
    errors = [one.text() for one in several if one.level is Level.ERROR]
    assert [] == errors
    return [one for one in several if one.rule in OWN]


def said(*findings: Finding) -> list[str]:
    """Return the sentences of findings."""
    return [one.message for one in findings]


def without(*names: str) -> str:
    """Return the county's tests but those of these names."""
    head, *tests = TESTS.split("  - name: ")
    last, _, invariants = tests[-1].partition("invariants:")
    kept = [one for one in (*tests[:-1], last) if not one.startswith(names)]
    assert len(kept) == len(tests) - len(names)
    return head + "".join(f"  - name: {one}" for one in kept) + "invariants:" + invariants


def test_a_whole_set_of_tests_is_covered() -> None:
    """The small county's tests try all of it, on people who cannot be anybody."""
    assert [] == found()


def test_no_gateway_reads_tests() -> None:
    """Tests that nobody could read change nothing of a load; nor does their absence."""
    _, several = check(files(**{"county.test": "broken: ["}), NOW, tables=TABLES)

    assert set() == {one.file for one in several if one.level in {Level.ERROR, Level.SIGNING}}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a referral leaves"], "P1-outreach-referral: no test expects a grant by it"),
        (["no alert to whom"], "P2-potency-alert: no test expects a refusal by it"),
        (["no month that is not over"], "no test is refused for PERIOD_OPEN"),
        (["nothing for an investigation"], "no test is refused that `F2-no-enforcement-use`"),
        (["no episode of treatment"], "no test is refused that `F3-part2-never-to-enforcement`"),
        (["no referral to police"], "no test is refused that `N1-outreach-never-to-police`"),
    ],
)
def test_what_is_not_tried_forbids_signing(names: list[str], expected: str) -> None:
    """Each provision's grant and refusal, each prohibition, each reason: where it lacks, a S."""
    [*findings] = found(without(*names))

    assert {Level.SIGNING} == {one.level for one in findings}
    assert any(one.startswith(expected) for one in said(*findings))


def test_an_agreement_without_tests_is_not_tested() -> None:
    """One finding, at its provisions."""
    [finding] = found(None)

    assert (UNTESTED, "county.yaml") == (finding.rule, finding.file)
    assert "there is no `county.test.yaml`: nothing is tested" == finding.message


def test_tests_are_of_one_text() -> None:
    """Tests of an earlier version say nothing about this one."""
    [finding] = found(TESTS.replace("county@1.0.0", "county@0.9.0"))

    assert "these are tests of county@0.9.0, and the text is county@1.0.0" == finding.message


def test_tests_beside_nothing_are_said() -> None:
    """A file of tests whose agreement is gone, or called otherwise, tests nothing."""
    given = files() | {"other.test.yaml": TESTS.encode()}

    _, several = check(given, NOW, tables=TABLES, tested=True)

    assert ["there is no `other.yaml` that these could be tests of"] == said(
        *(one for one in several if one.file == "other.test.yaml")
    )


def folder() -> Folder:
    """Return the small county with its tests."""
    read, _ = read_folder(files(), tables=TABLES, tested=True)
    assert read is not None
    assert read.suites is not None
    return read


def test_a_prohibition_is_tried_where_another_is_named_first() -> None:
    """The referral to police is forbidden by the floor and by the county; both were tried."""
    read = folder()
    assert read.suites is not None
    [police] = [
        one for one in read.suites["county"].model.trials if one.name == "no referral to police"
    ]

    nevers = coverage(ground_of(read, read.agreements[0].model), [police]).nevers

    tried = set(nevers.names) - set(nevers.lacking)
    assert {"F1-no-records-to-enforcement", "N1-outreach-never-to-police"} == tried


def test_only_what_the_parties_can_meet_counts_of_the_floor() -> None:
    """Without the treatment programme, no party has what Part 2 protects: F3 is not asked for."""
    read = folder()
    one = read.agreements[0].model
    parties = {alias: p for alias, p in one.parties.items() if alias not in {"otp", "police"}}
    alone = ground_of(read, dataclasses.replace(one, parties=parties, provisions=()))

    assert ("N1-outreach-never-to-police", "F2-no-enforcement-use") == coverage(
        alone, ()
    ).nevers.names


def test_coverage_is_whole_only_where_nothing_lacks() -> None:
    """22 of 23 things are 95 percent, rounded down; nothing tried is 0; everything is 100."""
    read = folder()
    assert read.suites is not None
    ground, trials = ground_of(read, read.agreements[0].model), read.suites["county"].model.trials

    assert 100 == coverage(ground, trials).percent
    assert 95 == coverage(ground, trials[1:]).percent
    assert 0 == coverage(ground, ()).percent


def covered(change: Callable[[Trial], Trial], agreement: Agreement | None = None) -> str:
    """Return what the referral's provision lacks, with every test of the small county changed."""
    read = folder()
    assert read.suites is not None
    ground = ground_of(read, agreement or read.agreements[0].model)
    several = map(change, read.suites["county"].model.trials)
    return coverage(ground, several).provisions.lacking.get("P1-outreach-referral", "")


def test_a_grant_under_which_nothing_leaves_tries_no_mask() -> None:
    """It says what stays behind; what leaves, and how, nobody has seen."""

    def empty(one: Trial) -> Trial:
        return dataclasses.replace(one, expect=dataclasses.replace(one.expect, rows=()))

    assert "a grant" == covered(empty)


def test_a_provision_of_the_same_name_elsewhere_is_another() -> None:
    """Tests of somebody else's flow cover nothing here, whatever its provision is called."""

    def elsewhere(one: Trial) -> Trial:
        return dataclasses.replace(one, ask=dataclasses.replace(one.ask, provider="rivertown-pd"))

    assert "a grant and a refusal" == covered(elsewhere)


def test_each_purpose_of_a_provision_is_tried() -> None:
    """A second purpose is a second flow: the tests of the first say nothing of it."""
    one = folder().agreements[0].model
    first, *others = one.provisions
    purposes = (*first.flow.purposes, "care.treatment")
    wider = dataclasses.replace(first, flow=dataclasses.replace(first.flow, purposes=purposes))
    changed = dataclasses.replace(one, provisions=(wider, *others))

    lacks = covered(lambda trial: trial, changed)

    assert "a grant for care.treatment and a refusal for care.treatment" == lacks


def test_a_refusal_by_another_agreement_covers_no_reason() -> None:
    """That somebody else's provision asks for a role says nothing of this one."""
    read = folder()
    assert read.suites is not None
    trials = [
        dataclasses.replace(one, expect=dataclasses.replace(one.expect, rule="P9-of-another"))
        if one.expect.reason is Reason.ROLE_NOT_LISTED
        else one
        for one in read.suites["county"].model.trials
    ]

    reasons = coverage(ground_of(read, read.agreements[0].model), trials).reasons

    assert {"ROLE_NOT_LISTED"} == set(reasons.lacking)


# --- nobody's data ---

ROW = "person_last_name: Sample"


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("person_last_name: Sample", ""),
        ("person_last_name: Miller", "name"),
        ("person_last_name: Sampleton", "name"),
        ('person_last_name: Sample, person_phone: ["919-555-0100"]', ""),
        ('person_last_name: Sample, person_phone: ["919-555-0199"]', ""),
        ('person_last_name: Sample, person_phone: ["919-555-0200"]', "telephone number"),
        ('person_last_name: Sample, person_phone: ["9195550200"]', "telephone number"),
        ('person_last_name: Sample, person_dob: "1980-01-01"', ""),
        ('person_last_name: Sample, person_dob: "1980-01-02"', "birthday"),
        ("person_last_name: Sample, contact_address: 1 Example Street", ""),
        ("person_last_name: Sample, contact_address: 12 Main Street", "address"),
        ("person_last_name: Sample, source_system: test-feed", ""),
        ("person_last_name: Sample, source_system: write to me@agency.example", ""),
        ("person_last_name: Sample, source_system: write to me@agency.gov", "address of mail"),
        ("person_last_name: Sample, source_system: 123-45-6789", "social security number"),
        ("person_last_name: Sample, source_system: 900-45-6789", ""),
        ("person_last_name: Sample, source_system: call (919) 234-5678", "telephone number"),
        ('person_last_name: Sample, source_system: "9192345678"', ""),
    ],
)
def test_rows_of_tests_are_of_nobody(row: str, what: str) -> None:
    """A name, number, birthday or address that could be somebody's is a warning at its place."""
    first, rest = TESTS.split(ROW, 1)
    findings = found(first + row + rest)

    expected = [f"may be somebody's {what}"] if what else []
    assert expected == [one.message.partition("` ")[2] for one in findings if one.rule == REAL]
    assert all(one.level is Level.WARNING for one in findings)


def test_no_message_holds_what_may_be_somebodys() -> None:
    """The warning names the field, and not the value."""
    first, rest = TESTS.split(ROW, 1)
    [finding] = found(first + "person_last_name: Miller" + rest)

    assert "`person_last_name` may be somebody's name" == finding.message
    assert finding.line == first.count("\n") + 1
