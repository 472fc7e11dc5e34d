"""`accord agreements lint`: what is wrong with the officers' files, and where."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.agreement.finding import Finding, Level
from gateway.cli.officers import BLOCKS_SIGNING, instant, printable, read
from gateway.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence


def run_lint(folders: Sequence[str], now: str, purpose: str, *, as_json: bool) -> int:
    """Print what is wrong; exit 1 where a finding refuses loading, or, `--for sign`, signing.

    Raises:
        SettingsError: An option is wrong, or a folder is none.
    """
    if purpose not in {"", "sign"}:
        raise SettingsError("`--for` is `sign`, or left out")
    for_sign = purpose == "sign"
    moment = instant(now)
    blocks = BLOCKS_SIGNING if for_sign else frozenset({Level.ERROR})
    worst = 0
    for name in folders:
        folder = Path(name)
        _, found = read(folder, moment)
        worst = max(worst, int(any(one.level in blocks for one in found)))
        _print_lint(folder, found, as_json=as_json)
    return worst


def _print_lint(folder: Path, found: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "column": one.column,
                "file": one.file,
                "level": one.level.value,
                "line": one.line,
                "message": one.message,
                "rule": one.rule,
            }
            for one in found
        ]
        sys.stdout.write(json.dumps(rows, sort_keys=True) + "\n")
        return
    for one in found:
        sys.stdout.write(f"{printable(f'{folder}/{one.text()}')}\n{_excerpt(folder, one)}")
    counts = {level: sum(one.level is level for one in found) for level in Level}
    words = ", ".join(f"{count} {level.name.lower()}" for level, count in counts.items() if count)
    sys.stdout.write(f"{folder}: {words or 'nothing to say'}\n")


def _excerpt(folder: Path, one: Finding) -> str:
    """Return the line of a finding with a caret under its column."""
    path = folder / one.file
    if one.line < 1 or not path.is_file():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if one.line > len(lines):
        return ""
    text = lines[one.line - 1]
    start = max(0, one.column - 60)
    cut = printable(text[start : start + 96])
    return f"    {cut}\n    {' ' * (one.column - 1 - start)}^\n"
