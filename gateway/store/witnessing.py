"""Has checkpoints cosigned: a thread that takes each witness from what it last saw to the newest.

A checkpoint with its quorum is kept, and from then on served. What a witness answers may also prove
that this store was put back, or is a copy that went its own way: the witness saw more than there
is, or something else. Then the process ends as it does for an agency's checkpoint.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from gateway.audit.checkpoint import cosignatures
from gateway.audit.fault import AuditError
from gateway.audit.merkle import consistency_proof
from gateway.audit.witness import Submission, cosigned
from gateway.errors import LogError
from gateway.store import statements
from gateway.store.faults import RollbackError
from gateway.store.line import Job
from gateway.store.witness import Cosigned, Denied, Silent, Stands, submit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.audit.merkle import Tiles
    from gateway.store.database import Connection
    from gateway.store.log import StoredLog
    from gateway.store.prover import Prover
    from gateway.store.reads import Reads
    from gateway.store.signer import Published
    from gateway.store.start import Place
    from gateway.store.witness import Answer, Witness

EVERY_S: Final = 10.0
"""Between two rounds while nobody waits: each cosigned checkpoint is kept for good."""

ASKED_EVERY_S: Final = 0.2
PAUSE_S: Final = 1.0
KEPT_EVERY_S: Final = 60.0
_TRIALS: Final = 3
_STORED_WAIT_S: Final = 30.0


class Witnessing:
    """The rounds of one process.

    Args:
        witnesses: Whom to ask.
        quorum: How many of them make a checkpoint cosigned.
        tiles: Returns the tiles of a tree as it was published.
        stored: Returns how many entries the store has; other replicas may have added some.
        chore: Queues a job for the writer's transaction.
        publish: Called from this thread with each checkpoint that has its quorum, once it is kept.
        fatal: Called from this thread when a witness's answer proves a rollback or a fork.
    """

    def __init__(
        self,
        witnesses: Sequence[Witness],
        quorum: int,
        *,
        tiles: Callable[[Published], Tiles],
        stored: Callable[[], int],
        chore: Callable[[Job], None],
        publish: Callable[[Published], None],
        fatal: Callable[[LogError], None],
    ) -> None:
        self.trouble = ""
        self.short = False  # the last round came to no quorum
        self._witnesses = tuple(witnesses)
        self._quorum = quorum
        self._tiles = tiles
        self._stored = stored
        self._chore = chore
        self._publish = publish
        self._fatal = fatal
        self._seen = dict.fromkeys((one.name for one in witnesses), 0)
        self._newest: Published | None = None
        self._done = 0
        self._kept_at = 0.0
        self._wake = threading.Event()
        self._asked = False
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="exchange-log-witness", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def close(self) -> None:
        """Stop, once whoever answers has cosigned the last checkpoint."""
        self._stop = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def offer(self, published: Published) -> None:
        """Take the newest checkpoint, to be cosigned in the next round; from any thread."""
        self._newest = published
        if self._asked:
            self._wake.set()

    def ask(self) -> None:
        """Say that somebody waits for a cosigned checkpoint; from any thread."""
        self._asked = True
        self._wake.set()

    def round(self) -> None:
        """Have the newest checkpoint cosigned by whoever answers, keep it, and say so.

        Raises:
            RollbackError: A witness saw more than the store has, or something else.
        """
        published = self._newest
        if published is None or published.size == self._done:
            return
        with ThreadPoolExecutor(len(self._witnesses)) as pool:
            answers = list(pool.map(lambda one: self._advance(one, published), self._witnesses))
        note = published.note
        for one, answer in zip(self._witnesses, answers, strict=True):
            if isinstance(answer, Cosigned):
                note = cosigned(note, answer.lines, [one.verifier])
        signed = cosignatures(note, [one.verifier for one in self._witnesses])
        silent = [one.name for one in self._witnesses if one.name not in signed]
        self.trouble = f"not cosigned by {', '.join(silent)}" if silent else ""
        if signed or time.monotonic() - self._kept_at >= KEPT_EVERY_S:
            self._keep(published._replace(note=note))
        self.short = len(signed) < self._quorum
        if not self.short:
            self._done = published.size
            self._asked = False
            self._publish(published._replace(note=note))

    # --- The thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        due = 0.0
        while True:
            self._wake.wait(max(due - time.monotonic(), ASKED_EVERY_S))
            self._wake.clear()
            stopping = self._stop
            if time.monotonic() < due and not self._asked and not stopping:
                continue
            due = time.monotonic() + EVERY_S
            try:
                self.round()
            except RollbackError as error:
                self.trouble = str(error)
                self._fatal(error)
                return
            except (AuditError, LogError) as error:
                # Not cosigned and not published: who waits is turned away in time.
                self.trouble = f"no checkpoint is cosigned: {type(error).__name__}"
            if stopping:
                return
            # Who waits is not kept waiting, and a witness that is down is not overrun.
            time.sleep(PAUSE_S if self.trouble else ASKED_EVERY_S)

    def _advance(self, witness: Witness, published: Published) -> Answer:
        """Take one witness from where it stands to a checkpoint; return its last answer.

        Raises:
            RollbackError: It saw more than the store has, or something else.
        """
        answer: Answer = Silent("not asked")
        old = 0
        for _ in range(_TRIALS):
            old = self._seen[witness.name]
            if old > published.size:
                # Another replica was there first, with a checkpoint that is newer than this one.
                return Silent("ahead")
            proof = tuple(consistency_proof(old, published.size, self._tiles(published)))
            answer = submit(witness, Submission(old, proof, published.note))
            if isinstance(answer, Cosigned):
                self._seen[witness.name] = published.size
            if not isinstance(answer, Stands):
                break
            weigh(witness, answer, old, published.size, self._stored)
            self._seen[witness.name] = answer.size
        if isinstance(answer, Denied):
            raise contradicted(witness, self._stored(), old)
        return answer

    def _keep(self, published: Published) -> None:
        """Store a checkpoint for good, and wait until it is there."""
        size, root, note = published.size, published.root, published.note
        stored = threading.Event()

        def run(connection: Connection) -> None:
            (t_ms,) = connection.execute(
                "SELECT t FROM log_entry WHERE seq = ?", (size - 1,)
            ).fetchone()
            connection.execute(statements.INSERT_CHECKPOINT, (size, root, note, t_ms))

        job = Job(chore=run)
        job.settled = stored.set
        self._chore(job)
        if not stored.wait(_STORED_WAIT_S) or job.error is not None:
            raise LogError("a cosigned checkpoint was not stored") from job.error
        self._kept_at = time.monotonic()


def weigh(witness: Witness, answer: Stands, old: int, size: int, stored: Callable[[], int]) -> None:
    """Raise where the size at which a witness stands cannot be.

    Args:
        witness: Who.
        answer: What it says.
        old: The size at which it was thought to stand.
        size: Of the checkpoint that it was asked to cosign.
        stored: Returns how many entries the store has.

    Raises:
        RollbackError: It saw more entries than there are, or another root at this size.
    """
    if answer.size == old == size:
        raise contradicted(witness, stored(), size)
    if answer.size > size and answer.size > (store_size := stored()):
        raise RollbackError(
            f"the exchange log lost its end: the witness `{witness.name}` has seen it",
            store_size=store_size,
            held_size=answer.size,
        )


def contradicted(witness: Witness, store_size: int, size: int) -> RollbackError:
    """Return the error of a witness that cosigned another history."""
    why = f"the witness `{witness.name}` has cosigned another exchange log under this key"
    return RollbackError(why, store_size=store_size, held_size=size)


def consult(witnesses: Sequence[Witness], note: str, size: int, stored: int) -> tuple[str, ...]:
    """Hold a store against what each witness has seen of it, before it is served or signed.

    Args:
        witnesses: Whom to ask.
        note: The newest signed checkpoint that the store and the held file have.
        size: Its size.
        stored: How many entries the store has.

    Returns:
        A warning for each witness that did not answer.

    Raises:
        RollbackError: One saw more than the store has, or something else.
    """
    warnings = []
    with ThreadPoolExecutor(max(len(witnesses), 1)) as pool:
        answers = list(pool.map(lambda one: submit(one, Submission(size, (), note)), witnesses))
    for one, answer in zip(witnesses, answers, strict=True):
        match answer:
            case Stands():
                weigh(one, answer, size, size, lambda: stored)
            case Denied():
                raise contradicted(one, stored, size)
            case Silent(why):
                warnings.append(
                    f"`log.witnesses`: `{one.name}` does not answer ({why}): that the store was "
                    "not put back is not held against it"
                )
            case Cosigned():
                pass
    return tuple(warnings)


def rounds_of(place: Place, prover: Prover, reads: Reads, log: StoredLog) -> Witnessing | None:
    """Return what has a log's checkpoints cosigned, with the first of them in hand; not started."""
    if not place.witnesses:
        return None
    prover.sync, prover.sync_s = place.sync, place.sync_s
    rounds = Witnessing(
        place.witnesses,
        place.quorum,
        tiles=prover.tiles,
        stored=lambda: int(reads.rows("SELECT size FROM log_head")[0][0]),
        chore=log.chore,
        publish=log.publish_cosigned,
        fatal=log.dies,
    )
    rounds.offer(prover.published)
    return rounds
