"""Starting: the lock, a new log or an old one, the comparison with what was signed, recovery.

A store that lost its tail is consistent in itself, so before anything is served or signed it is
held against the newest checkpoint that anybody here has. Then every exchange that a crash left
open is closed: without a release entry nothing left, and with one it is presumed that it did.
Sections 4.2 and 4.5 of the specification.
"""

from __future__ import annotations

import os
import sys
from base64 import b64encode
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import Checkpoint, open_checkpoint
from gateway.audit.entry import Draft
from gateway.audit.fault import AuditError
from gateway.audit.merkle import Frontier
from gateway.audit.signers import Signers
from gateway.errors import LogError, SettingsError
from gateway.store import connect, tables
from gateway.store.backlog import Backlog
from gateway.store.batch import Head
from gateway.store.desk import Desk
from gateway.store.faults import DamagedError, RollbackError
from gateway.store.held import HeldFile
from gateway.store.keylog import KeyLog, key_events
from gateway.store.line import BATCH_ENTRIES
from gateway.store.lock import Lock
from gateway.store.log import StoredLog
from gateway.store.nodes import Nodes
from gateway.store.prover import Prover
from gateway.store.reads import Reads
from gateway.store.recovery import OPEN, OPEN_OF, recovered
from gateway.store.replicas import BEAT_S, DEAD_MS, Replica
from gateway.store.sealing import Sealer
from gateway.store.signer import CheckpointSigner, Tree
from gateway.store.tiles import StoredTiles, frontier_of
from gateway.store.turn import Shared, Sole
from gateway.store.witnessing import consult, rounds_of
from gateway.store.writer import SPARE_BYTES, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.audit.checkpoint import Signer, Verifier
    from gateway.ports import Clock, Entropy
    from gateway.store.database import Connection, Where
    from gateway.store.line import Job
    from gateway.store.sealing import PayloadKeys
    from gateway.store.signer import Published
    from gateway.store.turn import Turn
    from gateway.store.witness import Witness

    Verifiers = Sequence[Verifier]


SAME_DEVICE: Final = (
    "`log.held`: on one device with the database, so that one failure or one restored snapshot "
    "takes both: put it elsewhere"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a log lives, and who writes it.

    Attributes:
        database: The SQLite file, or the URL of a PostgreSQL database.
        held: The held checkpoint, outside the database's directory.
        build: Version of the gateway, for `config` entries.
        settings: SHA-256 of the settings, for `config` entries.
        replica: Who writes.
        spare_bytes: Free space on the database's disk below which nothing is begun.
        witnesses: Who cosigns its checkpoints.
        quorum: How many of them make a checkpoint cosigned.
        sync: A chunk waits until a cosigned checkpoint covers its release entry.
        beat_s: Seconds between a replica's signs of life, where several share the log.
        dead_ms: Milliseconds without one after which another closes its exchanges.
        previous: Origin and last good checkpoint of the log that a new one here follows.
    """

    database: Where
    held: Path
    build: str
    settings: bytes
    replica: str = "one"
    spare_bytes: int = SPARE_BYTES
    witnesses: tuple[Witness, ...] = ()
    quorum: int = 0
    sync: bool = False
    beat_s: float = BEAT_S
    dead_ms: int = DEAD_MS
    previous: tuple[str, str] | None = None

    @property
    def shared(self) -> bool:
        """Whether several gateways may append to it."""
        return connect.shared(self.database)

    @property
    def config(self) -> dict[str, str]:
        """The parts of a `config` entry that are the same for each."""
        digest = b64encode(self.settings).decode("ascii")
        return {"build": self.build, "settings": digest, "replica": self.replica}


def open_log(
    place: Place,
    *,
    signer: Signer | Signers,
    keys: PayloadKeys,
    clock: Clock,
    entropy: Entropy,
    fatal: Callable[[LogError], None],
    create: bool = False,
    free_bytes: Callable[[], int] | None = None,
) -> StoredLog:
    """Return the log, compared, recovered, signed, and running.

    Args:
        place: Where.
        signer: The log's key, under the origin's name, or its keys where it was rotated.
        keys: The key store.
        clock: What gives entries their time.
        entropy: What gives them salts.
        fatal: Called, from any thread, when the process must end: with a `RollbackError`
            (exit 76) or another `LogError` (exit 75).
        create: Make a new log where there is none; without it, a missing database is refused.
        free_bytes: Returns the free space on the database's disk; without it the file system
            is asked.

    Raises:
        RollbackError: The store is behind or beside a signed checkpoint.
        DamagedError: The store contradicts itself.
        LogError: Another process has it, it cannot be opened, or an entry is not durable.
        FencedError: A second replica of this name was started meanwhile.
        SettingsError: The held file's place, the origin or the key store are not this log's.
    """
    signers = signer if isinstance(signer, Signers) else Signers(signer)
    with ExitStack() as opened:
        if isinstance(place.database, Path):
            opened.callback(Lock(place.database).close)
        held = HeldFile(place.held, place.database)
        opened.callback(held.close)
        _exist(place, held, signers.verifiers, create=create)
        connection = connect.writer(place.database)
        failed = opened.enter_context(ExitStack())
        failed.callback(connection.close)
        signers = signers.of_log({key for key, _ in key_events(connection)})
        with _standing(connection, shared=place.shared):
            head = _head(connection, signers.name)
            newest, note = _compare(connection, head, held, signers.verifiers)
        # Not while others wait for the head: a witness may take its time.
        warnings = consult(place.witnesses, note, newest.size, head.size) if note else ()
        known = _known_keys(connection, keys)

        reads = Reads(place.database)
        failed.callback(reads.close)
        sealer = Sealer(keys, clock, entropy)
        desk = Desk(sealer, place.config)
        prover = Prover(desk, reads, signers.verifiers)
        log = StoredLog(desk, prover, reads, keys, fatal)
        if held.same_device(place.database):
            log.warnings = (SAME_DEVICE,)
        log.warnings += warnings
        writer = Writer(
            connection,
            head,
            _turn(place, connection, reads, desk),
            free_bytes=free_bytes or (lambda: _free_bytes(place.database)),
            clock=clock,
            replica=place.replica,
            known_keys=known,
            backlog=Backlog(head.indexed, keys.by_id),
            done=desk.done,
            config=desk.config,
            fatal=log.dies,
            spare_bytes=place.spare_bytes,
        )
        desk.writer = writer
        _begin(desk, reads, signers.signer, place)
        told = KeyLog(desk, signers.name, connection, sealer.turned)
        reading = connect.reader(place.database)
        failed.callback(reading.close)
        prover.signer = CheckpointSigner(
            reading,
            _tree_at(connection, newest.size),
            stored_size=_stored_size(connection),
            signers=signers,
            held=held,
            shared=place.shared,
            keeps=not place.witnesses,
            chore=log.chore,
            publish=log.publish,
            fatal=log.dies,
        )
        prover.published = _sign(prover.signer, writer)
        prover.witnessing = rounds_of(place, prover, reads, log)
        # From here on the log closes what it was given: its connections, then held file and lock.
        failed.pop_all()
        log.on_close(opened.pop_all().close)
    writer.start()
    prover.signer.start()
    if prover.witnessing is not None:
        prover.witnessing.start()
    keys.listen(told.heard)
    return log


@contextmanager
def _standing(connection: Connection, *, shared: bool) -> Iterator[None]:
    """Keep other replicas from appending while a log is compared."""
    if not shared:
        yield
        return
    connection.execute("BEGIN")
    connection.execute("LOCK TABLE log_head IN EXCLUSIVE MODE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _turn(place: Place, connection: Connection, reads: Reads, desk: Desk) -> Turn:
    """Return how this process comes to append; a replica's epoch begins here."""
    if not place.shared:
        return Sole()

    def seal(draft: Draft) -> Job:
        return desk.sealed(draft, must=True)

    return Shared(
        Replica(
            place.replica,
            connection,
            reads,
            seal,
            desk.put,
            beat_s=place.beat_s,
            dead_ms=place.dead_ms,
        )
    )


def _tree_at(connection: Connection, size: int) -> Tree:
    """Return the tree as it was signed, from the stored tiles; what came later is re-read."""
    tails = StoredTiles(connection).tails(size)
    return Tree(Nodes(frontier_of(size, tails)), tails)


def _stored_size(connection: Connection) -> int:
    row = connection.execute("SELECT size FROM log_signed").fetchone()
    return int(row[0]) if row else -1


def _sign(checkpoints: CheckpointSigner, writer: Writer) -> Published:
    try:
        return checkpoints.sign_now(lambda job: writer.commit_now([job]))
    except OSError as error:
        raise LogError("the held checkpoint cannot be written") from error


def _known_keys(connection: Connection, keys: PayloadKeys) -> set[str]:
    """Return the ids of keys that the log has used, each of which the key store accounts for.

    Raises:
        SettingsError: One is missing: another key in its place would cut off what is under it.
    """
    known = {key_id for (key_id,) in connection.execute("SELECT key_id FROM log_key").fetchall()}
    for key_id in sorted(known):
        if keys.state(key_id) is None:
            raise SettingsError(f"the key store has no key `{key_id}`, which the exchange log uses")
    return known


def _exist(place: Place, held: HeldFile, verifiers: Verifiers, *, create: bool) -> None:
    """Make the database where there is none and one may be made."""
    if connect.exists(place.database):
        return
    note = held.read()
    if note is not None:
        size = _opened(note, verifiers).size
        raise RollbackError("the exchange log's database is missing", store_size=0, held_size=size)
    if not create:
        raise LogError("the exchange log's database does not exist")
    connect.create(place.database)


def _free_bytes(database: Where) -> int:
    if not isinstance(database, Path):
        # A server's disk is its own: a full one fails the statement, before any COMMIT.
        return sys.maxsize
    disk = os.statvfs(database.parent)
    return disk.f_bavail * disk.f_frsize


def _head(connection: Connection, name: str) -> Head:
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
        connection.execute(tables.INSERT_HEAD, (1, name, 0, b"", 0, 0))
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


def _compare(
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
        size = max((_opened(one, verifiers).size for (one,) in signed + kept), default=0)
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
        checkpoint = _opened(note, verifiers)
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


def _opened(note: str, verifiers: Verifiers) -> Checkpoint:
    try:
        return open_checkpoint(note, *verifiers)
    except AuditError as error:
        raise DamagedError(
            f"a checkpoint of the exchange log is not its own: {error.message}"
        ) from error


def _begin(desk: Desk, reads: Reads, signer: Signer, place: Place) -> None:
    """Write entry 0 where there is none, close what a crash left open, and say `start`."""
    jobs = []
    if desk.writer.head.size == 0:
        meta = {"origin": signer.name, "previous": place.previous, "vkey": signer.vkey}
        genesis = desk.sealed(Draft("genesis", None, 0, None, "p", meta))
        # It says itself which key signs.
        genesis.key = (signer.vkey, "made")
        jobs.append(genesis)
    # Where several share a log, the others' open exchanges are theirs.
    rows = reads.rows(OPEN_OF, place.replica) if place.shared else reads.rows(OPEN)
    jobs += [desk.sealed(recovered(reads.rows, bytes(x), bytes(body))) for x, body in rows]
    jobs.append(desk.config("start"))
    for at in range(0, len(jobs), BATCH_ENTRIES):
        desk.writer.commit_now(jobs[at : at + BATCH_ENTRIES])
