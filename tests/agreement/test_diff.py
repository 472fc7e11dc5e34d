"""What somebody can get by an amendment, and could not before, is told: every time."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.agreement.conditions import (
    FieldCondition,
    RoleCondition,
)
from gateway.agreement.diff.change import Flow, Way
from gateway.agreement.diff.conditions import implies
from gateway.agreement.diff.versions import compare
from gateway.decide import Grant, Standing, decide
from gateway.masks.numbers import Band
from gateway.masks.plain import Pass, Redact
from gateway.masks.times import Truncate, Unit
from gateway.values import Operator
from tests.build import (
    EMS,
    NOW,
    PHD,
    RUN,
    SURVEILLANCE,
    a_caller,
    a_dataset,
    a_never,
    a_provision,
    a_request,
    a_table_provision,
    an_aggregate,
    an_agreement,
    span,
    the_agreements,
)

if TYPE_CHECKING:
    from gateway.agreement.diff.change import Change
    from gateway.agreement.model import Agreement, Provision
    from gateway.masks.base import Mask

DATASETS = {str(RUN): a_dataset()}
FLOW = Flow(EMS, PHD, str(RUN), SURVEILLANCE)


def changes(before: Provision, after: Provision) -> list[tuple[Way, str]]:
    """Return (way, what) of each change between two versions of one provision."""
    found = compare(an_agreement(before), an_agreement(after), (DATASETS, DATASETS))
    return [(one.way, one.what) for one in found]


def both_ways(before: Provision, after: Provision, what: str) -> None:
    """Assert that one key is wider one way, narrower the other, and nothing else is said."""
    assert [(Way.WIDENED, what)] == changes(before, after)
    assert [(Way.NARROWED, what)] == changes(after, before)


MONTH, DAY = Truncate(Unit.MONTH), Truncate(Unit.DAY)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (None, Redact()),
        (None, MONTH),
        (Redact(), MONTH),
        (MONTH, DAY),
        (DAY, Pass()),
        (MONTH, Pass()),
    ],
)
def test_a_weaker_mask_is_wider(narrow: Mask | None, wide: Mask) -> None:
    """From withheld over each form to the value itself; the reverse is narrower."""

    def provision(mask: Mask | None) -> Provision:
        masks = {"run_id": Pass()} | ({"incident_date": mask} if mask is not None else {})
        return a_provision(masks)

    both_ways(provision(narrow), provision(wide), "incident_date")


def test_masks_of_two_kinds_are_looked_at() -> None:
    """What cannot be compared is wider both ways."""
    one = a_provision({"incident_date": DAY})
    other = a_provision({"incident_date": Truncate(Unit.WEEK_ISO)})
    band = a_provision({"age": Band(width=5, topcode=90)})
    cut = a_provision({"age": Band(width=7, topcode=90)})

    assert [(Way.WIDENED, "incident_date")] == changes(other, one)
    assert [(Way.WIDENED, "age")] == changes(band, cut) == changes(cut, band)


@pytest.mark.parametrize(
    ("key", "part", "narrow", "wide"),
    [
        ("limits.rows_per_day", "limits", {"rows_per_day": 10}, {"rows_per_day": 11}),
        ("limits.rows_per_request", "limits", {"rows_per_request": 10}, {"rows_per_request": 11}),
        (
            "limits.requests_per_minute",
            "limits",
            {"requests_per_minute": 1},
            {"requests_per_minute": 2},
        ),
        ("duties.delete_after", "duties", {"delete_after": "P29D"}, {"delete_after": "P30D"}),
        ("duties.attest_deletion", "duties", {"attest_deletion": "P30D"},
         {"attest_deletion": None}),
        ("duties.breach_notice", "duties", {"breach_notice": "PT24H"},
         {"breach_notice": "PT25H"}),
        ("duties.reidentify", "duties", {"reidentify": "forbid"},
         {"reidentify": "not_applicable"}),
        ("duties.contact", "duties", {"contact": "forbid"}, {"contact": "permit"}),
        ("duties.publish", "duties", {"publish": "forbid"}, {"publish": "steward_review"}),
        ("duties.notice", "duties", {"notice": "part2@1"}, {"notice": None}),
        ("duties.accounting", "duties", {"accounting": "required"}, {"accounting": "none"}),
        ("duties.onward", "duties", {"onward": ()}, {"onward": ("ems",)}),
    ],
)  # fmt: skip
def test_limits_and_duties(
    key: str, part: str, narrow: dict[str, Any], wide: dict[str, Any]
) -> None:
    """A higher limit, a longer keeping, a relaxed duty: wider, and the reverse narrower."""
    base = a_provision()

    def provision(values: dict[str, Any]) -> Provision:
        spans = {"delete_after", "attest_deletion", "breach_notice"}
        made = {k: span(v) if k in spans and v is not None else v for k, v in values.items()}
        return dataclasses.replace(base, **{part: dataclasses.replace(getattr(base, part), **made)})

    both_ways(provision(narrow), provision(wide), key)


@pytest.mark.parametrize(
    ("key", "narrow", "wide"),
    [
        ("disclosure.min_cell", {"min_cell": 12}, {"min_cell": 11}),
        ("disclosure.min_interval", {"min_interval": 10}, {"min_interval": 9}),
        ("disclosure.zeros", {"zeros": "suppress"}, {"zeros": "publish"}),
        ("disclosure.history", {"history": span("P2Y")}, {"history": span("P1Y")}),
        ("disclosure.colluding", {"colluding": None}, {"colluding": frozenset({"phd"})}),
        (
            "disclosure.dominance",
            {"dominance": {"largest": 1, "percent": 70, "p": 15}},
            {"dominance": {"largest": 1, "percent": 71, "p": 15}},
        ),
        ("disclosure.exempt", {"exempt": ()}, {"exempt": ({"period": "month"},)}),
        ("aggregate.dimension", {"dimensions": ("incident_date",)}, {}),
        ("aggregate.margin", {}, {"margins": (("incident_date",),)}),
    ],
)
def test_tables(key: str, narrow: dict[str, Any], wide: dict[str, Any]) -> None:
    """A finer cut, a lower threshold, a weaker protection: wider, and the reverse narrower."""

    def provision(values: dict[str, Any]) -> Provision:
        return dataclasses.replace(a_table_provision(), aggregate=an_aggregate(**values))

    both_ways(provision(narrow), provision(wide), key)


def test_a_new_flow_is_wider_and_a_lost_one_narrower() -> None:
    """Each field of it, with the form in which it leaves."""
    empty, one = an_agreement(provisions=()), an_agreement(a_provision())

    new = compare(empty, one, (DATASETS, DATASETS))
    lost = compare(one, empty, (DATASETS, DATASETS))
    whole = compare(None, one, (DATASETS, DATASETS))

    assert {(Way.WIDENED, FLOW, "age"), (Way.WIDENED, FLOW, "run_id")} == {
        (c.way, c.flow, c.what) for c in new
    }
    assert {Way.NARROWED} == {c.way for c in lost}
    assert new == whole


def test_records_in_place_of_a_table_are_looked_at() -> None:
    """Another shape has no order."""
    found = changes(a_table_provision(), a_provision())

    assert (Way.WIDENED, "delivery.shape") in found


@pytest.mark.parametrize("hold", ["term", "log", "parties", "never"])
def test_the_whole_agreement(hold: str) -> None:
    """A longer term, a shorter log, one more party, a prohibition dropped or narrowed."""
    before = an_agreement(never=(a_never(to_kind={"law_enforcement", "prosecutor"}),))
    after: Agreement
    match hold:
        case "term":
            term = dataclasses.replace(before.term, expires=before.term.expires + dt.timedelta(1))
            after = dataclasses.replace(before, term=term)
        case "log":
            after = dataclasses.replace(
                before, log=dataclasses.replace(before.log, retain=span("P3Y"))
            )
        case "parties":
            party = dataclasses.replace(before.parties["phd"], alias="lab", agency="synthetic-lab")
            after = dataclasses.replace(before, parties={**before.parties, "lab": party})
        case _:
            after = dataclasses.replace(before, never=(a_never(to_kind={"law_enforcement"}),))

    wider = compare(before, after, (DATASETS, DATASETS))
    narrower = compare(after, before, (DATASETS, DATASETS))

    assert [None] == [one.flow for one in wider if one.way is Way.WIDENED]
    assert Way.NARROWED in {one.way for one in narrower}
    if hold != "never":
        assert Way.WIDENED not in {one.way for one in narrower}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, "another@1.0.0", [Way.WIDENED]),
        ("agreement@1.0.0", "another@1.0.0", [Way.WIDENED]),
        ("another@1.0.0", "another@1.0.0", []),
        ("another@1.0.0", None, []),
        (None, "{id}@0.9.0", []),
    ],
)
def test_another_agreement_that_is_ended_is_looked_at(
    old: str | None, new: str | None, expected: list[Way]
) -> None:
    """Its prohibitions end with it; an earlier version of one's own is what is compared."""
    one = an_agreement()
    before, after = (
        dataclasses.replace(one, supersedes=ended and ended.format(id=one.id))
        for ended in (old, new)
    )

    found = compare(before, after, (DATASETS, DATASETS))

    assert expected == [change.way for change in found if change.what == "supersedes"]


def test_whoever_else_counts_as_one_attacker_is_told_by_agency() -> None:
    """The aliases are the same, and stand for others: nobody reads that in the provision."""
    one = an_agreement(a_table_provision(aggregate=an_aggregate(colluding=frozenset({"phd"}))))
    other = dataclasses.replace(one.parties["phd"], agency="synthetic-lab")
    flows = {**one.parties, "phd": other, "health": one.parties["phd"]}
    turned = dataclasses.replace(
        one,
        parties=flows,
        provisions=tuple(
            dataclasses.replace(p, flow=dataclasses.replace(p.flow, recipient="health"))
            for p in one.provisions
        ),
    )

    found = compare(one, turned, (DATASETS, DATASETS))

    assert "disclosure.colluding" in {change.what for change in found if change.way is Way.WIDENED}


def test_a_dataset_that_changed_under_a_mask_is_looked_at() -> None:
    """The words of the agreement are the same, and the values are not."""
    fields = dict(a_dataset().fields)
    fields["age"] = dataclasses.replace(fields["age"], codes="another")
    other = {str(RUN): dataclasses.replace(a_dataset(), fields=fields)}

    found = compare(an_agreement(), an_agreement(), (DATASETS, other))

    assert [(Way.WIDENED, "dataset field age")] == [(one.way, one.what) for one in found]


# --- conditions -----------------------------------------------------------------------------------

VALUES = range(5)
OPERATORS = list(Operator)


@st.composite
def _conditions(draw: st.DrawFn) -> FieldCondition:
    op = draw(st.sampled_from(OPERATORS))
    many = op in {Operator.IN, Operator.NOT_IN}
    values = draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3 if many else 1))
    return FieldCondition("age", op, tuple(dict.fromkeys(values)))


def _met(value: int, one: FieldCondition) -> bool:
    first: Any = one.values[0]
    met: dict[Operator, bool] = {
        Operator.EQ: value in one.values,
        Operator.IN: value in one.values,
        Operator.NE: value not in one.values,
        Operator.NOT_IN: value not in one.values,
        Operator.LT: value < first,
        Operator.LTE: value <= first,
        Operator.GT: value > first,
        Operator.GTE: value >= first,
    }
    return met[one.op]


@settings(max_examples=500, deadline=None)
@given(_conditions(), _conditions())
def test_a_condition_implies_another_only_where_it_does(
    one: FieldCondition, other: FieldCondition
) -> None:
    """Over values beyond both ends: where it is said, each that meets the first meets the other."""
    if implies(one, other):
        assert all(_met(value, other) for value in range(-3, 9) if _met(value, one))


# --- against every request ------------------------------------------------------------------------

MASKS: dict[str, tuple[Mask | None, ...]] = {
    "run_id": (None, Redact(), Pass()),
    "age": (None, Redact(), Pass()),
    "incident_date": (None, Redact(), Truncate(Unit.YEAR), MONTH, DAY, Pass()),
}
"""Of each field its forms, from nothing to the value itself."""

ROLES = ("epidemiologist", "outreach_worker")
PURPOSES = (SURVEILLANCE, "public_health.program_evaluation")


@st.composite
def _provisions(draw: st.DrawFn) -> Provision:
    places = {name: draw(st.integers(0, len(masks) - 1)) for name, masks in MASKS.items()}
    released = {name: MASKS[name][place] for name, place in places.items() if place}
    when: list[Any] = []
    roles = draw(st.sets(st.sampled_from(ROLES)))
    if roles:
        when.append(RoleCondition(frozenset(roles)))
    if draw(st.booleans()):
        when.append(draw(_conditions()))
    purposes = draw(st.lists(st.sampled_from(PURPOSES), min_size=1, max_size=2, unique=True))
    made = a_provision(released or {"run_id": Pass()}, when)  # type: ignore[arg-type]
    return dataclasses.replace(made, flow=dataclasses.replace(made.flow, purposes=tuple(purposes)))


def _got(agreement: Agreement) -> dict[tuple[str, str, str, int], int]:
    """Return, for each request of one field about a row of some age, how much of it leaves."""
    compiled = the_agreements(agreement)
    found = {}
    for purpose, role, name in itertools.product(PURPOSES, ("", *ROLES), MASKS):
        caller = a_caller(PHD, *([role] if role else []))
        request = a_request(name, purpose=purpose, caller=caller)
        decided = decide(compiled, request, Standing(), NOW)
        if not isinstance(decided, Grant):
            continue
        provision = decided.rule.provision
        rows = [one for one in provision.when if isinstance(one, FieldCondition)]
        for age in range(-1, 6):
            if all(_met(age, one) for one in rows):
                found[purpose, role, name, age] = MASKS[name].index(provision.release[name])
    return found


@settings(max_examples=100, deadline=None)
@given(_provisions(), _provisions())
def test_whatever_somebody_gains_is_told(before: Provision, after: Provision) -> None:
    """Every request under both versions: a gain is WIDENED in its flow, a loss NARROWED."""
    _hold(before, after)


@pytest.mark.long
@settings(max_examples=2_000, deadline=None)
@given(_provisions(), _provisions())
def test_whatever_somebody_gains_is_told_two_thousand_times(
    before: Provision, after: Provision
) -> None:
    """The same, over as many pairs as the specification asks for."""
    _hold(before, after)


def _hold(before: Provision, after: Provision) -> None:
    old, new = an_agreement(before), an_agreement(after)
    told = compare(old, new, (DATASETS, DATASETS))

    gained, lost = _moved(_got(old), _got(new))

    assert gained <= _told(told, Way.WIDENED)
    assert lost <= _told(told, Way.NARROWED) | _told(told, Way.WIDENED)


def _moved(
    old: dict[tuple[str, str, str, int], int], new: dict[tuple[str, str, str, int], int]
) -> tuple[set[str], set[str]]:
    """Return the purposes under which somebody gets more, and those under which less."""
    gained = {key[0] for key, level in new.items() if level > old.get(key, 0)}
    lost = {key[0] for key, level in old.items() if level > new.get(key, 0)}
    return gained, lost


def _told(found: tuple[Change, ...], way: Way) -> set[str]:
    return {one.flow.purpose for one in found if one.way is way and one.flow is not None}


@settings(max_examples=50, deadline=None)
@given(_provisions())
def test_nothing_changed_is_nothing_told(one: Provision) -> None:
    """A version beside itself, and its conditions in another order."""
    turned = dataclasses.replace(one, when=one.when[::-1])

    assert () == compare(an_agreement(one), an_agreement(turned), (DATASETS, DATASETS))
