"""`python -m bench.adapter FOLDER PORT ROWS MANY`: the adapter process, over records in memory.

With `cube` in place of MANY it holds the runs that the cube is made of.
"""

from __future__ import annotations

import sys
from pathlib import Path

from adapters.serve import Listening, Server
from bench import cube
from bench.county import PROVIDER, flows
from bench.loops import until_told
from bench.records import MemoryAdapter, columns
from gateway.cli import loop
from gateway.cli.deploy.write import GATEWAY_SAN
from gateway.wire.tls import TlsFiles


def adapter(rows: int, many: str) -> MemoryAdapter:
    """Return the adapter over its records."""
    if many == "cube":
        return MemoryAdapter(cube.columns(rows), {cube.PURPOSE: rows})
    served = {flow.purpose: flow.rows for flow in flows(rows, int(many)).values()}
    return MemoryAdapter(columns(rows), served)


async def serve(folder: Path, port: int, rows: int, many: str) -> None:
    """Serve until a signal."""
    home = folder / "agencies" / PROVIDER
    tls = TlsFiles(home / "adapter.crt", home / "adapter.key", home / "ca.crt")
    server = Server(
        adapter(rows, many),
        Listening(f"127.0.0.1:{port}", tls, frozenset({GATEWAY_SAN})),
    )
    await server.start()
    await until_told(server.port, "adapter", lambda: server.stop(1.0))


if __name__ == "__main__":
    loop.run(serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
