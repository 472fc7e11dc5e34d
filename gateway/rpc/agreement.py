"""AgreementService: agreements to their parties and auditors; to others they do not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, assert_never

from gateway.agreement.conditions import (
    ConsentCondition,
    FieldCondition,
    OptOutCondition,
    RoleCondition,
    WithinCondition,
)
from gateway.agreement.index import Signed
from gateway.agreement.spans import Duration
from gateway.errors import NotFoundError, Reason
from gateway.v1 import agreement_pb2, agreement_pb2_grpc, common_pb2
from gateway.values import Column
from gateway.wire.convert.faults import Faults
from gateway.wire.convert.header import from_column
from gateway.wire.convert.page import from_after, to_after, to_size

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Sequence

    from gateway.agreement.conditions import When
    from gateway.agreement.index import Agreements, Pact
    from gateway.agreement.model import Provision
    from gateway.values import Caller
    from gateway.wire.call import Call

AUDITOR: Final = "auditor"


class Book(Protocol):
    """The agreements in force, and the bytes of their files."""

    def current(self) -> Agreements:
        """Return the newest good set of agreements."""

    def files(self, pact: Pact) -> tuple[bytes, bytes]:
        """Return (agreement file, signatures file) of one agreement, as they were read."""


class AgreementServicer(agreement_pb2_grpc.AgreementServiceServicer):
    """Agreements, read only."""

    def __init__(self, book: Book, now: Callable[[], dt.datetime]) -> None:
        self._book = book
        self._now = now

    async def ListAgreements(  # noqa: N802
        self, request: agreement_pb2.ListAgreementsRequest, call: Call
    ) -> agreement_pb2.ListAgreementsResponse:
        """Return a page of what the caller may see, by id."""
        seen = self._visible(call.caller)
        pacts, after = _page(seen, request.page_size, request.page_token, lambda p: p.agreement.ref)
        brief = [self._brief(pact) for pact in pacts]
        return agreement_pb2.ListAgreementsResponse(agreements=brief, next_page_token=after)

    async def GetAgreement(  # noqa: N802
        self, request: agreement_pb2.GetAgreementRequest, call: Call
    ) -> agreement_pb2.GetAgreementResponse:
        """Return one agreement, whole."""
        found = self._revisions(call.caller, request.id)
        if request.version:
            found = [pact for pact in found if pact.agreement.version == request.version]
        if not found:
            raise _unknown()
        source, signatures = self._book.files(found[0])
        return agreement_pb2.GetAgreementResponse(
            agreement=self._brief(found[0]),
            provisions=[self._provision(found[0], one) for one in found[0].agreement.provisions],
            source=source,
            signatures=signatures,
        )

    async def ListRevisions(  # noqa: N802
        self, request: agreement_pb2.ListRevisionsRequest, call: Call
    ) -> agreement_pb2.ListRevisionsResponse:
        """Return a page of an agreement's versions, newest first."""
        found = self._revisions(call.caller, request.id)
        if not found:
            raise _unknown()
        pacts, after = _page(
            found, request.page_size, request.page_token, lambda p: p.agreement.version
        )
        brief = [self._brief(pact) for pact in pacts]
        return agreement_pb2.ListRevisionsResponse(revisions=brief, next_page_token=after)

    def _visible(self, caller: Caller) -> list[Pact]:
        pacts = self._book.current().pacts
        if AUDITOR in caller.roles:
            return list(pacts)
        return [pact for pact in pacts if caller.agency in _parties(pact)]

    def _revisions(self, caller: Caller, agreement_id: str) -> list[Pact]:
        found = [pact for pact in self._visible(caller) if pact.agreement.id == agreement_id]
        return sorted(found, key=lambda pact: _order(pact.agreement.version), reverse=True)

    def _brief(self, pact: Pact) -> agreement_pb2.Agreement:
        parties = _parties(pact)
        unsigned = pact.signed in {Signed.DRAFT, Signed.IN_REVIEW}
        return agreement_pb2.Agreement(
            id=pact.agreement.id,
            version=pact.agreement.version,
            digest=pact.digest,
            status=pact.state(self._now()),
            title=pact.agreement.title,
            parties=parties,
            signed_by=[] if unsigned else parties,
            effective=pact.starts,
            expires=pact.ends,
        )

    def _provision(self, pact: Pact, provision: Provision) -> agreement_pb2.Provision:
        parties = pact.agreement.parties
        fields = self._book.current().datasets[str(provision.flow.dataset)].fields
        released = [
            Column(name, mask.output(fields[name].type), fields[name].field_class, mask.note())
            for name, mask in provision.release.items()
        ]
        return agreement_pb2.Provision(
            id=provision.id,
            clause=provision.clause,
            provider=parties[provision.flow.provider].agency,
            recipient=parties[provision.flow.recipient].agency,
            dataset=str(provision.flow.dataset),
            purposes=provision.flow.purposes,
            released=[from_column(column) for column in released],
            withheld=provision.withhold,
            conditions=[_in_words(condition) for condition in provision.when],
            duties=_duties(provision),
        )


def _parties(pact: Pact) -> list[str]:
    return sorted({party.agency for party in pact.agreement.parties.values()})


def _in_words(condition: When) -> str:
    match condition:
        case RoleCondition(roles):
            return f"the caller is {' or '.join(sorted(roles))}"
        case ConsentCondition(purpose):
            return f"the person consents to {purpose}"
        case OptOutCondition(purpose):
            return f"the person has not opted out of {purpose}"
        case FieldCondition(field, op, values):
            return f"{field} {op.value} {', '.join(str(value) for value in values)}"
        case WithinCondition(field, window):
            return f"{field} is within {window.text}"
        case _:
            assert_never(condition)


def _duties(provision: Provision) -> list[common_pb2.Duty]:
    duties = provision.duties
    said = {
        "delete_after": duties.delete_after,
        "attest_deletion": duties.attest_deletion,
        "reidentify": duties.reidentify,
        "contact": duties.contact,
        "publish": duties.publish,
        "notice": duties.notice,
        "breach_notice": duties.breach_notice,
    }
    return [
        common_pb2.Duty(kind=kind, text=value.text if isinstance(value, Duration) else value)
        for kind, value in said.items()
        if value is not None
    ]


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _page(
    pacts: Sequence[Pact], size: int, token: str, key: Callable[[Pact], str]
) -> tuple[Iterable[Pact], str]:
    """Return one page and the token of the next; a token of what is gone begins at the start."""
    faults = Faults()
    most, after = to_size(size, "page_size", faults), to_after(token, "page_token", faults)
    faults.settle()
    keys = [key(pact) for pact in pacts]
    start = keys.index(after) + 1 if after in keys else 0
    page = pacts[start : start + most]
    more = start + most < len(pacts)
    return page, from_after(key(page[-1])) if page and more else ""


def _unknown() -> NotFoundError:
    return NotFoundError(Reason.NOT_FOUND, "there is no such agreement for this caller")
