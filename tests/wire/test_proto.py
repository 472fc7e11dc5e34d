"""The generated stubs are what `proto/` says, and `proto/` keeps its style."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data import ROOT

BIN = Path(sys.executable).parent
BUF = shutil.which("buf", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")
needs_buf = pytest.mark.skipif(
    BUF is None, reason="needs buf (PyPI buf-bin) beside the interpreter"
)


def buf(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run buf with this interpreter first on the path, offline."""
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path}
    command = [str(BUF), *arguments]
    return subprocess.run(  # noqa: S603 - our own tool on our own files
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def stubs(folder: Path) -> dict[str, bytes]:
    """Return every generated file below a root by its path; the package's docstring is ours."""
    found = Path(folder, "gateway", "v1").glob("*")
    return {
        path.name: path.read_bytes()
        for path in found
        if path.is_file() and path.name != "__init__.py"
    }


@needs_buf
def test_stubs_are_what_the_protos_say(tmp_path: Path) -> None:
    """Set of files first (T25), then bytes: no stub is stale, missing, edited or left behind."""
    run = buf("generate", "-o", str(tmp_path))
    expected = stubs(tmp_path)

    actual = stubs(ROOT)

    assert (0, "") == (run.returncode, run.stderr)
    assert sorted(expected) == sorted(actual)
    assert expected == actual


@needs_buf
def test_a_stub_of_a_deleted_proto_is_seen(tmp_path: Path) -> None:
    """An extra stub makes the two sets of files differ."""
    buf("generate", "-o", str(tmp_path))
    Path(tmp_path, "gateway", "v1", "x_pb2.py").write_bytes(b"")

    assert sorted(stubs(ROOT)) != sorted(stubs(tmp_path))


@needs_buf
def test_protos_keep_their_style() -> None:
    """STANDARD and COMMENTS of buf lint hold without an exception."""
    run = buf("lint")

    assert (0, "") == (run.returncode, run.stdout + run.stderr)


def test_no_proto_ignores_a_lint_rule() -> None:
    """No comment in a proto switches a rule off."""
    for path in sorted(Path(ROOT, "proto").rglob("*.proto")):
        assert "buf:lint:ignore" not in path.read_text("utf-8"), path.name
