"""ListDisclosures: an agency asks about its own people, and about nobody else's."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.accounting import Audience, Disclosure
from gateway.audit.entry import parse_leaf
from gateway.audit.event import Event
from gateway.broker.subjects import Person
from gateway.errors import IdentityError, LogError, Reason, RefusedError, RequestError
from gateway.remote.disclosures import proved, request_of
from gateway.rpc.audit import AuditServicer
from gateway.rpc.disclosures import MOST_SUBJECTS, ROLES, Listed, from_listed, to_asked
from gateway.rpc.server import AUDIT, RULES
from gateway.v1 import audit_pb2
from gateway.values import Caller
from gateway.wire.call import Call
from gateway.wire.chain import gate
from gateway.wire.convert.page import from_after
from tests.audit.build import SIGNER, Log, exchange_id, facts
from tests.rpc.test_auth import Desk
from tests.rpc.tls import Authority
from tests.rpc.twins import MemoryLog

if TYPE_CHECKING:
    from pathlib import Path

METHOD = f"/{AUDIT}/ListDisclosures"
EMS = "synthetic-ems"
SYSTEM = f"{EMS}/name-birth"
PARTS = ("SYNTHETIC", "PERSON", "1990-01-31")


def caller(role: str = "records_officer") -> Caller:
    """Return an officer of the agency."""
    return Caller(EMS, bytes(32), "synthetic-person-7", frozenset({role}))


def request(**changed: Any) -> audit_pb2.ListDisclosuresRequest:  # noqa: ANN401 - any field
    """Return a request about one person."""
    subjects = [audit_pb2.Subject(system=SYSTEM, parts=PARTS)]
    return audit_pb2.ListDisclosuresRequest(**({"subjects": subjects} | changed))


def wrong(message: audit_pb2.ListDisclosuresRequest) -> list[str]:
    """Return the paths of what is wrong with a request; what it says of a person is in none."""
    with pytest.raises(RequestError) as refused:
        to_asked(message, caller())
    assert not any(part in str(refused.value.violations) for part in PARTS)
    return [path for path, _ in refused.value.violations]


@pytest.mark.parametrize(
    ("message", "paths"),
    [
        (request(subjects=[]), ["subjects"]),
        (
            request(subjects=[audit_pb2.Subject(system="synthetic-pd/name-birth", parts=PARTS)]),
            ["subjects[0].system"],
        ),
        (
            request(subjects=[audit_pb2.Subject(system=f"{EMS}-2/name-birth", parts=PARTS)]),
            ["subjects[0].system"],
        ),
        (request(subjects=[audit_pb2.Subject(system=SYSTEM)]), ["subjects[0].parts"]),
        (
            request(subjects=[audit_pb2.Subject(system=SYSTEM, parts=["x" * 257])]),
            ["subjects[0].parts"],
        ),
        (request(page_size=-1), ["page_size"]),
        (request(page_token="\u00e4"), ["page_token"]),  # noqa: S106 - no secret
        (request(page_token=from_after("next")), ["page_token"]),
        (
            request(since=dt.datetime(2026, 2, 1), until=dt.datetime(2026, 1, 1)),  # noqa: DTZ001
            ["since"],
        ),
        (request(since={"seconds": -1}), ["since"]),
    ],
)
def test_what_is_wrong_is_named_and_nobody_is(
    message: audit_pb2.ListDisclosuresRequest, paths: list[str]
) -> None:
    """Each rule broken alone: the answer has the path, and nothing of the person."""
    assert paths == wrong(message)


def test_twenty_identifiers_are_taken_and_no_more() -> None:
    """At the limit it is a request, one beyond it is refused."""
    one = audit_pb2.Subject(system=SYSTEM, parts=PARTS)

    assert MOST_SUBJECTS == len(to_asked(request(subjects=[one] * 20), caller()).people)
    assert ["subjects"] == wrong(request(subjects=[one] * 21))


@pytest.mark.parametrize(
    ("role", "audience"), [("records_officer", Audience.PATIENT), ("auditor", Audience.AUDITOR)]
)
def test_the_role_says_for_whom_it_is(role: str, audience: Audience) -> None:
    """A records officer gets what the person may see; an auditor what is withheld too."""
    asked = to_asked(request(), caller(role))

    assert (audience, (Person(SYSTEM, PARTS),)) == (asked.audience, asked.people)


def test_an_auditor_too_asks_about_the_agency_s_own_people_alone() -> None:
    """What roles a token has its own agency says: none opens another's people."""
    other = audit_pb2.Subject(system="synthetic-pd/name-birth", parts=PARTS)

    with pytest.raises(RequestError):
        to_asked(request(subjects=[other]), caller("auditor"))


def test_days_are_both_included() -> None:
    """Whatever the hour, an instant stands for its UTC day."""
    since = dt.datetime(2026, 1, 1, 23, 59, tzinfo=dt.UTC)
    until = dt.datetime(2026, 1, 2, 0, 0, tzinfo=dt.UTC)

    asked = to_asked(request(since=since, until=until), caller())

    assert (dt.date(2026, 1, 1), dt.date(2026, 1, 2)) == (asked.first, asked.last)


def test_without_a_role_nobody_asks(tmp_path: Path) -> None:
    """A token is demanded, and one with another role is refused."""
    rule = RULES[METHOD]
    desk = Desk(Authority(tmp_path))
    with pytest.raises(IdentityError):
        desk.call(rule=rule)
    for role in ("epidemiologist", *sorted(ROLES)):
        call = desk.call(desk.token(roles=[role]), rule=rule)
        if role in ROLES:
            gate(call, rule)
        else:
            with pytest.raises(RefusedError):
                gate(call, rule)


def test_what_is_asked_for_reaches_the_log_and_what_is_withheld_the_officer() -> None:
    """The servicer hands on one question, and the count of what a suspension keeps back."""
    log = MemoryLog()
    call = Call(METHOD, 0.0, caller=caller())

    response = asyncio.run(AuditServicer(log).ListDisclosures(request(page_size=5), call))

    assert [((Person(SYSTEM, PARTS),), 5, -1)] == [
        (one.people, one.most, one.after) for one in log.asked
    ]
    assert (2, "") == (response.withheld, response.next_page_token)


def test_a_token_is_good_for_one_list() -> None:
    """Whoever caught one on the way is told nothing by it; another page takes another token."""
    log = MemoryLog()
    servicer = AuditServicer(log)
    first, second = (Call(METHOD, 0.0, caller=caller(), token=(name, 9)) for name in (b"a", b"b"))

    asyncio.run(servicer.ListDisclosures(request(), first))
    with pytest.raises(IdentityError) as again:
        asyncio.run(servicer.ListDisclosures(request(), first))
    asyncio.run(servicer.ListDisclosures(request(), second))

    assert Reason.TOKEN_INVALID == again.value.reason
    assert 2 == len(log.asked)
    assert {b"a": 9, b"b": 9} == log.used


def a_line(log: Log, number: int) -> tuple[Disclosure, str, bytes]:
    """Return a line of a log, with its proof."""
    x = exchange_id(number)
    log.intent(x)
    index = log.release(x)
    log.outcome(x)
    leaf = log.leaves[index]
    event = Event(index, parse_leaf(leaf), {}, facts(basis_ref="Stat. 1"))
    day = dt.date.fromisoformat(event.leaf.time[:10])
    return Disclosure(event, False, None, 1, day), log.receipt(x, index).proof, leaf  # noqa: FBT003


def test_a_line_arrives_as_it_was_made_and_proved() -> None:
    """From the gateway to the officer nothing of it changes; a page says where the next begins."""
    log = Log.begun()
    lines = (a_line(log, 1), a_line(log, 2))
    response = from_listed(Listed(lines, more=True, withheld=0))

    found = proved(response.disclosures, [SIGNER.verifier])

    assert [one.event.index for one, _, _ in lines] == [one.index for one in found]
    assert ("county-health", "statute", "Stat. 1") == (
        found[0].recipient,
        found[0].basis,
        found[0].basis_ref,
    )
    assert ("age: band(5)", "sex: pass") == found[0].fields
    after = request_of((), found[0].date, found[0].date, response.next_page_token)
    assert lines[1][0].event.index == to_asked(request(page_token=after.page_token), caller()).after


@pytest.mark.parametrize("part", ["index", "exchange_id", "agreement", "leaf", "proof", "time"])
def test_a_line_that_is_not_of_its_entry_is_refused(part: str) -> None:
    """Another place, exchange, agreement, day, leaf or proof: the officer's client says no."""
    log = Log.begun()
    response = from_listed(Listed((a_line(log, 1),), more=False, withheld=0))
    other = from_listed(Listed((a_line(log, 2),), more=False, withheld=0)).disclosures[0]
    (line,) = response.disclosures
    if part == "time":
        line.time.FromSeconds(line.time.seconds - 86_400)
    elif part == "agreement":
        line.agreement = "ems-to-health@4"
    else:
        setattr(line, part, getattr(other, part))

    with pytest.raises(LogError):
        proved(response.disclosures, [SIGNER.verifier])
