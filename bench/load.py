"""The recipient's side: the same calls against either gateway, counted and timed.

It reads typed messages and their row counts and does no more, so that what differs between two
runs is the gateway. That digests and receipts hold is shown once, by `first`, before anything is
measured.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc.aio

from bench.county import PROVIDER, RECIPIENT
from bench.records import DATASET
from gateway.cli.clock import SystemClock
from gateway.cli.token import bearer
from gateway.remote.channel import Channel
from gateway.remote.client import Client
from gateway.settings import client_settings
from gateway.v1 import common_pb2, exchange_pb2, exchange_pb2_grpc
from gateway.values import Caller, Form, Request, Terms, uuid7
from gateway.wire.tls import TlsFiles

if TYPE_CHECKING:
    from pathlib import Path

    from bench.county import Flow

TIMEOUT_S: Final = 240.0


@dataclass(frozen=True, slots=True)
class Timed:
    """What one measurement found.

    Attributes:
        count: Rows, or exchanges.
        seconds: From the first call to the last answer.
        each_s: How long each exchange took; empty for bulk.
    """

    count: int
    seconds: float
    each_s: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Rows or exchanges in a second."""
        return self.count / self.seconds


class Recipient:
    """An agency that asks, over one channel to one gateway.

    Args:
        folder: The deployment.
        target: `host:port` of the gateway, or of the pass-through in its place.
        receipts: Whether each exchange must end in a receipt.
    """

    def __init__(self, folder: Path, target: str, *, receipts: bool) -> None:
        self._path = folder / "agencies" / RECIPIENT / "client.toml"
        self._settings = client_settings(self._path)
        home = self._path.parent
        tls = TlsFiles(home / "client.crt", home / "client.key", home / "ca.crt")
        self._tls, self._target, self._receipts = tls, target, receipts
        self._channel = Channel(target, tls, server_name=self._settings.gateway.san)
        self._clock = SystemClock()

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()

    def client(self) -> Client:
        """Return a client that verifies what comes; whoever asks for it closes it."""
        return Client(
            self._target,
            self._tls,
            self._settings.gateway.vkey,
            server_name=self._settings.gateway.san,
            token=lambda: bearer(self._path, self._settings, self._clock.now()),
        )

    def asked(self, flow: Flow) -> Request:
        """Return a new request, as a client takes it."""
        terms = Terms(PROVIDER, RECIPIENT, DATASET, flow.purpose, flow.fields)
        return Request(self._id(), terms, Caller(RECIPIENT, bytes(32)), Form.ARROW)

    async def first(self, flow: Flow) -> int:
        """Carry out one exchange, digests and receipt verified; return its rows."""
        client, rows = self.client(), 0
        try:
            async for message in client.exchange(self.asked(flow), timeout_s=TIMEOUT_S):
                rows += message.chunk.row_count if message.chunk else 0
        finally:
            await client.close()
        return rows

    async def bulk(self, flow: Flow) -> Timed:
        """Carry out one exchange of many rows."""
        call, metadata = self._call(), self._metadata()
        request = self._request(flow)
        started = time.perf_counter()
        rows, receipt = await _drain(call(request, timeout=TIMEOUT_S, metadata=metadata))
        seconds = time.perf_counter() - started
        self._judge(flow, rows, 1, receipt=receipt)
        return Timed(rows, seconds)

    async def small(self, flow: Flow, count: int, in_flight: int) -> Timed:
        """Carry out so many exchanges of one row, so many of them at a time."""
        call, metadata = self._call(), self._metadata()
        requests = [self._request(flow) for _ in range(count)]
        each: list[float] = []

        async def worker() -> None:
            while requests:
                request = requests.pop()
                began = time.perf_counter()
                found = await _drain(call(request, timeout=TIMEOUT_S, metadata=metadata))
                each.append(time.perf_counter() - began)
                self._judge(flow, found[0], 1, receipt=found[1])

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        return Timed(count, time.perf_counter() - started, tuple(each))

    def _call(self) -> Any:  # noqa: ANN401 - generated stubs have no types
        make: Any = exchange_pb2_grpc.ExchangeServiceStub
        return make(self._channel.get()).Exchange

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        token = bearer(self._path, self._settings, self._clock.now())
        return (("authorization", f"Bearer {token}"),)

    def _request(self, flow: Flow) -> exchange_pb2.ExchangeRequest:
        return exchange_pb2.ExchangeRequest(
            request_id=self._id(),
            terms=common_pb2.Terms(
                provider=PROVIDER,
                recipient=RECIPIENT,
                dataset=str(DATASET),
                purpose=flow.purpose,
                fields=flow.fields,
            ),
            format=exchange_pb2.FORMAT_ARROW,
        )

    def _id(self) -> str:
        return uuid7(self._clock.now(), os.urandom(10))

    def _judge(self, flow: Flow, rows: int, least: int, *, receipt: bool) -> None:
        """Raise where an exchange was not what is measured: a fast error is no result."""
        if rows != max(flow.rows, least) or receipt is not self._receipts:
            raise RuntimeError(f"{rows} rows came, receipt {receipt}: not what is measured")


async def _drain(call: grpc.aio.UnaryStreamCall[Any, Any]) -> tuple[int, bool]:
    rows, receipt = 0, False
    message: Any
    while (message := await call.read()) is not grpc.aio.EOF:
        rows += message.batch.row_count
        receipt = receipt or message.HasField("receipt")
    if await call.code() is not grpc.StatusCode.OK:
        raise RuntimeError(f"an exchange failed: {await call.code()} {await call.details()}")
    return rows, receipt
