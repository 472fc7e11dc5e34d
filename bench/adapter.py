"""`python -m bench.adapter FOLDER PORT ROWS MANY`: the adapter process, over records in memory."""

from __future__ import annotations

import sys
from pathlib import Path

from adapters.serve import Listening, Server
from bench.county import PROVIDER, flows
from bench.loops import until_told
from bench.records import MemoryAdapter
from gateway.cli import loop
from gateway.cli.deploy.write import GATEWAY_SAN
from gateway.wire.tls import TlsFiles


async def serve(folder: Path, port: int, rows: int, many: int) -> None:
    """Serve until a signal."""
    served = {flow.purpose: flow.rows for flow in flows(rows, many).values()}
    home = folder / "agencies" / PROVIDER
    tls = TlsFiles(home / "adapter.crt", home / "adapter.key", home / "ca.crt")
    server = Server(
        MemoryAdapter(rows, served),
        Listening(f"127.0.0.1:{port}", tls, frozenset({GATEWAY_SAN})),
    )
    await server.start()
    await until_told(server.port, "adapter", lambda: server.stop(1.0))


if __name__ == "__main__":
    loop.run(serve(Path(sys.argv[1]), *map(int, sys.argv[2:5])))
