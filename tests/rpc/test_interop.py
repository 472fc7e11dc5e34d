# ruff: noqa: ANN401, ARG005, D103 - twins and helpers of tests
"""Clients that nobody here wrote: buf curl (Go) and grpclib (Python over h2)."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpclib import GRPCError, Status
from grpclib.client import Channel, UnaryStreamMethod, UnaryUnaryMethod

from gateway.v1 import exchange_pb2
from gateway.wire.convert.exchange import from_request
from tests.data import ROOT
from tests.rpc.test_chain import endless, until
from tests.rpc.tls import Authority
from tests.rpc.twins import House, a_house, a_request, agency, refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.rpc.tls import Cert

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
BUF = shutil.which("buf", path=PATH)
needs_buf = pytest.mark.skipif(
    BUF is None, reason="needs buf (PyPI buf-bin) beside the interpreter"
)
EXCHANGE = "/gateway.v1.ExchangeService/Exchange"


def over(tmp_path: Path, act: Callable[[House, Cert], Awaitable[None]], **how: Any) -> None:
    """Run a gateway, and act with an agency's certificate."""
    authority = Authority(tmp_path)

    async def main() -> None:
        cert = authority.issue("synthetic-phd.test")
        server = authority.issue("localhost")
        async with a_house(server, agency("synthetic-phd"), **how) as house:
            await act(house, cert)

    asyncio.run(main())


async def curl(house: House, cert: Cert | None, method: str, data: object) -> tuple[int, str, str]:
    """Return (exit code, stdout, stderr) of buf curl."""
    arguments = ["curl", "--schema", "proto", "--protocol", "grpc", "-d", json.dumps(data)]
    if cert is not None:
        arguments += ["--cert", str(cert.files.certificate), "--key", str(cert.files.key)]
    authority = house.gateway._listeners.tls.authority  # noqa: SLF001
    process = await asyncio.create_subprocess_exec(
        str(BUF), *arguments, "--cacert", str(authority), f"https://{house.target}{method}",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


REQUEST: dict[str, Any] = {
    "requestId": a_request().request_id,
    "terms": {
        "provider": "synthetic-ems", "recipient": "synthetic-phd", "dataset": "ems.overdose_run@1",
        "purpose": "public_health.surveillance", "fields": ["county", "age"],
    },
    "format": "FORMAT_ARROW",
}  # fmt: skip


@needs_buf
def test_buf_curl_reads_each_service(tmp_path: Path) -> None:
    """A unary read of every service, and a streamed exchange, through Go's stack over mTLS."""

    async def act(house: House, cert: Cert) -> None:
        code, out, err = await curl(house, cert, "/gateway.v1.AuditService/GetCheckpoint", {})
        assert (0, house.log.note) == (code, json.loads(out)["checkpoint"]), err
        code, out, err = await curl(house, cert, "/gateway.v1.AgreementService/ListAgreements", {})
        assert (0, {}) == (code, json.loads(out)), err
        terms = {"terms": REQUEST["terms"]}
        code, out, err = await curl(house, cert, "/gateway.v1.ExchangeService/Explain", terms)
        assert (0, ["county"]) == (code, json.loads(out)["reads"]), err
        code, out, err = await curl(house, cert, EXCHANGE, REQUEST)
        message = json.loads(out)
        assert (0, {"header", "batch", "receipt"}) == (code, set(message)), err

    over(tmp_path, act)


@needs_buf
def test_buf_curl_reads_a_rich_error(tmp_path: Path) -> None:
    """A refusal's reason, step and clause reach a Go client; it exits with 8 times the status."""

    async def act(house: House, cert: Cert) -> None:
        house.broker.script = refuse
        code, _, err = await curl(house, cert, EXCHANGE, REQUEST)
        failure = json.loads(err)
        info = next(one for one in failure["details"] if one["type"].endswith("ErrorInfo"))
        value = info["value"]
        told = ErrorInfo.FromString(b64decode(value + "=" * (-len(value) % 4)))
        assert (8 * 7, "permission_denied") == (code, failure["code"])
        assert ("NO_PROVISION", "accord", "4", "§ 4") == (
            told.reason, told.domain, told.metadata["step"], told.metadata["clause"]
        )  # fmt: skip

    over(tmp_path, act)


@needs_buf
def test_buf_curl_without_a_certificate_reaches_nothing(tmp_path: Path) -> None:
    """No client certificate, no connection."""

    async def act(house: House, cert: Cert) -> None:
        code, out, _ = await curl(house, None, "/gateway.v1.AuditService/GetCheckpoint", {})
        assert (True, "") == (code != 0, out)
        assert [] == house.measured.calls

    over(tmp_path, act)


async def pure(house: House, cert: Cert, act: Callable[[Channel], Awaitable[None]]) -> None:
    channel = Channel("localhost", house.gateway.port, ssl=cert.context())
    try:
        await act(channel)
    finally:
        channel.close()


def test_grpclib_streams_an_exchange(tmp_path: Path) -> None:
    """A second Python stack reads a stream, a rich error's status, and its own deadline."""

    async def act(house: House, cert: Cert) -> None:
        async def calls(channel: Channel) -> None:
            method: Any = UnaryStreamMethod(
                channel, EXCHANGE, exchange_pb2.ExchangeRequest, exchange_pb2.ExchangeResponse
            )
            messages = await method(from_request(a_request()))
            assert [True] == [message.HasField("receipt") for message in messages]

            house.broker.script = refuse
            with pytest.raises(GRPCError) as caught:
                await method(from_request(a_request()))
            assert Status.PERMISSION_DENIED == caught.value.status

            house.broker.script = lambda request, send: asyncio.sleep(5)
            with pytest.raises((GRPCError, asyncio.TimeoutError)):
                await method(from_request(a_request()), timeout=0.2)
            await until(lambda: house.broker.ended[-1] == "cancelled")

            explain: Any = UnaryUnaryMethod(
                channel,
                "/gateway.v1.ExchangeService/Explain",
                exchange_pb2.ExplainRequest,
                exchange_pb2.ExplainResponse,
            )
            request = exchange_pb2.ExplainRequest(terms=from_request(a_request()).terms)
            assert ["county"] == list((await explain(request)).reads)

        await pure(house, cert, calls)

    over(tmp_path, act)


def test_grpclib_that_cancels_is_cancelled(tmp_path: Path) -> None:
    """A stream that a foreign client cancels ends the broker as a cancel, on flow control."""

    async def act(house: House, cert: Cert) -> None:
        house.broker.script = endless

        async def calls(channel: Channel) -> None:
            method: Any = UnaryStreamMethod(
                channel, EXCHANGE, exchange_pb2.ExchangeRequest, exchange_pb2.ExchangeResponse
            )
            async with method.open() as stream:
                await stream.send_message(from_request(a_request()), end=True)
                message = await stream.recv_message()
                assert message.HasField("header")
                await stream.cancel()
            await until(lambda: ["cancelled"] == house.broker.ended)

        await pure(house, cert, calls)

    over(tmp_path, act)
