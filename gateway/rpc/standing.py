"""StandingService: consents of an agency's own people, and duties that it owes.

An officer records words of people of its own agency alone, and attests what its own agency owes.
An identifier becomes tokens at once, and stands in no error, log line or entry.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

from gateway.rpc.disclosures import to_people
from gateway.v1 import standing_pb2, standing_pb2_grpc
from gateway.wire.convert.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.broker.subjects import Person
    from gateway.values import Caller
    from gateway.wire.call import Call
    from gateway.wire.standing import Owing, Said

OFFICERS: Final = frozenset({"privacy_officer", "records_officer"})
"""Roles that record words and attest; an agency's own tokens say who has them."""
_PURPOSE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_DUTY = re.compile(r"[a-z][a-z_]{0,39}")
_EXCHANGE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DOCUMENT_CHARACTERS: Final = 200
_PURPOSE_CHARACTERS: Final = 200


class Standings(Protocol):
    """Where words and duties are kept; each change is durable in the log before it returns."""

    async def record(
        self, people: tuple[Person, ...], word: tuple[str, bool], document: str, caller: Caller
    ) -> int:
        """Record that somebody consents to a purpose, or withdraws; return the entry's place.

        Raises:
            RequestError: Nobody could be found by an identifier, or there is no such purpose.
        """

    async def words(self, people: tuple[Person, ...], caller: Caller) -> Sequence[Said]:
        """Return what somebody said; an `access` entry is durable before this returns.

        Raises:
            RequestError: Nobody could be found by an identifier.
        """

    async def duties(self, caller: Caller) -> Sequence[Owing]:
        """Return what the caller's agency owes, the most pressing first."""

    async def attest(self, exchange_id: str, duty: str, caller: Caller) -> int:
        """Record that the caller's agency has done a duty; return the entry's place.

        Raises:
            NotFoundError: It owes no such duty.
        """


class StandingServicer(standing_pb2_grpc.StandingServiceServicer):
    """Consents and duties."""

    def __init__(self, standings: Standings) -> None:
        self._standings = standings

    async def RecordConsent(  # noqa: N802
        self, request: standing_pb2.RecordConsentRequest, call: Call
    ) -> standing_pb2.RecordConsentResponse:
        """Record a word."""
        faults = Faults()
        people = to_people(request.subjects, call.caller, faults)
        if len(request.purpose) > _PURPOSE_CHARACTERS or not _PURPOSE.fullmatch(request.purpose):
            faults.add("purpose", "is not a purpose or a branch of them")
        document = request.document
        if not 0 < len(document) <= _DOCUMENT_CHARACTERS or not document.isprintable():
            faults.add("document", "is not 1 to 200 printable characters")
        faults.settle()
        word = (request.purpose, request.granted)
        index = await self._standings.record(people, word, document, call.caller)
        return standing_pb2.RecordConsentResponse(index=index)

    async def ListConsents(  # noqa: N802
        self, request: standing_pb2.ListConsentsRequest, call: Call
    ) -> standing_pb2.ListConsentsResponse:
        """Return somebody's words."""
        faults = Faults()
        people = to_people(request.subjects, call.caller, faults)
        faults.settle()
        words = await self._standings.words(people, call.caller)
        return standing_pb2.ListConsentsResponse(
            words=[
                standing_pb2.ConsentWord(index=one.place, purpose=one.purpose, granted=one.granted)
                for one in words
            ]
        )

    async def ListDuties(  # noqa: N802
        self, request: standing_pb2.ListDutiesRequest, call: Call
    ) -> standing_pb2.ListDutiesResponse:
        """Return what the caller's agency owes."""
        del request
        owed = await self._standings.duties(call.caller)
        return standing_pb2.ListDutiesResponse(
            duties=[standing_pb2.OwedDuty(**one._asdict()) for one in owed]
        )

    async def AttestDuty(  # noqa: N802
        self, request: standing_pb2.AttestDutyRequest, call: Call
    ) -> standing_pb2.AttestDutyResponse:
        """Record that a duty was done."""
        faults = Faults()
        faults.match(request.exchange_id, _EXCHANGE, "exchange_id", "is not an exchange's id")
        faults.match(request.duty, _DUTY, "duty", "is not the name of a duty")
        faults.settle()
        index = await self._standings.attest(request.exchange_id, request.duty, call.caller)
        return standing_pb2.AttestDutyResponse(index=index)
