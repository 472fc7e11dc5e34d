"""What every group of verbs shares."""

from __future__ import annotations

import typer


def end(code: int) -> None:
    """End a verb with its exit code."""
    raise typer.Exit(code)
