"""`accord log incident`, cut or failed anywhere: the next run ends what it began."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.cli.deployed import deploy, fill
from tests.cli.test_log_incident import incident, more, roll_back, set_origin
from tests.store.syscalls import Fault, needs_strace

if TYPE_CHECKING:
    from pathlib import Path

CALLS: Final = ("fdatasync", "fsync", "rename", "renameat", "unlink", "pwrite64", "mkdir")
ACCORD: Final = "from gateway.cli.start import main; main()"


def _cut(path: Path, kind: str, fault: Fault) -> bool:
    """End a deployment's log under a fault, then as the operator would; return if it was met."""
    trace = path.parent / "trace"
    verb = ("log", "incident", str(path), "--class", kind)
    done = subprocess.run(  # noqa: S603 - our own process, under a tracer
        fault.traced(trace, sys.executable, "-c", ACCORD, *verb),
        capture_output=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        assert 0 == incident(path, kind)
    set_origin(path)
    more(path, 77)
    assert ["incident-1"] == [one.name for one in sorted((path.parent / "data").glob("incident*"))]
    return fault.met(trace)


@needs_strace
@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("kind", ["other", "rollback"])
@pytest.mark.parametrize("how", ["KILL", "EIO"])
def test_an_incident_that_was_cut_anywhere_is_ended_by_the_next_run(
    tmp_path: Path, kind: str, how: str
) -> None:
    """Of a store that nothing contradicts, and of one that lost its end."""
    made = deploy(tmp_path / "made")
    fill(made)
    if kind == "rollback":
        roll_back(made)
    met = 0
    for call in CALLS:
        for at in (1, 2, 3, 4, 6, 9, 14, 20):
            folder = tmp_path / f"{call}-{at}"
            shutil.copytree(made.parent, folder)
            found = _cut(folder / made.name, kind, Fault(call, how, at))
            shutil.rmtree(folder)
            met += found
            if not found:
                break

    assert met >= 20
