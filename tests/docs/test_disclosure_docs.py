"""The officers' page on tables: its commands run, and print what the page says they print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.data import ROOT

PAGE = ROOT / "docs" / "disclosure.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_commands_print_what_the_page_says(tmp_path: Path) -> None:
    """In the order of the page, in one folder, at 80 columns; a failure ends it."""
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    printed = ""

    for kind, text in blocks:
        if kind == "text":
            assert lines(text) == lines(printed)
        else:
            printed = run(text, tmp_path)

    assert ["sh", "text", "sh", "text", "sh"] == [kind for kind, _ in blocks]
    assert {"partner.html", "working.csv", "release.csv", "working.html", "audit.json"} <= {
        one.name for one in tmp_path.iterdir()
    }


def run(text: str, folder: Path) -> str:
    """Return what a block of commands prints, standard output alone."""
    programs = Path(sys.executable).parent
    kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "TERM"}}
    done = subprocess.run(  # noqa: S603 - the page's own commands
        ["bash", "-eu", "-c", text],  # noqa: S607
        cwd=folder,
        env=kept | {"PATH": f"{programs}:{os.environ['PATH']}", "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def lines(text: str) -> list[str]:
    """Return lines without the blanks that a terminal fills them up with."""
    return [line.rstrip() for line in text.strip().splitlines()]


def test_every_option_of_the_page_exists(tmp_path: Path) -> None:
    """The page names no option that the verbs do not have."""
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE.read_text(encoding="utf-8")))
    said = run("accord disclosure suppress --help; accord disclosure audit --help", tmp_path)

    assert {"--knowledge", "--width", "--hierarchy"} <= named
    assert set() == {option for option in named if option not in said}
