"""A disk that is full: denied, unhealthy, nothing lost, and served again once there is space.

On a file system of a few megabytes, mounted in a namespace of the test's own.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.data import ROOT

if TYPE_CHECKING:
    from pathlib import Path

UNSHARE: Final = shutil.which("unshare")
MOUNT: Final = 'mount -t tmpfs -o size=3m tmpfs "$1" && shift && exec "$@"'


@cache
def _may_mount() -> bool:
    """Return whether this user may mount a file system of their own."""
    if UNSHARE is None:
        return False
    mounted = [UNSHARE, "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh", "/mnt", "true"]
    return subprocess.run(mounted, capture_output=True, check=False).returncode == 0  # noqa: S603


def _brim(folder: Path, spare_bytes: int) -> dict[str, Any]:
    """Return what a process said whose log lies on a disk of 3 MB."""
    if not _may_mount():
        pytest.skip("needs unshare, and leave to mount in a namespace")
    assert UNSHARE is not None
    (folder / "log").mkdir()
    done = subprocess.run(  # noqa: S603 - our own process, in a namespace
        [
            UNSHARE, "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh", str(folder / "log"),
            sys.executable, "-m", "tests.store.brim", str(folder), str(spare_bytes),
        ],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert 0 == done.returncode, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_full_disk_denies_and_loses_nothing(tmp_path: Path) -> None:
    """What is spared is enough to refuse in time: known not to be logged, and served again after.

    The spare is what a batch may take; without it the disk would be full in the middle of one.
    """
    told = _brim(tmp_path, 256 << 10)

    assert (False, False, 0) == (told["unknown"], told["healthy"], told["fatal"])
    assert told["given"] > 20
    assert (3, 0, []) == (told["after"], told["lost"], told["findings"])


def test_a_disk_that_is_full_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    """Without any spare it is met in the middle: denied, and all is there afterwards.

    By the copying of the write-ahead log, whose entries are durable: known, and served on. Or by a
    commit: unknown, and the next start finds all.
    """
    told = _brim(tmp_path, -(1 << 30))

    assert (False, int(told["unknown"])) == (told["healthy"], told["fatal"])
    assert told["given"] > 20
    assert (3, 0, []) == (told["after"], told["lost"], told["findings"])
