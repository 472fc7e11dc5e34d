"""Each check of the verifier is needed: with any one of them removed, a test of it fails.

A mutant is a copy of `gateway/audit` in which one condition, that guards an error or a finding,
never holds. Every mutant is given to the tests of this folder, in a process of its own.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from tests.data import ROOT

if TYPE_CHECKING:
    from pathlib import Path

AUDIT: Final = ROOT / "gateway" / "audit"
CHECKED: Final = (
    "beside", "checkpoint", "derived", "entry", "holds", "kinds", "life", "merkle", "parts",
    "payload", "proof", "static", "stream", "tree", "verify", "walk", "witness",
)  # fmt: skip
"""Modules that verify; the others show."""

EQUAL: Final[dict[str, str]] = {}
"""Mutants that no test can tell, `module:line of the condition's text` -> why."""


def _guards(node: ast.If) -> bool:
    """Return whether a condition keeps an error or a finding."""
    for part in node.body:
        for inner in ast.walk(part):
            if isinstance(inner, ast.Raise):
                return True
            if isinstance(inner, ast.Name) and inner.id in {"Finding", "AuditError"}:
                return True
            if isinstance(inner, ast.Return) and isinstance(inner.value, ast.Tuple):
                return True
    return False


def mutants() -> list[tuple[str, int]]:
    """Return (module, line) of each condition that can be removed."""
    found = []
    for name in CHECKED:
        tree = ast.parse((AUDIT / f"{name}.py").read_text())
        found += [
            (name, node.lineno)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and _guards(node)
        ]
    return sorted(set(found))


def _mutate(source: str, line: int) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and node.lineno == line and _guards(node):
            # Kept, so that what it computes still happens; it only never holds.
            node.test = ast.BoolOp(ast.And(), [node.test, ast.Constant(value=False)])
    return ast.unparse(ast.fix_missing_locations(tree))


def _survives(folder: Path, module: str, line: int) -> bool:
    copy = folder / "gateway" / "audit" / f"{module}.py"
    before = copy.read_text()
    copy.write_text(_mutate(before, line))
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:randomly", "-p",
             "no:cacheprovider", "-m", "not long", "tests/audit"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=300,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        # It never ends: that is noticed.
        return False
    finally:
        copy.write_text(before)
    return done.returncode == 0


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", range(6))
def test_no_check_can_be_removed_unnoticed(tmp_path: Path, part: int) -> None:
    """Whatever it is that is not looked at any more, a test says so."""
    for name in ("gateway", "tests", "adapters", "agreements", "bench"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    survivors = [
        f"{module}:{line} {(AUDIT / f'{module}.py').read_text().splitlines()[line - 1].strip()}"
        for module, line in mutants()[part::6]
        if _survives(tmp_path, module, line)
    ]

    assert [] == [one for one in survivors if one not in EQUAL]
