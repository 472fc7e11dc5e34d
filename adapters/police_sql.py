"""Pieces of Ibis expressions over police tables whose columns are text.

Ibis writes one expression; the engines differ in how they read dates and instants out of text, and
that difference is `Engine`. What text of another form is meant to be is not guessed: it is null.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

import ibis
import ibis.expr.operations as ops

from adapters import arrow_stream, canonical, civil_time
from gateway.values import DatasetId, FieldType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from zoneinfo import ZoneInfo

    from adapters.base import Report

Expr: TypeAlias = Any
"""An Ibis expression; Ibis has no types of its own."""

INSTANT = "timestamp('UTC')"
_SPANS = "accord_spans"
_SPAN = tuple(field.name for field in fields(civil_time.Span))


def _builtin(name: str, kind: str) -> Callable[[Expr, str], Expr]:
    """Return SQLite's own function of a text and a modifier; Ibis takes its types from here."""

    def function(text: Expr, modifier: str) -> Expr:
        """Never run: Ibis writes the call into SQL."""

    found: Callable[[Expr, str], Expr] = ibis.udf.scalar.builtin(
        function, name=name, signature=(("string", "string"), kind)
    )
    return found


_sqlite_instant = _builtin("datetime", INSTANT)
"""Text with an offset becomes UTC text without a fraction, or null."""

_sqlite_date = _builtin("date", "string")
"""The text where it is a calendar date; 30 February becomes 2 March."""

_NOTHING = "+0 days"
"""A modifier that adds nothing: without one SQLite gives back 30 February as it came."""


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
    date=lambda iso: (_sqlite_date(iso, _NOTHING) == iso).ifelse(iso, None).cast("date"),
    instant=lambda text: _sqlite_instant(text, _NOTHING),
    # SQLite writes a subquery's expressions out wherever they are named, unless it has a limit.
    stage=lambda rows: rows.limit(1 << 62),
)


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


def zoned(rows: Expr) -> Expr:
    """Return the rows with `offset` and `note` of the zone at their column `local`, or null.

    A join and not an expression: a case for each change of a zone is compiled once for each use of
    it, which came to a megabyte of SQL.
    """
    spans = named(rows.get_backend(), _SPANS, ibis.schema(dict.fromkeys(_SPAN, "string")))
    at = [
        rows.local.substr(0, 4) == spans.year,
        rows.local >= spans.start,
        rows.local < spans.end,
    ]
    return rows.left_join(spans, at).select(rows, spans.offset, spans.note)


def spanned(backend: Any, where: ZoneInfo) -> None:  # noqa: ANN401 - Ibis' own
    """Give a connection the zone's spans, as the temporary table that `zoned` joins with."""
    rows = ", ".join(
        f"({', '.join('NULL' if text is None else repr(text) for text in astuple(span))})"
        for span in civil_time.spans(where)
    )
    columns = ", ".join(f'"{name}" TEXT' for name in _SPAN)
    # Digits, signs and the two fixed words of `civil_time`: nothing of a record, nothing to quote.
    backend.raw_sql(f"CREATE TEMP TABLE {_SPANS} ({columns})")
    backend.raw_sql(f"INSERT INTO {_SPANS} VALUES {rows}")  # noqa: S608


def named(backend: Any, name: str, schema: ibis.Schema) -> Expr:  # noqa: ANN401 - Ibis' own
    """Return a table or view of a connection whose columns are known, without asking it."""
    return ops.DatabaseTable(name, schema, backend, ops.Namespace()).to_expr()


def one(table: Expr) -> dict[str, int | None]:
    """Return the one row of a table of counts."""
    (row,) = [row for batch in arrow_stream.batches(table, 2) for row in batch.to_pylist()]
    # A sum of DuckDB's is a wider number, which Arrow gives as a decimal.
    return {name: None if count is None else int(count) for name, count in row.items()}


def enter(counted: Mapping[str, int | None], report: Report) -> None:
    """Enter counts into the scan's report.

    Args:
        counted: `rows`, `rows_unknown`, and by name `quarantine REASON` or `notice KIND FIELD`;
            null is none.
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
