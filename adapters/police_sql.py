"""Where a police table is: a CSV file read by DuckDB, an SQLite file, or a DuckDB file; each read-only.

Ibis writes one expression; the engines differ in how they read dates and instants out of text, and
that difference is `Engine`. Every column comes in as text, whatever its declared type. Columns are
matched by name, so a move changes nothing: the CSV header `Incident Date` and the database's
`incident_date` are one name.
"""

from __future__ import annotations

import functools
import re
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import ibis

from adapters import canonical, civil_time
from adapters.hardened import UnreadableError, opened, read_csv, unreadable
from gateway.errors import Reason, SettingsError, SourceError
from gateway.values import DatasetId, FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from zoneinfo import ZoneInfo

    from adapters.base import Report

Expr: TypeAlias = Any
"""An Ibis expression; Ibis has no types of its own."""

INSTANT = "timestamp('UTC')"
_SQLITE_HEAD = b"SQLite format 3\x00"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


@ibis.udf.scalar.builtin(name="datetime", signature=(("str",), INSTANT))
def _sqlite_instant(text: str) -> Any:  # type: ignore[empty-body]  # noqa: ANN401
    """SQLite's own: text with an offset becomes UTC text without a fraction, or null."""


@ibis.udf.scalar.builtin(name="date", signature=(("str",), "string"))
def _sqlite_date(text: str) -> str:  # type: ignore[empty-body]
    """SQLite's own: the text where it is a calendar date; 30 February becomes 2 March."""


def snake(name: str) -> str:
    """Return a column name in the one form that names are compared in."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


@dataclass(frozen=True, slots=True)
class Engine:
    """How one engine reads text that has the right form, null where it means nothing.

    Attributes:
        date: From `YYYY-MM-DD`, null for a day that does not exist.
        instant: From `YYYY-MM-DD HH:MM:SS+HH:MM`.
        stage: Rows whose columns the engine computes once, however often they are named later.
    """

    date: Callable[[Expr], Expr]
    instant: Callable[[Expr], Expr]
    stage: Callable[[Expr], Expr] = lambda rows: rows


DUCKDB = Engine(
    date=lambda iso: iso.try_cast("date"),
    instant=lambda text: text.try_cast(INSTANT),
)

# DATETIME() and not a cast: Ibis casts with STRFTIME, whose fraction `.000` makes a text greater
# than the literal of the same instant. DATE() rolls a day that does not exist over to the next
# month, so the text must come back unchanged.
SQLITE = Engine(
    date=lambda iso: (_sqlite_date(iso) == iso).ifelse(iso, None).cast("date"),
    instant=_sqlite_instant,
    # SQLite writes a subquery's expressions out wherever they are named, unless it has a limit.
    stage=lambda rows: rows.limit(1 << 62),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A source table with its columns as text under their snake names, and the engine it runs on."""

    table: Expr
    engine: Engine


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
        raw, engine = self._raw()
        held = {snake(name): name for name in reversed(raw.columns)}
        for name in required:
            if name not in held:
                message = f"a source lacks the column `{name}`"
                raise SourceError(Reason.ADAPTER_UNAVAILABLE, message, field=name)
        columns = {
            name: raw[held[name]].cast("string").strip() if name in held else ibis.null("string")
            for name in (*required, *known)
        }
        return Opened(raw.select(**columns), engine)

    def _raw(self) -> tuple[Expr, Engine]:
        if not self.table:
            return _csv(self.path), DUCKDB
        if _head(self.path) == _SQLITE_HEAD:
            # Not bound to a thread: a scan may be read from another than opened it, never by two.
            address = f"{self.path.as_uri()}?mode=ro"
            held = sqlite3.connect(address, uri=True, check_same_thread=False)
            return ibis.sqlite.from_connection(held).table(self.table), SQLITE
        connection = ibis.duckdb.connect(self.path, read_only=True)
        return connection.table(self.table), DUCKDB

    def state(self) -> tuple[tuple[int, int], ...]:
        """Return what changes whenever the source does: time and size of the file and its journal."""
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        stats = [file.stat() for file in files if file.exists()]
        return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)

    def inspect(self, names: Iterable[str], report: Report) -> None:
        """Count rows of a CSV file that are no records, and name columns that nobody knows.

        Raises:
            SourceError: The file is refused whole, by `hardened`'s rules.
        """
        if self.table:
            columns = self._raw()[0].columns
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


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_SQLITE_HEAD))


def _csv(path: Path) -> Expr:
    # No extension is loaded and nothing is guessed: all text, one dialect. Rows that `_checked`
    # counts as ragged are left out here too.
    connection = ibis.duckdb.connect(threads=2, autoinstall_known_extensions=False)
    return connection.read_csv(
        str(path),
        table_name="source",
        all_varchar=True,
        header=True,
        delim=",",
        quote='"',
        escape='"',
        auto_detect=False,
        strict_mode=True,
        ignore_errors=True,
        columns=dict.fromkeys(opened(lambda: read_csv(path)).header, "VARCHAR"),
    )


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
    if good != _csv(path).count().execute():
        raise unreadable(UnreadableError("csv-malformed"))
    return table.header, ragged


def coded(column: Expr, spellings: Mapping[str, str]) -> Expr:
    """Return the code of each spelling, null for any other."""
    return column.substitute(dict(spellings), else_=ibis.null("string"))


_KINDS: Mapping[FieldType, str] = {
    FieldType.STRING: "string",
    FieldType.CODE: "string",
    FieldType.LIST: "string",
    FieldType.INTEGER: "int64",
    FieldType.NUMBER: "float64",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
    FieldType.TIMESTAMP: INSTANT,
}


def padded(dataset: DatasetId, held: Mapping[str, Expr]) -> dict[str, Expr]:
    """Return an expression for every field of the dataset, null for those that are not held."""
    return {
        name: held[name] if name in held else ibis.null(_KINDS[field.type])
        for name, field in canonical.fields(dataset).items()
    }


def digits(column: Expr, least: int, most: int) -> Expr:
    """Return the text where it is `least` to `most` digits, else null."""
    return column.re_search(f"^[0-9]{{{least},{most}}}$").ifelse(column, None)


def county(state: Expr, three: Expr) -> Expr:
    """Return five digits from a state's two and a county's one to three; 000 and 999 are none."""
    full = (ibis.literal("000") + digits(three, 1, 3)).right(3)
    return full.notin(["000", "999"]).ifelse(state + full, None)


def filled(column: Expr) -> Expr:
    """Return the text, null where it is empty."""
    return column.nullif("")


def iso_date(column: Expr) -> Expr:
    """Return `YYYY-MM-DD` from month-first `MM/DD/YYYY` or from itself, null for another form."""
    month_first = column.re_search(r"^[0-9]{2}/[0-9]{2}/[0-9]{4}$")
    already = column.re_search(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    turned = column.substr(6, 4) + "-" + column.substr(0, 2) + "-" + column.substr(3, 2)
    return ibis.cases((month_first, turned), (already, column), else_=ibis.null("string"))


def number(column: Expr) -> Expr:
    """Return a decimal number that text spells plainly, null for another form."""
    plain = column.re_search(r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$")
    return plain.ifelse(column, None).cast("float64")


def integer(column: Expr) -> Expr:
    """Return a whole number that text spells plainly, null for another form."""
    return column.re_search(r"^[0-9]{1,9}$").ifelse(column, None).cast("int64")


def zoned(rows: Expr, where: ZoneInfo) -> Expr:
    """Return the rows with `offset` and `note` of the zone at their column `local`, null where none.

    A join and not an expression: a case for each change of a zone is compiled once for each use of
    it, which came to a megabyte of SQL.
    """
    spans = ibis.memtable([asdict(span) for span in civil_time.spans(where)])
    at = [
        rows.local.substr(0, 4) == spans.year,
        rows.local >= spans.start,
        rows.local < spans.end,
    ]
    return rows.left_join(spans, at).select(rows, spans.offset, spans.note)


def enter(counted: Mapping[str, int | None], report: Report) -> None:
    """Enter counts into the scan's report.

    Args:
        counted: `rows`, `rows_unknown`, and by name `quarantine REASON` or `notice KIND FIELD`; null
            is none.
        report: Of the scan.
    """
    report.rows_read += counted["rows"] or 0
    report.rows_unknown += counted["rows_unknown"] or 0
    for name, rows in counted.items():
        word, _, rest = name.partition(" ")
        if not rows:
            continue
        if word == "quarantine":
            report.quarantined[rest] += rows
        elif word == "notice":
            kind, _, field = rest.partition(" ")
            report.notices[kind, field] += rows
