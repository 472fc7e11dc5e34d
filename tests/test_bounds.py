"""What `pyproject.toml` says the program runs with, it runs with: the oldest of each.

Generated stubs refuse a runtime older than their generator, and an old transport does not tell
which TLS version a caller speaks (then everybody is refused): a lower bound is a claim.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOWEST = ROOT / "requirements-lowest.lock"
WIRE = ("grpcio", "grpcio-status", "grpcio-health-checking", "grpcio-reflection", "protobuf")
IMPORTED = """
import google.protobuf, grpc, sys
print(grpc.__version__, google.protobuf.__version__)
from gateway.v1 import adapter_pb2_grpc, agreement_pb2_grpc, audit_pb2_grpc, exchange_pb2_grpc
"""
UNREACHED = ("Could not find a version", "No matching distribution", "ConnectionError")


def _pinned(name: str) -> str:
    """Return the lock's lines for one package, hashes included."""
    found = re.search(rf"^{name}==.*?(?=^\S|\Z)", LOWEST.read_text(), re.DOTALL | re.MULTILINE)
    assert found, f"`{name}` is not in {LOWEST.name}: run `make lock`"
    return found[0]


def _install(python: str, requirements: Path, *more: str) -> None:
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    command += ["--require-hashes", "--only-binary", ":all:", "-r", str(requirements), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode and any(word in done.stderr for word in UNREACHED):
        pytest.skip("no package index can be reached")
    assert 0 == done.returncode, done.stderr[-2000:]


def test_the_lowest_lock_is_of_these_bounds() -> None:
    """Each lower bound in pyproject.toml is the version that the lowest lock holds."""
    text = (ROOT / "pyproject.toml").read_text()
    bounds = dict(re.findall(r'^  "([a-z0-9-]+)>=([0-9.]+)', text, re.MULTILINE))
    listed = dict(re.findall(r"^([a-z0-9-]+)==([0-9.]+)", LOWEST.read_text(), re.MULTILINE))
    wanted = {name: bounds[name] for name in WIRE}
    assert wanted == {name: listed[name][: len(bounds[name])] for name in WIRE}
    assert set(bounds) & set(listed) > set(WIRE)


def test_stubs_load_under_the_oldest_runtime(tmp_path: Path) -> None:
    """The generated code loads beside the lowest grpcio and protobuf that we say we take (T24)."""
    requirements = tmp_path / "wire.txt"
    requirements.write_text("".join(map(_pinned, WIRE)))
    target = tmp_path / "lowest"
    _install(sys.executable, requirements, "--no-deps", "--no-compile", "--target", str(target))

    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", IMPORTED],
        env=os.environ | {"PYTHONPATH": f"{target}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert 0 == done.returncode, done.stderr
    versions = [re.split("==| ", _pinned(name))[1] for name in ("grpcio", "protobuf")]
    assert versions == done.stdout.split()


@pytest.mark.long
def test_a_county_runs_at_the_lower_bounds(tmp_path: Path) -> None:
    """With the oldest of every dependency, `accord demo` runs to its end."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "v")], check=True)  # noqa: S603
    binaries = tmp_path / "v" / "bin"
    _install(str(binaries / "python"), LOWEST)
    subprocess.run(  # noqa: S603
        [
            str(binaries / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
            "--no-build-isolation", str(ROOT),
        ],
        check=True,
    )  # fmt: skip

    done = subprocess.run(  # noqa: S603
        [str(binaries / "accord"), "demo"], capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stdout[-2000:] + done.stderr[-2000:]
    assert "nothing left running" in done.stdout
