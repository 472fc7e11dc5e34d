"""Callers of every temper, for one gateway: what each did, and what it was told."""

from __future__ import annotations

import asyncio
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import grpc.aio

from gateway.v1 import exchange_pb2, exchange_pb2_grpc
from gateway.values import Form
from gateway.wire.convert.exchange import from_request
from gateway.wire.status import error_of
from gateway.wire.tls import TlsFiles, channel_credentials
from tests.stack.county import EMS, GATEWAY, PD, PHD, Town, new_id, request
from tests.stack.sources import Runs

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Awaitable, Callable, Iterator

    from adapters.base import Record, Report
    from gateway.errors import AccordError
    from gateway.values import DatasetId, Request

TOKENS: Final = 8
"""Tokens of a caller that are signed once and used in turn."""


class Moody(Runs):
    """EMS runs, none to thousands of them, as the scan falls; now and then one breaks off."""

    def __init__(self, day: dt.date, seed: int) -> None:
        super().__init__(0, day)
        self._dice = random.Random(seed)  # noqa: S311 - the choice of examples
        self._lock = threading.Lock()

    def rows(self, dataset: DatasetId, wanted: frozenset[str], report: Report) -> Iterator[Record]:
        """Yield the runs of one scan."""
        with self._lock:
            one = Runs(self._dice.choice((0, 1, 3, 3, 40, 1_200)), self.day)
            if one.count > 1 and self._dice.random() < 0.1:
                one.fails_at = self._dice.randrange(one.count)
        yield from one.rows(dataset, wanted, report)


@dataclass
class Told:
    """What one call was told.

    Attributes:
        kind: What the caller did.
        exchange: The exchange's id, where a header came.
        chunks: Chunks that came.
        receipt: Whether a receipt came.
        error: What it was refused with, or failed by.
    """

    kind: str
    exchange: str = ""
    chunks: int = 0
    receipt: bool = False
    error: AccordError | None = None

    def take(self, message: exchange_pb2.ExchangeResponse) -> None:
        """Note one message."""
        self.exchange = message.header.exchange_id or self.exchange
        self.chunks += message.HasField("batch")
        self.receipt |= message.HasField("receipt")


class Callers:
    """Make calls of each kind, at random, over a few channels.

    Args:
        town: Whose gateway is called.
        stranger: Certificate and key of an authority that the gateway does not know.
        seed: Of the choices.
    """

    def __init__(self, town: Town, stranger: TlsFiles, seed: int) -> None:
        self._town = town
        self._dice = random.Random(seed)  # noqa: S311 - the choice of examples
        self._tls = {agency: town.tls(agency) for agency in (PHD, PD)} | {"stranger": stranger}
        self._tokens = {agency: [town.token(agency) for _ in range(TOKENS)] for agency in (PHD, PD)}
        self._shared: dict[str, grpc.aio.Channel] = {}
        self.kinds: dict[str, Callable[[Told], Awaitable[None]]] = {
            "granted": self._granted,
            "repeated": self._repeated,
            "refused": self._refused,
            "malformed": self._malformed,
            "cancelled": self._cancelled,
            "deadline": self._deadline,
            "gone": self._gone,
            "stranger": self._stranger,
        }

    async def run(self, count: int, at_once: int) -> list[Told]:
        """Make so many calls, so many at once; return what each was told."""
        told: list[Told] = []
        left = iter(range(count))

        async def one() -> None:
            for _ in left:
                kind = self._dice.choice(tuple(self.kinds))
                one = Told(kind)
                try:
                    await self.kinds[kind](one)
                except grpc.aio.AioRpcError as failure:
                    one.error = error_of(failure)
                except (asyncio.CancelledError, grpc.aio.UsageError):
                    # It hung up itself, and hears no more.
                    pass
                told.append(one)

        await asyncio.gather(*(one() for _ in range(at_once)))
        for channel in self._shared.values():
            await channel.close()
        return told

    # --- What they do -----------------------------------------------------------------------------

    async def _granted(self, told: Told) -> None:
        await self._all(told, from_request(self._runs()))

    async def _repeated(self, told: Told) -> None:
        """Ask twice under one request id; the second is an exchange of its own."""
        message = from_request(self._runs())
        await self._all(Told("first"), message)
        await self._all(told, message)

    async def _refused(self, told: Told) -> None:
        asked = request(
            EMS, PD, "referral.post_overdose@1", "care.post_overdose_outreach", "referral_id"
        )
        await self._all(told, from_request(asked), agency=PD)

    async def _malformed(self, told: Told) -> None:
        message = from_request(self._runs())
        message.request_id = "not an id"
        await self._all(told, message)

    async def _cancelled(self, told: Told) -> None:
        call = self._call(from_request(self._runs()), self._channel(PHD))
        await self._some(told, call)
        call.cancel()

    async def _deadline(self, told: Told) -> None:
        timeout_s = self._dice.uniform(0.001, 0.08)
        await self._all(told, from_request(self._runs()), timeout_s=timeout_s)

    async def _gone(self, told: Told) -> None:
        """Close the connection, with the call still under way."""
        channel = self._new(PHD)
        await self._some(told, self._call(from_request(self._runs()), channel))
        await channel.close()

    async def _stranger(self, told: Told) -> None:
        async with self._new("stranger") as channel:
            await self._read(told, self._call(from_request(self._runs()), channel, timeout_s=5))

    # --- How they do it ---------------------------------------------------------------------------

    def _runs(self) -> Request:
        form = self._dice.choice((Form.ROWS, Form.ARROW))
        return request(
            EMS, PHD, "ems.overdose_run@1", "public_health.surveillance", "pcr_uuid age",
            form=form, request_id=new_id(),
        )  # fmt: skip

    async def _all(
        self, told: Told, message: object, agency: str = PHD, timeout_s: float = 30.0
    ) -> None:
        await self._read(told, self._call(message, self._channel(agency), agency, timeout_s))

    async def _some(self, told: Told, call: Any) -> None:  # noqa: ANN401 - a call of any stream
        """Wait a little, or for a few messages."""
        if self._dice.random() < 0.5:
            await asyncio.sleep(self._dice.uniform(0, 0.03))
        else:
            await self._read(told, call, self._dice.randrange(1, 4))

    @staticmethod
    async def _read(told: Told, call: Any, most: int = 1 << 30) -> None:  # noqa: ANN401 - likewise
        while most > 0 and (message := await call.read()) is not grpc.aio.EOF:
            told.take(message)
            most -= 1

    def _call(
        self, message: object, channel: grpc.aio.Channel, agency: str = PHD, timeout_s: float = 30.0
    ) -> Any:  # noqa: ANN401 - the generated stub has no types
        stub: Any = exchange_pb2_grpc.ExchangeServiceStub(channel)
        token = self._dice.choice(self._tokens[agency])
        metadata = [("authorization", f"Bearer {token}")]
        return stub.Exchange(message, timeout=timeout_s, metadata=metadata)

    def _channel(self, agency: str) -> grpc.aio.Channel:
        if agency not in self._shared:
            self._shared[agency] = self._new(agency)
        return self._shared[agency]

    def _new(self, agency: str) -> grpc.aio.Channel:
        # A connection of its own: channels of one look would share it, and its end.
        options = [
            ("grpc.ssl_target_name_override", GATEWAY),
            ("grpc.use_local_subchannel_pool", 1),
        ]
        credentials = channel_credentials(self._tls[agency])
        return grpc.aio.secure_channel(f"127.0.0.1:{self._town.port}", credentials, options)
