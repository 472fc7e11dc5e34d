"""`python -m bench.passing FOLDER ADAPTER_PORT`: the reference, a gateway without any logic.

`grpc.aio`, typed messages, mutual TLS on both hops and the options of the real one: nothing that
Accord adds can be faster. It forwards an exchange to the adapter's scan and its batches back.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio

from bench.county import PROVIDER
from bench.loops import until_told
from gateway.cli import loop
from gateway.cli.deploy.county import COUNTY
from gateway.remote.channel import Channel
from gateway.v1 import adapter_pb2, adapter_pb2_grpc, exchange_pb2, exchange_pb2_grpc
from gateway.wire.tls import TlsFiles, server_credentials, server_limits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DIGEST = bytes(32)
NOBODY = "00000000-0000-7000-8000-000000000000"


class Passing(exchange_pb2_grpc.ExchangeServiceServicer):
    """Forwards, and looks at nothing."""

    def __init__(self, channel: Channel) -> None:
        make: Any = adapter_pb2_grpc.AdapterServiceStub
        self._adapter = make(channel.get())

    async def Exchange(  # noqa: N802
        self,
        request: exchange_pb2.ExchangeRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[exchange_pb2.ExchangeResponse]:
        """Yield the adapter's batches as they are."""
        del context
        scan = adapter_pb2.ScanRequest(
            exchange_id=NOBODY,
            plan_digest=DIGEST,
            terms=request.terms,
            limit_rows=10**12,
            batch_rows=8192,
        )
        async for response in self._adapter.Scan(scan):
            yield exchange_pb2.ExchangeResponse(batch=response.batch)


async def serve(folder: Path, adapter_port: int) -> None:
    """Serve until a signal."""
    pki = folder / "pki"
    tls = TlsFiles(pki / "gateway.crt", pki / "gateway.key", pki / "ca.crt")
    san = next(member.adapter_san for member in COUNTY if member.id == PROVIDER)
    channel = Channel(f"127.0.0.1:{adapter_port}", tls, server_name=san)
    server = grpc.aio.server(options=server_limits())
    add: Any = exchange_pb2_grpc.add_ExchangeServiceServicer_to_server
    add(Passing(channel), server)
    port = server.add_secure_port("127.0.0.1:0", server_credentials(tls))
    await server.start()

    async def stop() -> None:
        await server.stop(1.0)
        await channel.close()

    await until_told(port, "pass-through", stop)


if __name__ == "__main__":
    loop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
