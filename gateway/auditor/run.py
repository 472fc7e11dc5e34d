"""A run over a log: in one process, or in several that each walk a part of it.

The processes share nothing but a count of what they have walked. Where all parts are in order and
follow one another, so is the log; else it is walked once more from its first entry, in this
process, so that what is said of it never depends on how it was divided.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.fault import Finding
from gateway.audit.opened import Beside
from gateway.audit.parts import join, split, walk_part
from gateway.audit.subjects import Rebuilt
from gateway.audit.tally import Tally
from gateway.audit.verify import accept, bundles
from gateway.audit.walk import Walk
from gateway.errors import AccordError, LogError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from gateway.audit.checkpoint import Checkpoint, Verifier
    from gateway.audit.parts import Part
    from gateway.audit.tree import Reader
    from gateway.auditor.place import Log, Place

WORTH_ENTRIES: Final = 50_000
"""Below this a second process costs more than it saves."""

_LOOK_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Against:
    """What a log is held against.

    Attributes:
        verifiers: The log's pinned keys.
        held: Signed checkpoints that somebody kept.
        witnesses: Keys whose cosignatures count.
        quorum: How many of them the checkpoint needs.
        now: The instant that payloads' classes are held against, or None not to.
    """

    verifiers: tuple[Verifier, ...]
    held: tuple[str, ...] = ()
    witnesses: tuple[Verifier, ...] = ()
    quorum: int = 0
    now: dt.datetime | None = None


@dataclass(slots=True)
class Report:
    """What a run found.

    Attributes:
        note: The checkpoint that was verified.
        served: What it says, or None where it is not this log's.
        findings: In the log's order; notes among them.
        tally: Counts.
        rows: The store's own rows were compared too.
    """

    note: str
    served: Checkpoint | None = None
    findings: list[Finding] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    rows: bool = False


def run(
    place: Place,
    against: Against,
    *,
    processes: int = 1,
    worth: int = WORTH_ENTRIES,
    watch: Callable[[int, int], None] = lambda _done, _all: None,
) -> Report:
    """Verify a log, and return what was found.

    Args:
        place: Where it lies.
        against: What it is held against.
        processes: How many may walk it at once.
        worth: How many entries a log has that is worth more than one.
        watch: Told (entries walked, entries in all) now and then; it may begin anew.

    Raises:
        LogError: The log cannot be read; nothing is said of it.
        SettingsError: What was given with it cannot be read.
    """
    log = place.open()
    try:
        report = _run(place, log, against, lambda size: processes if size >= worth else 1, watch)
        if log.payloads is None and log.openings is None and report.tally.entries:
            report.tally.not_opened = report.tally.entries
            report.findings.append(Finding("not-opened", -1, "neither keys nor openings are given"))
        return report
    finally:
        log.close()


def _run(
    place: Place,
    log: Log,
    against: Against,
    processes: Callable[[int], int],
    watch: Callable[[int, int], None],
) -> Report:
    report = Report(log.reader.checkpoint(), rows=log.derived is not None)
    accepted = accept(
        log.reader, against.verifiers, against.held, against.witnesses, against.quorum
    )
    report.findings += accepted.findings
    served = report.served = accepted.served
    if served is None:
        return report
    parts = split(bundles(served.size), processes(served.size))
    index = _index(log)
    if len(parts) > 1:
        held = tuple(accepted.below)
        tasks = [_Task(place, against, served, held, part, index) for part in parts]
        walked = _walk_parts(tasks, lambda done: watch(done, served.size))
        whole = _walk(log, against, served, [], report.tally, index=index)
        notes = join(whole, walked)
        if notes is not None:
            report.findings += notes
            return report
        report.tally, index = Tally(), _index(log)
    ticking = _Ticking(log.reader, lambda done: watch(done, served.size))
    below = accepted.below
    whole = _walk(log, against, served, below, report.tally, reader=ticking, index=index)
    report.findings += whole.run(range(bundles(served.size)))
    report.findings += whole.finish()
    return report


def _index(log: Log) -> Rebuilt | None:
    """Return what the index of subjects is rebuilt in, where there is one and tokens to be had."""
    if log.derived is None or log.payloads is None:
        return None
    return Rebuilt(log.derived.end().indexed, os.urandom(32))


def _walk(
    log: Log,
    against: Against,
    served: Checkpoint,
    held: Sequence[Checkpoint],
    tally: Tally,
    *,
    reader: Reader | None = None,
    later: bool = False,
    index: Rebuilt | None = None,
) -> Walk:
    beside = Beside(
        served.origin, log.openings, log.payloads, against.now, tally, later=later, index=index
    )
    return Walk(
        reader or log.reader,
        served,
        list(held),
        beside,
        tally,
        derived=log.derived,
        verifiers=against.verifiers,
        later=later,
    )


class _Ticking:
    """A reader that says how many entries were asked of it."""

    def __init__(self, reader: Reader, tick: Callable[[int], None]) -> None:
        self._reader = reader
        self._tick = tick
        self._entries = 0
        self.checkpoint = reader.checkpoint
        self.tile = reader.tile

    def bundle(self, index: int, width: int) -> bytes | None:
        """Return a bundle, once it is counted."""
        self._entries += width
        self._tick(self._entries)
        return self._reader.bundle(index, width)


# --- Parts ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Task:
    """What one process walks."""

    place: Place
    against: Against
    served: Checkpoint
    below: tuple[Checkpoint, ...]
    part: range
    index: Rebuilt | None


def _walk_parts(tasks: Sequence[_Task], tick: Callable[[int], None]) -> list[Part]:
    """Walk each part in a process of its own.

    Raises:
        LogError: One of them could not read the log, or ended.
    """
    # A fresh interpreter each: nothing of this one's connections and threads is carried over.
    context = multiprocessing.get_context("spawn")
    count = context.Value("q", 0)
    pool = ProcessPoolExecutor(len(tasks), context, _begin, (count,))
    try:
        futures: list[Future[Part | str]] = [pool.submit(_walk_one, task) for task in tasks]
        while wait(futures, _LOOK_S).not_done:
            tick(count.value)
        found = [future.result() for future in futures]
    except BrokenProcessPool as error:
        raise LogError("a process of the run ended before it was done") from error
    finally:
        pool.shutdown(cancel_futures=True)
    wrong = [one for one in found if isinstance(one, str)]
    if wrong:
        raise LogError(wrong[0])
    return [one for one in found if not isinstance(one, str)]


_COUNT: Any = None


def _begin(count: object) -> None:
    """Take the count that the processes share, in each of them."""
    global _COUNT  # noqa: PLW0603 - it can only be handed over when the process starts
    _COUNT = count


def _walk_one(task: _Task) -> Part | str:
    """Walk one part; return why not, where the log cannot be read."""
    first, last = task.part.start << 8, task.part.stop << 8
    held = [one for one in task.below if first < one.size <= last or not one.size + first]
    seen = 0

    def tick(entries: int) -> None:
        nonlocal seen
        with _COUNT.get_lock():
            _COUNT.value += entries - seen
        seen = entries

    try:
        log = task.place.open()
    except AccordError as error:
        return error.message
    try:
        reader = _Ticking(log.reader, tick)
        later = bool(first)
        walk = _walk(
            log,
            task.against,
            task.served,
            held,
            Tally(),
            reader=reader,
            later=later,
            index=task.index,
        )
        return walk_part(walk, task.part)
    except AccordError as error:
        return error.message
    finally:
        log.close()
