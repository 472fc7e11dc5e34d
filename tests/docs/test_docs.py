"""What the documents say is true: commands work, links lead on, named tests exist."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.cli.main import EXIT_UNFORESEEN, EXITS
from gateway.cli.serve import EXIT_ROLLBACK, EXIT_UNKNOWN
from tests.data import ROOT
from tests.verbs import accord

DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "agreements" / "README.md"]
)
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`(test_[a-z0-9_]+\.py)(?:::(test_[a-z0-9_]+))?`")
DEFINED = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)\)")
READY_S = 60.0


def names_by_file() -> dict[str, set[str]]:
    """Return the names of all tests, by the name of their file."""
    found: dict[str, set[str]] = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        names = DEFINED.findall(path.read_text(encoding="utf-8"))
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
    return subprocess.CompletedProcess(text, process.returncode, out, "")


def test_the_commands_of_the_readme_work(town: tuple[Path, int]) -> None:
    """Every command of the page succeeds, in its order, as one script of processes."""
    folder, port = town

    done = run(script(ROOT / "README.md", port), folder, port)

    assert 0 == done.returncode, done.stdout[-3000:]


@pytest.mark.parametrize("name", ["docs/operations.md", "agreements/README.md"])
def test_commands_work(name: str, tmp_path: Path) -> None:
    """Every command of a document succeeds, in the order of the page.

    None of them goes on. A line that is one verb and nothing more of the shell is run here, any
    other by the shell.
    """
    text = "".join(BLOCK.findall((ROOT / name).read_text(encoding="utf-8")))
    typed = text.replace("\\\n", "").splitlines()
    if "accord init" not in text:
        typed.insert(0, "accord init county")

    for line in typed:
        words = shlex.split(line, comments=True)
        if words[0] == "accord" and not set("".join(words)) & set("$*?~|&;<>`"):
            done = accord(*words[1:], folder=tmp_path)
        else:
            done = run(f"set -eu\n{line}\n", tmp_path, 0)
        assert 0 == done.returncode, f"{line}\n{done.stdout[-3000:]}{done.stderr}"


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
