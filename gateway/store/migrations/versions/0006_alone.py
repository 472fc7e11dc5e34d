"""Entries that are a step of no exchange are found by their kind."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the index: there are few of these entries among millions."""
    alone = sa.text("x IS NULL")
    op.create_index(
        "log_entry_alone", "log_entry", ["k", "seq"], sqlite_where=alone, postgresql_where=alone
    )


def downgrade() -> None:
    """Take it away."""
    op.drop_index("log_entry_alone", "log_entry")
