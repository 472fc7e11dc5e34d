"""What travels with a release and what is owed for it; emergencies are provisions like others."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from gateway.agreement.compiling import compile_agreements
from gateway.agreement.model import Limits
from gateway.decide import Standing
from gateway.errors import Reason, RefusedError
from gateway.ports import Owed
from gateway.values import AgencyKind
from tests.build import (
    DUTIES,
    NOW,
    SURVEILLANCE,
    a_floor,
    a_never,
    a_provision,
    a_request,
    an_agreement,
    span,
    the_agreements,
)
from tests.core.house import House, records
from tests.fakes import MemoryCounters, Outbox

if TYPE_CHECKING:
    from gateway.agreement.index import Agreements

NOTICE = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."


def owing(**duties: Any) -> Agreements:  # noqa: ANN401 - any duty
    """Return agreements whose one provision has other duties."""
    return the_agreements(an_agreement(a_provision(duties=dataclasses.replace(DUTIES, **duties))))


def told(box: Outbox) -> dict[str, str]:
    """Return the duties that a recipient was told of, before the first record."""
    header = box.sent[0].header
    assert header is not None
    return {one.kind: one.text for one in header.duties}


# --- notices ---


def test_the_words_of_a_notice_travel_with_the_release() -> None:
    """Its id, which the log has too, and its text: 42 CFR 2.32."""
    bare = owing(notice="part2@1")
    agreements = compile_agreements(
        generation=2,
        floor=bare.floor,
        registry=bare.registry,
        purposes=bare.purposes,
        datasets=bare.datasets,
        codes=bare.codes,
        pacts=bare.pacts,
        notices={"part2@1": NOTICE, "other@1": "other words"},
    )
    house = House(agreements=agreements, rows=records(3))

    box = house.ask(a_request())

    assert f"part2@1\n{NOTICE}" == told(box)["notice"]
    [intent] = house.log.of_kind("intent")
    assert ["part2@1"] == intent.meta["notices"]


def test_without_a_notice_none_is_told() -> None:
    """A provision that has none says so by its absence."""
    box = House(agreements=owing(notice=None), rows=records(3)).ask(a_request())

    assert "notice" not in told(box)


# --- what is owed ---


@pytest.mark.parametrize(
    ("review", "attest", "expected"),
    [
        (None, None, ()),
        ("P7D", None, (Owed("review", NOW + dt.timedelta(days=7)),)),
        (None, "P7D", (Owed("attest_deletion", NOW + dt.timedelta(days=97)),)),
    ],
)
def test_what_must_be_attested_is_owed_with_the_first_release(
    review: str | None, attest: str | None, expected: tuple[Owed, ...]
) -> None:
    """Once for an exchange, however many chunks it has; told to the recipient by its day."""
    agreements = owing(
        review=span(review) if review else None,
        attest_deletion=span(attest) if attest else None,
        delete_after=span("P90D"),
    )
    house = House(agreements=agreements, rows=records(60))
    house.source.batch_rows = 25

    box = house.ask(a_request())

    assert [expected, (), ()] == [keep.owes for keep in house.log.kept]
    assert bool(review) == ("review" in told(box))


def test_an_exchange_without_records_owes_nothing() -> None:
    """There is nothing to delete, and nothing to review."""
    house = House(agreements=owing(review=span("P7D")))

    house.ask(a_request())

    assert [()] == [keep.owes for keep in house.log.kept]


@pytest.mark.parametrize("late", [("review",), ()])
def test_a_late_duty_refuses_the_next_request(late: tuple[str, ...]) -> None:
    """Until a person has reviewed the last emergency there is no other, by this agreement."""
    counters = MemoryCounters(Standing(duties_overdue=late))
    house, box = House(agreements=owing(), rows=records(3), counters=counters), Outbox()

    if not late:
        assert 3 == len(house.ask(a_request(), box).rows())
        return
    with pytest.raises(RefusedError) as refused:
        house.ask(a_request(), box)

    assert (Reason.DUTY_OVERDUE, 6) == (refused.value.reason, refused.value.step)
    assert [] == box.sent


# --- emergencies ---


def test_an_emergency_beats_no_prohibition() -> None:
    """A purpose of its own, small limits and a review: and the floor refuses it all the same."""
    emergency = a_provision(
        limits=Limits(requests_per_minute=1, rows_per_request=1, rows_per_day=5),
        duties=dataclasses.replace(DUTIES, review=span("P1D")),
    )
    floor = a_floor(a_never(to_kind={AgencyKind.PUBLIC_HEALTH}, purpose={SURVEILLANCE}))
    house = House(agreements=the_agreements(an_agreement(emergency), floor=floor), rows=records(1))

    with pytest.raises(RefusedError) as refused:
        house.ask(a_request())

    assert Reason.PROHIBITED is refused.value.reason
    assert [] == house.log.of_kind("intent")


@pytest.mark.parametrize(("count", "served"), [(1, True), (2, False)])
def test_an_emergency_is_of_the_few_that_it_says(count: int, *, served: bool) -> None:
    """One person's record, and never two: more is refused, not cut."""
    limits = Limits(requests_per_minute=1, rows_per_request=1, rows_per_day=5)
    duties = dataclasses.replace(DUTIES, review=span("P1D"))
    agreements = the_agreements(an_agreement(a_provision(limits=limits, duties=duties)))
    house, box = House(agreements=agreements), Outbox()
    house.source.rows += records(count)

    if served:
        assert 1 == len(house.ask(a_request(), box).rows())
    else:
        with pytest.raises(Exception, match="limit"):
            house.ask(a_request(), box)
        assert [] == box.sent


@pytest.mark.parametrize(("day", "granted"), [(31, True), (32, False)])
def test_an_emergency_is_boxed_in_time(day: int, *, granted: bool) -> None:
    """Its agreement has a term like every other: the last second of it, and the next."""
    term = dataclasses.replace(
        an_agreement().term, effective=dt.date(2026, 7, 1), expires=dt.date(2026, 7, 31)
    )
    house = House(agreements=the_agreements(an_agreement(term=term)), rows=records(1))
    midnight = dt.datetime(2026, 7, 1, 4, tzinfo=dt.UTC) + dt.timedelta(days=day)
    house.clock.moment = midnight - dt.timedelta(seconds=1)

    if granted:
        assert 1 == len(house.ask(a_request()).rows())
    else:
        with pytest.raises(RefusedError) as refused:
            house.ask(a_request())
        assert Reason.AGREEMENT_OUT_OF_TERM is refused.value.reason
