"""ExchangeService: convert, one call to the broker, convert back. Deciding and logging are its."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.errors import Reason, RefusedError
from gateway.v1 import exchange_pb2, exchange_pb2_grpc
from gateway.wire.convert.exchange import (
    explain_to_request,
    from_explained,
    from_message,
    to_request,
)

if TYPE_CHECKING:
    from gateway.ports import Message, Send
    from gateway.values import Request
    from gateway.wire.call import Call
    from gateway.wire.convert.exchange import Explained


class Broker(Protocol):
    """What carries out a request, and says what it would be."""

    async def exchange(self, request: Request, send: Send, *, deadline_s: float) -> None:
        """Carry out one request; `send` is given only what the exchange log already holds."""

    def explain(self, request: Request) -> Explained:
        """Return what would be decided, from the agreements alone."""


class ExchangeServicer(exchange_pb2_grpc.ExchangeServiceServicer):
    """The recipient's way in."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def Exchange(self, request: exchange_pb2.ExchangeRequest, call: Call) -> None:  # noqa: N802
        """Carry out one request; what the broker sends goes to the transport, one at a time."""
        asked = to_request(request, call.caller)
        await self._broker.exchange(asked, _Forward(call), deadline_s=call.remaining_s)

    async def Explain(  # noqa: N802
        self, request: exchange_pb2.ExplainRequest, call: Call
    ) -> exchange_pb2.ExplainResponse:
        """Say what would be decided."""
        asked = explain_to_request(request, call.caller)
        if call.caller.agency not in {asked.terms.provider, asked.terms.recipient}:
            # One answer for what does not exist and what is not the caller's to know.
            raise RefusedError(Reason.NO_PROVISION, "no provision covers this flow", step=1)
        return from_explained(self._broker.explain(asked))


class _Forward:
    """The broker's `Send`: returns when the transport has taken the message."""

    __slots__ = ("_call",)

    def __init__(self, call: Call) -> None:
        self._call = call

    async def __call__(self, message: Message) -> None:
        if message.header is not None:
            self._call.exchange_id = message.header.exchange_id
        assert self._call.send is not None  # noqa: S101 - the chain sets it for streams
        await self._call.send(from_message(message))
