# ruff: noqa: ANN401, ARG005, D102, D103, FBT001, PT012, S311, SIM117, TRY301 - twins and helpers of tests
"""The chain around real calls: each trap of gRPC that it closes, tried over mTLS on loopback."""

from __future__ import annotations

import ast
import asyncio
import io
import logging
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.errors import AccordError, BusyError, Reason, RefusedError, RequestError
from gateway.loglines import configure_logging
from gateway.ports import Logged, Message
from gateway.rpc.server import RULES
from gateway.telemetry import Telemetry
from gateway.v1 import (
    agreement_pb2,
    agreement_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    exchange_pb2,
    exchange_pb2_grpc,
)
from gateway.wire.chain import Chain, Rule, Steps
from gateway.wire.convert.exchange import from_request
from gateway.wire.status import error_of
from gateway.wire.tls import CHANNEL_OPTIONS, channel_credentials, server_credentials, server_limits
from tests.data import ROOT
from tests.rpc.tls import Authority
from tests.rpc.twins import (
    EXCHANGE_ID,
    House,
    Measured,
    a_chunk,
    a_header,
    a_house,
    a_receipt,
    a_request,
    agency,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from gateway.ports import Send
    from gateway.values import Request
    from gateway.wire.call import Call
    from tests.rpc.tls import Cert

PARSE = audit_pb2.GetTileRequest.FromString
CANARY = "canary-4419-synthetic"


def dial(house: House, cert: Cert, **metadata: Any) -> grpc.aio.Channel:
    credentials = channel_credentials(cert.files)
    return grpc.aio.secure_channel(house.target, credentials, options=CHANNEL_OPTIONS)


def over(
    tmp_path: Path, act: Callable[[House, grpc.aio.Channel], Awaitable[Any]], **how: Any
) -> None:
    """Run a gateway that knows one agency, and act over that agency's channel."""
    authority = Authority(tmp_path)

    async def main() -> None:
        cert = authority.issue("synthetic-phd.test")
        async with a_house(authority.issue("localhost"), agency("synthetic-phd"), **how) as house:
            async with dial(house, cert) as channel:
                await act(house, channel)

    asyncio.run(main())


async def fails(call: Any) -> grpc.aio.AioRpcError:
    """Return how a call of any arity fails."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        if hasattr(call, "__aiter__"):
            async for _ in call:
                pass
        else:
            await call
    return caught.value


def exchange(channel: Any, **how: Any) -> Any:
    stub = exchange_pb2_grpc.ExchangeServiceStub(channel)
    return stub.Exchange(from_request(a_request()), **how)


# --- T1: text of an uncaught exception ------------------------------------------------------------


class Poisoned:
    """Raises a canary wherever it is told to, in every arity and both styles."""

    def __init__(self, where: str) -> None:
        self.where = where

    def handlers(self) -> dict[str, grpc.RpcMethodHandler[Any, Any]]:  # noqa: C901 - one each
        def trouble(where: str) -> None:
            if self.where == where:
                raise ValueError(CANARY)

        def serialize(message: bytes) -> bytes:
            trouble("serializer")
            return message

        def parse(data: bytes) -> Any:
            trouble("parser")
            return audit_pb2.GetTileRequest.FromString(data)

        async def one_one(request: Any, call: Call) -> bytes:
            trouble("body")
            return b""

        async def one_many(request: Any, call: Call) -> AsyncIterator[bytes]:
            yield b""
            trouble("body")

        async def one_many_sending(request: Any, call: Call) -> None:
            assert call.send is not None
            await call.send(b"")
            trouble("body")

        async def many_one(requests: Any, call: Call) -> bytes:
            async for _ in requests:
                trouble("body")
            return b""

        async def many_many(requests: Any, call: Call) -> AsyncIterator[bytes]:
            async for _ in requests:
                yield b""
                trouble("body")

        return {
            "OneOne": grpc.unary_unary_rpc_method_handler(one_one, parse, serialize),
            "OneMany": grpc.unary_stream_rpc_method_handler(one_many, parse, serialize),
            "OneManySending": grpc.unary_stream_rpc_method_handler(
                one_many_sending, parse, serialize
            ),
            "ManyOne": grpc.stream_unary_rpc_method_handler(many_one, parse, serialize),
            "ManyMany": grpc.stream_stream_rpc_method_handler(many_many, parse, serialize),
        }

    def step(self, call: Call, context: Any, rule: Rule) -> None:
        call.kind = "any"
        call.deadline = call.started + 5
        if self.where == "step":
            raise ValueError(CANARY)


@pytest.mark.parametrize("where", ["body", "serializer", "parser", "step"])
def test_text_of_an_exception_stays_inside(tmp_path: Path, where: str) -> None:
    """A poisoned exception, in each arity, a step, a serializer and a parser, is said nowhere."""
    poisoned = Poisoned(where)
    handlers = poisoned.handlers()
    out = io.StringIO()
    log = configure_logging(out)
    measured = Measured()
    telemetry = Telemetry(log=log)

    class Both:
        def closed(self, call: Call, code: str, reason: str, seconds: float) -> None:
            measured.closed(call, code, reason, seconds)
            telemetry.closed(call, code, reason, seconds)

    async def main() -> list[grpc.aio.AioRpcError]:
        rules = {f"/t.T/{name}": Rule(kinds=frozenset({"any"})) for name in handlers}
        chain = Chain(rules, Steps((poisoned.step,), Both()))
        server = grpc.aio.server(interceptors=[chain], options=server_limits())
        server.add_registered_method_handlers("t.T", handlers)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.T", handlers),))
        authority = Authority(tmp_path)
        cert = authority.issue("localhost")
        port = server.add_secure_port("localhost:0", server_credentials(cert.files))
        await server.start()
        credentials = channel_credentials(cert.files)
        async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
            found = [await fails(call) for call in every_arity(channel)]
        await server.stop(0)
        return found

    found = asyncio.run(main())
    logging.getLogger().handlers.clear()

    reason = Reason.MALFORMED if where == "parser" else Reason.INTERNAL
    assert [reason] * 5 == [error_of(one).reason for one in found]
    said = "".join(
        f"{one.details()}{one.trailing_metadata()}{one.debug_error_string()}" for one in found
    )
    assert CANARY not in said + out.getvalue() + str(measured.calls)
    if where != "parser":
        assert '"error": "ValueError"' in out.getvalue()


def every_arity(channel: Any) -> list[Any]:
    return [
        channel.unary_unary("/t.T/OneOne")(b""),
        channel.unary_stream("/t.T/OneMany")(b""),
        channel.unary_stream("/t.T/OneManySending")(b""),
        channel.stream_unary("/t.T/ManyOne")(iter([b""])),
        channel.stream_stream("/t.T/ManyMany")(iter([b""])),
    ]


# --- T2: only one place aborts --------------------------------------------------------------------


def test_only_the_status_aborts() -> None:
    """No module but `wire/status` calls a method named `abort` or `abort_with_status`."""
    found = []
    for folder in ("gateway", "adapters"):
        for path in sorted(Path(ROOT, folder).rglob("*.py")):
            text = path.read_text("utf-8")
            # Parsing takes long, and who calls it spells it.
            if "v1" in path.parts or "abort" not in text:
                continue
            found += [
                path.relative_to(ROOT).as_posix()
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.Attribute) and node.attr in {"abort", "abort_with_status"}
            ]

    assert ["gateway/wire/status.py"] == found


def test_a_refusal_survives_a_broad_except(tmp_path: Path) -> None:
    """A refusal raised inside `try/except Exception` that raises it again keeps its code (T2)."""

    async def script(request: Request, send: Send) -> None:
        try:
            raise RefusedError(Reason.ROW_LIMIT, "too many rows", step=6)
        except Exception as error:
            raise error from None

    async def act(house: House, channel: Any) -> None:
        house.broker.script = script
        failure = await fails(exchange(channel))
        assert (grpc.StatusCode.RESOURCE_EXHAUSTED, Reason.ROW_LIMIT) == (
            failure.code(), error_of(failure).reason
        )  # fmt: skip

    over(tmp_path, act)


# --- T3, T4: bytes and fields ---------------------------------------------------------------------


def test_random_bytes_are_malformed(tmp_path: Path) -> None:
    """Random bytes to every method: INVALID_ARGUMENT, counted, no text of a parser (T3)."""

    async def act(house: House, channel: Any) -> None:
        draw = random.Random(1)
        # Who has no token where one is needed hears of that before anything is read.
        ours = [p for p, rule in RULES.items() if not p.endswith("List") and not rule.roles]
        assert len(ours) > 10
        for path in ours:
            data = b"\xff" + draw.randbytes(40)
            kind = (
                channel.unary_stream
                if path.endswith(("Exchange", "Watch"))
                else channel.unary_unary
            )
            failure = await fails(kind(path)(data))
            assert grpc.StatusCode.INVALID_ARGUMENT == failure.code(), path
            assert Reason.MALFORMED == error_of(failure).reason, path
            assert "pars" not in (failure.details() or "").lower()
        assert [Reason.MALFORMED] * len(ours) == [call[2] for call in house.measured.calls]

    over(tmp_path, act)


def a_message() -> exchange_pb2.ExchangeRequest:
    message = from_request(a_request())
    condition = message.terms.where.add(field="county", operator=1)
    condition.values.add(text="x")
    return message


UNKNOWN = b"\xfa\x3e\x01x"


def with_unknown(depth: int) -> bytes:
    """Return a request with an unknown field at a depth: request, terms, condition, value."""
    message = a_message()
    value = message.terms.where[0].values[0]
    condition, terms = message.terms.where[0], message.terms
    part = (message, terms, condition, value)[depth]
    part.MergeFromString(UNKNOWN)
    return message.SerializeToString()


@pytest.mark.parametrize("depth", range(4))
def test_an_unknown_field_is_refused_at_any_depth(tmp_path: Path, depth: int) -> None:
    """What an older version would ignore is refused, wherever it stands; nothing is read (T4)."""

    async def act(house: House, channel: Any) -> None:
        failure = await fails(
            channel.unary_stream("/gateway.v1.ExchangeService/Exchange")(with_unknown(depth))
        )
        assert Reason.UNKNOWN_FIELD == error_of(failure).reason
        assert [] == house.broker.requests

    over(tmp_path, act)


@pytest.mark.parametrize("path", ["format", "terms.where[0].operator"])
@pytest.mark.parametrize("number", [0, 99])
def test_an_unknown_number_is_refused_in_each_enum(tmp_path: Path, path: str, number: int) -> None:
    """Unspecified and undefined numbers are INVALID_REQUEST, by path (T4)."""
    message = a_message()
    if path == "format":
        message.format = number  # type: ignore[assignment]
    else:
        message.terms.where[0].operator = number  # type: ignore[assignment]

    async def act(house: House, channel: Any) -> None:
        error = error_of(
            await fails(exchange_pb2_grpc.ExchangeServiceStub(channel).Exchange(message))
        )
        assert isinstance(error, RequestError)
        assert (Reason.INVALID_REQUEST, [path]) == (
            error.reason,
            [at for at, _ in error.violations],
        )
        assert [] == house.broker.requests

    over(tmp_path, act)


# --- T6, T7: metadata and trailers ----------------------------------------------------------------


def test_large_metadata_has_one_answer(tmp_path: Path) -> None:
    """A token of 10 KiB gets METADATA_TOO_LARGE, 40 times of 40 (T6)."""

    async def act(house: House, channel: Any) -> None:
        metadata = (("authorization", "Bearer " + "x" * 10_240),)
        found = [error_of(await fails(exchange(channel, metadata=metadata))) for _ in range(40)]
        assert [Reason.METADATA_TOO_LARGE] * 40 == [one.reason for one in found]

    over(tmp_path, act)


@pytest.mark.parametrize(("size", "refused"), [(4096, False), (4097, True)])
def test_a_token_is_at_most_4_kib(tmp_path: Path, size: int, refused: bool) -> None:
    """The largest token is looked at, and one character more is not."""

    async def act(house: House, channel: Any) -> None:
        metadata = (("authorization", "Bearer " + "x" * size),)
        reason = error_of(await fails(exchange(channel, metadata=metadata))).reason
        assert (Reason.METADATA_TOO_LARGE if refused else Reason.TOKEN_INVALID) == reason

    over(tmp_path, act)


def test_500_faults_are_one_small_status(tmp_path: Path) -> None:
    """500 faults get INVALID_ARGUMENT, 20 of them, and `truncated`, 40 of 40 (T7)."""
    message = from_request(a_request())
    del message.terms.fields[:]
    message.terms.fields.extend(f"NOT-{index}-{'é' * 300}" for index in range(250))
    for index in range(32):
        message.terms.where.add(field=f"NOT-{index}")
    message.request_id = "x" * 4000

    async def act(house: House, channel: Any) -> None:
        stub = exchange_pb2_grpc.ExchangeServiceStub(channel)
        for _ in range(40):
            failure = await fails(stub.Exchange(message))
            error = error_of(failure)
            assert isinstance(error, RequestError)
            assert grpc.StatusCode.INVALID_ARGUMENT == failure.code()
            assert (20, "true") == (len(error.violations), error.variables["truncated"])
            assert "NOT" not in str(failure)

    over(tmp_path, act)


@pytest.mark.parametrize("letter", ["x", "é", "\x01"])
def test_a_long_message_keeps_its_code(tmp_path: Path, letter: str) -> None:
    """A message of 12,000 characters is cut to 512 and its status arrives, 40 of 40 (T7)."""

    async def script(request: Request, send: Send) -> None:
        raise RefusedError(
            Reason.PROHIBITED, letter * 12_000, step=3, clause=letter * 12_000,
            agreement=letter * 12_000, provision=letter * 12_000,
        )  # fmt: skip

    async def act(house: House, channel: Any) -> None:
        house.broker.script = script
        codes = [(await fails(exchange(channel))).code() for _ in range(40)]
        assert [grpc.StatusCode.PERMISSION_DENIED] * 40 == codes

    over(tmp_path, act)


# --- T8, T9: how streams end ----------------------------------------------------------------------


async def endless(request: Request, send: Send) -> None:
    """Send 512 KiB chunks for ever."""
    header, offset = a_header(), 0
    chunk = a_chunk(size=512 * 1024)
    while True:
        await send(Message(header, chunk, Logged(EXCHANGE_ID, offset, offset)))
        header, offset = None, offset + 1  # type: ignore[assignment]


async def until(done: Callable[[], bool], within_s: float = 2.0) -> float:
    """Return how long it took until `done`."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    while not done():
        assert loop.time() - started < within_s
        await asyncio.sleep(0.002)
    return loop.time() - started


def test_a_slow_reader_that_vanishes_is_cancelled(tmp_path: Path) -> None:
    """A broker blocked on flow control is cancelled once, in its task, for its caller (T8)."""

    async def act(house: House, channel: Any) -> None:
        house.broker.script = endless
        call = exchange(channel)
        await call.read()
        await asyncio.sleep(0.3)
        assert [] == house.broker.ended

        call.cancel()
        took_s = await until(lambda: bool(house.broker.ended) and bool(house.measured.calls))

        assert took_s < 0.3
        assert ["cancelled"] == house.broker.ended
        assert [("Exchange", "CANCELLED", "", "synthetic-phd")] == house.measured.calls
        assert (0, 0) == (house.gateway.admission.calls, house.gateway.admission.bulk_streams)

    over(tmp_path, act)


def test_a_killed_connection_is_cancelled(tmp_path: Path) -> None:
    """A channel closed under a stream ends the broker as a cancel."""

    async def act(house: House, channel: Any) -> None:
        house.broker.script = endless
        call = exchange(channel)
        await call.read()
        await channel.close()
        await until(lambda: ["cancelled"] == house.broker.ended)

    over(tmp_path, act)


def test_a_callers_deadline_is_a_cancel(tmp_path: Path) -> None:
    """When the caller's own deadline passes, the broker is cancelled."""

    async def act(house: House, channel: Any) -> None:
        house.broker.script = lambda request, send: asyncio.sleep(5)
        failure = await fails(exchange(channel, timeout=0.2))
        assert grpc.StatusCode.DEADLINE_EXCEEDED == failure.code()
        await until(lambda: ["cancelled"] == house.broker.ended)

    over(tmp_path, act)


def test_cancelled_streams_leave_nothing(tmp_path: Path) -> None:
    """After 300 cancelled streams no call is counted, and each was recorded as cancelled (T9)."""

    async def act(house: House, channel: Any) -> None:
        house.broker.script = endless
        for _ in range(300):
            call = exchange(channel)
            await call.read()
            call.cancel()
        await until(lambda: len(house.measured.calls) == 300, within_s=10)
        assert {"CANCELLED"} == {code for _, code, _, _ in house.measured.calls}
        assert 0 == house.gateway.admission.calls

    over(tmp_path, act)


def resident() -> int:
    """Return this process's resident bytes."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


@pytest.mark.long
@pytest.mark.timeout(600)
def test_nine_thousand_cancelled_streams_leave_no_memory(tmp_path: Path) -> None:
    """Resident memory is flat over 9,000 cancelled streams, after the first thousand (T9)."""
    sizes = []

    async def act(house: House, channel: Any) -> None:
        house.broker.script = endless
        for index in range(9000):
            call = exchange(channel)
            await call.read()
            call.cancel()
            if index % 1000 == 999:
                await until(lambda: house.gateway.admission.calls == 0, within_s=20)
                house.broker.requests.clear()
                house.broker.ended.clear()
                house.measured.calls.clear()
                sizes.append(resident())
        assert sizes[-1] - sizes[0] < 24 * 1024 * 1024

    over(tmp_path, act)


def test_watching_health_takes_no_room_of_exchanges(tmp_path: Path) -> None:
    """Watchers are counted apart, and have an end of their own."""

    async def act(house: House, channel: Any) -> None:
        stub = health_pb2_grpc.HealthStub(channel)
        watches = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(256)]
        for watch in watches:
            assert health_pb2.HealthCheckResponse.SERVING == (await watch.read()).status
        assert (0, 256) == (house.gateway.admission.calls, house.gateway.admission.watchers)
        more = stub.Watch(health_pb2.HealthCheckRequest())
        assert Reason.BUSY == error_of(await fails(more)).reason
        assert 1 == len([message async for message in exchange(channel)])
        for watch in watches:
            watch.cancel()
        await until(lambda: house.gateway.admission.watchers == 0)

    over(tmp_path, act)


def test_a_generator_is_closed_in_its_own_task(tmp_path: Path) -> None:
    """A servicer's generator ends in the task that ran it, with its `finally` run once (T8)."""
    ended: list[bool] = []

    async def many(request: Any, call: Call) -> AsyncIterator[bytes]:
        task = asyncio.current_task()
        try:
            while True:
                yield b"x" * 500_000
        finally:
            ended.append(asyncio.current_task() is task)

    async def main() -> None:
        handlers: dict[str, Any] = {"Many": grpc.unary_stream_rpc_method_handler(many, PARSE, None)}
        steps = Steps((Poisoned("nowhere").step,), Measured())
        chain = Chain({"/t.T/Many": Rule(kinds=frozenset({"any"}))}, steps)
        server = grpc.aio.server(interceptors=[chain])
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.T", handlers),))
        cert = Authority(tmp_path).issue("localhost")
        port = server.add_secure_port("localhost:0", server_credentials(cert.files))
        await server.start()
        credentials = channel_credentials(cert.files)
        async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
            many_calls: Any = channel.unary_stream("/t.T/Many")
            call = many_calls(b"")
            await call.read()
            call.cancel()
            await until(lambda: bool(ended))
        await server.stop(0)

    asyncio.run(main())

    assert [True] == ended


# --- T17 and caps ---------------------------------------------------------------------------------


def test_200_calls_on_one_channel_meet_no_unavailable(tmp_path: Path) -> None:
    """Beyond 128 calls of one agency the answer is BUSY with a time, never UNAVAILABLE (T17)."""

    async def act(house: House, channel: Any) -> None:
        release = asyncio.Event()

        async def script(request: Request, send: Send) -> None:
            await release.wait()
            await send(Message(a_header(), a_chunk(), Logged(EXCHANGE_ID, 0, 7), a_receipt()))

        house.broker.script = script

        async def one() -> AccordError | None:
            try:
                async for _ in exchange(channel, timeout=20):
                    pass
            except grpc.aio.AioRpcError as failure:
                return error_of(failure)
            return None

        calls = [asyncio.ensure_future(one()) for _ in range(200)]
        await until(lambda: len(house.measured.calls) == 72, within_s=10)
        release.set()
        found = await asyncio.gather(*calls)

        busy = [error for error in found if error is not None]
        assert (128, 72) == (len(found) - len(busy), len(busy))
        assert all(isinstance(error, BusyError) and error.retry_after_s > 0 for error in busy)
        assert 0 == house.gateway.admission.calls

    over(tmp_path, act)


def test_a_ninth_bulk_stream_is_busy(tmp_path: Path) -> None:
    """An agency has eight bulk streams; a ninth ends BUSY after a message, a small one not."""

    async def act(house: House, channel: Any) -> None:
        house.broker.script = endless
        calls = [exchange(channel) for _ in range(8)]
        for call in calls:
            await call.read()
        await until(lambda: house.gateway.admission.bulk_streams == 8)

        assert Reason.BUSY == error_of(await fails(exchange(channel))).reason

        house.broker.script = None
        assert 1 == len([message async for message in exchange(channel)])
        for call in calls:
            call.cancel()
        await until(lambda: house.gateway.admission.bulk_streams == 0)

    over(tmp_path, act)


# --- Other answers --------------------------------------------------------------------------------


def test_a_chunk_without_its_release_entry_never_leaves(tmp_path: Path) -> None:
    """A chunk that no log vouches for ends the call; not a byte of it is sent."""

    async def script(request: Request, send: Send) -> None:
        await send(Message(a_header(), a_chunk()))

    async def act(house: House, channel: Any) -> None:
        house.broker.script = script
        call = exchange(channel)
        failure = await fails(call)
        assert Reason.RELEASE_CHECK_FAILED == error_of(failure).reason
        assert ["ReleaseError"] == house.broker.ended

    over(tmp_path, act)


def test_a_method_without_a_rule_is_refused(tmp_path: Path) -> None:
    """No list means nobody."""

    async def one(request: Any, call: Call) -> bytes:
        return b""

    async def main() -> grpc.aio.AioRpcError:
        handlers: dict[str, Any] = {"One": grpc.unary_unary_rpc_method_handler(one, PARSE, None)}
        chain = Chain({}, Steps((Poisoned("nowhere").step,), Measured()))
        server = grpc.aio.server(interceptors=[chain])
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.T", handlers),))
        cert = Authority(tmp_path).issue("localhost")
        port = server.add_secure_port("localhost:0", server_credentials(cert.files))
        await server.start()
        credentials = channel_credentials(cert.files)
        async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as opened:
            channel: Any = opened
            failure = await fails(channel.unary_unary("/t.T/One")(b""))
        await server.stop(0)
        return failure

    assert Reason.METHOD_NOT_PERMITTED == error_of(asyncio.run(main())).reason


def test_the_gateways_own_deadline_answers(tmp_path: Path) -> None:
    """A method's longest time holds for a caller that asks for more: DEADLINE, not silence."""

    async def one(request: Any, call: Call) -> bytes:
        await asyncio.sleep(10)
        return b""

    def step(call: Call, context: Any, rule: Rule) -> None:
        call.kind, call.deadline = "any", call.started + rule.most_s

    async def main() -> grpc.aio.AioRpcError:
        handlers: dict[str, Any] = {"One": grpc.unary_unary_rpc_method_handler(one, PARSE, None)}
        rule = Rule(kinds=frozenset({"any"}), most_s=0.2)
        chain = Chain({"/t.T/One": rule}, Steps((step,), Measured()))
        server = grpc.aio.server(interceptors=[chain])
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.T", handlers),))
        cert = Authority(tmp_path).issue("localhost")
        port = server.add_secure_port("localhost:0", server_credentials(cert.files))
        await server.start()
        credentials = channel_credentials(cert.files)
        async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as opened:
            channel: Any = opened
            failure = await fails(channel.unary_unary("/t.T/One")(b"", timeout=30))
        await server.stop(0)
        return failure

    failure = asyncio.run(main())

    assert (grpc.StatusCode.DEADLINE_EXCEEDED, Reason.DEADLINE) == (
        failure.code(), error_of(failure).reason
    )  # fmt: skip


def test_gossip_reaches_the_log_and_may_stop_it(tmp_path: Path) -> None:
    """A caller's checkpoint is compared once; one that contradicts the log is LOG_UNAVAILABLE."""

    async def act(house: House, channel: Any) -> None:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        good = (("accord-checkpoint-bin", b"note 1"),)
        for _ in range(3):
            await stub.GetCheckpoint(audit_pb2.GetCheckpointRequest(), metadata=good)
        assert ["note 1"] == house.log.compared

        house.log.contradicts = "note 2"
        bad = (("accord-checkpoint-bin", b"note 2"),)
        call = stub.GetCheckpoint(audit_pb2.GetCheckpointRequest(), metadata=bad)
        assert Reason.LOG_UNAVAILABLE == error_of(await fails(call)).reason

    over(tmp_path, act)


def test_health_speaks_by_service(tmp_path: Path) -> None:
    """Exchange is NOT_SERVING without log or agreements; Audit serves on."""

    async def act(house: House, channel: Any) -> None:
        stub = health_pb2_grpc.HealthStub(channel)

        async def of(name: str) -> str:
            response = await stub.Check(health_pb2.HealthCheckRequest(service=name))
            return str(health_pb2.HealthCheckResponse.ServingStatus.Name(response.status))

        names = ("gateway.v1.ExchangeService", "gateway.v1.AuditService")
        assert ["SERVING", "SERVING"] == [await of(name) for name in names]
        await house.gateway.serving(exchange=False)
        assert ["NOT_SERVING", "SERVING"] == [await of(name) for name in names]
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await of("no.Such")
        assert grpc.StatusCode.NOT_FOUND == caught.value.code()

    over(tmp_path, act)


def test_every_answer_carries_the_checkpoint(tmp_path: Path) -> None:
    """Answers and refusals of every service have the newest checkpoint in their trailers."""

    async def act(house: House, channel: Any) -> None:
        note = house.log.note.encode()
        audit = audit_pb2_grpc.AuditServiceStub(channel)
        agreements = agreement_pb2_grpc.AgreementServiceStub(channel)
        good = [
            audit.GetCheckpoint(audit_pb2.GetCheckpointRequest()),
            agreements.ListAgreements(agreement_pb2.ListAgreementsRequest()),
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest()),
        ]
        for call in good:
            await call
            assert note == dict(await call.trailing_metadata())["accord-checkpoint-bin"]
        bad = [
            audit.GetTile(audit_pb2.GetTileRequest(path="../etc")),
            agreements.GetAgreement(agreement_pb2.GetAgreementRequest(id="elsewhere")),
        ]
        for call in bad:
            failure = await fails(call)
            assert note == dict(failure.trailing_metadata())["accord-checkpoint-bin"]

    over(tmp_path, act)


def test_reads_are_bounded(tmp_path: Path) -> None:
    """Negative sizes and places are refused, large ones lowered, pages cut at 1 MiB."""

    async def act(house: House, channel: Any) -> None:
        audit = audit_pb2_grpc.AuditServiceStub(channel)
        page = await audit.GetEntries(audit_pb2.GetEntriesRequest(count=5000))
        assert [0, 1] == [entry.index for entry in page.entries]
        refused = [
            audit.GetEntries(audit_pb2.GetEntriesRequest(start=-1)),
            audit.GetEntries(audit_pb2.GetEntriesRequest(count=-1)),
            audit.GetInclusionProof(audit_pb2.GetInclusionProofRequest(index=-1)),
            audit.GetInclusionProof(audit_pb2.GetInclusionProofRequest(size=-1)),
            audit.GetConsistencyProof(audit_pb2.GetConsistencyProofRequest()),
            audit.GetConsistencyProof(audit_pb2.GetConsistencyProofRequest(old_size=5, new_size=4)),
            audit.GetTile(audit_pb2.GetTileRequest(path="tile/0/000.p/0")),
            agreement_pb2_grpc.AgreementServiceStub(channel).ListAgreements(
                agreement_pb2.ListAgreementsRequest(page_size=-1)
            ),
        ]
        for call in refused:
            assert Reason.INVALID_REQUEST == error_of(await fails(call)).reason
        beyond = audit.GetInclusionProof(audit_pb2.GetInclusionProofRequest(index=11))
        assert grpc.StatusCode.OUT_OF_RANGE == (await fails(beyond)).code()

    over(tmp_path, act)


def test_explain_is_for_the_parties_of_the_flow(tmp_path: Path) -> None:
    """Provider or recipient may ask; to others a flow that exists is as one that does not."""

    async def act(house: House, channel: Any) -> None:
        stub = exchange_pb2_grpc.ExchangeServiceStub(channel)
        request = exchange_pb2.ExplainRequest(terms=from_request(a_request()).terms)
        response = await stub.Explain(request)
        assert ("permit", ["county"]) == (response.WhichOneof("answer"), list(response.reads))

        request.terms.recipient = "somebody-else"
        assert Reason.NO_PROVISION == error_of(await fails(stub.Explain(request))).reason

    over(tmp_path, act)


def canary_calls(channel: Any) -> Iterator[Any]:
    message = from_request(a_request())
    message.request_id = CANARY
    message.terms.purpose = CANARY
    condition = message.terms.where.add(field=CANARY, operator=1)
    condition.values.add(text=CANARY * 400)
    yield exchange_pb2_grpc.ExchangeServiceStub(channel).Exchange(message)
    yield exchange_pb2_grpc.ExchangeServiceStub(channel).Explain(
        exchange_pb2.ExplainRequest(terms=message.terms)
    )
    yield audit_pb2_grpc.AuditServiceStub(channel).GetTile(audit_pb2.GetTileRequest(path=CANARY))
    yield agreement_pb2_grpc.AgreementServiceStub(channel).GetAgreement(
        agreement_pb2.GetAgreementRequest(id=CANARY)
    )
    yield audit_pb2_grpc.AuditServiceStub(channel).GetCheckpoint(
        audit_pb2.GetCheckpointRequest(), metadata=(("authorization", f"Bearer {CANARY}"),)
    )


def test_a_refusal_quotes_no_value(tmp_path: Path) -> None:
    """Whatever a caller writes in a field comes back in no status, only its path."""

    async def act(house: House, channel: Any) -> None:
        for call in canary_calls(channel):
            failure = await fails(call)
            assert CANARY not in f"{failure.details()}{failure.trailing_metadata()}"

    over(tmp_path, act)
