"""The figures of a run: one flat object, a table for people, a file for programs."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

BARS: Final[Mapping[str, tuple[str, float]]] = {
    "exchange.bulk_ratio": (">=", 0.6),
    "exchange.bulk_pseudonym_ratio": (">=", 0.3),
    "exchange.small_ratio": (">=", 0.5),
    "exchange.rss_mb": ("<", 400.0),
    "cli.help_cpu_s": ("<", 0.3),
}
"""What the project holds itself to; a figure without a bar is told and not judged."""


def median(values: Sequence[float]) -> float:
    """Return the median; of nothing it is zero, which no bar of speed passes."""
    return statistics.median(values) if values else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie, by the nearest rank."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def held(key: str, value: float) -> bool | None:
    """Return whether a figure holds its bar; None where it has none."""
    if key not in BARS:
        return None
    sign, bar = BARS[key]
    return value >= bar if sign == ">=" else value < bar


def merge(path: Path, found: Mapping[str, float]) -> None:
    """Write figures into the file of the latest run; those of groups that did not run stay."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    figures = {key: round(value, 4) for key, value in (kept | dict(found)).items()}
    path.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")


def show(found: Mapping[str, float]) -> None:
    """Print a table of figures, each beside its bar."""
    table = Table(title="accord bench", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("bar", justify="right")
    table.add_column("")
    for key, value in sorted(found.items()):
        sign, bar = BARS.get(key, ("", 0.0))
        word = {True: "[green]held", False: "[red]missed", None: ""}[held(key, value)]
        table.add_row(key, f"{value:,.3f}", f"{sign} {bar:g}" if sign else "", word)
    Console().print(table)
