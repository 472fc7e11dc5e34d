"""Whoever is 90 or more under Safe Harbor: what becomes of masks when agreements are compiled."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING

import pytest

from gateway.agreement.model import Basis, Deidentified
from gateway.agreement.oldest import compiled, joined
from gateway.decide import Grant, Standing, decide
from gateway.masks.ages import BirthYear
from gateway.masks.closed import CLOSED_SET, COMPILED
from gateway.masks.plain import Pass
from gateway.masks.tables import OldestJoined
from gateway.masks.times import Truncate, Unit
from gateway.plan.build import Builder
from gateway.values import FieldClass, FieldType, Means
from tests.build import (
    a_dataset,
    a_field,
    a_provision,
    a_request,
    an_agreement,
    the_agreements,
)
from tests.core.test_masks import MASKED, MISSING, masked

if TYPE_CHECKING:
    from gateway.agreement.model import Provision
    from gateway.masks.base import Mask
    from gateway.plan.ops import Plan

T = FieldType
DEID = Deidentified("safe_harbor", "SH-1", "0" * 64, dt.date(2028, 3, 1))
EXPERT = dataclasses.replace(DEID, method="expert")
SAFE_HARBOR = Basis("deidentified", "safe_harbor", ("synthetic",), DEID)
CLASS = FieldClass.QUASI_IDENTIFIER
FIELDS = [
    a_field("person", T.STRING),
    a_field("born", T.DATE, CLASS, Means.DATE_OF_BIRTH),
    a_field("ages", T.CODE, CLASS, Means.AGE_GROUP, codes="ages"),
    a_field("said", T.STRING, CLASS, Means.AGE_GROUP, codes="ages"),
    a_field("day", T.DATE, CLASS, Means.EVENT_TIME),
]
DATASET = a_dataset(FIELDS, unit="person", person="person", event_date="day", subjects=())
LISTS = {"ages": ("0-84", "85-89", "90-94", "95+", "unknown")}


def under(basis: Basis, **release: Mask) -> Provision:
    """Return a provision as it is compiled under a basis."""
    return compiled(a_provision(release, basis=basis), DATASET, LISTS)


@pytest.mark.parametrize(
    ("basis", "becomes"),
    [
        (SAFE_HARBOR, True),
        (Basis("part2_public_health", "part2_public_health", (), DEID), True),
        (Basis("part2_public_health", "part2_public_health", (), None), True),
        (Basis("part2_public_health", "part2_public_health", (), EXPERT), False),
        (Basis("deidentified", "expert", (), EXPERT), False),
        (Basis("limited_data_set", "lds", (), None), False),
        (Basis("public_health", "identified", (), None), False),
    ],
)
def test_masks_become_others_under_safe_harbor_alone(basis: Basis, *, becomes: bool) -> None:
    """Also where it is the inner profile of 42 CFR 2.54; under any other a file means its words."""
    release = under(basis, born=Truncate(Unit.YEAR), ages=Pass()).release

    found = [isinstance(mask, kind) for mask, kind in zip(release.values(), COMPILED, strict=True)]
    assert [becomes, becomes] == found


def test_only_what_tells_an_age_becomes_another_mask() -> None:
    """The year of an event stays; a text of ages is no code, and lint has refused it."""
    release = {"day": Truncate(Unit.YEAR), "said": Pass(), "person": Pass()}

    assert release == under(SAFE_HARBOR, **release).release


def test_a_header_tells_a_compiled_mask_by_a_word_of_the_language() -> None:
    """A recipient reads what the officer wrote, with what the rule adds."""
    words = {mask.name for mask in CLOSED_SET}

    assert {mask.name for mask in COMPILED} <= words
    assert ("to=year", "at=day", "topcode=90") == BirthYear("day").note().arguments
    assert ("table=ages", "oldest=90+") == OldestJoined("ages").note().arguments


@pytest.mark.parametrize(
    ("codes", "becomes"),
    [
        (("80-89", "90+"), ("80-89", "90+")),
        (("85-89", "90-94", "95-99", "100+"), ("85-89", "90+", "90+", "90+")),
        (("89", "90", "91"), ("89", "90+", "90+")),
        (("unknown", "other"), ("unknown", "other")),
        (("0-84", "85+"), None),
        (("80+",), None),
        (("85-90",), None),
        (("89+",), None),
        (("0-89", "elderly"), None),
        (("<1", "1-89"), None),
        (("٩٠+",), None),
    ],
)
def test_a_list_of_age_groups_is_joined_at_ninety_or_refused(
    codes: tuple[str, ...], becomes: tuple[str, ...] | None
) -> None:
    """A group that begins below 90 and goes on straddles it, as does one that nobody can read."""
    assert (dict(zip(codes, becomes, strict=True)) if becomes else None) == joined(codes)


@pytest.mark.parametrize(
    ("born", "event", "leaves"),
    [
        ("1937-01-01", "2026-07-14", "1937-01-01"),
        ("1937-12-31", "2020-01-01", "1937-01-01"),
        ("1936-12-31", "2026-07-14", MASKED),
        ("1936-07-16", "1999-12-31", MASKED),
        ("1937-01-01", "2027-01-01", MASKED),
        ("1938-12-31", "2027-01-01", "1938-01-01"),
        ("2026-12-31", "2026-01-01", "2026-01-01"),
        ("2027-01-01", "2026-12-31", MASKED),
        ("2027-01-01", "2027-01-01", "2027-01-01"),
        ("0001-01-01", "2026-01-01", MASKED),
        ("1990-01-01", "9999-12-31", MASKED),
        ("1990-01-01", None, MASKED),
        (None, "2026-01-01", MISSING),
        (None, None, MISSING),
    ],
)
def test_a_year_of_birth_is_told_of_nobody_who_may_be_ninety(
    born: str | None, event: str | None, leaves: str
) -> None:
    """In 2026 89 leaves, 90 does not; a later event counts, an earlier makes none younger."""
    beside = {"day": dt.date.fromisoformat(event) if event else None, "time_precision": "day"}
    value = dt.date.fromisoformat(born) if born else None

    [said] = masked(BirthYear("day"), T.DATE, [value], beside=beside)

    assert leaves == (said if isinstance(said, str) else said.isoformat())


@pytest.mark.parametrize("known", ["instant", "day", "month", "quarter", "year", "unknown", None])
def test_an_event_of_an_unknown_year_tells_no_year_of_birth(known: str | None) -> None:
    """A year is all that is needed of the event, and without it nobody knows who was 90."""
    beside = {"day": dt.date(2026, 7, 1), "time_precision": known}

    [said] = masked(BirthYear("day"), T.DATE, [dt.date(1990, 7, 1)], beside=beside)

    assert (said == MASKED) == (known in {"unknown", None})


def plan_at(now: dt.datetime) -> Plan:
    """Return the plan of a birth year under Safe Harbor at an instant."""
    provision = a_provision({"born": Truncate(Unit.YEAR)}, basis=SAFE_HARBOR)
    made = an_agreement(provision)
    term = dataclasses.replace(
        made.term, effective=dt.date(2026, 7, 1), expires=dt.date(2027, 6, 30)
    )
    agreements = the_agreements(dataclasses.replace(made, term=term), dataset=DATASET)
    grant = decide(agreements, a_request("born"), Standing(), now)
    assert isinstance(grant, Grant)
    return BUILDER.build(agreements, grant)


BUILDER = Builder({}, lambda _domain, _period: ("key-1", bytes(32)))


def test_this_year_is_that_of_the_agreements_place_and_in_the_plan() -> None:
    """The last second of the year in New York and the next: two plans, also out of one builder."""
    before = plan_at(dt.datetime(2027, 1, 1, 4, 59, 59, tzinfo=dt.UTC))
    after = plan_at(dt.datetime(2027, 1, 1, 5, 0, 0, tzinfo=dt.UTC))

    assert [2026, 2027] == [one.masks[0].inputs.this_year for one in (before, after)]
    assert [("year=2026",), ("year=2027",)] == [one.masks[0].facts for one in (before, after)]
    assert before.static != after.static
