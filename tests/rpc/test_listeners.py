# ruff: noqa: ANN401, D103, FBT003, PLC0415 - twins and helpers of tests
"""The listeners: TLS 1.3 alone, one server a port, reflection for operators, rotation."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpclib.client import Channel as PureChannel
from grpclib.client import UnaryUnaryMethod

from gateway.errors import Reason, SettingsError
from gateway.ports import Logged, Message
from gateway.v1 import audit_pb2, audit_pb2_grpc, exchange_pb2_grpc
from gateway.wire.convert.exchange import from_request
from gateway.wire.status import error_of
from gateway.wire.tls import (
    CHANNEL_OPTIONS,
    channel_credentials,
    refuse_trace,
    server_credentials,
    server_limits,
)
from tests.data import ROOT
from tests.rpc.test_chain import endless, fails, until
from tests.rpc.tls import Authority
from tests.rpc.twins import (
    EXCHANGE_ID,
    House,
    a_chunk,
    a_header,
    a_house,
    a_receipt,
    a_request,
    agency,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from gateway.ports import Send
    from gateway.values import Request
    from tests.rpc.tls import Cert


def dial(target: str, cert: Cert, *more: tuple[str, int]) -> grpc.aio.Channel:
    # A subchannel pool of its own: else two channels of one process share a connection.
    options = (*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1), *more)
    return grpc.aio.secure_channel(target, channel_credentials(cert.files), options=options)


def over(
    tmp_path: Path, act: Callable[[House, Authority, Cert], Awaitable[None]], **how: Any
) -> None:
    """Run a gateway, and act with its authority and one agency's certificate."""
    authority = Authority(tmp_path)

    async def main() -> None:
        server = authority.issue("localhost", file="server")
        cert = authority.issue("synthetic-phd.test")
        async with a_house(server, agency("synthetic-phd"), **how) as house:
            await act(house, authority, cert)

    asyncio.run(main())


async def checkpoint(channel: Any) -> str:
    stub = audit_pb2_grpc.AuditServiceStub(channel)
    response = await stub.GetCheckpoint(audit_pb2.GetCheckpointRequest(), timeout=5)
    return str(response.checkpoint)


async def by_python_ssl(house: House, context: ssl.SSLContext) -> Any:
    """Call through a stack that is not gRPC's own, which can choose its version of TLS."""
    channel = PureChannel("localhost", house.gateway.port, ssl=context)
    try:
        method = UnaryUnaryMethod(
            channel,
            "/gateway.v1.AuditService/GetCheckpoint",
            audit_pb2.GetCheckpointRequest,
            audit_pb2.GetCheckpointResponse,
        )
        return await method(audit_pb2.GetCheckpointRequest())
    finally:
        channel.close()


def test_tls_1_2_is_too_old(tmp_path: Path) -> None:
    """A client of TLS 1.2 gets TLS_TOO_OLD, one of 1.3 its answer (T15)."""

    async def act(house: House, authority: Authority, cert: Cert) -> None:
        context = cert.context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(Exception, match=r"not TLS 1\.3"):
            await by_python_ssl(house, context)
        await until(lambda: bool(house.measured.calls))
        assert [("GetCheckpoint", "UNAUTHENTICATED", "TLS_TOO_OLD", "")] == house.measured.calls
        assert house.log.note == (await by_python_ssl(house, cert.context())).checkpoint

    over(tmp_path, act)


def test_without_a_certificate_nobody_connects(tmp_path: Path) -> None:
    """A client without certificate, one of another authority, and plaintext reach nothing."""

    async def act(house: House, authority: Authority, cert: Cert) -> None:
        stranger = Authority(tmp_path / "other").issue("synthetic-phd.test")
        trust = authority.file.read_bytes()
        chain, key, _ = stranger.files.read()
        for channel in (
            grpc.aio.secure_channel(house.target, grpc.ssl_channel_credentials(trust)),
            grpc.aio.secure_channel(house.target, grpc.ssl_channel_credentials(trust, key, chain)),
            grpc.aio.insecure_channel(house.target),
        ):
            async with channel:
                failure = await fails(
                    audit_pb2_grpc.AuditServiceStub(channel).GetCheckpoint(
                        audit_pb2.GetCheckpointRequest(), timeout=5
                    )
                )
                assert grpc.StatusCode.UNAVAILABLE == failure.code()
        assert [] == house.measured.calls

    over(tmp_path, act)


def test_a_second_gateway_on_the_port_refuses_to_start(tmp_path: Path) -> None:
    """Two servers never share a port in silence (T18)."""

    async def act(house: House, authority: Authority, cert: Cert) -> None:
        from gateway.rpc.server import (
            Gateway,
            Listeners,
        )

        first = house.gateway._listeners  # noqa: SLF001 - the same place again
        again = Gateway(house.parts, Listeners(house.target, first.tls))
        with pytest.raises(SettingsError, match="cannot be bound"):
            await again.start()
        await again.stop(0)

    over(tmp_path, act)


def test_reflection_is_for_operators(tmp_path: Path) -> None:
    """Reflection answers on the admin listener; on the main one it is UNIMPLEMENTED (T19)."""

    async def act(house: House, authority: Authority, cert: Cert) -> None:
        def ask(channel: Any) -> Any:
            request = reflection_pb2.ServerReflectionRequest(list_services="")
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            return stub.ServerReflectionInfo(iter([request]))

        async with dial(house.target, cert) as main:
            assert grpc.StatusCode.UNIMPLEMENTED == (await fails(ask(main))).code()
        async with dial(f"localhost:{house.gateway.admin_port}", cert) as admin:
            answers = [answer async for answer in ask(admin)]
            named = {service.name for service in answers[0].list_services_response.service}
            assert {"gateway.v1.ExchangeService", "grpc.health.v1.Health"} <= named
            health = health_pb2_grpc.HealthStub(admin)
            response = await health.Check(health_pb2.HealthCheckRequest())
            assert health_pb2.HealthCheckResponse.SERVING == response.status
            exchange = exchange_pb2_grpc.ExchangeServiceStub(admin)
            failure = await fails(exchange.Exchange(from_request(a_request())))
            assert grpc.StatusCode.UNIMPLEMENTED == failure.code()

    over(tmp_path, act, admin=True)


def test_a_rotated_certificate_serves_new_connections(tmp_path: Path) -> None:
    """New handshakes see new files; a half rotation keeps the old; open streams go on (T14)."""

    async def act(house: House, authority: Authority, cert: Cert) -> None:
        async with dial(house.target, cert) as first:
            await checkpoint(first)
            server = house.gateway._listeners.tls  # noqa: SLF001
            before = await seen_by(house, cert)

            server.certificate.write_bytes(b"")
            assert before == await seen_by(house, cert)

            authority.issue("localhost", file="server")
            assert before != await seen_by(house, cert)
            assert house.log.note == await checkpoint(first)

    over(tmp_path, act)


async def seen_by(house: House, cert: Cert) -> bytes:
    """Return the certificate that the server shows to a new connection."""
    context = cert.context()
    _, writer = await asyncio.open_connection("localhost", house.gateway.port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(True)
    writer.close()
    assert isinstance(shown, bytes)
    return shown


def test_a_removed_authority_ends_new_connections(tmp_path: Path) -> None:
    """Once an authority is taken out, its certificates open no new connection (T14)."""

    async def act(house: House, authority: Authority, cert: Cert) -> None:
        async with dial(house.target, cert) as first:
            await checkpoint(first)
        other = Authority(tmp_path / "other")
        authority.file.write_bytes(other.file.read_bytes())
        # The client goes on trusting the gateway's own certificate.
        trust = grpc.ssl_channel_credentials(*(part for part in trusting))
        async with grpc.aio.secure_channel(house.target, trust) as second:
            failure = await fails(
                audit_pb2_grpc.AuditServiceStub(second).GetCheckpoint(
                    audit_pb2.GetCheckpointRequest(), timeout=5
                )
            )
            assert grpc.StatusCode.UNAVAILABLE == failure.code()

    authority = Authority(tmp_path)
    trusting: list[bytes] = []

    async def main() -> None:
        server = authority.issue("localhost", file="server")
        cert = authority.issue("synthetic-phd.test")
        chain, key, trust = cert.files.read()
        trusting.extend([trust, key, chain])
        async with a_house(server, agency("synthetic-phd")) as house:
            await act(house, authority, cert)

    asyncio.run(main())


def test_a_denied_certificate_ends_on_an_open_connection(tmp_path: Path) -> None:
    """A thumbprint put on the deny-list is refused at its next call, connection or not (T14)."""

    async def act(house: House, authority: Authority, cert: Cert) -> None:
        async with dial(house.target, cert) as channel:
            await checkpoint(channel)
            house.registry.swap(agency("synthetic-phd", denied=[cert.thumbprint]))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await checkpoint(channel)
            assert Reason.CERTIFICATE_DENIED == error_of(caught.value).reason

    over(tmp_path, act)


def test_a_connection_that_is_too_old_is_cut_unavailable(tmp_path: Path) -> None:
    """A stream longer than age and grace ends UNAVAILABLE; clients resume, calls go on (T16)."""

    async def act(house: House, authority: Authority, cert: Cert) -> None:
        house.broker.script = endless
        async with dial(house.target, cert) as channel:
            call = exchange_pb2_grpc.ExchangeServiceStub(channel).Exchange(
                from_request(a_request())
            )
            failure = await fails(call)
            assert grpc.StatusCode.UNAVAILABLE == failure.code()
            assert house.log.note == await checkpoint(channel)
        await until(lambda: ["cancelled"] == house.broker.ended)

    over(tmp_path, act, age_s=0.5, grace_s=0.5)


def test_a_dead_proxy_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Channels ignore `http_proxy` and its like (T20)."""
    for name in ("http_proxy", "https_proxy", "grpc_proxy"):
        monkeypatch.setenv(name, "http://localhost:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    async def act(house: House, authority: Authority, cert: Cert) -> None:
        async with dial(house.target, cert) as channel:
            assert house.log.note == await checkpoint(channel)

    over(tmp_path, act)


def test_grpc_trace_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With GRPC_TRACE set no server and no client starts, and the reason is said (T20)."""
    monkeypatch.setenv("GRPC_TRACE", "http")
    files = Authority(tmp_path).issue("localhost").files
    for start in (
        refuse_trace,
        lambda: server_credentials(files),
        lambda: channel_credentials(files),
    ):
        with pytest.raises(SettingsError, match="GRPC_TRACE"):
            start()
    monkeypatch.setenv("GRPC_TRACE", "")
    refuse_trace()


def test_stopping_lets_open_exchanges_end(tmp_path: Path) -> None:
    """Health says NOT_SERVING; a call in flight completes within the grace; then it is over."""

    async def act(house: House, authority: Authority, cert: Cert) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def script(request: Request, send: Send) -> None:
            begun.set()
            await go_on.wait()
            await send(Message(a_header(), a_chunk(), Logged(EXCHANGE_ID, 0, 7), a_receipt()))

        house.broker.script = script
        async with dial(house.target, cert) as channel:
            call = exchange_pb2_grpc.ExchangeServiceStub(channel).Exchange(
                from_request(a_request())
            )
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            assert health_pb2.HealthCheckResponse.SERVING == (await watch.read()).status
            await begun.wait()
            stopping = asyncio.ensure_future(house.gateway.stop(5))
            assert health_pb2.HealthCheckResponse.NOT_SERVING == (await watch.read()).status
            watch.cancel()
            await asyncio.sleep(0.4)
            go_on.set()
            assert 1 == len([message async for message in call])
            await stopping
            with pytest.raises(grpc.aio.AioRpcError):
                await checkpoint(channel)

    over(tmp_path, act)


def test_every_limit_is_set_by_name() -> None:
    """Message and metadata sizes, streams, ages and pings are ours, not a release's defaults."""
    options = dict(server_limits())

    assert (4 << 20, 4 << 20, 16 << 10, 32 << 10, 1024, 0) == (
        options["grpc.max_send_message_length"],
        options["grpc.max_receive_message_length"],
        options["grpc.max_metadata_size"],
        options["grpc.absolute_max_metadata_size"],
        options["grpc.max_concurrent_streams"],
        options["grpc.so_reuseport"],
    )
    assert (1_200_000, 900_000) == (
        options["grpc.max_connection_age_ms"],
        options["grpc.max_connection_age_grace_ms"],
    )


def test_a_message_of_4_mib_is_the_librarys_to_refuse(tmp_path: Path) -> None:
    """A request beyond 4 MiB never reaches the chain."""

    async def act(house: House, authority: Authority, cert: Cert) -> None:
        async with dial(house.target, cert, ("grpc.max_send_message_length", -1)) as channel:
            message = from_request(a_request())
            message.terms.purpose = "x" * (4 << 20)
            failure = await fails(exchange_pb2_grpc.ExchangeServiceStub(channel).Exchange(message))
            assert grpc.StatusCode.RESOURCE_EXHAUSTED == failure.code()
            assert [] == house.broker.requests

    over(tmp_path, act)


def test_the_wire_loads_no_engine_and_no_contrib() -> None:
    """Importing the wire brings no contrib interceptor (T23), and no engine or database."""
    code = (
        "import sys, gateway.rpc.server, gateway.remote.client, gateway.remote.source\n"
        "bad = [m for m in sys.modules if m.startswith(('opentelemetry.instrumentation',"
        " 'grpc_observability', 'polars', 'duckdb', 'ibis'))]\n"
        "print(bad)"
    )
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert "[]" == run.stdout.strip()
