"""The one interceptor: small steps around every call, in one fixed order, and nobody else's.

Outermost first: 1 telemetry, 2 status, 3 admission, 4 deadline, 5 identity, 6 quota, 7 schema,
8 method gate; then the servicer, which gets a `Call` in place of gRPC's context. Gateway and
adapters run the same chain with their own steps. A method without a rule is refused: no list means
nobody. The chain drives response streams itself, so that a generator ends in its own task, and it
classifies an end by the exception, for gRPC's own `cancelled()` says no after a cancel.
"""

# ruff: noqa: ANN401 - requests and responses are of every method
from __future__ import annotations

import asyncio
import inspect
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

import grpc
import grpc.aio

from gateway.errors import AccordError, Reason, RefusedError, RequestError
from gateway.wire.call import Call
from gateway.wire.convert.faults import known
from gateway.wire.status import STATUS, abort, reason_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from google.protobuf.message import Message

CHECKPOINT_KEY: Final = "accord-checkpoint-bin"

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
Step: TypeAlias = "Callable[[Call, Context, Rule], None]"


@dataclass(frozen=True, slots=True)
class Rule:
    """What the chain must know of one method.

    Attributes:
        kinds: Kinds of agencies that may call it; empty means nobody.
        roles: Roles of which the caller must hold one; empty asks for none, else a token is needed.
        default_s, most_s: Deadline where the caller sets none, and the longest there is.
        open: Whether any certificate will do: health and reflection, which say nothing of records.
        foreign: Whether the servicer is another's, and gets gRPC's own context.
        streams: Whether it may stream for long, and counts as a bulk stream once it does.
    """

    kinds: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    default_s: float = 5.0
    most_s: float = 30.0
    open: bool = False
    foreign: bool = False
    streams: bool = False


NO_RULE: Final = Rule()


class Measure(Protocol):
    """Where the chain reports each call, refusals and cancels included."""

    def closed(self, call: Call, code: str, reason: str, seconds: float) -> None:
        """Record the end of a call; `reason` is empty where it was answered OK or cancelled."""


class Malformed:
    """What the chain's deserializer yields for bytes that do not parse; the schema step refuses."""


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps that differ between gateway and adapters, in order; each may raise from `errors`.

    Attributes:
        before: Admission, deadline, identity, quota.
        sending: Called before each message of a response stream but the first.
        newest: The newest checkpoint for the trailing metadata, or nothing.
    """

    before: tuple[Step, ...]
    measure: Measure
    sending: Callable[[Call], Awaitable[None]] | None = None
    newest: Callable[[], bytes] = bytes


@dataclass(slots=True)
class _Method:
    """One method, wrapped once."""

    path: str
    rule: Rule
    behaviour: Callable[..., Any]
    serialize: Callable[[Any], bytes]
    generates: bool
    answer: Callable[..., Any] = field(init=False)


class Chain(grpc.aio.ServerInterceptor):
    """Wraps each handler once with the steps, and keeps the wrapped handler by method."""

    def __init__(self, rules: Mapping[str, Rule], steps: Steps) -> None:
        self._rules = rules
        self._steps = steps
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the wrapped handler; an unknown method stays unknown, and is not kept."""
        path = handler_call_details.method
        wrapped = self._wrapped.get(path)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._wrapped[path] = self._wrap(path, handler)
        return wrapped

    def _wrap(
        self, path: str, handler: grpc.RpcMethodHandler[Any, Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        rule = self._rules.get(path, NO_RULE)
        behaviour = (
            handler.unary_unary
            or handler.unary_stream
            or handler.stream_unary
            or handler.stream_stream
        )
        assert behaviour is not None  # noqa: S101 - a handler has one of the four
        # gRPC serializes what a foreign servicer writes; ours are serialized inside the chain,
        # so that a serializer's error is answered like any other.
        serialize = handler.response_serializer or bytes
        method = _Method(path, rule, behaviour, serialize, inspect.isasyncgenfunction(behaviour))
        into = _parser(handler.request_deserializer)
        out = serialize if rule.foreign else None
        if handler.request_streaming and handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._streaming(method, many=True), into, out
            )
        if handler.request_streaming:
            return grpc.stream_unary_rpc_method_handler(self._unary(method, many=True), into, out)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._streaming(method, many=False), into, out
            )
        return grpc.unary_unary_rpc_method_handler(self._unary(method, many=False), into, out)

    def _unary(self, method: _Method, *, many: bool) -> Callable[..., Any]:
        async def answer(request: Any, context: Context) -> Any:
            return await self._run(method, request, context, many=many)

        return answer

    def _streaming(self, method: _Method, *, many: bool) -> Callable[..., Any]:
        # A coroutine that writes, never a generator: gRPC would end that in a task and a context
        # of its own, and a cancel would come as something else than `CancelledError`.
        async def answer(request: Any, context: Context) -> None:
            await self._run(method, request, context, many=many, stream=True)

        return answer

    async def _run(
        self,
        method: _Method,
        request: Any,
        context: Context,
        *,
        many: bool,
        stream: bool = False,
    ) -> Any:
        started = time.monotonic()
        call = Call(method.path, started)
        code, reason = "OK", ""
        try:
            answer = await self._within(method, call, request, context, many=many, stream=stream)
            self._trail(context)
        except grpc.aio.AbortError:
            # A foreign servicer has answered already.
            code = "UNKNOWN"
            raise
        except asyncio.CancelledError:
            code = "CANCELLED"
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its text stays here
            reason = reason_of(error)
            code = STATUS[reason].name
            if not isinstance(error, AccordError):
                call.fault = type(error).__name__
            elif error.exchange_id:
                call.exchange_id = error.exchange_id
            await abort(context, error, self._trailing())
        else:
            return answer
        finally:
            for undo in reversed(call.undo):
                undo()
            self._steps.measure.closed(call, code, reason, time.monotonic() - started)

    async def _within(
        self,
        method: _Method,
        call: Call,
        request: Any,
        context: Context,
        *,
        many: bool,
        stream: bool,
    ) -> Any:
        """Run steps 3 to 8 and the servicer, within the deadline."""
        rule = method.rule
        for step in self._steps.before:
            step(call, context, rule)
        if many:
            request = _checked_stream(request)
        else:
            check(request)
        gate(call, rule)
        remaining_s = cast("float | None", context.time_remaining())
        # Where the caller's own deadline comes first, gRPC cancels; no second timer is needed.
        if remaining_s is not None and remaining_s <= call.deadline - call.started:
            return await self._serve(method, call, request, context, stream=stream)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout_at(loop.time() + call.remaining_s):
            return await self._serve(method, call, request, context, stream=stream)

    async def _serve(
        self,
        method: _Method,
        call: Call,
        request: Any,
        context: Context,
        *,
        stream: bool,
    ) -> Any:
        if method.rule.foreign:
            self._trail(context)
            return await _foreign(method, request, context)
        if not stream:
            return method.serialize(await method.behaviour(request, call))
        call.send = self._sender(method, call, context)
        if not method.generates:
            return await method.behaviour(request, call)
        generator = method.behaviour(request, call)
        try:
            async for message in generator:
                await call.send(message)
        finally:
            # Closed here and now, in this task, whatever ended the stream.
            await generator.aclose()
        return None

    def _sender(
        self, method: _Method, call: Call, context: Context
    ) -> Callable[[Any], Awaitable[None]]:
        first, sending = True, self._steps.sending

        async def send(message: Any) -> None:
            nonlocal first
            if first:
                first = False
            elif sending is not None:
                await sending(call)
            data = method.serialize(message)
            try:
                await context.write(data)
            except (grpc.aio.InternalError, grpc.aio.UsageError):
                # The caller is gone: a write blocked on flow control ends so, not by a cancel.
                raise asyncio.CancelledError from None

        return send

    def _trailing(self) -> tuple[tuple[str, bytes], ...]:
        note = self._steps.newest()
        return ((CHECKPOINT_KEY, note),) if note else ()

    def _trail(self, context: Context) -> None:
        note = self._steps.newest()
        if note:
            context.set_trailing_metadata(((CHECKPOINT_KEY, note),))


async def _foreign(method: _Method, request: Any, context: Context) -> Any:
    if not method.generates:
        return await method.behaviour(request, context)
    generator = method.behaviour(request, context)
    try:
        async for message in generator:
            await context.write(message)
    finally:
        await generator.aclose()
    return None


def _parser(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    """Return a deserializer that never raises: gRPC would answer with the parser's text."""

    def parse(data: bytes) -> Any:
        try:
            return data if deserialize is None else deserialize(data)
        except Exception:  # noqa: BLE001 - whatever the parser says, it is about the caller's bytes
            return Malformed()

    return parse


def check(request: Message | Malformed) -> None:
    """Refuse bytes that are no message, and messages with fields that this version does not know.

    Field rules are the converters': they need the same walk over the message as the conversion.

    Raises:
        RequestError: `MALFORMED` or `UNKNOWN_FIELD`.
    """
    if isinstance(request, Malformed):
        raise RequestError(Reason.MALFORMED, "the request's bytes are not a message")
    known(request)


async def _checked_stream(requests: AsyncIterator[Message | Malformed]) -> AsyncIterator[Message]:
    async for request in requests:
        check(request)
        assert not isinstance(request, Malformed)  # noqa: S101 - refused above
        yield request


def gate(call: Call, rule: Rule) -> None:
    """Refuse callers whose kind or role is not on the method's list; no list means nobody.

    Raises:
        RefusedError: `METHOD_NOT_PERMITTED`.
    """
    if rule.open:
        return
    if call.kind not in rule.kinds or (rule.roles and not rule.roles & call.caller.roles):
        raise RefusedError(
            Reason.METHOD_NOT_PERMITTED, "this caller may not call this method", step=1
        )
