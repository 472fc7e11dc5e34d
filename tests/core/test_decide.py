"""Every step of the decision, each with the case just refused and the case just permitted."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from gateway.agreement.aggregate import MeasureRule, Percent
from gateway.agreement.conditions import FieldCondition, RoleCondition, WithinCondition
from gateway.agreement.index import Signed
from gateway.agreement.model import Basis, Deidentified, Flow
from gateway.agreement.spans import closed_periods
from gateway.decide import Grant, Refusal, Standing, decide
from gateway.errors import Reason
from gateway.masks.places import Zip3
from gateway.masks.plain import Pass
from gateway.masks.times import Truncate, Unit
from gateway.values import (
    AgencyKind,
    DatasetId,
    FieldClass,
    Means,
    Operator,
    Regime,
    Shape,
)
from tests.build import (
    AGENCIES,
    DISCLOSURE,
    EMS,
    NOW,
    PD,
    PHD,
    RUN,
    SURVEILLANCE,
    a_caller,
    a_condition,
    a_floor,
    a_never,
    a_provision,
    a_request,
    a_table_provision,
    an_agency,
    an_aggregate,
    an_agreement,
    span,
    the_agreements,
)

if TYPE_CHECKING:
    from gateway.agreement.index import Agreements
    from gateway.values import Request

SECOND = dt.timedelta(seconds=1)


def answer(
    agreements: Agreements | None = None,
    request: Request | None = None,
    standing: Standing | None = None,
    now: dt.datetime = NOW,
) -> str:
    """Return `granted`, or step and reason."""
    decision = decide(
        agreements or the_agreements(), request or a_request(), standing or Standing(), now
    )
    if isinstance(decision, Grant):
        return "granted"
    return f"{decision.step} {decision.reason}"


def utc(*parts: int) -> dt.datetime:
    """Return an instant."""
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


# --- 1 identity ---


def test_only_the_recipient_is_answered() -> None:
    """A stranger, the provider too, learns nothing of the flow; the recipient is granted it."""
    assert "granted" == answer()
    assert "1 NO_PROVISION" == answer(request=a_request(caller=a_caller(EMS)))
    assert "1 NO_PROVISION" == answer(request=a_request(caller=a_caller(PD)))


def test_a_stranger_hears_the_same_of_a_flow_that_is_not_there() -> None:
    """The answer to a stranger does not depend on the agreements."""
    agreements = the_agreements()
    real = decide(agreements, a_request(caller=a_caller(PD)), Standing(), NOW)
    made_up = decide(
        agreements,
        a_request(caller=a_caller(PD), purpose="no.such", provider="nobody"),
        Standing(),
        NOW,
    )

    assert real == made_up


# --- 2 agreement ---


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (utc(2026, 1, 1, 4, 59, 59), "2 AGREEMENT_OUT_OF_TERM"),
        (utc(2026, 1, 1, 5, 0, 0), "granted"),
        (utc(2027, 1, 1, 4, 59, 59), "granted"),
        (utc(2027, 1, 1, 5, 0, 0), "2 AGREEMENT_OUT_OF_TERM"),
    ],
)
def test_the_term_is_whole_days_where_the_agreement_lives(now: dt.datetime, expected: str) -> None:
    """The first second of the first day to the last of the last, in New York."""
    agencies = [
        an_agency(one.id, one.kind, attested_for=span("P3Y"), attested_at=dt.date(2025, 1, 1))
        for one in AGENCIES
    ]

    assert expected == answer(the_agreements(agencies=agencies), now=now)


@pytest.mark.parametrize(
    ("signed", "expected"),
    [
        (Signed.DRAFT, "2 AGREEMENT_NOT_SIGNED"),
        (Signed.IN_REVIEW, "2 AGREEMENT_NOT_SIGNED"),
        (Signed.SUSPENDED, "2 AGREEMENT_NOT_ACTIVE"),
        (Signed.TERMINATED, "2 AGREEMENT_NOT_ACTIVE"),
        (Signed.SIGNED, "granted"),
    ],
)
def test_only_a_signed_agreement_grants(signed: Signed, expected: str) -> None:
    """Every other state refuses, and says which."""
    assert expected == answer(the_agreements(signed=signed))


@pytest.mark.parametrize("which", [EMS, PHD])
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (utc(2026, 6, 29, 23, 59, 59), "granted"),
        (utc(2026, 7, 1, 23, 59, 59), "granted"),
        (utc(2026, 7, 2, 0, 0, 0), "2 AGREEMENT_NOT_ACTIVE"),
    ],
)
def test_both_agencies_are_attested(which: str, now: dt.datetime, expected: str) -> None:
    """An attestation is good through the day on which it ends; both agencies need one."""
    agencies = [
        dataclasses.replace(one, attested_for=span("P6M")) if one.id == which else one
        for one in AGENCIES
    ]

    assert expected == answer(the_agreements(agencies=agencies), now=now)


def test_an_attestation_of_the_future_is_none() -> None:
    """A statement dated tomorrow attests nothing today."""
    agencies = [dataclasses.replace(one, attested_at=dt.date(2026, 7, 16)) for one in AGENCIES]

    assert "2 AGREEMENT_NOT_ACTIVE" == answer(the_agreements(agencies=agencies))
    assert "granted" == answer(the_agreements(agencies=agencies), now=utc(2026, 7, 16))


@pytest.mark.parametrize("method", ["expert", "safe_harbor"])
@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (utc(2026, 10, 1, 3, 59, 59), "granted"),
        (utc(2026, 10, 1, 4, 0, 0), "2 AGREEMENT_OUT_OF_TERM"),
    ],
)
def test_a_determination_is_good_through_its_last_day(
    method: str, now: dt.datetime, expected: str
) -> None:
    """What it covered stops with it, at midnight where the agreement lives, files or no files."""
    last = dt.date(2026, 9, 30)
    deid = Deidentified(method, "ED-1", "0" * 64, last, {"run_id": Pass(), "age": Pass()})
    basis = Basis("deidentified", method, ("synthetic",), deid)
    agreements = the_agreements(an_agreement(a_provision(basis=basis)))

    assert expected == answer(agreements, now=now)


def test_a_flow_of_none_is_refused_by_the_state_of_what_names_both() -> None:
    """Agencies whose only agreement is suspended hear so, whatever flow they ask for."""
    other = a_request(purpose="care.outreach")

    assert "2 AGREEMENT_NOT_ACTIVE" == answer(the_agreements(signed=Signed.SUSPENDED), other)
    assert "4 NO_PROVISION" == answer(the_agreements(), other)


def test_a_live_agreement_beside_a_dead_one_grants() -> None:
    """Of two agreements with one flow, one suspended, the other is in force."""
    second = an_agreement(id="synthetic-two")
    states = {"synthetic-mou": Signed.SUSPENDED}

    assert "granted" == answer(the_agreements(an_agreement(), second, signed=states))
    assert "4 TWO_PROVISIONS" == answer(the_agreements(an_agreement(), second))


# --- 3 never ---

FORBIDDEN: list[dict[str, Any]] = [
    {"purpose": {"public_health"}},
    {"purpose": {SURVEILLANCE}},
    {"from_kind": {AgencyKind.EMS}},
    {"to_kind": {AgencyKind.PUBLIC_HEALTH}},
    {"dataset": {RUN.name}},
    {"field": {f"{RUN.name}.age"}},
    {"field_class": {FieldClass.QUASI_IDENTIFIER}},
    {"means": {Means.AGE}},
    {"free_text": False},
    {"regime": {Regime.HIPAA}},
    {"shape": {Shape.RECORD}},
    {"shape": {Shape.RECORD}, "field": {f"{RUN.name}.age"}, "to_kind": {AgencyKind.PUBLIC_HEALTH}},
]
ELSEWHERE: list[dict[str, Any]] = [
    {"purpose": {"public_health.surv"}},
    {"purpose": {"public"}},
    {"purpose": {"care"}},
    {"from_kind": {AgencyKind.FIRE}},
    {"to_kind": {AgencyKind.LAW_ENFORCEMENT}},
    {"dataset": {"ems.synthetic"}},
    {"field": {f"{RUN.name}.county"}},
    {"field": {"ems.other.age"}},
    {"field_class": {FieldClass.SENSITIVE}},
    {"means": {Means.NAME}},
    {"free_text": True},
    {"regime": {Regime.PART2}},
    {"shape": {Shape.AGGREGATE}},
    {"shape": {Shape.RECORD}, "field": {f"{RUN.name}.age"}, "to_kind": {AgencyKind.HOSPITAL}},
]


@pytest.mark.parametrize(
    ("recipient", "signed", "told"),
    [(PD, Signed.SIGNED, True), (PD, Signed.DRAFT, False), ("synthetic-stranger", None, False)],
)
def test_a_prohibition_names_who_answers_what_is_compelled(
    recipient: str, signed: Signed | None, *, told: bool
) -> None:
    """A party with a subpoena is refused all the same, and told whom to ask; nobody else is."""
    agreements = the_agreements(
        floor=a_floor(a_never(to_kind={AgencyKind.LAW_ENFORCEMENT})),
        agencies=(*AGENCIES, an_agency("synthetic-stranger", AgencyKind.LAW_ENFORCEMENT)),
        signed=signed or Signed.SIGNED,
    )
    request = a_request(caller=a_caller(recipient), recipient=recipient)

    answer = decide(agreements, request, Standing(), NOW)

    assert isinstance(answer, Refusal)
    if signed is not Signed.DRAFT:
        assert Reason.PROHIBITED is answer.reason
    assert told == ("counsel@county.test" in answer.message)
    assert ("counsel@county.test" if told else "") == answer.compelled


@pytest.mark.parametrize("selectors", FORBIDDEN)
def test_a_prohibition_of_the_floor_beats_a_provision(selectors: dict[str, Any]) -> None:
    """Each selector, met, forbids the flow; the refusal cites the rule and its clause."""
    decision = decide(
        the_agreements(floor=a_floor(a_never(**selectors))), a_request(), Standing(), NOW
    )

    assert isinstance(decision, Refusal)
    assert (3, Reason.PROHIBITED, "floor", "N1-never", "7.1") == (
        decision.step,
        decision.reason,
        decision.agreement,
        decision.provision,
        decision.clause,
    )


@pytest.mark.parametrize("selectors", ELSEWHERE)
def test_a_prohibition_of_something_else_forbids_nothing_here(selectors: dict[str, Any]) -> None:
    """A selector that is not met, however near, leaves the flow granted."""
    assert "granted" == answer(the_agreements(floor=a_floor(a_never(**selectors))))


def test_a_prohibition_of_another_agreement_counts() -> None:
    """Also one between other parties, and one that is suspended; not one that is only a draft."""
    rule = a_never(means={Means.AGE})
    other = an_agreement(
        a_provision(id="P9", flow=Flow("ems", "pd", RUN, ("care.outreach",))),
        id="other",
        never=(rule,),
    )
    own = an_agreement()

    for state in (Signed.SIGNED, Signed.SUSPENDED):
        assert "3 PROHIBITED" == answer(the_agreements(own, other, signed={"other": state}))
    for state in (Signed.DRAFT, Signed.IN_REVIEW, Signed.TERMINATED):
        assert "granted" == answer(the_agreements(own, other, signed={"other": state}))


def test_only_fields_that_are_asked_for_meet_a_prohibition() -> None:
    """What is not asked for does not leave, so it forbids nothing; a filter asks."""
    agreements = the_agreements(floor=a_floor(a_never(means={Means.AGE})))
    narrowed = a_request("run_id", where=[a_condition("age", Operator.EQ, 37)])

    assert "granted" == answer(agreements, a_request("run_id"))
    assert "3 PROHIBITED" == answer(agreements, a_request("run_id", "age"))
    assert "3 PROHIBITED" == answer(agreements, narrowed)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (FieldCondition("age", Operator.GTE, (18,)), "3 PROHIBITED"),
        (FieldCondition("county", Operator.EQ, ("north",)), "granted"),
        (WithinCondition("incident_date", span("P30D")), "granted"),
    ],
)
def test_rows_are_not_chosen_by_what_is_forbidden(
    condition: FieldCondition | WithinCondition, expected: str
) -> None:
    """Each row that came would tell it, whatever was asked for of the row."""
    own = an_agreement(a_provision(when=(condition,)))
    agreements = the_agreements(own, floor=a_floor(a_never(means={Means.AGE})))

    assert expected == answer(agreements, a_request("run_id"))
    assert "granted" == answer(the_agreements(own), a_request("run_id"))


def test_a_mask_lowers_no_class() -> None:
    """A prohibited field is prohibited masked as well."""
    provision = a_provision({"home_zip": Zip3("zip3@2020"), "run_id": Pass()})
    agreements = the_agreements(an_agreement(provision), floor=a_floor(a_never(means={Means.ZIP})))

    assert "3 PROHIBITED" == answer(agreements, a_request("home_zip"))
    assert "granted" == answer(agreements, a_request("run_id"))


def test_a_flow_without_a_provision_is_judged_as_whole_records() -> None:
    """Police asking for runs hear of the prohibition, and not only that nothing covers it."""
    rule = a_never(
        to_kind={AgencyKind.LAW_ENFORCEMENT},
        field_class={FieldClass.DIRECT_IDENTIFIER},
        shape={Shape.RECORD},
    )
    agreements = the_agreements(floor=a_floor(rule))
    police = a_request("age", recipient=PD, caller=a_caller(PD))

    assert "3 PROHIBITED" == answer(agreements, police)
    assert "4 NO_PROVISION" == answer(the_agreements(), police)


def test_an_unknown_dataset_holds_every_class() -> None:
    """What nobody described is taken for the worst."""
    rule = a_never(to_kind={AgencyKind.PUBLIC_HEALTH}, means={Means.NAME})
    unknown = a_request("x", dataset=DatasetId("no.such", 1))

    assert "3 PROHIBITED" == answer(the_agreements(floor=a_floor(rule)), unknown)
    assert "4 NO_PROVISION" == answer(the_agreements(), unknown)


# --- 4 provision ---


def test_emptiness_refuses() -> None:
    """No field asked for is no request."""
    empty = a_request()
    empty = dataclasses.replace(empty, terms=dataclasses.replace(empty.terms, fields=()))

    assert "4 NO_FIELDS" == answer(request=empty)


@pytest.mark.parametrize(
    "purpose", ["public_health", "public_health.surveillance.x", "", "nothing"]
)
def test_a_purpose_is_a_leaf_that_the_tree_knows(purpose: str) -> None:
    """A branch, a name beyond a leaf and a word that nobody listed are unknown."""
    assert "4 UNKNOWN_PURPOSE" == answer(request=a_request(purpose=purpose))


@pytest.mark.parametrize(
    "changed",
    [
        {"purpose": "care.outreach"},
        {"dataset": DatasetId(RUN.name, 2)},
        {"provider": PD},
        {"provider": "nobody"},
    ],
)
def test_a_flow_is_covered_exactly_or_not_at_all(changed: dict[str, Any]) -> None:
    """Another leaf, another version, another provider: not this provision."""
    assert "4 NO_PROVISION" == answer(request=a_request(**changed))


def test_two_provisions_for_one_flow_refuse_even_alike() -> None:
    """An edit to either would else widen the flow without the other's signatures."""
    twins = an_agreement(a_provision(), a_provision(id="P2-runs", clause="4.2"))
    decision = decide(the_agreements(twins), a_request(), Standing(), NOW)

    assert isinstance(decision, Refusal)
    assert (4, Reason.TWO_PROVISIONS) == (decision.step, decision.reason)
    assert "2 provisions match: 4.1, 4.2" == decision.message


def test_a_push_is_not_pulled() -> None:
    """A provision that delivers by push answers no request."""
    push = a_provision()
    push = dataclasses.replace(push, delivery=dataclasses.replace(push.delivery, mode="push"))

    assert "4 METHOD_NOT_PERMITTED" == answer(the_agreements(an_agreement(push)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("run_id",), "granted"),
        (("age", "run_id"), "granted"),
        (("run_id", "county"), "4 FIELD_NOT_RELEASED"),
        (("run_id", "no_such_field"), "4 FIELD_NOT_RELEASED"),
        (("Run_id",), "4 FIELD_NOT_RELEASED"),
    ],
)
def test_every_field_is_released(fields: tuple[str, ...], expected: str) -> None:
    """A withheld field refuses the whole request: it is not left out in silence."""
    assert expected == answer(request=a_request(*fields))


def test_a_field_that_nobody_knows_is_not_repeated() -> None:
    """A caller's own words come back in no message."""
    decision = decide(the_agreements(), a_request("canary-9f2"), Standing(), NOW)

    assert isinstance(decision, Refusal)
    assert "canary" not in str(decision)


FILTERED = the_agreements(
    an_agreement(
        a_provision(
            {
                "run_id": Pass(),
                "age": Pass(),
                "naloxone_mg": Pass(),
                "fatal": Pass(),
                "incident_date": Pass(),
                "notified_at": Truncate(Unit.HOUR),
                "impressions": Pass(),
                "narrative": Pass(),
                "opt_out_at": Pass(),
            }
        )
    )
)
NOT_SO = "4 FILTER_NOT_PERMITTED"


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (("age", Operator.EQ, 37), "granted"),
        (("age", Operator.LT, 37), "granted"),
        (("age", Operator.IN, 37, 38), "granted"),
        (("age", Operator.EQ, "37"), NOT_SO),
        (("age", Operator.EQ, True), NOT_SO),
        (("age", Operator.EQ, 37.5), NOT_SO),
        (("age", Operator.EQ, None), NOT_SO),
        (("age", Operator.EQ, 37, 38), NOT_SO),
        (("age", Operator.LT, 37, 38), NOT_SO),
        (("age", Operator.EQ), NOT_SO),
        (("age", Operator.IN), NOT_SO),
        (("naloxone_mg", Operator.GTE, 0.5), "granted"),
        (("naloxone_mg", Operator.GTE, 2), "granted"),
        (("naloxone_mg", Operator.GTE, False), NOT_SO),
        (("fatal", Operator.EQ, True), "granted"),
        (("fatal", Operator.GT, False), NOT_SO),
        (("fatal", Operator.EQ, 1), NOT_SO),
        (("run_id", Operator.EQ, "R-1"), "granted"),
        (("run_id", Operator.GT, "R-1"), NOT_SO),
        (("incident_date", Operator.GTE, dt.date(2026, 5, 1)), "granted"),
        (("incident_date", Operator.GTE, utc(2026, 5, 1)), NOT_SO),
        (("opt_out_at", Operator.GTE, utc(2026, 5, 1)), "granted"),
        (("opt_out_at", Operator.GTE, dt.datetime(2026, 5, 1)), NOT_SO),  # noqa: DTZ001 - the case
        (("notified_at", Operator.GTE, utc(2026, 5, 1)), NOT_SO),
        (("county", Operator.EQ, "north"), NOT_SO),
        (("impressions", Operator.EQ, "[]"), NOT_SO),
        (("narrative", Operator.EQ, "x"), NOT_SO),
        (("no_such", Operator.EQ, "x"), NOT_SO),
    ],
)
def test_a_filter_is_by_what_passes_and_in_its_type(where: tuple[Any, ...], expected: str) -> None:
    """A masked field would be told by the rows that stay; a literal of another type is an error."""
    request = a_request("run_id", where=[a_condition(*where)])

    assert expected == answer(FILTERED, request)


# --- 5 conditions of the request ---


@pytest.mark.parametrize(
    ("literals", "expected"),
    [
        (["north"], "granted"),
        (["north", "south"], "granted"),
        (["Sample, Ada"], NOT_SO),
        (["north", "elsewhere"], NOT_SO),
    ],
)
def test_a_code_is_filtered_by_codes_alone(literals: list[str], expected: str) -> None:
    """A value outside the list leaves masked, so nobody may ask whether it is there."""
    agreements = the_agreements(an_agreement(a_provision({"run_id": Pass(), "county": Pass()})))
    where = a_condition("county", Operator.IN, *literals)

    assert expected == answer(agreements, a_request("run_id", where=[where]))


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ((), "5 ROLE_NOT_LISTED"),
        (("analyst",), "5 ROLE_NOT_LISTED"),
        (("epidemiologist",), "granted"),
        (("analyst", "epidemiologist"), "granted"),
        (("Epidemiologist",), "5 ROLE_NOT_LISTED"),
    ],
)
def test_a_role_is_held(roles: tuple[str, ...], expected: str) -> None:
    """The caller holds one of the roles of each role condition."""
    provision = a_provision(when=[RoleCondition(frozenset({"epidemiologist", "chief"}))])
    request = a_request(caller=a_caller(PHD, *roles))

    assert expected == answer(the_agreements(an_agreement(provision)), request)


def test_each_role_condition_is_met() -> None:
    """Two conditions ask for a role each."""
    when = [RoleCondition(frozenset({"a"})), RoleCondition(frozenset({"b"}))]
    agreements = the_agreements(an_agreement(a_provision(when=when)))

    assert "5 ROLE_NOT_LISTED" == answer(agreements, a_request(caller=a_caller(PHD, "a")))
    assert "granted" == answer(agreements, a_request(caller=a_caller(PHD, "a", "b")))


# --- 6 limits ---


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (Standing(requests_last_minute=5), "granted"),
        (Standing(requests_last_minute=6), "6 RATE_LIMIT"),
        (Standing(requests_last_minute=6, repeat=True), "granted"),
        (Standing(rows_today=499_999), "granted"),
        (Standing(rows_today=500_000), "6 ROW_LIMIT"),
        (Standing(rows_today=500_000, repeat=True), "granted"),
        (Standing(duties_overdue=("d-1",)), "6 DUTY_OVERDUE"),
        (Standing(duties_overdue=("d-1",), repeat=True), "6 DUTY_OVERDUE"),
    ],
)
def test_limits_at_their_edge(standing: Standing, expected: str) -> None:
    """The last request and the last row are granted, the next are not."""
    assert expected == answer(standing=standing)


def test_a_grant_says_how_many_rows_are_left() -> None:
    """What may still leave today is the limit without what left."""
    grant = decide(the_agreements(), a_request(), Standing(rows_today=499_999), NOW)

    assert isinstance(grant, Grant)
    assert 1 == grant.rows_left


TABLE = the_agreements(an_agreement(a_table_provision()))
TABLE_FIELDS = ("incident_date", "county", "patient_id")
JANUARY, MAY, JUNE, JULY = (dt.date(2026, month, 1) for month in (1, 5, 6, 7))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (utc(2026, 2, 16, 4, 59, 59), "6 PERIOD_OPEN"),
        (utc(2026, 2, 16, 5, 0, 0), "granted"),
    ],
)
def test_the_first_period_opens_after_its_lag(now: dt.datetime, expected: str) -> None:
    """January is over on 1 February and opens 15 days later, at midnight in New York."""
    assert expected == answer(TABLE, a_request(*TABLE_FIELDS), now=now)


def test_closed_periods_leave_once() -> None:
    """What left already is left out; when all has left, it is refused."""
    request = a_request(*TABLE_FIELDS)
    spent = Standing(periods_released=frozenset({JANUARY, MAY}))
    everything = frozenset(dt.date(2026, month, 1) for month in range(1, 7))

    grant = decide(TABLE, request, spent, utc(2026, 7, 16, 12))

    assert isinstance(grant, Grant)
    assert (2, 3, 4, 6) == tuple(one.month for one in grant.periods)
    assert "6 CELL_RELEASED" == answer(
        TABLE, request, Standing(periods_released=everything), utc(2026, 7, 16, 12)
    )


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (("incident_date", Operator.EQ, MAY), "granted"),
        (("incident_date", Operator.IN, JANUARY, MAY), "granted"),
        (("incident_date", Operator.EQ, JULY), "6 PERIOD_OPEN"),
        (("incident_date", Operator.IN, MAY, JULY), "6 PERIOD_OPEN"),
        (("incident_date", Operator.EQ, dt.date(2026, 5, 2)), "6 PERIOD_OPEN"),
        (("incident_date", Operator.EQ, dt.date(2025, 12, 1)), "6 PERIOD_OPEN"),
        (("incident_date", Operator.GTE, MAY), "4 FILTER_NOT_PERMITTED"),
        (("incident_date", Operator.NE, MAY), "4 FILTER_NOT_PERMITTED"),
        (("county", Operator.EQ, "north"), "4 FILTER_NOT_PERMITTED"),
        (("age", Operator.EQ, 37), "4 FILTER_NOT_PERMITTED"),
    ],
)
def test_a_table_is_cut_by_its_periods_only(where: tuple[Any, ...], expected: str) -> None:
    """Any other cut could be subtracted from a second one."""
    request = a_request(*TABLE_FIELDS, where=[a_condition(*where)])

    assert expected == answer(TABLE, request, now=utc(2026, 7, 16, 12))


def test_a_period_that_left_cannot_be_named_again() -> None:
    """Naming a released period refuses, naming another does not."""
    standing = Standing(periods_released=frozenset({MAY}))
    now = utc(2026, 7, 16, 12)

    def named(month: dt.date) -> str:
        where = [a_condition("incident_date", Operator.EQ, month)]
        return answer(TABLE, a_request(*TABLE_FIELDS, where=where), standing, now)

    assert "6 CELL_RELEASED" == named(MAY)
    assert "granted" == named(JUNE)


def test_two_cuts_of_one_table_are_refused() -> None:
    """Two conditions on the period are no period."""
    where = [a_condition("incident_date", Operator.EQ, MAY)] * 2

    assert "6 PERIOD_OPEN" == answer(TABLE, a_request(*TABLE_FIELDS, where=where))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("incident_date", "county", "patient_id"), "granted"),
        (("patient_id", "county", "incident_date"), "granted"),
        (("incident_date", "patient_id"), "4 FIELD_NOT_RELEASED"),
        (("county", "patient_id"), "4 FIELD_NOT_RELEASED"),
        (("incident_date", "county"), "4 NO_FIELDS"),
        (("incident_date", "county", "patient_id", "age"), "4 FIELD_NOT_RELEASED"),
    ],
)
def test_a_table_is_asked_for_whole(fields: tuple[str, ...], expected: str) -> None:
    """Without a dimension it would be a margin, which the clause does not publish."""
    assert expected == answer(TABLE, a_request(*fields))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("people", "`people` is a measure: ask for `patient_id`, the field that it is of"),
        ("share", "`share` is a measure: ask for `patient_id`, the field that it is of"),
        ("canary-9f2", "field `?` is not released"),
        (None, "no field is asked for that is counted: `patient_id`"),
    ],
)
def test_who_asks_for_a_measure_is_told_its_field(name: str | None, message: str) -> None:
    """A measure is the agreement's own word, and may be repeated; a caller's own is not."""
    share = MeasureRule("share", "percent", "", Percent("people", "county"))
    provision = a_table_provision()
    table = provision.aggregate
    assert table is not None
    table = dataclasses.replace(table, measures=(*table.measures, share))
    agreements = the_agreements(an_agreement(dataclasses.replace(provision, aggregate=table)))
    fields = ("incident_date", "county", *([name] if name else []))

    decision = decide(agreements, a_request(*fields), Standing(), NOW)

    assert isinstance(decision, Refusal)
    assert message == decision.message


def test_a_prohibition_of_records_spares_a_table() -> None:
    """Shape is the provision's: people may be counted where they may not be listed."""
    records = a_floor(a_never(shape={Shape.RECORD}, to_kind={AgencyKind.PUBLIC_HEALTH}))
    tables = a_floor(a_never(shape={Shape.AGGREGATE}, to_kind={AgencyKind.PUBLIC_HEALTH}))
    agreement = an_agreement(a_table_provision())

    assert "granted" == answer(the_agreements(agreement, floor=records), a_request(*TABLE_FIELDS))
    assert "3 PROHIBITED" == answer(
        the_agreements(agreement, floor=tables), a_request(*TABLE_FIELDS)
    )


def test_the_first_step_that_says_no_answers() -> None:
    """With everything wrong at once, the refusal is of the earliest step."""
    provision = a_provision(when=[RoleCondition(frozenset({"chief"}))])
    agreement = an_agreement(provision, never=(a_never(means={Means.AGE}),))
    standing = Standing(requests_last_minute=99)
    agreements = the_agreements(agreement)

    assert "3 PROHIBITED" == answer(agreements, a_request("age"), standing)
    assert "4 FIELD_NOT_RELEASED" == answer(agreements, a_request("county"), standing)
    assert "5 ROLE_NOT_LISTED" == answer(agreements, a_request("run_id"), standing)
    with_role = a_request("run_id", caller=a_caller(PHD, "chief"))
    assert "6 RATE_LIMIT" == answer(agreements, with_role, standing)


# --- spans ---


def test_before_the_anchor_there_is_no_period() -> None:
    """A grid begins at its anchor."""
    assert () == closed_periods(JANUARY, span("P1M"), span("P15D"), dt.date(2025, 6, 1))


def test_a_provision_with_two_measures_asks_for_one_at_least() -> None:
    """Either measure alone is a table."""
    measures = (
        MeasureRule("people", "count_distinct", "patient_id"),
        MeasureRule("mg", "sum", "naloxone_mg"),
    )
    aggregate = dataclasses.replace(an_aggregate(measures=measures), disclosure=DISCLOSURE)
    agreements = the_agreements(an_agreement(a_table_provision(aggregate)))

    assert "granted" == answer(agreements, a_request("incident_date", "county", "naloxone_mg"))
    assert "granted" == answer(agreements, a_request(*TABLE_FIELDS))
    assert "4 NO_FIELDS" == answer(agreements, a_request("incident_date", "county"))
