"""How long an officer's file takes: read, linted and compiled here, and by the command, from start.

The files are the county's own, as they are shipped. A load is that of its largest agreement, with
all that it stands on read before, as in a running gateway; the command is timed as an officer
waits for it, from its start to its end.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bench.figures import median
from bench.processes import ACCORD, ROOT
from gateway.agreement import parse
from gateway.agreement.lint.folder import Folder, Read, read_folder
from gateway.agreement.lint.run import lint, refusing
from gateway.agreement.yaml import read
from gateway.cli.clock import SystemClock
from gateway.cli.explain import as_signed
from gateway.library.files import contents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

KEYS: Final = ("agreements.load_ms", "agreements.lint_county_s", "agreements.lint_one_s")
HOME: Final = ROOT / "agreements"


def run(runs: int, say: Callable[[str], None]) -> dict[str, float | None]:
    """Measure each, the median of some runs."""
    files = contents(HOME)
    folder, _ = read_folder(files)
    assert folder is not None  # noqa: S101 - `make check` lints the very folder
    name = max((one.file for one in folder.agreements), key=lambda name: len(files[name]))
    size = f"{len(files[name]):,} bytes of {len(folder.agreements)} agreements"
    # Of the same bytes a median: the first run pays for what is imported late.
    loads = [_load_s(folder, name, files[name]) for _ in range(10 * runs)]
    one = [_command_s(["lint", str(HOME / name)]) for _ in range(runs)]
    county = [_command_s(["lint", str(HOME)]) for _ in range(runs)]
    say(f"         {name}, the largest, {size}: a load of {1000 * median(loads):.2f} ms")
    said = f"{median(one):.2f} s of this file, {median(county):.2f} s of all"
    say(f"         `accord agreements lint`: {said}, from start to end")
    return {
        "agreements.load_ms": 1000 * median(loads),
        "agreements.lint_county_s": median(county),
        "agreements.lint_one_s": median(one),
    }


def _load_s(folder: Folder, name: str, data: bytes) -> float:
    """Return the seconds of one load: read, check, lint and compile one agreement."""
    now = SystemClock().now()
    started = time.perf_counter()
    document = read(data, file=name)
    model = parse.agreement(document, folder.schemas)
    alone = replace(folder, agreements=(Read(model, document),))
    found = lint(alone, now)
    as_signed(alone)
    spent_s = time.perf_counter() - started
    if refusing(found):
        raise RuntimeError(f"{name} does not lint: {refusing(found)[0].text()}")
    return spent_s


def _command_s(arguments: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(  # noqa: S603 - this interpreter, our own command
        [sys.executable, ACCORD, "agreements", *arguments],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started
