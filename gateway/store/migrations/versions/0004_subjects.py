"""The index of subjects, and how far it goes: it is written again from the payloads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.columns import blob, number, table, text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the index, and the column of the head that says how far it goes: nowhere yet."""
    table("log_subject", blob("token", key=True), number("seq", key=True), rowid=False)
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("log_head", sa.Column("indexed", sa.BigInteger, server_default="0"))
        op.alter_column("log_head", "indexed", nullable=False, server_default=None)
    else:
        _head_anew("origin, size, frontier, t, 0", number("indexed"))


def downgrade() -> None:
    """Take both away."""
    op.drop_table("log_subject")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_column("log_head", "indexed")
    else:
        _head_anew("origin, size, frontier, t")


def _head_anew(values: str, *more: sa.Column[int]) -> None:
    """Make the head's table anew: SQLite cannot add a column that has no default."""
    op.rename_table("log_head", "log_head_before")
    head = (text("origin"), number("size"), blob("frontier"), number("t"), *more)
    table("log_head", number("id", key=True), *head, sa.CheckConstraint("id = 1"))
    op.execute(f"INSERT INTO log_head SELECT id, {values} FROM log_head_before")  # noqa: S608
    op.drop_table("log_head_before")
