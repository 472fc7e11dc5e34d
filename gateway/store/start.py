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

from gateway.audit.entry import Draft
from gateway.audit.signers import Signers
from gateway.errors import LogError, SettingsError
from gateway.store import connect
from gateway.store.backlog import Backlog
from gateway.store.compare import compare, head_of, opened
from gateway.store.database import ABSENT
from gateway.store.desk import Desk
from gateway.store.faults import RollbackError
from gateway.store.held import HeldFile
from gateway.store.keylog import KeyLog, key_events
from gateway.store.line import BATCH_ENTRIES
from gateway.store.lock import Lock
from gateway.store.log import StoredLog
from gateway.store.nodes import Nodes
from gateway.store.prover import WITNESSED_S, Prover
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
        sync_s: How many seconds it waits at most.
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
    sync_s: float = WITNESSED_S
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
    with ExitStack() as stack:
        if isinstance(place.database, Path):
            stack.callback(Lock(place.database).close)
        held = HeldFile(place.held, place.database)
        stack.callback(held.close)
        _exist(place, held, signers.verifiers, create=create)
        connection = connect.writer(place.database)
        failed = stack.enter_context(ExitStack())
        failed.callback(connection.close)
        signers = signers.of_log({key for key, _ in key_events(connection)})
        with _standing(connection, shared=place.shared):
            head = head_of(connection, signers.name)
            newest, note = compare(connection, head, held, signers.verifiers)
        # Not while others wait for the head: a witness may take its time.
        warnings = consult(place.witnesses, note, newest.size, head.size) if note else ()
        known = _known_keys(connection, keys)

        reads = Reads(place.database)
        failed.callback(reads.close)
        sealer = Sealer(keys, clock, entropy)
        desk = Desk(sealer, place.config)
        prover = Prover(desk, reads, signers.verifiers)
        log = StoredLog(desk, prover, reads, keys, fatal)
        log.shared = place.shared
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
        log.on_close(stack.pop_all().close)
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
        return desk.ready(draft, must=True)

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
        size = opened(note, verifiers).size
        raise RollbackError("the exchange log's database is missing", store_size=0, held_size=size)
    if not create:
        raise LogError(ABSENT)
    connect.create(place.database)


def _free_bytes(database: Where) -> int:
    if not isinstance(database, Path):
        # A server's disk is its own: a full one fails the statement, before any COMMIT.
        return sys.maxsize
    disk = os.statvfs(database.parent)
    return disk.f_bavail * disk.f_frsize


def _begin(desk: Desk, reads: Reads, signer: Signer, place: Place) -> None:
    """Write entry 0 where there is none, close what a crash left open, and say `start`."""
    jobs = []
    if desk.writer.head.size == 0:
        meta = {"origin": signer.name, "previous": place.previous, "vkey": signer.vkey}
        genesis = desk.ready(Draft("genesis", None, 0, None, "p", meta))
        # It says itself which key signs.
        genesis.key = (signer.vkey, "made")
        jobs.append(genesis)
    # Where several share a log, the others' open exchanges are theirs.
    rows = reads.rows(OPEN_OF, place.replica) if place.shared else reads.rows(OPEN)
    jobs += [desk.ready(recovered(reads.rows, bytes(x), bytes(body))) for x, body in rows]
    jobs.append(desk.config("start"))
    for at in range(0, len(jobs), BATCH_ENTRIES):
        desk.writer.commit_now(jobs[at : at + BATCH_ENTRIES])
