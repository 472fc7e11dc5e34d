"""Invariants hold of every provision and every request, and each can be broken."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.agreement import parse
from gateway.agreement.lint.folder import read_folder
from gateway.agreement.yaml import read
from gateway.cli.explain import as_signed
from gateway.review.invariants import Ground, broken, every_way, granted
from gateway.review.reach import ways
from gateway.review.supposed import supposed
from tests.agreement.county import AGREEMENT, TESTS, county, files

if TYPE_CHECKING:
    from gateway.agreement.index import Agreements
    from gateway.review.reach import Way

NOW = dt.datetime(2027, 6, 15, 12, tzinfo=dt.UTC)
OUTREACH = "referral.post_overdose"


def of(text: str = AGREEMENT) -> Agreements:
    """Return the small county with this agreement, as its tests suppose it."""
    folder, found = read_folder(files(county=text), tested=True)
    assert folder is not None, found
    assert folder.suites is not None
    suites = {name: one.model for name, one in folder.suites.items()}
    return supposed(as_signed(folder), suites)


def ground(agreements: Agreements) -> Ground:
    """Return what invariants of the small county are held against."""
    found = every_way(agreements, NOW)
    return Ground(agreements, "county", lambda: found)


def faults(on: Ground, text: str) -> tuple[str, ...]:
    """Return how an invariant is broken."""
    head = TESTS[: TESTS.index("invariants:")]
    document = read(f"{head}invariants:\n  - {{{text}}}\n".encode(), file="county.test.yaml")
    [one] = parse.tests(document, county().schemas).invariants
    return broken(on, one)


@pytest.fixture(scope="module")
def on() -> Ground:
    """Return the small county."""
    return ground(of())


def test_the_files_and_every_request_say_the_same(on: Ground) -> None:
    """What `decide` grants to any request is what the files let through, and nothing else."""
    asked = {(w.agency.id, w.name, w.rule.ref) for w in granted(on.agreements, NOW)}
    read_ = {(w.agency.id, w.name, w.rule.ref) for w in ways(on.agreements) if not w.onward}

    assert asked == read_
    assert len(asked) > 50


@pytest.mark.parametrize(
    ("holds", "breaks", "why"),
    [
        ("never_reaches: {to_kind: [law_enforcement]}",
         "never_reaches: {to_kind: [harm_reduction], class: [direct_identifier]}",
         f"`{OUTREACH}.referral_id` leaves to safe-steps by county/P1-outreach-referral"),
        ("never_reaches: {to_kind: [harm_reduction], field: [ems.overdose_run.age]}",
         "never_reaches: {to_kind: [harm_reduction], field: [lab.drug_chemistry.substance]}",
         "`lab.drug_chemistry.substance` may be given on to safe-steps by county/P2-potency-alert"),
        ("onward_never: {class: [direct_identifier]}",
         "onward_never: {field: [lab.drug_chemistry.substance]}",
         "`lab.drug_chemistry.substance` may be given on to safe-steps by county/P2-potency-alert"),
        (f"reaches_exactly: {{dataset: {OUTREACH}, field: person_phone, parties: [hro]}}",
         f"reaches_exactly: {{dataset: {OUTREACH}, field: person_phone, parties: none}}",
         f"`{OUTREACH}.person_phone` leaves to safe-steps by county/P1-outreach-referral"),
        (f"reaches_exactly: {{dataset: {OUTREACH}, field: person_dob, parties: none}}",
         f"reaches_exactly: {{dataset: {OUTREACH}, field: person_dob, parties: [safe-steps]}}",
         f"`{OUTREACH}.person_dob` does not reach safe-steps"),
        ("reaches_exactly: {dataset: lab.drug_chemistry, field: substance, parties: [ems, hro]}",
         "reaches_exactly: {dataset: lab.drug_chemistry, field: substances, parties: none}",
         "there is no field 'lab.drug_chemistry.substances'"),
        ("min_cell_at_least: 11", "min_cell_at_least: 12",
         "P4-admission-counts publishes a cell of 11"),
        ("masked_at_least: {means: age, mask: {band: {width: 5, topcode: 90}}}",
         "masked_at_least: {means: age, mask: {band: {width: 10, topcode: 90}}}",
         "P3-overdose-runs releases `age` as band width=5 topcode=90"),
        ("masked_at_least: {field: ems.overdose_run.unit_notified_at, mask: {truncate: hour}}",
         "masked_at_least: {field: ems.overdose_run.unit_notified_at, mask: withhold}",
         "P3-overdose-runs releases `unit_notified_at` as truncate"),
        (f"delete_within: {{span: P90D, dataset: [{OUTREACH}]}}",
         f"delete_within: {{span: P89D, dataset: [{OUTREACH}]}}",
         "P1-outreach-referral lets its recipient keep what it gets for P90D"),
        ("delete_within: {span: P5Y}", "delete_within: {span: P4Y}",
         "P4-admission-counts lets its recipient keep what it gets for P5Y"),
        ("no_release: {free_text: true}", "no_release: {means: [age]}",
         "P3-overdose-runs releases `age`"),
    ],
)  # fmt: skip
def test_both_sides_of_a_claim(on: Ground, holds: str, breaks: str, why: str) -> None:
    """One claim that holds of the small county, and the nearest that does not, with its reason."""
    found = faults(on, breaks)

    assert () == faults(on, holds)
    assert any(one.startswith(why) for one in found), found


@pytest.mark.parametrize(
    ("claim", "asks"),
    [
        ("never_reaches: {to_kind: [law_enforcement]}", True),
        ("onward_never: {class: [direct_identifier]}", True),
        (f"reaches_exactly: {{dataset: {OUTREACH}, field: person_phone, parties: [hro]}}", True),
        ("min_cell_at_least: 11", False),
        ("masked_at_least: {means: age, mask: {band: {width: 5, topcode: 90}}}", False),
        ("delete_within: {span: P5Y}", False),
        ("no_release: {free_text: true}", False),
    ],
)
def test_every_request_is_asked_for_claims_about_who_gets_what(
    on: Ground, claim: str, *, asks: bool
) -> None:
    """A claim about the agreement's own provisions is read from them, and asks nobody."""
    asked: list[str] = []

    def every() -> tuple[Way, ...]:
        asked.append(claim)
        return on.ways()

    assert () == faults(dataclasses.replace(on, ways=every), claim)
    assert asks == (asked == [claim])


@pytest.mark.parametrize(
    ("claim", "lack"),
    [
        ("never_reaches: {field: [ems.overdose_run.names]}",
         "there is no field 'ems.overdose_run.names'"),
        ("onward_never: {dataset: [ems.overdose_runs]}",
         "there is no dataset 'ems.overdose_runs'"),
        ("masked_at_least: {field: ems.overdose_run.aged, mask: withhold}",
         "there is no field 'ems.overdose_run.aged'"),
        ("delete_within: {span: P9Y, purpose: [caring]}", "there is no purpose 'caring'"),
        ("no_release: {dataset: [lab.drug_chemistry], means: [date_of_birth]}",
         "no field of any dataset meets all its selectors"),
    ],
)  # fmt: skip
def test_a_claim_about_what_does_not_exist_is_broken(on: Ground, claim: str, lack: str) -> None:
    """It would hold whatever the files say: a misspelt field is no proof that nobody gets it."""
    assert (lack,) == faults(on, claim)


@pytest.mark.parametrize(
    ("old", "new", "claim"),
    [
        ("onward: none, reidentify: not_applicable", "onward: [phd], reidentify: not_applicable",
         "onward_never: {class: [direct_identifier]}"),
        ("person_phone: pass, ", "person_phone: pass, person_dob: pass, ",
         f"reaches_exactly: {{dataset: {OUTREACH}, field: person_dob, parties: none}}"),
        ("age: {band: {width: 5, topcode: 90}}", "age: {band: {width: 1, topcode: 90}}",
         "masked_at_least: {means: age, mask: {band: {width: 5, topcode: 90}}}"),
        ("delete_after: P90D", "delete_after: P91D",
         f"delete_within: {{span: P90D, dataset: [{OUTREACH}]}}"),
        ("to: phd, dataset: ems.overdose_run@1", "to: hro, dataset: ems.overdose_run@1",
         "never_reaches: {to_kind: [harm_reduction], field: [ems.overdose_run.age]}"),
    ],
)  # fmt: skip
def test_an_amendment_that_breaks_a_claim_is_found(
    on: Ground, old: str, new: str, claim: str
) -> None:
    """The claim holds of the county, and not of the amended one."""
    assert old in AGREEMENT

    assert () == faults(on, claim)
    assert faults(ground(of(AGREEMENT.replace(old, new, 1))), claim)


@pytest.mark.parametrize(
    "given",
    [
        "exempt: [{period: month, age_band: each, primary_substance: each}]",
        "unless: {denominator: people_admitted, at_least: 500}",
    ],
)
def test_an_exception_is_a_smaller_cell(given: str) -> None:
    """A table that may publish some small counts publishes smaller cells."""
    text = AGREEMENT.replace("marker: suppressed}", f"marker: suppressed, {given}}}")

    [fault] = faults(ground(of(text)), "min_cell_at_least: 11")

    assert "P4-admission-counts publishes some smaller counts by an exception" == fault


def test_nothing_leaves_under_a_clock_outside_the_term(on: Ground) -> None:
    """What is granted hangs on the tests' clock; what the files let through does not."""
    late = dt.datetime(2029, 1, 1, tzinfo=dt.UTC)

    assert [] == list(granted(on.agreements, late))
    assert on.ways() == every_way(on.agreements, late)
