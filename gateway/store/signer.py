"""The signer: re-reads what was stored, rehashes it, and only then signs.

A second thread, with its own reading connection. What it cannot reproduce from the stored bytes it
never signs. The order is the promise: rehash, sign, held file durable, `log_signed` durable, and
only then is the checkpoint published, for receipts and trailers. Section 4.5 of the specification.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.audit.checkpoint import Checkpoint
from gateway.store import database, statements
from gateway.store.faults import DamagedError
from gateway.store.line import Job
from gateway.store.reread import read_on
from gateway.store.tiles import Tails, extend

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.audit.signers import Signers
    from gateway.errors import LogError
    from gateway.store.database import Connection
    from gateway.store.held import HeldFile
    from gateway.store.nodes import Edges, Nodes

ASKED_EVERY_S: Final = 0.005
MANY_EVERY_S: Final = 0.03
MANY: Final = 8
IDLE_EVERY_S: Final = 1.0
READ_EVERY_S: Final = 0.1
KEPT_EVERY_MS: Final = 60_000
_STORED_WAIT_S: Final = 30.0


class Published(NamedTuple):
    """A checkpoint that is signed, held and stored, with what its proofs need."""

    size: int
    root: bytes
    note: str
    edges: Edges
    tails: Tails


class Tree:
    """The signed tree: its recent nodes, and its partial tiles."""

    def __init__(self, nodes: Nodes, tails: Tails) -> None:
        self.nodes = nodes
        self.tails = tails

    def append(self, leaves: list[bytes]) -> None:
        """Extend by leaf hashes that were recomputed from stored bytes."""
        self.tails, _ = extend(self.tails, self.nodes.size, leaves)
        for leaf in leaves:
            self.nodes.append(leaf)
        self.nodes.forget()


class CheckpointSigner:
    """Signs the log's newest state, when somebody waits for it or once a second.

    Args:
        connection: A reading connection of its own.
        tree: As of the last signature.
        stored_size: What `log_signed` holds; -1 where it has no row yet.
        signers: The log's keys, by the origin's name.
        held: The held file.
        shared: Other replicas sign this log too.
        keeps: Keep one checkpoint a minute; where there are witnesses, their rounds keep them.
        chore: Queues a job for the writer's transaction.
        publish: Called from this thread with each checkpoint, once it is held and stored.
        fatal: Called from this thread when the store is damaged.
    """

    def __init__(  # noqa: PLR0913 - the one place where these meet
        self,
        connection: Connection,
        tree: Tree,
        *,
        stored_size: int,
        signers: Signers,
        held: HeldFile,
        shared: bool,
        keeps: bool,
        chore: Callable[[Job], None],
        publish: Callable[[Published], None],
        fatal: Callable[[LogError], None],
    ) -> None:
        self.tree = tree
        self.trouble = ""
        self._connection = connection
        self._stored_size = stored_size
        self.signers = signers
        self._held = held
        self._shared = shared
        self._keeps = keeps
        self._chore = chore
        self._publish = publish
        self._fatal = fatal
        self._asked = threading.Event()
        self._waiting = 0
        self._stop = False
        self._signed_at = 0.0
        self._kept_ms = 0
        self._thread = threading.Thread(target=self._run, name="exchange-log-signer", daemon=True)

    def start(self) -> None:
        """Begin to sign."""
        self._thread.start()

    def ask(self) -> None:
        """Say that somebody waits for a newer checkpoint."""
        self._waiting += 1
        if not self._asked.is_set():
            self._asked.set()

    def close(self) -> None:
        """Stop. What is new and not signed is signed first, where the writer still takes chores."""
        self._stop = True
        self._asked.set()
        if self._thread.is_alive():
            self._thread.join()
        self._connection.close()

    def sign_now(self, store: Callable[[Job], None]) -> Published:
        """Sign on the caller's thread, before this one is started; `store` runs the chore at once.

        Raises:
            DamagedError: What is stored differs from what was written.
            OSError: The held file could not be written.
        """
        t_ms = self._read_on()
        published = self._sign()
        self._held.write(published.note)
        store(self._store(published, t_ms))
        self._stored_size = published.size
        return published

    # --- The thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            asked = self._asked.wait(READ_EVERY_S)
            stopping = self._stop
            due = asked or time.monotonic() >= self._signed_at + IDLE_EVERY_S
            if due and not stopping:
                self._pace()
            if due:
                self._asked.clear()
                self._waiting = 0
            try:
                if due:
                    self._round()
                    self.trouble = ""
                else:
                    # What is stored is read already: a second's entries of a busy log at once
                    # would keep its callers waiting.
                    self._read_on()
            except DamagedError as error:
                self.trouble = str(error)
                self._fatal(error)
                return
            except (OSError, *database.ERRORS) as error:
                # Not signed, not published: receipts wait, and a second later it is tried again.
                self.trouble = f"no checkpoint can be signed: {type(error).__name__}"
                self._pause()
            if stopping:
                return

    def _pace(self) -> None:
        """Sleep until the next signature is due.

        A signature costs three flushes, whoever it is for: where many wait, they share one. How
        many is counted without a lock, since a miscount moves a signature by milliseconds.
        """
        every_s = MANY_EVERY_S if self._waiting >= MANY else ASKED_EVERY_S
        rest_s = self._signed_at + every_s - time.monotonic()
        if rest_s > 0:
            time.sleep(rest_s)

    def _pause(self) -> None:
        until = time.monotonic() + IDLE_EVERY_S
        while not self._stop and time.monotonic() < until:
            time.sleep(ASKED_EVERY_S)

    def _round(self) -> None:
        t_ms = self._read_on()
        if self.tree.nodes.size == self._stored_size:
            return
        self._signed_at = time.monotonic()
        published = self._sign()
        self._held.write(published.note)
        stored = threading.Event()
        job = self._store(published, t_ms)
        job.settled = stored.set
        self._chore(job)
        stored.wait(_STORED_WAIT_S)
        if job.error is not None and isinstance(job.error.__cause__, DamagedError):
            raise job.error.__cause__
        if not job.done or job.error is not None:
            raise OSError("the checkpoint was not stored")
        self._stored_size = published.size
        self._publish(published)

    def _read_on(self) -> int:
        """Extend the signed tree by what was stored since, rehashed.

        Return the newest entry's time.
        """
        while True:
            found = read_on(self._connection, self.tree.nodes.size, shared=self._shared)
            self.tree.append(found.leaves)
            if self.tree.nodes.size == found.size:
                break
            if not found.leaves:
                raise DamagedError("the exchange log has fewer entries than its head says")
        if self.tree.nodes.frontier() != found.frontier:
            raise DamagedError("the entries of the exchange log do not lead to its head")
        return found.t_ms

    def _sign(self) -> Published:
        size, edges = self.tree.nodes.size, self.tree.nodes.edges()
        root = edges[-1]
        if root is None or not size:
            raise DamagedError("an empty exchange log is never signed")
        signers = self.signers
        note = signers.note(Checkpoint(signers.name, size, root))
        return Published(size, root, note, edges, self.tree.tails)

    def _store(self, published: Published, t_ms: int) -> Job:
        """Return the chore that moves `log_signed`, from the size it had and from no other."""
        old, keep = self._stored_size, self._keeps and t_ms - self._kept_ms >= KEPT_EVERY_MS
        row = (published.size, published.root, published.note)
        if keep:
            self._kept_ms = t_ms

        def run(connection: Connection) -> None:
            if self._shared:
                _move(connection, published)
            elif old < 0:
                connection.execute(statements.INSERT_SIGNED, (1, *row))
            elif connection.execute(statements.UPDATE_SIGNED, (*row, old)).rowcount != 1:
                # Somebody else signed: two writers on one log.
                raise DamagedError("`log_signed` was moved by another")
            if keep:
                connection.execute(statements.INSERT_CHECKPOINT, (*row, t_ms))

        return Job(chore=run)


def _move(connection: Connection, published: Published) -> None:
    """Move `log_signed` on, unless another replica moved it further; there is one key.

    Raises:
        DamagedError: It has another root at this size.
    """
    found = connection.execute("SELECT size, root FROM log_signed WHERE id = 1 FOR UPDATE")
    size, root = found.fetchone() or (-1, b"")
    row = (published.size, published.root, published.note)
    if size < 0:
        connection.execute(statements.INSERT_SIGNED, (1, *row))
    elif size < published.size:
        connection.execute(statements.UPDATE_SIGNED, (*row, size))
    elif size == published.size and bytes(root) != published.root:
        raise DamagedError("`log_signed` has another root at this size")
