"""The statements that change the exchange log's tables, compiled once.

They are run with tuples: Core constructs per row cost a third of the throughput. They are of the
part of SQL that SQLite and PostgreSQL read alike; parameters stand as `?`, and `store.postgres`
spells them its own way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, insert, update
from sqlalchemy.dialects.sqlite import insert as upsert

from gateway.store.tables import (
    attempt,
    attempt_chunk,
    consent_word,
    duty_owed,
    duty_said,
    log_checkpoint,
    log_entry,
    log_head,
    log_key,
    log_key_event,
    log_open,
    log_payload,
    log_signed,
    log_subject,
    log_tile,
    noise_ledger,
    released_cells,
    sql,
    standing_period,
    standing_rate,
    standing_rows,
    token_used,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.sql import ClauseElement

    from gateway.store.database import Connection


def _adding() -> ClauseElement:
    statement = upsert(standing_rows)
    total = standing_rows.c.row_count + statement.excluded.row_count
    keys = [standing_rows.c.recipient, standing_rows.c.provision, standing_rows.c.day]
    return statement.on_conflict_do_update(index_elements=keys, set_={"row_count": total})


def _rating() -> ClauseElement:
    statement = upsert(standing_rate)
    total = standing_rate.c.request_count + statement.excluded.request_count
    columns = standing_rate.c
    keys = [columns.recipient, columns.provision, columns.replica, columns.second]
    return statement.on_conflict_do_update(index_elements=keys, set_={"request_count": total})


class Rows:
    """A statement over many rows, run as few statements of many rows each.

    A connection lets go of the interpreter's lock with every statement, and a busy event loop
    takes its time to give it back: 60 rows in one statement cost one such wait. The widths are
    powers of two, so that few statements are ever prepared.
    """

    def __init__(self, one: str, row: str) -> None:
        head, self._row, tail = one.partition(row)
        if not self._row:
            raise ValueError("the statement has no such row")
        self._columns = row.count("?")
        self._by_width = {
            width: head + ", ".join([row] * width) + tail for width in (128, 64, 32, 16, 8, 4, 2, 1)
        }

    def run(self, connection: Connection, rows: Sequence[Sequence[object]]) -> None:
        """Run it over all the rows, in order."""
        at, left = 0, len(rows)
        for width, statement in self._by_width.items():
            while left >= width:
                chunk = rows[at : at + width]
                connection.execute(statement, [value for row in chunk for value in row])
                at, left = at + width, left - width


def _insert(statement: ClauseElement) -> Rows:
    one = sql(statement)
    return Rows(one, one[one.index(" VALUES ") + 8 :].partition(")")[0] + ")")


def _opening() -> ClauseElement:
    statement = upsert(log_open)
    return statement.on_conflict_do_update(
        index_elements=[log_open.c.x], set_={"chunks": statement.excluded.chunks}
    )


# Parameters stand in the order of the columns; a WHERE's come last.
INSERT_ENTRY: Final = _insert(insert(log_entry))
INSERT_PAYLOAD: Final = _insert(insert(log_payload))
UPSERT_OPEN: Final = _insert(_opening())
DELETE_PAYLOAD: Final = Rows(sql(delete(log_payload).where(log_payload.c.seq.in_([0]))), "?")
DELETE_SUBJECT: Final = Rows(
    "DELETE FROM log_subject WHERE (token, seq) IN (VALUES (?, ?))", "(?, ?)"
)
DELETE_OPEN: Final = Rows(sql(delete(log_open).where(log_open.c.x.in_([b""]))), "?")
INSERT_SUBJECT: Final = _insert(upsert(log_subject).on_conflict_do_nothing())
INSERT_TILE: Final = _insert(insert(log_tile))
INSERT_KEY: Final = _insert(upsert(log_key).on_conflict_do_nothing())
INSERT_KEY_EVENT: Final = _insert(upsert(log_key_event).on_conflict_do_nothing())
INSERT_ATTEMPT: Final = _insert(insert(attempt))
INSERT_CHUNK: Final = _insert(insert(attempt_chunk))
ADD_ROWS: Final = _insert(_adding())
INSERT_CELLS: Final = _insert(insert(released_cells))
INSERT_NOISE: Final = _insert(insert(noise_ledger))
INSERT_WORD: Final = _insert(insert(consent_word))
INSERT_OWED: Final = _insert(upsert(duty_owed).on_conflict_do_nothing())
INSERT_SAID: Final = _insert(upsert(duty_said).on_conflict_do_nothing())
ADD_RATE: Final = _insert(_rating())
INSERT_USED: Final = _insert(insert(token_used))
INSERT_PERIOD: Final = _insert(upsert(standing_period).on_conflict_do_nothing())

INSERT_HEAD: Final = sql(insert(log_head))
UPDATE_HEAD: Final = sql(
    update(log_head).values(
        size=bindparam("size"),
        frontier=bindparam("frontier"),
        t=bindparam("t"),
        indexed=bindparam("indexed"),
    )
)
INSERT_SIGNED: Final = sql(insert(log_signed))
UPDATE_SIGNED: Final = sql(
    update(log_signed)
    .values(size=bindparam("size"), root=bindparam("root"), note=bindparam("note"))
    .where(log_signed.c.size == bindparam("old"))
)
INSERT_CHECKPOINT: Final = sql(upsert(log_checkpoint).on_conflict_do_nothing())
