"""An administrator with every right to the database: what they can do, and what takes some care."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from gateway.audit.checkpoint import Checkpoint, checkpoint_text, sign_note
from gateway.audit.merkle import leaf_hash
from gateway.store.tiles import extend, frontier_of
from tests.store.town import ORIGIN, Town, a_signer, an_id

if TYPE_CHECKING:
    from gateway.store.tiles import Tails

VICTIM = 50
"""The exchange that somebody would rather not have had."""
OPEN = 9_000
"""The exchange that a crash left open."""


class Rogue:
    """Has the database open, with whatever kept it insert-only out of the way."""

    def __init__(self, town: Town) -> None:
        self._connection = sqlite3.connect(town.database, isolation_level=None)
        for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            self._connection.execute(f"DROP TRIGGER {name}")

    def close(self) -> None:
        """Leave, with everything in the file."""
        self._connection.close()

    def run(self, statement: str, *parameters: object) -> None:
        """Change something."""
        changed = self._connection.execute(statement, parameters).rowcount
        assert changed, "nothing was changed"

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look something up."""
        return self._connection.execute(statement, parameters).fetchall()

    def seq(self, kind: str, number: int = VICTIM) -> int:
        """Return the place of an entry of an exchange."""
        x = bytes.fromhex(an_id(number).replace("-", ""))
        ((seq,),) = self.rows("SELECT seq FROM log_entry WHERE x = ? AND k = ?", x, kind)
        return int(seq)

    def body(self, seq: int) -> bytes:
        """Return an entry."""
        ((body,),) = self.rows("SELECT body FROM log_entry WHERE seq = ?", seq)
        return bytes(body)

    def edit(self, seq: int, *, leaf: bool) -> None:
        """Change what an entry commits to; and, where said, its hash with it."""
        body = self.body(seq).replace(b'"m":"', b'"m":"AAAA', 1)
        body = body.replace(body[body.index(b"AAAA") + 4 :][:4], b"", 1)
        self.run("UPDATE log_entry SET body = ? WHERE seq = ?", body, seq)
        if leaf:
            self.run("UPDATE log_entry SET leaf = ? WHERE seq = ?", leaf_hash(body), seq)

    def move(self, table: str, first: int, by: int) -> None:
        """Renumber the rows of a table from one on: past all others first, for they are unique."""
        if self.rows(f"SELECT 1 FROM {table} WHERE seq >= ?", first):  # noqa: S608
            self.run(f"UPDATE {table} SET seq = seq + 100000 WHERE seq >= ?", first)  # noqa: S608
            self.run(
                f"UPDATE {table} SET seq = seq - 100000 + ? WHERE seq >= 100000",  # noqa: S608
                by,
            )

    def remove(self, seq: int) -> None:
        """Take an entry out and close the gap, in every table that counts by entries."""
        self.run("DELETE FROM log_entry WHERE seq = ?", seq)
        self.run("DELETE FROM log_payload WHERE seq = ?", seq)
        self._connection.execute("DELETE FROM log_subject WHERE seq = ?", (seq,))
        for table in ("log_entry", "log_payload", "log_open", "log_subject"):
            self.move(table, seq + 1, -1)
        self.run("UPDATE log_head SET indexed = indexed - 1 WHERE indexed > ?", seq)

    def rebuild(self) -> str:
        """Make hashes, tiles, head and checkpoints those of the entries; sign with the log's key.

        Return the signed checkpoint.
        """
        tails: Tails = ()
        self._connection.execute("DELETE FROM log_tile")
        self._connection.execute("DELETE FROM log_checkpoint")
        found = self.rows("SELECT seq, body FROM log_entry ORDER BY seq")
        for at, (seq, body) in enumerate(found):
            leaf = leaf_hash(body)
            self.run("UPDATE log_entry SET leaf = ? WHERE seq = ?", leaf, seq)
            tails, full = extend(tails, at, [leaf])
            for row in full:
                self.run("INSERT INTO log_tile VALUES (?, ?, ?)", *row)
        size, frontier = len(found), frontier_of(len(found), tails)
        self.run("UPDATE log_head SET size = ?, frontier = ?", size, frontier.to_bytes())
        ((t_ms,),) = self.rows("SELECT t FROM log_entry ORDER BY seq DESC LIMIT 1")
        self.run("UPDATE log_head SET t = ?", t_ms)
        text = checkpoint_text(Checkpoint(ORIGIN, size, frontier.root()))
        note = sign_note(text, a_signer())
        self.run("UPDATE log_signed SET size = ?, root = ?, note = ?", size, frontier.root(), note)
        return note


def swap(rogue: Rogue, table: str, one: int, other: int) -> None:
    """Let two rows of a table change their places."""
    rogue.run(f"UPDATE {table} SET seq = -1 WHERE seq = ?", one)  # noqa: S608 - a table of ours
    rogue.run(f"UPDATE {table} SET seq = ? WHERE seq = ?", one, other)  # noqa: S608
    rogue.run(f"UPDATE {table} SET seq = ? WHERE seq = -1", other)  # noqa: S608


def insert(rogue: Rogue) -> None:
    """Put a copy of an entry in, and move all that follow."""
    at = rogue.seq("intent")
    for table in ("log_entry", "log_payload", "log_open"):
        rogue.move(table, at, 1)
    rogue.run(
        "INSERT INTO log_entry SELECT ?, t, k, zeroblob(16), n, leaf, body FROM log_entry "
        "WHERE seq = ?",
        at,
        at + 1,
    )


def cut_tail(rogue: Rogue) -> None:
    """Drop the last hundred entries and every trace of them, signatures included."""
    size = int(rogue.rows("SELECT size FROM log_head")[0][0]) - 100
    for table in ("log_entry", "log_payload", "log_open"):
        if rogue.rows(f"SELECT 1 FROM {table} WHERE seq >= ?", size):  # noqa: S608
            rogue.run(f"DELETE FROM {table} WHERE seq >= ?", size)  # noqa: S608
