"""What the county ships: every exchange of the field has its agreement, each clause its source."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.lint.folder import read_folder
from gateway.agreement.lint.rule import cases
from gateway.agreement.lint.unbuilt import pushes
from gateway.library.files import contents
from gateway.values import AgencyKind, Shape
from tests.data import ROOT

if TYPE_CHECKING:
    from gateway.agreement.lint.folder import Folder
    from gateway.agreement.lint.rule import Case

EMS, POLICE, HEALTH = AgencyKind.EMS, AgencyKind.LAW_ENFORCEMENT, AgencyKind.PUBLIC_HEALTH
OUTREACH, HOSPITAL = AgencyKind.HARM_REDUCTION, AgencyKind.HOSPITAL
EXAMINER, TREATMENT = AgencyKind.MEDICAL_EXAMINER, AgencyKind.SUD_TREATMENT
JAIL, PHARMACY, CAMPUS = AgencyKind.CORRECTIONS, AgencyKind.PHARMACY, AgencyKind.UNIVERSITY

EXCHANGES: dict[str, tuple[str, set[AgencyKind], set[AgencyKind]]] = {
    "ems_to_public_health": ("ems.overdose_run", {EMS}, {HEALTH}),
    "ems_to_harm_reduction_batch": ("ems.overdose_run", {EMS}, {OUTREACH}),
    "ems_to_odmap": ("ems.overdose_run", {EMS}, {POLICE}),
    "seizure_to_responders": ("police.drug_seizure", {POLICE}, {EMS, HOSPITAL}),
    "potency_to_responders": ("lab.drug_chemistry", {POLICE}, {EMS, HOSPITAL, HEALTH}),
    "drug_checking_to_health": ("lab.drug_chemistry", {OUTREACH, CAMPUS}, {HEALTH, EMS}),
    "responder_to_outreach": ("referral.post_overdose", {EMS, POLICE, HOSPITAL}, {OUTREACH}),
    "outreach_to_public_health": ("harm_reduction.outreach_contact", {OUTREACH}, {HEALTH}),
    "ed_to_public_health": ("public_health.ed_overdose_visit", {HOSPITAL}, {HEALTH}),
    "me_to_public_health": ("medical_examiner.overdose_death", {EXAMINER}, {HEALTH}),
    "treatment_to_public_health": ("treatment.episode", {TREATMENT}, {HEALTH}),
    "harm_reduction_to_public_health": (
        "harm_reduction.naloxone_distribution",
        {OUTREACH},
        {HEALTH},
    ),
    "corrections_to_treatment": ("corrections.release", {JAIL}, {TREATMENT, OUTREACH}),
    "pharmacy_to_public_health": ("pharmacy.dispensation", {PHARMACY}, {HEALTH}),
    "university_to_public_health": ("public_health.overdose_count", {CAMPUS}, {HEALTH}),
    "count_to_dashboard": (
        "public_health.overdose_count",
        {HEALTH},
        {OUTREACH, CAMPUS, HOSPITAL, EMS},
    ),
}
"""The field's exchanges: what leaves, from each of these kinds, to each of those."""


@functools.cache
def county() -> Folder:
    """Return the folder that ships."""
    folder, found = read_folder(contents(ROOT / "agreements"))
    assert folder is not None, found
    return folder


def flows(dataset: str) -> list[Case]:
    """Return the provisions of a dataset."""
    return [one for one in cases(county()) if one.provision.flow.dataset.name == dataset]


def ends(several: list[Case]) -> set[tuple[AgencyKind, AgencyKind]]:
    """Return from which kind to which kind they are."""
    return {
        (one.provider.kind, one.recipient.kind)
        for one in several
        if one.provider is not None and one.recipient is not None
    }


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_every_exchange_has_its_provisions(exchange: str) -> None:
    """From each kind of provider to each kind of recipient."""
    dataset, providers, recipients = EXCHANGES[exchange]

    wanted = {(one, other) for one in providers for other in recipients}

    assert set() == wanted - ends(flows(dataset))


def test_an_alert_reaches_all_and_is_raised_by_each() -> None:
    """Health tells everybody of a spike, and EMS and police tell health."""
    found = ends(flows("public_health.overdose_alert"))

    to_all = {(HEALTH, one) for one in (EMS, HOSPITAL, OUTREACH, POLICE, CAMPUS)}
    assert to_all | {(EMS, HEALTH), (POLICE, HEALTH)} == found


def test_a_review_of_deaths_is_beside_their_surveillance() -> None:
    """Cases go to the reviewers, rows to epidemiologists: two purposes, no role in common."""
    deaths = [one for one in flows("medical_examiner.overdose_death") if one.recipient is not None]

    purposes = {p for one in deaths for p in one.provision.flow.purposes}

    assert {"public_health.fatality_review", "public_health.surveillance"} <= purposes


def test_police_get_tables_and_no_records_of_people() -> None:
    """What goes to enforcement is counts; a record of another kind holds nothing of a person."""
    to_police = [one for one in cases(county()) if one.recipient and one.recipient.kind is POLICE]

    records = {
        str(one.provision.flow.dataset)
        for one in to_police
        if one.provision.delivery.shape is Shape.RECORD
    }

    assert {"public_health.overdose_alert@1"} == records
    assert 3 == len(to_police)


def test_what_pushes_stands_in_files_of_its_own() -> None:
    """Nothing that is pulled waits for them: all of their provisions push, and no others do."""
    modes = {
        one.model.id: {each.delivery.mode for each in one.model.provisions}
        for one in county().agreements
    }

    pushed = {name for name, found in modes.items() if "push" in found}
    assert {"overdose-alerts", "potency-alerts"} == pushed
    assert {"push"} == set().union(*(modes[name] for name in pushed))
    assert pushed == {one.model.id for one in county().agreements if pushes(one.model)}


def test_every_provision_cites_its_law_and_its_paper() -> None:
    """A clause, a citation and a notice that says what a recipient owes."""
    for one in cases(county()):
        given = one.provision
        assert given.clause, given.id
        assert given.basis.cite, given.id
        assert given.duties.notice is not None, given.id
        assert county().notices[given.duties.notice].startswith(b"# "), given.id


def test_every_agreement_is_tested() -> None:
    """Beside each file lies one with its tests; that they pass and cover it `make check` says."""
    names = {one.model.id for one in county().agreements}
    tested = {path.name.removesuffix(".test.yaml") for path in ROOT.glob("agreements/*.test.yaml")}

    assert names == tested
    assert 12 == len(names)
