"""Who can get a field is told of everyone who can, and of nobody else."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.index import FlowKey, Signed
from gateway.agreement.lint.unbuilt import pushes
from gateway.agreement.model import Selectors
from gateway.cli.claim import EXIT_COUNTEREXAMPLE, run_assert
from gateway.cli.deploy.county import COUNTY as RUNNING
from gateway.cli.explain import as_signed
from gateway.cli.matrix import run_matrix
from gateway.cli.officers import good, instant
from gateway.cli.reach import run_who
from gateway.decide import Grant, Standing, decide
from gateway.errors import SettingsError
from gateway.masks.plain import Pass, Redact
from gateway.review.reach import never, selected, ways
from gateway.values import AgencyKind, Caller, FieldClass, Form, Request, Terms
from tests.build import (
    EMS,
    PD,
    PHD,
    a_dataset,
    a_floor,
    a_never,
    a_provision,
    an_agreement,
    the_agreements,
)
from tests.data import ROOT

if TYPE_CHECKING:
    from gateway.agreement.index import Agreements
    from gateway.masks.base import Mask

LIMITS = 6
AT = "2027-06-15T12:00:00Z"
COUNTY = str(ROOT / "agreements")


def of_the_county(*parties: str) -> Agreements:
    """Return the county's agreements that can be asked under, as if signed: all, or one's.

    Where parties are named, those agreements that nobody else is party to, among their agencies.
    """
    read = good(Path(COUNTY), instant(""))
    assert read is not None
    asked = tuple(
        one
        for one in read.agreements
        if not pushes(one.model)
        and (not parties or {p.agency for p in one.model.parties.values()} <= set(parties))
    )
    made = as_signed(dataclasses.replace(read, agreements=asked))
    known = made.registry.agencies
    agencies = {name: known[name] for name in parties or known}
    return dataclasses.replace(made, registry=dataclasses.replace(made.registry, agencies=agencies))


FOUR = tuple(member.id for member in RUNNING)


@pytest.mark.parametrize(
    "parties", [FOUR, pytest.param((), marks=pytest.mark.long)], ids=["four", "all"]
)
def test_every_request_that_is_granted_is_a_way_and_every_way_is_granted(
    parties: tuple[str, ...],
) -> None:
    """All agencies, datasets, purposes and fields, asked one by one with every role there is."""
    county = of_the_county(*parties)
    roles = frozenset(
        role
        for rules in county.flows.values()
        for rule in rules
        for some in rule.roles
        for role in some
    )
    told = {
        (way.rule.provider.id, way.agency.id, str(way.rule.dataset.id), way.rule.purpose,
         way.field.name)
        for way in ways(county) if not way.onward
    }  # fmt: skip
    granted = set()
    now = dt.datetime(2026, 12, 15, tzinfo=dt.UTC)
    agencies, purposes = county.registry.agencies, county.purposes.leaves
    for provider, recipient in itertools.permutations(agencies, 2):
        for dataset, purpose in itertools.product(county.datasets.values(), purposes):
            caller = Caller(recipient, bytes(32), "p", roles)
            key = FlowKey(provider, recipient, str(dataset.id), purpose)
            # A table is asked for whole; a field of it is asked for with all the others.
            whole = {
                name
                for rule in county.flows.get(key, ())
                if rule.provision.aggregate is not None
                for name in rule.provision.release
            }
            for name in dataset.fields:
                terms = Terms(provider, recipient, dataset.id, purpose, tuple({name} | whole))
                request = Request("", terms, caller, Form.ARROW)
                decided = decide(county, request, Standing(), now)
                # Limits, and a table's periods, are another day's.
                if isinstance(decided, Grant) or decided.step >= LIMITS:
                    granted.add((provider, recipient, str(dataset.id), purpose, name))

    assert granted == told
    assert granted


def test_what_is_given_on_is_a_way_too() -> None:
    """The agency that a recipient may give it to gets each field, and it is said that it does."""
    duties = dataclasses.replace(a_provision().duties, onward=("pd",))
    one = an_agreement(a_provision({"age": Pass()}, duties=duties))

    found = ways(the_agreements(one))

    assert [(PD, True), (PHD, False)] == [(way.agency.id, way.onward) for way in found]
    assert (PD,) == tuple(
        way.agency.id
        for way in selected(found, Selectors(to_kind=frozenset({AgencyKind.LAW_ENFORCEMENT})))
    )


@pytest.mark.parametrize(
    ("second", "expected"), [({"age": Pass()}, {PD}), ({"run_id": Pass()}, set())]
)
def test_what_is_given_on_by_a_second_provision_is_its_first_givers(
    second: dict[str, Mask], expected: set[str]
) -> None:
    """EMS gives health a field, and health gives police the like: it may be that of EMS."""
    first = a_provision({"age": Pass()})
    flow = dataclasses.replace(first.flow, provider="phd", recipient="pd")
    then = a_provision(second, id="P2", flow=flow)
    found = ways(the_agreements(an_agreement(first), an_agreement(then, id="other")))

    claim = Selectors(
        from_kind=frozenset({AgencyKind.EMS}), to_kind=frozenset({AgencyKind.LAW_ENFORCEMENT})
    )

    assert expected == {way.agency.id for way in selected(found, claim)}
    told = {way.agency.id: {one.id for one in way.origins} for way in found}
    assert {PD: {EMS} if expected else set(), PHD: set()} == told


def test_what_comes_back_is_nobody_elses() -> None:
    """Two agencies that give each other the like are each other's, and no third one's."""
    first = a_provision({"age": Pass()})
    back = dataclasses.replace(first.flow, provider="phd", recipient="ems")
    both = an_agreement(first, a_provision({"age": Pass()}, id="P2", flow=back))

    assert [()] * 2 == [way.origins for way in ways(the_agreements(both))]


def test_what_tells_nothing_and_what_is_forbidden_is_no_way() -> None:
    """A redacted field reaches nobody, nor one that a prohibition keeps."""
    one = an_agreement(a_provision({"age": Redact(), "run_id": Pass()}))
    forbidding = a_floor(a_never(field_class={FieldClass.DIRECT_IDENTIFIER}))

    assert ["run_id"] == [way.field.name for way in ways(the_agreements(one))]
    assert () == ways(the_agreements(one, floor=forbidding))


@pytest.mark.parametrize(
    ("signed", "expected"),
    [(Signed.DRAFT, 2), (Signed.SIGNED, 2), (Signed.SUSPENDED, 2), (Signed.TERMINATED, 0)],
)
def test_a_terminated_agreement_has_no_ways(signed: Signed, expected: int) -> None:
    """A suspended one may come back, and a draft may be signed."""
    assert expected == len(ways(the_agreements(an_agreement(a_provision()), signed=signed)))


def test_never_is_for_good() -> None:
    """Whoever gives it, for whatever purpose; one purpose that is open is enough for no."""
    floor = a_floor(a_never(to_kind={AgencyKind.LAW_ENFORCEMENT}))
    some = a_floor(
        a_never(to_kind={AgencyKind.LAW_ENFORCEMENT}, purpose={"public_health.surveillance"})
    )
    always, sometimes = the_agreements(floor=floor), the_agreements(floor=some)
    dataset = a_dataset()

    assert never(always, always.registry.agencies[PD], dataset, "age")
    assert not never(always, always.registry.agencies[PHD], dataset, "age")
    assert not never(sometimes, sometimes.registry.agencies[PD], dataset, "age")


# --- the verbs ------------------------------------------------------------------------------------


def test_who(capsys: pytest.CaptureFixture[str]) -> None:
    """An officer reads who, in which form, by which clause, and if what."""
    assert 0 == run_who([COUNTY], "referral.post_overdose.person_phone", AT)

    told = capsys.readouterr().out
    assert "safe-steps (harm_reduction) from rivertown-ems" in told
    assert "clause 4.1" in told
    assert "  if        consent to care.post_overdose_outreach\n" in told
    assert told.endswith("referral.post_overdose.person_phone: exactly safe-steps\n")


def test_who_gets_what_nobody_gets(capsys: pytest.CaptureFixture[str]) -> None:
    """It says so; a field that no dataset has is another matter."""
    assert 0 == run_who([COUNTY], "police.drug_seizure.arrests", AT)
    assert "police.drug_seizure.arrests: nobody\n" == capsys.readouterr().out
    with pytest.raises(SettingsError, match="no dataset"):
        run_who([COUNTY], "arests", AT)


def test_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    """A row a field, a column an agency that gets some of it; the others are named below."""
    assert 0 == run_matrix([COUNTY], "referral.post_overdose", AT)

    told = capsys.readouterr().out
    [phone] = [line for line in told.splitlines() if " person_phone " in line]
    assert ["person_phone", "direct_identifier", "pass"] == phone.split()
    assert "never of it: rivertown-jail, rivertown-pd\n" in told
    assert "nothing of it: eastside-treatment, riverside-pharmacy, rivertown-ems" in told
    with pytest.raises(SettingsError, match="no provision"):
        run_matrix([COUNTY], "absent", AT)


def test_a_matrix_says_never_of_a_field_by_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Where an agency gets some fields and never others, both stand in its column, unabridged."""
    assert 0 == run_matrix([COUNTY], "ems.overdose_run", AT)

    lines = capsys.readouterr().out.splitlines()
    [county] = [line for line in lines if " scene_county_fips " in line]
    [point] = [line for line in lines if " scene_lat " in line]
    assert ["pass", "pass", "pass"] == county.split()[2:]
    assert ["never"] == point.split()[2:]
    assert not [line for line in lines if "…" in line or len(line) > 100]


@pytest.mark.parametrize(
    ("claim", "only", "expected"),
    [
        (["to_kind=law_enforcement", "class=direct_identifier,sensitive", "shape=record"], [], 0),
        (["to_kind=law_enforcement", "class=direct_identifier"], [], EXIT_COUNTEREXAMPLE),
        (["to_kind=harm_reduction", "class=direct_identifier"], [], EXIT_COUNTEREXAMPLE),
        (["field=referral.post_overdose.person_phone"], ["safe-steps"], 0),
        (["field=referral.post_overdose.person_phone"], [], EXIT_COUNTEREXAMPLE),
        (["field=person_phone"], [], EXIT_COUNTEREXAMPLE),
        (["field=person_phone"], ["safe-steps", "eastside-treatment"], 0),
        (["field=referral.post_overdose.person_phone"], ["rivertown-pd"], EXIT_COUNTEREXAMPLE),
        (
            ["field=referral.post_overdose.person_phone"],
            ["safe-steps", "rivertown-pd"],
            EXIT_COUNTEREXAMPLE,
        ),
    ],
)
def test_assert(
    claim: list[str], only: list[str], expected: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """It holds over everything, or the way that breaks it is shown."""
    assert expected == run_assert([COUNTY], claim, only, AT)
    told = capsys.readouterr().out
    assert ("does not hold" in told) == bool(expected)


@pytest.mark.parametrize(
    "claim", [[], ["class"], ["class="], ["color=red"], ["class=secret"], ["class=sensitive"] * 2]
)
def test_what_is_no_claim_is_refused(claim: list[str]) -> None:
    """An empty or misspelt claim holds of nothing: it would always be true, or about everything."""
    with pytest.raises(SettingsError):
        run_assert([COUNTY], claim, [], AT)


@pytest.mark.parametrize(
    ("claim", "lack"),
    [
        ("field=person_fone", "no dataset has this field: `field` is .* is it person_phone"),
        ("field=ems.overdose_run.person_phone", "no dataset has this field"),
        ("dataset=ems.overdose_runs", "there is no dataset 'ems.overdose_runs'"),
        ("purpose=caring", "there is no purpose 'caring'"),
    ],
)
def test_a_claim_about_what_does_not_exist_is_refused(claim: str, lack: str) -> None:
    """It would hold whatever the files say, and prove nothing."""
    with pytest.raises(SettingsError, match=lack):
        run_assert([COUNTY], [claim], [], AT)


def test_a_claim_whose_words_meet_in_no_field_is_refused() -> None:
    """Each word exists and no field has them all: nothing is selected."""
    claim = ["dataset=lab.drug_chemistry", "means=date_of_birth"]
    with pytest.raises(SettingsError, match="no field of any dataset meets all"):
        run_assert([COUNTY], claim, [], AT)
