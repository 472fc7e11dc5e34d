"""Replicas that share a log."""

from __future__ import annotations

from alembic import op

from gateway.store.migrations.columns import number, table, text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table of replicas."""
    table("log_replica", text("id", key=True), number("epoch"), number("beat"), rowid=False)


def downgrade() -> None:
    """Take it away; who shares a log with others gives that up first."""
    op.drop_table("log_replica")
