# ruff: noqa: ANN401, D102, D103 - twins and helpers of tests
"""AgreementService: parties see their own, auditors all, and others one answer."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
)
from gateway.agreement.index import Signed
from gateway.errors import NotFoundError, Reason, RequestError
from gateway.rpc.agreement import AgreementServicer
from gateway.v1 import agreement_pb2
from gateway.values import Operator
from gateway.wire.call import Call
from tests.build import NOW, PD, PHD, a_caller, a_provision, an_agreement, span, the_agreements

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from gateway.agreement.index import Agreements, Pact
    from gateway.values import Caller

WHEN = (
    RoleCondition(frozenset({"epidemiologist", "analyst"})),
    ConsentCondition("care"),
    OptOutCondition("research"),
    FieldCondition("county", Operator.IN, ("north", "south")),
    WithinCondition("incident_date", span("P30D")),
)


@dataclass
class Book:
    """Agreements in force, with files that name them."""

    agreements: Agreements

    def current(self) -> Agreements:
        return self.agreements

    def files(self, pact: Pact) -> tuple[bytes, bytes]:
        return pact.agreement.ref.encode(), b"signatures"


def two_parties(number: int) -> Any:
    """Return an agreement of EMS and public health alone."""
    made = an_agreement(a_provision(when=WHEN))
    parties = {alias: party for alias, party in made.parties.items() if party.agency != PD}
    return replace(made, id=f"mou-{number:03}", parties=parties)


def a_service(
    *agreements: Any, now: dt.datetime = NOW, signed: Signed = Signed.SIGNED
) -> AgreementServicer:
    several = agreements or (two_parties(1), an_agreement())
    return AgreementServicer(Book(the_agreements(*several, signed=signed)), lambda: now)


def asked(caller: Caller) -> Call:
    return Call("/t", 0.0, caller=caller)


def run(answer: Awaitable[Any]) -> Any:
    async def main() -> Any:
        return await answer

    return asyncio.run(main())


def listed(service: AgreementServicer, caller: Caller, size: int = 0, token: str = "") -> Any:
    request = agreement_pb2.ListAgreementsRequest(page_size=size, page_token=token)
    return run(service.ListAgreements(request, asked(caller)))


def test_parties_see_their_own_and_auditors_all() -> None:
    """An agreement is listed to its parties and to the auditor's role; strangers see none."""
    service = a_service()

    def ids(caller: Caller) -> list[str]:
        return [one.id for one in listed(service, caller).agreements]

    assert ["mou-001", "synthetic-mou"] == ids(a_caller(PHD))
    assert ["synthetic-mou"] == ids(a_caller(PD))
    assert ["mou-001", "synthetic-mou"] == ids(a_caller(PD, "auditor"))
    assert [] == ids(a_caller("stranger"))


def test_what_is_not_yours_does_not_exist() -> None:
    """An agreement of others, one that is not, and another version are one NOT_FOUND."""
    service = a_service()
    told = set()
    for caller, wanted, version in (
        (a_caller(PD), "mou-001", ""),
        (a_caller(PD), "no-such", ""),
        (a_caller(PHD), "mou-001", "9.9.9"),
    ):
        request = agreement_pb2.GetAgreementRequest(id=wanted, version=version)
        with pytest.raises(NotFoundError) as caught:
            run(service.GetAgreement(request, asked(caller)))
        told.add((caught.value.reason, caught.value.message))
    with pytest.raises(NotFoundError):
        run(
            service.ListRevisions(
                agreement_pb2.ListRevisionsRequest(id="mou-001"), asked(a_caller(PD))
            )
        )

    assert 1 == len(told)


def test_an_agreement_is_shown_whole() -> None:
    """Brief, provisions in words, and the bytes of both files."""
    request = agreement_pb2.GetAgreementRequest(id="mou-001", version="1.0.0")

    found = run(a_service().GetAgreement(request, asked(a_caller(PHD))))

    assert (b"mou-001@1.0.0", b"signatures") == (found.source, found.signatures)
    brief = found.agreement
    assert ("active", ["synthetic-ems", "synthetic-phd"]) == (brief.status, list(brief.parties))
    assert list(brief.parties) == list(brief.signed_by)
    assert dt.datetime(2026, 1, 1, 5, tzinfo=dt.UTC) == brief.effective.ToDatetime(dt.UTC)
    (provision,) = found.provisions
    assert ("synthetic-ems", "synthetic-phd") == (provision.provider, provision.recipient)
    assert {"run_id", "age"} == {column.name for column in provision.released}
    assert [
        "the caller is analyst or epidemiologist",
        "the person consents to care",
        "the person has not opted out of research",
        "county in north, south",
        "incident_date is within P30D",
    ] == list(provision.conditions)
    assert "P90D" == next(duty.text for duty in provision.duties if duty.kind == "delete_after")


@pytest.mark.parametrize(
    ("signed", "now", "status", "signers"),
    [
        (Signed.SIGNED, NOW, "active", 2),
        (Signed.SIGNED, dt.datetime(2026, 1, 1, 4, 59, 59, tzinfo=dt.UTC), "out_of_term", 2),
        (Signed.SIGNED, dt.datetime(2027, 1, 1, 5, tzinfo=dt.UTC), "out_of_term", 2),
        (Signed.IN_REVIEW, NOW, "in_review", 0),
        (Signed.DRAFT, NOW, "draft", 0),
        (Signed.SUSPENDED, NOW, "suspended", 2),
    ],
)
def test_the_state_is_that_of_now(
    signed: Signed, now: dt.datetime, status: str, signers: int
) -> None:
    """Signatures and the instant make the state; what not all signed names no signer."""
    service = a_service(two_parties(1), now=now, signed=signed)

    (brief,) = listed(service, a_caller(PHD)).agreements

    assert (status, signers) == (brief.status, len(brief.signed_by))


def test_pages_hold_every_agreement_once() -> None:
    """Pages of two bring five agreements in order; a token of what is gone begins anew."""
    service = a_service(*(two_parties(number) for number in range(5)))
    seen, token, pages = [], "", 0
    while pages == 0 or token:
        page = listed(service, a_caller(PHD), 2, token)
        seen += [one.id for one in page.agreements]
        token, pages = page.next_page_token, pages + 1

    assert (["mou-000", "mou-001", "mou-002", "mou-003", "mou-004"], 3) == (seen, pages)
    assert [] == list(listed(service, a_caller("stranger"), 2, token).agreements)
    with pytest.raises(RequestError) as caught:
        listed(service, a_caller(PHD), -1)
    assert Reason.INVALID_REQUEST == caught.value.reason


def test_revisions_are_newest_first() -> None:
    """Version 1.10.0 is newer than 1.9.0, and without a version the newest is shown."""
    older, newer = (replace(two_parties(1), version=version) for version in ("1.9.0", "1.10.0"))
    service = a_service(older, newer)
    request = agreement_pb2.ListRevisionsRequest(id="mou-001")

    found = run(service.ListRevisions(request, asked(a_caller(PHD))))
    shown = run(
        service.GetAgreement(agreement_pb2.GetAgreementRequest(id="mou-001"), asked(a_caller(PHD)))
    )

    assert ["1.10.0", "1.9.0"] == [one.version for one in found.revisions]
    assert "1.10.0" == shown.agreement.version
