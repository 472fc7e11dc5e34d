"""StandingService: officers record words of their agency's own people, and attest its duties."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import pytest

from gateway.broker.subjects import Person
from gateway.errors import RequestError
from gateway.rpc.server import RULES, STANDING
from gateway.rpc.standing import OFFICERS, StandingServicer
from gateway.v1 import audit_pb2, standing_pb2
from gateway.values import Caller
from gateway.wire.call import Call
from gateway.wire.standing import Owing
from tests.rpc.twins import MemoryStandings

EMS = "synthetic-ems"
PARTS = ("SYNTHETIC", "PERSON", "1990-01-31")
EXCHANGE = "01a1faf2-07b8-7000-8000-000000000001"


def a_call() -> Call:
    """Return a call of an officer."""
    call = Call.__new__(Call)
    call.caller = Caller(EMS, bytes(32), "synthetic-person-7", frozenset({"privacy_officer"}))
    return call


def a_word(**changed: Any) -> standing_pb2.RecordConsentRequest:  # noqa: ANN401 - any field
    """Return a withdrawal."""
    subjects = [audit_pb2.Subject(system=f"{EMS}/name-birth", parts=PARTS)]
    said = {"subjects": subjects, "purpose": "care.outreach", "document": "form-1"} | changed
    return standing_pb2.RecordConsentRequest(**said)


@pytest.mark.parametrize("granted", [True, False])
def test_a_word_is_recorded_as_it_was_said(*, granted: bool) -> None:
    """Identifiers, purpose, form and agency reach the register; a withdrawal is not a grant."""
    kept = MemoryStandings()

    asyncio.run(StandingServicer(kept).RecordConsent(a_word(granted=granted), a_call()))

    person = Person(f"{EMS}/name-birth", PARTS)
    assert [((person,), ("care.outreach", granted), "form-1", EMS)] == kept.heard


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"subjects": []}, "subjects"),
        (
            {"subjects": [audit_pb2.Subject(system="synthetic-pd/name-birth", parts=PARTS)]},
            "subjects[0].system",
        ),
        ({"purpose": ""}, "purpose"),
        ({"purpose": "care.*"}, "purpose"),
        ({"purpose": "a" * 201}, "purpose"),
        ({"document": ""}, "document"),
        ({"document": "x" * 201}, "document"),
        ({"document": "a\nb"}, "document"),
    ],
)
def test_a_word_that_is_not_of_its_form_is_not_recorded(changed: dict[str, Any], path: str) -> None:
    """Another agency's people above all; nothing of a person is in the error."""
    kept = MemoryStandings()

    with pytest.raises(RequestError) as told:
        asyncio.run(StandingServicer(kept).RecordConsent(a_word(**changed), a_call()))

    assert path in [one for one, _ in told.value.violations]
    assert not any(part in str(told.value.violations) for part in PARTS)
    assert [] == kept.heard


def test_words_and_duties_are_listed() -> None:
    """As they are kept, in their order."""
    kept, service = MemoryStandings(), StandingServicer(MemoryStandings())
    service = StandingServicer(kept)
    kept.owed.append(
        Owing(EXCHANGE, "review", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "mou@1.0.0", "P1-x")
    )
    asyncio.run(service.RecordConsent(a_word(granted=True), a_call()))

    asked = standing_pb2.ListConsentsRequest(subjects=a_word().subjects)
    words = asyncio.run(service.ListConsents(asked, a_call())).words
    duties = asyncio.run(service.ListDuties(standing_pb2.ListDutiesRequest(), a_call())).duties

    assert [(0, "care.outreach", True)] == [(w.index, w.purpose, w.granted) for w in words]
    assert [(EXCHANGE, "review", "mou@1.0.0")] == [
        (one.exchange_id, one.duty, one.agreement) for one in duties
    ]


@pytest.mark.parametrize(
    ("exchange", "duty", "good"),
    [
        (EXCHANGE, "review", True),
        (EXCHANGE, "Review it", False),
        (EXCHANGE[:-1], "review", False),
        ("", "review", False),
    ],
)
def test_a_duty_is_attested_by_its_exchange(exchange: str, duty: str, *, good: bool) -> None:
    """What is no id, and what is no name of a duty, is refused before anything is looked up."""
    kept = MemoryStandings()
    asked = standing_pb2.AttestDutyRequest(exchange_id=exchange, duty=duty)

    if good:
        asyncio.run(StandingServicer(kept).AttestDuty(asked, a_call()))
    else:
        with pytest.raises(RequestError):
            asyncio.run(StandingServicer(kept).AttestDuty(asked, a_call()))

    assert good == bool(kept.heard)


def test_only_officers_change_what_stands() -> None:
    """A word and an attestation need a role that an agency gives; a list of duties needs none."""
    rules = {
        name.rpartition("/")[2]: rule.roles for name, rule in RULES.items() if STANDING in name
    }

    assert {
        "RecordConsent": OFFICERS,
        "ListConsents": OFFICERS,
        "AttestDuty": OFFICERS,
        "ListDuties": frozenset(),
    } == rules
