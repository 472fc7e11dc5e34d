"""The writer: one thread, one connection, and the only way into the log.

It takes what waits, writes it in one transaction with one flush, and then tells every caller at
once. Batches grow under load by themselves, so there is no timer. What went wrong before a COMMIT
is known not to be logged; what a COMMIT answered with an error is unknown, and then this process
must end. Sections 4.3 and 4.4 of the specification.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from gateway.errors import LogError
from gateway.store.batch import Head, Lay, millis, prune
from gateway.store.database import CONTRADICTIONS, ERRORS
from gateway.store.faults import DamagedError, FencedError, UnknownFateError
from gateway.store.line import Job, Line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from gateway.ports import Clock
    from gateway.store.backlog import Backlog
    from gateway.store.database import Connection
    from gateway.store.turn import Turn

WAL_BYTES: Final = 4 << 20
SPARE_BYTES: Final = 8 << 20
STEP_MS: Final = 1_000
_PRUNE_EVERY_S: Final = 60.0
_SWEEP_AGAIN_S: Final = 1.0
_IDLE_S: Final = 1.0
_PROBE_FIRST_S: Final = 0.1
_PROBE_LAST_S: Final = 5.0
_PAGE: Final = 4_096
_BATCH_PAGES: Final = 12


class Writer:
    """Owns the writing connection and the head of the log.

    Args:
        connection: The writing connection.
        head: Where the log ends.
        turn: How it comes to append.
        clock: What gives entries their time.
        replica: Who writes, in `log_open`.
        known_keys: Ids of keys that the log has announced.
        backlog: What the index of subjects still owes.
        done: Called from the writer's thread with jobs whose fate is settled.
        config: Makes the job of a `config` entry with this event, sealed.
        fatal: Called from the writer's thread when the fate of a commit is unknown: end the
            process.
        free_bytes: Returns the free space on the disk.
        spare_bytes: Free space below which nothing is begun: in WAL mode a full disk would show
            only at COMMIT.
    """

    def __init__(  # noqa: PLR0913 - the one place where these meet
        self,
        connection: Connection,
        head: Head,
        turn: Turn,
        *,
        free_bytes: Callable[[], int],
        clock: Clock,
        replica: str,
        known_keys: set[str],
        backlog: Backlog,
        done: Callable[[list[Job]], None],
        config: Callable[[str], Job],
        fatal: Callable[[LogError], None],
        spare_bytes: int = SPARE_BYTES,
    ) -> None:
        self.line = Line()
        self.head = head
        self.trouble = ""  # why nothing is taken just now; read by the event loop
        self.dead = False
        self._connection = connection
        self._turn = turn
        self._free_bytes = free_bytes
        self._clock = clock
        self._replica = replica
        self._known_keys = known_keys
        self._backlog = backlog
        self._done = done
        self._config = config
        self._fatal = fatal
        self._spare_bytes = spare_bytes
        self._wal_bytes = 0
        self._prune_at = time.monotonic() + _PRUNE_EVERY_S
        self._stepped = False
        self._halted = False
        self._sweep_at: float | None = None  # when deleted rows are to be cleared away
        self._thread = threading.Thread(target=self._run, name="exchange-log-writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def close(self) -> None:
        """Write what waits, stop, and close the connection."""
        self.line.close()
        if self._thread.is_alive():
            self._thread.join()
        if self.dead:
            self._turn.abandon(self._connection)
        else:
            self._connection.close()

    @property
    def stopped(self) -> bool:
        """Whether nothing is taken any more, for good."""
        return self.dead or self._halted

    def halt(self, why: str) -> None:
        """Take nothing any more, for good: what waits is withdrawn in its time. From any thread."""
        self.trouble = self.trouble or why
        self._halted = True

    def sweep(self) -> None:
        """Clear what was deleted out of the files, with the next batch. From any thread."""
        self._sweep_at = 0.0

    def forget(self, entries: Collection[int]) -> None:
        """Index nobody by these entries any more; from a chore, on the writer's thread."""
        self._backlog.forget(entries)

    def commit_now(self, jobs: list[Job]) -> None:
        """Write a batch on the caller's thread, before the writer is started.

        Raises:
            LogError: It is not, or may not be, durable.
        """
        self._batch(jobs)
        for job in jobs:
            if job.error is not None:
                raise job.error

    # --- The thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        pause_s = _PROBE_FIRST_S
        while not self.stopped:
            if self.trouble:
                time.sleep(pause_s)
                self._probe()
                pause_s = min(2 * pause_s, _PROBE_LAST_S) if self.trouble else _PROBE_FIRST_S
                if self.line.closed and self.trouble:
                    return
                continue
            owing = self._backlog.owes(self.head.size)
            jobs = self.line.take(0 if owing else _IDLE_S)
            if jobs or (owing and not self.line.closed):
                self._batch(jobs)
            elif self.line.closed:
                return
            for job in self._turn.due():
                self.line.put(job)

    def _batch(self, jobs: list[Job]) -> None:
        """Write jobs in one transaction, and tell whoever waits."""
        try:
            self._check_space(jobs)
            jobs = self._with_step(jobs)
            head, written = self._write(jobs)
        except (UnknownFateError, FencedError, DamagedError) as error:
            self._die(jobs, str(error))
            return
        except CONTRADICTIONS as error:
            # Rolled back, and so known not to be there. One job says what the log has already: the
            # others are not to blame, and go one by one.
            if len(jobs) > 1:
                for job in jobs:
                    self._batch([job])
                return
            self._settle(
                jobs, LogError("an entry contradicts the exchange log, and is not in it"), error
            )
            return
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing was committed
            self._refuse(jobs, error)
            return
        self.head = head
        if self._sweep_at is not None and time.monotonic() >= self._sweep_at:
            # Before it is settled: whoever asked for it waits for this batch.
            self._clear()
        self._settle(written, None)
        self._care(written)

    def _write(self, jobs: list[Job]) -> tuple[Head, list[Job]]:
        """Write jobs; return where the log ends then, and which of them are in it."""
        for job in jobs:
            # Before its turn: others wait for that.
            if job.entry is not None and job.enclosed is None:
                job.enclosed = job.entry.enclose()
        self._backlog.fill(self._connection, self.head.size)
        self._turn.begin(self._connection)
        try:
            head = self._turn.take(self._connection, self.head)
            admitted = self._turn.admit(self._connection, jobs, head.size)
            self._backlog.resume(head.indexed)
            lay = Lay(head, millis(self._clock.now()), self._replica, self._known_keys)
            after = lay.all(admitted)
            step = self._backlog.step(lay.rows.named, head.size, after.size)
            lay.rows.subjects, head = step.rows, after._replace(indexed=step.indexed)
            lay.rows.write(self._connection, head)
        except BaseException:
            self._roll_back()
            raise
        try:
            self._connection.execute("COMMIT")
        except BaseException as error:
            # The batch of a commit that failed was there after reopening in 8 of 9 trials. Never
            # again here: a failed flush may leave pages marked clean, and a second would succeed
            # falsely.
            raise UnknownFateError("a commit of the exchange log failed") from error
        self._known_keys.update(lay.rows.keys)
        self._backlog.took(step)
        self._wal_bytes += _PAGE * len(step.rows)
        if len(admitted) < len(jobs):
            self._turned_away(jobs, admitted)
        return head, admitted

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except ERRORS as error:
            raise UnknownFateError("a rollback of the exchange log failed") from error

    def _turned_away(self, jobs: list[Job], admitted: list[Job]) -> None:
        """Tell whoever came after another replica."""
        kept = set(map(id, admitted))
        self._done([job for job in jobs if id(job) not in kept])

    def _with_step(self, jobs: list[Job]) -> list[Job]:
        """Put a `config` entry first where the clock stepped back: once for each step."""
        behind = self.head.t_ms - millis(self._clock.now())
        if behind < STEP_MS:
            self._stepped = False
            return jobs
        if self._stepped or self.head.size == 0:
            return jobs
        self._stepped = True
        return [self._config("clock-step"), *jobs]

    def _check_space(self, jobs: list[Job]) -> None:
        if self._free_bytes() < self._spare_bytes + 2 * self._weight(jobs):
            raise OSError("the disk of the exchange log is full")

    @staticmethod
    def _weight(jobs: list[Job]) -> int:
        """Return about how much a transaction adds to the WAL."""
        return _PAGE * (_BATCH_PAGES + len(jobs)) + sum(job.size for job in jobs)

    def _clear(self) -> None:
        """Clear away what was deleted; where somebody reads just then, a second later."""
        try:
            cleared = self._turn.sweep(self._connection)
        except ERRORS:
            cleared = False
        self._sweep_at = None if cleared else time.monotonic() + _SWEEP_AGAIN_S

    def _care(self, jobs: list[Job]) -> None:
        """Tend the database about every 4 MiB, and forget old attempts once a minute."""
        self._wal_bytes += self._weight(jobs)
        if self._wal_bytes >= WAL_BYTES:
            try:
                self._turn.copy(self._connection)
            except ERRORS as error:
                # Everything is durable in the WAL; only the copying failed.
                self._refuse([], error)
                return
            self._wal_bytes = 0
        if time.monotonic() >= self._prune_at:
            self._prune_at = time.monotonic() + _PRUNE_EVERY_S
            self.line.put(_prune_job(millis(self._clock.now())))

    # --- When it goes wrong -----------------------------------------------------------------------

    def _refuse(self, jobs: list[Job], error: BaseException) -> None:
        """Known not logged: say so, keep what is owed, take nothing until a probe succeeds."""
        if not self.trouble:
            self.trouble = "the exchange log takes no entries: " + _kind_of(error)
        owed = [job for job in jobs if job.must]
        lost = [job for job in jobs if not job.must]
        self._settle(lost, LogError("an entry is not in the exchange log"), error)
        self.line.give_back(owed)
        self._turn_away()

    def _turn_away(self) -> None:
        waiting = self.line.withdraw(time.monotonic() + 1.0)
        self._settle(waiting, LogError("an entry is not in the exchange log"))

    def _probe(self) -> None:
        """Try a `config` entry; when it is durable, serve again."""
        self._turn_away()
        why, self.trouble = self.trouble, ""
        job = self._config("start")
        self._batch([job])
        if job.error is not None and not self.trouble:
            self.trouble = why

    def _die(self, jobs: list[Job], why: str) -> None:
        """Unknown: nobody may believe or retry anything; the process ends, recovery will tell."""
        self.dead = True
        self.trouble = why
        unknown = LogError("an entry may or may not be in the exchange log", unknown=True)
        self._settle(jobs, unknown)
        self.line.close()
        while waiting := self.line.take(0):
            self._settle(waiting, unknown)
        self._fatal(LogError(why, unknown=True))

    def _settle(
        self, jobs: list[Job], error: LogError | None, cause: BaseException | None = None
    ) -> None:
        if error is not None and cause is not None:
            error.__cause__ = cause
        for job in jobs:
            job.error = error
            job.done = True
        if jobs:
            self._done(jobs)


def _prune_job(t_ms: int) -> Job:
    return Job(chore=lambda connection: prune(connection, t_ms))


def _kind_of(error: BaseException) -> str:
    """Return what an error was in a word: its text may hold a path or a value."""
    return getattr(error, "sqlite_errorname", type(error).__name__)
