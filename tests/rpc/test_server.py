# ruff: noqa: ANN401, D103, SIM117 - twins and helpers of tests
"""Whole calls over mTLS on loopback: what the chain answers, whoever calls and whatever happens."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
import pytest

from gateway.errors import Reason, RefusedError
from gateway.v1 import exchange_pb2_grpc
from gateway.wire.convert.exchange import from_request
from gateway.wire.status import error_of
from gateway.wire.tls import CHANNEL_OPTIONS, channel_credentials
from tests.rpc.tls import Authority, Cert
from tests.rpc.twins import House, a_house, a_request, agency, refuse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def dial(house: House, cert: Cert) -> grpc.aio.Channel:
    return grpc.aio.secure_channel(
        house.target, channel_credentials(cert.files), options=CHANNEL_OPTIONS
    )


def run(authority: Authority, act: Callable[[House, grpc.aio.Channel], Awaitable[None]]) -> None:
    """Run a gateway that knows one agency, and act over its channel."""

    async def main() -> None:
        cert = authority.issue("synthetic-phd.test")
        async with a_house(authority.issue("localhost"), agency("synthetic-phd")) as house:
            async with dial(house, cert) as channel:
                await act(house, channel)

    asyncio.run(main())


def test_a_small_exchange_is_one_message(authority: Authority) -> None:
    """Header, batch and receipt come in one message, and the newest checkpoint in the trailers."""

    async def act(house: House, channel: Any) -> None:
        call = exchange_pb2_grpc.ExchangeServiceStub(channel).Exchange(from_request(a_request()))
        messages = [message async for message in call]

        assert 1 == len(messages)
        assert (True, True, True) == tuple(
            messages[0].HasField(name) for name in ("header", "batch", "receipt")
        )
        trailing = dict(await call.trailing_metadata())
        assert house.log.note.encode() == trailing["accord-checkpoint-bin"]
        assert "synthetic-phd" == house.broker.requests[0].caller.agency
        assert [("Exchange", "OK", "", "synthetic-phd")] == house.measured.calls

    run(authority, act)


def test_a_refusal_says_step_and_clause(authority: Authority) -> None:
    """A refusal comes back as the error that was raised, with the checkpoint beside it."""

    async def act(house: House, channel: Any) -> None:
        house.broker.script = refuse
        call = exchange_pb2_grpc.ExchangeServiceStub(channel).Exchange(from_request(a_request()))

        with pytest.raises(grpc.aio.AioRpcError) as caught:
            [message async for message in call]

        error = error_of(caught.value)
        assert isinstance(error, RefusedError)
        assert (Reason.NO_PROVISION, 4, "§ 4", 9, 1.5) == (
            error.reason, error.step, error.clause, error.index, error.retry_after_s
        )  # fmt: skip
        assert grpc.StatusCode.PERMISSION_DENIED == caught.value.code()
        assert (
            house.log.note.encode()
            == dict(caught.value.trailing_metadata())["accord-checkpoint-bin"]
        )

    run(authority, act)
