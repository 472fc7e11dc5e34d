"""ExchangeService on the wire and as values: requests in, messages and explanations out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import Reason, ReleaseError
from gateway.v1 import common_pb2, exchange_pb2
from gateway.values import Form, Request, Resume
from gateway.wire.convert.chunk import from_chunk
from gateway.wire.convert.faults import DIGEST_BYTES, UUID, Faults
from gateway.wire.convert.header import from_header, from_receipt
from gateway.wire.convert.terms import from_terms, to_terms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.errors import Reason as AnyReason
    from gateway.ports import Message
    from gateway.values import Caller, Header

FORM: Final[Mapping[exchange_pb2.Format, Form]] = {
    exchange_pb2.FORMAT_ARROW: Form.ARROW,
    exchange_pb2.FORMAT_ARROW_ZSTD: Form.ARROW_ZSTD,
    exchange_pb2.FORMAT_ROWS: Form.ROWS,
}
_FORMAT: Final = {form: number for number, form in FORM.items()}


class Refused(Protocol):
    """What the wire tells of a refusal; `decide`'s own has these."""

    @property
    def step(self) -> int: ...  # noqa: D102
    @property
    def reason(self) -> AnyReason: ...  # noqa: D102
    @property
    def message(self) -> str: ...  # noqa: D102
    @property
    def agreement(self) -> str: ...  # noqa: D102
    @property
    def provision(self) -> str: ...  # noqa: D102
    @property
    def clause(self) -> str: ...  # noqa: D102


class Explained(Protocol):
    """What the wire tells of an explanation: a header or a refusal, and what they rest on."""

    @property
    def header(self) -> Header | None: ...  # noqa: D102
    @property
    def refusal(self) -> Refused | None: ...  # noqa: D102
    @property
    def reads(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def withheld(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def undecided(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def plan(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Explanation:
    """An explanation as a value: what the gateway tells, and what a client reads back."""

    header: Header | None = None
    refusal: Refused | None = None
    reads: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    plan: str = ""


def to_request(message: exchange_pb2.ExchangeRequest, caller: Caller) -> Request:
    """Return the request of a message that `faults.known` has passed.

    Raises:
        RequestError: With every rule that the message breaks, by path.
    """
    faults = Faults()
    faults.match(message.request_id, UUID, "request_id", "is not a UUID in lower case")
    form = FORM.get(message.format)
    if form is None:
        faults.add("format", "is not a format of this version")
        form = Form.ARROW
    terms = to_terms(message.terms, faults)
    resume = _resume(message, faults)
    faults.settle()
    return Request(message.request_id, terms, caller, form, resume)


def _resume(message: exchange_pb2.ExchangeRequest, faults: Faults) -> Resume | None:
    if not message.exchange_id:
        if message.offset or message.stream:
            faults.add("exchange_id", "is empty, but offset or stream resume an exchange")
        return None
    faults.match(message.exchange_id, UUID, "exchange_id", "is not a UUID in lower case")
    if message.offset < 0:
        faults.add("offset", "is negative")
    if len(message.stream) != DIGEST_BYTES:
        faults.add("stream", "is not 32 bytes")
    return Resume(message.exchange_id, message.offset, message.stream)


def explain_to_request(message: exchange_pb2.ExplainRequest, caller: Caller) -> Request:
    """Return the request that would be decided; it has no id, for nothing comes of it.

    Raises:
        RequestError: With every rule that the message breaks, by path.
    """
    faults = Faults()
    terms = to_terms(message.terms, faults)
    faults.settle()
    return Request("", terms, caller)


def from_request(request: Request) -> exchange_pb2.ExchangeRequest:
    """Return the message of a request; the caller is the connection's and not in it."""
    message = exchange_pb2.ExchangeRequest(
        request_id=request.request_id,
        terms=from_terms(request.terms),
        format=_FORMAT[request.form],
    )
    if request.resume is not None:
        message.exchange_id = request.resume.exchange_id
        message.offset = request.resume.offset
        message.stream = request.resume.stream
    return message


def from_message(message: Message) -> exchange_pb2.ExchangeResponse:
    """Return what leaves for one message of the broker.

    Raises:
        ReleaseError: It has a chunk without proof that the exchange log holds its release entry;
            or a body out of bounds.
    """
    response = exchange_pb2.ExchangeResponse()
    if message.header is not None:
        from_header(message.header, response.header)
    if message.chunk is not None:
        if message.logged is None:
            raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "a chunk has no release entry")
        from_chunk(message.chunk, response.batch)
    if message.receipt is not None:
        from_receipt(message.receipt, response.receipt)
    if message.held is not None:
        from_receipt(message.held, response.held)
    return response


def from_explained(explained: Explained) -> exchange_pb2.ExplainResponse:
    """Return the message of an explanation.

    Raises:
        ReleaseError: It has neither header nor refusal, or both.
    """
    response = exchange_pb2.ExplainResponse(
        reads=explained.reads,
        withheld=explained.withheld,
        undecided=explained.undecided,
        plan=explained.plan,
    )
    if explained.header is not None and explained.refusal is None:
        from_header(explained.header, response.permit)
    elif explained.refusal is not None and explained.header is None:
        response.refusal.CopyFrom(_from_refused(explained.refusal))
    else:
        raise ReleaseError(Reason.RELEASE_CHECK_FAILED, "an explanation has not one answer")
    return response


def _from_refused(refused: Refused) -> common_pb2.Refusal:
    return common_pb2.Refusal(
        reason=refused.reason,
        step=refused.step,
        message=refused.message,
        agreement=refused.agreement,
        provision=refused.provision,
        clause=refused.clause,
        index=-1,
    )
