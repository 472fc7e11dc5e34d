"""The exchange log's tables, in SQLAlchemy Core.

The `log_` tables are those of section 5.1 of the log's specification. Beside them stand derived
tables, written in the transaction of the entry that they belong to, so that limits and repeats
survive a crash: they hold agency, dataset and provision ids, request and exchange ids, counts and
digests, and nothing of a record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.sql import ClauseElement

REVISION: Final = "0006"
"""The newest migration: what a database must say in `alembic_version`."""

META: Final = MetaData()
_META = META
_INT = Integer().with_variant(BigInteger(), "postgresql")
# Days and names are compared by their bytes, whatever a database's own order of letters.
_TEXT = Text().with_variant(Text(collation="C"), "postgresql")


def _key(name: str) -> Column[int]:
    return Column(name, _INT, primary_key=True, autoincrement=False)


def _int(name: str) -> Column[int]:
    return Column(name, _INT, nullable=False)


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, _TEXT, nullable=False, primary_key=key)


def _blob(name: str, *, key: bool = False, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=null, primary_key=key)


def _table(
    name: str, *columns: Column[int] | Column[str] | Column[bytes], rowid: bool = True
) -> Table:
    return Table(name, _META, *columns, sqlite_strict=True, sqlite_with_rowid=rowid)


def _one(name: str, *columns: Column[int] | Column[str] | Column[bytes]) -> Table:
    """Return a table of exactly one row, with id 1."""
    return Table(name, _META, _key("id"), *columns, CheckConstraint("id = 1"), sqlite_strict=True)


alembic_version = Table(
    "alembic_version", _META, Column("version_num", String(32), primary_key=True, nullable=False)
)

log_entry = _table(
    "log_entry",
    _key("seq"),
    _int("t"),
    _text("k"),
    _blob("x", null=True),
    _int("n"),
    _blob("leaf"),
    _blob("body"),
)
_once = Index(
    "log_entry_once",
    log_entry.c.x,
    log_entry.c.k,
    log_entry.c.n,
    unique=True,
    sqlite_where=log_entry.c.x.is_not(None),
    postgresql_where=log_entry.c.x.is_not(None),
)
# Steps of no exchange: the few that a start looks for by their kind.
_alone = Index(
    "log_entry_alone",
    log_entry.c.k,
    log_entry.c.seq,
    sqlite_where=log_entry.c.x.is_(None),
    postgresql_where=log_entry.c.x.is_(None),
)
log_payload = _table("log_payload", _key("seq"), _text("key_id"), _blob("sealed"))
# Which entries hold a token, by its first bytes: derived, so that one person's are found.
log_subject = _table("log_subject", _blob("token", key=True), _key("seq"), rowid=False)
log_open = _table(
    "log_open", _blob("x", key=True), _int("seq"), _int("chunks"), _text("replica"), rowid=False
)
log_tile = Table(
    "log_tile",
    _META,
    _key("level"),
    _key("idx"),
    _blob("data"),
    CheckConstraint("length(data) = 8192"),
    sqlite_strict=True,
)
# `indexed` is the first entry whose rows of `log_subject` are not all there.
log_head = _one(
    "log_head", _text("origin"), _int("size"), _blob("frontier"), _int("t"), _int("indexed")
)
log_signed = _one("log_signed", _int("size"), _blob("root"), _text("note"))
log_checkpoint = _table("log_checkpoint", _key("size"), _blob("root"), _text("note"), _int("t"))

# Who writes, where several do: `epoch` is raised to shut a replica out, `beat` is the database's
# own clock in milliseconds.
log_replica = _table("log_replica", _text("id", key=True), _int("epoch"), _int("beat"), rowid=False)

# Every key that the log ever used or announced: a key store without one of them is not this log's.
log_key = _table("log_key", _text("key_id", key=True), _int("seq"), rowid=False)

# What the log said of each key: one `key` entry for each thing that happens to it.
log_key_event = _table(
    "log_key_event", _text("key", key=True), _text("event", key=True), _int("seq"), rowid=False
)

# What was asked for in the last 24 hours, by the seq of its intent.
attempt = _table(
    "attempt",
    _key("seq"),
    _text("recipient"),
    _text("request_id"),
    _blob("x"),
    _blob("digest"),
    _int("at"),
)
_asked = Index("attempt_asked", attempt.c.recipient, attempt.c.request_id)
# What each of its chunks held, by the seq of its release; `first_row` counts from the start of the
# whole, so that chunks of several attempts at one request lie side by side.
attempt_chunk = _table(
    "attempt_chunk", _key("seq"), _int("first_row"), _int("row_count"), _blob("digest")
)

# Standing: rows that left by day, and aggregate periods spent, with the attempt that spent them.
# Periods are spent of a provider's dataset, so that renaming a provision gives none of them back.
standing_rows = _table(
    "standing_rows",
    _text("recipient", key=True),
    _text("provision", key=True),
    _text("day", key=True),
    _int("row_count"),
    rowid=False,
)
standing_period = _table(
    "standing_period",
    _text("recipient", key=True),
    _text("source", key=True),
    _text("period", key=True),
    _text("attempt", key=True),
    rowid=False,
)

# The record of cells: what each released table told, by the seq of its release, sealed. The
# joint problem of a later table of the same source needs it. `first` and `last` are days that it
# covers, `until` is the day from which on it may be forgotten.
released_cells = _table(
    "released_cells",
    _key("seq"),
    _text("source"),
    _text("first"),
    _text("last"),
    _text("attempt"),
    _text("until"),
    _text("key_id"),
    _blob("sealed"),
)
_of_source = Index("released_cells_source", released_cells.c.source, released_cells.c.first)

# What is left of tables that were forgotten: their days, on which nothing leaves again, for good.
erased_cells = _table(
    "erased_cells",
    _text("source"),
    _text("first"),
    _text("last"),
    _int("table_count"),
    _text("day"),
)

# The ledger of noise: for each release, by its seq, the draws that it tells of. `drawn_by` is the
# exchange that drew, and rho, in millionths, is spent once by all who hold its draw.
noise_ledger = _table(
    "noise_ledger",
    _key("seq"),
    _text("drawn_by", key=True),
    _text("source"),
    _text("recipient"),
    _text("question"),
    _text("mechanism"),
    _int("rho"),
    _int("bound"),
    _text("unit"),
    _text("periods"),
    rowid=False,
)
_spent = Index("noise_ledger_source", noise_ledger.c.source)

# The register of consents: what people said, by the seq of its entry and the token of each of their
# identifiers under the register's own key. The last word that speaks of a purpose holds.
consent_word = _table(
    "consent_word",
    _key("seq"),
    _blob("token", key=True),
    _text("purpose"),
    _int("granted"),
    _text("key_id"),
    rowid=False,
)
_said = Index("consent_word_token", consent_word.c.token)

# Requests by second, where several gateways share the log: each counts its own in memory.
standing_rate = _table(
    "standing_rate",
    _text("recipient", key=True),
    _text("provision", key=True),
    _text("replica", key=True),
    Column("second", _INT, primary_key=True, autoincrement=False),
    _int("request_count"),
    rowid=False,
)

# What recipients owe of each exchange, by the seq of its first release, and what was said of it.
duty_owed = _table(
    "duty_owed",
    _blob("x", key=True),
    _text("duty", key=True),
    _int("seq"),
    _text("recipient"),
    _text("agreement"),
    _text("provision"),
    _int("due"),
    rowid=False,
)
_owing = Index("duty_owed_due", duty_owed.c.recipient, duty_owed.c.due)
duty_said = _table(
    "duty_said",
    _blob("x", key=True),
    _text("duty", key=True),
    _text("event", key=True),
    _int("seq"),
    rowid=False,
)

# Tokens that are good for one call, by what names them, until they expire.
token_used = _table("token_used", _blob("token", key=True), _int("until"), rowid=False)

INSERT_ONLY: Final = (
    log_entry,
    log_tile,
    log_checkpoint,
    erased_cells,
    noise_ledger,
    consent_word,
    duty_owed,
    duty_said,
)

_SQLITE: Final = sqlite.dialect(paramstyle="qmark")
_POSTGRES: Final[Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]
_INDEXES: Final = (_once, _alone, _asked, _of_source, _spent, _said, _owing)
_VERBS: Final = ("UPDATE", "DELETE")


def sql(statement: ClauseElement, dialect: Dialect = _SQLITE) -> str:
    """Return a statement's text."""
    return str(statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True}))


def sqlite_statements() -> tuple[str, ...]:
    """Return what makes an empty SQLite database this schema, triggers included."""
    return (*_tables(_SQLITE), *sqlite_triggers())


def postgres_statements() -> tuple[str, ...]:
    """Return what makes an empty PostgreSQL database this schema, triggers included."""
    return (*_tables(_POSTGRES), *postgres_triggers())


def _tables(dialect: Dialect) -> list[str]:
    made = [sql(CreateTable(table), dialect) for table in _META.sorted_tables]
    made += [sql(CreateIndex(index), dialect) for index in _INDEXES]
    stamp = f"INSERT INTO {alembic_version.name} (version_num) VALUES ('{REVISION}')"  # noqa: S608
    return [*made, stamp]


def sqlite_triggers() -> list[str]:
    """Return what keeps insert-only tables so, on SQLite."""
    return [
        f"CREATE TRIGGER {table.name}_{verb.lower()} BEFORE {verb} ON {table.name} "
        f"BEGIN SELECT RAISE(ABORT, '{table.name} is insert-only'); END"
        for table in INSERT_ONLY
        for verb in _VERBS
    ]


def postgres_triggers() -> list[str]:
    """Return what keeps insert-only tables so, on PostgreSQL: emptying them whole included."""
    raises = (
        "CREATE FUNCTION log_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$"
    )
    return [
        raises,
        *(
            f"CREATE TRIGGER {table.name}_{verb.lower()} BEFORE {verb} ON {table.name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION log_insert_only()"
            for table in INSERT_ONLY
            for verb in (*_VERBS, "TRUNCATE")
        ),
    ]
