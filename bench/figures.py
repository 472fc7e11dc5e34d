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
    "agreements.decide_us": ("<=", 5.0),
    "agreements.decide_vs_cedar": ("<", 1.0),
    "agreements.decide_vs_casbin": ("<", 1.0),
    "agreements.decide_vs_cel": ("<", 1.0),
    "agreements.load_ms": ("<=", 5.0),
    "agreements.activation_s": ("<=", 1.0),
    "agreements.lint_county_s": ("<", 1.0),
    "agreements.lint_one_s": ("<", 0.5),
    "exchange.bulk_ratio": (">=", 0.6),
    "exchange.bulk_pseudonym_ratio": (">=", 0.3),
    "exchange.small_ratio": (">=", 0.5),
    "exchange.rss_mb": ("<", 400.0),
    "cli.help_cpu_s": ("<", 0.3),
    "disclosure.g1_3k_s": ("<=", 1.0),
    "disclosure.g10_3k_s": ("<=", 30.0),
    "disclosure.g10_3k_gap": ("<=", 0.01),
    "disclosure.audit_3k_s": ("<=", 2.0),
    "disclosure.default_3k_gap": ("<=", 0.01),
    "disclosure.g10_8k_s": ("<=", 30.0),
    "disclosure.g10_8k_gap": ("<=", 0.01),
    "disclosure.audit_8k_s": ("<=", 4.0),
    "disclosure.cube_1m_s": ("<", 2.0),
    "anonymity.k_l_1m_s": ("<=", 0.3),
    "log.exchanges_per_s": (">=", 10_000.0),
    "log.intent_p99_ms": ("<=", 25.0),
    "log.receipt_ms": ("<=", 10.0),
    "log.proof_ms": ("<", 5.0),
    "log.postgres_exchanges_per_s": (">=", 2_000.0),
    "log.verify_1m_s": ("<=", 12.0),
    "log.verify_rss_mb": ("<", 300.0),
    "log.accounting_1m_s": ("<", 1.0),
    "masks.vs_pandas": (">=", 10.0),
    "masks.vs_presidio": (">=", 100.0),
}
"""What the project holds itself to; a figure without a bar is told and not judged."""

QUIET_FLUSH_MS: Final = 0.3
"""A flush of a machine with a core free takes less."""


def median(values: Sequence[float]) -> float:
    """Return the median; of nothing it is zero, which no bar of speed passes."""
    return statistics.median(values) if values else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie, by the nearest rank."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def held(key: str, value: float | None) -> bool | None:
    """Return whether a figure holds its bar; None where it has none, or was not measured."""
    if key not in BARS or value is None:
        return None
    sign, bar = BARS[key]
    return {">=": value >= bar, "<=": value <= bar, "<": value < bar}[sign]


def quiet(found: Mapping[str, float | None]) -> bool:
    """Return whether the log was measured while a core was free and a flush short.

    Where both cores of a machine are held by other work a flush takes twenty times as long, so that
    a figure of a busy machine is told and not judged.
    """
    flush_ms = found.get("log.probe_flush_p50_ms")
    core_free = found.get("log.probe_core_free")
    return flush_ms is not None and flush_ms < QUIET_FLUSH_MS and core_free == 1


def judged(key: str, found: Mapping[str, float | None]) -> str:
    """Return what is said of a figure beside its bar; nothing where it has none."""
    word = held(key, found[key])
    if word is None:
        return ""
    if key.startswith("log.") and not key.endswith("_mb") and not quiet(found):
        return "[yellow]busy, not judged"
    return "[green]held" if word else "[red]missed"


def merge(path: Path, found: Mapping[str, float | None]) -> None:
    """Write figures into the file of the latest run; those of groups that did not run stay.

    What was not run is null: an old figure never stands for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    kept: dict[str, float | None] = json.loads(path.read_text()) if path.exists() else {}
    figures = {
        key: value if value is None else round(value, 4)
        for key, value in (kept | dict(found)).items()
    }
    path.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")


def show(found: Mapping[str, float | None]) -> None:
    """Print a table of figures, each beside its bar."""
    table = Table(title="accord bench", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("bar", justify="right")
    table.add_column("")
    for key, value in sorted(found.items()):
        sign, bar = BARS.get(key, ("", 0.0))
        told = "not run" if value is None else f"{value:,.3f}"
        table.add_row(key, told, f"{sign} {bar:g}" if sign else "", judged(key, found))
    Console().print(table)
