"""The last look holds a plan to its provision's profile, however the plan was made."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import polars as pl
import pytest

from gateway.agreement.model import Basis, Deidentified
from gateway.errors import Reason, ReleaseError
from gateway.masks.identity import Method, Pseudonym, Scope
from gateway.masks.numbers import Band
from gateway.masks.plain import Pass, Redact
from gateway.masks.tables import CountOnly
from gateway.masks.times import Truncate, Unit
from gateway.plan.check import BatchCheck, RowCheck, check_noised, check_table
from gateway.plan.held import hold_profile
from gateway.values import Operator
from tests.build import (
    a_condition,
    a_dataset,
    a_provision,
    a_request,
    a_table_provision,
    an_agreement,
    the_agreements,
)
from tests.core.house import House, records
from tests.core.test_oracle import plan_of
from tests.core.worlds import Drawn

if TYPE_CHECKING:
    from gateway.masks.base import Mask
    from gateway.plan.ops import Plan

HMAC = Pseudonym(Method.HMAC, Scope.PROVISION, "P1Y")
TOKEN = Pseudonym(Method.TOKEN, Scope.PROVISION, "P1Y")
YEARS = Band(width=5, topcode=90)
EXPERT = Deidentified(
    "expert", "ED-1", "1" * 64, dt.date(2026, 12, 31), {"age": YEARS, "county": Pass()}, 5
)


def under(profile: str, name: str, mask: Mask, deid: Deidentified | None = None) -> Plan:
    """Return a plan that lets one field leave, under a provision of a profile.

    Nobody held the provision to it: it was never linted.
    """
    basis = Basis("agency_policy", profile, ("synthetic policy",), deid)
    provision = a_provision({name: mask}, basis=basis)
    agreements = the_agreements(an_agreement(provision))
    return plan_of(Drawn(agreements, a_request(name), [], provision, a_dataset()))


@pytest.mark.parametrize(
    ("profile", "name", "good", "bad", "clause"),
    [
        ("safe_harbor", "run_id", TOKEN, HMAC, r"164.514\(b\)\(2\)\(i\)\(R\)"),
        ("safe_harbor", "run_id", TOKEN, Pass(), r"164.514\(b\)\(2\)\(i\)\(R\)"),
        (
            "safe_harbor",
            "incident_date",
            Truncate(Unit.YEAR),
            Truncate(Unit.MONTH),
            r"164.514\(b\)\(2\)\(i\)\(C\)",
        ),
        ("safe_harbor", "age", YEARS, Pass(), r"164.514\(b\)\(2\)\(i\)\(C\)"),
        ("safe_harbor", "county", Redact(), Pass(), r"164.514\(b\)\(2\)\(i\)\(B\)"),
        ("part2_public_health", "run_id", TOKEN, HMAC, r"164.514\(b\)\(2\)\(i\)\(R\)"),
        ("lds", "patient_name", HMAC, Pass(), r"164.514\(e\)\(2\)\(i\)"),
        ("identified", "patient_name", Pass(), None, ""),
        ("non_hipaa", "county", Pass(), None, ""),
    ],
)
def test_a_mask_that_the_profile_refuses_does_not_leave(
    profile: str, name: str, good: Mask, bad: Mask | None, clause: str
) -> None:
    """Single rows and batches alike: the field and the clause are named, and nothing is made."""
    plan = under(profile, name, good)
    RowCheck(plan)
    BatchCheck(plan)

    if bad is None:
        return
    for look in (RowCheck, BatchCheck, hold_profile):
        with pytest.raises(ReleaseError, match=f"`{name}`.*{clause}") as raised:
            look(under(profile, name, bad))
        assert Reason.RELEASE_CHECK_FAILED is raised.value.reason


@pytest.mark.parametrize(
    ("name", "mask", "held"),
    [
        ("age", YEARS, True),
        ("age", Band(width=10, topcode=90), True),
        ("age", Band(width=1, topcode=90), False),
        ("county", Pass(), True),
        ("home_zip", Pass(), False),
        ("home_zip", Redact(), True),
        ("patient_name", Pass(), False),
    ],
)
def test_what_an_expert_did_not_name_does_not_leave(name: str, mask: Mask, *, held: bool) -> None:
    """A field that the determination does not name, or a mask that tells more than it names."""
    plan = under("expert", name, mask, EXPERT)

    if held:
        hold_profile(plan)
    else:
        with pytest.raises(ReleaseError, match=f"`{name}`"):
            hold_profile(plan)


def test_a_plan_made_otherwise_is_not_its_provision_s() -> None:
    """The provision is good; the plan says `pass` where it says a band of ages: nothing leaves."""
    good, other = under("safe_harbor", "age", YEARS), under("identified", "age", Pass())
    swapped = dataclasses.replace(good, masks=other.masks, columns=other.columns)

    with pytest.raises(ReleaseError, match="`age`"):
        RowCheck(swapped)


def test_tables_are_held_to_it_too() -> None:
    """By month and county is no table of Safe Harbor: refused before anything else is looked at."""
    basis = Basis("agency_policy", "safe_harbor", ("synthetic policy",), None)
    provision = a_table_provision(release={"patient_id": CountOnly()}, basis=basis)
    where = [a_condition("incident_date", Operator.EQ, dt.date(2026, 5, 1))]
    request = a_request("incident_date", "county", "patient_id", where=where)
    agreements = the_agreements(an_agreement(provision))
    plan = plan_of(Drawn(agreements, request, [], provision, a_dataset()))

    with pytest.raises(ReleaseError, match="`incident_date`: `safe_harbor`"):
        check_table(plan, pl.DataFrame(), b"")
    with pytest.raises(ReleaseError, match="`incident_date`: `safe_harbor`"):
        check_noised(plan, pl.DataFrame())


def test_nothing_leaves_the_house_under_a_contradicted_profile() -> None:
    """Through the broker: no chunk, no release entry; the exchange is closed as cut."""
    basis = Basis("agency_policy", "safe_harbor", ("synthetic policy",), None)
    provision = a_provision({"run_id": HMAC}, basis=basis)
    house = House(agreements=the_agreements(an_agreement(provision)), rows=records(3))

    with pytest.raises(ReleaseError, match="`run_id`"):
        house.ask(a_request("run_id"))

    assert [] == house.log.of_kind("release")
    assert "cut" == house.log.of_kind("outcome")[0].meta["end"]
