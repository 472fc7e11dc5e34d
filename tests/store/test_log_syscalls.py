"""System calls that fail, or never return: nothing that was acknowledged is lost, nothing is sent.

strace makes the k-th call of its kind on each thread fail, or kills the process in it. What the
process had said by then stands for what a client got: no chunk whose release entry is absent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from gateway.keys.folder import KeyFolder
from tests.data import ROOT
from tests.store.aftermath import check, lines, restart
from tests.store.syscalls import CALLS, HOW, Fault, needs_strace
from tests.store.town import TrueEntropy
from tests.store.victim import UNKNOWN_EXIT

if TYPE_CHECKING:
    from pathlib import Path

COUNT: Final = 40
PATIENCE_S: Final = 15.0


@dataclass(frozen=True)
class Ended:
    """How the process ended: its exit code, what it said, and whether the fault was met at all."""

    code: int
    said: list[list[str]]
    met: bool


def _run(folder: Path, fault: Fault) -> Ended:
    """Run a victim under a fault until it ends, or for so long as a client would wait."""
    trace = folder / "trace"
    victim = ("-m", "tests.store.victim", str(folder), "1", "--count", str(COUNT))
    command = fault.traced(trace, sys.executable, *victim)
    with subprocess.Popen(  # noqa: S603 - our own process, under a tracer
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, _ = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            # It refuses, and tries again: as good a moment as any to kill it. Tracer and traced are
            # one group, of which there is nobody else.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
    return Ended(process.returncode, lines(out), fault.met(trace))


def _survived(folder: Path, fault: Fault, *, begun: bool = True) -> Ended:
    """Run a victim under a fault, and hold what it left against what it had said.

    On a log that was there, or on one that it is about to make.
    """
    folder.mkdir(parents=True)
    keys = KeyFolder.create(folder / "keys", TrueEntropy())
    if begun:
        restart(folder, keys, create=True)
    ended = _run(folder, fault)
    check(folder, keys, ended.said, create=not ended.said)
    return ended


@needs_strace
@pytest.mark.parametrize(
    "fault",
    [
        Fault("pwrite64", "ENOSPC", 40),
        Fault("fdatasync", "KILL", 9),
    ],
    ids=str,
)
def test_a_call_that_fails_loses_nothing(tmp_path: Path, fault: Fault) -> None:
    """In the middle of the work: acknowledged is present, and recovery is exact."""
    assert _survived(tmp_path / "one", fault).met


@needs_strace
def test_a_flush_that_fails_ends_the_process(tmp_path: Path) -> None:
    """What a commit answered with an error is unknown: 75, and nothing is said after it."""
    ended = _survived(tmp_path / "one", Fault("fdatasync", "EIO", 4))

    assert UNKNOWN_EXIT == ended.code


@needs_strace
def test_a_log_that_was_not_made_to_its_end_is_made_anew(tmp_path: Path) -> None:
    """In the middle of its making there is no log yet, and nothing in the way of the next one."""
    assert _survived(tmp_path / "one", Fault("fdatasync", "KILL", 2), begun=False).met


@needs_strace
@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("begun", [True, False], ids=["begun", "new"])
def test_calls_fail_everywhere(tmp_path: Path, *, begun: bool) -> None:
    """Each call on the way into the log, in each way, first, early and late.

    On a log that was there, and on one that is about to be made.
    """
    met = dict.fromkeys(CALLS, 0)
    for call in CALLS:
        for how in HOW:
            for at in (1, 2, 3, 5, 8, 13, 21):
                fault = Fault(call, how, at)
                folder = tmp_path / f"{call}-{how}-{at}"
                met[call] += _survived(folder, fault, begun=begun).met

    assert all(met.values()), met
    assert sum(met.values()) >= 60
