"""Verbs as people type them, without a process each: `accord` is run where the tests run.

Starting a process takes longer than most verbs do. What only a process can show, such as a signal,
a line of a library's own core or the first import of a verb, is tried with real ones.
"""

from __future__ import annotations

import io
import subprocess
from contextlib import chdir, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING

from gateway.cli.main import carry_out

if TYPE_CHECKING:
    from pathlib import Path


def accord(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a verb in a folder as the program does; return its exit code and both its streams."""
    out, err = _stream(), _stream()
    code = 0
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        try:
            carry_out(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
    return subprocess.CompletedProcess(("accord", *words), code, _said(out), _said(err))


def _stream() -> io.TextIOWrapper:
    """Return a stream that, as a pipe does, takes bytes too."""
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)


def _said(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
