"""Consents and duties over the wire, for an agency's officers."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from gateway.v1 import audit_pb2, standing_pb2, standing_pb2_grpc
from gateway.wire.standing import Owing, Said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.broker.subjects import Person
    from gateway.remote.client import Client


class Standings:
    """What an officer asks of a gateway, and records there.

    Args:
        client: Of the officer's agency, with a token that names a role.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def record(
        self, people: Sequence[Person], purpose: str, document: str, *, granted: bool
    ) -> int:
        """Record that somebody consents, or withdraws; return the entry's place.

        Raises:
            AccordError: As the gateway refused or failed; nothing may have been recorded.
        """
        message = standing_pb2.RecordConsentRequest(
            subjects=_subjects(people), purpose=purpose, granted=granted, document=document
        )
        return int((await self._client.ask(self._stub().RecordConsent, message)).index)

    async def words(self, people: Sequence[Person]) -> tuple[Said, ...]:
        """Return what somebody said, in order.

        Raises:
            AccordError: As the gateway refused.
        """
        message = standing_pb2.ListConsentsRequest(subjects=_subjects(people))
        found = await self._client.ask(self._stub().ListConsents, message)
        return tuple(Said(one.index, one.purpose, one.granted) for one in found.words)

    async def duties(self) -> tuple[Owing, ...]:
        """Return what this agency owes, the most pressing first.

        Raises:
            AccordError: As the gateway refused.
        """
        found = await self._client.ask(self._stub().ListDuties, standing_pb2.ListDutiesRequest())
        return tuple(
            Owing(
                one.exchange_id,
                one.duty,
                one.due.ToDatetime(tzinfo=dt.UTC),
                one.agreement,
                one.provision,
            )
            for one in found.duties
        )

    async def attest(self, exchange_id: str, duty: str) -> int:
        """Record that this agency has done a duty; return the entry's place.

        Raises:
            AccordError: As the gateway refused: it owes no such duty.
        """
        message = standing_pb2.AttestDutyRequest(exchange_id=exchange_id, duty=duty)
        return int((await self._client.ask(self._stub().AttestDuty, message)).index)

    def _stub(self) -> Any:  # noqa: ANN401 - the generated stub has no types
        return self._client.stub(standing_pb2_grpc.StandingServiceStub)


def _subjects(people: Sequence[Person]) -> list[audit_pb2.Subject]:
    return [audit_pb2.Subject(system=one.system, parts=one.parts) for one in people]
