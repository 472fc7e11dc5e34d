"""Where a stored log ends, and whether it goes on from every checkpoint that anybody here has.

A store that lost its tail is consistent in itself, so before anything is served or signed it is
held against what was signed. Section 4.5 of the log's specification.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.audit.checkpoint import Checkpoint, open_checkpoint
from gateway.audit.fault import AuditError
from gateway.audit.merkle import Frontier
from gateway.errors import SettingsError
from gateway.store import statements
from gateway.store.batch import Head
from gateway.store.faults import DamagedError, RollbackError
from gateway.store.tiles import StoredTiles, frontier_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.checkpoint import Verifier
    from gateway.store.database import Connection
    from gateway.store.held import HeldFile

    Verifiers = Sequence[Verifier]


def head_of(connection: Connection, name: str) -> Head:
    """Return where the log ends, once its head agrees with its last entries.

    Raises:
        DamagedError: It does not.
        SettingsError: The log has another origin.
    """
    stored = connection.execute(
        "SELECT origin, size, frontier, t, indexed FROM log_head"
    ).fetchone()
    last = connection.execute("SELECT coalesce(max(seq), -1) + 1 FROM log_entry").fetchone()[0]
    if stored is None:
        if last:
            raise DamagedError("the exchange log has entries and no head")
        connection.execute(statements.INSERT_HEAD, (1, name, 0, b"", 0, 0))
        return Head(0, 0, Frontier(), (), 0)
    origin, size, frontier, t_ms, indexed = stored
    if origin != name:
        raise SettingsError("`log.origin`: the exchange log was made with another origin")
    # A store that lost its tail is compared by its entries, whatever its head says.
    try:
        tails = StoredTiles(connection).tails(last)
        ends = frontier_of(last, tails)
    except AuditError as error:
        raise DamagedError(f"the exchange log's tiles are not whole: {error.message}") from error
    if last == size and ends.to_bytes() != frontier:
        raise DamagedError("the entries of the exchange log do not lead to its head")
    return Head(last, t_ms if last == size else -1, ends, tails, min(indexed, last))


def compare(
    connection: Connection, head: Head, held: HeldFile, verifiers: Verifiers
) -> tuple[Checkpoint, str]:
    """Return the newest signed checkpoint, once the store is a continuation of every one there is.

    With its note, which is empty where nothing was ever signed.

    Raises:
        RollbackError: It is smaller, or has another root at that size, or the held file is gone.
        DamagedError: Its head is not where its entries end.
    """
    signed = connection.execute("SELECT note FROM log_signed").fetchall()
    kept = connection.execute(
        "SELECT note FROM log_checkpoint ORDER BY size DESC LIMIT 1"
    ).fetchall()
    note = held.read()
    if note is None and (signed or kept or _in_use(connection)):
        size = max((opened(one, verifiers).size for (one,) in signed + kept), default=0)
        raise RollbackError(
            "the held checkpoint is missing, and without it a lost end cannot be told",
            store_size=head.size,
            held_size=size,
            newest="the newest checkpoint in it",
        )
    notes = [one for (one,) in signed + kept] + ([note] if note is not None else [])
    tiles = StoredTiles(connection)
    newest, newest_note = Checkpoint(verifiers[0].name, 0, Frontier().root()), ""
    for note in notes:
        checkpoint = opened(note, verifiers)
        if checkpoint.size > head.size:
            raise RollbackError(
                "the exchange log lost its end",
                store_size=head.size,
                held_size=checkpoint.size,
            )
        root = frontier_of(checkpoint.size, tiles.tails(checkpoint.size)).root()
        if root != checkpoint.root:
            raise RollbackError(
                "the exchange log is not the one that was signed",
                store_size=head.size,
                held_size=checkpoint.size,
            )
        if checkpoint.size > newest.size:
            newest, newest_note = checkpoint, note
    if head.t_ms < 0:
        raise DamagedError("the exchange log's head is not where its entries end")
    return newest, newest_note


def _in_use(connection: Connection) -> bool:
    """Return whether there is an entry that no log has before its first signature.

    Whoever deletes every checkpoint in the store would else make it one that was never signed.
    """
    found = connection.execute(
        "SELECT 1 FROM log_entry WHERE k NOT IN ('genesis', 'config') LIMIT 1"
    ).fetchall()
    return bool(found)


def opened(note: str, verifiers: Verifiers) -> Checkpoint:
    """Return a checkpoint of this log.

    Raises:
        DamagedError: It is not its own.
    """
    try:
        return open_checkpoint(note, *verifiers)
    except AuditError as error:
        raise DamagedError(
            f"a checkpoint of the exchange log is not its own: {error.message}"
        ) from error
