"""Consents, requests by second of gateways that share a log, duties owed, tokens used up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.columns import blob, insert_only, number, table, text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the tables, empty: nobody has said anything, and what left before owes by paper."""
    table(
        "consent_word",
        number("seq", key=True),
        blob("token", key=True),
        text("purpose"),
        number("granted"),
        text("key_id"),
        rowid=False,
    )
    op.create_index("consent_word_token", "consent_word", ["token"])
    table(
        "standing_rate",
        text("recipient", key=True),
        text("provision", key=True),
        text("replica", key=True),
        number("second", key=True),
        number("request_count"),
        rowid=False,
    )
    table(
        "duty_owed",
        blob("x", key=True),
        text("duty", key=True),
        number("seq"),
        text("recipient"),
        text("agreement"),
        text("provision"),
        number("due"),
        rowid=False,
    )
    op.create_index("duty_owed_due", "duty_owed", ["recipient", "due"])
    table(
        "duty_said",
        blob("x", key=True),
        text("duty", key=True),
        text("event", key=True),
        number("seq"),
        rowid=False,
    )
    table("token_used", blob("token", key=True), number("until"), rowid=False)
    insert_only("consent_word", "duty_owed", "duty_said")


def downgrade() -> None:
    """Take them away.

    Raises:
        RuntimeError: Somebody is in the register: an earlier version would forget who withdrew.
    """
    said = op.get_bind().execute(sa.text("SELECT count(*) FROM consent_word")).scalar()
    if said:
        raise RuntimeError("the register of consents is not empty")
    for name in ("token_used", "duty_said", "duty_owed", "standing_rate", "consent_word"):
        op.drop_table(name)
