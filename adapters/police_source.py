"""Where a police table is: a CSV file read by DuckDB, an SQLite or a DuckDB file; all read-only.

Every column comes in as text, whatever its declared type. Columns are matched by name, so a move
changes nothing: the CSV header `Incident Date` and the database's `incident_date` are one name.
Each scan has a connection of its own; what an expression compiles to is kept between scans.
"""

from __future__ import annotations

import functools
import re
import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import ibis

from adapters import police_sql
from adapters.hardened import UnreadableError, opened, read_csv, unreadable
from adapters.police_sql import DUCKDB, SQLITE, Engine, Expr
from gateway.errors import Reason, SettingsError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from adapters.base import Report

_SQLITE_HEAD = b"SQLite format 3\x00"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TEXTS, _FILE = "accord_texts", "accord_file"


def snake(name: str) -> str:
    """Return a column name in the one form that names are compared in."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


@dataclass(frozen=True, slots=True)
class Opened:
    """A source table with its columns as text under their snake names.

    Attributes:
        columns: The source's own names, in its order.
    """

    table: Expr
    engine: Engine
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one police table is.

    Attributes:
        path: A CSV file, an SQLite file, or a DuckDB file.
        table: The table in the database; empty for a CSV file.
    """

    path: Path
    table: str = ""

    def open(self, required: Iterable[str], known: Iterable[str]) -> Opened:
        """Return the table; a known column that is absent is null in every row.

        Raises:
            SourceError: There is no such file or table, or a required column is absent.
        """
        backend, engine, source, columns = self._connect()
        held = {snake(name): name for name in reversed(columns)}
        for name in required:
            if name not in held:
                message = f"a source lacks the column `{name}`"
                raise SourceError(Reason.ADAPTER_UNAVAILABLE, message, field=name)
        names = (*required, *known)
        chosen = ", ".join(f"{_text(held.get(name))} AS {quoted(name)}" for name in names)
        # Every name in it is quoted, and no value of a record is in it.
        backend.raw_sql(f"CREATE TEMP VIEW {_TEXTS} AS SELECT {chosen} FROM {source}")  # noqa: S608
        schema = ibis.schema(dict.fromkeys(names, "string"))
        return Opened(police_sql.named(backend, _TEXTS, schema), engine, tuple(columns))

    def _connect(self) -> tuple[Any, Engine, str, list[str]]:
        """Return a new connection, its engine, the source as SQL names it, and its columns."""
        if not self.table:
            backend, columns = _csv(self.path)
            return backend, DUCKDB, _FILE, columns
        source = quoted(self.table)
        if _head(self.path) == _SQLITE_HEAD:
            # Not bound to a thread: a scan may be read from another than opened it, never by two.
            address = f"{self.path.as_uri()}?mode=ro"
            # Autocommit, or filling a temporary table would begin a transaction and a lock.
            held = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
            backend, engine = ibis.sqlite.from_connection(held), SQLITE
            # Ibis' own compiles the pattern for every cell, which took most of a scan's time. Were
            # its name to change, this would be idle and the scan slow, and nothing else.
            held.create_function("_IBIS_REGEX_SEARCH", 2, _search, deterministic=True)
        else:
            backend, engine = ibis.duckdb.connect(self.path, read_only=True), DUCKDB
        rows = backend.raw_sql(f"SELECT name FROM pragma_table_info({_literal(self.table)})")  # noqa: S608
        return backend, engine, source, [name for (name,) in rows.fetchall()]

    def state(self) -> tuple[tuple[int, int], ...]:
        """Return what changes whenever the source does: time and size of file and journal."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        stats = [file.stat() for file in files if file.exists()]
        return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)

    def inspect(self, names: Iterable[str], report: Report) -> None:
        """Count rows of a CSV file that are no records, and name columns that nobody knows.

        Raises:
            SourceError: The file is refused whole, by `hardened`'s rules.
        """
        if self.table:
            columns = tuple(self._connect()[3])
        else:
            stat = self.path.stat()
            columns, ragged = _checked(self.path, stat.st_mtime_ns, stat.st_size)
            if ragged:
                report.quarantined["csv-ragged"] += ragged
        known = frozenset(names)
        for place, column in enumerate(columns, 1):
            if snake(column) not in known:
                # A name that is no name may be a value that slipped into the header.
                plain = snake(column) if _NAME.fullmatch(snake(column)) else f"column {place}"
                report.notice("unknown-column", plain)


Step: TypeAlias = "Callable[[Expr, Engine], Expr]"
"""What makes one table of another."""


class Prepared:
    """Tables made of a source step by step, each a view, their SQL compiled once.

    Ibis takes longer to compile some thousand nodes than most scans take the database, and the
    more the deeper they lie; so every step, and every stage in it, is a view of its own.
    """

    def __init__(
        self,
        place: Place,
        columns: tuple[Sequence[str], Sequence[str]],
        steps: Sequence[Step],
        zone: ZoneInfo | None = None,
    ) -> None:
        """Take the place, the columns (required, optional), and the steps.

        Args:
            place: Where the source is.
            columns: Required, optional.
            steps: The first of the source's texts, each other of the one before.
            zone: Whose spans `zoned` joins with, where a step does that.
        """
        self._place = place
        self._columns = columns
        self._steps = tuple(steps)
        self._zone = zone
        self._compiled: dict[tuple[str, ...], list[_View]] = {}

    def tables(self) -> list[Expr]:
        """Return each step's table, in a new connection."""
        found = self._place.open(*self._columns)
        backend = found.table.get_backend()
        if self._zone is not None:
            police_sql.spanned(backend, self._zone)
        views = self._compiled.get(found.columns)
        if views is None:
            views = self._compiled[found.columns] = self._compile(found)
        else:
            for view in views:
                view.create(backend)
        return [view.of(backend) for view in views if view.step]

    def _compile(self, found: Opened) -> list[_View]:
        views: list[_View] = []
        backend, table = found.table.get_backend(), found.table

        def stage(expression: Expr, *, step: bool = False) -> Expr:
            held = found.engine.stage(expression)
            name = f"accord_view_{len(views) + 1}"
            view = _View(name, str(backend.compile(held)), held.schema(), step)
            view.create(backend)
            views.append(view)
            return view.of(backend)

        for step in self._steps:
            table = stage(step(table, replace(found.engine, stage=stage)), step=True)
        return views


@dataclass(frozen=True, slots=True)
class _View:
    """A view that a connection has once `create` was called; `step` where it ends a step."""

    name: str
    sql: str
    schema: Any
    step: bool

    def create(self, backend: Any) -> None:  # noqa: ANN401 - Ibis' own
        backend.raw_sql(f"CREATE TEMP VIEW {self.name} AS {self.sql}")

    def of(self, backend: Any) -> Expr:  # noqa: ANN401 - Ibis' own
        return police_sql.named(backend, self.name, self.schema)


def place(base: Path, csv: Path | None, database: Path | None, table: str | None) -> Place:
    """Return where a feed's settings point: `csv`, or `database` and `table`.

    Raises:
        SettingsError: Neither or both are set, or nothing is there.
    """
    path = csv or database
    if path is None or (csv and database) or bool(database) != bool(table):
        raise SettingsError("adapter settings: a feed has `csv`, or `database` and `table`")
    found = (base / path).resolve()
    if not found.is_file():
        raise SettingsError(f"adapter settings: `{path}` is no file")
    return Place(found, table or "")


def _search(text: str | None, pattern: str) -> bool | None:
    return None if text is None else re.search(pattern, text) is not None


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE_HEAD))


def quoted(name: str) -> str:
    """Return a name as SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _text(column: str | None) -> str:
    return "CAST(NULL AS TEXT)" if column is None else f"TRIM(CAST({quoted(column)} AS TEXT))"


def _csv(path: Path) -> tuple[Any, list[str]]:
    """Return a connection with the file as a view, and its header."""
    header = opened(lambda: read_csv(path)).header
    columns = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in header)
    # No extension is loaded and nothing is guessed: all text, one dialect. Rows that `_checked`
    # counts as ragged are left out here too.
    backend = ibis.duckdb.connect(threads=2, autoinstall_known_extensions=False)
    backend.raw_sql(
        f"CREATE TEMP VIEW {_FILE} AS SELECT * FROM read_csv({_literal(str(path))}, "  # noqa: S608
        f"columns={{{columns}}}, header=true, auto_detect=false, delim=',', quote='\"', "
        f"escape='\"', strict_mode=true, ignore_errors=true)"
    )
    return backend, list(header)


@functools.lru_cache(maxsize=16)
def _checked(path: Path, _changed_ns: int, _size: int) -> tuple[tuple[str, ...], int]:
    """Return a CSV file's header and how many rows are ragged, once for each state of the file.

    Raises:
        SourceError: The file is refused, or the two readers do not agree on its rows.
    """
    table = opened(lambda: read_csv(path))
    good = ragged = 0
    try:
        for _, cells in table.rows:
            whole = len(cells) == len(table.header)
            good, ragged = good + whole, ragged + (not whole)
    except UnreadableError as error:
        raise unreadable(error) from None
    counted = _csv(path)[0].raw_sql(f"SELECT count(*) FROM {_FILE}")  # noqa: S608
    if (good,) != counted.fetchone():
        raise unreadable(UnreadableError("csv-malformed"))
    return table.header, ragged
