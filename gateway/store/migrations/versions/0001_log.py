"""The exchange log, and what is remembered beside it: the first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.columns import blob, insert_only, number, table, text

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first schema."""
    _log()
    _beside()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION log_insert_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION '% is insert-only', TG_TABLE_NAME; END $$"
        )
    insert_only("log_entry", "log_tile", "log_checkpoint", "erased_cells", "noise_ledger")


def downgrade() -> None:
    """Refuse: below the first schema there is no log.

    Raises:
        RuntimeError: Always.
    """
    raise RuntimeError("the first schema is not taken down: that would delete the exchange log")


def _log() -> None:
    table(
        "log_entry",
        number("seq", key=True),
        number("t"),
        text("k"),
        blob("x", null=True),
        number("n"),
        blob("leaf"),
        blob("body"),
    )
    some = sa.text("x IS NOT NULL")
    op.create_index(
        "log_entry_once",
        "log_entry",
        ["x", "k", "n"],
        unique=True,
        sqlite_where=some,
        postgresql_where=some,
    )
    table("log_payload", number("seq", key=True), text("key_id"), blob("sealed"))
    table(
        "log_open", blob("x", key=True), number("seq"), number("chunks"), text("replica"),
        rowid=False,
    )  # fmt: skip
    table(
        "log_tile",
        number("level", key=True),
        number("idx", key=True),
        blob("data"),
        sa.CheckConstraint("length(data) = 8192"),
    )
    one = "id = 1"
    table(
        "log_head",
        number("id", key=True),
        text("origin"),
        number("size"),
        blob("frontier"),
        number("t"),
        sa.CheckConstraint(one),
    )
    table(
        "log_signed",
        number("id", key=True),
        number("size"),
        blob("root"),
        text("note"),
        sa.CheckConstraint(one),
    )
    table("log_checkpoint", number("size", key=True), blob("root"), text("note"), number("t"))
    table("log_key", text("key_id", key=True), number("seq"), rowid=False)


def _beside() -> None:
    table(
        "attempt",
        number("seq", key=True),
        text("recipient"),
        text("request_id"),
        blob("x"),
        blob("digest"),
        number("at"),
    )
    op.create_index("attempt_asked", "attempt", ["recipient", "request_id"])
    table(
        "attempt_chunk",
        number("seq", key=True),
        number("first_row"),
        number("row_count"),
        blob("digest"),
    )
    table(
        "standing_rows",
        text("recipient", key=True),
        text("provision", key=True),
        text("day", key=True),
        number("row_count"),
        rowid=False,
    )
    table(
        "standing_period",
        text("recipient", key=True),
        text("source", key=True),
        text("period", key=True),
        text("attempt", key=True),
        rowid=False,
    )
    table(
        "released_cells",
        number("seq", key=True),
        text("source"),
        text("first"),
        text("last"),
        text("attempt"),
        text("until"),
        text("key_id"),
        blob("sealed"),
    )
    op.create_index("released_cells_source", "released_cells", ["source", "first"])
    table(
        "erased_cells",
        text("source"),
        text("first"),
        text("last"),
        number("table_count"),
        text("day"),
    )
    table(
        "noise_ledger",
        number("seq", key=True),
        text("drawn_by", key=True),
        text("source"),
        text("recipient"),
        text("question"),
        text("mechanism"),
        number("rho"),
        number("bound"),
        text("unit"),
        text("periods"),
        rowid=False,
    )
    op.create_index("noise_ledger_source", "noise_ledger", ["source"])
