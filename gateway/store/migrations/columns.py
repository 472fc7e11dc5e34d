"""The columns of migrations, as they are on SQLite and PostgreSQL; frozen with what uses them."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

_INT: Final = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def number(name: str, *, key: bool = False) -> sa.Column[Any]:
    """Return a column of whole numbers."""
    return sa.Column(name, _INT, nullable=False, primary_key=key, autoincrement=False)


def text(name: str, *, key: bool = False) -> sa.Column[Any]:
    """Return a column of text that is compared by its bytes."""
    return sa.Column(name, _TEXT, nullable=False, primary_key=key)


def blob(name: str, *, key: bool = False, null: bool = False) -> sa.Column[Any]:
    """Return a column of bytes."""
    return sa.Column(name, sa.LargeBinary, nullable=null, primary_key=key)


def table(name: str, *parts: sa.Column[Any] | sa.CheckConstraint, rowid: bool = True) -> None:
    """Make a table."""
    op.create_table(name, *parts, sqlite_strict=True, sqlite_with_rowid=rowid)


def insert_only(*names: str) -> None:
    """Keep tables from being changed: hygiene, and not the defence, which is to verify."""
    postgres = op.get_bind().dialect.name == "postgresql"
    for name in names:
        for verb in ("UPDATE", "DELETE", "TRUNCATE") if postgres else ("UPDATE", "DELETE"):
            head = f"CREATE TRIGGER {name}_{verb.lower()} BEFORE {verb} ON {name} "
            tail = (
                "FOR EACH STATEMENT EXECUTE FUNCTION log_insert_only()"
                if postgres
                else f"BEGIN SELECT RAISE(ABORT, '{name} is insert-only'); END"
            )
            op.execute(head + tail)
