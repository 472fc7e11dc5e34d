"""What the documents say is true: commands work, links lead on, named tests exist."""

from __future__ import annotations

import ast
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.main import EXIT_UNFORESEEN, EXITS
from gateway.cli.serve import EXIT_ROLLBACK, EXIT_UNKNOWN
from tests.data import ROOT

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "agreements" / "README.md"]
)
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`(test_[a-z0-9_]+\.py)(?:::(test_[a-z0-9_]+))?`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
READY_S = 60.0


def names_by_file() -> dict[str, set[str]]:
    """Return the names of all tests, by the name of their file."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        found.setdefault(path.name, set()).update(names)
    return found


def test_each_threat_names_a_test_that_exists() -> None:
    """No threat rests on a test that was renamed or removed."""
    known = names_by_file()
    named = NAMED.findall((ROOT / "docs" / "threats.md").read_text(encoding="utf-8"))

    missing = [
        (file, test)
        for file, test in named
        if file not in known or (test and test not in known[file])
    ]

    assert named
    assert [] == missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link of a document is a file or folder of the project."""
    links = LINK.findall(path.read_text(encoding="utf-8"))

    assert [] == [link for link in links if not (path.parent / link).exists()]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_exist(path: Path) -> None:
    """Every `make …` that a document names is a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"`make ([a-z-]+)", path.read_text(encoding="utf-8")))

    assert set() == named - targets


@pytest.fixture
def town(tmp_path: Path) -> tuple[Path, int]:
    """Give a folder with the checkout's `proto` and `.venv`, and a port with free ones after it."""
    (tmp_path / "proto").symlink_to(ROOT / "proto")
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parent.parent)
    return tmp_path, free_ports(16)


def free_ports(count: int) -> int:
    """Return the first of `count` ports in a row that nobody listens on."""
    for first in range(20_000 + os.getpid() % 10_000, 60_000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise RuntimeError("no free ports")


def script(path: Path, port: int) -> str:
    """Return a document's commands as one script that stops at the first failure."""
    blocks = BLOCK.findall(path.read_text(encoding="utf-8"))
    text = "set -eu\n" + "\n".join(f"{block}\nready\n" for block in blocks)
    text = text.replace("accord init county", f"accord init county --port {port}")
    return text.replace("127.0.0.1:8443", f"127.0.0.1:{port}")


READY = f"""
ready() {{
  jobs -p | grep -q . || return 0
  {sys.executable} - "$PORT" <<'PYTHON'
import socket, sys, time
first = int(sys.argv[1])
end = time.monotonic() + {READY_S}
for port in (first, first + 10):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            if time.monotonic() > end:
                raise SystemExit("nothing serves")
            time.sleep(0.2)
PYTHON
}}
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true' EXIT
"""


def run(text: str, folder: Path, port: int) -> subprocess.CompletedProcess[str]:
    """Run a script with the environment's programs first, in a process group of its own."""
    programs = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}", "PORT": str(port)}
    process = subprocess.Popen(  # noqa: S603 - the documents' own commands
        ["bash", "-c", READY + text],  # noqa: S607
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        out, _ = process.communicate(timeout=110)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return subprocess.CompletedProcess("bash", process.returncode, out, "")


@pytest.mark.parametrize("name", ["README.md", "docs/operations.md", "agreements/README.md"])
def test_commands_work(name: str, town: tuple[Path, int]) -> None:
    """Every command of a document succeeds, in the order of the page."""
    folder, port = town
    text = script(ROOT / name, port)
    if "accord init" not in text:
        text = text.replace("set -eu\n", f"set -eu\naccord init county --port {port}\n", 1)

    done = run(text, folder, port)

    assert 0 == done.returncode, done.stdout[-3000:]


def test_the_readme_puts_its_programs_on_the_path(town: tuple[Path, int]) -> None:
    """A newcomer's shell knows no `accord`: the first block's first line finds the checkout's."""
    folder, _ = town
    first = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))[0].splitlines()[0]

    done = subprocess.run(  # noqa: S603 - the document's own line
        ["/bin/bash", "-c", f"{first}\ncommand -v accord"],
        cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (0, f"{folder}/.venv/bin/accord") == (done.returncode, done.stdout.strip()), done.stderr


def test_operations_tells_every_exit_code() -> None:
    """Each code that a verb gives for an error of its own stands in the operator's table."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    told = {int(code) for code in re.findall(r"^\| ([0-9]+) \|", text, re.MULTILINE)}
    # 7 is a refusal: to whoever asks, never of a process that serves.
    given = {0, 1, EXIT_UNFORESEEN, EXIT_UNKNOWN, EXIT_ROLLBACK, *EXITS.values()} - {7}

    assert given == told
