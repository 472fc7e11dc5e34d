"""What the log said of each key."""

from __future__ import annotations

from alembic import op

from gateway.store.migrations.columns import number, table, text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the table; of the keys there are, the log has said that they were made."""
    table(
        "log_key_event", text("key", key=True), text("event", key=True), number("seq"), rowid=False
    )
    op.execute(
        "INSERT INTO log_key_event (key, event, seq) SELECT key_id, 'made', seq FROM log_key"
    )


def downgrade() -> None:
    """Take it away; what was said is in the log itself."""
    op.drop_table("log_key_event")
